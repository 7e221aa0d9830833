//! A native PostgreSQL on a free port. The sandbox's own tests include this file too, so it stands by itself.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The user that runs the server where the tests run as root, which it refuses: `nobody`.
const NOBODY: u32 = 65_534;

/// The longest that it may take to start.
const LIMIT: Duration = Duration::from_secs(60);

/// A server that ends, with its folder, when it is dropped.
pub struct Server {
    process: Child,
    /// Where it is.
    pub url: String,
    folder: TempDir,
}

impl Server {
    /// Starts a server; `None`, with a visible line, where no PostgreSQL is installed. CI must have it.
    pub fn start() -> Option<Server> {
        let (Some(initdb), Some(postgres)) = (program("initdb"), program("postgres")) else {
            assert!(
                std::env::var_os("CI").is_none_or(|value| value.is_empty()),
                "PostgreSQL is not installed, and CI needs it"
            );
            let line = "\nSKIPPED: no initdb and postgres (Debian: apt-get install postgresql)\n";
            std::io::stderr().write_all(line.as_bytes()).ok();
            return None;
        };
        let folder = tempfile::Builder::new().prefix("tidegate-postgres").tempdir_in("/tmp").expect("a folder");
        let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if root {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let log = File::create(folder.path().join("log")).expect("a file");
        let command = |program: &Path| {
            let mut command = Command::new(program);
            if root {
                std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
                std::os::unix::process::CommandExt::gid(&mut command, NOBODY);
            }
            command.current_dir(folder.path()).stdin(Stdio::null()).stdout(log.try_clone().expect("a file"));
            command.stderr(log.try_clone().expect("a file"));
            command
        };
        let data = folder.path().join("data");
        let made = command(&initdb)
            .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .status();
        assert!(made.expect("initdb runs").success(), "initdb failed: {}", log_of(&folder));
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let process = command(&postgres)
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"])
            .spawn()
            .expect("postgres runs");
        let url = format!("postgresql://postgres@127.0.0.1:{port}/postgres");
        let mut server = Server { process, url, folder };
        let end = Instant::now() + LIMIT;
        while !server.is_ready() {
            assert!(
                server.process.try_wait().expect("it is a child").is_none(),
                "postgres ended: {}",
                log_of(&server.folder)
            );
            assert!(Instant::now() < end, "postgres did not start: {}", log_of(&server.folder));
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }
}

impl Server {
    /// Whether it takes connections: it says so in the last line of its lock file, by which `pg_ctl` knows it too.
    fn is_ready(&self) -> bool {
        let lock = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid"));
        lock.is_ok_and(|text| text.lines().nth(7).is_some_and(|status| status.trim() == "ready"))
    }
}

impl Drop for Server {
    /// Ends it at once, but by its own hand: a server that is killed leaves its shared memory behind.
    fn drop(&mut self) {
        let quit = format!("kill -QUIT {}", self.process.id());
        Command::new("sh").args(["-c", &quit]).status().ok();
        let end = Instant::now() + Duration::from_secs(10);
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > end {
                self.process.kill().ok();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What its programs wrote.
fn log_of(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("log")).unwrap_or_default()
}

/// On the PATH, or where Debian keeps the server's programs.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let debian = debian.map(|version| version.path().join("bin"));
    std::env::split_paths(&path).chain(debian).map(|folder| folder.join(name)).find(|path| path.is_file())
}
