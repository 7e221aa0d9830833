//! A column's type: as the configuration and Redshift write it, and as Arrow holds it.

use std::fmt;
use std::str::FromStr;

use arrow_schema::{DataType, TimeUnit};

/// A Redshift column type that Tidegate loads.
///
/// Lengths are in bytes, as Redshift counts them; see "Data types" in the Redshift developer guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// 16-bit integer.
    SmallInt,
    /// 32-bit integer.
    Integer,
    /// 64-bit integer.
    BigInt,
    /// Exact decimal of at most 38 digits, `scale` of them behind the point.
    Decimal {
        /// All digits, 1 to 38.
        precision: u8,
        /// The digits behind the point, 0 to `precision`, at most 37.
        scale: u8,
    },
    /// 32-bit float.
    Real,
    /// 64-bit float.
    Double,
    /// True or false.
    Boolean,
    /// ASCII text, padded with blanks, of at most 4,096 bytes.
    Char(u16),
    /// UTF-8 text of at most 65,535 bytes.
    Varchar(u16),
    /// A calendar day.
    Date,
    /// A local time in microseconds.
    Timestamp,
    /// An instant in microseconds.
    TimestampTz,
    /// A JSON value; staged as text of at most 65,535 bytes, or within a JSON object.
    Super,
}

impl ColumnType {
    /// The longest text that a staged SUPER may be, in bytes.
    pub const SUPER_BYTES: usize = 65_535;

    /// The longest text of a SUPER in any staged form, in bytes: what JSON can carry in one object.
    pub const LONGEST_SUPER_BYTES: usize = 4_000_000;

    /// The Arrow type in which values of this type are batched and staged.
    pub fn arrow(self) -> DataType {
        match self {
            ColumnType::SmallInt => DataType::Int16,
            ColumnType::Integer => DataType::Int32,
            ColumnType::BigInt => DataType::Int64,
            ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            ColumnType::Real => DataType::Float32,
            ColumnType::Double => DataType::Float64,
            ColumnType::Boolean => DataType::Boolean,
            ColumnType::Char(_) | ColumnType::Varchar(_) | ColumnType::Super => DataType::Utf8,
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp | ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// The type of the column that COPY fills: a SUPER arrives as text and is parsed by the insert; a TIMESTAMPTZ, whose COPY from
    /// Parquet is not documented, as a TIMESTAMP of UTC.
    pub fn staged(self) -> ColumnType {
        match self {
            ColumnType::Super => ColumnType::Varchar(Self::SUPER_BYTES as u16),
            ColumnType::TimestampTz => ColumnType::Timestamp,
            other => other,
        }
    }

    /// Whether values of this type have an order that `newest_by`, `min` and `max` can use.
    pub fn is_ordered(self) -> bool {
        !matches!(self, ColumnType::Super | ColumnType::Boolean)
    }

    /// Whether rows can be told apart by values of this type, as a merge key.
    pub fn is_comparable(self) -> bool {
        !matches!(self, ColumnType::Super | ColumnType::Real | ColumnType::Double)
    }

    /// Whether the type holds text of a bounded length.
    pub fn is_text(self) -> bool {
        matches!(self, ColumnType::Char(_) | ColumnType::Varchar(_))
    }
}

impl fmt::Display for ColumnType {
    /// The type as Redshift's DDL writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnType::SmallInt => f.write_str("smallint"),
            ColumnType::Integer => f.write_str("integer"),
            ColumnType::BigInt => f.write_str("bigint"),
            ColumnType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            ColumnType::Real => f.write_str("real"),
            ColumnType::Double => f.write_str("double precision"),
            ColumnType::Boolean => f.write_str("boolean"),
            ColumnType::Char(length) => write!(f, "char({length})"),
            ColumnType::Varchar(length) => write!(f, "varchar({length})"),
            ColumnType::Date => f.write_str("date"),
            ColumnType::Timestamp => f.write_str("timestamp"),
            ColumnType::TimestampTz => f.write_str("timestamptz"),
            ColumnType::Super => f.write_str("super"),
        }
    }
}

impl FromStr for ColumnType {
    type Err = String;

    /// Reads a type as Redshift writes it, aliases included.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        let (name, arguments) = match lower.split_once('(') {
            None => (lower.trim(), Vec::new()),
            Some((name, rest)) => {
                let inner = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks its closing parenthesis"))?;
                (name.trim(), inner.split(',').map(str::trim).collect())
            }
        };
        let plain = |kind: ColumnType| {
            if arguments.is_empty() { Ok(kind) } else { Err(format!("`{name}` takes no length; write `{name}`")) }
        };
        match name {
            "smallint" | "int2" => plain(ColumnType::SmallInt),
            "integer" | "int" | "int4" => plain(ColumnType::Integer),
            "bigint" | "int8" => plain(ColumnType::BigInt),
            "decimal" | "numeric" => decimal(text, &arguments),
            "real" | "float4" => plain(ColumnType::Real),
            "double precision" | "double" | "float8" | "float" => plain(ColumnType::Double),
            "boolean" | "bool" => plain(ColumnType::Boolean),
            "char" | "character" | "nchar" => length(text, &arguments, 4_096).map(ColumnType::Char),
            "varchar" | "character varying" | "nvarchar" => length(text, &arguments, 65_535).map(ColumnType::Varchar),
            "text" | "bpchar" => {
                Err(format!("Redshift turns `{name}` into 256 bytes; say the length in bytes, such as varchar(256)"))
            }
            "date" => plain(ColumnType::Date),
            "timestamp" | "timestamp without time zone" => plain(ColumnType::Timestamp),
            "timestamptz" | "timestamp with time zone" => plain(ColumnType::TimestampTz),
            "super" => plain(ColumnType::Super),
            _ => Err(format!(
                "`{text}` is no type that can be loaded; use smallint, integer, bigint, decimal(p,s), real, double \
                 precision, boolean, char(n), varchar(n), date, timestamp, timestamptz or super"
            )),
        }
    }
}

fn decimal(text: &str, arguments: &[&str]) -> Result<ColumnType, String> {
    let numbers: Option<Vec<u8>> = arguments.iter().map(|argument| argument.parse().ok()).collect();
    let (precision, scale) = match numbers.as_deref() {
        Some([precision]) => (*precision, 0),
        Some([precision, scale]) => (*precision, *scale),
        _ => return Err(format!("`{text}` needs its digits, such as decimal(12,2)")),
    };
    if !(1..=38).contains(&precision) || scale > precision || scale > 37 {
        return Err(format!(
            "`{text}`: a decimal has 1 to 38 digits, at most 37 of them (and no more than all) after the point"
        ));
    }
    Ok(ColumnType::Decimal { precision, scale })
}

fn length(text: &str, arguments: &[&str], most: u16) -> Result<u16, String> {
    match arguments {
        ["max"] if most > 4_096 => Ok(most),
        [number] => match number.parse() {
            Ok(length) if (1..=most).contains(&length) => Ok(length),
            _ => Err(format!("`{text}`: the length is 1 to {most} bytes")),
        },
        _ => Err(format!("`{text}` needs its length in bytes (1 to {most}), such as varchar(256)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_as_it_is_written() {
        for text in [
            "smallint",
            "integer",
            "bigint",
            "decimal(38,37)",
            "real",
            "double precision",
            "boolean",
            "char(4096)",
            "varchar(65535)",
            "date",
            "timestamp",
            "timestamptz",
            "super",
        ] {
            assert_eq!(text.parse::<ColumnType>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn aliases_mean_the_same_type() {
        assert_eq!("INT8".parse(), Ok(ColumnType::BigInt));
        assert_eq!("numeric( 12 , 2 )".parse(), Ok(ColumnType::Decimal { precision: 12, scale: 2 }));
        assert_eq!("varchar(max)".parse(), Ok(ColumnType::Varchar(65_535)));
    }

    #[test]
    fn what_redshift_would_mangle_or_refuse_is_refused_with_a_remedy() {
        for (text, remedy) in [
            ("text", "varchar(256)"),
            ("varchar", "length in bytes"),
            ("varchar(65536)", "1 to 65535"),
            ("varchar(0)", "1 to 65535"),
            ("char(4097)", "1 to 4096"),
            ("decimal(39,2)", "1 to 38 digits"),
            ("decimal(5,6)", "1 to 38 digits"),
            ("decimal", "decimal(12,2)"),
            ("integer(4)", "write `integer`"),
            ("geometry", "no type that can be loaded"),
            ("varchar(4", "closing parenthesis"),
        ] {
            let error = text.parse::<ColumnType>().expect_err(text);
            assert!(error.contains(remedy), "{text}: {error}");
        }
    }
}
