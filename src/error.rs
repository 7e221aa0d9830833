//! The one error type, and what an error means for the work in hand.

use std::error::Error as StdError;
use std::fmt;

/// What is done about an error: [`Error::fault`] is the only place that decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Trying again later may succeed: throttling, timeouts, an unreachable service.
    Transient,
    /// Trying again cannot succeed: the object, message or batch is parked with its reason.
    Poison,
    /// Nothing at all can succeed: the process says what to do and exits non-zero.
    Fatal,
}

impl Fault {
    /// The name used in logs, metrics and the attributes of a parked message.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Transient => "transient",
            Fault::Poison => "poison",
            Fault::Fatal => "fatal",
        }
    }
}

/// What went wrong, as far as a decision depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The configuration cannot work as written.
    Configuration,
    /// A credential is missing or a permission is denied.
    Permission,
    /// A queue, bucket or warehouse that the configuration names does not exist.
    MissingResource,
    /// A service asked for fewer requests.
    Throttled,
    /// A service did not answer, answered 5xx, or the connection broke.
    Unavailable,
    /// A time limit of ours ran out.
    TimedOut,
    /// The lease on a message was lost, so another process may hold the work.
    LeaseLost,
    /// The process was asked to stop before the work was done.
    Stopping,
    /// A message is no notification that can be understood.
    Malformed,
    /// An object that was announced does not exist.
    ObjectGone,
    /// An object may not be read; a policy may be mended before its message is given up.
    ObjectForbidden,
    /// An object was overwritten since it was announced: that version cannot be read any more.
    ObjectReplaced,
    /// An object's bytes are damaged or are not of the declared format.
    Corrupt,
    /// An object exceeds a configured limit.
    TooLarge,
    /// An object has more rejected records than its pipeline tolerates.
    TooManyRejects,
    /// The warehouse is busy, paused or in conflict with another transaction.
    WarehouseBusy,
    /// The warehouse's user lacks a grant; it may be given before the batch is given up.
    WarehouseForbidden,
    /// The warehouse is not there at the moment: paused, resizing, starting, or refusing connections.
    WarehouseDown,
    /// The warehouse lacks a table or column that a load needs; it may be made before the batch is given up.
    WarehouseSchema,
    /// The warehouse refused a statement, and would refuse it again.
    WarehouseRefused,
    /// COPY refused a staged file, or a value in it.
    CopyRefused,
    /// A condition that a load asserts about itself did not hold, so nothing was committed.
    Unbalanced,
    /// A check of the pipeline did not hold, so nothing was committed.
    CheckFailed,
    /// The live table cannot take what the pipeline declares; it may be altered before the batch is given up.
    SchemaDrift,
    /// A local file or socket failed.
    Io,
}

impl ErrorKind {
    /// The name used in logs, metrics and the attributes of a parked message.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Configuration => "configuration",
            ErrorKind::Permission => "permission",
            ErrorKind::MissingResource => "missing-resource",
            ErrorKind::Throttled => "throttled",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::TimedOut => "timed-out",
            ErrorKind::LeaseLost => "lease-lost",
            ErrorKind::Stopping => "stopping",
            ErrorKind::Malformed => "malformed",
            ErrorKind::ObjectGone => "object-gone",
            ErrorKind::ObjectForbidden => "object-forbidden",
            ErrorKind::ObjectReplaced => "object-replaced",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::TooLarge => "too-large",
            ErrorKind::TooManyRejects => "too-many-rejects",
            ErrorKind::WarehouseBusy => "warehouse-busy",
            ErrorKind::WarehouseForbidden => "warehouse-forbidden",
            ErrorKind::WarehouseDown => "warehouse-down",
            ErrorKind::WarehouseSchema => "warehouse-schema",
            ErrorKind::WarehouseRefused => "warehouse-refused",
            ErrorKind::CopyRefused => "copy-refused",
            ErrorKind::Unbalanced => "unbalanced",
            ErrorKind::CheckFailed => "check-failed",
            ErrorKind::SchemaDrift => "schema-drift",
            ErrorKind::Io => "io",
        }
    }
}

/// An error: its kind, a message that says what happened to which thing and what to do, and its cause.
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without a cause of its own.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), source: None }
    }

    /// An error caused by another.
    pub fn caused(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Error { kind, message: message.into(), source: Some(source.into()) }
    }

    /// The error behind a failed read of an object: one of ours that travelled through it, or a damaged stream.
    pub fn of_read(error: std::io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Error::caused(ErrorKind::Corrupt, "the object is truncated", error)
            }
            Err(error) => Error::caused(ErrorKind::Corrupt, "the object is damaged", error),
        }
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without the causes; `Display` prints the causes too.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What is to be done about the error.
    pub fn fault(&self) -> Fault {
        match self.kind {
            ErrorKind::Throttled
            | ErrorKind::Unavailable
            | ErrorKind::TimedOut
            | ErrorKind::LeaseLost
            | ErrorKind::Stopping
            | ErrorKind::ObjectForbidden
            | ErrorKind::WarehouseBusy
            | ErrorKind::WarehouseForbidden
            | ErrorKind::WarehouseDown
            | ErrorKind::WarehouseSchema
            | ErrorKind::SchemaDrift
            | ErrorKind::Io => Fault::Transient,
            ErrorKind::Malformed
            | ErrorKind::ObjectGone
            | ErrorKind::ObjectReplaced
            | ErrorKind::Corrupt
            | ErrorKind::TooLarge
            | ErrorKind::TooManyRejects
            | ErrorKind::WarehouseRefused
            | ErrorKind::CopyRefused
            | ErrorKind::Unbalanced
            | ErrorKind::CheckFailed => Fault::Poison,
            ErrorKind::Configuration | ErrorKind::Permission | ErrorKind::MissingResource => Fault::Fatal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|source| source as &dyn StdError);
        let mut said = self.message.clone();
        while let Some(source) = cause {
            let text = source.to_string();
            if !text.is_empty() && !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            cause = source.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::caused(ErrorKind::Io, "a local file or socket failed", error)
    }
}
