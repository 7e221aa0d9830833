//! The proxy of the chaos tests does what it says, no more and no less.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::LIMIT;
use crate::support::fault_proxy::{Fault, FaultProxy, Plan};
use crate::support::sandbox::{Aws, Setup};

const BODY: &str = "0123456789";

/// A server that counts the requests that reached it whole.
async fn server() -> (String, Arc<AtomicU64>) {
    let works = Arc::new(AtomicU64::new(0));
    let sized = |State(works): State<Arc<AtomicU64>>, _: axum::body::Bytes| async move {
        works.fetch_add(1, Ordering::SeqCst);
        BODY
    };
    let chunked = || async {
        let chunks = BODY.as_bytes().chunks(4).map(|chunk| Ok::<_, std::convert::Infallible>(chunk.to_vec()));
        Body::from_stream(futures_util::stream::iter(chunks.collect::<Vec<_>>()))
    };
    let router = Router::new().route("/", any(sized)).route("/chunked", any(chunked)).with_state(works.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (endpoint, works)
}

fn request(method: &str, path: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// What comes for a request, until it is whole or the connection ends.
async fn ask(proxy: &FaultProxy, request: &str) -> String {
    let address: SocketAddr = proxy.endpoint().trim_start_matches("http://").parse().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.ok();
    let mut answer = Vec::new();
    let whole = |answer: &[u8]| {
        let text = String::from_utf8_lossy(answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        head.lines().any(|line| line.to_ascii_lowercase() == format!("content-length: {}", body.len()))
    };
    while !whole(&answer) {
        // A connection that is reset has ended too.
        let read = tokio::time::timeout(LIMIT, stream.read_buf(&mut answer)).await.expect("an answer, or an end");
        if read.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fault_every_request_of_a_connection_is_answered_whole() {
    let (endpoint, works) = server().await;
    let proxy = FaultProxy::start(&endpoint, Plan::Scripted(Vec::new())).await;
    let chunked =
        "PUT / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_owned();
    let requests = [request("PUT", "/", "abc"), chunked, request("GET", "/chunked", ""), request("HEAD", "/", "")];
    let address: SocketAddr = proxy.endpoint().trim_start_matches("http://").parse().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    for request in &requests {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let whole = |answer: &[u8]| match String::from_utf8_lossy(answer).split_once("\r\n\r\n") {
            Some(_) if request.starts_with("HEAD") => true,
            Some((_, body)) => body == BODY || body.ends_with("0\r\n\r\n"),
            None => false,
        };
        while !whole(&answer) {
            assert_ne!(tokio::time::timeout(LIMIT, stream.read_buf(&mut answer)).await.unwrap().unwrap(), 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{request}");
    }
    assert_eq!(works.load(Ordering::SeqCst), 3);
    assert_eq!((proxy.calls("connect"), proxy.all_calls()), (1, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_leaves_the_work_done_or_undone_and_the_answer_as_it_says() {
    for (fault, done, answer) in [
        (Fault::Refuse, 0, ""),
        (Fault::CutRequest, 0, ""),
        (Fault::Status(500), 0, "<Code>InternalError</Code>"),
        (Fault::Status(503), 0, "<Code>SlowDown</Code>"),
        (Fault::LostReply, 1, ""),
        (Fault::CutResponse, 1, "01234"),
        (Fault::Delay(100), 1, BODY),
    ] {
        let (endpoint, works) = server().await;
        let proxy = FaultProxy::start(&endpoint, Plan::Scripted(vec![("S3 PUT", 0..1, fault)])).await;
        let text = ask(&proxy, &request("PUT", "/", "a body to be cut")).await;
        assert!(if answer.is_empty() { text.is_empty() } else { text.contains(answer) }, "{fault:?}: {text}");
        assert!(!text.contains(BODY) || fault == Fault::Delay(100), "{fault:?}: {text}");
        assert_eq!(works.load(Ordering::SeqCst), done, "{fault:?}");
        // The next call has no fault.
        assert!(ask(&proxy, &request("PUT", "/", "x")).await.contains(BODY), "{fault:?}");
        assert_eq!(proxy.injected().into_values().sum::<u64>(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_a_json_service_is_throttled_in_its_own_words() {
    let (endpoint, _) = server().await;
    let script = vec![("DescribeStatement", 0..1, Fault::Status(400))];
    let proxy = FaultProxy::start(&endpoint, Plan::Scripted(script)).await;
    let call = request("POST", "/", "{}").replace("host:", "x-amz-target: RedshiftData.DescribeStatement\r\nhost:");
    let answer = ask(&proxy, &call).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("ThrottlingException"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_received_is_delivered_again_or_in_the_opposite_order() {
    let aws = Aws::with(Setup { announce: false, ..Setup::default() }).await;
    let script = vec![("ReceiveMessage", 0..1, Fault::Reorder), ("ReceiveMessage", 1..2, Fault::Duplicate)];
    let proxy = FaultProxy::start(&aws.endpoints.sqs, Plan::Scripted(script)).await;
    let receive = async |queue: &str| -> Vec<String> {
        let body = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 60 }).to_string();
        let call = request("POST", "/", &body).replace("host:", "x-amz-target: AmazonSQS.ReceiveMessage\r\nhost:");
        let answer = ask(&proxy, &call).await;
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    };
    let events = &aws.queues.events;
    for body in ["one", "two", "three"] {
        aws.send_event(body).await;
    }
    assert_eq!(receive(events).await, ["three", "two", "one"]);
    aws.send_event("four").await;
    assert_eq!(receive(events).await, ["four"]);
    assert_eq!(receive(events).await, ["four"], "a copy");
    assert_eq!(receive(events).await, [""; 0]);

    let script = vec![("ReceiveMessage", 0..1, Fault::Duplicate)];
    let proxy = FaultProxy::start(&aws.endpoints.sqs, Plan::Scripted(script)).await;
    let send = aws.clients.sqs.send_message().queue_url(&aws.queues.loads).message_body("five");
    send.message_group_id("g").message_deduplication_id("d").send().await.unwrap();
    for _ in 0..2 {
        let body = json!({ "QueueUrl": aws.queues.loads, "VisibilityTimeout": 60 }).to_string();
        let call = request("POST", "/", &body).replace("host:", "x-amz-target: AmazonSQS.ReceiveMessage\r\nhost:");
        assert!(ask(&proxy, &call).await.contains("five"), "the same message, again");
    }
}

#[test]
fn the_same_seed_gives_the_same_faults_and_about_their_share() {
    let plan = |seed| Plan::Seeded { seed, share: 0.05 };
    let faults = |seed| (0..4_000).map(|call| plan(seed).fault("ReceiveMessage", call)).collect::<Vec<_>>();
    assert_eq!(faults(7), faults(7));
    assert_ne!(faults(7), faults(8));
    let share = faults(7).iter().flatten().count();
    assert!((140..=260).contains(&share), "{share} of 4000");
    let kinds: std::collections::BTreeSet<_> = faults(7)
        .into_iter()
        .flatten()
        .map(|fault| match fault {
            Fault::Delay(_) => Fault::Delay(0),
            fault => fault,
        })
        .collect();
    assert_eq!(kinds.len(), 9, "every fault that a receipt can have: {kinds:?}");
}
