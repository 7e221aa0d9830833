//! The `[values]` of a pipeline's file: how values are read in every column that does not say otherwise.

use jiff::tz::TimeZone;

use super::column::Texts;
use super::value::{Item, Table, shown};
use crate::schema::value::Reading;

/// What columns do unless they say otherwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) reading: Reading,
    pub(super) texts: Texts,
}

/// Reads the table; `None` if there is a problem with it.
pub(super) fn read(mut table: Table<'_>) -> Option<Values> {
    let mut values = Values::default();
    let fine = shared(&mut table, &mut values);
    (table.finish() && fine).then_some(values)
}

/// Reads the keys that `[values]` and columns have in common, over what `values` says so far; whether none has a problem.
pub(super) fn shared(table: &mut Table<'_>, values: &mut Values) -> bool {
    let Values { reading, texts } = values;
    let mut fine = true;
    for (key, value) in [
        ("strict", &mut reading.strict),
        ("non_finite", &mut reading.non_finite),
        ("strip_nul", &mut texts.strip_nul),
        ("trim", &mut texts.trim),
        ("empty_as_null", &mut texts.empty_as_null),
    ] {
        match table.optional(key).map(Item::boolean) {
            Some(Some(said)) => *value = said,
            Some(None) => fine = false,
            None => {}
        }
    }
    match table.optional("time_zone").map(time_zone) {
        Some(Some(zone)) => reading.time_zone = Some(zone),
        Some(None) => fine = false,
        None => {}
    }
    match table.optional("null_values").map(null_values) {
        Some(Some(said)) => texts.null_values = said,
        Some(None) => fine = false,
        None => {}
    }
    fine
}

fn time_zone(item: Item<'_>) -> Option<TimeZone> {
    let help = "write a name of the IANA database, such as \"Europe/Berlin\"; where no name is known, install tzdata";
    item.parsed(help, |text| {
        TimeZone::get(text).map_err(|_| format!("`{}` is no time zone that this machine knows", shown(text)))
    })
}

fn null_values(item: Item<'_>) -> Option<Vec<String>> {
    item.list("[\"\\\\N\", \"NULL\"]")?.into_iter().map(Item::text).collect()
}
