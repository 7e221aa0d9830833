//! Values from Avro's binary encoding.

use std::borrow::Cow;

use super::super::json_text::{NotText, scalar, string};
use super::super::typed::{Unfit, interval, moment};
use super::schema::{Schema, Type, TypeId};
use crate::model::{Fields, Rule, Value};

/// The deepest nesting of a value: a schema that refers to itself has no bound of its own.
const MAX_DEPTH: usize = 100;

/// The longest array of items without bytes: of others, the bytes are the bound.
const MAX_EMPTY_ITEMS: u64 = 1_024;

/// The bytes are not of the schema: what follows cannot be read either.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged(pub(super) &'static str);

type Read<T> = Result<T, Damaged>;

/// Reads values, one after the other, from the bytes of a block.
#[derive(Clone)]
pub(super) struct Datums<'a> {
    schema: &'a Schema,
    bytes: &'a [u8],
    /// The longest JSON text.
    most: usize,
    not_text: NotText,
    /// Why the row cannot be given, though its bytes could be read.
    unfit: Option<Unfit>,
}

impl<'a> Datums<'a> {
    pub(super) fn new(schema: &'a Schema, bytes: &'a [u8], most: usize, not_text: NotText) -> Self {
        Datums { schema, bytes, most, not_text, unfit: None }
    }

    /// The bytes that were not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Why a value read since the last call cannot be given.
    pub(super) fn take_unfit(&mut self) -> Option<Unfit> {
        self.unfit.take()
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(Damaged("a value is cut off"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(Damaged("a value is cut off"))?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(super) fn long(&mut self) -> Read<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Damaged("an integer is longer than 64 bits"))
    }

    fn int(&mut self) -> Read<i32> {
        i32::try_from(self.long()?).map_err(|_| Damaged("an int is larger than 32 bits"))
    }

    pub(super) fn counted(&mut self) -> Read<&'a [u8]> {
        let length = usize::try_from(self.long()?).map_err(|_| Damaged("a length is negative"))?;
        self.take(length)
    }

    fn branch(&mut self, branches: &[TypeId]) -> Read<TypeId> {
        let at = usize::try_from(self.long()?).ok();
        at.and_then(|at| branches.get(at)).copied().ok_or(Damaged("a union has no such branch"))
    }

    /// Runs `each` for each item of an array or map.
    fn items(&mut self, item: Option<TypeId>, mut each: impl FnMut(&mut Self, u64) -> Read<()>) -> Read<()> {
        let mut at = 0;
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // The bytes of the items, for those who skip them.
                self.long()?;
            }
            let most = match item {
                Some(item) if self.schema.is_empty(item) => MAX_EMPTY_ITEMS,
                _ => self.bytes.len() as u64,
            };
            if count.unsigned_abs() > most {
                return Err(Damaged("an array is longer than its bytes"));
            }
            for _ in 0..count.unsigned_abs() {
                each(self, at)?;
                at += 1;
            }
            if item.is_some_and(|item| self.schema.is_empty(item)) && at > MAX_EMPTY_ITEMS {
                return Err(Damaged("an array is longer than its bytes"));
            }
        }
    }

    fn text(&mut self) -> Read<Cow<'a, str>> {
        let bytes = self.counted()?;
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(error) => {
                self.refuse(Unfit::new(Rule::Encoding, format!("a text is not UTF-8: {error}")));
                String::from_utf8_lossy(bytes)
            }
        })
    }

    fn refuse(&mut self, unfit: Unfit) {
        self.unfit.get_or_insert(unfit);
    }

    fn or_null(&mut self, value: Result<Value<'a>, Unfit>) -> Value<'a> {
        value.unwrap_or_else(|unfit| {
            self.refuse(unfit);
            Value::Null
        })
    }

    /// Reads a value; what is nested as JSON text.
    pub(super) fn value(&mut self, id: TypeId, depth: usize) -> Read<Value<'a>> {
        let schema = self.schema;
        Ok(match schema.at(id) {
            Type::Null => Value::Null,
            Type::Bool => match self.array()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return Err(Damaged("a boolean is neither 0 nor 1")),
            },
            Type::Int => Value::Int(self.int()?.into()),
            Type::Long => Value::Int(self.long()?),
            Type::Float => Value::Float(f32::from_le_bytes(self.array()?).into()),
            Type::Double => Value::Float(f64::from_le_bytes(self.array()?)),
            Type::Bytes => Value::Bytes(Cow::Borrowed(self.counted()?)),
            Type::Text | Type::UuidText => Value::Text(self.text()?),
            Type::Enum(symbols) => {
                let symbol = usize::try_from(self.int()?).ok().and_then(|at| symbols.get(at));
                Value::Text(Cow::Borrowed(symbol.ok_or(Damaged("an enum has no such symbol"))?))
            }
            Type::Union(branches) => {
                let branch = self.branch(branches)?;
                self.value(branch, deeper(depth)?)?
            }
            Type::Fixed(size) => Value::Bytes(Cow::Borrowed(self.take(*size)?)),
            Type::Decimal { size, scale } => {
                let bytes = match size {
                    Some(size) => self.take(*size)?,
                    None => self.counted()?,
                };
                let units = units(bytes).ok_or_else(|| Unfit::new(Rule::Length, "a decimal has more than 38 digits"));
                self.or_null(units.map(|units| Value::Decimal { units, scale: *scale }))
            }
            Type::UuidFixed => Value::Text(Cow::Owned(uuid::Uuid::from_bytes(self.array()?).to_string())),
            Type::Date => Value::Date(self.int()?),
            Type::TimeMillis => Value::TimeOfDay(i64::from(self.int()?) * 1_000),
            Type::TimeMicros => Value::TimeOfDay(self.long()?),
            Type::Moment { nanos_each, .. } => {
                let nanos = i128::from(self.long()?) * i128::from(*nanos_each);
                self.or_null(moment(nanos))
            }
            Type::Duration => {
                let [months, days, millis] = [self.array()?, self.array()?, self.array()?].map(u32::from_le_bytes);
                Value::Text(Cow::Owned(interval(months.into(), days.into(), i128::from(millis) * 1_000_000)))
            }
            Type::Record(_) | Type::Array(_) | Type::Map(_) => {
                let mut text = String::new();
                self.write(id, depth, &mut text)?;
                Value::Json(Cow::Owned(text))
            }
        })
    }

    /// Writes a value as JSON: records and maps as objects, a union as the value that it holds.
    pub(super) fn write(&mut self, id: TypeId, depth: usize, out: &mut String) -> Read<()> {
        if out.len() > self.most {
            self.refuse(Unfit::new(Rule::RecordSize, format!("a nested value is longer than {} bytes", self.most)));
            return self.skip(id, depth);
        }
        let schema = self.schema;
        match schema.at(id) {
            Type::Record(fields) => {
                let depth = deeper(depth)?;
                out.push('{');
                for (at, (name, field)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    string(name, out);
                    out.push(':');
                    self.write(*field, depth, out)?;
                }
                out.push('}');
            }
            Type::Array(item) => {
                let depth = deeper(depth)?;
                out.push('[');
                self.items(Some(*item), |this, at| {
                    if at > 0 {
                        out.push(',');
                    }
                    this.write(*item, depth, out)
                })?;
                out.push(']');
            }
            Type::Map(values) => {
                let depth = deeper(depth)?;
                out.push('{');
                self.items(None, |this, at| {
                    if at > 0 {
                        out.push(',');
                    }
                    string(&this.text()?, out);
                    out.push(':');
                    this.write(*values, depth, out)
                })?;
                out.push('}');
            }
            Type::Union(branches) => {
                let branch = self.branch(branches)?;
                self.write(branch, deeper(depth)?, out)?;
            }
            this => {
                let zoned = matches!(this, Type::Moment { zoned: true, .. });
                let value = self.value(id, depth)?;
                if let Err(unfit) = scalar(&value, zoned, self.not_text, out) {
                    self.refuse(unfit);
                    out.push_str("null");
                }
            }
        }
        Ok(())
    }

    /// Reads what columns take from within a value, and the rest of it.
    pub(super) fn within(
        &mut self,
        id: TypeId,
        fields: &Fields,
        slots: &mut [Option<Value<'a>>],
        depth: usize,
    ) -> Read<()> {
        let schema = self.schema;
        match schema.at(id) {
            Type::Record(children) => {
                let depth = deeper(depth)?;
                children.iter().try_for_each(|(name, child)| self.field(*child, name, fields, slots, depth))
            }
            Type::Array(item) => {
                let depth = deeper(depth)?;
                self.items(Some(*item), |this, at| this.field(*item, &at.to_string(), fields, slots, depth))
            }
            Type::Map(values) => {
                let depth = deeper(depth)?;
                self.items(None, |this, _| {
                    let name = this.text()?;
                    this.field(*values, &name, fields, slots, depth)
                })
            }
            Type::Union(branches) => {
                let branch = self.branch(branches)?;
                self.within(branch, fields, slots, deeper(depth)?)
            }
            _ => self.skip(id, depth),
        }
    }

    /// Reads a field: into its slot and those within it, or past it.
    pub(super) fn field(
        &mut self,
        id: TypeId,
        name: &str,
        fields: &Fields,
        slots: &mut [Option<Value<'a>>],
        depth: usize,
    ) -> Read<()> {
        let Some(node) = fields.get(name) else { return self.skip(id, depth) };
        let before = self.bytes;
        if !node.children.is_empty() {
            self.within(id, &node.children, slots, depth)?;
        }
        if let Some(slot) = node.slot {
            self.bytes = before;
            slots[slot] = Some(self.value(id, depth)?);
        }
        Ok(())
    }

    /// Reads past a value.
    pub(super) fn skip(&mut self, id: TypeId, depth: usize) -> Read<()> {
        if self.schema.is_empty(id) {
            return Ok(());
        }
        let schema = self.schema;
        match schema.at(id) {
            Type::Null => {}
            Type::Bool => drop(self.take(1)?),
            Type::Int | Type::Long | Type::Date | Type::TimeMillis | Type::TimeMicros => drop(self.long()?),
            Type::Moment { .. } | Type::Enum(_) => drop(self.long()?),
            Type::Float => drop(self.take(4)?),
            Type::Double => drop(self.take(8)?),
            Type::Bytes | Type::Text | Type::UuidText | Type::Decimal { size: None, .. } => drop(self.counted()?),
            Type::Fixed(size) | Type::Decimal { size: Some(size), .. } => drop(self.take(*size)?),
            Type::UuidFixed => drop(self.take(16)?),
            Type::Duration => drop(self.take(12)?),
            Type::Record(fields) => {
                let depth = deeper(depth)?;
                for (_, field) in fields {
                    self.skip(*field, depth)?;
                }
            }
            Type::Array(item) => {
                let depth = deeper(depth)?;
                self.items(Some(*item), |this, _| this.skip(*item, depth))?;
            }
            Type::Map(values) => {
                let depth = deeper(depth)?;
                self.items(None, |this, _| {
                    this.counted()?;
                    this.skip(*values, depth)
                })?;
            }
            Type::Union(branches) => {
                let branch = self.branch(branches)?;
                self.skip(branch, deeper(depth)?)?;
            }
        }
        Ok(())
    }
}

fn deeper(depth: usize) -> Read<usize> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(Damaged("a value is nested more than 100 deep")) }
}

/// A number in two's complement, its highest byte first; `None` if it needs more than 128 bits.
fn units(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let (sign, low) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut wide = [fill; 16];
    wide[16 - low.len()..].copy_from_slice(low);
    let units = i128::from_be_bytes(wide);
    (sign.iter().all(|byte| *byte == fill) && (units < 0) == negative).then_some(units)
}
