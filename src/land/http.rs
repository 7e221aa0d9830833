//! A download over HTTP or HTTPS that goes on where it broke off.
//!
//! A broken read is asked for again from its offset (`Range`), if it is still the same (`If-Range`). A server that knows no ranges, or gives nothing by which a
//! version could be told, sends all of it again: what was read before is then passed over, and must hash as it did.

mod answer;

use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, IF_RANGE, LOCATION, RANGE, USER_AGENT};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};
use url::Url;

use self::answer::{Continuation, Facts, Verdict, continuation, redirect, retry_after, verdict};
use super::tls;
use crate::backoff;
use crate::error::{Error, ErrorKind, Result};

/// The most redirects that are followed for one answer.
const MOST_REDIRECTS: u32 = 10;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a source is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long it may stand still.
    pub stall: Duration,
    /// How often in a row it may fail without a byte in between.
    pub tries: u32,
}

/// A download that is under way.
pub struct Download {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    url: Url,
    authorization: Option<String>,
    patience: Patience,
    facts: Facts,
    body: Incoming,
    /// How many bytes were given.
    offset: u64,
    /// The hash of these.
    given: Sha256,
    /// While a server sends all of it again: how much of what was given is yet to be passed over, and the hash of what was.
    again: Option<(u64, Sha256)>,
    breaks: u32,
    resumed: u64,
}

impl Download {
    /// Asks for `url`; `authorization` is sent to its own host, port and scheme only.
    ///
    /// # Errors
    /// `ObjectGone` (404, 410), `Permission` (401, 403), transient ones once the tries are used up, and `Configuration` for what can never be asked for.
    pub(super) async fn open(url: Url, authorization: Option<String>, patience: Patience) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.enforce_http(false);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls::client(None)?).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(https.wrap_connector(connector));
        let mut breaks = 0;
        let answer = loop {
            let error = match ask(&client, &url, authorization.as_deref(), patience.stall, &HeaderMap::new()).await {
                Ok(answer) => match verdict(answer.status(), answer.headers()) {
                    Verdict::Take => break answer,
                    Verdict::Refuse(error) => return Err(error),
                    Verdict::Retry(error) => {
                        wait(retry_after(answer.headers())).await;
                        error
                    }
                },
                Err(error) if error.fault() == crate::error::Fault::Transient => error,
                Err(error) => return Err(error),
            };
            breaks += 1;
            pause(breaks, patience, error).await?;
        };
        let facts = Facts::of(answer.headers())?;
        Ok(Download {
            client,
            url,
            authorization,
            patience,
            facts,
            body: answer.into_body(),
            offset: 0,
            given: Sha256::new(),
            again: None,
            breaks: 0,
            resumed: 0,
        })
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.facts.size
    }

    pub(super) fn version(&self) -> Option<String> {
        self.facts.version()
    }

    pub(super) fn content_encoding(&self) -> Option<&str> {
        self.facts.content_encoding.as_deref()
    }

    pub(super) fn resumed(&self) -> u64 {
        self.resumed
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let broken = match tokio::time::timeout(self.patience.stall, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    let Ok(chunk) = frame.into_data() else { continue };
                    match self.take(chunk)? {
                        Some(chunk) => return Ok(Some(chunk)),
                        None => continue,
                    }
                }
                Ok(None) if self.again.is_none() && self.facts.size.is_none_or(|size| size == self.offset) => {
                    return Ok(None);
                }
                Ok(None) => self.broken(format!("ended after {} bytes", self.offset)),
                Ok(Some(Err(error))) => {
                    let message = format!("reading it broke off after {} bytes", self.offset);
                    Error::caused(ErrorKind::Unavailable, message, error)
                }
                Err(_) => self.broken(format!("stood still for {:?}", self.patience.stall)),
            };
            self.resume(broken).await?;
        }
    }

    /// What of a chunk is new; `None` if nothing is.
    fn take(&mut self, mut chunk: Bytes) -> Result<Option<Bytes>> {
        if let Some((left, hash)) = &mut self.again {
            let known = chunk.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            hash.update(&chunk[..known]);
            *left -= known as u64;
            chunk.advance(known);
            if *left == 0 {
                if hash.clone().finalize() != self.given.clone().finalize() {
                    return Err(self.changed("what it sends again differs from what it sent before"));
                }
                self.again = None;
            }
        }
        if chunk.is_empty() {
            return Ok(None);
        }
        self.offset += chunk.len() as u64;
        if self.facts.size.is_some_and(|size| self.offset > size) {
            return Err(self.changed("it sends more than it said"));
        }
        self.given.update(&chunk);
        self.breaks = 0;
        Ok(Some(chunk))
    }

    /// Asks for the rest, as often as patience allows.
    async fn resume(&mut self, mut broken: Error) -> Result<()> {
        loop {
            self.breaks += 1;
            pause(self.breaks, self.patience, broken).await?;
            let mut headers = HeaderMap::new();
            if let Some(validator) = self.facts.validator.clone().filter(|_| self.offset > 0 && self.facts.ranges) {
                headers.insert(RANGE, value(&format!("bytes={}-", self.offset))?);
                headers.insert(IF_RANGE, validator);
            }
            let authorization = self.authorization.as_deref();
            let asked = ask(&self.client, &self.url, authorization, self.patience.stall, &headers).await;
            let answer = match asked {
                Ok(answer) => answer,
                Err(error) if error.fault() == crate::error::Fault::Transient => {
                    broken = error;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match continuation(answer.status(), answer.headers(), &self.facts, self.offset) {
                Continuation::Goes => self.again = None,
                Continuation::Again => self.again = Some((self.offset, Sha256::new())),
                Continuation::Changed(how) => return Err(self.changed(&how)),
                Continuation::Refuse(error) => return Err(error),
                Continuation::Retry(error) => {
                    wait(retry_after(answer.headers())).await;
                    broken = error;
                    continue;
                }
            }
            self.body = answer.into_body();
            self.resumed += 1;
            return Ok(());
        }
    }

    fn broken(&self, how: String) -> Error {
        Error::new(ErrorKind::Unavailable, format!("the source {how}"))
    }

    fn changed(&self, how: &str) -> Error {
        let message = format!("the source changed while it was read ({how}): land it again");
        Error::new(ErrorKind::ObjectReplaced, message)
    }
}

/// Asks for a URL and follows its redirects; the answer may be of any status but these.
async fn ask(
    client: &Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    url: &Url,
    authorization: Option<&str>,
    stall: Duration,
    headers: &HeaderMap,
) -> Result<Response<Incoming>> {
    let mut at = url.clone();
    for _ in 0..=MOST_REDIRECTS {
        let mut request = Request::get(at.as_str())
            .header(USER_AGENT, concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            // The bytes as they are: what a server compresses on the way has no length and no offset that would stay.
            .header(ACCEPT_ENCODING, "identity");
        if let Some(authorization) = authorization.filter(|_| at.origin() == url.origin()) {
            let mut secret = value(authorization)?;
            secret.set_sensitive(true);
            request = request.header(AUTHORIZATION, secret);
        }
        let mut request = request
            .body(Empty::new())
            .map_err(|error| Error::caused(ErrorKind::Configuration, "the source's URL cannot be asked for", error))?;
        request.headers_mut().extend(headers.clone());
        let host = at.host_str().unwrap_or_default().to_owned();
        let answer = match tokio::time::timeout(stall, client.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return Err(Error::caused(ErrorKind::Unavailable, format!("{host} cannot be asked"), error));
            }
            Err(_) => {
                return Err(Error::new(ErrorKind::TimedOut, format!("{host} did not answer within {stall:?}")));
            }
        };
        match redirect(answer.status(), answer.headers().get(LOCATION), &at)? {
            Some(next) => at = next,
            None => return Ok(answer),
        }
    }
    let message = format!("the source redirects more than {MOST_REDIRECTS} times");
    Err(Error::new(ErrorKind::Configuration, message))
}

fn value(text: &str) -> Result<hyper::header::HeaderValue> {
    text.parse().map_err(|_| {
        // The text is not shown: it may be a secret.
        Error::new(ErrorKind::Configuration, "a header of the request has other characters than headers can have")
    })
}

/// Waits before the next try, or gives the error back if there is none.
async fn pause(breaks: u32, patience: Patience, error: Error) -> Result<()> {
    if breaks > patience.tries {
        return Err(error);
    }
    tracing::debug!(%error, breaks, "asking the source again");
    wait(Some(backoff::delay(breaks, Duration::from_millis(200), Duration::from_secs(20)))).await;
    Ok(())
}

async fn wait(duration: Option<Duration>) {
    if let Some(duration) = duration {
        tokio::time::sleep(duration).await;
    }
}
