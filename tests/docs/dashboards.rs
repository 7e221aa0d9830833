//! The dashboard and the alerts ask only for what the daemon exports, and tell an operator what to do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate::telemetry::metrics::{Kind, METRICS};

use crate::promql::{Labels, all_of, result_labels};
use crate::{must_succeed_where_installed, read};

/// A query of the dashboard or of an alert.
struct Query {
    /// The panel's title, or `alert` and the alert's name.
    asked_by: String,
    /// The query, Grafana's variables replaced.
    promql: String,
    /// The texts that show labels of its result: a legend, or an alert's annotations.
    shown: String,
}

/// Every query of the dashboard and of the alerts, with the panel or alert that asks it; Grafana's variables are
/// replaced, so that Prometheus can run it.
pub(crate) fn queries() -> Vec<(String, String)> {
    dashboard_queries().into_iter().chain(alert_queries()).map(|query| (query.asked_by, query.promql)).collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&read("dashboards/tidegate.json")).expect("dashboards/tidegate.json is JSON")
}

/// The panels but for the rows' titles.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    panels.iter().filter(|panel| panel["type"] != "row").collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn dashboard_queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for panel in panels(&dashboard()) {
        for target in panel["targets"].as_array().expect("a panel asks something") {
            let promql = text(target, "expr").replace("$__rate_interval", "1m").replace("$pipeline", ".*");
            assert!(!promql.contains('$'), "{}: a variable that nothing replaces: {promql}", text(panel, "title"));
            let asked_by = text(panel, "title").to_owned();
            queries.push(Query { asked_by, promql, shown: text(target, "legendFormat").to_owned() });
        }
    }
    queries
}

fn alerts() -> Vec<serde_yaml::Value> {
    let rules: serde_yaml::Value = serde_yaml::from_str(&read("dashboards/alerts.yml")).expect("alerts.yml is YAML");
    let groups = rules["groups"].as_sequence().expect("alerts.yml has groups");
    groups.iter().flat_map(|group| group["rules"].as_sequence().expect("a group has rules").clone()).collect()
}

fn alert_queries() -> Vec<Query> {
    let field = |value: &serde_yaml::Value| value.as_str().unwrap_or_default().to_owned();
    let query = |alert: serde_yaml::Value| Query {
        asked_by: format!("alert {}", field(&alert["alert"])),
        promql: field(&alert["expr"]),
        shown: field(&alert["annotations"]["summary"]) + &field(&alert["annotations"]["description"]),
    };
    alerts().into_iter().map(query).collect()
}

fn labels<'a>(names: impl IntoIterator<Item = &'a str>) -> Labels {
    names.into_iter().map(str::to_owned).collect()
}

/// The metric behind a series' name, and the labels of that series.
fn series(name: &str) -> Result<(Kind, Labels), String> {
    for metric in METRICS {
        let suffix = name.strip_prefix(metric.name);
        let found = match (metric.kind, suffix) {
            (Kind::Histogram, Some("_bucket")) => &["le"][..],
            (Kind::Histogram, Some("_sum" | "_count")) | (Kind::Counter | Kind::Gauge, Some("")) => &[][..],
            _ => continue,
        };
        let by_prometheus = ["instance", "job"];
        return Ok((metric.kind, labels(metric.labels.iter().chain(found).chain(&by_prometheus).copied())));
    }
    Err(format!("no metric exports {name}"))
}

/// What stands between `{{` and `}}`, if it is a label: `{{pipeline}}` in a legend, `{{ $labels.pipeline }}` in an alert.
fn shown_labels(template: &str) -> Labels {
    let placeholders = template.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let names = placeholders.map(|inside| inside.trim().trim_start_matches("$labels."));
    labels(names.filter(|name| !name.starts_with('$')))
}

fn check(query: &Query) -> Result<(), String> {
    let found = result_labels(&query.promql, series)?;
    all_of(&found, shown_labels(&query.shown)).map(drop)
}

#[test]
fn every_query_asks_for_metrics_and_labels_that_the_daemon_exports() {
    let problems: Vec<String> = (dashboard_queries().iter().chain(&alert_queries()))
        .filter_map(|query| check(query).err().map(|problem| format!("{}: {problem}", query.asked_by)))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_check_of_queries_sees_what_is_wrong() {
    let problem = |promql: &str, shown: &str| {
        check(&Query { asked_by: String::new(), promql: promql.to_owned(), shown: shown.to_owned() }).err()
    };
    assert_eq!(problem("sum by (queue) (rate(tidegate_parked_total[1m]))", "{{queue}}"), None);
    for (promql, shown, expected) in [
        ("rate(tidegate_parked[1m])", "", "no metric exports tidegate_parked"),
        ("tidegate_load_seconds", "", "no metric exports tidegate_load_seconds"),
        ("tidegate_warehouse_up{queue=\"loads\"}", "", "tidegate_warehouse_up: no label queue"),
        ("sum by (pipeline) (tidegate_messages_held)", "", "no label pipeline"),
        ("sum(tidegate_messages_held)", "{{queue}}", "no label queue"),
        ("rate(tidegate_messages_held[1m])", "", "rate of a gauge"),
        ("rate(tidegate_parked_total)", "", "not with these arguments"),
        ("rate(tidegate_parked_total[1])", "", "no duration"),
        ("sum(tidegate_parked_total[1m])", "", "a vector is needed"),
        ("histogram_quantile(0.5, sum by (pipeline) (rate(tidegate_load_seconds_bucket[1m])))", "", "without le"),
        ("sum(tidegate_warehouse_up) / sum by (queue) (tidegate_messages_held)", "", "between other labels"),
        ("tidegate_messages_held unless on (pipeline) tidegate_leases_lost_total", "", "no label pipeline"),
        ("rates(tidegate_parked_total[1m])", "", "not understood here"),
        ("sum(tidegate_warehouse_up", "", "should be"),
        ("sum(tidegate_warehouse_up))", "", "should end"),
    ] {
        let found = problem(promql, shown).unwrap_or_else(|| panic!("nothing wrong is seen in {promql}"));
        assert!(found.contains(expected), "{promql}: {found}");
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let asked: String = dashboard_queries().into_iter().map(|query| query.promql + "\n").collect();
    let names: BTreeSet<&str> = asked.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let shown =
        |metric: &str| ["", "_bucket"].iter().any(|suffix| names.contains(format!("{metric}{suffix}").as_str()));
    let missing: Vec<&str> = METRICS.iter().map(|metric| metric.name).filter(|name| !shown(name)).collect();
    assert!(missing.is_empty(), "no panel shows {missing:?}");
}

#[test]
fn every_panel_has_a_title_a_unit_and_says_what_to_do() {
    let dashboard = dashboard();
    let mut titles = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = text(panel, "title");
        assert!(!title.is_empty() && titles.insert(title), "a panel without a title of its own: {title:?}");
        assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{title}: no unit");
        let description = text(panel, "description");
        assert!(description.matches(['.', ':']).count() >= 2 && description.ends_with('.'), "{title}: {description:?}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}: a data source of its own");
    }
}

#[test]
fn the_first_row_is_about_freshness_and_no_panel_lies_on_another() {
    let dashboard = dashboard();
    let all = dashboard["panels"].as_array().expect("a dashboard has panels");
    assert_eq!((text(&all[0], "type"), text(&all[0], "title")), ("row", "Is it late?"));
    assert!(text(&all[1]["targets"][0], "expr").contains("tidegate_freshness_target_seconds"));

    let mut taken = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for panel in all {
        assert!(ids.insert(panel["id"].as_u64()), "two panels with the id {}", panel["id"]);
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a panel has a place");
        assert!(side("x") + side("w") <= 24, "{} is too wide", panel["title"]);
        for cell in
            (side("y")..side("y") + side("h")).flat_map(|y| (side("x")..side("x") + side("w")).map(move |x| (x, y)))
        {
            if let Some(other) = taken.insert(cell, text(panel, "title")) {
                panic!("{} lies on {other}", panel["title"]);
            }
        }
    }
}

#[test]
fn the_variables_offer_data_sources_and_the_pipelines_that_run() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("a dashboard has variables");
    let names: Vec<&str> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(names, ["datasource", "pipeline"]);
    let asked = text(&variables[1]["query"], "query");
    let inside = asked.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("label_values(…)");
    let (metric, label) = inside.split_once(", ").expect("a metric and a label");
    assert!(series(metric).expect("a metric of ours").1.contains(label));
}

#[test]
fn every_alert_says_how_urgent_it_is_and_what_to_do() {
    let alerts = alerts();
    assert!(!alerts.is_empty());
    for alert in alerts {
        let name = alert["alert"].as_str().expect("an alert has a name");
        assert!(name.starts_with("Tidegate"), "{name}");
        assert!(matches!(alert["labels"]["severity"].as_str(), Some("page" | "ticket")), "{name}: no severity");
        for annotation in ["summary", "description"] {
            assert!(
                alert["annotations"][annotation].as_str().is_some_and(|text| text.len() > 20),
                "{name}: {annotation}"
            );
        }
        let tested = format!("alertname: {name}\n");
        let selected = format!("alertname=\"{name}\"");
        let tests = read("dashboards/alerts_test.yml");
        assert!(tests.contains(&tested) || tests.contains(&selected), "alerts_test.yml does not test {name}");
    }
}

#[test]
fn the_alerts_go_off_when_they_should() {
    must_succeed_where_installed("promtool", &["check", "rules", "alerts.yml"], "dashboards");
    must_succeed_where_installed("promtool", &["test", "rules", "alerts_test.yml"], "dashboards");
}
