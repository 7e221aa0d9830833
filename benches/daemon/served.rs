//! The stores over HTTP/1.1 on loopback, for daemons in processes of their own: what the AWS SDK sends, and no more of the protocol.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::stores::{Asked, Stores};

/// Answers on a port of loopback until the process ends; gives the address.
pub async fn serve(stores: Stores) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stores = Arc::new(stores);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let stores = stores.clone();
            tokio::spawn(async move {
                // A daemon that ends closes its connections in the middle of anything.
                connection(&stores, stream).await.ok();
            });
        }
    });
    address
}

async fn connection(stores: &Stores, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        let (mut length, mut target) = (0, None);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("content-length", value) => length = value.parse().unwrap(),
                ("x-amz-target", value) => target = Some(value.to_owned()),
                ("expect", _) => stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?,
                ("transfer-encoding", _) => panic!("bodies are in memory, and their lengths known"),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let asked = Asked { method, path, target: target.as_deref(), body: &body };
        let (status, etag, body) = stores.answer(&asked).await;
        answer(stream.get_mut(), status, etag, body).await?;
    }
}

async fn answer(stream: &mut TcpStream, status: u16, etag: Option<String>, body: Bytes) -> std::io::Result<()> {
    let etag = etag.map_or_else(String::new, |etag| format!("etag: {etag}\r\n"));
    let head = format!("HTTP/1.1 {status} OK\r\n{etag}content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await
}
