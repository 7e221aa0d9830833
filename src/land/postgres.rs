//! The rows of a query, as PostgreSQL's own COPY writes them: CSV with a header, read in one transaction that cannot write.

mod passfile;
mod settings;
mod stream;

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, CopyOutStream, NoTls};

pub use self::settings::Settings;
use self::stream::Connector;
use super::tls;
use crate::error::{Error, ErrorKind, Result};

/// How many bytes are collected: COPY gives a row at a time.
const PIECE: usize = 64 << 10;

/// How values are written, whatever the server's own settings: as Tidegate reads them.
const SESSION: &str = "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; SET extra_float_digits = 1; \
                       BEGIN READ ONLY";

/// A query, and where it is asked.
#[derive(Debug)]
pub struct Query {
    /// The SELECT.
    pub sql: String,
    /// What stands between two fields.
    pub delimiter: char,
    /// The server, and who connects.
    pub settings: Settings,
}

impl Query {
    /// The query as it is shown and stored beside the object: its server and database, and not its text.
    pub(super) fn name(&self) -> String {
        format!("postgres://{}", self.settings.name())
    }

    /// The statement. PostgreSQL takes one a message here, so that what closes the parenthesis early is a syntax error.
    ///
    /// # Errors
    /// `Configuration` for a delimiter that COPY does not take.
    pub(super) fn copy(&self) -> Result<String> {
        let delimiter = match self.delimiter {
            '"' | '\\' | '\r' | '\n' | '\0' => None,
            '\'' => None,
            character if character.is_ascii() => Some(character),
            _ => None,
        };
        let Some(delimiter) = delimiter else {
            let message = format!(
                "{:?} cannot stand between fields: give one ASCII character that is no quote, backslash or line's end",
                self.delimiter
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        };
        let select = self.sql.trim().trim_end_matches([';', ' ', '\t', '\n', '\r']);
        if select.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the query is empty"));
        }
        // The line's end is for a query that ends in a comment.
        Ok(format!(
            "COPY (\n{select}\n) TO STDOUT WITH (FORMAT csv, HEADER true, DELIMITER '{delimiter}', ENCODING 'UTF8')"
        ))
    }
}

/// A query whose rows are being read.
pub struct Export {
    client: Client,
    rows: Pin<Box<CopyOutStream>>,
    connection: JoinHandle<()>,
    ended: bool,
}

impl Export {
    pub(super) async fn open(query: &Query) -> Result<Self> {
        let copy = query.copy()?;
        let settings = &query.settings;
        let (client, connection) = match settings.tls {
            true => {
                let connector = Connector::new(tls::client(settings.root.as_deref())?);
                let (client, connection) = settings
                    .config
                    .connect(connector)
                    .await
                    .map_err(|error| refused("cannot connect to PostgreSQL", error))?;
                (client, tokio::spawn(async move { told(connection.await) }))
            }
            false => {
                let (client, connection) = settings
                    .config
                    .connect(NoTls)
                    .await
                    .map_err(|error| refused("cannot connect to PostgreSQL", error))?;
                (client, tokio::spawn(async move { told(connection.await) }))
            }
        };
        client.batch_execute(SESSION).await.map_err(|error| refused("PostgreSQL begins no transaction", error))?;
        let rows = client.copy_out(&copy).await.map_err(|error| refused("PostgreSQL refuses the query", error))?;
        Ok(Export { client, rows: Box::pin(rows), connection, ended: false })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let mut piece = BytesMut::new();
        while piece.len() < PIECE && !self.ended {
            match self.rows.next().await {
                Some(Ok(rows)) => piece.extend_from_slice(&rows),
                Some(Err(error)) => return Err(refused("the query broke off", error)),
                None => {
                    // Only a transaction that ends well was read to its end.
                    let ended = self.client.batch_execute("COMMIT").await;
                    ended.map_err(|error| refused("the query's transaction did not end well", error))?;
                    self.ended = true;
                }
            }
        }
        Ok((!piece.is_empty()).then(|| piece.freeze()))
    }
}

impl Drop for Export {
    /// Closes the connection, upon which the server ends a query that nobody reads.
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn told(ended: std::result::Result<(), tokio_postgres::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "the connection to PostgreSQL ended");
    }
}

fn refused(what: &str, error: tokio_postgres::Error) -> Error {
    let kind = match error.as_db_error() {
        None => ErrorKind::Unavailable,
        Some(refusal) if refusal.code().code().starts_with("28") || refusal.code().code() == "42501" => {
            ErrorKind::Permission
        }
        Some(_) => ErrorKind::Malformed,
    };
    // The driver's own text of a refusal says no more than "db error".
    match error.as_db_error().map(|refusal| refusal.message().to_owned()) {
        Some(message) => Error::caused(kind, format!("{what}: {message}"), error),
        None => Error::caused(kind, what.to_owned(), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(sql: &str, delimiter: char) -> Result<String> {
        let known = |name: &str| (name == "TIDEGATE_POSTGRES_URL").then(|| "postgres://me@localhost/db".to_owned());
        let settings = Settings::read(&known).expect("settings");
        Query { sql: sql.to_owned(), delimiter, settings }.copy()
    }

    #[test]
    fn a_query_becomes_one_copy() {
        insta::assert_snapshot!(copy("SELECT 1 -- one ; \n;; ", ';').expect("a statement"), @r"
        COPY (
        SELECT 1 -- one
        ) TO STDOUT WITH (FORMAT csv, HEADER true, DELIMITER ';', ENCODING 'UTF8')
        ");
        assert!(copy("SELECT 1", '\t').is_ok_and(|text| text.contains("DELIMITER '\t'")));
        for delimiter in ['"', '\'', '\\', '\n', '§'] {
            assert!(copy("SELECT 1", delimiter).is_err(), "{delimiter:?}");
        }
        assert!(copy(" ; ", ',').is_err());
    }
}
