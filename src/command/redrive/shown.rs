//! Parked messages for people, and for programs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::LoadMessage;
use crate::notify::{self, Event};
use crate::queue::ParkedMessage;

/// A reason is shown up to this many characters; JSON has the whole.
const REASON: usize = 300;

/// What is told of a parked message.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Shown {
    id: String,
    age_seconds: Option<i64>,
    pipelines: Vec<String>,
    fault: String,
    stage: String,
    kind: String,
    /// The object or the batch.
    pub(super) what: String,
    reason: String,
}

impl Shown {
    pub(super) fn new(message: &ParkedMessage, pipelines: &[String], now: Timestamp) -> Self {
        let attribute = |name: &str| message.attributes.get(name).cloned();
        // Without a reason it was not parked by Tidegate, but by SQS after its last receipt.
        let by_sqs = !message.attributes.contains_key("fault");
        let or = |name: &str, otherwise: &str| attribute(name).unwrap_or_else(|| otherwise.to_owned());
        Shown {
            id: message.id.clone(),
            age_seconds: message.sent_at.map(|sent| now.duration_since(sent).as_secs().max(0)),
            pipelines: pipelines.to_vec(),
            fault: or("fault", if by_sqs { "transient" } else { "-" }),
            stage: or("stage", if by_sqs { "queue" } else { "-" }),
            kind: or("kind", if by_sqs { "received-too-often" } else { "-" }),
            what: attribute("subject").unwrap_or_else(|| subject(&message.body)),
            reason: or(
                "reason",
                if by_sqs {
                    "moved here by SQS after too many receipts; the daemon's log says why they failed"
                } else {
                    ""
                },
            ),
        }
    }
}

/// What a message is about, by its body.
fn subject(body: &str) -> String {
    if let Ok(load) = serde_json::from_str::<LoadMessage>(body) {
        return format!("batch {}", load.batch);
    }
    let mut objects = notify::parse(body).unwrap_or_default().into_iter().filter_map(|event| match event {
        Event::Created(object) => Some(object.uri()),
        _ => None,
    });
    match (objects.next(), objects.count()) {
        (None, _) => "an unreadable message".to_owned(),
        (Some(first), 0) => first,
        (Some(first), more) => format!("{first} and {more} more"),
    }
}

/// The messages as a table, the oldest first, each with its reason below it, and their sum by kind.
pub(super) fn table(queue: &str, messages: &[Shown], behind: u64) -> String {
    if messages.is_empty() && behind == 0 {
        return format!("{queue}: nothing is parked\n");
    }
    let mut messages: Vec<&Shown> = messages.iter().collect();
    messages.sort_by_key(|message| std::cmp::Reverse(message.age_seconds));
    let header = ["AGE", "PIPELINE", "FAULT", "STAGE", "KIND", "WHAT"].map(str::to_owned);
    let rows: Vec<[String; 6]> = messages
        .iter()
        .map(|it| {
            [
                it.age_seconds.map_or_else(|| "?".to_owned(), age),
                if it.pipelines.is_empty() { "-".to_owned() } else { it.pipelines.join(",") },
                it.fault.clone(),
                it.stage.clone(),
                it.kind.clone(),
                it.what.clone(),
            ]
        })
        .collect();
    let mut widths = [0; 6];
    for row in std::iter::once(&header).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 6]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let mut text = format!("{queue}: {} parked\n\n", messages.len() as u64 + behind);
    text.push_str(&line(&header));
    for (row, message) in rows.iter().zip(&messages) {
        text.push_str(&line(row));
        if !message.reason.is_empty() {
            text.push_str(&format!("    {}\n", cut(&message.reason)));
        }
    }
    if behind > 0 {
        text.push_str(&format!(
            "and about {behind} more: a FIFO queue shows ten of a pipeline at once, and others may be looking at some\n"
        ));
    }
    let mut sums: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for message in &messages {
        *sums.entry((&message.stage, &message.kind)).or_default() += 1;
    }
    if sums.len() > 1 {
        let sums: Vec<String> = sums.iter().map(|((stage, kind), count)| format!("{count} {stage} {kind}")).collect();
        text.push_str(&format!("\nin all: {}\n", sums.join(", ")));
    }
    text
}

/// The same as JSON.
pub(super) fn json(queue: &str, messages: &[Shown], behind: u64, method: &str) -> String {
    let document = serde_json::json!({ "queue": queue, "messages": messages, "not_shown": behind, "moved": method });
    format!("{document:#}\n")
}

/// On one line, and not too long.
fn cut(reason: &str) -> String {
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(age: i64, attributes: &[(&str, &str)], body: &str) -> Shown {
        let sent = Timestamp::from_second(1_000_000 - age).expect("in range");
        let message = ParkedMessage {
            id: "m".into(),
            receipt: "r".into(),
            body: body.into(),
            group: None,
            sent_at: Some(sent),
            attributes: attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        let pipelines = message.attributes.get("pipeline").cloned().into_iter().collect::<Vec<_>>();
        Shown::new(&message, &pipelines, Timestamp::from_second(1_000_000).expect("in range"))
    }

    #[test]
    fn parked_messages_read_as_a_table_with_their_reasons_and_sums() {
        let messages = [
            message(
                75,
                &[
                    ("fault", "poison"),
                    ("stage", "read"),
                    ("kind", "corrupt"),
                    ("pipeline", "reviews"),
                    ("subject", "s3://landing/a.gz"),
                    ("reason", "the gzip stream\n ends early"),
                ],
                "",
            ),
            message(
                90_000,
                &[],
                r#"{"version":1,"pipeline":"p","batch":"0195b5f0-0000-7000-8000-000000000000","manifest":"s3://s/m"}"#,
            ),
            message(5, &[], "no JSON"),
        ];
        insta::assert_snapshot!(table("events", &messages, 3));
    }

    #[test]
    fn an_empty_queue_says_so() {
        assert_eq!(table("loads", &[], 0), "loads: nothing is parked\n");
    }
}
