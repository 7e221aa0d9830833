//! The keys of `[source]` that keep unknown fields, and the column that they make.

use super::column::{Column, ColumnSource};
use super::columns_file;
use super::pipeline::OnUnknownField;
use super::value::{Item, Table, shown};
use crate::schema::{ColumnType, identifier};

/// The column of unknown fields, where the pipeline names none.
const RESCUE_COLUMN: &str = "_rescued";

/// The name of the column of unknown fields, and the key that asks for it.
pub(super) type Rescue<'t> = (String, Item<'t>);

/// Reads what is to become of unknown fields, and the column that is to keep them.
pub(super) fn read<'t>(table: &mut Table<'t>) -> (Option<OnUnknownField>, Option<Rescue<'t>>) {
    let unknown = table.optional("on_unknown_field");
    let on_unknown_field = unknown.and_then(|item| {
        item.one_of(&[
            ("ignore", OnUnknownField::Ignore),
            ("reject", OnUnknownField::Reject),
            ("rescue", OnUnknownField::Rescue),
            ("evolve", OnUnknownField::Evolve),
        ])
    });
    let rescue = rescue(on_unknown_field.zip(unknown), table.optional("rescue_column"));
    (on_unknown_field, rescue)
}

/// The column of unknown fields, if they are to be kept.
fn rescue<'t>(unknown: Option<(OnUnknownField, Item<'t>)>, named: Option<Item<'t>>) -> Option<Rescue<'t>> {
    match (unknown, named) {
        (Some((OnUnknownField::Rescue, _)), Some(named)) => {
            let name = named.parsed("write the name of a column", |text| {
                let name = text.to_lowercase();
                identifier::problem(&name).map_or(Ok(name), Err)
            });
            Some((name?, named))
        }
        (Some((OnUnknownField::Rescue, item)), None) => Some((RESCUE_COLUMN.to_owned(), item)),
        (_, Some(named)) => {
            let message = "`rescue_column` stands without `on_unknown_field = \"rescue\"`, which would fill it";
            named.key_problem(message, "remove `rescue_column`, or rescue the fields that no column takes");
            None
        }
        (_, None) => None,
    }
}

/// The column of unknown fields, unless another column has its name.
pub(super) fn rescued((name, item): Rescue<'_>, columns: &columns_file::Columns) -> Option<Column> {
    if columns.has(&name) {
        let message =
            format!("the column `{}` is to keep the unknown fields, and is one of [columns] already", shown(&name));
        item.problem(message, "name another by `rescue_column`, or rename the column");
        return None;
    }
    Some(Column::new(name, ColumnSource::Rescued, ColumnType::Super))
}
