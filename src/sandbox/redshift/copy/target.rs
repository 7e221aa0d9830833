//! The columns that a COPY writes.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Copy;
use crate::sandbox::redshift::failure::Failure;
use crate::sandbox::redshift::result::{ResultSet, Shape};
use crate::sandbox::redshift::rewrite::tokens::literal;

/// A column of the target.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) modifier: i32,
    pub(super) mandatory: bool,
    pub(super) identity: bool,
}

impl Column {
    /// The length in bytes of a VARCHAR or CHAR, or the precision of a DECIMAL.
    pub(super) fn length(&self) -> i32 {
        Shape::of(&self.kind, self.modifier).precision
    }

    /// The scale of a DECIMAL.
    pub(super) fn scale(&self) -> i32 {
        Shape::of(&self.kind, self.modifier).scale
    }

    /// The type as Redshift's messages write it.
    pub(super) fn type_name(&self) -> String {
        let name = match self.kind {
            Type::INT2 => "SMALLINT",
            Type::INT4 => "INT",
            Type::INT8 => "BIGINT",
            Type::FLOAT4 => "REAL",
            Type::FLOAT8 => "DOUBLE PRECISION",
            Type::NUMERIC => return format!("DECIMAL({},{})", self.length(), self.scale()),
            Type::BPCHAR => return format!("CHAR({})", self.length()),
            Type::VARCHAR | Type::TEXT => return format!("VARCHAR({})", self.length()),
            Type::BOOL => "BOOLEAN",
            Type::JSONB => "SUPER",
            Type::BYTEA => "VARBYTE",
            _ => return self.kind.name().to_uppercase(),
        };
        name.to_owned()
    }
}

/// Looks up the columns that the statement names, in its order.
pub(super) async fn columns(client: &Client, copy: &Copy) -> Result<Vec<Column>, Failure> {
    let sql = format!(
        "SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity <> '' FROM pg_attribute a \
         WHERE a.attrelid = to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        literal(&copy.target())
    );
    let found = ResultSet::query(client, &sql).await?;
    if found.len() == 0 {
        return Err(Failure::new(format_args!("Cannot COPY into nonexistent table {}", copy.table)));
    }
    let all: Vec<Column> = (0..found.len())
        .map(|row| Column {
            name: found.text(row, 0).unwrap_or_default().to_owned(),
            kind: found.text(row, 1).and_then(|oid| oid.parse().ok()).and_then(Type::from_oid).unwrap_or(Type::UNKNOWN),
            modifier: found.text(row, 2).and_then(|modifier| modifier.parse().ok()).unwrap_or(-1),
            mandatory: found.text(row, 3) == Some("t"),
            identity: found.text(row, 4) == Some("t"),
        })
        .collect();
    let Some(names) = &copy.columns else {
        return Ok(all.into_iter().filter(|column| copy.explicit_ids || !column.identity).collect());
    };
    let mut chosen: Vec<Column> = Vec::with_capacity(names.len());
    for name in names {
        if chosen.iter().any(|column| column.name == *name) {
            return Err(Failure::new(format_args!("column \"{name}\" specified more than once")));
        }
        let column = all.iter().find(|column| column.name == *name).ok_or_else(|| {
            Failure::new(format_args!("column \"{name}\" of relation \"{}\" does not exist", copy.table))
        })?;
        if column.identity && !copy.explicit_ids {
            return Err(Failure::new(format_args!(
                "cannot set an identity column to a value: use EXPLICIT_IDS for \"{name}\""
            )));
        }
        chosen.push(column.clone());
    }
    Ok(chosen)
}
