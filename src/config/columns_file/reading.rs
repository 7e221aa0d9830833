//! `parse`, `time_zone` and `pattern`: how a text is read and what it must look like.

use regex::{Regex, RegexBuilder};

use crate::config::column::Column;
use crate::config::value::{Item, shown};
use crate::schema::ColumnType;
use crate::schema::value::{BinaryText, TimeParse, clock_format_problem, format_problem};

/// How large a compiled pattern may become, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// Fills in what `parse` says.
pub(super) fn parse(item: Item<'_>, column: &mut Column) -> Option<()> {
    let column_type = column.column_type;
    if let ColumnType::Varbyte(_) = column_type {
        column.reading.binary = item.one_of(&[("hex", BinaryText::Hex), ("base64", BinaryText::Base64)])?;
    } else {
        column.parse = time_parse(item, column_type)?;
    }
    Some(())
}

fn time_parse(item: Item<'_>, column_type: ColumnType) -> Option<TimeParse> {
    if !column_type.is_time() && !column_type.is_clock() {
        item.problem(
            format!("`parse` says how times are read, but the column is {column_type}"),
            "remove `parse`, or make the column a date, timestamp or timestamptz",
        );
        return None;
    }
    let clock = column_type.is_clock();
    let help = match clock {
        false => {
            "write \"iso\", \"epoch-seconds\", \"epoch-millis\", \"epoch-micros\", or a strftime format or list of \
             them, such as \"%d/%b/%Y:%H:%M:%S %z\""
        }
        true => "write \"iso\", or a strftime format or list of them, such as \"%I:%M %p\"",
    };
    let format = |text: &str| format(text, clock);
    if item.is_list() {
        let items = item.list("[\"%Y-%m-%d\", \"%d.%m.%Y\"]")?;
        if items.is_empty() {
            item.problem("`parse` is an empty list: no time could be read", help);
            return None;
        }
        let formats: Vec<Option<String>> = items.into_iter().map(|item| item.parsed(help, format)).collect();
        return formats.into_iter().collect::<Option<Vec<_>>>().map(TimeParse::Formats);
    }
    item.parsed(help, |text| match text {
        "iso" => Ok(TimeParse::Iso),
        "epoch-seconds" if !clock => Ok(TimeParse::EpochSeconds),
        "epoch-millis" if !clock => Ok(TimeParse::EpochMillis),
        "epoch-micros" if !clock => Ok(TimeParse::EpochMicros),
        _ => format(text).map(|format| TimeParse::Formats(vec![format])),
    })
}

fn format(text: &str, clock: bool) -> Result<String, String> {
    if !text.contains('%') {
        return Err(format!("`{}` is no way to read times: a strftime format contains `%`", shown(text)));
    }
    match if clock { clock_format_problem(text) } else { format_problem(text) } {
        Some(problem) => Err(format!("the format cannot work: {problem}")),
        None => Ok(text.to_owned()),
    }
}

/// What `pattern` says.
pub(super) fn pattern(item: Item<'_>, column_type: ColumnType) -> Option<Regex> {
    if !column_type.is_text() {
        item.problem(
            format!("`pattern` is for texts, but the column is {column_type}"),
            "remove `pattern`; `min` and `max` bound numbers and times",
        );
        return None;
    }
    item.parsed("write a regular expression of the `regex` crate, such as '^[A-Z0-9]{10}$'", |text| {
        RegexBuilder::new(text).size_limit(PATTERN_BYTES).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern compiles to more than 1 MiB".to_owned(),
            error => {
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                format!("the pattern is no regular expression: {}", reason.trim_start_matches("error: "))
            }
        })
    })
}
