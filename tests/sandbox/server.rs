//! The front door: one port, kept connections, one sandbox a folder.

use std::path::Path;
use std::time::Duration;

use tidegate::error::ErrorKind;
use tidegate::sandbox::{NotificationShape, Options, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(10);

fn options(data: &Path) -> Options {
    let listen = ([127, 0, 0, 1], 0).into();
    Options {
        listen,
        data: data.to_owned(),
        postgres_url: None,
        notifications: NotificationShape::S3,
        copy_endpoint: None,
    }
}

async fn connect(sandbox: &Sandbox) -> TcpStream {
    let endpoint = sandbox.endpoint();
    TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Sends a request and reads the reply up to the end of its body.
async fn ask(stream: &mut TcpStream, head: &str, end: &str) -> String {
    stream.write_all(format!("{head}\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !String::from_utf8_lossy(&reply).ends_with(end) {
        let read = timeout(LIMIT, stream.read_buf(&mut reply)).await.unwrap().unwrap();
        assert_ne!(read, 0, "closed after {}", String::from_utf8_lossy(&reply));
    }
    String::from_utf8(reply).unwrap()
}

#[tokio::test]
async fn a_kept_connection_serves_the_health_check_and_s3_by_turns() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(options(data.path())).await.unwrap();
    let mut stream = connect(&sandbox).await;
    for _ in 0..2 {
        let health = ask(&mut stream, "GET /_tidegate/health HTTP/1.1", "}").await;
        assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
        assert!(health.contains("application/json") && health.contains(r#""status":"ok""#), "{health}");
        let absent = ask(&mut stream, "GET /no-such-bucket HTTP/1.1", "</Error>").await;
        assert!(absent.starts_with("HTTP/1.1 404 Not Found\r\n"), "{absent}");
        assert!(absent.contains("<Code>NoSuchBucket</Code>"), "{absent}");
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_service_is_refused_as_aws_does() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(options(data.path())).await.unwrap();
    let mut stream = connect(&sandbox).await;
    let head = "POST / HTTP/1.1\r\nx-amz-target: Kinesis_20131202.PutRecord\r\ncontent-length: 0";
    let reply = ask(&mut stream, head, "}").await;
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    assert!(reply.contains("x-amzn-errortype: UnknownOperationException"), "{reply}");
    assert!(reply.contains("Kinesis_20131202.PutRecord"), "{reply}");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_stop() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(options(data.path())).await.unwrap();
    let mut idle = connect(&sandbox).await;
    ask(&mut idle, "GET /_tidegate/health HTTP/1.1", "}").await;
    let mut half = connect(&sandbox).await;
    half.write_all(b"PUT /bucket/key HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
    timeout(LIMIT, sandbox.stop()).await.unwrap().unwrap();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "the connection is closed");
}

#[tokio::test]
async fn a_folder_belongs_to_one_sandbox_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let first = Sandbox::start(options(data.path())).await.unwrap();
    let error = Sandbox::start(options(data.path())).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("choose another --data"), "{error}");
    first.stop().await.unwrap();
    Sandbox::start(options(data.path())).await.unwrap().stop().await.unwrap();
}
