//! Servers that break off, know no ranges, change their minds, redirect, and serve by TLS.

use std::process::Stdio;

use super::*;
use crate::support::python;

/// A file of three parts.
const LENGTH: usize = 12 << 20;

fn served(body: Vec<u8>) -> Served {
    Served { body, etag: Some("\"v1\"".to_owned()), ranges: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let aws = Aws::start().await;
    let body = gzip(&noise(1, LENGTH));
    let file = served(body.clone());
    let cuts = [Some(3 << 20), Some(1), Some(0), Some(6 << 20)];
    let server = Server::start(move |asked| file.answer(asked).cut(cuts.get(asked.before).copied().flatten())).await;
    let report = landed(&land(&aws, &[&format!("{}/a.json.gz?signature=secret", server.url), TO]).await);
    assert!(aws.get(LANDING, KEY).await == body, "the object is the file");
    let asked = server.asked();
    assert_eq!(asked.len(), 5);
    assert_eq!(asked[0].header("range"), None);
    for (asked, offset) in asked[1..].iter().zip([3 << 20, (3 << 20) + 1, (3 << 20) + 1, (9 << 20) + 1]) {
        assert_eq!(asked.header("range"), Some(format!("bytes={offset}-").as_str()));
        assert_eq!(asked.header("if-range"), Some("\"v1\""));
    }
    assert!(asked.iter().all(|asked| asked.header("accept-encoding") == Some("identity")));
    let read = format!("{} bytes, compression gzip, resumed 4×", body.len());
    assert_eq!(line(&report, "read"), read);
    assert_eq!(line(&report, "is"), format!("{LENGTH} bytes of content"));
    assert_eq!(line(&report, "wrote"), format!("{} bytes, compression gzip, 3 parts", body.len()));
    let head = aws.clients.s3.head_object().bucket(LANDING).key(KEY).send().await.unwrap();
    assert_eq!(line(&report, "etag"), head.e_tag.as_deref().unwrap());
    assert!(!report.contains("secret") && !format!("{:?}", head.metadata).contains("secret"), "{report}");
    let path = aws.folder().join("copy");
    std::fs::write(&path, &body).unwrap();
    let sum = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    assert!(sum.stdout.starts_with(line(&report, "sha256").as_bytes()), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_ranges_sends_all_again_and_what_it_sent_before_must_be_the_same() {
    for (etag, changes) in [(None, false), (None, true), (Some("W/\"weak\""), false)] {
        let aws = Aws::start().await;
        let body = noise(2, LENGTH);
        let mut other = body.clone();
        other[100] ^= 1;
        let etag = etag.map(str::to_owned);
        let first = Served { body: body.clone(), etag: etag.clone(), ranges: false };
        let later = Served { body: if changes { other } else { body.clone() }, etag, ranges: false };
        let server = Server::start(move |asked| match asked.before {
            0 => first.answer(asked).cut(Some(7 << 20)),
            // Broken off before it is as far as the first was.
            1 => later.answer(asked).cut(Some(1 << 20)),
            _ => later.answer(asked),
        })
        .await;
        let output = land(&aws, &[&format!("{}/a", server.url), TO]).await;
        assert!(server.asked().iter().all(|asked| asked.header("range").is_none()));
        if changes {
            assert!(refused(&output).contains("changed while it was read"), "{output:?}");
            assert_nothing(&aws).await;
        } else {
            landed(&output);
            assert!(aws.get(LANDING, KEY).await == body, "the object is the file");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_of_another_version_than_was_begun_is_not_landed() {
    let aws = Aws::start().await;
    let (first, second) =
        (served(noise(3, LENGTH)), Served { etag: Some("\"v2\"".to_owned()), ..served(noise(4, LENGTH)) });
    let server = Server::start(move |asked| match asked.before {
        0 => first.answer(asked).cut(Some(6 << 20)),
        _ => second.answer(asked),
    })
    .await;
    let output = land(&aws, &[&format!("{}/a", server.url), TO]).await;
    assert!(refused(&output).contains("another ETag"), "{output:?}");
    assert_nothing(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_never_comes_whole_is_not_landed() {
    let aws = Aws::start().await;
    let file = served(noise(5, LENGTH));
    let server =
        Server::start(move |asked| file.answer(asked).cut(Some(if asked.before == 0 { 11 << 20 } else { 0 }))).await;
    let output = land(&aws, &["--tries", "2", &format!("{}/a", server.url), TO]).await;
    assert!(refused(&output).contains("after 11534336 bytes"), "{output:?}");
    assert_eq!(server.asked().len(), 3);
    assert_nothing(&aws).await;

    // Its time runs out while the server is asked again and again.
    let busy = Server::start(|_| Answer::status(503)).await;
    let output = land(&aws, &["--tries", "1000", "--max-time", "500ms", &format!("{}/a", busy.url), TO]).await;
    assert!(refused(&output).contains("--max-time"), "{output:?}");
    assert_nothing(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_asked_again() {
    let aws = Aws::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    let connections = tokio::spawn(async move {
        let (_silent, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        tokio::io::AsyncReadExt::read(&mut second, &mut request).await.unwrap();
        let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";
        tokio::io::AsyncWriteExt::write_all(&mut second, reply).await.unwrap();
        tokio::io::AsyncReadExt::read_to_end(&mut second, &mut Vec::new()).await.ok();
    });
    landed(&land(&aws, &["--stall", "1s", &url, TO]).await);
    assert_eq!(aws.get(LANDING, KEY).await, b"abc");
    connections.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_refuses_for_good_is_told_at_once_and_what_passes_is_tried_again() {
    let aws = Aws::start().await;
    for status in [401, 403, 404, 410, 204] {
        let server = Server::start(move |_| Answer::status(status)).await;
        let output = land(&aws, &[&format!("{}/a", server.url), TO]).await;
        assert!(refused(&output).contains(&status.to_string()), "{output:?}");
        assert_eq!(server.asked().len(), 1);
    }
    assert_nothing(&aws).await;
    let file = served(b"line\n".to_vec());
    let server = Server::start(move |asked| match asked.before {
        0 => Answer::status(429).header("retry-after", "1"),
        1 => Answer::status(502),
        _ => file.answer(asked),
    })
    .await;
    landed(&land(&aws, &[&format!("{}/a", server.url), TO]).await);
    assert_eq!(aws.get(LANDING, KEY).await, b"line\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_followed_a_few_times_and_no_secret_goes_elsewhere() {
    let aws = Aws::start().await;
    let file = served(b"far away\n".to_vec());
    let other = Server::start(move |asked| file.answer(asked)).await;
    let to = format!("{}/file", other.url);
    let server = Server::start(move |asked| match asked.target.as_str() {
        "/a" => Answer::status(302).header("location", "b/c"),
        "/b/c" => Answer::status(307).header("location", "/d?e"),
        "/d?e" => Answer::status(308).header("location", to.clone()),
        _ => Answer::status(301).header("location", asked.target.clone()),
    })
    .await;
    let authorized = |path: &str| {
        let mut command = command(&aws, &[&format!("{}{path}", server.url), TO]);
        command.env("TIDEGATE_LAND_AUTHORIZATION", "Bearer secret").spawn().unwrap()
    };
    landed(&ended(authorized("/a")).await);
    assert_eq!(aws.get(LANDING, KEY).await, b"far away\n");
    assert_eq!(server.asked().len(), 3);
    assert!(server.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer secret")));
    assert_eq!(other.asked()[0].header("authorization"), None);

    aws.delete(KEY).await;
    let output = ended(authorized("/loop")).await;
    assert!(refused(&output).contains("redirects more than 10 times"), "{output:?}");
    assert_nothing(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_landed_once_for_each_version_of_its_source() {
    let aws = Aws::start().await;
    let version = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(1));
    let now = version.clone();
    let server = Server::start(move |asked| {
        let version = now.load(std::sync::atomic::Ordering::SeqCst);
        let body = gzip(format!("version {version}\n").as_bytes());
        Served { body, etag: Some(format!("\"v{version}\"")), ranges: true }.answer(asked)
    })
    .await;
    let url = format!("{}/a.gz", server.url);
    let run = async |more: &[&str]| {
        let output = land(&aws, &[&["--if-changed", &url, TO], more].concat()).await;
        let modified = aws.clients.s3.head_object().bucket(LANDING).key(KEY).send().await.unwrap().e_tag;
        (landed(&output).contains("unchanged"), modified)
    };
    let first = run(&[]).await;
    assert!(!first.0);
    assert_eq!(run(&[]).await, (true, first.1.clone()));
    // In another form it is another object.
    assert!(!run(&["--compress", "none"]).await.0);
    assert_eq!(aws.get(LANDING, KEY).await, b"version 1\n");
    version.store(2, std::sync::atomic::Ordering::SeqCst);
    assert!(!run(&["--compress", "none"]).await.0);
    assert_eq!(aws.get(LANDING, KEY).await, b"version 2\n");
    assert!(run(&["--compress", "none"]).await.0);

    let nameless = Server::start(|_| Answer { status: 200, ..Answer::default() }).await;
    let output = land(&aws, &["--if-changed", &nameless.url, TO]).await;
    assert!(refused(&output).contains("nothing tells whether the source changed"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_by_tls_is_asked_only_if_its_certificate_holds() {
    let Some(python) = python::interpreter() else { return };
    let aws = Aws::start().await;
    let folder = aws.folder().to_str().unwrap();
    assert!(python::run("daemon/land.py", &["certificates", folder], LIMIT).unwrap().status.success());
    let body = noise(6, 1 << 20);
    std::fs::write(aws.folder().join("file"), &body).unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/land.py");
    let mut server = Command::new(python);
    server
        .arg(script)
        .args(["serve", folder, folder])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut server = server.kill_on_drop(true).spawn().unwrap();
    let mut port = String::new();
    let mut says = tokio::io::BufReader::new(server.stdout.take().unwrap());
    tokio::io::AsyncBufReadExt::read_line(&mut says, &mut port).await.unwrap();
    let port = port.trim();

    let trusting = |url: &str| {
        let mut command = command(&aws, &["--tries", "0", url, TO]);
        command.env("SSL_CERT_FILE", aws.folder().join("ca.pem"));
        command
    };
    // By another name than the certificate's, and by another authority than is trusted.
    let by_address = ended(trusting(&format!("https://127.0.0.1:{port}/file")).spawn().unwrap()).await;
    assert!(refused(&by_address).contains("certificate"), "{by_address:?}");
    let url = format!("https://localhost:{port}/file");
    let mut untrusting = trusting(&url);
    untrusting.env("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    let untrusted = ended(untrusting.spawn().unwrap()).await;
    assert!(refused(&untrusted).contains("ertificate"), "{untrusted:?}");
    assert_nothing(&aws).await;
    landed(&ended(trusting(&url).spawn().unwrap()).await);
    assert!(aws.get(LANDING, KEY).await == body, "the object is the file");
}
