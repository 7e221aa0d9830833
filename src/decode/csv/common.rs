//! The common record: a line without what needs a second look, split in one pass, its fields offered where they stand.
//!
//! Whatever is out of the common (a doubled quote, a quote that goes over lines, fields missing) is left to the exact way, which begins the
//! record again; so this file has to be right only about what it accepts, and tests hold the two ways against each other.

use super::Columns;
use crate::config::CsvOptions;
use crate::decode::scan::find_byte;
use crate::model::SlotSpan;

/// Splits common lines.
pub(super) struct Common<'c> {
    options: &'c CsvOptions,
    columns: &'c Columns,
    /// Whether an empty field stands for null.
    empty_is_null: bool,
    /// The other texts that do.
    null_texts: Vec<&'c [u8]>,
    spans: Vec<SlotSpan>,
}

impl<'c> Common<'c> {
    /// For these options; `None` where every record has to go the exact way.
    pub(super) fn new(options: &'c CsvOptions, columns: &'c Columns, wants_extras: bool) -> Option<Self> {
        let all_taken = columns.slots.iter().all(Option::is_some);
        let plain = options.escape.is_none() && !options.trailing_delimiter && (!wants_extras || all_taken);
        let texts = || options.null_values.iter().map(String::as_bytes);
        plain.then(|| Common {
            options,
            columns,
            empty_is_null: texts().any(<[u8]>::is_empty),
            null_texts: texts().filter(|text| !text.is_empty()).collect(),
            spans: Vec::new(),
        })
    }

    /// The fields of the line that columns take; `None` if the line is not common.
    pub(super) fn fields(&mut self, line: &[u8]) -> Option<&[SlotSpan]> {
        // A text with a NUL is a column's to refuse or to mend.
        if memchr::memchr(0, line).is_some() || simdutf8::basic::from_utf8(line).is_err() {
            return None;
        }
        self.spans.clear();
        let CsvOptions { delimiter, quote, .. } = self.options;
        let mut at = 0;
        let mut slots = self.columns.slots.iter();
        loop {
            let slot = slots.next()?;
            let quoted = quote.is_some() && line.get(at) == quote.as_ref();
            let (start, end, behind) = match (quoted, quote) {
                (true, Some(quote)) => {
                    let close = at + 1 + memchr::memchr(*quote, &line[at + 1..])?;
                    (at + 1, close, close + 1)
                }
                _ => {
                    let end = find_byte(line, at, *delimiter);
                    (at, end, end)
                }
            };
            if let Some(slot) = *slot {
                let null = !quoted
                    && if start == end { self.empty_is_null } else { self.null_texts.contains(&&line[start..end]) };
                self.spans.push(SlotSpan { slot, start, end, null });
            }
            match line.get(behind) {
                None => break,
                Some(byte) if byte == delimiter => at = behind + 1,
                Some(_) => return None,
            }
        }
        // Fewer fields than names are the exact way's.
        slots.next().is_none().then_some(&self.spans)
    }
}
