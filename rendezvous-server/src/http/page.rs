//! `GET /`: the page that tells a person with Tor Browser what this server is. It has no script and
//! loads nothing, and the operator's notice is never markup.

use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chive_shared::api::{Access, Info};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use super::info::info;
use super::state::SharedState;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
                     base-uri 'none'; form-action 'none'";

const STYLE: &str = "body{font:1rem/1.5 sans-serif;max-width:42rem;margin:2rem auto;padding:0 \
                    1rem;color:#222;background:#fff}\
h1{font-size:1.5rem}dt{font-weight:bold}dd{margin:0 0 \
.5rem}code{word-break:break-all}svg{max-width:16rem;height:auto}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}}";

const PURPOSE: &str = "Chive is an anonymous messenger. This server answers one question: is my \
                       contact online? It keeps signed presence records that only contacts can \
                       read and that nobody else can connect with a person, and handles by which \
                       somebody can be found. It sees no message, no name and no contact list. It \
                       keeps no log of who comes.";

pub(super) async fn get(State(state): SharedState) -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page(&info(&state))).into_response()
}

fn page(info: &Info) -> String {
    format!("<!DOCTYPE html>\n<html lang=\"en\">\n{}{}</html>\n", head(), body(info))
}

fn head() -> String {
    format!(
        "<head>\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width\">\n\
        <title>A Chive rendezvous server</title>\n<style>{STYLE}</style>\n</head>\n"
    )
}

fn body(info: &Info) -> String {
    let address = &info.server;
    let notice = info.policy.notice.as_deref();
    let notice = notice.map(|notice| format!("<p>{}</p>\n", escaped(notice))).unwrap_or_default();

    format!(
        "<body>\n<h1>A Chive rendezvous server</h1>\n{notice}<p>{PURPOSE}</p>\n\
        <p>To use it: <code>chive server add {address}</code></p>\n\
        <dl>\n{facts}</dl>\n<p>{code}</p>\n</body>\n",
        facts = facts(info),
        code = qr(address),
    )
}

fn facts(info: &Info) -> String {
    let policy = &info.policy;
    let access = match policy.access {
        Access::Open => "everybody may read and write; writing costs a little computing",
        Access::Writers => "everybody may read; writing needs a token from who runs it",
        Access::Members => "a token from who runs it is needed",
    };
    let handles = if policy.handles {
        format!("can be claimed, for {} days at a time", policy.handle_life / 86_400)
    } else {
        "are not kept here".to_owned()
    };
    let life = format!("{} minutes", policy.record_life / 60);
    let facts = [
        ("Address", format!("<code>{}</code>", info.server)),
        ("Records that live now", info.records.to_string()),
        ("Access", access.to_owned()),
        ("A record lives for at most", life),
        ("Handles", handles),
        ("Version", format!("{} {}", info.software, info.version)),
    ];
    let rows: Vec<String> =
        facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>\n")).collect();

    rows.concat()
}

/// The address in upper case, which is the same address and fits QR's alphanumeric mode.
fn qr(address: &str) -> String {
    let code = QrCode::with_error_correction_level(address.to_uppercase(), EcLevel::M);
    let drawn = code.map(|code| code.render::<svg::Color<'_>>().min_dimensions(240, 240).build());
    // Without the XML declaration, which HTML does not have.
    drawn
        .ok()
        .and_then(|text| text.find("<svg").map(|at| text[at..].to_owned()))
        .unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\'' => "&#39;".into(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_notice_is_never_markup() {
        assert_eq!(escaped("<b>\"R&D\"'s</b>"), "&lt;b&gt;&quot;R&amp;D&quot;&#39;s&lt;/b&gt;");
    }

    #[test]
    fn the_qr_code_is_a_picture_without_a_script() {
        let code = qr(&"a".repeat(62));
        assert!(
            code.starts_with("<svg") && !code.contains("<script") && !code.contains("<?xml"),
            "{code}"
        );
    }
}
