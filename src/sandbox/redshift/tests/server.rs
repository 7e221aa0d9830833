//! A native PostgreSQL as the engine: what needs more than one connection, and a statement that can be interrupted.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::support::House;

/// A server of Debian's PostgreSQL on a free port; it refuses to run as root, so that root runs it as `nobody`.
struct Server {
    process: Child,
    url: String,
    _folder: TempDir,
}

impl Server {
    /// None where no PostgreSQL is installed.
    fn start() -> Option<Server> {
        let initdb = program("initdb")?;
        let folder = tempfile::Builder::new().prefix("tidegate-postgres").tempdir_in("/tmp").unwrap();
        let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if root {
            std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).unwrap();
        }
        let command = |program: &Path| {
            let mut command = Command::new(program);
            if root {
                std::os::unix::process::CommandExt::uid(&mut command, 65534);
                std::os::unix::process::CommandExt::gid(&mut command, 65534);
            }
            command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let data = folder.path().join("data");
        let made = command(&initdb)
            .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .status();
        assert!(made.unwrap().success(), "initdb failed");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = command(&program("postgres")?)
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"])
            .spawn()
            .unwrap();
        let patience = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < patience, "postgres did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_millis(200));
        Some(Server { process, url: format!("postgresql://postgres@127.0.0.1:{port}/postgres"), _folder: folder })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_server_loads_run_side_by_side_and_a_lock_puts_them_in_line() {
    let Some(server) = Server::start() else {
        eprintln!("skipped: no initdb on the PATH");
        return;
    };
    let house = House::on(tempfile::tempdir().unwrap(), Some(server.url.clone())).await;
    house.rows("CREATE TABLE t (a INT)").await;
    let started = Instant::now();
    let sleep = || house.run("SELECT pg_sleep(1)");
    tokio::join!(sleep(), sleep());
    assert!(started.elapsed() < Duration::from_millis(1900), "one after the other: {:?}", started.elapsed());

    // Each reads the count under the lock and adds a row; without the lock both would read 0.
    let load = [
        "LOCK t",
        "CREATE TEMP TABLE seen AS SELECT COUNT(*)::int AS n FROM t",
        "SELECT pg_sleep(0.2)",
        "INSERT INTO t SELECT n FROM seen",
    ];
    let (one, other) = tokio::join!(house.batch(&load), house.batch(&load));
    assert_eq!((&one["Status"], &other["Status"]), (&json!("FINISHED"), &json!("FINISHED")), "{one} {other}");
    assert_eq!(house.rows("SELECT a FROM t ORDER BY a").await, ["0", "1"]);

    let body = |sqls: &[&str]| json!({ "Sqls": sqls, "Database": "dev", "WorkgroupName": "w" });
    let (_, slow) =
        house.call("BatchExecuteStatement", body(&["INSERT INTO t VALUES (7)", "SELECT pg_sleep(60)"])).await;
    while house.call("DescribeStatement", json!({ "Id": slow["Id"] })).await.1["SubStatements"][1]["Status"]
        != "STARTED"
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.call("CancelStatement", json!({ "Id": slow["Id"] })).await.0, 200);
    let (_, ended) = house.call("DescribeStatement", json!({ "Id": slow["Id"], "WaitTimeSeconds": 30 })).await;
    assert_eq!(ended["Status"], "ABORTED", "{ended}");
    assert_eq!(house.rows("SELECT COUNT(*) FROM t").await, ["2"]);

    let late = house.batch(&["SET statement_timeout TO 100", "SELECT pg_sleep(60)"]).await;
    assert_eq!(late["SubStatements"][1]["Error"], "ERROR: canceling statement due to statement timeout");
    assert_eq!(house.rows("SHOW statement_timeout").await, ["0"]);
    assert_eq!(house.rows("SELECT CAN_JSON_PARSE('{'), CAN_JSON_PARSE('{}')").await, ["false|true"]);
    house.redshift.close().await.unwrap();
}
