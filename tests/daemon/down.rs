//! A warehouse that is down: it is left alone, nothing is spent on it, and all is loaded when it is back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::exactly_once::rows;
use crate::pipelines::{APPEND, UPSERT};
use crate::support::daemon::Start;
use crate::support::sandbox::{Aws, Service};
use crate::support::{LIMIT, eventually};

/// A way to the Data API that can be shut: every call is then counted, and answered with an error of the service.
struct Door {
    address: SocketAddr,
    open: watch::Sender<bool>,
    refused: Arc<AtomicU64>,
}

impl Door {
    async fn shut(to: &str, answer: &'static str) -> Door {
        let to = to.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, watched) = watch::channel(false);
        let refused = Arc::new(AtomicU64::new(0));
        let counted = refused.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, to.clone(), answer, watched.clone(), counted.clone()));
            }
        });
        Door { address, open, refused }
    }
}

async fn serve(
    mut client: TcpStream,
    to: String,
    answer: &'static str,
    mut open: watch::Receiver<bool>,
    refused: Arc<AtomicU64>,
) {
    if *open.borrow_and_update() {
        let mut server = TcpStream::connect(to).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
            _ = open.changed() => {}
        }
        return;
    }
    let mut request = Vec::new();
    let whole = |request: &[u8]| {
        let text = String::from_utf8_lossy(request).to_lowercase();
        let head = text.find("\r\n\r\n")?;
        let length = text.split("content-length: ").nth(1)?.split("\r\n").next()?.parse::<usize>().ok()?;
        (request.len() >= head + 4 + length).then_some(())
    };
    while whole(&request).is_none() {
        match client.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    refused.fetch_add(1, Ordering::Relaxed);
    client.write_all(answer.as_bytes()).await.ok();
}

const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";

/// A paused cluster, as the Data API tells it.
const PAUSED: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
                      content-length: 91\r\n\r\n{\"__type\":\"ValidationException\",\"Message\":\"Redshift endpoint: the cluster tides is paused\"}";

/// What goes wrong elsewhere, row 5: retries without back-off become a hot loop. The number of calls to a warehouse that is down is
/// bounded by the probes of the breaker, whatever waits; and the receive counts of what waits are not spent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_5_a_warehouse_that_is_down_is_asked_a_few_times_a_minute_and_loads_wait_without_being_received() {
    for (answer, attempts) in [(BROKEN, 4), (PAUSED, 1)] {
        let aws = Aws::start().await;
        let door = Door::shut(&aws.endpoints.redshift_data, answer).await;
        let config = aws.configure(&Service::default(), &[APPEND, UPSERT]);
        let endpoint = format!("http://{}", door.address);
        let daemon = Start::new(&aws, &config).env("AWS_ENDPOINT_URL_REDSHIFT_DATA", &endpoint).spawn();
        aws.put_rows("in/0.gz", rows(0..10)).await;
        daemon.until_logged("the warehouse is down").await;
        let before = door.refused.load(Ordering::Relaxed);
        let since = std::time::Instant::now();
        // Intake goes on: what it stages waits in the queue.
        let received = async || daemon.metrics().await.value("tidegate_messages_received_total", &[("queue", "loads")]);
        let mut received_before = 0.0;
        for object in 1..6_i64 {
            aws.put_rows(&format!("in/{object}.gz"), rows(object * 10..object * 10 + 10)).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            if object == 2 {
                // The receipt that was under way when the breaker opened has ended by now.
                received_before = received().await;
            }
        }
        let metrics = daemon.metrics().await;
        assert_eq!(metrics.value("tidegate_warehouse_breaker", &[("state", "open")]), 1.0);
        let staged = metrics.value("tidegate_batches_staged_total", &[]);
        assert!(staged >= 8.0, "{staged} batches staged while the warehouse is down");
        assert_eq!(received().await, received_before, "loads received while the warehouse is down");
        let calls = door.refused.load(Ordering::Relaxed) - before;
        let a_minute = calls as f64 * 60.0 / since.elapsed().as_secs_f64();
        println!("calls a minute while the warehouse is down: {a_minute:.0}, for {staged} batches that wait");
        // A probe each 2 s and more, with the SDK's own tries.
        assert!(calls <= attempts * 6, "{calls} calls in {:?}", since.elapsed());

        door.open.send_replace(true);
        for pipeline in ["numbers", "latest"] {
            aws.until_loaded(pipeline, 6).await;
        }
        aws.until_drained().await;
        assert_eq!(aws.number("SELECT COUNT(*) FROM app.numbers").await, 60);
        aws.assert_nothing_parked().await;
        let closed = async || daemon.metrics().await.value("tidegate_warehouse_breaker", &[("state", "closed")]) == 1.0;
        eventually(LIMIT, "the breaker closed", closed).await;
    }
}
