//! Which fields of a record are wanted.

use std::collections::HashMap;

/// The fields that a pipeline's columns take, each with its slot; a tree, since a column may take a field within a field.
#[derive(Debug, Clone, Default)]
pub struct FieldIndex {
    fields: Fields,
    slots: usize,
    ignore_case: bool,
    wants_extras: bool,
}

/// The wanted fields of one level.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    nodes: Vec<FieldNode>,
    by_name: HashMap<String, usize>,
    ignore_case: bool,
}

/// One wanted field.
#[derive(Debug, Clone)]
pub struct FieldNode {
    /// The name, as the configuration writes it.
    pub name: String,
    /// The slot of its whole value, if a column takes that.
    pub slot: Option<usize>,
    /// What columns take from within it.
    pub children: Fields,
}

impl FieldIndex {
    /// An index of no fields.
    pub fn new() -> Self {
        FieldIndex::default()
    }

    /// The same, whose names are told apart without regard to case.
    pub fn ignoring_case() -> Self {
        FieldIndex { ignore_case: true, fields: Fields { ignore_case: true, ..Fields::default() }, ..Self::default() }
    }

    /// Also asks decoders for the fields that no column takes.
    pub fn with_extras(mut self) -> Self {
        self.wants_extras = true;
        self
    }

    /// Whether decoders are to give the fields that no column takes.
    pub fn wants_extras(&self) -> bool {
        self.wants_extras
    }

    /// The slot of the field `name`, a new one if it has none yet.
    pub fn insert(&mut self, name: &str) -> usize {
        self.insert_path(&[name])
    }

    /// The slot of the field at `path`, the outermost name first; a new one if it has none yet. Items of arrays are named by their
    /// number from 0, as in a JSON pointer (RFC 6901). An empty path has no field, and gets a slot that stays empty.
    pub fn insert_path(&mut self, path: &[&str]) -> usize {
        let next = self.slots;
        let slot = match path.split_first() {
            Some((first, rest)) => self.fields.insert(first, rest, next, self.ignore_case),
            None => next,
        };
        if slot == next {
            self.slots += 1;
        }
        slot
    }

    /// The slot of the whole of `name`, if a column takes it.
    pub fn get(&self, name: &str) -> Option<usize> {
        self.fields.get(name).and_then(|node| node.slot)
    }

    /// The fields of the outermost level.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The number of slots.
    pub fn len(&self) -> usize {
        self.slots
    }

    /// Whether no column takes any field.
    pub fn is_empty(&self) -> bool {
        self.slots == 0
    }
}

impl Fields {
    fn insert(&mut self, name: &str, rest: &[&str], next: usize, ignore_case: bool) -> usize {
        let folded = if ignore_case { name.to_lowercase() } else { name.to_owned() };
        let at = *self.by_name.entry(folded).or_insert(self.nodes.len());
        if at == self.nodes.len() {
            let children = Fields { ignore_case, ..Fields::default() };
            self.nodes.push(FieldNode { name: name.to_owned(), slot: None, children });
        }
        let node = &mut self.nodes[at];
        match rest.split_first() {
            None => *node.slot.get_or_insert(next),
            Some((first, rest)) => node.children.insert(first, rest, next, ignore_case),
        }
    }

    /// The field of this name, if it or something within it is wanted.
    pub fn get(&self, name: &str) -> Option<&FieldNode> {
        self.position(name).map(|at| &self.nodes[at])
    }

    /// The place of this name among [`nodes`](Self::nodes).
    pub fn position(&self, name: &str) -> Option<usize> {
        if self.ignore_case { self.by_name.get(&name.to_lowercase()) } else { self.by_name.get(name) }.copied()
    }

    /// All fields of this level, in the order in which they were inserted.
    pub fn nodes(&self) -> &[FieldNode] {
        &self.nodes
    }

    /// Whether none is wanted.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_columns_of_one_field_share_its_slot() {
        let mut index = FieldIndex::new();
        assert_eq!((index.insert("a"), index.insert("b"), index.insert("a")), (0, 1, 0));
        assert_eq!((index.get("b"), index.get("c"), index.len()), (Some(1), None, 2));
    }

    #[test]
    fn a_field_within_a_field_has_a_slot_beside_that_of_the_whole() {
        let mut index = FieldIndex::new();
        let (width, whole) = (index.insert_path(&["device", "screen", "w"]), index.insert("device"));
        let device = index.fields().get("device").expect("wanted");
        assert_eq!(device.slot, Some(whole));
        let screen = device.children.get("screen").expect("wanted");
        assert_eq!((screen.slot, screen.children.get("w").and_then(|node| node.slot)), (None, Some(width)));
        assert_eq!(index.insert_path(&["device", "screen", "w"]), width);
    }

    #[test]
    fn names_fold_only_where_that_is_asked_for() {
        let mut index = FieldIndex::ignoring_case();
        assert_eq!((index.insert("userId"), index.insert("USERID")), (0, 0));
        assert_eq!(index.get("UserID"), Some(0));
        let mut exact = FieldIndex::new();
        exact.insert("userId");
        assert_eq!(exact.get("userid"), None);
    }
}
