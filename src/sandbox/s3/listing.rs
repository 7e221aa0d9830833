//! Pages of a listing: prefix, delimiter and where to go on.

use std::collections::BTreeMap;
use std::ops::Bound;

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    /// Keys that share the text up to the first delimiter after the prefix are shown as one common prefix.
    pub(super) delimiter: Option<String>,
    pub(super) after: Option<Mark>,
    /// The most entries and common prefixes together.
    pub(super) limit: usize,
}

/// Where a page ended. A listing goes on after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last key or common prefix.
    pub(super) key: String,
    /// The last entry of that key, if a key can have several; without it the listing goes on with the next key.
    pub(super) entry: Option<String>,
}

/// One page.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    pub(super) prefixes: Vec<String>,
    /// Set if there is more.
    pub(super) next: Option<Mark>,
}

/// Lists `map`, in the order of its keys. `entries` gives the entries of a key with their ids, in order; a key
/// without entries does not exist for the listing.
pub(super) fn page<'map, V, T, E>(
    map: &'map BTreeMap<String, V>,
    query: &Query,
    entries: impl Fn(&'map V) -> E,
) -> Page<T>
where
    E: IntoIterator<Item = (&'map str, T)>,
{
    let mut page = Page { entries: Vec::new(), prefixes: Vec::new(), next: None };
    if query.limit == 0 {
        return page;
    }
    let after = query.after.as_ref();
    let mut last = None;
    let mut from = match after {
        Some(mark) if mark.key >= query.prefix => Bound::Included(mark.key.clone()),
        _ => Bound::Included(query.prefix.clone()),
    };
    while let Some((key, value)) = map.range((from, Bound::Unbounded)).next() {
        if !key.starts_with(&query.prefix) {
            break;
        }
        let common = common_prefix(key, query);
        let mark = after.filter(|mark| common.unwrap_or(key) == mark.key);
        let entries: Vec<(&str, T)> = entries(value).into_iter().collect();
        let done = match mark {
            None => 0,
            Some(Mark { entry: Some(entry), .. }) if common.is_none() => {
                // Clients that delete what they list come back with a mark that is gone: what is left is new to them.
                entries.iter().position(|(id, _)| id == entry).map_or(0, |position| position + 1)
            }
            Some(_) => entries.len(),
        };
        let mut group_done = mark.is_some();
        for (id, entry) in entries.into_iter().skip(done) {
            if page.entries.len() + page.prefixes.len() == query.limit {
                page.next = last;
                return page;
            }
            if let Some(common) = common {
                page.prefixes.push(common.to_owned());
                last = Some(Mark { key: common.to_owned(), entry: None });
                group_done = true;
                break;
            }
            page.entries.push(entry);
            last = Some(Mark { key: key.clone(), entry: Some(id.to_owned()) });
        }
        from = match common {
            Some(common) if group_done => match successor(common) {
                Some(next) => Bound::Included(next),
                None => break,
            },
            _ => Bound::Excluded(key.clone()),
        };
    }
    page
}

/// The common prefix that stands for `key`, if it has the delimiter after the prefix.
fn common_prefix<'key>(key: &'key str, query: &Query) -> Option<&'key str> {
    let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.get(query.prefix.len()..)?;
    let end = rest.find(delimiter)? + delimiter.len();
    key.get(..query.prefix.len() + end)
}

/// The first text after all those that begin with `prefix`; `None` if there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests;
