//! The schema that an Avro file was written with.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

/// A schema: its types, which refer to each other by their place, so that a record may hold itself.
#[derive(Debug)]
pub(super) struct Schema {
    types: Vec<Type>,
    /// Whether values of each type take no bytes.
    empty: Vec<bool>,
}

/// The place of a type in its schema.
pub(super) type TypeId = usize;

/// A type, its logical type applied.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Null,
    Bool,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Record(Vec<(String, TypeId)>),
    Enum(Vec<String>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Fixed(usize),
    Decimal {
        /// The bytes of a fixed; `None` where they are counted.
        size: Option<usize>,
        scale: u8,
    },
    UuidText,
    UuidFixed,
    Date,
    TimeMillis,
    TimeMicros,
    Moment {
        nanos_each: i64,
        zoned: bool,
    },
    Duration,
}

impl Schema {
    /// Reads a schema from its JSON; its first type is that of the rows.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn parse(json: &[u8]) -> Result<Schema, String> {
        let json: Json = serde_json::from_slice(json).map_err(|error| format!("the schema is no JSON: {error}"))?;
        let mut parser = Parser { types: Vec::new(), names: HashMap::new() };
        let root = parser.read(&json, "")?;
        if root != 0 {
            return Err("the schema of the rows is a name".to_owned());
        }
        let empty = empty(&parser.types);
        Ok(Schema { types: parser.types, empty })
    }

    pub(super) fn at(&self, id: TypeId) -> &Type {
        &self.types[id]
    }

    /// Whether values of the type take no bytes: nulls, and records of nothing else.
    pub(super) fn is_empty(&self, id: TypeId) -> bool {
        self.empty[id]
    }
}

/// The types without bytes: taken for empty until something in them is found not to be.
fn empty(types: &[Type]) -> Vec<bool> {
    let mut empty: Vec<bool> =
        types.iter().map(|this| matches!(this, Type::Null | Type::Record(_) | Type::Fixed(0))).collect();
    loop {
        let before = empty.clone();
        for (at, this) in types.iter().enumerate() {
            if let Type::Record(fields) = this {
                empty[at] = fields.iter().all(|(_, id)| empty[*id]);
            }
        }
        if before == empty {
            return empty;
        }
    }
}

struct Parser {
    types: Vec<Type>,
    names: HashMap<String, TypeId>,
}

impl Parser {
    fn add(&mut self, this: Type) -> TypeId {
        self.types.push(this);
        self.types.len() - 1
    }

    fn read(&mut self, json: &Json, namespace: &str) -> Result<TypeId, String> {
        match json {
            Json::String(name) => self.named(name, namespace),
            Json::Array(branches) => {
                let id = self.add(Type::Null);
                let branches = branches.iter().map(|branch| self.read(branch, namespace)).collect::<Result<_, _>>()?;
                self.types[id] = Type::Union(branches);
                Ok(id)
            }
            Json::Object(object) => match object.get("type") {
                Some(Json::String(kind)) => self.object(kind, object, namespace),
                // A type may stand within braces of its own.
                Some(inner) => self.read(inner, namespace),
                None => Err("a type of the schema has no `type`".to_owned()),
            },
            _ => Err(format!("the schema holds {json} where a type should be")),
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<TypeId, String> {
        if let Some(primitive) = primitive(name) {
            return Ok(self.add(primitive));
        }
        let full = full_name(name, namespace);
        let found = self.names.get(&full).or_else(|| self.names.get(name));
        found.copied().ok_or_else(|| format!("the schema uses {name:?} before it says what that is"))
    }

    fn object(&mut self, kind: &str, object: &Map<String, Json>, namespace: &str) -> Result<TypeId, String> {
        match kind {
            "record" | "error" => {
                let (id, namespace) = self.name(object, namespace)?;
                let fields =
                    object.get("fields").and_then(Json::as_array).ok_or("a record of the schema has no fields")?;
                let mut read = Vec::with_capacity(fields.len());
                for field in fields {
                    let name = field.get("name").and_then(Json::as_str).ok_or("a field of the schema has no name")?;
                    let this = field.get("type").ok_or_else(|| format!("field {name:?} of the schema has no type"))?;
                    read.push((name.to_owned(), self.read(this, &namespace)?));
                }
                self.types[id] = Type::Record(read);
                Ok(id)
            }
            "enum" => {
                let (id, _) = self.name(object, namespace)?;
                let symbols = object.get("symbols").and_then(Json::as_array).ok_or("an enum has no symbols")?;
                let symbols = symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<_>>();
                self.types[id] = Type::Enum(symbols.ok_or("an enum's symbols are no texts")?);
                Ok(id)
            }
            "fixed" => {
                let (id, _) = self.name(object, namespace)?;
                let size = object.get("size").and_then(Json::as_u64).and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or("a fixed has no size")?;
                self.types[id] = match object.get("logicalType").and_then(Json::as_str) {
                    Some("decimal") => decimal(object, Some(size)).unwrap_or(Type::Fixed(size)),
                    Some("duration") if size == 12 => Type::Duration,
                    Some("uuid") if size == 16 => Type::UuidFixed,
                    _ => Type::Fixed(size),
                };
                Ok(id)
            }
            "array" | "map" => {
                let id = self.add(Type::Null);
                let key = if kind == "array" { "items" } else { "values" };
                let inner = object.get(key).ok_or_else(|| format!("a type {kind} of the schema has no {key}"))?;
                let inner = self.read(inner, namespace)?;
                self.types[id] = if kind == "array" { Type::Array(inner) } else { Type::Map(inner) };
                Ok(id)
            }
            _ => match (primitive(kind), object.get("logicalType").and_then(Json::as_str)) {
                (Some(primitive), Some(logical)) => {
                    let this = logical_type(&primitive, logical, object).unwrap_or(primitive);
                    Ok(self.add(this))
                }
                _ => self.named(kind, namespace),
            },
        }
    }

    /// Gives a named type its place, so that it can be used within itself; and the namespace within it.
    fn name(&mut self, object: &Map<String, Json>, namespace: &str) -> Result<(TypeId, String), String> {
        let name = object.get("name").and_then(Json::as_str).ok_or("a named type of the schema has no name")?;
        let namespace = object.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
        let full = full_name(name, namespace);
        let within = full.rsplit_once('.').map_or("", |(within, _)| within).to_owned();
        let id = self.add(Type::Null);
        if self.names.insert(full.clone(), id).is_some() {
            return Err(format!("the schema says twice what {full:?} is"));
        }
        Ok((id, within))
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Bool,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::Text,
        _ => return None,
    })
}

/// The logical type; `None` for one that is unknown or not of this type, which is then read without it, as the specification asks.
fn logical_type(primitive: &Type, name: &str, object: &Map<String, Json>) -> Option<Type> {
    let moment = |nanos_each, zoned| Type::Moment { nanos_each, zoned };
    Some(match (primitive, name) {
        (Type::Bytes, "decimal") => return decimal(object, None),
        (Type::Text, "uuid") => Type::UuidText,
        (Type::Int, "date") => Type::Date,
        (Type::Int, "time-millis") => Type::TimeMillis,
        (Type::Long, "time-micros") => Type::TimeMicros,
        (Type::Long, "timestamp-millis") => moment(1_000_000, true),
        (Type::Long, "timestamp-micros") => moment(1_000, true),
        (Type::Long, "timestamp-nanos") => moment(1, true),
        (Type::Long, "local-timestamp-millis") => moment(1_000_000, false),
        (Type::Long, "local-timestamp-micros") => moment(1_000, false),
        (Type::Long, "local-timestamp-nanos") => moment(1, false),
        _ => return None,
    })
}

fn decimal(object: &Map<String, Json>, size: Option<usize>) -> Option<Type> {
    let precision = object.get("precision").and_then(Json::as_u64)?;
    let scale = object.get("scale").map_or(Some(0), Json::as_u64)?;
    (scale <= precision).then_some(())?;
    Some(Type::Decimal { size, scale: u8::try_from(scale).ok()? })
}
