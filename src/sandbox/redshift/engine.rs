//! The PostgreSQL below: embedded, with one connection, or a server by URL, with a few.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pglite_oxide::PgliteServer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{Client, Config, NoTls};

use crate::error::{Error, ErrorKind, Result};

/// How many submissions run at once on a server.
const SERVER_SESSIONS: usize = 8;

/// The functions and tables that Redshift has and PostgreSQL does not.
const CATALOG: &str = include_str!("catalog.sql");

/// What an earlier submission left behind goes; then Redshift's defaults. Prepared statements stay: they are the client's own.
/// Repeatable read is Redshift's SNAPSHOT isolation: the first query takes the snapshot, and LOCK before it does not.
const FRESH_SESSION: &str = "
    CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();
    DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES;
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET bytea_output = 'hex'; SET search_path = public;
    SET standard_conforming_strings = off; SET escape_string_warning = off; SET client_min_messages = error;
    SET jit = off; SET default_transaction_isolation = 'repeatable read'";

/// A PostgreSQL and its idle connections.
pub(super) struct Engine {
    config: Config,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
    embedded: Mutex<Option<PgliteServer>>,
    can_cancel: bool,
}

/// A connection that nobody else uses, as fresh as a new one.
pub(super) struct Session {
    client: Client,
    _permit: OwnedSemaphorePermit,
}

impl Session {
    /// The connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

impl Engine {
    /// Starts the embedded database in `folder`, or uses the server at `url`, and sets up the catalog.
    pub(super) async fn start(folder: &Path, url: Option<String>) -> Result<Engine> {
        let (embedded, url, sessions) = match url {
            Some(url) => (None, url, SERVER_SESSIONS),
            None => {
                let folder = folder.to_owned();
                let server = tokio::task::spawn_blocking(move || {
                    PgliteServer::builder().path(folder).tcp(([127, 0, 0, 1], 0).into()).start()
                })
                .await
                .map_err(|error| Error::caused(ErrorKind::Io, "the embedded database did not start", error))?
                .map_err(|error| {
                    Error::caused(
                        ErrorKind::Io,
                        "the embedded database did not start; is another sandbox using its folder?",
                        error,
                    )
                })?;
                let url = server.database_url();
                (Some(server), url, 1)
            }
        };
        let config: Config = url.parse().map_err(|error| {
            Error::caused(
                ErrorKind::Configuration,
                "the PostgreSQL URL cannot be read; write postgresql://user@host:port/database",
                error,
            )
        })?;
        let engine = Engine {
            config,
            permits: Arc::new(Semaphore::new(sessions)),
            idle: Mutex::default(),
            can_cancel: embedded.is_none(),
            embedded: Mutex::new(embedded),
        };
        let session = engine.session().await?;
        session
            .client
            .batch_execute(CATALOG)
            .await
            .map_err(|error| refused("cannot set up its schema `redshift`", error))?;
        engine.give_back(session);
        Ok(engine)
    }

    /// Waits for a free connection and freshens it.
    pub(super) async fn session(&self) -> Result<Session> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| Error::caused(ErrorKind::Stopping, "the sandbox's database is closed", error))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(client) = idle.filter(|client| !client.is_closed()) {
            let rolled_back = client.batch_execute("ROLLBACK").await;
            if rolled_back.is_ok() && client.batch_execute(FRESH_SESSION).await.is_ok() {
                return Ok(Session { client, _permit: permit });
            }
        }
        let (client, connection) =
            self.config.connect(NoTls).await.map_err(|error| refused("cannot be reached", error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "sandbox: database connection ended");
            }
        });
        client.batch_execute(FRESH_SESSION).await.map_err(|error| refused("refuses a new session", error))?;
        Ok(Session { client, _permit: permit })
    }

    /// Takes a connection back for the next submission.
    pub(super) fn give_back(&self, session: Session) {
        if !session.client.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session.client);
        }
    }

    /// Asks the server to end what the session is running. The embedded engine cannot be interrupted.
    pub(super) async fn cancel(&self, token: &tokio_postgres::CancelToken) {
        if self.can_cancel
            && let Err(error) = token.cancel_query(NoTls).await
        {
            tracing::debug!(%error, "sandbox: cancel request failed");
        }
    }

    /// Closes the connections and stops the embedded database.
    pub(super) async fn close(&self) -> Result<()> {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let server = self.embedded.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(server) = server else { return Ok(()) };
        tokio::task::spawn_blocking(move || server.shutdown())
            .await
            .map_err(|error| Error::caused(ErrorKind::Io, "the embedded database did not stop", error))?
            .map_err(|error| Error::caused(ErrorKind::Io, "the embedded database did not stop", error))
    }
}

impl Drop for Engine {
    /// Of a sandbox that was not stopped: the database ends on a thread of its own. Its end awaits that of its connections,
    /// which belong to the runtime whose thread may be dropping this.
    fn drop(&mut self) {
        if let Some(server) = self.embedded.get_mut().unwrap_or_else(PoisonError::into_inner).take()
            && let Err(error) = std::thread::Builder::new().name("postgres-end".to_owned()).spawn(move || drop(server))
        {
            tracing::warn!(%error, "the embedded database ends with the process");
        }
    }
}

fn refused(what: &str, error: tokio_postgres::Error) -> Error {
    Error::caused(ErrorKind::Unavailable, format!("the sandbox's PostgreSQL {what}"), error)
}
