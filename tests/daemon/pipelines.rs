//! The pipelines of these tests.

/// Appends `in/**` to `app.numbers`.
pub(crate) const APPEND: &str = r#"
name = "numbers"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
amount = "integer"
note = "varchar(64)"
[target]
table = "app.numbers"
mode = "append"
create = true
"#;

/// Keeps the newest row of each `id` of `in/**` in `app.latest`; newer is told by `changed`.
pub(crate) const UPSERT: &str = r#"
name = "latest"
freshness = "1s"
[source]
bucket = "landing"
key = "in/**"
format = "json-lines"
[columns]
id = { type = "bigint", required = true }
amount = "integer"
note = "varchar(64)"
changed = "bigint"
[target]
table = "app.latest"
mode = "upsert"
key = ["id"]
newest_by = ["changed"]
create = true
"#;
