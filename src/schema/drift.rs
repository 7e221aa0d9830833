//! How a live table differs from what its pipeline needs. Pure.

use std::fmt;

use super::ColumnType;

/// A column of a live table, as the catalogue says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveColumn {
    /// The name, in lower case.
    pub name: String,
    /// The type; `None`, with its name, if Tidegate does not load it.
    pub column_type: Result<ColumnType, String>,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// Whether it has a value of its own where an insert gives none: a default or an identity.
    pub has_default: bool,
}

impl LiveColumn {
    /// A column from a row of `SVV_COLUMNS`: `data_type`, the length of a text, precision and scale of a decimal.
    pub fn from_catalog(
        name: &str,
        data_type: &str,
        length: Option<u32>,
        digits: Option<(u32, u32)>,
        nullable: bool,
        has_default: bool,
    ) -> Self {
        let written = match (data_type, length, digits) {
            ("character varying" | "character" | "varchar" | "char", Some(length), _) => {
                format!("{data_type}({length})")
            }
            // A catalogue that gives no length does not bound it.
            ("binary varying" | "varbyte", length, _) => format!("varbyte({})", length.unwrap_or(1_024_000)),
            ("numeric" | "decimal", _, Some((precision, scale))) => format!("decimal({precision},{scale})"),
            _ => data_type.to_owned(),
        };
        let column_type = written.parse().map_err(|_| written);
        LiveColumn { name: name.to_lowercase(), column_type, nullable, has_default }
    }
}

/// A column that a load fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The name, in lower case.
    pub name: String,
    /// The type that it is declared or staged with.
    pub column_type: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// What about one column differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The column.
    pub column: String,
    /// What.
    pub kind: Kind,
}

/// The kinds of difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The table does not have the column.
    Missing(ColumnType),
    /// Its type cannot hold what is loaded: the declared one, and the table's.
    Type(ColumnType, String),
    /// Its text is shorter: the declared length and the table's, in bytes.
    Shorter(u16, u16),
    /// It refuses NULL, which the pipeline allows.
    Nullable,
    /// It needs a value, which the pipeline does not give.
    Unfilled,
}

impl Difference {
    /// Whether no load can succeed before it is mended; the others refuse some rows at most.
    pub fn blocks(&self) -> bool {
        matches!(self.kind, Kind::Missing(_) | Kind::Type(..) | Kind::Unfilled)
    }

    /// The name of its kind, in metrics.
    pub fn label(&self) -> &'static str {
        match self.kind {
            Kind::Missing(_) => "missing",
            Kind::Type(..) => "type",
            Kind::Shorter(..) => "shorter",
            Kind::Nullable => "nullable",
            Kind::Unfilled => "unfilled",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = &self.column;
        match &self.kind {
            Kind::Missing(declared) => write!(f, "{column}: missing, declared {declared}"),
            Kind::Type(declared, live) => write!(f, "{column}: declared {declared}, but the table's is {live}"),
            Kind::Shorter(declared, live) => {
                write!(f, "{column}: declared {declared} bytes, but the table's has {live}")
            }
            Kind::Nullable => write!(f, "{column}: NOT NULL in the table, but not required in the pipeline"),
            Kind::Unfilled => {
                write!(f, "{column}: NOT NULL without a default in the table, but not filled by the pipeline")
            }
        }
    }
}

/// The differences between a live table and the columns that a load fills, in the order of `wanted`, then of the table.
pub fn differences(live: &[LiveColumn], wanted: &[Wanted]) -> Vec<Difference> {
    let mut found = Vec::new();
    for column in wanted {
        let mut differs = |kind| found.push(Difference { column: column.name.clone(), kind });
        let Some(there) = live.iter().find(|live| live.name == column.name) else {
            differs(Kind::Missing(column.column_type));
            continue;
        };
        match &there.column_type {
            Ok(live) => match fit(column.column_type, *live) {
                Fit::Holds => {}
                Fit::Shorter(declared, live) => differs(Kind::Shorter(declared, live)),
                Fit::Differs => differs(Kind::Type(column.column_type, live.to_string())),
            },
            // The catalogue's words for the fields of an interval are not documented.
            Err(live) if column.column_type.to_string().starts_with("interval") && live.starts_with("interval") => {}
            Err(live) => differs(Kind::Type(column.column_type, live.clone())),
        }
        if column.nullable && !there.nullable && !there.has_default {
            differs(Kind::Nullable);
        }
    }
    for there in live {
        let filled = wanted.iter().any(|column| column.name == there.name);
        if !filled && !there.nullable && !there.has_default {
            found.push(Difference { column: there.name.clone(), kind: Kind::Unfilled });
        }
    }
    found
}

enum Fit {
    Holds,
    Shorter(u16, u16),
    Differs,
}

/// Whether a value of the declared type is one of the live type, unchanged.
fn fit(declared: ColumnType, live: ColumnType) -> Fit {
    use ColumnType::{BigInt, Char, Date, Decimal, Double, Integer, Real, SmallInt, Timestamp, Varchar};
    let whole = |column_type| match column_type {
        SmallInt => Some(5),
        Integer => Some(10),
        BigInt => Some(19),
        _ => None,
    };
    let holds = match (declared, live) {
        (Char(declared) | Varchar(declared), Varchar(live)) | (Char(declared), Char(live)) => {
            return if live < declared { Fit::Shorter(declared, live) } else { Fit::Holds };
        }
        (Decimal { precision, scale }, Decimal { precision: digits, scale: behind }) => {
            behind >= scale && digits - behind >= precision - scale
        }
        (from, Decimal { precision, scale }) if whole(from).is_some() => {
            whole(from).is_some_and(|digits| precision - scale >= digits)
        }
        (from, to) if whole(from).is_some() => whole(to).is_some_and(|digits| Some(digits) >= whole(from)),
        (ColumnType::Varbyte(declared), ColumnType::Varbyte(live)) => live >= declared,
        (Real | Double, Double) | (Real, Real) | (Date, Date | Timestamp) => true,
        (declared, live) => declared == live,
    };
    if holds { Fit::Holds } else { Fit::Differs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(name: &str, data_type: &str, nullable: bool) -> LiveColumn {
        LiveColumn {
            name: name.to_owned(),
            column_type: data_type.parse().map_err(|_| data_type.to_owned()),
            nullable,
            has_default: false,
        }
    }

    fn wanted(name: &str, column_type: &str, nullable: bool) -> Wanted {
        Wanted { name: name.to_owned(), column_type: column_type.parse().expect(column_type), nullable }
    }

    #[test]
    fn every_kind_of_difference_is_told_column_by_column() {
        let table = [
            live("id", "integer", false),
            live("name", "varchar(8)", false),
            live("place", "geometry", true),
            live("extra", "date", false),
        ];
        let declared = [
            wanted("id", "bigint", false),
            wanted("name", "varchar(16)", true),
            wanted("place", "super", true),
            wanted("new", "timestamp", true),
        ];
        let found = differences(&table, &declared);
        let report: Vec<String> = found.iter().map(Difference::to_string).collect();
        assert_eq!(
            report,
            [
                "id: declared bigint, but the table's is integer",
                "name: declared 16 bytes, but the table's has 8",
                "name: NOT NULL in the table, but not required in the pipeline",
                "place: declared super, but the table's is geometry",
                "new: missing, declared timestamp",
                "extra: NOT NULL without a default in the table, but not filled by the pipeline",
            ]
        );
        let blocking: Vec<bool> = found.iter().map(Difference::blocks).collect();
        assert_eq!(blocking, [true, false, false, true, true, true]);
    }

    #[test]
    fn wider_types_hold_what_is_declared() {
        for (declared, table) in [
            ("smallint", "bigint"),
            ("integer", "decimal(12,2)"),
            ("decimal(10,2)", "decimal(12,2)"),
            ("decimal(10,2)", "decimal(12,4)"),
            ("varchar(8)", "varchar(8)"),
            ("char(3)", "varchar(3)"),
            ("real", "double precision"),
            ("date", "timestamp"),
        ] {
            assert_eq!(
                differences(&[live("a", table, true)], &[wanted("a", declared, true)]),
                [],
                "{declared} {table}"
            );
        }
        for (declared, table) in [
            ("bigint", "decimal(18,0)"),
            ("decimal(10,2)", "decimal(10,4)"),
            ("timestamp", "timestamptz"),
            ("varchar(3)", "char(3)"),
            ("double precision", "real"),
        ] {
            assert_eq!(
                differences(&[live("a", table, true)], &[wanted("a", declared, true)]).len(),
                1,
                "{declared} {table}"
            );
        }
    }

    #[test]
    fn the_catalogues_words_are_types() {
        let column = |data_type, length, digits| {
            LiveColumn::from_catalog("A", data_type, length, digits, true, false).column_type
        };
        assert_eq!(column("character varying", Some(256), None), Ok(ColumnType::Varchar(256)));
        assert_eq!(column("numeric", None, Some((12, 2))), Ok(ColumnType::Decimal { precision: 12, scale: 2 }));
        assert_eq!(column("timestamp without time zone", None, None), Ok(ColumnType::Timestamp));
        assert_eq!(column("double precision", None, Some((53, 0))), Ok(ColumnType::Double));
        assert_eq!(column("geometry", None, None), Err("geometry".to_owned()));
    }
}
