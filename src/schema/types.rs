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
    /// A JSON value; staged as text of at most 65,535 bytes.
    Super,
    /// A time of day in microseconds; staged as text, as COPY from Parquet knows no such type.
    Time,
    /// A time of day in microseconds, of UTC; staged as text.
    TimeTz,
    /// Bytes, at most 1,024,000 of them; staged as hexadecimal text.
    Varbyte(u32),
    /// A number of months; staged as text.
    IntervalMonths,
    /// A number of microseconds; staged as text.
    IntervalSeconds,
}

impl ColumnType {
    /// The longest text that a staged SUPER may be, in bytes.
    pub const SUPER_BYTES: usize = 65_535;

    /// The most bytes of a staged VARBYTE: two digits each in a VARCHAR.
    pub const VARBYTE_BYTES: usize = 32_767;

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
            ColumnType::Char(_)
            | ColumnType::Varchar(_)
            | ColumnType::Super
            | ColumnType::Time
            | ColumnType::TimeTz
            | ColumnType::Varbyte(_)
            | ColumnType::IntervalMonths
            | ColumnType::IntervalSeconds => DataType::Utf8,
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp | ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// The type of the column that COPY fills: a SUPER arrives as text and is parsed by the insert, and so are the types that Parquet does
    /// not have; a TIMESTAMPTZ, whose COPY from Parquet is not documented, as a TIMESTAMP of UTC.
    pub fn staged(self) -> ColumnType {
        match self {
            ColumnType::Super => ColumnType::Varchar(Self::SUPER_BYTES as u16),
            ColumnType::TimestampTz => ColumnType::Timestamp,
            ColumnType::Time => ColumnType::Varchar(15),
            ColumnType::TimeTz => ColumnType::Varchar(18),
            ColumnType::Varbyte(length) => ColumnType::Varchar(2 * length.min(Self::VARBYTE_BYTES as u32) as u16),
            ColumnType::IntervalMonths | ColumnType::IntervalSeconds => ColumnType::Varchar(96),
            other => other,
        }
    }

    /// The value of the target's column as SQL, from the staged one that `column` names as SQL.
    pub fn of_staged(self, column: &str) -> String {
        match self {
            ColumnType::Super => format!("JSON_PARSE({column})"),
            // Explicitly: the implicit cast would take the session's time zone.
            ColumnType::TimestampTz => format!("({column} AT TIME ZONE 'UTC')"),
            ColumnType::Time | ColumnType::TimeTz | ColumnType::IntervalMonths | ColumnType::IntervalSeconds => {
                format!("CAST({column} AS {self})")
            }
            ColumnType::Varbyte(_) => format!("FROM_HEX({column})"),
            _ => column.to_owned(),
        }
    }

    /// Whether values of this type have an order that `newest_by`, `min` and `max` can use.
    pub fn is_ordered(self) -> bool {
        !matches!(
            self,
            ColumnType::Super
                | ColumnType::Boolean
                | ColumnType::Varbyte(_)
                | ColumnType::IntervalMonths
                | ColumnType::IntervalSeconds
        )
    }

    /// Whether rows can be told apart by values of this type, as a merge key.
    pub fn is_comparable(self) -> bool {
        !matches!(
            self,
            ColumnType::Super
                | ColumnType::Real
                | ColumnType::Double
                | ColumnType::Varbyte(_)
                | ColumnType::IntervalMonths
                | ColumnType::IntervalSeconds
        )
    }

    /// Whether the type holds text of a bounded length.
    pub fn is_text(self) -> bool {
        matches!(self, ColumnType::Char(_) | ColumnType::Varchar(_))
    }

    /// The bytes of the longest text that the type holds, if it is one.
    pub fn text_bytes(self) -> Option<usize> {
        match self {
            ColumnType::Char(length) | ColumnType::Varchar(length) => Some(usize::from(length)),
            _ => None,
        }
    }

    /// Whether the type holds numbers.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            ColumnType::SmallInt
                | ColumnType::Integer
                | ColumnType::BigInt
                | ColumnType::Decimal { .. }
                | ColumnType::Real
                | ColumnType::Double
        )
    }

    /// Whether the type holds days or moments.
    pub fn is_time(self) -> bool {
        matches!(self, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz)
    }

    /// Whether the type holds times of day.
    pub fn is_clock(self) -> bool {
        matches!(self, ColumnType::Time | ColumnType::TimeTz)
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
            ColumnType::Time => f.write_str("time"),
            ColumnType::TimeTz => f.write_str("timetz"),
            ColumnType::Varbyte(length) => write!(f, "varbyte({length})"),
            ColumnType::IntervalMonths => f.write_str("interval year to month"),
            ColumnType::IntervalSeconds => f.write_str("interval day to second"),
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
            "char" | "character" | "nchar" => {
                length(text, &arguments, 4_096, 0).map(|length| ColumnType::Char(length as u16))
            }
            "varchar" | "character varying" | "nvarchar" => {
                length(text, &arguments, 65_535, 65_535).map(|length| ColumnType::Varchar(length as u16))
            }
            "text" | "bpchar" => {
                Err(format!("Redshift turns `{name}` into 256 bytes; say the length in bytes, such as varchar(256)"))
            }
            "date" => plain(ColumnType::Date),
            "timestamp" | "timestamp without time zone" => plain(ColumnType::Timestamp),
            "timestamptz" | "timestamp with time zone" => plain(ColumnType::TimestampTz),
            "super" => plain(ColumnType::Super),
            "time" | "time without time zone" => plain(ColumnType::Time),
            "timetz" | "time with time zone" => plain(ColumnType::TimeTz),
            "varbyte" | "varbinary" | "binary varying" => {
                length(text, &arguments, 1_024_000, u32::MAX).map(ColumnType::Varbyte)
            }
            "interval year to month" => plain(ColumnType::IntervalMonths),
            "interval day to second" => match arguments.as_slice() {
                ["6"] => Ok(ColumnType::IntervalSeconds),
                _ => plain(ColumnType::IntervalSeconds),
            },
            _ => Err(not_loaded(text, name)),
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

/// A length from 1 to `most`; `max` stands for it where it is the type's own longest.
fn length(text: &str, arguments: &[&str], most: u32, max: u32) -> Result<u32, String> {
    match arguments {
        ["max"] if most == max => Ok(most),
        [number] => match number.parse() {
            Ok(length) if (1..=most).contains(&length) => Ok(length),
            _ => Err(format!("`{text}`: the length is 1 to {most} bytes")),
        },
        _ => Err(format!("`{text}` needs its length in bytes (1 to {most}), such as varchar(256)")),
    }
}

/// Why a type is not among those that are loaded.
fn not_loaded(text: &str, name: &str) -> String {
    match name {
        "geometry" | "geography" => format!(
            "`{text}`: only the warehouse can tell a valid shape from an invalid one, which would then fail the load; use \
             varchar(65535) for its text and turn it into a {name} in a [[step]]"
        ),
        "hllsketch" => format!(
            "`{text}`: only the warehouse can read a sketch, and a damaged one would fail the load; use varchar(65535) for \
             its text, or load the values and sketch them in a [[step]]"
        ),
        "interval" => format!("`{text}`: say `interval year to month` or `interval day to second`"),
        _ => format!(
            "`{text}` is no type that can be loaded; use smallint, integer, bigint, decimal(p,s), real, double \
             precision, boolean, char(n), varchar(n), date, timestamp, timestamptz, time, timetz, varbyte(n), interval \
             year to month, interval day to second or super"
        ),
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
            "time",
            "timetz",
            "varbyte(1024000)",
            "interval year to month",
            "interval day to second",
        ] {
            assert_eq!(text.parse::<ColumnType>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn aliases_mean_the_same_type() {
        assert_eq!("INT8".parse(), Ok(ColumnType::BigInt));
        assert_eq!("numeric( 12 , 2 )".parse(), Ok(ColumnType::Decimal { precision: 12, scale: 2 }));
        assert_eq!("varchar(max)".parse(), Ok(ColumnType::Varchar(65_535)));
        assert_eq!("varbinary(9)".parse(), Ok(ColumnType::Varbyte(9)));
        assert_eq!("INTERVAL DAY TO SECOND (6)".parse(), Ok(ColumnType::IntervalSeconds));
    }

    #[test]
    fn what_parquet_lacks_is_staged_as_text_and_converted_by_the_insert() {
        let conversion = |text: &str| {
            let column_type: ColumnType = text.parse().expect(text);
            (column_type.staged().to_string(), column_type.of_staged("s.\"c\""))
        };
        let expected = |staged: &str, sql: &str| (staged.to_owned(), sql.to_owned());
        assert_eq!(conversion("time"), expected("varchar(15)", "CAST(s.\"c\" AS time)"));
        assert_eq!(conversion("timetz"), expected("varchar(18)", "CAST(s.\"c\" AS timetz)"));
        assert_eq!(conversion("varbyte(16)"), expected("varchar(32)", "FROM_HEX(s.\"c\")"));
        assert_eq!(conversion("varbyte(1024000)").0, "varchar(65534)");
        let interval = "CAST(s.\"c\" AS interval day to second)";
        assert_eq!(conversion("interval day to second"), expected("varchar(96)", interval));
        assert_eq!(conversion("super"), expected("varchar(65535)", "JSON_PARSE(s.\"c\")"));
        assert_eq!(conversion("bigint"), expected("bigint", "s.\"c\""));
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
            ("money", "no type that can be loaded"),
            ("geometry", "[[step]]"),
            ("hllsketch", "[[step]]"),
            ("interval", "interval year to month"),
            ("varbyte", "1 to 1024000"),
            ("varbyte(max)", "1 to 1024000"),
            ("char(max)", "1 to 4096"),
            ("varchar(4", "closing parenthesis"),
        ] {
            let error = text.parse::<ColumnType>().expect_err(text);
            assert!(error.contains(remedy), "{text}: {error}");
        }
    }
}
