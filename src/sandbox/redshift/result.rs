//! A statement's result, and its form in the Data API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Column, SimpleQueryMessage};

use super::failure::Failure;

/// The most rows, and about the most bytes, of a page.
const PAGE_ROWS: usize = 1000;
const PAGE_BYTES: usize = 1 << 20;

/// Redshift's limit for one result.
const RESULT_BYTES: u64 = 500 << 20;

/// The rows of a result, as text.
#[derive(Debug)]
pub(super) struct ResultSet {
    columns: Vec<ResultColumn>,
    rows: Vec<Vec<Option<String>>>,
    /// The bytes of all values.
    pub(super) size: u64,
}

#[derive(Debug)]
struct ResultColumn {
    name: String,
    kind: Type,
    modifier: i32,
    table: Option<u32>,
}

impl From<&Column> for ResultColumn {
    fn from(column: &Column) -> Self {
        ResultColumn {
            name: column.name().to_lowercase(),
            kind: column.type_().clone(),
            modifier: column.type_modifier(),
            table: column.table_oid(),
        }
    }
}

impl ResultSet {
    /// Runs a statement that gives rows.
    pub(super) async fn query(client: &Client, sql: &str) -> Result<ResultSet, Failure> {
        let prepared = client.prepare(sql).await?;
        let columns: Vec<ResultColumn> = prepared.columns().iter().map(ResultColumn::from).collect();
        let mut stream = std::pin::pin!(client.simple_query_raw(sql).await?);
        let (mut rows, mut size) = (Vec::new(), 0);
        while let Some(message) = stream.try_next().await? {
            if let SimpleQueryMessage::Row(row) = message {
                let row: Vec<Option<String>> = (0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect();
                size += row.iter().flatten().map(|value| value.len() as u64).sum::<u64>();
                if size > RESULT_BYTES {
                    return Err(Failure::new("Query result exceeds the maximum size of 500 MB"));
                }
                rows.push(row);
            }
        }
        Ok(ResultSet { columns, rows, size })
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The value at a place, as text.
    pub(super) fn text(&self, row: usize, column: usize) -> Option<&str> {
        self.rows.get(row)?.get(column)?.as_deref()
    }

    /// The reply of GetStatementResult for the page that starts at row `start`.
    pub(super) fn page(&self, start: usize) -> Value {
        let mut records: Vec<Vec<Value>> = Vec::new();
        let mut bytes = 0;
        for row in self.rows.iter().skip(start).take(PAGE_ROWS) {
            if bytes > PAGE_BYTES {
                break;
            }
            bytes += row.iter().flatten().map(String::len).sum::<usize>();
            records.push(
                row.iter().zip(&self.columns).map(|(value, column)| field(value.as_deref(), &column.kind)).collect(),
            );
        }
        let next = start + records.len();
        let metadata: Vec<Value> = self.columns.iter().map(ResultColumn::metadata).collect();
        let mut reply = json!({ "Records": records, "ColumnMetadata": metadata, "TotalNumRows": self.rows.len() });
        if next < self.rows.len() {
            reply["NextToken"] = json!(next.to_string());
        }
        reply
    }
}

/// One value: exactly one of the union's members.
fn field(value: Option<&str>, kind: &Type) -> Value {
    let Some(text) = value else { return json!({ "isNull": true }) };
    match *kind {
        Type::BOOL => json!({ "booleanValue": text == "t" }),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => match text.parse::<i64>() {
            Ok(number) => json!({ "longValue": number }),
            Err(_) => json!({ "stringValue": text }),
        },
        Type::FLOAT4 | Type::FLOAT8 => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => json!({ "doubleValue": number }),
            // AWS's JSON protocol writes them as strings.
            _ => json!({ "doubleValue": text }),
        },
        Type::BYTEA => json!({ "blobValue": STANDARD.encode(unhex(text.strip_prefix("\\x").unwrap_or(text))) }),
        _ => json!({ "stringValue": text }),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .filter_map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

impl ResultColumn {
    fn metadata(&self) -> Value {
        let shape = Shape::of(&self.kind, self.modifier);
        json!({
            "name": self.name, "label": self.name, "typeName": shape.name, "precision": shape.precision, "scale": shape.scale,
            "length": 0, "nullable": 1, "isSigned": shape.signed, "isCurrency": false, "isCaseSensitive": shape.text,
            "schemaName": if self.table.is_some() { "public" } else { "" }, "tableName": "",
        })
    }
}

/// A type as the Data API describes it.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) precision: i32,
    pub(super) scale: i32,
    pub(super) signed: bool,
    pub(super) text: bool,
}

impl Shape {
    /// The shape of a PostgreSQL type with its modifier.
    pub(super) fn of(kind: &Type, modifier: i32) -> Shape {
        let length = if modifier > 4 { modifier - 4 } else { 65_535 };
        let (name, precision, scale) = match *kind {
            Type::BOOL => ("bool", 1, 0),
            Type::INT2 => ("int2", 5, 0),
            Type::INT4 | Type::OID => ("int4", 10, 0),
            Type::INT8 => ("int8", 19, 0),
            Type::FLOAT4 => ("float4", 8, 8),
            Type::FLOAT8 => ("float8", 17, 17),
            Type::NUMERIC if modifier > 4 => ("numeric", ((modifier - 4) >> 16) & 0xffff, (modifier - 4) & 0x7ff),
            Type::NUMERIC => ("numeric", 38, 0),
            Type::DATE => ("date", 13, 0),
            Type::TIME => ("time", 15, 6),
            Type::TIMETZ => ("timetz", 21, 6),
            Type::TIMESTAMP => ("timestamp", 29, 6),
            Type::TIMESTAMPTZ => ("timestamptz", 35, 6),
            Type::INTERVAL => ("interval", 49, 6),
            Type::JSONB | Type::JSON => ("super", 2_147_483_647, 0),
            Type::BYTEA => ("varbyte", 65_535, 0),
            Type::BPCHAR => ("bpchar", length, 0),
            _ => ("varchar", length, 0),
        };
        let signed = matches!(name, "int2" | "int4" | "int8" | "float4" | "float8" | "numeric");
        Shape { name, precision, scale, signed, text: matches!(name, "varchar" | "bpchar") }
    }
}
