//! `from`: where a column's value comes from.
//!
//! `{name}` is a capture of the key, `{@name}` what the event says of the object, `/a/b` a JSON pointer, and anything else the name of a field.
//! A field whose name begins with `/` or stands in braces is reached by its pointer.

use crate::config::column::{ColumnSource, ObjectField};
use crate::config::spelling::{listed, nearest};
use crate::config::value::{Item, shown};

/// The capture of this name, if there is one.
pub(super) fn capture(name: &str, captures: Option<&[String]>) -> Option<ColumnSource> {
    captures?.iter().position(|capture| capture == name).map(ColumnSource::Capture)
}

/// What `from` says.
pub(super) fn explicit(item: Item<'_>, captures: Option<&[String]>) -> Option<ColumnSource> {
    let text = item.text()?;
    if text.is_empty() {
        item.problem("`from` is empty", "write the name of the record's field, or remove `from` if the column has it");
        return None;
    }
    if text.starts_with('/') {
        return match pointer(&text) {
            Ok(source) => Some(source),
            Err(message) => {
                item.problem(message, "in a JSON pointer (RFC 6901), `~1` is a `/` of a name and `~0` a `~`");
                None
            }
        };
    }
    let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return Some(capture(&text, captures).unwrap_or(ColumnSource::Field(text)));
    };
    if let Some(name) = name.strip_prefix('@') {
        return object(item, name);
    }
    let known = captures?;
    let found = capture(name, captures);
    if found.is_none() {
        let message = format!("`{{{}}}` is no capture of `key`", shown(name));
        let help = match known {
            [] => "add it to the `key` of [source], which has no captures".to_owned(),
            known => format!("the captures are {}", listed(known.iter().map(String::as_str))),
        };
        item.problem(message, help);
    }
    found
}

fn object(item: Item<'_>, name: &str) -> Option<ColumnSource> {
    let found = ObjectField::NAMED.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
    if found.is_none() {
        let names = ObjectField::NAMED.map(|(name, _)| name);
        let meant = nearest(name, names).map_or_else(String::new, |name| format!("did you mean `{{@{name}}}`? "));
        let names = names.map(|name| format!("{{@{name}}}"));
        // When a row was loaded is another time at each replay: that is the ledger's, by the row's object.
        let message = format!("`{{@{}}}` is nothing that an event says of its object", shown(name));
        let help = format!(
            "{meant}there are {}; the ledger's `loaded_at` says when an object was loaded",
            listed(names.iter().map(String::as_str))
        );
        item.problem(message, help);
    }
    found.map(ColumnSource::Object)
}

/// A JSON pointer, as the names on its way.
fn pointer(text: &str) -> Result<ColumnSource, String> {
    let mut names = Vec::new();
    for part in text.split('/').skip(1) {
        let mut name = String::with_capacity(part.len());
        let mut rest = part.chars();
        while let Some(character) = rest.next() {
            match (character, character == '~') {
                (_, false) => name.push(character),
                _ => match rest.next() {
                    Some('0') => name.push('~'),
                    Some('1') => name.push('/'),
                    _ => return Err(format!("`{}` is no JSON pointer: a `~` stands alone", shown(text))),
                },
            }
        }
        names.push(name);
    }
    Ok(match <[String; 1]>::try_from(names) {
        Ok([name]) => ColumnSource::Field(name),
        Err(names) => ColumnSource::Path(names),
    })
}
