use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_firehose::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

/// What a scripted Firehose answers, call by call, and what it was sent.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<Vec<(StatusCode, Value)>>>,
    sent: Arc<Mutex<Vec<Vec<String>>>>,
}

async fn answer(State(script): State<Script>, body: String) -> (StatusCode, String) {
    let request: Value = serde_json::from_str(&body).expect("JSON");
    let text = |record: &Value| {
        let bytes = STANDARD.decode(record["Data"].as_str().expect("base64")).expect("base64");
        String::from_utf8(bytes).expect("UTF-8")
    };
    let records = request["Records"].as_array().expect("a list").iter().map(text).collect();
    script.sent.lock().expect("whole").push(records);
    let (status, body) = script.answers.lock().expect("whole").remove(0);
    (status, body.to_string())
}

/// Sends `records` to a Firehose that answers so; gives what it was sent.
async fn put(records: &[&str], answers: Vec<(u16, Value)>) -> Vec<Vec<String>> {
    let script = Script::default();
    *script.answers.lock().expect("whole") =
        answers.into_iter().map(|(status, body)| (StatusCode::from_u16(status).expect("a status"), body)).collect();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    let app = Router::new().fallback(answer).with_state(script.clone());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("any", "any", None, None, "test")))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    let stream = Stream::new(aws_sdk_firehose::Client::new(&config), "s", "p");
    let records =
        records.iter().map(|text| Packed { data: (*text).to_owned().into(), lines: 1 }).collect::<Vec<Packed>>();
    tokio::time::timeout(Duration::from_secs(20), stream.put(records)).await.expect("it ends");
    server.abort();
    let sent = script.sent.lock().expect("whole").clone();
    assert!(script.answers.lock().expect("whole").is_empty(), "it stopped asking");
    sent
}

fn taken() -> Value {
    json!({ "RecordId": "r" })
}

fn throttled() -> Value {
    json!({ "ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down." })
}

#[tokio::test]
async fn only_the_records_that_an_answer_refuses_are_sent_again() {
    let answers = vec![
        (200, json!({ "FailedPutCount": 2, "RequestResponses": [taken(), throttled(), taken(), throttled()] })),
        (200, json!({ "FailedPutCount": 1, "RequestResponses": [throttled(), taken()] })),
        (200, json!({ "FailedPutCount": 0, "RequestResponses": [taken()] })),
    ];
    let sent = put(&["a\n", "b\n", "c\n", "d\n"], answers).await;
    assert_eq!(sent, [vec!["a\n", "b\n", "c\n", "d\n"], vec!["b\n", "d\n"], vec!["b\n"]]);
}

#[tokio::test]
async fn a_call_that_fails_as_a_whole_is_made_again() {
    let answers = vec![
        (503, json!({ "__type": "ServiceUnavailableException" })),
        (400, json!({ "__type": "ResourceNotFoundException", "message": "no such stream" })),
        (200, json!({ "FailedPutCount": 0, "RequestResponses": [taken()] })),
    ];
    assert_eq!(put(&["a\n"], answers).await.len(), 3);
}

#[tokio::test]
async fn what_firehose_calls_invalid_is_not_sent_for_ever() {
    let answers = vec![(400, json!({ "__type": "InvalidArgumentException", "message": "no" }))];
    assert_eq!(put(&["a\n"], answers).await.len(), 1);
}

#[test]
fn a_record_without_an_answer_counts_as_refused() {
    assert_eq!(refused(3, [false, true].into_iter()), [1, 2]);
}
