//! Calls every operation through the client: it does what it should, and answers as the document
//! says.

use std::slice;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use chive_shared::server::ServerId;
use futures::StreamExt;
use hyper::StatusCode;
use serde_json::Value;

use super::openapi::{document, operations};
use super::{Api, Person, json, link_to_nobody, request, within};
use crate::api::client::Client;
use crate::api::server::limits::Timing;
use crate::api::server::{router, serve_router};
use crate::api::types::{
    ContactChange, ContactState, ConversationChange, Decision, HandleState, InvitationState,
    MessageState, NewBackup, NewContact, NewInvitation, NewMessage, NewServer, OwnPresence,
    PassphraseChange, Presence, ProfileChange, Search, What,
};
use crate::invitation::{Invitation, InvitationSecret};
use crate::node::Ending;
use crate::profile::{Passphrase, ProfileError, check_passphrase};
use crate::store::{contacts, handles};
use crate::transport::ServiceKey;
use crate::transport::memory::MemoryNetwork;
use crate::web::Web;

/// The requests that were answered, as method, path and status.
type Answered = Arc<Mutex<Vec<(String, String, StatusCode)>>>;

async fn remember(State(answered): State<Answered>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let response = next.run(request).await;
    answered.lock().unwrap().push((method, path, response.status()));
    response
}

/// Each operation of the document must have been answered, and nothing else, as it is documented.
fn assert_all_answered(answered: &Answered, document: &Value) {
    let answered = answered.lock().unwrap();
    for operation in operations(document) {
        let answers = answered.iter().filter(|(method, path, _)| operation.is(method, path));
        let documented = operation.details["responses"].as_object().unwrap();
        let (method, path) = (&operation.method, &operation.path);
        let mut asked = false;
        for (_, _, status) in answers {
            assert!(status.is_success(), "{method} {path}: {status}");
            assert!(documented.contains_key(status.as_str()), "{method} {path}: {status}");
            asked = true;
        }
        assert!(asked, "the client has not asked for {method} {path}: add it to this story");
    }

    for (method, path, _) in answered.iter() {
        let is_documented = operations(document).any(|operation| operation.is(method, path));
        assert!(is_documented, "{method} {path} is not in the document");
    }
}

/// A new operation is added to this story, or its last line fails.
#[tokio::test]
async fn the_client_covers_every_operation() {
    let network = MemoryNetwork::default();
    let ada = Person::new("Ada", &network).await;
    let (bob, carol) = (Person::new("Bob", &network).await, Person::new("Carol", &network).await);
    let answered = Answered::default();
    let web = Web::beside(ada.directory.path());
    let api = Api::served_by(|listener, stopping| {
        let (node, stop) = (ada.node().clone(), stopping.clone());
        let router = router(node, Some(web.opener()), stop.clone(), Timing::default())
            .layer(middleware::from_fn_with_state(Arc::clone(&answered), remember));
        tokio::spawn(serve_router(listener, router, stop, stopping.cancelled_owned()))
    });

    let client = &api.client;
    the_node(client, &ada).await;
    invitations(client, &ada).await;
    requests_of_ours(client, &ada).await;
    contacts(client, &ada, &bob).await;
    messages(client, &ada).await;
    conversations(client, &ada, &bob).await;
    presence_servers(client, &ada).await;
    handles_and_requests(client, &ada, &carol).await;
    preferences(client, &ada).await;
    events(client, &ada).await;
    assert!(client.web().await.unwrap().url.starts_with("http://127.0.0.1:"));
    assert_eq!(json(api.raw(request("GET", "/v1/openapi.json", "")).await).await, document());
    the_profile(client, &ada).await;

    client.wipe().await.unwrap();
    assert_eq!(within(ada.running.ended).await.unwrap(), Ending::Wiped);
    assert!(!ada.directory.path().join("key").exists(), "without its key the store is noise");
    web.close().await;
    api.close().await;
    bob.stops().await;
    carol.stops().await;
    assert_all_answered(&answered, &document());
}

async fn the_node(client: &Client, ada: &Person) {
    assert_eq!(client.status().await.unwrap(), ada.node().status().await.unwrap());
    let change = ProfileChange { name: Some("Ada L.".into()) };
    assert_eq!(client.change_profile(&change).await.unwrap().name, "Ada L.");
    assert_eq!(ada.node().status().await.unwrap().name, "Ada L.");
}

async fn invitations(client: &Client, ada: &Person) {
    let new = NewInvitation { uses: Some(3), expires_in: Some(3600) };
    let made = client.invite(&new).await.unwrap();
    assert_eq!((made.uses, made.expires_at - made.created_at), (3, 3_600_000));
    assert_eq!(client.invitations().await.unwrap(), slice::from_ref(&made));

    let revoked = client.revoke(&made.id[..8]).await.unwrap();
    assert_eq!((&revoked.id, revoked.state), (&made.id, InvitationState::Revoked));
    assert_eq!(ada.node().invitations().await.unwrap(), [revoked]);
}

async fn requests_of_ours(client: &Client, ada: &Person) {
    let (link, message) = (link_to_nobody(1), Some("it is me".to_owned()));
    let new = NewContact { link: link.clone(), name: Some("Eve".into()), message: message.clone() };
    let asked = client.add_contact(&new).await.unwrap();
    assert_eq!((asked.name.as_str(), asked.state), ("Eve", ContactState::Requested));

    let mut tx = ada.store.begin().await.unwrap();
    let row = contacts::by_name(&mut tx, "Eve").await.unwrap().unwrap();
    let kept = contacts::request(&mut tx, row.id).await.unwrap().unwrap();
    assert_eq!((kept.link, kept.message), (link, message));
}

async fn contacts(client: &Client, ada: &Person, bob: &Person) {
    let link = bob.node().invite(NewInvitation::default()).await.unwrap().link.unwrap();
    let new = NewContact { link, name: None, message: None };
    let id = client.add_contact(&new).await.unwrap().id;
    for (person, other) in [(ada, "Bob"), (bob, "Ada L.")] {
        let is_online = async |contact: &str| match person.node().contact(contact).await {
            Ok(contact) => contact.presence == Presence::Online,
            Err(_) => false,
        };
        person.waits_until(async |_| is_online(other).await).await;
    }

    let shown = client.contact("Bob").await.unwrap();
    assert_eq!((&shown.id, shown.state), (&id, ContactState::Accepted));
    assert_eq!(shown, ada.node().contact("Bob").await.unwrap());
    let all = client.contacts().await.unwrap();
    assert_eq!(all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Bob", "Eve"]);

    let change = ContactChange { verified: Some(true), ..ContactChange::default() };
    assert!(client.change_contact("Bob", &change).await.unwrap().verified);
    assert!(ada.node().contact("Bob").await.unwrap().verified);
}

/// To somebody who is never online, so that none of them leaves.
async fn messages(client: &Client, ada: &Person) {
    let id = "3b".repeat(16);
    let text = "tea &\r\n\r\ndata: no\u{0}".to_owned();
    let new = NewMessage { text: text.clone(), id: Some(id.clone()), expires_in: Some(60) };
    let first = client.send("Eve", &new).await.unwrap();
    assert_eq!((&first.id, &first.text, first.state), (&id, &text, MessageState::Queued));
    assert_eq!(first.expires_at, Some(first.created_at + 60_000));
    let second = ada.sends("Eve", "more tea").await;
    let third = ada.sends("Eve", "no coffee").await;
    let ids = |messages: Vec<crate::api::types::Message>| -> Vec<String> {
        messages.into_iter().map(|message| message.id).collect()
    };

    let before_third = client.history("Eve", 1000, Some(&third.id)).await.unwrap();
    assert_eq!(ids(before_third), [first.id.clone(), second.id.clone()]);
    assert_eq!(ids(client.history("Eve", 1, None).await.unwrap()), [third.id.as_str()]);
    let mut search =
        Search { text: "tea".into(), conversation: Some("Eve".into()), limit: 1, before: None };
    assert_eq!(ids(client.search(&search).await.unwrap()), [second.id.as_str()]);
    search.before = Some(second.id.clone());
    assert_eq!(ids(client.search(&search).await.unwrap()), [first.id.as_str()]);

    let shown = client.message(&first.id).await.unwrap();
    assert_eq!((shown.id, shown.text), (first.id, text));
    let cancelled = client.cancel(&second.id).await.unwrap();
    assert_eq!((&cancelled.id, cancelled.state), (&second.id, MessageState::Cancelled));
    assert_eq!(ada.node().message(&second.id).await.unwrap().state, MessageState::Cancelled);

    client.remove_contact("Eve").await.unwrap();
    assert_eq!(ada.node().contacts().await.unwrap().len(), 1);
}

async fn conversations(client: &Client, ada: &Person, bob: &Person) {
    let first = bob.sends("Ada L.", "one").await;
    bob.sends("Ada L.", "two").await;
    let unread = async || ada.node().conversation("Bob").await.unwrap().unread;
    ada.waits_until(async |_| unread().await == 2).await;
    let received = client.history("Bob", 2, None).await.unwrap();
    assert_eq!(received, ada.node().history("Bob", 2, None).await.unwrap());

    assert_eq!(client.mark_read("Bob", Some(&first.id)).await.unwrap().unread, 1);
    assert_eq!(client.mark_read("Bob", None).await.unwrap().unread, 0);
    assert_eq!(unread().await, 0);

    let (disappear_after, draft) = (Some(3600), Some("Dear Bob".to_owned()));
    let change = ConversationChange {
        disappear_after,
        draft: draft.clone(),
        ..ConversationChange::default()
    };
    let changed = client.change_conversation("Bob", &change).await.unwrap();
    assert_eq!((changed.settings.ours.disappear_after, &changed.draft), (3600, &draft));
    let told = async || ada.node().conversation("Bob").await.unwrap().settings.confirmed;
    ada.waits_until(async |_| told().await).await;

    let shown = client.conversation(&changed.id).await.unwrap();
    assert_eq!(
        (&shown.id, shown.name.as_str()),
        (&ada.node().contact("Bob").await.unwrap().conversation, "Bob")
    );
    assert_eq!(
        shown.newest.as_ref().map(|newest| &newest.id),
        received.last().map(|last| &last.id)
    );
    assert_eq!(client.conversations().await.unwrap(), [shown]);
}

async fn presence_servers(client: &Client, ada: &Person) {
    let address = server().to_address();
    let new = NewServer { address: address.clone(), token: Some("t".into()) };
    let added = client.add_server(&new).await.unwrap();
    assert_eq!((&added.address, added.has_token), (&address, true));
    let all = client.servers().await.unwrap();
    assert_eq!(all.iter().map(|server| &server.address).collect::<Vec<_>>(), [&address]);

    let status = client.set_presence(OwnPresence::Invisible).await.unwrap();
    assert_eq!((status.presence, status.servers), (OwnPresence::Invisible, 1));
    assert_eq!(ada.node().status().await.unwrap().presence, OwnPresence::Invisible);

    client.remove_server(&address).await.unwrap();
    assert_eq!(ada.node().servers().await.unwrap(), []);
}

fn server() -> ServerId {
    ServerId(ServiceKey([9; 32]).onion_address().0)
}

async fn handles_and_requests(client: &Client, ada: &Person, carol: &Person) {
    let handle = format!("ada@{}", server().to_address());
    assert_eq!(client.claim_handle(&handle).await.unwrap().handle, handle);
    let all = client.handles().await.unwrap();
    assert_eq!(all.iter().map(|it| &it.handle).collect::<Vec<_>>(), [&handle]);

    // Ada is found as if the server were there.
    let link = ada.node().invite(NewInvitation::default()).await.unwrap().link.unwrap();
    let secret = secret_of_the_handle(ada).await;
    let link = Invitation { secret, ..Invitation::parse(&link).unwrap() }.to_link().to_string();
    let new = NewContact { link, name: None, message: Some("it is me".into()) };
    carol.node().add_contact(new).await.unwrap();
    ada.waits_until(async |node| !node.requests().await.unwrap().is_empty()).await;
    let waiting = client.requests().await.unwrap();
    assert_eq!(waiting, ada.node().requests().await.unwrap());
    assert_eq!((waiting.len(), waiting[0].message.as_deref()), (1, Some("it is me")));

    client.answer_request(&waiting[0].id[..8], Decision::Accept).await.unwrap();
    assert_eq!(ada.node().requests().await.unwrap(), []);
    assert_eq!(ada.node().contact("Carol").await.unwrap().state, ContactState::Accepted);

    client.release_handle(&handle).await.unwrap();
    let left = ada.node().handles().await.unwrap();
    assert!(left.iter().all(|it| it.state == HandleState::Releasing), "{left:?}");
}

async fn secret_of_the_handle(ada: &Person) -> InvitationSecret {
    let mut tx = ada.store.begin().await.unwrap();
    handles::all(&mut tx).await.unwrap()[0].secret.clone()
}

async fn preferences(client: &Client, ada: &Person) {
    client.put_preference("ui.theme", "dark").await.unwrap();
    let kept = client.preferences().await.unwrap();
    assert_eq!((kept[0].key.as_str(), kept[0].text.as_str()), ("ui.theme", "dark"));
    assert_eq!(kept, ada.node().preferences().await.unwrap());
}

async fn events(client: &Client, ada: &Person) {
    let newest = *ada.node().newest_event().borrow();
    let sent = ada.sends("Bob", "the end").await;
    let event = within(client.events(Some(newest)).next()).await.unwrap().unwrap();
    assert_eq!(event.seq, newest + 1);
    assert!(matches!(event.what, What::Message { message } if message.id == sent.id));
}

async fn the_profile(client: &Client, ada: &Person) {
    let (old, new) = ("open sesame".to_owned(), "mellon".to_owned());
    ada.has_passphrase(&old);
    let change = PassphraseChange { old: old.clone(), new: new.clone() };
    client.change_passphrase(&change).await.unwrap();
    let opens = async |passphrase| {
        check_passphrase(ada.directory.path(), &Passphrase::new(passphrase)).await
    };
    assert!(matches!(opens(old).await, Err(ProfileError::WrongPassphrase)));
    opens(new).await.unwrap();

    let mut backup = client.backup(&NewBackup { passphrase: "b".into() }).await.unwrap();
    let beginning = within(backup.bytes()).await.unwrap().unwrap();
    assert!(beginning.starts_with(b"chive-backup"));
    while within(backup.bytes()).await.unwrap().is_some() {}
}
