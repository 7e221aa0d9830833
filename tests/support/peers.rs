//! Servers of AWS's protocols that nobody here wrote, each a process on a free port.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::python;

/// A running peer, which ends when it is dropped.
pub struct Peer {
    process: Child,
    /// Its endpoint, for S3 and SQS.
    pub endpoint: String,
}

impl Peer {
    /// ministack; `None`, with a visible line, where there is no Python.
    pub fn ministack() -> Option<Peer> {
        let port = free_port();
        let mut command = Command::new(python::interpreter()?);
        command.args(["-c", "from ministack.app import main; main()"]);
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        Some(Peer::start(command, port))
    }

    /// moto's server; `None`, with a visible line, where there is no Python.
    pub fn moto() -> Option<Peer> {
        let port = free_port();
        let mut command = Command::new(python::interpreter()?);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        Some(Peer::start(command, port))
    }

    fn start(mut command: Command, port: u16) -> Peer {
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let peer = Peer { process, endpoint: format!("http://127.0.0.1:{port}") };
        let patience = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < patience, "the peer did not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
