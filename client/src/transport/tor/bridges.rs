//! Checks bridges that a person pasted, and puts them into Tor's configuration.

use std::path::Path;

use chive_tor::check_overrides;
use toml::{Table, Value};

/// Programs that speak the transports of bridges, where Debian puts them.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("/usr/bin/lyrebird", &["obfs4", "webtunnel", "meek_lite"]),
    ("/usr/bin/obfs4proxy", &["obfs4", "meek_lite"]),
    ("/usr/bin/snowflake-client", &["snowflake"]),
];

/// The configuration with these bridges, one a line, in the place of others. Without any it stays
/// as it is.
#[must_use]
pub fn with_bridges(tor: Option<Table>, bridges: &str) -> Option<Table> {
    let lines: Vec<&str> = bridges.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return tor;
    }
    Some(put(tor.unwrap_or_default(), &lines, |program| Path::new(program).exists()))
}

/// Says what is wrong with bridges, one a line.
///
/// # Errors
/// A sentence for the person who wrote them.
pub fn check_bridges(bridges: &str) -> Result<(), String> {
    with_bridges(None, bridges).map_or(Ok(()), |table| check_overrides(&table))
}

fn put(mut tor: Table, lines: &[&str], is_there: impl Fn(&str) -> bool) -> Table {
    let bridges = tor.entry("bridges").or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(bridges) = bridges else { return tor };
    bridges.insert("enabled".into(), true.into());
    bridges.insert("bridges".into(), lines.join("\n").into());
    if bridges.contains_key("transports") {
        return tor;
    }

    let needed =
        |word: &&str| lines.iter().any(|line| line.split_whitespace().next() == Some(word));
    let mut missing: Vec<&str> =
        PROGRAMS.iter().flat_map(|(_, words)| *words).copied().filter(needed).collect();
    let mut transports = vec![];
    for (program, words) in PROGRAMS.into_iter().filter(|(program, _)| is_there(program)) {
        let (spoken, rest): (Vec<&str>, Vec<&str>) =
            missing.iter().partition(|word| words.contains(word));
        missing = rest;
        if !spoken.is_empty() {
            let mut protocols: Vec<Value> = spoken.into_iter().map(Value::from).collect();
            protocols.dedup();
            let transport = [
                ("protocols", Value::Array(protocols)),
                ("path", program.into()),
                ("run_on_startup", true.into()),
            ];
            transports.push(Value::Table(
                transport.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
            ));
        }
    }

    bridges.insert("transports".into(), Value::Array(transports));

    tor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_profile_replace_others_and_find_their_programs() {
        let before: Table = toml::from_str("[bridges]\nenabled = false\nbridges = 'old'").unwrap();
        let lines = ["obfs4 192.0.2.1:1 AB cert=x", "192.0.2.2:2 CD", "snowflake 192.0.2.3:3 EF"];
        let table = put(before, &lines, |program| program == "/usr/bin/lyrebird");
        let bridges = table["bridges"].as_table().unwrap();
        assert_eq!(bridges["enabled"].as_bool(), Some(true));
        assert_eq!(bridges["bridges"].as_str().unwrap().lines().count(), 3);
        let transports = bridges["transports"].as_array().unwrap();
        assert_eq!(transports.len(), 1);
        assert_eq!(transports[0]["protocols"].as_array().unwrap(), &[Value::from("obfs4")]);
    }

    #[test]
    fn what_is_no_bridge_is_told() {
        assert_eq!(check_bridges(" \n"), Ok(()));
        assert_eq!(
            check_bridges("192.0.2.66:443 8C00000DFE0046ABCDFAD191144399CB520C29E8"),
            Ok(())
        );
        assert!(check_bridges("https://example.org").is_err());
    }

    #[test]
    fn transports_that_were_set_up_stay() {
        let before: Table =
            toml::from_str("[[bridges.transports]]\nprotocols = ['obfs4']\npath = '/x'").unwrap();
        let table = put(before, &["obfs4 192.0.2.1:1 AB"], |_| true);
        assert_eq!(
            table["bridges"]["transports"].as_array().unwrap()[0]["path"].as_str(),
            Some("/x")
        );
    }
}
