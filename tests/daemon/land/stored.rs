//! What is stored: recompressed or not, whole or not at all, and never in the place of another by accident.

use std::path::Path;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::support::fault_proxy::{Fault, FaultProxy, Plan};
use crate::support::peers::Peer;
use crate::support::python;
use crate::support::sandbox::Setup;

fn write(aws: &Aws, name: &str, body: &[u8]) -> String {
    let path = aws.folder().join(name);
    std::fs::write(&path, body).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What Python says that a file's content is.
fn content(path: &Path, codec: &str) -> Option<String> {
    let decoded = python::run("daemon/land.py", &["decoded", codec, path.to_str().unwrap()], LIMIT)?;
    assert!(decoded.status.success(), "{decoded:?}");
    Some(decoded.stdout.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recompressed_on_the_way_has_the_same_content_to_other_programs() {
    let aws = Aws::start().await;
    let text: Vec<u8> = (0..400_000_u64)
        .flat_map(|n| format!("{{\"id\": {n}, \"note\": \"{}\"}}\n", n * 7919 % 1000).into_bytes())
        .collect();
    let plain = write(&aws, "plain", &text);
    let Some(expected) = content(Path::new(&plain), "none") else { return };
    let (first, second) = text.split_at(text.len() / 3);
    let zstd = zstd::encode_all(text.as_slice(), 1).unwrap();
    let sources = [
        ("plain.json", text.clone()),
        ("members.json.gz", [gzip(first), gzip(second)].concat()),
        ("wrongly-named.gz", zstd),
    ];
    for (name, body) in &sources {
        let source = write(&aws, name, body);
        for compress in ["none", "gzip", "zstd"] {
            let key = format!("{name}/{compress}");
            let report = landed(&land(&aws, &["--compress", compress, &source, &format!("s3://landing/{key}")]).await);
            let object = aws.get(LANDING, &key).await;
            let path = write(&aws, "object", &object);
            assert_eq!(content(Path::new(&path), compress), Some(expected.clone()), "{key}: {report}");
            assert!(
                line(&report, "wrote").starts_with(&format!("{} bytes, compression {compress}", object.len())),
                "{report}"
            );
            assert_eq!(line(&report, "is"), format!("{} bytes of content", text.len()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_truncated_or_damaged_is_not_landed_and_what_was_there_stays() {
    let aws = Aws::start().await;
    let whole = gzip(&noise(7, 12 << 20));
    let mut flipped = whole.clone();
    let place = flipped.len() - 100_000;
    flipped[place] ^= 1;
    let trailing = [whole.as_slice(), b"more"].concat();
    aws.put("there", b"as it was".to_vec()).await;
    for (name, body) in [("truncated", &whole[..whole.len() - 5]), ("damaged", &flipped), ("followed", &trailing)] {
        let source = write(&aws, name, body);
        for compress in ["keep", "none", "zstd"] {
            let output = land(&aws, &["--compress", compress, &source, TO]).await;
            assert!(refused(&output).contains("the gzip stream is"), "{name}, {compress}: {output:?}");
            let output = land(&aws, &["--overwrite", "--compress", compress, &source, "s3://landing/there"]).await;
            refused(&output);
        }
    }
    assert_eq!(aws.keys(LANDING, "").await, ["there"]);
    assert_eq!(aws.get(LANDING, "there").await, b"as it was");
    assert_no_upload(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_there_is_replaced_only_if_that_is_asked_for() {
    let aws = Aws::start().await;
    let source = write(&aws, "new", b"new\n");
    landed(&land(&aws, &[&source, TO]).await);
    std::fs::write(&source, b"newer\n").unwrap();
    assert!(refused(&land(&aws, &[&source, TO]).await).contains("is there already"));
    assert_eq!(aws.get(LANDING, KEY).await, b"new\n");
    landed(&land(&aws, &["--overwrite", &source, TO]).await);
    assert_eq!(aws.get(LANDING, KEY).await, b"newer\n");
    assert!(landed(&land(&aws, &["--if-changed", &source, TO]).await).contains("unchanged"));

    // Another's object that comes while ours is on its way: in one put, and in parts.
    for (key, length) in [("small", 1 << 20), ("large", 12 << 20)] {
        let mut child = command(&aws, &["-", &format!("s3://landing/{key}")]).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&noise(8, length)).await.unwrap();
        // It has looked, as it reads.
        aws.put(key, b"another's".to_vec()).await;
        drop(pipe);
        assert!(refused(&ended(child).await).contains("is there already"), "{key}");
        assert_eq!(aws.get(LANDING, key).await, b"another's");
    }
    assert_no_upload(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_landing_leaves_nothing() {
    for signal in ["TERM", "INT"] {
        let aws = Aws::start().await;
        let mut child = command(&aws, &["-", TO]).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&noise(9, 12 << 20)).await.unwrap();
        eventually(LIMIT, "an upload is under way", async || {
            let uploads = aws.clients.s3.list_multipart_uploads().bucket(LANDING).send().await.unwrap();
            uploads.uploads.is_some_and(|uploads| uploads.len() == 1)
        })
        .await;
        let sent = format!("kill -{signal} {}", child.id().unwrap());
        assert!(std::process::Command::new("sh").args(["-c", &sent]).status().unwrap().success());
        let output = ended(child).await;
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(refused(&output).contains("nothing was landed"));
        assert_nothing(&aws).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_does_not_grow_with_the_source() {
    let aws = Aws::start().await;
    let mut child = command(&aws, &["--compress", "zstd", "-", TO]).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let mut peaks = Vec::new();
    for part in 0..4 {
        for piece in 0..64 {
            pipe.write_all(&noise(part * 64 + piece, 1 << 20)).await.unwrap();
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peaks.push(peak.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() >> 10);
    }
    drop(pipe);
    landed(&ended(child).await);
    // 256 MiB went through; what is held was held after the first 64.
    assert!(peaks[3] < peaks[0] + 32, "MiB after each 64 MiB: {peaks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_source_is_an_empty_object_and_what_cannot_be_meant_is_refused() {
    let aws = Aws::start().await;
    let empty = write(&aws, "empty.gz", b"");
    landed(&land(&aws, &[&empty, TO]).await);
    assert_eq!(aws.get(LANDING, KEY).await, b"");
    aws.delete(KEY).await;
    let folder = aws.folder().to_str().unwrap();
    for (arguments, says) in [
        (vec![empty.as_str(), "s3://landing/"], "names no object"),
        (vec![empty.as_str(), "s3://landing/folder/"], "names no object"),
        (vec![empty.as_str(), "landing/key"], "no place in S3"),
        (vec!["https://me:secret@localhost/a", TO], "TIDEGATE_LAND_AUTHORIZATION"),
        (vec![folder, TO], "is a folder"),
        (vec!["/nowhere", TO], "/nowhere"),
        (vec!["--max-time", "0s", empty.as_str(), TO], "whole number"),
        (vec!["--postgres-query", "SELECT 1", empty.as_str(), TO], "cannot be used"),
        (vec!["--postgres-query", "SELECT 1", TO], "no PostgreSQL server is said"),
        (vec![TO], "required"),
        (vec!["--if-changed", "-", TO], "nothing tells whether the source changed"),
        (vec![empty.as_str(), "s3://nowhere/key"], "s3://nowhere/key"),
    ] {
        let said = refused(&land(&aws, &arguments).await);
        assert!(said.contains(says) && !said.contains("secret"), "{says}: {said}");
    }
    assert_nothing(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_landing_whose_replies_are_lost_is_done_once_and_one_that_s3_refuses_leaves_nothing() {
    // The put; the second part; the completion: each was done, and answered to nobody.
    let lost = [("S3 PUT", 0, 1 << 10), ("S3 PUT", 1, 12 << 20), ("S3 POST", 1, 12 << 20)];
    for (kind, call, length) in lost {
        let aws = Aws::start().await;
        let plan = Plan::Scripted(vec![(kind, call..call + 1, Fault::LostReply)]);
        let proxy = FaultProxy::start(&aws.endpoints.s3, plan).await;
        let body = noise(11, length);
        let source = write(&aws, "source", &body);
        let mut command = command(&aws, &[&source, TO]);
        landed(&ended(command.env("AWS_ENDPOINT_URL_S3", proxy.endpoint()).spawn().unwrap()).await);
        assert_eq!(proxy.injected().len(), 1, "{kind} {call}");
        assert!(aws.get(LANDING, KEY).await == body, "{kind} {call}");
        assert_no_upload(&aws).await;
    }
    for (kind, calls) in [("S3 PUT", 1..100), ("S3 POST", 1..100)] {
        let aws = Aws::start().await;
        let proxy = FaultProxy::start(&aws.endpoints.s3, Plan::Scripted(vec![(kind, calls, Fault::Status(500))])).await;
        let source = write(&aws, "source", &noise(12, 12 << 20));
        let mut command = command(&aws, &[&source, TO]);
        refused(&ended(command.env("AWS_ENDPOINT_URL_S3", proxy.endpoint()).spawn().unwrap()).await);
        assert_nothing(&aws).await;
    }
}

/// moto keeps what a request says of encryption; the sandbox has none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_encrypted_as_is_said_in_one_put_and_in_parts() {
    let Some(moto) = Peer::moto() else { return };
    let aws = Aws::with(Setup { s3: Some(moto.endpoint()), announce: false, ..Setup::default() }).await;
    let key = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000";
    for (name, length) in [("small", 1 << 10), ("large", 12 << 20)] {
        let source = write(&aws, name, &noise(10, length));
        landed(&land(&aws, &["--kms-key", key, &source, &format!("s3://landing/{name}")]).await);
        let head = aws.clients.s3.head_object().bucket(LANDING).key(name).send().await.unwrap();
        assert_eq!(head.server_side_encryption.unwrap().as_str(), "aws:kms", "{name}");
        assert_eq!(head.ssekms_key_id.as_deref(), Some(key), "{name}");
        assert!(aws.get(LANDING, name).await == noise(10, length), "{name}");
    }
}
