//! `/v1/servers` and `/v1/presence`: list, add and remove rendezvous servers, and set the presence
//! that they show. Handlers only call the node.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{NewPresence, NewServer, Server, Status};

refusals!(Refusals:);
refusals!(AddRefusals: InvalidServer, ServerKnown, OutOfRange);
refusals!(OneRefusals: UnknownServer);

/// The rendezvous servers that we announce ourselves to.
#[utoipa::path(
    get, path = "/v1/servers", operation_id = "list_servers", tag = "presence",
    responses((status = 200, description = "All of them", body = Vec<Server>), Refusals),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Server>>, ApiError> {
    Ok(Json(app.node.servers().await?))
}

/// Announce ourselves to one more server.
#[utoipa::path(
    post, path = "/v1/servers", operation_id = "add_server", tag = "presence",
    request_body = NewServer,
    responses(
        (status = 201, description = "The server, not asked yet", body = Server),
        AddRefusals,
    ),
)]
pub(super) async fn add(
    State(app): State<AppState>,
    Body(new): Body<NewServer>,
) -> Result<(StatusCode, Json<Server>), ApiError> {
    Ok((StatusCode::CREATED, Json(app.node.add_server(new).await?)))
}

/// Announce ourselves to a server no more.
#[utoipa::path(
    delete, path = "/v1/servers/{address}", operation_id = "remove_server", tag = "presence",
    params(("address" = String, Path, description = "Its onion address")),
    responses((status = 204, description = "Contacts are told to look elsewhere"), OneRefusals),
)]
pub(super) async fn remove(
    State(app): State<AppState>,
    Segment(address): Segment,
) -> Result<StatusCode, ApiError> {
    app.node.remove_server(&address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What our servers say of us from now on.
#[utoipa::path(
    put, path = "/v1/presence", operation_id = "set_presence", tag = "presence",
    request_body = NewPresence,
    responses((status = 200, description = "How the node is now", body = Status), Refusals),
)]
pub(super) async fn set_presence(
    State(app): State<AppState>,
    Body(new): Body<NewPresence>,
) -> Result<Json<Status>, ApiError> {
    Ok(Json(app.node.set_presence(new.presence).await?))
}
