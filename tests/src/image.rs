//! Checks of the server's image that need no build: `.dockerignore` lets in everything that
//! `deploy/Dockerfile` copies, and every member of the workspace is copied.

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// A file at the top of the repository.
    fn read(name: &str) -> String {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        std::fs::read_to_string(top.join(name)).unwrap()
    }

    /// The paths that the Dockerfile copies from the repository, and not from an earlier stage.
    fn copied(dockerfile: &str) -> Vec<String> {
        let copies = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
        let sources = copies.filter(|copy| !copy.starts_with("--from")).flat_map(|copy| {
            let words: Vec<&str> = copy.split_whitespace().collect();
            words[..words.len() - 1].iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()
        });
        sources.collect()
    }

    /// Whether `.dockerignore` lets a path in: of its lines, the last one that is about the path
    /// decides.
    fn is_let_in(ignore: &str, path: &str) -> bool {
        let is_about = |pattern: &str| pattern == "*" || Path::new(path).starts_with(pattern);
        let lines = ignore.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let decisions = lines
            .map(|line| line.strip_prefix('!').map_or((line, false), |pattern| (pattern, true)));
        decisions.rev().find(|(pattern, _)| is_about(pattern)).is_none_or(|(_, let_in)| let_in)
    }

    #[test]
    fn every_copied_path_reaches_the_build() {
        let (copied, ignore) = (copied(&read("deploy/Dockerfile")), read(".dockerignore"));
        assert!(copied.len() > 5, "{copied:?}");

        let missing: Vec<_> = copied.iter().filter(|path| !is_let_in(&ignore, path)).collect();
        assert!(
            missing.is_empty(),
            ".dockerignore leaves out {missing:?}, which deploy/Dockerfile copies"
        );
    }

    #[test]
    fn every_workspace_member_is_copied() {
        let (copied, manifest) = (copied(&read("deploy/Dockerfile")), read("Cargo.toml"));
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        for member in manifest["workspace"]["members"].as_array().unwrap() {
            let member = member.as_str().unwrap();
            assert!(
                copied.contains(&format!("{member}/Cargo.toml")),
                "deploy/Dockerfile does not copy {member}"
            );
        }
    }

    #[test]
    fn the_last_pattern_decides() {
        let ignore = "# Nothing but:\n*\n!shared\n!client/Cargo.toml\nshared/secret\n";
        assert!(is_let_in(ignore, "shared/src/lib.rs") && is_let_in(ignore, "client/Cargo.toml"));
        assert!(!is_let_in(ignore, "client/mls/Cargo.toml") && !is_let_in(ignore, "shared/secret"));
    }
}
