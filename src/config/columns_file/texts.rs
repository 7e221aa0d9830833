//! What is done to texts: their case, their parts, their length; and what is stored instead of them.

use crate::config::column::{Case, Column, Mask, Secret};
use crate::config::value::{Item, Table};
use crate::schema::ColumnType;

/// How many bytes the hexadecimal digits of a SHA-256 take.
const SHA256_DIGITS: usize = 64;

/// The shortest key of a mask, in bytes: a shorter one can be tried out.
const KEY_BYTES: usize = 16;

/// The keys of a column about its texts.
pub(super) struct TextKeys<'t> {
    lower: Option<Item<'t>>,
    upper: Option<Item<'t>>,
    split: Option<Item<'t>>,
    max_bytes: Option<Item<'t>>,
    truncate: Option<Item<'t>>,
}

impl<'t> TextKeys<'t> {
    /// Asks for the keys.
    pub(super) fn of(table: &mut Table<'t>) -> Self {
        TextKeys {
            lower: table.optional("lower"),
            upper: table.optional("upper"),
            split: table.optional("split"),
            max_bytes: table.optional("max_bytes"),
            truncate: table.optional("truncate"),
        }
    }

    /// Fills in what the keys say; `None` if there is a problem with one.
    pub(super) fn read(self, column: &mut Column) -> Option<()> {
        let read_type = column.read_type();
        let of_text = |item: Option<Item<'t>>| match item {
            Some(item) if !read_type.is_text() => {
                let message = format!("`{}` is for texts, but the column is {read_type}", item.key);
                item.key_problem(message, format!("remove `{}`", item.key));
                None
            }
            item => Some(item),
        };
        let (lower, upper) = (of_text(self.lower), of_text(self.upper));
        let (max_bytes, truncate) = (of_text(self.max_bytes), of_text(self.truncate));
        let lower_case = lower?.map_or(Some(false), Item::boolean);
        let upper_case = upper?.map_or(Some(false), Item::boolean);
        column.texts.case = match (lower_case?, upper_case?) {
            (true, true) => {
                self.upper?.key_problem("`lower` and `upper` exclude each other", "keep one of the two");
                return None;
            }
            (true, false) => Some(Case::Lower),
            (false, true) => Some(Case::Upper),
            (false, false) => None,
        };
        let most = read_type.text_bytes().unwrap_or_default() as u64;
        column.texts.max_bytes = match max_bytes? {
            Some(item) => Some(item.integer(1..=most)? as usize),
            None => None,
        };
        column.texts.truncate = truncate?.map_or(Some(false), Item::boolean)?;
        column.texts.split = match self.split {
            Some(item) => Some(split(item, column.column_type)?),
            None => None,
        };
        Some(())
    }
}

fn split(item: Item<'_>, column_type: ColumnType) -> Option<String> {
    if column_type != ColumnType::Super {
        let message = format!("`split` makes an array of a text, but the column is {column_type}");
        item.key_problem(message, "make the column super, or remove `split`");
        return None;
    }
    item.parsed("write what stands between the parts, such as \",\"", |text| match text {
        "" => Err("`split` is empty".to_owned()),
        text => Ok(text.to_owned()),
    })
}

/// What `mask` says.
pub(super) fn mask(item: Item<'_>, column_type: ColumnType) -> Option<Mask> {
    let mask = if item.is_table() {
        let mut table = item.table("`mask`".to_owned())?;
        let key = table.required("sha256", "\"${NAME}\"");
        let understood = table.finish();
        Mask::HmacSha256(secret(key.filter(|_| understood)?)?)
    } else {
        item.one_of(&[("sha256", &Mask::Sha256), ("redact", &Mask::Redact), ("last4", &Mask::Last4)])?.clone()
    };
    let needed = match mask {
        Mask::Sha256 | Mask::HmacSha256(_) => SHA256_DIGITS,
        Mask::Redact => Mask::REDACTED.len(),
        Mask::Last4 => 1,
    };
    match column_type.text_bytes() {
        Some(length) if length >= needed => Some(mask),
        _ => {
            let (message, help) = match mask {
                Mask::Sha256 | Mask::HmacSha256(_) => (
                    format!("a masked value has {SHA256_DIGITS} hexadecimal digits, but the column is {column_type}"),
                    format!("make the column char({SHA256_DIGITS})"),
                ),
                _ => (
                    format!("a masked value is a text of {needed} bytes or more, but the column is {column_type}"),
                    format!("make the column varchar({needed}) or longer"),
                ),
            };
            item.problem(message, help);
            None
        }
    }
}

/// A key, which comes from the environment alone: in the file, whoever reads the file could tell the masked values.
fn secret(item: Item<'_>) -> Option<Secret> {
    let written = item.written().trim_matches(['"', '\'']);
    let help =
        "write `{ sha256 = \"${NAME}\" }`, and set NAME to a random text of 16 bytes or more wherever intake runs";
    if !(written.starts_with("${") && written.ends_with('}') && written.matches('$').count() == 1) {
        item.problem("the key of a mask stands in the file", help);
        return None;
    }
    item.parsed(help, |key| match key.len() {
        KEY_BYTES.. => Ok(Secret::new(key.to_owned())),
        length => Err(format!("the key of a mask has {length} bytes, and needs {KEY_BYTES}")),
    })
}
