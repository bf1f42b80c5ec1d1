//! Checks every request before anything else sees it, and sets the headers that tell the browser
//! what it may do with the answer.
//!
//! It refuses other pages in the same browser, other names for this machine (DNS rebinding), other
//! ports, and other users of this machine.

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::interface::Web;
use super::page_error::PageError;

/// Where the page shows its key.
pub(super) const KEY: HeaderName = HeaderName::from_static("x-chive-key");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the browser may do with what it gets.
const HEADERS: [(&str, &str); 9] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
        connect-src 'self'; \
         media-src blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("permissions-policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=()"),
];

/// What stands before the web interface at a port of this machine.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) web: Web,
    pub(super) port: u16,
}

pub(super) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut answer = match guard.admits(&request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    for (name, value) in HEADERS {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

impl Guard {
    fn admits(&self, request: &Request) -> Result<(), PageError> {
        let (headers, path) = (request.headers(), request.uri().path());
        if one(headers, &HOST) != Some(&self.authority()) {
            return Err(PageError::new(
                StatusCode::MISDIRECTED_REQUEST,
                "wrong_host",
                "this is not where Chive is",
            ));
        }

        if !self.comes_from_here(request.method(), headers, path) {
            return Err(PageError::new(
                StatusCode::FORBIDDEN,
                "wrong_origin",
                "another page may not ask Chive",
            ));
        }

        if needs_a_pass(path) && !self.has_a_pass(headers) {
            let detail =
                "this browser was not let in, or Chive was started anew: `chive open` opens it";
            return Err(PageError::new(StatusCode::UNAUTHORIZED, "not_let_in", detail));
        }

        Ok(())
    }

    fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A browser says where a request comes from. Only the page itself may be reached by a link.
    fn comes_from_here(&self, method: &Method, headers: &HeaderMap, path: &str) -> bool {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let origin = match headers.get(ORIGIN) {
            Some(_) => one(headers, &ORIGIN) == Some(&format!("http://{}", self.authority())),
            None => reads,
        };
        let site = match headers.get(FETCH_SITE) {
            Some(site) => site == "same-origin" || (reads && (path == "/" || site == "none")),
            None => true,
        };
        origin && site
    }

    fn has_a_pass(&self, headers: &HeaderMap) -> bool {
        let (Some(cookie), Some(key)) = (self.cookie(headers), one(headers, &KEY)) else {
            return false;
        };
        self.web.sessions().knows(cookie, key)
    }

    fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let name = self.cookie_name();
        let all = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Cookies do not tell ports apart: two profiles in one browser must not take each other's.
    pub(super) fn cookie_name(&self) -> String {
        format!("chive-{}", self.port)
    }
}

/// The page's own files hold nothing of anybody; a token is shown to be let in.
fn needs_a_pass(path: &str) -> bool {
    path.starts_with("/v1") || (path.starts_with("/ui/") && path != "/ui/enter")
}

/// A header that is there exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
