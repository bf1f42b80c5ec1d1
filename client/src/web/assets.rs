//! The page's files, in the binary. They are compressed once, when they are first asked for.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::OnceLock;

use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::page_error::PageError;

/// One file: its path, and what it holds.
type File = (&'static str, &'static [u8]);

/// The files of folders, each with its path on the page.
macro_rules! files {
    ($($folder:literal { $($name:literal)* })*) => {
        [$($((
            concat!("/", $folder, $name),
            include_bytes!(concat!("../../web/", $folder, $name)),
        )),*),*]
    };
}

static FILES: &[File] = &files! {
    "" {
        "app.js" "icon.svg" "index.html" "style.css"
    }
    "lib/" {
        "answers.js" "api.js" "collections.js" "files.js" "l10n.js" "observer.js" "shared-events.js"
        "text.js"
    }
    "state/" {
        "contacts.js" "conversations.js" "dialogs.js" "drafts.js" "events.js" "handles.js"
        "invitations.js" "messages.js" "preferences.js" "requests.js" "saving.js" "search.js"
        "servers.js" "session.js" "status.js" "sync.js" "timeline.js" "toasts.js"
    }
    "components/" {
        "button.js" "contact.js" "dialog.js" "emoji-picker.js" "form.js" "long-lists.js"
        "passphrase-strength.js" "qr-codes.js"
    }
    "views/" {
        "conversation.js" "message-list.js" "notifications.js" "onboarding.js" "sidebar.js"
    }
    "views/dialogs/" {
        "add.js" "contact.js" "index.js" "invite.js" "settings.js" "status.js"
    }
    "views/settings/" {
        "personal.js" "profile.js"
    }
    "locales/" {
        "en.ftl" "ru.ftl"
    }
    "vendor/" {
        "preact.js" "signals.js"
    }
    "vendor/fluent/" {
        "ast.js" "builtins.js" "bundle.js" "index.js" "memoizer.js" "resolver.js" "resource.js"
        "scope.js" "types.js"
    }
    "vendor/qr/" {
        "decode.js" "index.js"
    }
};

/// A file as it is, and compressed.
struct Packed {
    plain: &'static [u8],
    zipped: Vec<u8>,
}

fn packed() -> &'static HashMap<&'static str, Packed> {
    static PACKED: OnceLock<HashMap<&'static str, Packed>> = OnceLock::new();
    PACKED.get_or_init(|| {
        FILES.iter().map(|(path, plain)| (*path, Packed { plain, zipped: zip(plain) })).collect()
    })
}

fn zip(plain: &[u8]) -> Vec<u8> {
    let mut zipping = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::best());
    // Writing into memory does not fail.
    let _ = zipping.write_all(plain);
    zipping.finish().unwrap_or_default()
}

pub(super) fn serve(request: &Request) -> Response {
    let path = if request.uri().path() == "/" { "/index.html" } else { request.uri().path() };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return PageError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "files are only read",
        )
        .into_response();
    }

    let Some(file) = packed().get(path) else {
        return PageError::new(StatusCode::NOT_FOUND, "not_found", "there is no such file")
            .into_response();
    };

    let about = [(CONTENT_TYPE, media_type(path)), (VARY, "accept-encoding")];
    if takes_gzip(request.headers()) {
        return (about, [(CONTENT_ENCODING, "gzip")], file.zipped.as_slice()).into_response();
    }

    (about, file.plain).into_response()
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("gzip")))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::{Path, PathBuf};

    use data_encoding::HEXLOWER;
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// Script and style, compressed, in bytes.
    const BUDGET: usize = 150_000;

    fn page() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("web")
    }

    fn is_script(path: &str) -> bool {
        path.rsplit('.').next() == Some("js")
    }

    fn walk(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.insert(format!("/{}", path.strip_prefix(page()).unwrap().display()));
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let mut there = BTreeSet::new();
        walk(&page(), &mut there);
        there.retain(|path| {
            !["LICENSE", "README", "SHA256SUMS", "package.json"]
                .iter()
                .any(|name| path.contains(name))
        });
        assert_eq!(there, FILES.iter().map(|(path, _)| (*path).to_owned()).collect());
    }

    #[test]
    fn what_the_first_screen_needs_is_asked_for_at_once() {
        let index = fs::read_to_string(page().join("index.html")).unwrap();
        let preloaded = index.lines().filter_map(|line| {
            line.strip_prefix("<link rel=\"modulepreload\" href=\"")?.strip_suffix("\">")
        });
        let later = |path: &str| path == "/app.js" || path.starts_with("/vendor/qr/");
        let scripts = FILES.iter().map(|(path, _)| *path).filter(|path| is_script(path));
        let needed = scripts.filter(|path| !later(path) && !path.ends_with("/ast.js"));
        assert_eq!(preloaded.collect::<BTreeSet<_>>(), needed.collect());
    }

    #[test]
    fn what_others_wrote_is_as_they_published_it() {
        let vendor = page().join("vendor");
        let sums = fs::read_to_string(vendor.join("SHA256SUMS")).unwrap();
        let mut listed = BTreeSet::new();
        for line in sums.lines() {
            let (sum, path) = line.split_once("  ").unwrap();
            let bytes = fs::read(vendor.join(path)).unwrap();
            assert_eq!(HEXLOWER.encode(&Sha256::digest(&bytes)), sum, "{path}");
            listed.insert(format!("/vendor/{}", path.trim_start_matches("./")));
        }
        let served = FILES.iter().filter(|(path, _)| path.starts_with("/vendor/"));
        for (path, _) in served {
            assert!(listed.contains(*path), "{path} has no checksum");
        }
    }

    #[test]
    fn script_and_style_are_small() {
        let all: usize = packed().values().map(|file| file.zipped.len()).sum();
        assert!(all <= BUDGET, "{all} bytes");
    }

    #[test]
    fn nothing_is_asked_of_elsewhere() {
        for (path, bytes) in FILES.iter().filter(|(path, _)| !path.starts_with("/vendor/")) {
            let text = std::str::from_utf8(bytes).unwrap();
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "dangerouslySetInnerHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!text.contains(word), "{path}: {word}");
            }

            let addresses = text.match_indices("://").map(|(at, _)| &text[at.saturating_sub(5)..]);
            for address in
                addresses.filter(|address| !address.contains("http://www.w3.org/2000/svg"))
            {
                let end = address.find(['"', '\'', '`', ' ']).unwrap_or(address.len());
                assert!(
                    path.ends_with("text.js") || is_script(path) && address[..end].len() < 12,
                    "{path}: {address:.60}"
                );
            }
        }
    }

    /// The ids of a language's sentences.
    fn sentences(language: &str) -> BTreeSet<String> {
        let text =
            fs::read_to_string(page().join("locales").join(format!("{language}.ftl"))).unwrap();
        let ids = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        ids.filter_map(|line| line.split_once(" =")).map(|(id, _)| id.to_owned()).collect()
    }

    /// Of each language, its sentences for reasons: the id, and the parameters that it uses.
    fn sentences_for_reasons() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
        let parameters = |sentence: &str| {
            let named = sentence.split('$').skip(1);
            named.map(|rest| rest.split([' ', '}']).next().unwrap().to_owned()).collect()
        };
        let mut languages = BTreeMap::new();

        for entry in fs::read_dir(page().join("locales")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let sentences = text.split("\nreason-").skip(1).map(|rest| {
                let (code, rest) = rest.split_once(" =").unwrap();
                let more =
                    rest.match_indices('\n').find(|(at, _)| !rest[at + 1..].starts_with(' '));
                let sentence = &rest[..more.map_or(rest.len(), |(at, _)| at)];
                (code.replace('-', "_"), parameters(sentence))
            });
            languages.insert(path.display().to_string(), sentences.collect());
        }

        languages
    }

    /// The document of the API.
    fn api() -> serde_json::Value {
        let document = fs::read_to_string(page().parent().unwrap().join("openapi.json")).unwrap();
        serde_json::from_str(&document).unwrap()
    }

    /// The reasons of the API: the code, and its parameters.
    fn reasons() -> BTreeMap<String, BTreeSet<String>> {
        let document = api();
        let reasons = document["components"]["schemas"]["Reason"]["oneOf"].as_array().unwrap();
        let described = reasons.iter().map(|reason| {
            let properties = reason["properties"].as_object().unwrap();
            let code = properties["code"]["enum"][0].as_str().unwrap();
            let parameters = properties.keys().filter(|name| *name != "code");
            (code.to_owned(), parameters.cloned().collect())
        });

        described.collect()
    }

    #[test]
    fn every_language_says_everything() {
        let english = sentences("en");
        assert!(english.len() > 300);
        assert_eq!(english, sentences("ru"));
    }

    #[test]
    fn every_error_of_the_api_has_a_sentence() {
        let document = api();
        let english = sentences("en");
        let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
        assert!(codes.len() > 20);
        for code in codes {
            let id = format!("error-{}", code.as_str().unwrap().replace('_', "-"));
            assert!(english.contains(&id), "{id}");
        }
    }

    #[test]
    fn every_reason_has_a_sentence_in_every_language() {
        let reasons = reasons();
        assert!(reasons.len() > 50);
        let languages = sentences_for_reasons();
        assert!(languages.len() > 1);

        for (language, sentences) in languages {
            let (said, given): (BTreeSet<_>, BTreeSet<_>) =
                (sentences.keys().collect(), reasons.keys().collect());
            assert_eq!(said, given, "{language}");

            for (code, used) in &sentences {
                assert!(
                    used.is_subset(&reasons[code]),
                    "{language}: {code} has no such parameter: {used:?}"
                );
                let needs_cause = reasons[code].contains("cause");
                assert_eq!(
                    used.contains("cause"),
                    needs_cause,
                    "{language}: {code} hides its cause"
                );
            }
        }
    }

    #[test]
    fn every_sentence_that_the_page_names_is_there() {
        let english = sentences("en");
        for (path, bytes) in
            FILES.iter().filter(|(path, _)| is_script(path) && !path.starts_with("/vendor/"))
        {
            let text = std::str::from_utf8(bytes).unwrap();
            let named = text.match_indices("t(\"").filter(|(at, _)| {
                !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_')
            });
            for (at, _) in named {
                let id = text[at + 3..].split('"').next().unwrap();
                assert!(english.contains(id), "{path}: {id}");
            }
        }
    }
}
