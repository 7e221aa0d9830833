//! `If-Match` and its kin, as S3 evaluates them.

use hyper::HeaderMap;
use hyper::header::{ETAG, HeaderValue};
use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::version::{Version, timestamp};

/// The conditions of a read.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadCondition {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl ReadCondition {
    /// Passes, or fails as a GET does: with 412, or with 304 where the client has the object already.
    pub(super) fn check(&self, etag: &str, modified: i64) -> S3Result<()> {
        if self.failed(etag, modified) {
            return Err(precondition_failed());
        }
        if self.not_modified(etag, modified) {
            let mut error = S3Error::new(S3ErrorCode::NotModified);
            if let Ok(value) = HeaderValue::from_str(&format!("\"{etag}\"")) {
                error.set_headers(HeaderMap::from_iter([(ETAG, value)]));
            }
            return Err(error);
        }
        Ok(())
    }

    /// Passes, or fails as the source of a copy does: always with 412.
    pub(super) fn check_source(&self, etag: &str, modified: i64) -> S3Result<()> {
        if self.failed(etag, modified) || self.not_modified(etag, modified) {
            return Err(precondition_failed());
        }
        Ok(())
    }

    /// An ETag that matches outweighs a date that does not.
    fn failed(&self, etag: &str, modified: i64) -> bool {
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => !matches(condition, etag),
            (None, Some(since)) => *since < whole_seconds(modified),
            (None, None) => false,
        }
    }

    /// An ETag that does not match outweighs a date that does.
    fn not_modified(&self, etag: &str, modified: i64) -> bool {
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, etag),
            (None, Some(since)) => whole_seconds(modified) <= *since,
            (None, None) => false,
        }
    }
}

/// The conditions of a write, evaluated in the instant in which the object would change.
#[derive(Debug, Clone, Default)]
pub(super) struct WriteCondition {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl WriteCondition {
    /// Passes, or fails because of the object that is there (`current`) or is not.
    pub(super) fn check(&self, current: Option<&Version>) -> S3Result<()> {
        match &self.if_none_match {
            None => {}
            Some(ETagCondition::Any) if current.is_some() => return Err(precondition_failed()),
            Some(ETagCondition::Any) => {}
            Some(ETagCondition::ETag(_)) => {
                return Err(s3_error!(NotImplemented, "If-None-Match of a write takes nothing but *"));
            }
        }
        let Some(condition) = &self.if_match else { return Ok(()) };
        match current.and_then(|version| version.content.as_ref()) {
            None => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            Some(content) if matches(condition, &content.etag) => Ok(()),
            Some(_) => Err(precondition_failed()),
        }
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}

/// HTTP dates have no fractions.
fn whole_seconds(milliseconds: i64) -> Timestamp {
    timestamp(milliseconds - milliseconds.rem_euclid(1000))
}

fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

#[cfg(test)]
mod tests;
