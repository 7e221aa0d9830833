//! The demo's live progress, read from the daemon's own metrics.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics as names;

/// How often the line is drawn on a terminal; elsewhere a line is printed every fifth time.
const DRAW_EVERY: Duration = Duration::from_millis(400);

/// A line that follows the daemon's metrics until it is ended.
pub(super) struct Progress {
    end: CancellationToken,
    drawing: JoinHandle<()>,
}

impl Progress {
    pub(super) fn start(handle: PrometheusHandle, objects: u64, shutdown: CancellationToken) -> Self {
        let end = shutdown.child_token();
        let drawing = tokio::spawn(draw(handle, objects, end.clone()));
        Progress { end, drawing }
    }

    pub(super) async fn end(self) {
        self.end.cancel();
        if let Err(error) = self.drawing.await {
            tracing::error!(%error, "drawing ended early");
        }
    }
}

async fn draw(handle: PrometheusHandle, objects: u64, end: CancellationToken) {
    let terminal = std::io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new(objects) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("  {bar:30} {msg}") {
        bar.set_style(style);
    }
    let began = Instant::now();
    let mut last = (Instant::now(), 0.0);
    for tick in 1_u64.. {
        let ended = tokio::select! {
            () = tokio::time::sleep(DRAW_EVERY) => false,
            () = end.cancelled() => true,
        };
        let text = handle.render();
        let staged = sum(&text, names::OBJECTS, "outcome=\"staged\"");
        let rows = sum(&text, names::ROWS_LOADED, "");
        let now = Instant::now();
        let rate = (rows - last.1) / now.duration_since(last.0).as_secs_f64().max(0.001);
        last = (now, rows);
        let lag = sum(&text, &format!("{}_sum", names::FRESHNESS_SECONDS), "")
            / sum(&text, &format!("{}_count", names::FRESHNESS_SECONDS), "").max(1.0);
        let message = format!(
            "{:>5.1} s  objects {staged:.0} staged, {:.0} parked  rows {rows:.0} loaded ({rate:.0}/s)  rejects {:.0}  mean lag {lag:.1} s",
            began.elapsed().as_secs_f64(),
            sum(&text, names::PARKED, ""),
            sum(&text, names::RECORDS, "outcome=\"rejected\""),
        );
        bar.set_position(staged as u64);
        bar.set_message(message.clone());
        if !terminal && (ended || tick % 5 == 0) {
            println!("  {message}");
        }
        if ended {
            break;
        }
    }
    bar.finish();
    println!();
}

/// The sum over a metric's series whose labels hold `label`.
pub(super) fn sum(text: &str, name: &str, label: &str) -> f64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']) && rest.contains(label))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        // An empty `sum()` of floats is -0.
        .fold(0.0, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_and_label_are_summed() {
        let text = "# HELP a x\na{l=\"1\",m=\"x\"} 2\na{l=\"2\",m=\"x\"} 3.5\na_sum{l=\"1\"} 100\nab 7\na 1\n";
        assert_eq!(sum(text, "a", ""), 6.5);
        assert_eq!(sum(text, "a", "l=\"2\""), 3.5);
        assert_eq!(sum(text, "a_sum", ""), 100.0);
    }
}
