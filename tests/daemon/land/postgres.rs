//! A query's rows: read by COPY, in a transaction that cannot write, by TLS where that is asked for.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tokio_postgres::NoTls;

use super::*;
use crate::support::postgres::Server as Postgres;
use crate::support::python;

/// A client of the tests themselves.
async fn client(server: &Postgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Lets the server's user, who owns its folder, read a folder's files, private keys included, and nobody else.
fn let_read(data: &Path, folder: &Path) {
    let owner = std::fs::metadata(data).unwrap().uid();
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in paths.chain([folder.to_owned()]) {
        let mode = if path.is_dir() { 0o755 } else { 0o600 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
    }
}

fn query(aws: &Aws, server: &Postgres, sql: &str) -> Command {
    let mut command = command(aws, &["--postgres-query", sql, TO]);
    command.env("TIDEGATE_POSTGRES_URL", &server.url);
    command
}

async fn run(mut command: Command) -> Output {
    ended(command.spawn().unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_querys_rows_are_landed_as_csv_whole_or_not_at_all() {
    let Some(server) = Postgres::start() else { return };
    let aws = Aws::start().await;
    let client = client(&server).await;
    client
        .batch_execute(
            "ALTER DATABASE postgres SET DateStyle = 'German'; CREATE TABLE t (n INT, s TEXT, d DATE);
             INSERT INTO t VALUES (1, 'a, \"b\"', '2026-11-21'), (2, NULL, NULL), (3, '', '2026-01-02'), (4, E'two\nlines', NULL)",
        )
        .await
        .unwrap();
    let all = "SELECT n, s AS \"Text\", d FROM t ORDER BY n -- all of them;";
    let report = landed(&run(query(&aws, &server, all)).await);
    let csv = b"n,Text,d\n1,\"a, \"\"b\"\"\",2026-11-21\n2,,\n3,\"\",2026-01-02\n4,\"two\nlines\",\n";
    assert_eq!(aws.get(LANDING, KEY).await, csv);
    assert_eq!(line(&report, "is"), format!("{} bytes of content", csv.len()));
    assert!(line(&report, "from").starts_with("postgres://127.0.0.1:"), "{report}");
    let mut delimited = query(&aws, &server, "SELECT 1 AS a, 'x,y' AS b");
    landed(
        &run({
            delimited.args(["--delimiter", "|", "--compress", "gzip", "--overwrite"]);
            delimited
        })
        .await,
    );
    assert_eq!(crate::support::sandbox::gunzip(&aws.get(LANDING, KEY).await), "a|b\n1|x,y\n");
    aws.delete(KEY).await;

    for (sql, says) in [
        ("SELECT nothing FROM t", "nothing"),
        ("SELECT 1; DROP TABLE t", "syntax error"),
        ("SELECT 1) TO STDOUT; DROP TABLE t; COPY (SELECT 1", "multiple commands"),
        ("DELETE FROM t RETURNING n", "read-only transaction"),
        // Broken off behind several parts.
        ("SELECT n, repeat('x', 1000), 1 / (30000 - n) FROM generate_series(1, 40000) n", "division by zero"),
    ] {
        let output = run(query(&aws, &server, sql)).await;
        assert!(refused(&output).contains(says), "{sql}: {output:?}");
    }
    assert_nothing(&aws).await;
    assert_eq!(client.query_one("SELECT COUNT(*) FROM t", &[]).await.unwrap().get::<_, i64>(0), 4);

    // The server ends the session while its rows are read.
    let child = query(
        &aws,
        &server,
        "SELECT n, repeat(md5(n::text), 100), pg_sleep(0.0001) FROM generate_series(1, 10000000) n",
    )
    .spawn();
    let killed = async || {
        let kill = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'tidegate land' AND state = 'active'";
        client.query_one(kill, &[]).await.unwrap().get::<_, i64>(0) == 1
    };
    eventually(LIMIT, "an upload is under way", async || {
        let uploads = aws.clients.s3.list_multipart_uploads().bucket(LANDING).send().await.unwrap();
        uploads.uploads.is_some_and(|uploads| uploads.len() == 1)
    })
    .await;
    assert!(killed().await);
    let output = ended(child.unwrap()).await;
    assert!(refused(&output).contains("terminating connection"), "{output:?}");
    assert_nothing(&aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_by_tls_is_verified_and_a_password_comes_from_a_file() {
    let Some(server) = Postgres::start() else { return };
    let aws = Aws::start().await;
    let folder = tempfile::Builder::new().prefix("tidegate-certificates").tempdir_in("/tmp").unwrap();
    let path = folder.path().to_str().unwrap();
    let Some(made) = python::run("daemon/land.py", &["certificates", path], LIMIT) else { return };
    assert!(made.status.success(), "{made:?}");
    let admin = client(&server).await;
    let data = admin.query_one("SHOW data_directory", &[]).await.unwrap().get::<_, String>(0);
    let_read(Path::new(&data), folder.path());
    admin.execute("CREATE ROLE reader LOGIN PASSWORD 'right'", &[]).await.unwrap();
    for (name, value) in [
        ("ssl_cert_file", format!("{path}/server.pem")),
        ("ssl_key_file", format!("{path}/server.key")),
        ("ssl", "on".to_owned()),
    ] {
        admin.batch_execute(&format!("ALTER SYSTEM SET {name} = '{value}'")).await.unwrap();
    }
    let logins = "hostssl all reader 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n";
    std::fs::write(Path::new(&data).join("pg_hba.conf"), logins).unwrap();
    admin.execute("SELECT pg_reload_conf()", &[]).await.unwrap();
    eventually(LIMIT, "TLS is on", async || {
        client(&server).await.query_one("SHOW ssl", &[]).await.unwrap().get::<_, String>(0) == "on"
    })
    .await;

    let port = server.url.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    let passwords = folder.path().join("passwords");
    std::fs::write(&passwords, format!("localhost:{port}:postgres:reader:right\n127.0.0.1:*:*:*:right\n")).unwrap();
    std::fs::set_permissions(&passwords, std::fs::Permissions::from_mode(0o600)).unwrap();
    let asked = |host: &str, more: &[(&str, &str)]| {
        let mut command = command(
            &aws,
            &["--postgres-query", "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", TO],
        );
        command.env("PGHOST", host).env("PGPORT", port).env("PGUSER", "reader").env("PGDATABASE", "postgres");
        command.env("PGPASSFILE", &passwords).env("PGSSLROOTCERT", format!("{path}/ca.pem"));
        command.envs(more.iter().copied());
        run(command)
    };
    // In the clear the server has no such login; the certificate is of another name; of an authority that is not trusted; another password.
    assert!(refused(&asked("localhost", &[("PGSSLMODE", "disable")]).await).contains("no encryption"));
    assert!(refused(&asked("127.0.0.1", &[("PGSSLMODE", "require")]).await).contains("ertificate"));
    let untrusted = [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/etc/ssl/certs/ca-certificates.crt")];
    assert!(refused(&asked("localhost", &untrusted).await).contains("ertificate"));
    let wrong = asked("localhost", &[("PGSSLMODE", "verify-full"), ("PGPASSWORD", "wrong")]).await;
    assert!(refused(&wrong).contains("password authentication failed"), "{wrong:?}");
    assert_nothing(&aws).await;
    landed(&asked("localhost", &[("PGSSLMODE", "verify-full")]).await);
    assert_eq!(aws.get(LANDING, KEY).await, b"ssl,version\nt,TLSv1.3\n");
}
