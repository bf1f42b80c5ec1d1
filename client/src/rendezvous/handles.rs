//! Handles at one server: claims, releases and finds them. Each request has a circuit of its own.

use std::time::Duration;

use chive_shared::api::Code;
use chive_shared::handle::{
    Card, CardKey, Claim, ClaimDraft, HandleName, LookupId, OwnerKey, Release, locate,
};
use chive_shared::limits::{CLAIM, MAX_HANDLE_LIFE};
use chive_shared::sequence::Sequence;
use data_encoding::HEXLOWER;
use hyper::Method;
use tokio::time::timeout;

use super::http::{ServerConnection, read};
use super::{ServerError, ServerRoute, work};
use crate::identity::RootSecret;
use crate::invitation::Invitation;
use crate::model::AnswerError;

/// How long somebody waits for what a handle leads to, also for a network that is not there.
const FIND_DEADLINE: Duration = Duration::from_mins(2);

/// A handle of ours, as it is claimed.
pub struct OwnHandle {
    pub name: HandleName,
    /// What its owner's key comes from.
    pub root: RootSecret,
    /// The number of the last claim.
    pub last: Option<Sequence>,
}

pub struct Claimed {
    pub sequence: Sequence,
    /// Until when it holds, Unix milliseconds.
    pub expires: i64,
}

impl OwnHandle {
    /// Claims it, renews it, or replaces what it leads to.
    pub async fn claim(
        &self,
        route: &ServerRoute,
        invitation: &Invitation,
        now: i64,
        nonce: [u8; 24],
    ) -> Result<Claimed, ServerError> {
        let (id, key) = derive_lookup(route, &self.name).await?;
        let card = Card::new(invitation.to_link().as_bytes())
            .map_err(|_| ServerError::Request("the link is too long"))?;
        let (owner, expires) = (OwnerKey::new(&self.root.0, &id), now + MAX_HANDLE_LIFE);
        let (mut last, mut price) = (self.last, 0);
        for _ in 0..3 {
            let sequence = Sequence::next(now, last);
            let claim = Claim::make(
                &owner,
                &key,
                &route.server,
                ClaimDraft { id, sequence, expires, card: &card },
                nonce,
            );
            let body =
                [&claim.as_bytes()[..], &work(route, claim.as_bytes(), price).await?].concat();
            match ask(route, Method::PUT, &path(id), body).await {
                Err(ServerError::Refused(problem)) if problem.code == Code::WorkRequired => {
                    price = problem.work.unwrap_or(u8::MAX);
                }
                Err(error) if error.overtaken_by(now).is_some() => last = error.overtaken_by(now),
                done => return done.map(|()| Claimed { sequence, expires }),
            }
        }

        Err(ServerError::Protocol(AnswerError::Insatiable))
    }

    /// Gives it back. One that the server does not know, or keeps for somebody else, is given back
    /// already.
    pub async fn release(&self, route: &ServerRoute, now: i64) -> Result<(), ServerError> {
        let (id, _) = derive_lookup(route, &self.name).await?;
        let release = Release::make(
            &OwnerKey::new(&self.root.0, &id),
            &route.server,
            id,
            Sequence::next(now, self.last),
        );
        match ask(
            route,
            Method::POST,
            &format!("{}/release", path(id)),
            release.as_bytes().to_vec(),
        )
        .await
        {
            Err(ServerError::Refused(problem))
                if matches!(problem.code, Code::Unknown | Code::NotOwner) =>
            {
                Ok(())
            }
            done => done,
        }
    }
}

/// What a handle leads to.
pub async fn find(
    route: &ServerRoute,
    name: &HandleName,
    now: i64,
) -> Result<Invitation, ServerError> {
    timeout(FIND_DEADLINE, try_find(route, name, now)).await.map_err(|_| ServerError::TimedOut)?
}

async fn try_find(
    route: &ServerRoute,
    name: &HandleName,
    now: i64,
) -> Result<Invitation, ServerError> {
    let (id, key) = derive_lookup(route, name).await?;
    let isolation = route.isolation.token();
    let mut connection = ServerConnection::open(route, isolation, 0).await?;
    let answer = connection.ask(Method::GET, &path(id), vec![]).await?;
    let claim = read(answer.into_body(), CLAIM).await?;
    route.transport.forget(isolation);
    let claim = Claim::from_bytes(&claim).map_err(|_| ServerError::Protocol(AnswerError::Claim))?;
    if claim.id() != id || claim.verify(&route.server).is_err() || claim.expires() <= now {
        return Err(ServerError::Protocol(AnswerError::Claim));
    }
    let card = claim.open(&key).map_err(|_| ServerError::Protocol(AnswerError::Claim))?;
    let link = str::from_utf8(card.invitation()).ok().and_then(|link| Invitation::parse(link).ok());
    link.ok_or(ServerError::Protocol(AnswerError::Claim))
}

/// Takes a while on purpose.
async fn derive_lookup(
    route: &ServerRoute,
    name: &HandleName,
) -> Result<(LookupId, CardKey), ServerError> {
    let (name, server) = (name.clone(), route.server);
    let located = tokio::task::spawn_blocking(move || locate(&name, &server)).await;
    located
        .ok()
        .and_then(Result::ok)
        .ok_or(ServerError::Request("there is no memory to locate the handle"))
}

async fn ask(
    route: &ServerRoute,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<(), ServerError> {
    let isolation = route.isolation.token();
    let done = match ServerConnection::open(route, isolation, 0).await {
        Ok(mut connection) => connection.send(method, path, body).await,
        Err(error) => Err(error),
    };
    route.transport.forget(isolation);
    done
}

fn path(id: LookupId) -> String {
    format!("/v1/handles/{}", HEXLOWER.encode(&id.0))
}
