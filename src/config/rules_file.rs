//! The `[[rule]]`s of a pipeline's file: what must hold between the columns of a row.

use super::column::Column;
use super::pipeline::RowRule;
use super::value::{Item, Table, shown};
use crate::schema::condition::{Condition, Operand};

/// The longest name of a rule, in bytes: it stands in every reject of the rule.
const NAME_BYTES: usize = 100;

/// The rules as they stand, before the columns are known.
pub(super) struct RuleItems<'t>(Vec<(Option<Item<'t>>, Option<Item<'t>>, bool)>);

/// Reads which keys the rules have.
pub(super) fn items<'t>(item: Option<Item<'t>>) -> Option<RuleItems<'t>> {
    let Some(item) = item else { return Some(RuleItems(Vec::new())) };
    let tables = item.list("[{ name = \"…\", where = \"…\" }]")?;
    let rules = tables.into_iter().map(|item| {
        let mut table: Table<'t> = item.table("[[rule]]".to_owned())?;
        let name = table.required("name", "\"returns are negative\"");
        let condition = table.required("where", "\"quantity > 0 OR invoice_no LIKE 'C%'\"");
        let understood = table.finish();
        Some((name, condition, understood))
    });
    rules.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(RuleItems)
}

impl RuleItems<'_> {
    /// The rules over these columns; `None` if there is a problem with one.
    pub(super) fn read(self, columns: &[Column]) -> Option<Vec<RowRule>> {
        let operands: Vec<Operand<'_>> = columns
            .iter()
            .map(|column| Operand {
                name: &column.name,
                column_type: column.column_type,
                readable: column.mask.is_none(),
            })
            .collect();
        let mut seen: Vec<(String, Item<'_>)> = Vec::new();
        let mut rules = Vec::new();
        let complete = self.0.len();
        for (name, condition, understood) in self.0 {
            let name = name.and_then(|item| Some((rule_name(item, &seen)?, item)));
            seen.extend(name.clone());
            let condition = condition.and_then(|item| compiled(item, &operands));
            if let (Some((name, _)), Some(condition), true) = (name, condition, understood) {
                rules.push(RowRule { name, condition });
            }
        }
        (rules.len() == complete).then_some(rules)
    }
}

fn rule_name(item: Item<'_>, seen: &[(String, Item<'_>)]) -> Option<String> {
    let name = item.parsed("write what the rule demands, in a few words", |name| match name.len() {
        0 => Err("the name of a rule is empty".to_owned()),
        1..=NAME_BYTES => Ok(name.to_owned()),
        length => Err(format!("the name of a rule has {length} bytes; it may have {NAME_BYTES}")),
    })?;
    if let Some((_, first)) = seen.iter().find(|(other, _)| *other == name) {
        let message = format!("a second rule has the name `{}`", shown(&name));
        item.problem_with(message, format!("the first is at {}", first.place()), "rename one of the two");
        return None;
    }
    Some(name)
}

fn compiled(item: Item<'_>, operands: &[Operand<'_>]) -> Option<Condition> {
    let text = item.text()?;
    Condition::compile(&text, operands)
        .map_err(|refused| item.problem_within(&text, refused.range, refused.message, refused.help))
        .ok()
}
