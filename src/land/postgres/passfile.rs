//! The password file of libpq: `host:port:database:user:password` a line, `*` for any, `\` before a `:` or `\`. Pure.

/// Whom a password is for.
#[derive(Debug)]
pub(super) struct Login<'a> {
    pub(super) host: &'a str,
    pub(super) port: &'a str,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The password of the first line that fits.
pub(super) fn password(file: &str, login: &Login<'_>) -> Option<String> {
    let wanted = [login.host, login.port, login.database, login.user];
    file.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = fields(line);
        let password = (fields.len() >= 5).then(|| fields.remove(4))?;
        let fits = fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
        fits.then_some(password)
    })
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let character = match character {
            // Behind the fourth, all is the password.
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(field) = fields.last_mut() {
            field.push(character);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let file = "# localhost:*:*:*:no\nlocalhost:5432:shop:other:no\nshort:1\nlocalhost:*:shop:me:a\\:b\\\\c:d\n*:*:*:*:last\r\n";
        let of = |host, user| password(file, &Login { host, port: "5432", database: "shop", user });
        assert_eq!(of("localhost", "me").as_deref(), Some("a:b\\c:d"));
        assert_eq!(of("db.example.org", "me").as_deref(), Some("last"));
        assert_eq!(of("localhost", "other").as_deref(), Some("no"));
        assert_eq!(
            password("localhost:5432:shop:me:x", &Login { host: "h", port: "5432", database: "shop", user: "me" }),
            None
        );
    }
}
