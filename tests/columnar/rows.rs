//! Records as texts that can be compared, whoever read them.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tidegate::config::{Characters, Format, KeyPattern, OnUnknownField, Source};
use tidegate::decode::{self, Input};
use tidegate::error::Result;
use tidegate::model::{Extra, FieldIndex, Place, Raw, RecordSink, Rule, Value};

/// What became of the records of one object.
#[derive(Debug, Default)]
pub struct Rows {
    /// The values of the fields that no slot takes by their names, after those of slots.
    pub records: Vec<Record>,
    /// Those refused, with their rule and message.
    pub refused: Vec<(u64, Rule, String)>,
    /// Keeps each `step`th record; the others are only counted.
    pub step: u64,
    /// All records, the refused too.
    pub count: u64,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub slots: Vec<Option<String>>,
    pub extras: Vec<(String, String)>,
}

impl Record {
    /// The field that no slot takes.
    pub fn get(&self, name: &str) -> &str {
        let field = self.extras.iter().rev().find(|(found, _)| found == name);
        &field.unwrap_or_else(|| panic!("no field {name}")).1
    }
}

impl RecordSink for Rows {
    fn record(&mut self, place: Place, raw: Raw<'_>, slots: &[Option<Value<'_>>], extras: &[Extra<'_>]) -> Result<()> {
        self.count += 1;
        assert_eq!((place.record, place.line, place.offset), (self.count, None, None));
        if (self.count - 1).is_multiple_of(self.step.max(1)) {
            if self.count < 100 {
                let rendered: serde_json::Value = serde_json::from_slice(&raw.first(usize::MAX)).expect("JSON");
                assert!(rendered.is_object());
            }
            let extras = extras.iter().map(|extra| (extra.name.to_string(), shown(&extra.value))).collect();
            let slots = slots.iter().map(|slot| slot.as_ref().map(shown)).collect();
            self.records.push(Record { slots, extras });
        }
        Ok(())
    }

    fn refuse(&mut self, place: Place, raw: Raw<'_>, rule: Rule, message: String) -> Result<()> {
        self.count += 1;
        assert_eq!(place.record, self.count);
        assert!(!raw.first(100).is_empty());
        self.refused.push((place.record, rule, message));
        Ok(())
    }
}

/// A value as tests/columnar/rows.py writes it.
pub fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("bool {value}"),
        Value::Number(digits) => format!("number {digits}"),
        Value::Text(text) => format!("text {text}"),
        // Through a map that sorts its names: the order of an object's fields says nothing.
        Value::Json(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(json) => format!("json {json}"),
            Err(error) => format!("no json {error}: {text}"),
        },
        Value::Int(value) => format!("int {value}"),
        Value::Float(value) if value.is_nan() => "float NaN".into(),
        Value::Float(value) => format!("float {}", hex(*value)),
        Value::Decimal { units, scale } => format!("decimal {units} {scale}"),
        Value::Date(days) => format!("date {days}"),
        Value::TimeOfDay(micros) => format!("time {micros}"),
        Value::Micros(micros) => format!("micros {micros}"),
        Value::Nanos(nanos) => format!("nanos {nanos}"),
        Value::Bytes(bytes) => {
            format!("bytes {}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}

/// A float as Python's `float.hex` writes it.
fn hex(value: f64) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let bits = value.abs().to_bits();
    let (exponent, fraction) = ((bits >> 52) as i64, bits & ((1 << 52) - 1));
    match (exponent, fraction) {
        (0x7ff, _) => format!("{sign}inf"),
        (0, 0) => format!("{sign}0x0.0p+0"),
        (0, _) => format!("{sign}0x0.{fraction:013x}p-1022"),
        _ => format!("{sign}0x1.{fraction:013x}p{:+}", exponent - 1023),
    }
}

/// A source of `format` with the default bounds.
pub fn source(format: Format) -> Source {
    Source {
        bucket: "landing".into(),
        key: KeyPattern::parse("**").unwrap(),
        format,
        characters: Characters::default(),
        ignore_case: false,
        compression: None,
        on_unknown_field: OnUnknownField::Ignore,
        max_record_bytes: 4 << 20,
        max_object_bytes: 1 << 40,
        max_expansion: 1_000,
        max_read_time: Duration::from_secs(60),
        max_window: 64 << 20,
    }
}

/// Reads an object of which columns take `fields`, as the daemon does.
pub fn decode(format: Format, fields: &FieldIndex, object: impl Into<Bytes>, step: u64) -> Result<Rows> {
    let object = object.into();
    let input = match decode::needs_random_access(&format) {
        true => Input::Random(Arc::new(object)),
        false => Input::Stream(Box::new(Cursor::new(object))),
    };
    let mut rows = Rows { step, ..Rows::default() };
    decode::decode(&source(format), fields, input, &mut rows).map(|_| rows)
}

/// Reads all fields of an object.
pub fn all(format: Format, object: impl Into<Bytes>) -> Result<Rows> {
    decode(format, &FieldIndex::new().with_extras(), object, 1)
}
