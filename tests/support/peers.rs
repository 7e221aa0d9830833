//! Servers of AWS's protocols that nobody here wrote, each a process on a free port.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{LIMIT, python};

/// A running peer, which is killed when it is dropped.
pub struct Peer {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Peer {
    /// ministack; `None`, with a visible line, where there is no Python.
    pub fn ministack() -> Option<Peer> {
        let python = python::interpreter()?;
        Some(Peer::start(&python, |command, port| {
            command.args(["-m", "ministack"]);
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port).env("SERVICES", "s3,sqs");
            // It would listen for MQTT too, at a fixed port of all interfaces.
            command.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
        }))
    }

    /// moto's server; `None`, with a visible line, where there is no Python.
    pub fn moto() -> Option<Peer> {
        let python = python::interpreter()?;
        Some(Peer::start(&python, |command, port| {
            command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", port]);
        }))
    }

    /// Its endpoint, for S3 and SQS.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn start(python: &Path, arguments: impl FnOnce(&mut Command, &str)) -> Peer {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(python);
        // Its own files, if it has any, go with the folder; what the environment says of AWS is not for it.
        command.current_dir(folder.path()).env("TMPDIR", folder.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        arguments(&mut command, &port.to_string());
        let log = File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut peer = Peer { process: command.spawn().unwrap(), port, folder };
        let end = Instant::now() + LIMIT;
        while !peer.answers() {
            assert!(peer.process.try_wait().unwrap().is_none(), "the peer ended:\n{}", peer.log());
            assert!(Instant::now() < end, "the peer did not start:\n{}", peer.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        peer
    }

    /// Whether it answers a request, whatever it says.
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<[u8; 5]> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(LIMIT))?;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
            let mut start = [0; 5];
            stream.read_exact(&mut start)?;
            Ok(start)
        };
        ask().is_ok_and(|start| &start == b"HTTP/")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            println!("--- the end of the peer's log ---\n{}", lines[lines.len().saturating_sub(100)..].join("\n"));
        }
    }
}
