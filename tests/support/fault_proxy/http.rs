//! As much of HTTP/1.1 as a proxy needs: heads, and where bodies end.

use std::io::{Error, ErrorKind, Result};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request or an answer, whole.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The first line and the headers, with the empty line at their end.
    head: String,
    /// As it came: the chunks of a chunked one included.
    pub(super) body: Vec<u8>,
}

impl Message {
    /// A call of a JSON service.
    pub(super) fn call(operation: &str, body: &Value) -> Message {
        let body = body.to_string().into_bytes();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: AmazonSQS.{operation}\r\n\
             content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Message { head, body }
    }

    /// What is sent.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    /// What is sent before the connection breaks: half of the body is missing, or the end of the head.
    pub(super) fn cut(&self) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes.truncate(bytes.len() - self.body.len().div_ceil(2).max(1));
        bytes
    }

    /// What the request asks for: the operation of a JSON service, or S3 and the method.
    pub(super) fn kind(&self) -> String {
        match self.header("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap_or(target).to_owned(),
            None => format!("S3 {}", self.method()),
        }
    }

    /// The same with another body, of known length.
    pub(super) fn with_body(&self, body: Vec<u8>) -> Message {
        let framing = ["content-length:", "transfer-encoding:"];
        let kept = self.head.trim_end().split("\r\n").filter(|line| {
            let line = line.to_ascii_lowercase();
            !framing.iter().any(|name| line.starts_with(name))
        });
        let head = kept.collect::<Vec<_>>().join("\r\n") + &format!("\r\ncontent-length: {}\r\n\r\n", body.len());
        Message { head, body }
    }

    /// Whether the connection ends with this answer.
    pub(super) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
            || self.header("content-length").is_none() && !self.is_chunked() && self.status() >= 200 && self.has_body()
    }

    fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    fn has_body(&self) -> bool {
        !matches!(self.status(), 204 | 304)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
    }
}

/// A connection, and what was read of it beyond the last message.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Connection {
        stream.set_nodelay(true).ok();
        Connection { stream, read: Vec::new() }
    }

    /// The next request; `None` at the end of the connection.
    pub(super) async fn read_request(&mut self) -> Result<Option<Message>> {
        let Some(head) = self.read_head().await? else { return Ok(None) };
        let mut request = Message { head, body: Vec::new() };
        if request.header("expect").is_some() {
            // The client waits for it before it sends the body; the server need not be asked.
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            let lines = request.head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("expect:"));
            request.head = lines.collect::<Vec<_>>().join("\r\n");
        }
        request.body = match (request.is_chunked(), request.header("content-length")) {
            (true, _) => self.read_chunked().await?,
            (false, Some(length)) => self.read_exactly(parse(length, 10)?).await?,
            (false, None) => Vec::new(),
        };
        Ok(Some(request))
    }

    /// The answer to `request`.
    pub(super) async fn read_response(&mut self, request: &Message) -> Result<Message> {
        loop {
            let head = self.read_head().await?.ok_or(ErrorKind::UnexpectedEof)?;
            let mut response = Message { head, body: Vec::new() };
            if (100..200).contains(&response.status()) {
                continue;
            }
            if request.method() == "HEAD" || !response.has_body() {
                return Ok(response);
            }
            response.body = match (response.is_chunked(), response.header("content-length")) {
                (true, _) => self.read_chunked().await?,
                (false, Some(length)) => self.read_exactly(parse(length, 10)?).await?,
                (false, None) => {
                    while self.more().await? {}
                    std::mem::take(&mut self.read)
                }
            };
            return Ok(response);
        }
    }

    /// Waits until the other side has closed the connection; while it sends more, for ever.
    pub(super) async fn closed(&self) {
        match self.stream.peek(&mut [0]).await {
            Ok(0) | Err(_) => {}
            Ok(_) => std::future::pending().await,
        }
    }

    async fn read_head(&mut self) -> Result<Option<String>> {
        const END: &[u8] = b"\r\n\r\n";
        loop {
            if let Some(at) = self.read.windows(END.len()).position(|window| window == END) {
                let head = self.take(at + END.len());
                return String::from_utf8(head).map(Some).map_err(|error| Error::new(ErrorKind::InvalidData, error));
            }
            if !self.more().await? {
                return if self.read.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    async fn read_exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.read.len() < length {
            if !self.more().await? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.take(length))
    }

    /// All chunks as they came, and the trailer.
    async fn read_chunked(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line().await?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let length = parse(text.split(';').next().unwrap_or_default().trim(), 16)?;
            body.extend_from_slice(&line);
            if length > 0 {
                body.extend(self.read_exactly(length + 2).await?);
                continue;
            }
            loop {
                let line = self.read_line().await?;
                body.extend_from_slice(&line);
                if line == b"\r\n" {
                    return Ok(body);
                }
            }
        }
    }

    async fn read_line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(2).position(|window| window == b"\r\n") {
                return Ok(self.take(at + 2));
            }
            if !self.more().await? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.read.split_off(length);
        std::mem::replace(&mut self.read, rest)
    }

    /// Reads what there is; false at the end.
    async fn more(&mut self) -> Result<bool> {
        Ok(self.stream.read_buf(&mut self.read).await? > 0)
    }
}

fn parse(number: &str, radix: u32) -> Result<usize> {
    usize::from_str_radix(number, radix).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}
