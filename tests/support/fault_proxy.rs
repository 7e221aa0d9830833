//! A proxy before S3, SQS and the Data API that injects faults: seeded, or by script.
//!
//! What happens to the n-th call of a kind depends only on the seed, the kind and n; so a run can be repeated as far as the calls
//! come in the same order. A kind is the operation of a JSON service, such as `ReceiveMessage`, or `S3 GET`, `S3 PUT` …, or
//! `connect`.
//!
//! ```ignore
//! let proxy = FaultProxy::start(&aws.endpoints.s3, Plan::Seeded { seed: 7, share: 0.05 }).await;
//! let daemon = proxy.before(Start::new(&aws, &config)).spawn();
//! ```

mod http;
mod plan;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use http::{Connection, Message};
pub use plan::{Fault, Plan};

use super::daemon::Start;

/// A running proxy; it ends when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _end: DropGuard,
}

struct Shared {
    upstream: SocketAddr,
    plan: Plan,
    /// How many calls of each kind there were.
    calls: Mutex<BTreeMap<String, u64>>,
    injected: Mutex<BTreeMap<(String, Fault), u64>>,
}

impl FaultProxy {
    /// A proxy before the server at `endpoint`, such as `http://127.0.0.1:4566`.
    pub async fn start(endpoint: &str, plan: Plan) -> FaultProxy {
        let upstream = endpoint.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { upstream, plan, calls: Mutex::default(), injected: Mutex::default() });
        let end = CancellationToken::new();
        tokio::spawn(accept(listener, shared.clone(), end.clone()));
        FaultProxy { address, shared, _end: end.drop_guard() }
    }

    /// Its own endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A daemon that reaches all three services through it.
    pub fn before(&self, start: Start) -> Start {
        ["S3", "SQS", "REDSHIFT_DATA"]
            .iter()
            .fold(start, |start, service| start.env(&format!("AWS_ENDPOINT_URL_{service}"), &self.endpoint()))
    }

    /// How many calls of a kind there were.
    pub fn calls(&self, kind: &str) -> u64 {
        self.shared.calls.lock().unwrap().get(kind).copied().unwrap_or(0)
    }

    /// How many calls there were, of any kind.
    pub fn all_calls(&self) -> u64 {
        self.shared.calls.lock().unwrap().iter().filter(|(kind, _)| *kind != "connect").map(|(_, calls)| calls).sum()
    }

    /// The faults that were injected, and how often.
    pub fn injected(&self) -> BTreeMap<(String, Fault), u64> {
        self.shared.injected.lock().unwrap().clone()
    }
}

impl Shared {
    /// The fault of the next call of a kind.
    fn decide(&self, kind: &str) -> Option<Fault> {
        let mut calls = self.calls.lock().unwrap();
        let number = calls.entry(kind.to_owned()).or_default();
        let fault = self.plan.fault(kind, *number);
        *number += 1;
        if let Some(fault) = fault {
            *self.injected.lock().unwrap().entry((kind.to_owned(), fault)).or_default() += 1;
        }
        fault
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, end: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = end.cancelled() => return,
        };
        let Ok((client, _)) = accepted else { continue };
        if shared.decide("connect").is_some() {
            continue;
        }
        client.set_nodelay(true).ok();
        let (shared, end) = (shared.clone(), end.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = serve(client, &shared) => {}
                () = end.cancelled() => {}
            }
        });
    }
}

/// Serves the calls of a connection, until either side or a fault ends it.
async fn serve(client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut client = Connection::new(client);
    let mut upstream: Option<Connection> = None;
    while let Some(request) = client.read_request().await? {
        let kind = request.kind();
        let fault = shared.decide(&kind);
        match fault {
            Some(Fault::Refuse) => return Ok(()),
            Some(Fault::Delay(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Some(Fault::Status(status)) => {
                client.stream.write_all(&refusal(&kind, status)).await?;
                continue;
            }
            _ => {}
        }
        let mut server = match upstream.take() {
            Some(server) => server,
            None => Connection::new(TcpStream::connect(shared.upstream).await?),
        };
        if fault == Some(Fault::CutRequest) {
            server.stream.write_all(&request.cut()).await?;
            return Ok(());
        }
        server.stream.write_all(&request.bytes()).await?;
        // Whoever waits for nothing any more must not keep messages: a long poll ends with its client.
        let mut response = tokio::select! {
            response = server.read_response(&request) => response?,
            () = client.closed() => return Ok(()),
        };
        match fault {
            Some(Fault::LostReply) => return Ok(()),
            Some(Fault::CutResponse) => {
                client.stream.write_all(&response.cut()).await?;
                return Ok(());
            }
            Some(Fault::Stall) => {
                client.stream.write_all(&response.cut()).await?;
                client.closed().await;
                return Ok(());
            }
            Some(Fault::Reorder) if !is_fifo(&queue_of(&request)) => response = reordered(&response),
            Some(Fault::Duplicate) => deliver_again(shared, &request, &response).await?,
            _ => {}
        }
        client.stream.write_all(&response.bytes()).await?;
        if response.closes() {
            return Ok(());
        }
        upstream = Some(server);
    }
    Ok(())
}

/// An answer of the service's kind that refuses the call.
fn refusal(kind: &str, status: u16) -> Vec<u8> {
    let (content_type, body) = match (kind.starts_with("S3 "), status) {
        (true, 503) => (
            "application/xml",
            "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
        ),
        (true, _) => (
            "application/xml",
            "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
        ),
        (false, 400) => ("application/x-amz-json-1.1", r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
        (false, _) => ("application/x-amz-json-1.1", r#"{"__type":"InternalFailure","message":"internal failure"}"#),
    };
    let length = body.len();
    format!("HTTP/1.1 {status} Fault\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The URL of the queue that a call is about.
fn queue_of(request: &Message) -> String {
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    asked["QueueUrl"].as_str().unwrap_or_default().to_owned()
}

fn is_fifo(queue: &str) -> bool {
    queue.ends_with(".fifo")
}

/// The messages of an answer in the opposite order.
fn reordered(response: &Message) -> Message {
    let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else { return response.clone() };
    if let Some(messages) = body["Messages"].as_array_mut() {
        messages.reverse();
    }
    response.with_body(body.to_string().into_bytes())
}

/// Has the messages of an answer delivered once more: those of a standard queue by copies, those of a FIFO queue, which has its
/// order to keep, by the early end of their leases.
async fn deliver_again(shared: &Shared, request: &Message, response: &Message) -> std::io::Result<()> {
    let Ok(answer) = serde_json::from_slice::<Value>(&response.body) else { return Ok(()) };
    let queue = queue_of(request);
    for message in answer["Messages"].as_array().into_iter().flatten() {
        let (operation, body) = if is_fifo(&queue) {
            let receipt = &message["ReceiptHandle"];
            ("ChangeMessageVisibility", json!({ "QueueUrl": queue, "ReceiptHandle": receipt, "VisibilityTimeout": 0 }))
        } else {
            ("SendMessage", json!({ "QueueUrl": queue, "MessageBody": message["Body"] }))
        };
        let mut server = Connection::new(TcpStream::connect(shared.upstream).await?);
        let call = Message::call(operation, &body);
        server.stream.write_all(&call.bytes()).await?;
        server.read_response(&call).await?;
    }
    Ok(())
}
