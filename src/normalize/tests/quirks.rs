//! The values of real files that other loaders stumble over, read from those files.

use std::collections::BTreeMap;

use crate::config::{Column, ColumnSource, Texts};
use crate::decode::json_object;
use crate::model::{Rule, Value};
use crate::normalize::Plan;
use crate::schema::value::{Cell, TimeParse};
use crate::testing::{column, data, origin, pipeline};

/// The cells of each JSON line, or the rule that it breaks.
fn json_lines(text: &str, columns: Vec<Column>) -> Vec<Result<Vec<Cell<'static>>, Rule>> {
    let plan = Plan::new(&pipeline(columns));
    let origin = origin([]);
    let row = |line: &str| {
        let (mut slots, mut row) = (Vec::new(), Vec::new());
        json_object(line, plan.fields(), &mut slots).expect("an object");
        plan.row(&slots, &origin, &[], &mut row).map_err(|refusal| refusal.violation.rule)?;
        Ok(row.into_iter().map(Cell::into_owned).collect())
    };
    text.lines().map(row).collect()
}

/// The cells of each line of a CSV file that has no quotes, its fields by the names of the header.
fn csv(text: &str, columns: Vec<Column>) -> Vec<Result<Vec<Cell<'static>>, Rule>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').map(|name| name.trim_matches('"')).collect();
    let plan = Plan::new(&pipeline(columns));
    let origin = origin([]);
    let row = |line: &str| {
        let mut slots = vec![None; plan.fields().len()];
        for (name, field) in header.iter().zip(line.split(',')) {
            if let Some(slot) = plan.fields().get(name) {
                slots[slot] = Some(Value::Text(field.to_owned().into()));
            }
        }
        let mut row = Vec::new();
        plan.row(&slots, &origin, &[], &mut row).map_err(|refusal| refusal.violation.rule)?;
        Ok(row.into_iter().map(Cell::into_owned).collect())
    };
    lines.filter(|line| !line.contains('"')).map(row).collect()
}

fn file(path: &str) -> Option<String> {
    Some(String::from_utf8(data(path)?).expect("UTF-8"))
}

fn from(field: &str, column: Column) -> Column {
    Column { from: ColumnSource::Field(field.to_owned()), ..column }
}

#[test]
fn sparkify_registration_is_a_float_of_milliseconds_or_null_and_user_id_is_empty_when_logged_out() {
    let Some(text) = file("sparkify/log_data/2018/11/2018-11-01-events.json") else { return };
    let user = Texts { empty_as_null: true, ..Texts::default() };
    let rows = json_lines(
        &text,
        vec![
            Column { parse: TimeParse::EpochMillis, ..column("registration", "timestamp") },
            from("userId", Column { texts: user, ..column("user_id", "integer") }),
        ],
    );
    let rows: Vec<Vec<Cell<'_>>> = rows.into_iter().map(|row| row.expect("every line fits")).collect();
    assert_eq!(rows.len(), text.lines().count());
    assert_eq!(rows[0], [Cell::Micros(1_540_919_166_796_000), Cell::Int(39)]);
    for (row, line) in rows.iter().zip(text.lines()) {
        assert_eq!(row[0] == Cell::Null, line.contains("\"registration\":null"), "{line}");
        assert_eq!(row[1] == Cell::Null, line.contains("\"userId\":\"\""), "{line}");
    }

    // Without the key, "" is no number, and says so.
    let refused = json_lines(&text, vec![from("userId", column("user_id", "integer"))]);
    let empty = text.lines().filter(|line| line.contains("\"userId\":\"\"")).count();
    assert_eq!(refused.iter().filter(|row| **row == Err(Rule::Type)).count(), empty);
}

#[test]
fn amazon_review_time_is_a_day_without_its_zero_and_agrees_with_the_epoch_beside_it() {
    use std::io::Read;
    let Some(gzip) = data("amazon/share/reviews_Digital_Music_5.first3500.json.gz") else { return };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(gzip.as_slice()).read_to_string(&mut text).expect("gzip of UTF-8");
    let rows = json_lines(
        &text,
        vec![
            from("reviewTime", Column { parse: TimeParse::Formats(vec!["%m %d, %Y".into()]), ..column("day", "date") }),
            from("unixReviewTime", Column { parse: TimeParse::EpochSeconds, ..column("at", "date") }),
        ],
    );
    assert_eq!(rows.len(), 3_500);
    for row in rows {
        let row = row.expect("every line fits");
        assert_eq!(row[0], row[1]);
    }
}

#[test]
fn retail_customer_ids_are_integers_written_as_floats_or_nothing() {
    let Some(text) = file("retail/by-day/2010-12-01.csv") else { return };
    let customer = Column { texts: Texts { empty_as_null: true, ..Texts::default() }, ..column("id", "integer") };
    let rows = csv(
        &text,
        vec![
            from("CustomerID", customer),
            from("Quantity", column("quantity", "integer")),
            from("UnitPrice", column("price", "decimal(12,3)")),
            from("InvoiceDate", column("at", "timestamp")),
        ],
    );
    let rows: Vec<Vec<Cell<'_>>> = rows.into_iter().map(|row| row.expect("every line fits")).collect();
    assert_eq!(rows[0], [Cell::Int(17_850), Cell::Int(6), Cell::Decimal(2_550), Cell::Micros(1_291_191_960_000_000)]);
    assert!(rows.iter().any(|row| row[0] == Cell::Null), "some customers are not known");
    assert!(rows.iter().any(|row| matches!(row[1], Cell::Int(quantity) if quantity < 0)), "some are given back");
}

#[test]
fn retail_dates_come_in_three_forms_and_each_is_the_same_moment() {
    let forms = [
        ("retail/by-day/2010-12-01.csv", TimeParse::Iso),
        (
            "retail/date_variants/evanvolgas_1000rows/OnlineRetail.csv",
            TimeParse::Formats(vec!["%m/%d/%y %H:%M".to_owned()]),
        ),
        (
            "retail/date_variants/yokyen_dmy_150rows/OnlineRetail.csv",
            TimeParse::Formats(vec!["%d/%m/%Y %H:%M".to_owned()]),
        ),
    ];
    for (path, parse) in forms {
        let Some(text) = file(path) else { return };
        let at = from("InvoiceDate", Column { parse, ..column("at", "timestamp") });
        let rows = csv(&text, vec![at]);
        assert_eq!(rows[0], Ok(vec![Cell::Micros(1_291_191_960_000_000)]), "{path}");
        assert!(rows.iter().all(Result::is_ok), "{path}");
    }
}

#[test]
fn showcase_headers_are_other_names_than_the_tables_and_of_another_case() {
    let Some(text) = file("showcase/get_changed_customer_data/customer_data.txt") else { return };
    let mut pipeline = pipeline(vec![
        from("customerid", column("customer_key", "integer")),
        from("customersatisfactionrating", column("rating", "smallint")),
    ]);
    pipeline.source.ignore_case = true;
    let plan = Plan::new(&pipeline);
    let header: BTreeMap<&str, usize> = text
        .lines()
        .next()
        .expect("a header")
        .split(',')
        .zip(0..)
        .map(|(name, at)| (name.trim_matches('"'), at))
        .collect();
    let taken: Vec<usize> =
        header.iter().filter(|(name, _)| plan.fields().get(name).is_some()).map(|(_, at)| *at).collect();
    assert_eq!(taken, [0, 3], "CustomerId and CustomerSatisfactionRating");
}
