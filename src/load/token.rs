//! The token by which a load's submission is idempotent.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use crate::model::BatchId;

/// Identifies one attempt at one load: the hash of its batches, of the messages that ask for them, and of the attempt.
///
/// A redriven batch comes in a new message, so its load is not answered by the outcome of the one that failed before.
/// The Data API answers a second submission with the same token by the first one's statement, for 8 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token of the `attempt`-th try to load these batches together, each with the message that asks for it.
    pub fn new<'a>(batches: impl IntoIterator<Item = (BatchId, &'a str)>, attempt: u32) -> Self {
        let mut hash = Sha256::new();
        for (batch, message) in batches {
            hash.update(batch.to_string());
            hash.update(message);
            hash.update([0]);
        }
        hash.update(attempt.to_le_bytes());
        Token::of(hash)
    }

    /// The token of the `number`-th load of a part of what this token's load would take.
    pub fn part(&self, number: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(&self.0);
        hash.update(number.to_le_bytes());
        Token::of(hash)
    }

    fn of(hash: Sha256) -> Self {
        let mut text = String::with_capacity(40);
        for byte in &hash.finalize()[..20] {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Token(text)
    }

    /// The token, 40 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
