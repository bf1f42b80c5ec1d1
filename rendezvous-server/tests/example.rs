//! `deploy/rendezvous.toml`, the example that operators begin with: it is valid, and the defaults
//! that it shows are the real ones. No server is started.

#[cfg(test)]
mod example {
    use std::path::Path;

    use chive_rendezvous::config::Config;

    const EXAMPLE: &str = include_str!("../../deploy/rendezvous.toml");

    fn read(text: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rendezvous.toml");
        std::fs::write(&path, text).unwrap();
        Config::find(Some(&path), std::iter::empty()).unwrap()
    }

    /// A commented-out number, such as `# records = 250000`, without the comment sign.
    fn number(line: &str) -> Option<&str> {
        let line = line.strip_prefix("# ")?;
        let (name, value) = line.split_once(" = ")?;
        let named = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        (named && value.starts_with(|c: char| c.is_ascii_digit())).then_some(line)
    }

    #[test]
    fn the_example_has_an_admin_socket_and_defaults() {
        let (shown, default) = (read(EXAMPLE), Config::default());
        assert_eq!(
            shown.admin.unix.as_deref(),
            Some(Path::new("/var/lib/chive-rendezvous/admin.sock"))
        );
        assert_eq!(shown.admin.tcp, None);
        assert_eq!(shown.data_dir, default.data_dir);
        assert_eq!((shown.limits, shown.work), (default.limits, default.work));
        assert_eq!(shown.listen, default.listen);
    }

    #[test]
    fn every_limit_and_price_is_shown_with_its_default() {
        let lines: Vec<_> = EXAMPLE.lines().map(|line| number(line).unwrap_or(line)).collect();
        let (shown, default) = (read(&lines.join("\n")), Config::default());
        let names = |debug: String| debug.split(", ").count();
        let numbers = EXAMPLE.lines().filter_map(number).count();
        assert_eq!(
            numbers,
            names(format!("{:?}", default.limits)) + names(format!("{:?}", default.work))
        );
        assert_eq!((shown.limits, shown.work), (default.limits, default.work));
    }
}
