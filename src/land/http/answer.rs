//! What an answer means: pure.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue,
    LAST_MODIFIED, RETRY_AFTER, TRANSFER_ENCODING,
};
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// The longest that a server may ask to be left alone.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// What the first answer says of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) size: Option<u64>,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) content_encoding: Option<String>,
    /// Whether ranges may be asked for: only a server that says so has none.
    pub(super) ranges: bool,
    /// By what a range is tied to this version.
    pub(super) validator: Option<HeaderValue>,
}

/// What becomes of the first answer.
#[derive(Debug)]
pub(super) enum Verdict {
    Take,
    Retry(Error),
    Refuse(Error),
}

/// What becomes of the answer to a request for the rest.
#[derive(Debug)]
pub(super) enum Continuation {
    /// It begins where the last one ended.
    Goes,
    /// It begins at the beginning.
    Again,
    /// It is of another version.
    Changed(String),
    Retry(Error),
    Refuse(Error),
}

impl Facts {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self> {
        let etag = text(headers, ETAG);
        let last_modified = text(headers, LAST_MODIFIED);
        // A weak tag does not promise equal bytes.
        let validator = match &etag {
            Some(etag) if etag.starts_with("W/") => None,
            Some(_) => headers.get(ETAG).cloned(),
            None => headers.get(LAST_MODIFIED).cloned(),
        };
        Ok(Facts {
            size: size(headers)?,
            etag,
            last_modified,
            content_encoding: text(headers, CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity")),
            ranges: text(headers, ACCEPT_RANGES).is_none_or(|unit| !unit.eq_ignore_ascii_case("none")),
            validator,
        })
    }

    /// What is another if the content is another.
    pub(super) fn version(&self) -> Option<String> {
        let size = self.size.map(|size| size.to_string()).unwrap_or_default();
        match (&self.etag, &self.last_modified) {
            (Some(etag), _) => Some(format!("etag {etag}")),
            (None, Some(time)) => Some(format!("{size} bytes of {time}")),
            (None, None) => None,
        }
    }
}

/// What becomes of the first answer, which is no redirect.
pub(super) fn verdict(status: StatusCode, headers: &HeaderMap) -> Verdict {
    let error = |kind| Error::new(kind, format!("the source answers {status}"));
    match status.as_u16() {
        200 => match headers.get(TRANSFER_ENCODING).is_some() && headers.get(CONTENT_LENGTH).is_some() {
            true => Verdict::Refuse(Error::new(ErrorKind::Malformed, "the source says its length in two ways")),
            false => Verdict::Take,
        },
        408 | 425 | 500..=599 => Verdict::Retry(error(ErrorKind::Unavailable)),
        429 => Verdict::Retry(error(ErrorKind::Throttled)),
        401 | 403 | 407 => Verdict::Refuse(error(ErrorKind::Permission)),
        404 | 410 => Verdict::Refuse(error(ErrorKind::ObjectGone)),
        _ => Verdict::Refuse(error(ErrorKind::Malformed)),
    }
}

/// What becomes of the answer to a request for the bytes from `offset` on, after a first one with these facts.
pub(super) fn continuation(status: StatusCode, headers: &HeaderMap, first: &Facts, offset: u64) -> Continuation {
    match status.as_u16() {
        200 | 206 => {}
        412 | 416 => return Continuation::Changed(format!("it answers {status} when it is asked for the rest")),
        _ => {
            return match verdict(status, headers) {
                Verdict::Retry(error) => Continuation::Retry(error),
                Verdict::Refuse(error) => Continuation::Refuse(error),
                Verdict::Take => Continuation::Again,
            };
        }
    }
    let etag = text(headers, ETAG);
    if etag.is_some() && etag != first.etag {
        return Continuation::Changed("another ETag".to_owned());
    }
    if status == StatusCode::PARTIAL_CONTENT {
        return match text(headers, CONTENT_RANGE).as_deref().and_then(range) {
            Some((begin, _)) if begin != offset => Continuation::Refuse(Error::new(
                ErrorKind::Malformed,
                "the source answers with another range than was asked for",
            )),
            Some((_, total)) if total.is_some() && first.size.is_some() && total != first.size => {
                Continuation::Changed("another length".to_owned())
            }
            Some(_) => Continuation::Goes,
            None => Continuation::Refuse(Error::new(
                ErrorKind::Malformed,
                "the source answers with a range that it does not name",
            )),
        };
    }
    match size(headers) {
        Ok(size) if size.is_some() && first.size.is_some() && size != first.size => {
            Continuation::Changed("another length".to_owned())
        }
        Ok(_) => Continuation::Again,
        Err(error) => Continuation::Refuse(error),
    }
}

/// Where an answer redirects to; `None` if it does not.
pub(super) fn redirect(status: StatusCode, location: Option<&HeaderValue>, from: &Url) -> Result<Option<Url>> {
    if ![301, 302, 303, 307, 308].contains(&status.as_u16()) {
        return Ok(None);
    }
    let refused = |why: String| Err(Error::new(ErrorKind::Configuration, why));
    let Some(to) = location.and_then(|value| value.to_str().ok()).and_then(|text| from.join(text).ok()) else {
        return refused(format!("the source answers {status} without a place that can be read"));
    };
    match (from.scheme(), to.scheme()) {
        ("https", "http") => {
            refused("the source redirects from https to http: name the place itself, if you mean it".to_owned())
        }
        (_, "http" | "https") => Ok(Some(to)),
        (_, other) => refused(format!("the source redirects to a URL of {other}")),
    }
}

/// For how long the server asks to be left alone, in seconds, at most 60.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text(headers, RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

fn size(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(length) = text(headers, CONTENT_LENGTH) else { return Ok(None) };
    match length.trim().parse() {
        Ok(length) => Ok(Some(length)),
        Err(_) => Err(Error::new(ErrorKind::Malformed, "the source says a length that is no number")),
    }
}

/// Where `bytes 100-199/200` begins, and the whole length, which may be `*`.
fn range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (begin, _) = range.split_once('-')?;
    Some((begin.trim().parse().ok()?, total.trim().parse().ok()))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
        };
        lines.iter().map(line).collect()
    }

    fn facts(lines: &[(&str, &str)]) -> Facts {
        Facts::of(&headers(lines)).expect("facts")
    }

    #[test]
    fn a_range_is_tied_to_a_strong_tag_or_else_to_a_time_and_never_to_a_weak_tag() {
        let validator = |lines: &[(&str, &str)]| facts(lines).validator.map(|it| it.to_str().expect("text").to_owned());
        let time = ("last-modified", "Sat, 21 Nov 2026 08:00:00 GMT");
        assert_eq!(validator(&[("etag", "\"a\""), time]).as_deref(), Some("\"a\""));
        assert_eq!(validator(&[("etag", "W/\"a\""), time]), None);
        assert_eq!(validator(&[time]).as_deref(), Some(time.1));
        assert_eq!(validator(&[]), None);
        assert!(!facts(&[("accept-ranges", "None")]).ranges);
        assert!(Facts::of(&headers(&[("content-length", "1x")])).is_err());
    }

    #[test]
    fn the_rest_goes_on_only_where_the_last_byte_was_and_only_of_the_same_version() {
        let first = facts(&[("etag", "\"a\""), ("content-length", "200")]);
        let says = |status: u16, lines: &[(&str, &str)]| {
            let status = StatusCode::from_u16(status).expect("a status");
            match continuation(status, &headers(lines), &first, 100) {
                Continuation::Goes => "goes on",
                Continuation::Again => "again",
                Continuation::Changed(_) => "changed",
                Continuation::Retry(_) => "retry",
                Continuation::Refuse(_) => "refuse",
            }
        };
        assert_eq!(says(206, &[("content-range", "bytes 100-199/200"), ("etag", "\"a\"")]), "goes on");
        assert_eq!(says(206, &[("content-range", "bytes 100-199/*")]), "goes on");
        assert_eq!(says(206, &[("content-range", "bytes 99-199/200")]), "refuse");
        assert_eq!(says(206, &[("content-range", "bytes 100-199/300")]), "changed");
        assert_eq!(says(206, &[("content-range", "bytes 100-199/200"), ("etag", "\"b\"")]), "changed");
        assert_eq!(says(206, &[]), "refuse");
        assert_eq!(says(200, &[("content-length", "200")]), "again");
        assert_eq!(says(200, &[("content-length", "200"), ("etag", "\"b\"")]), "changed");
        assert_eq!(says(200, &[("content-length", "201")]), "changed");
        assert_eq!(says(416, &[]), "changed");
        assert_eq!(
            (says(503, &[]), says(429, &[]), says(404, &[]), says(204, &[])),
            ("retry", "retry", "refuse", "refuse")
        );
    }

    #[test]
    fn redirects_are_relative_or_whole_and_never_lead_out_of_tls() {
        let from = Url::parse("https://example.org/a/b?c").expect("a URL");
        let to = |text: &str| redirect(StatusCode::FOUND, Some(&text.parse().expect("a value")), &from);
        assert_eq!(to("../d").expect("a URL").map(String::from).as_deref(), Some("https://example.org/d"));
        assert_eq!(to("//other.org/x").expect("a URL").map(String::from).as_deref(), Some("https://other.org/x"));
        for refused in ["http://example.org/a", "file:///etc/passwd", "https://"] {
            assert!(to(refused).is_err(), "{refused}");
        }
        assert!(redirect(StatusCode::FOUND, None, &from).is_err());
        assert_eq!(redirect(StatusCode::OK, None, &from).expect("no redirect"), None);
    }

    #[test]
    fn a_server_may_ask_to_be_left_alone_for_a_minute() {
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers(&[("retry-after", "3600")])), Some(LONGEST_RETRY_AFTER));
        assert_eq!(retry_after(&headers(&[("retry-after", "Sat, 21 Nov 2026 08:00:00 GMT")])), None);
    }
}
