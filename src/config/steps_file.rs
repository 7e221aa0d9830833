//! The `[[step]]`, `[[check]]` and `[after]` of a pipeline's file, and the files of SQL beside it.

use std::path::{Component, Path};
use std::time::Duration;

use super::keeping::{After, Check, Script, Step};
use super::target_file::table_name;
use super::value::{Item, Scalar, Table, shown};
use crate::schema::identifier::TableName;
use crate::schema::script::{self, Piece, Variables};

/// The longest pause between two runs of what follows a load.
const MOST_EVERY: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Where files of SQL are, and with what they are rendered to be checked.
pub(super) struct Scripts<'a> {
    folder: &'a Path,
}

impl<'a> Scripts<'a> {
    /// The files beside a pipeline's file in `folder`.
    pub(super) fn beside(folder: &'a Path) -> Self {
        Scripts { folder }
    }

    /// The scripts that create what steps need.
    pub(super) fn creating(&self, item: Item<'_>) -> Vec<Script> {
        let items = item.list("[\"tables.sql\"]").unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| {
                let script = self.file(item)?;
                for piece in pieces(item, &script.template)? {
                    let creates = piece.begins().to_uppercase();
                    if !creates.starts_with("CREATE ") && !creates.starts_with("COMMENT ") && !creates.starts_with("GRANT ") {
                        item.problem(
                            format!("{} holds `{}`, which creates nothing", script.name, shown(&piece.begins())),
                            "keep CREATE … IF NOT EXISTS, COMMENT and GRANT here: it runs at the start of every process",
                        );
                    }
                }
                Some(script)
            })
            .collect()
    }

    /// The file that `item` names.
    fn file(&self, item: Item<'_>) -> Option<Script> {
        let name = item.text()?;
        let path = Path::new(&name);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) || name.is_empty() {
            item.problem(
                format!("`{}` is no file beside the pipeline's", shown(&name)),
                "write a relative path without `..`, such as \"songplays.sql\"",
            );
            return None;
        }
        let path = self.folder.join(path);
        match std::fs::read_to_string(&path) {
            Ok(template) => Some(Script { name: name.strip_suffix(".sql").unwrap_or(&name).to_owned(), template }),
            Err(error) => {
                let message = format!("the file {} cannot be read: {error}", path.display());
                item.problem(message, "files of SQL are named relative to the pipeline's file, and are UTF-8");
                None
            }
        }
    }
}

/// What the scripts of a pipeline are checked with.
fn sample() -> Variables<'static> {
    Variables {
        stage: "tidegate_rows",
        objects: "tidegate_objects",
        target: "\"schema\".\"table\"".to_owned(),
        ledger: "\"tidegate\".\"objects\"".to_owned(),
        batches: vec!["01900000-0000-7000-8000-000000000000".to_owned()],
    }
}

/// The statements of a script with its variables replaced by samples; none of them empty.
fn pieces(item: Item<'_>, template: &str) -> Option<Vec<Piece>> {
    let rendered = script::render(template, &sample()).map_err(|reason| {
        item.problem(
            format!("the SQL cannot be rendered: {reason}"),
            "the variables are stage, objects, target, ledger, batch_ids and batch_id; a capture of the key is text from outside: \
             make it a column, and read it from the stage",
        );
    });
    let pieces = script::split(&rendered.ok()?).map_err(|reason| {
        item.problem(format!("the SQL cannot be read: {reason}"), "close every quote, comment and bracket");
    });
    let pieces = pieces.ok()?;
    if pieces.is_empty() {
        item.problem("there is no statement", "write one, or remove this");
        return None;
    }
    Some(pieces)
}

/// Reads steps and checks, in the order of the file.
pub(super) fn read(
    steps: Option<Item<'_>>,
    checks: Option<Item<'_>>,
    scripts: &Scripts<'_>,
    target: Option<&TableName>,
) -> Vec<Step> {
    let mut items: Vec<(Item<'_>, bool)> = Vec::new();
    items.extend(list_of(steps, "[{ sql = \"songplays.sql\" }]").into_iter().map(|item| (item, false)));
    items.extend(
        list_of(checks, "[{ name = \"no orphan\", sql = \"SELECT …\", expect = 0 }]")
            .into_iter()
            .map(|item| (item, true)),
    );
    items.sort_by_key(|(item, _)| item.span().start);
    let mut temporary: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut read = Vec::new();
    for (item, is_check) in items {
        let step = match is_check {
            true => check(item, &mut names).map(Step::Check),
            false => step(item, scripts, target, &mut temporary),
        };
        read.extend(step);
    }
    read
}

fn list_of<'t>(item: Option<Item<'t>>, example: &str) -> Vec<Item<'t>> {
    item.and_then(|item| item.list(example)).unwrap_or_default()
}

fn step(
    item: Item<'_>,
    scripts: &Scripts<'_>,
    target: Option<&TableName>,
    temporary: &mut Vec<String>,
) -> Option<Step> {
    let mut table = item.table("[[step]]".to_owned())?;
    let sql_item = table.required("sql", "\"songplays.sql\"");
    let targets_item = table.optional("targets");
    table.finish();
    let targets: Vec<TableName> = targets_item
        .and_then(|item| item.list("[\"schema.table\"]"))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| item.parsed("write the schema and the table, such as \"sparkify.users\"", table_name))
        .collect();
    let sql_item = sql_item?;
    let script = scripts.file(sql_item)?;
    for piece in pieces(sql_item, &script.template)? {
        if let Some(unfit) = piece.unfit() {
            sql_item.problem(format!("{}.sql holds {}: {}", script.name, unfit.name, unfit.why), unfit.remedy);
        }
        temporary.extend(piece.creates_temporary());
        let Some((written, table)) = piece.written() else { continue };
        let sample_target = TableName::new("schema", "table");
        let known = match &table {
            Some(table) => *table == sample_target || Some(table) == target || targets.contains(table),
            None => temporary.contains(&written.to_lowercase()),
        };
        if !known {
            sql_item.problem(
                format!("{}.sql writes to {}, which is not among its targets", script.name, shown(&written)),
                "name it with its schema, here and in `targets = [\"schema.table\"]`: it is locked first, in the order of names, so \
                 that two loads cannot wait for each other",
            );
        }
    }
    Some(Step::Sql { script, targets })
}

fn check(item: Item<'_>, names: &mut Vec<String>) -> Option<Check> {
    let mut table = item.table("[[check]]".to_owned())?;
    let name_item = table.required("name", "\"no orphan\"");
    let sql_item = table.required("sql", "\"SELECT COUNT(*) FROM {{ stage }} WHERE …\"");
    let expect = table.optional("expect").map(number);
    let min = table.optional("min").map(number);
    let max = table.optional("max").map(number);
    let aborts = table.optional("severity").map(|item| item.one_of(&[("abort", true), ("warn", false)]));
    if expect.is_none() && min.is_none() && max.is_none() {
        table.problem("the check has no condition", "add `expect = 0`, `min = …` or `max = …`");
        return None;
    }
    table.finish();
    let name = name_item?.parsed("write letters, digits, blanks, `_`, `-` and `.`, at most 60 in all", check_name)?;
    if names.contains(&name) {
        name_item?
            .problem(format!("a second check has the name `{}`", shown(&name)), "rename one: it is that of its metric");
        return None;
    }
    names.push(name.clone());
    let sql_item = sql_item?;
    let template = sql_item.text()?;
    let parts = pieces(sql_item, &template)?;
    if parts.len() != 1 || !parts.iter().all(Piece::is_query) {
        sql_item.problem("a check is one query that gives one number", "write one SELECT; what writes is a [[step]]");
        return None;
    }
    let flat = |number: Option<Option<String>>| number.map_or(Some(None), |number| number.map(Some));
    Some(Check {
        name,
        template: template.trim().trim_end_matches(';').to_owned(),
        expect: flat(expect)?,
        min: flat(min)?,
        max: flat(max)?,
        aborts: aborts.unwrap_or(Some(true))?,
    })
}

fn check_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _-.".contains(c);
    if text.is_empty() || text.len() > 60 || !text.chars().all(plain) || text.trim() != text {
        return Err(format!("`{}` is no name of a check", shown(text)));
    }
    Ok(text.to_owned())
}

/// A number by its digits, as SQL writes it.
fn number(item: Item<'_>) -> Option<String> {
    let Scalar::Number(digits) = item.scalar()? else {
        item.problem(format!("`{}` is no number", item.key), "write a number without quotes");
        return None;
    };
    let digits = digits.replace('_', "");
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if all(whole) && all(fraction) {
        return Some(digits.trim_start_matches('+').to_owned());
    }
    item.problem(
        format!("`{}` is {}, which is not written in digits alone", item.key, shown(&digits)),
        "write it such as 0.05",
    );
    None
}

/// Reads what runs once a load is committed.
pub(super) fn after(mut table: Table<'_>) -> Option<After> {
    let sql = table.required("sql", "[\"REFRESH MATERIALIZED VIEW …\"]");
    let every = table.optional("every").map(|item| item.duration(Duration::from_secs(1)..=MOST_EVERY));
    table.finish();
    let mut statements = Vec::new();
    for item in sql?.list("[\"REFRESH MATERIALIZED VIEW …\"]")? {
        let text = item.text()?;
        let parts = pieces(item, &text)?;
        if parts.len() != 1 {
            item.problem(
                "one text holds several statements",
                "write each as a text of its own: each is run and retried alone",
            );
            return None;
        }
        statements.push(text.trim().trim_end_matches(';').to_owned());
    }
    Some(After { statements, every: every.unwrap_or(Some(Duration::ZERO))? })
}
