//! Where tests kill the process: between any two steps of intake and load.

/// Every step after which a process can be made to die, in the order of the data's way.
pub const STEPS: &[&str] = &[
    "intake.received",
    "intake.object-read",
    "intake.part-written",
    "intake.quarantine-written",
    "intake.objects-written",
    "intake.manifest-written",
    "intake.load-sent",
    "intake.events-deleted",
    "load.received",
    "load.manifests-read",
    "load.copy-manifests-written",
    "load.submitted",
    "load.committed",
    "load.messages-deleted",
];

/// Every step after which `tidegate redrive` can be made to die.
pub const REDRIVE_STEPS: &[&str] = &["redrive.started", "redrive.sent", "redrive.deleted"];

/// As [`passed`], of the steps of `tidegate redrive`.
#[inline]
pub(crate) fn redrive(step: &'static str) {
    debug_assert!(REDRIVE_STEPS.contains(&step), "{step} is not in the table of steps");
    #[cfg(debug_assertions)]
    if std::env::var_os("TIDEGATE_KILL_AT").is_some_and(|wanted| wanted == step) {
        die(step);
    }
}

/// Kills the process with SIGKILL if `TIDEGATE_KILL_AT` names this step; in release builds it does nothing.
#[inline]
pub(crate) fn passed(step: &'static str) {
    debug_assert!(STEPS.contains(&step), "{step} is not in the table of steps");
    #[cfg(debug_assertions)]
    if std::env::var_os("TIDEGATE_KILL_AT").is_some_and(|wanted| wanted == step) {
        die(step);
    }
}

#[cfg(debug_assertions)]
fn die(step: &str) -> ! {
    tracing::error!(step, "killed here, as TIDEGATE_KILL_AT asks");
    // No destructor runs, no buffer is flushed: as if the machine had gone.
    let killed = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
    tracing::error!(?killed, "kill did not end the process");
    std::process::abort();
}
