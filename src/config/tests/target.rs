use super::{EVENTS, REVIEWS, SERVICE, assert_refused, load_two, pipeline, replaced};

#[test]
fn columns_are_named_in_any_case() {
    let text = replaced(REVIEWS, "[\"reviewer_id\", \"asin\"]", "[\"Reviewer_ID\", \"ASIN\"]");
    assert_eq!(pipeline(&text).target.key, ["reviewer_id", "asin"]);
    let text = replaced(REVIEWS, "bestsellers.reviews", "Bestsellers.Reviews");
    assert_eq!(pipeline(&text).target.table.to_string(), "bestsellers.reviews");
}

#[test]
fn lineage_can_go_where_newest_by_tells_the_newer_row() {
    assert!(!pipeline(&replaced(REVIEWS, "distkey", "lineage = false\ndistkey")).target.lineage);
    assert!(!pipeline(&replaced(EVENTS, "mode =", "lineage = false, mode =")).target.lineage);
    assert!(pipeline(&replaced(REVIEWS, "distkey", "create = true\ndistkey")).target.create);
}

#[test]
fn a_target_that_cannot_work_is_refused_with_a_remedy() {
    let newest_by = "newest_by = [\"review_time\"]";
    let key = "key    = [\"reviewer_id\", \"asin\"]";
    let cases = [
        ("bestsellers.reviews", "reviews", "no schema and table", "bestsellers.reviews"),
        ("bestsellers.reviews", "dev.bestsellers.reviews", "no schema and table", "bestsellers.reviews"),
        ("bestsellers.reviews", ".reviews", "a name is empty", "bestsellers.reviews"),
        ("\"upsert\"", "\"scd2\"", "`mode` is `scd2`, which this version does not know", "`append` or `upsert`"),
        (key, "", "`key` is missing in [target]", "add `key = [\"id\"]`"),
        (key, "key = []", "`key` is empty", "tell rows apart"),
        (key, "key = \"asin\"", "`key` is a text, but must be a list", "write `key = ["),
        (key, "key = [\"asni\"]", "`asni`, which is no column", "did you mean `asin`? the columns are `reviewer_id`"),
        (key, "key = [\"overall\"]", "key column `overall` is not required", "add `required = true`"),
        (key, "key = [\"helpful\"]", "is super, by which rows cannot be told apart", "integers"),
        (key, "key = [\"asin\", \"ASIN\"]", "names `asin` twice", "remove one"),
        (key, "key = [1]", "must be a text", "quotes"),
        (newest_by, "newest_by = [\"helpful\"]", "is super, which has no order", "numbers"),
        (newest_by, "newest_by = [\"nothing\"]", "which is no column", "the columns are"),
        (newest_by, "lineage = false", "nothing that tells which of two rows of a key is newer", "add `newest_by`"),
        ("distkey = \"asin\"", "distkey = \"asn\"", "which is no column", "did you mean `asin`?"),
        (
            "distkey = \"asin\"",
            "distkey = \"helpful\"",
            "a super column, which Redshift does not allow",
            "another type",
        ),
        ("sortkey = [\"review_time\"]", "sortkey = [\"helpful\"]", "a super column", "another type"),
        ("sortkey = [\"review_time\"]", "sortkey = [\"time\"]", "which is no column", "the columns are"),
        ("distkey", "create = 1\ndistkey", "must be true or false", "create = true"),
        ("distkey", "diststyle = \"even\"\ndistkey", "unknown key `diststyle`", "`distkey`"),
    ];
    for (part, by, message, remedy) in cases {
        assert_refused(by, load_two(SERVICE, &replaced(REVIEWS, part, by)), message, remedy);
    }
}

#[test]
fn keys_and_versions_are_refused_where_every_row_is_inserted() {
    for by in ["key = [\"id\"], mode =", "newest_by = [\"id\"], mode ="] {
        let text = replaced(&replaced(EVENTS, "\"bigint\"", "{ type = \"bigint\", required = true }"), "mode =", by);
        assert_refused(by, load_two(SERVICE, &text), "which inserts every row", "mode = \"upsert\"");
    }
}

#[test]
fn a_broken_column_brings_no_second_problem_where_it_is_named() {
    let text = replaced(REVIEWS, "{ type = \"varchar(16)\", required = true, pattern", "{ type = \"txt\", pattern");
    assert_refused("asin", load_two(SERVICE, &text), "`txt` is no type", "varchar(32)");
}
