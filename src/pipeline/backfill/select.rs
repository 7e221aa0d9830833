//! Which objects are meant: by pipeline, and by day. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Backfill, Fate, readers};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ObjectRef;
use crate::notify::Router;
use crate::pipeline::runtime::Runtime;

/// The pipelines that are meant, and the days.
pub(super) struct Selection {
    pub(super) runtimes: Vec<Runtime>,
    router: Router,
    since: Option<Date>,
    until: Option<Date>,
    by: Option<String>,
}

impl Selection {
    /// # Errors
    /// `Configuration` if no pipeline reads the bucket, or one of those that are meant lacks the capture that says the day.
    pub(super) fn new(config: &Config, request: &Backfill) -> Result<Self> {
        let runtimes = readers(config, request)?;
        if let Some(by) = &request.by
            && let Some(without) = runtimes.iter().find(|it| !it.pipeline.source.key.captures().contains(by))
        {
            let message = format!(
                "the keys of the pipeline {} have no capture {{{by}}}; they have {:?}. Name another pipeline by --pipeline",
                without.name(),
                without.pipeline.source.key.captures()
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let sources = runtimes.iter().map(|it| (it.pipeline.source.bucket.clone(), it.pipeline.source.key.clone()));
        let router = Router::new(sources);
        Ok(Selection { runtimes, router, since: request.since, until: request.until, by: request.by.clone() })
    }

    /// The pipelines for which the object is meant, by their places in `runtimes`; else what becomes of it.
    pub(super) fn select(&self, object: &ObjectRef) -> std::result::Result<Vec<usize>, Fate> {
        let routes = self.router.route(object);
        if routes.is_empty() {
            return Err(Fate::Unrouted);
        }
        let mut pipelines = Vec::new();
        let mut otherwise = Fate::Undated;
        for route in routes {
            let day = match &self.by {
                Some(by) => self.runtimes[route.pipeline].captured_day(by, &route.captures),
                None => Some(object.event_time.to_zoned(TimeZone::UTC).date()),
            };
            match day {
                Some(day) if self.has(day) => pipelines.push(route.pipeline),
                Some(_) => otherwise = Fate::Outside,
                None => {}
            }
        }
        if pipelines.is_empty() { Err(otherwise) } else { Ok(pipelines) }
    }

    fn has(&self, day: Date) -> bool {
        self.since.is_none_or(|since| day >= since) && self.until.is_none_or(|until| day <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Column, ColumnSource, KeyPattern};
    use crate::model::ObjectRef;
    use crate::schema::value::TimeParse;
    use crate::testing::{column, origin, pipeline};

    fn selection(since: Option<&str>, until: Option<&str>, by: Option<&str>) -> Selection {
        let mut dated = pipeline(vec![Column {
            from: ColumnSource::Capture(0),
            parse: TimeParse::Formats(vec!["%d-%m-%Y".to_owned()]),
            ..column("day", "date")
        }]);
        dated.source.key = KeyPattern::parse("german/{day}/*").expect("valid");
        let mut plain = pipeline(vec![column("id", "bigint")]);
        plain.source.key = KeyPattern::parse("iso/{day}/*").expect("valid");
        let runtimes: Vec<Runtime> =
            [dated, plain].into_iter().enumerate().map(|(at, pipeline)| Runtime::new(at, pipeline, 1)).collect();
        let router =
            Router::new(runtimes.iter().map(|it| (it.pipeline.source.bucket.clone(), it.pipeline.source.key.clone())));
        let day = |text: Option<&str>| text.map(|text| text.parse().expect("a day"));
        Selection { runtimes, router, since: day(since), until: day(until), by: by.map(str::to_owned) }
    }

    fn object(key: &str, at: &str) -> ObjectRef {
        ObjectRef { key: key.to_owned(), event_time: at.parse().expect("a moment"), ..origin([]).object }
    }

    #[test]
    fn days_are_of_utc_and_both_ends_are_meant() {
        let selection = selection(Some("2026-01-02"), Some("2026-01-03"), None);
        for (at, fate) in [
            ("2026-01-01T23:59:59Z", Err(Fate::Outside)),
            ("2026-01-02T00:00:00Z", Ok(vec![1])),
            ("2026-01-03T23:59:59Z", Ok(vec![1])),
            ("2026-01-04T00:00:00Z", Err(Fate::Outside)),
        ] {
            assert_eq!(selection.select(&object("iso/x/a", at)), fate, "{at}");
        }
        assert_eq!(selection.select(&object("other/x/a", "2026-01-02T00:00:00Z")), Err(Fate::Unrouted));
    }

    #[test]
    fn the_day_of_a_key_is_read_as_its_column_reads_it_or_else_as_iso() {
        let selection = selection(Some("2026-01-02"), None, Some("day"));
        let at = "1999-01-01T00:00:00Z";
        for (key, fate) in [
            ("german/03-01-2026/a", Ok(vec![0])),
            ("german/01-01-2026/a", Err(Fate::Outside)),
            ("german/2026-01-03/a", Err(Fate::Undated)),
            ("iso/2026-01-02/a", Ok(vec![1])),
            ("iso/2026-01-01/a", Err(Fate::Outside)),
            ("iso/soon/a", Err(Fate::Undated)),
        ] {
            assert_eq!(selection.select(&object(key, at)), fate, "{key}");
        }
    }
}
