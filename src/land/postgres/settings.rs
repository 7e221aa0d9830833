//! Which server, by whom and how safely: from the environment, never from arguments, which every user of a machine can read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::passfile::{Login, password};
use crate::error::{Error, ErrorKind, Result};

/// The variable with the server's URL.
const URL: &str = "TIDEGATE_POSTGRES_URL";

/// How long connecting may take, where nothing says otherwise.
const CONNECT: Duration = Duration::from_secs(10);

/// A server and who connects to it.
#[derive(Debug)]
pub struct Settings {
    pub(super) config: Config,
    /// Whether the connection is by TLS, with the server's certificate and name verified.
    pub(super) tls: bool,
    /// The roots that it is verified against; absent: the machine's.
    pub(super) root: Option<PathBuf>,
}

impl Settings {
    /// From `TIDEGATE_POSTGRES_URL`, or else the variables of libpq: PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGPASSFILE, PGSSLMODE, PGSSLROOTCERT,
    /// PGCONNECT_TIMEOUT, PGOPTIONS, PGAPPNAME. A server that is not on this machine is reached by TLS, unless `disable` is said by name.
    ///
    /// # Errors
    /// `Configuration`, where a host or a user is missing or a value cannot be read.
    pub fn read(variable: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut config = match variable(URL) {
            Some(url) => of_url(&url)?,
            None => of_libpq(&variable)?,
        };
        if config.get_user().is_none() {
            return Err(wrong(format!("no PostgreSQL user is said: set {URL} or PGUSER")));
        }
        if config.get_dbname().is_none() {
            let user = config.get_user().unwrap_or_default().to_owned();
            config.dbname(user);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("tidegate land");
        }
        if config.get_password().is_none()
            && let Some(found) = of_passfile(&config, &variable)?
        {
            config.password(found);
        }
        let tls = match (variable("PGSSLMODE").as_deref(), config.get_ssl_mode()) {
            (Some("disable"), _) | (None, SslMode::Disable) => false,
            (Some("require" | "verify-ca" | "verify-full"), _) | (_, SslMode::Require) => true,
            // Said or not: between machines, passwords and data travel encrypted or not at all.
            (None | Some("allow" | "prefer"), _) => !config.get_hosts().iter().all(is_here),
            (Some(other), _) => {
                return Err(wrong(format!("PGSSLMODE is {other:?}: it may be disable, require or verify-full")));
            }
        };
        config.ssl_mode(if tls { SslMode::Require } else { SslMode::Disable });
        let root = variable("PGSSLROOTCERT").filter(|path| path != "system").map(PathBuf::from);
        Ok(Settings { config, tls, root })
    }

    /// Host, port and database.
    pub(super) fn name(&self) -> String {
        let (host, port) = place(&self.config);
        format!("{host}:{port}/{}", self.config.get_dbname().unwrap_or_default())
    }
}

fn of_url(url: &str) -> Result<Config> {
    // Any TLS here verifies all there is to verify; the driver knows `require` alone.
    let url = url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
    let config: Config = url.parse().map_err(|error| {
        let message = format!("{URL} cannot be read; write postgresql://user@host:port/database");
        Error::caused(ErrorKind::Configuration, message, error)
    })?;
    match config.get_hosts() {
        [] => Err(wrong(format!("{URL} names no host"))),
        _ => Ok(config),
    }
}

fn of_libpq(variable: &impl Fn(&str) -> Option<String>) -> Result<Config> {
    let mut config = Config::new();
    let host = variable("PGHOST").ok_or_else(|| {
        wrong(format!("no PostgreSQL server is said: set {URL}, or PGHOST, PGUSER and PGDATABASE (the password by PGPASSWORD or PGPASSFILE)"))
    })?;
    config.host(host);
    let number = |name: &str| match variable(name) {
        None => Ok(None),
        Some(text) => text
            .parse::<u16>()
            .map(Some)
            .map_err(|_| wrong(format!("{name} is {text:?}, which is no number from 0 to 65535"))),
    };
    config.port(number("PGPORT")?.unwrap_or(5432));
    if let Some(seconds) = number("PGCONNECT_TIMEOUT")?.filter(|seconds| *seconds > 0) {
        config.connect_timeout(Duration::from_secs(seconds.into()));
    }
    if let Some(user) = variable("PGUSER") {
        config.user(user);
    }
    if let Some(password) = variable("PGPASSWORD") {
        config.password(password);
    }
    if let Some(database) = variable("PGDATABASE") {
        config.dbname(database);
    }
    if let Some(options) = variable("PGOPTIONS") {
        config.options(options);
    }
    if let Some(name) = variable("PGAPPNAME") {
        config.application_name(name);
    }
    Ok(config)
}

/// The password that `PGPASSFILE`, or else `~/.pgpass`, has for this server and user.
fn of_passfile(config: &Config, variable: &impl Fn(&str) -> Option<String>) -> Result<Option<String>> {
    let said = variable("PGPASSFILE").map(PathBuf::from);
    let own = || variable("HOME").map(|home| Path::new(&home).join(".pgpass"));
    let Some(path) = said.clone().or_else(own) else { return Ok(None) };
    let read = fs::metadata(&path).and_then(|facts| fs::read_to_string(&path).map(|text| (facts, text)));
    let (facts, text) = match read {
        Ok(read) => read,
        Err(_) if said.is_none() => return Ok(None),
        Err(error) => {
            return Err(Error::caused(
                ErrorKind::Configuration,
                format!("cannot read the password file {}", path.display()),
                error,
            ));
        }
    };
    if facts.permissions().mode() & 0o077 != 0 {
        return Err(wrong(format!("the password file {0} can be read by others: chmod 600 {0}", path.display())));
    }
    let (host, port) = place(config);
    let (database, user) = (config.get_dbname().unwrap_or_default(), config.get_user().unwrap_or_default());
    Ok(password(&text, &Login { host: &host, port: &port, database, user }))
}

fn place(config: &Config) -> (String, String) {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        // As libpq names it in the password file.
        Some(Host::Unix(_)) => "localhost".to_owned(),
        None => String::new(),
    };
    (host, config.get_ports().first().copied().unwrap_or(5432).to_string())
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) if name.eq_ignore_ascii_case("localhost") => true,
        Host::Tcp(name) => name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings> {
        Settings::read(&|name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn another_machine_is_reached_by_tls_unless_that_is_turned_off_by_name() {
        let tls = |variables: &[(&str, &str)]| read(variables).expect("settings").tls;
        for here in [
            "postgres://me@localhost/db",
            "postgres://me@127.0.0.1:5433/db",
            "postgres://me@[::1]/db",
            "host=/run/postgresql user=me",
        ] {
            assert!(!tls(&[("TIDEGATE_POSTGRES_URL", here)]), "{here}");
            assert!(tls(&[("TIDEGATE_POSTGRES_URL", here), ("PGSSLMODE", "verify-full")]), "{here}");
        }
        let there = "postgres://me@db.example.org/db";
        assert!(tls(&[("TIDEGATE_POSTGRES_URL", there)]));
        assert!(tls(&[("TIDEGATE_POSTGRES_URL", there), ("PGSSLMODE", "prefer")]));
        assert!(tls(&[("TIDEGATE_POSTGRES_URL", "postgres://me@localhost,db.example.org/db")]));
        assert!(tls(&[("TIDEGATE_POSTGRES_URL", "postgres://me@localhost/db?sslmode=verify-full")]));
        assert!(!tls(&[("TIDEGATE_POSTGRES_URL", "postgres://me@db.example.org/db?sslmode=disable")]));
        assert!(!tls(&[("PGHOST", "db.example.org"), ("PGUSER", "me"), ("PGSSLMODE", "disable")]));
        assert!(tls(&[("PGHOST", "10.0.0.7"), ("PGUSER", "me")]));
        assert!(read(&[("PGHOST", "h"), ("PGUSER", "me"), ("PGSSLMODE", "yes")]).is_err());
    }

    #[test]
    fn what_is_missing_is_said_and_a_password_is_never_shown() {
        for variables in [vec![], vec![("PGHOST", "h")], vec![("PGHOST", "h"), ("PGUSER", "me"), ("PGPORT", "x")]] {
            assert_eq!(read(&variables).expect_err("missing").kind(), ErrorKind::Configuration, "{variables:?}");
        }
        let error = read(&[("TIDEGATE_POSTGRES_URL", "postgres://me:secret@host:x/db")]).expect_err("no port");
        assert!(!error.to_string().contains("secret"), "{error}");
        let settings =
            read(&[("TIDEGATE_POSTGRES_URL", "postgres://me:secret@db.example.org:5433/shop")]).expect("settings");
        assert_eq!(settings.name(), "db.example.org:5433/shop");
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn the_password_file_is_read_if_nobody_else_can() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pass");
        fs::write(&path, "h:5432:me:me:right\n").expect("a file");
        let path = path.to_str().expect("UTF-8");
        let variables = [("PGHOST", "h"), ("PGUSER", "me"), ("PGPASSFILE", path)];
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("a mode");
        assert!(read(&variables).is_err_and(|error| error.to_string().contains("chmod 600")));
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(read(&variables).expect("settings").config.get_password(), Some(b"right".as_slice()));
        assert!(read(&[("PGHOST", "h"), ("PGUSER", "me"), ("PGPASSFILE", "/none")]).is_err());
    }
}
