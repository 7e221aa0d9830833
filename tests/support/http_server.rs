//! An HTTP server that answers as a test says, wrong lengths and broken connections included.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How many were asked before.
    pub before: usize,
    /// The path and query.
    pub target: String,
    head: String,
}

/// An answer; whatever it says of its length, its connection ends behind it.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Where the connection is cut, of the body's bytes.
    pub cut: Option<usize>,
}

/// A file, as servers serve it.
#[derive(Debug, Clone)]
pub struct Served {
    pub body: Vec<u8>,
    /// With its quotes.
    pub etag: Option<String>,
    pub ranges: bool,
}

/// A server; it ends when it is dropped.
pub struct Server {
    /// `http://127.0.0.1:port`.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

impl Answer {
    /// An answer with this status and nothing else.
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: vec![("content-length", "0".to_owned())], ..Answer::default() }
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Cut behind so many bytes of its body.
    pub fn cut(mut self, after: Option<usize>) -> Answer {
        self.cut = after;
        self
    }
}

impl Served {
    /// The file, or the range of it that was asked for.
    pub fn answer(&self, asked: &Asked) -> Answer {
        let length = self.body.len();
        let same = asked.header("if-range").is_none_or(|tag| Some(tag) == self.etag.as_deref());
        let begin =
            asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let mut answer = match begin.filter(|begin| self.ranges && same && *begin < length) {
            Some(begin) => Answer { status: 206, body: self.body[begin..].to_vec(), ..Answer::default() }
                .header("content-range", format!("bytes {begin}-{}/{length}", length - 1)),
            None => Answer { status: 200, body: self.body.clone(), ..Answer::default() },
        };
        answer = answer.header("accept-ranges", if self.ranges { "bytes" } else { "none" });
        answer = match &self.etag {
            Some(etag) => answer.header("etag", etag),
            None => answer,
        };
        let rest = answer.body.len().to_string();
        answer.header("content-length", rest)
    }
}

impl Server {
    /// Answers by `answer`.
    pub async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let log = asked.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (log.clone(), answer.clone());
                tokio::spawn(async move { serve(stream, &log, &*answer).await });
            }
        });
        Server { url, asked, serving }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &(impl Fn(&Asked) -> Answer + ?Sized)) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let asked = {
        let mut log = log.lock().unwrap();
        let asked = Asked { before: log.len(), target, head };
        log.push(asked.clone());
        asked
    };
    let Answer { status, headers, body, cut } = answer(&asked);
    let mut text = format!("HTTP/1.1 {status} Answer\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let sent = &body[..cut.unwrap_or(body.len()).min(body.len())];
    if stream.write_all(text.as_bytes()).await.is_ok() && stream.write_all(sent).await.is_ok() {
        stream.shutdown().await.ok();
    }
}
