//! The boundary to decoders that others wrote.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(not(panic = "unwind"))]
compile_error!(
    "a damaged object must not end the process: decoders of others may panic on it, which only unwinding can catch"
);

/// Runs a step of a decoder that others wrote; gives its panic as a text.
///
/// The crates that read Parquet and ORC index, add and unwrap on what a file claims, so hostile bytes can make them panic, and
/// one bad object must harm no other. After a panic nothing of the decoder is used again, so no broken state is seen: the caller parks the object.
/// Our own code, the sink above all, stays outside: its panics are defects, and must not pass for a damaged object.
pub(super) fn guarded<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|panic| format!("the decoder gave up: {}", text(&*panic)))
}

fn text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "for a reason that it does not say",
    }
}
