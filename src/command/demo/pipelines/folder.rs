//! The folders of `pipelines/`, compiled in, so that the demo needs no checkout.

use super::Name;
use crate::command::demo::house::Scene;
use crate::schema::script;

/// The files of a folder, by name.
macro_rules! files {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/", $folder, "/", $file)))),+]
    };
}

type Files = &'static [(&'static str, &'static str)];

const SHOWCASE: Files = files!("showcase":
    "tidegate.toml", "tables.sql", "products.toml", "dim_product.sql", "customers.toml", "customer_keys.sql", "resolve_customers.sql",
    "sales.toml", "inferred_products.sql", "fact_sales.sql", "aggregate.sql",
);
const SPARKIFY: Files = files!("sparkify":
    "tidegate.toml", "tables.sql", "songs.toml", "songs.sql", "events.toml", "songplays.sql", "users.sql", "time.sql",
);
const RETAIL: Files = files!("retail":
    "tidegate.toml", "tables.sql", "purchases.toml", "spent.sql", "archive.toml", "archive_spent.sql", "european.toml",
    "unloaded.toml",
);
const BESTSELLERS: Files = files!("bestsellers":
    "tidegate.toml", "tables.sql", "external.sql", "reviews.toml", "metadata.toml", "reviews_2018.toml", "metadata_2018.toml",
);
const SUPPLIER: Files = files!("supplier":
    "tidegate.toml", "tables.sql", "append.sql", "tbl.toml", "csv.toml", "parquet.toml", "orc.toml", "dim.toml",
);

pub(super) fn files(name: Name) -> Files {
    match name {
        Name::Showcase => SHOWCASE,
        Name::Sparkify => SPARKIFY,
        Name::Retail => RETAIL,
        Name::Bestsellers => BESTSELLERS,
        Name::Supplier => SUPPLIER,
    }
}

/// A folder as it is played: every object of the landing bucket is announced, as `pipelines/sandbox.sh` has it.
pub(in crate::command::demo) fn scene(name: Name) -> Scene<'static> {
    let files = files(name);
    Scene {
        files,
        environment: |name, endpoint, metrics| match name {
            "TIDEGATE_QUEUES" => Some(format!("{endpoint}/000000000000")),
            "TIDEGATE_LISTEN" => Some(metrics.to_owned()),
            _ => None,
        },
        announced: ("", ""),
        before: statements(files, "external.sql"),
    }
}

/// The statements of a file that the README asks to be run once.
fn statements(files: Files, name: &str) -> Vec<String> {
    let text = files.iter().find(|(file, _)| *file == name).map_or("", |(_, text)| text);
    // A test has read it.
    script::split(text).unwrap_or_default().into_iter().map(|piece| piece.sql).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;
    use std::path::Path;

    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_file_of_each_folder_is_compiled_in() {
        for name in Name::value_variants() {
            let folder = name.to_possible_value().unwrap();
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines").join(folder.get_name());
            let on_disk: BTreeSet<String> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|file| file.ends_with(".toml") || file.ends_with(".sql"))
                .collect();
            let compiled: BTreeSet<String> = files(*name).iter().map(|(file, _)| (*file).to_owned()).collect();
            assert_eq!(compiled, on_disk, "{name:?}: add what is new to folder.rs");
        }
    }

    #[test]
    fn the_external_tables_of_bestsellers_are_three_statements() {
        assert_eq!(scene(Name::Bestsellers).before.len(), 3);
        assert!(scene(Name::Retail).before.is_empty());
    }
}
