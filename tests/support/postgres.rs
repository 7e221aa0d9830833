//! A native PostgreSQL on a free port. The sandbox's own tests include this file too, so it stands by itself.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The user that runs the server where the tests run as root, which it refuses: `nobody`.
const NOBODY: u32 = 65_534;

/// A server that ends, with its folder, when it is dropped.
pub struct Server {
    process: Child,
    /// Where it is.
    pub url: String,
    _folder: TempDir,
}

impl Server {
    /// Starts a server; `None`, with a visible line, where no PostgreSQL is installed. CI must have it.
    pub fn start() -> Option<Server> {
        let (Some(initdb), Some(postgres)) = (program("initdb"), program("postgres")) else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed, and CI needs it");
            let line = "\nSKIPPED: no initdb and postgres (Debian: apt-get install postgresql)\n";
            std::io::stderr().write_all(line.as_bytes()).ok();
            return None;
        };
        let folder = tempfile::Builder::new().prefix("tidegate-postgres").tempdir_in("/tmp").expect("a folder");
        let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if root {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let command = |program: &Path| {
            let mut command = Command::new(program);
            if root {
                std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
                std::os::unix::process::CommandExt::gid(&mut command, NOBODY);
            }
            command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let data = folder.path().join("data");
        let made = command(&initdb)
            .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .status();
        assert!(made.expect("initdb runs").success(), "initdb failed");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let process = command(&postgres)
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"])
            .spawn()
            .expect("postgres runs");
        let patience = Instant::now() + Duration::from_secs(60);
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
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}

/// On the PATH, or where Debian keeps the server's programs.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let debian = debian.map(|version| version.path().join("bin"));
    std::env::split_paths(&path).chain(debian).map(|folder| folder.join(name)).find(|path| path.is_file())
}
