//! Handles: first come, first served, and no one takes another's.

use chive_shared::api::{Access, Code};
use chive_shared::handle::{Card, CardKey, Claim, ClaimDraft, LookupId, OwnerKey, Release, locate};
use chive_shared::limits::{DAY, HANDLE_GRACE, MINUTE, RELEASE_MEMORY, SECOND, SKEW};
use chive_shared::proof_of_work::Challenge;
use chive_shared::sequence::Sequence;
use data_encoding::HEXLOWER;

use crate::client::Answer;
use crate::on_both::on_both;
use crate::world::{Person, World, hides_internals};

on_both!(
    a_handle_leads_those_who_know_it_to_its_owner,
    a_handle_is_its_first_owners_alone,
    look_alikes_cannot_be_squatted,
    a_handle_expires_and_is_kept_for_its_owner,
    a_released_claim_cannot_be_put_back,
    a_claim_costs_more_than_a_renewal,
    a_token_replaces_work_and_no_one_enters_without_one,
    a_server_without_handles_says_so,
    claims_below_the_price_never_reach_the_database,
);

/// A person with a key for a handle's name.
struct Owner {
    key: OwnerKey,
    id: LookupId,
    card: CardKey,
}

impl Owner {
    async fn new(world: &World, name: &str, number: u8) -> Self {
        let (name, server) = (name.parse().unwrap(), world.id());
        let (id, card) =
            tokio::task::spawn_blocking(move || locate(&name, &server).unwrap()).await.unwrap();
        Self { key: OwnerKey::new(&[number; 32], &id), id, card }
    }

    fn claim(&self, world: &World, number: u64) -> Claim {
        let card = Card::new(b"an invitation").unwrap();
        let sequence = Sequence(Sequence::next(world.now(), None).0 + number);
        let draft =
            ClaimDraft { id: self.id, sequence, expires: world.now() + 30 * DAY, card: &card };
        Claim::make(&self.key, &self.card, &world.id(), draft, rand::random())
    }

    fn release(&self, world: &World, number: u64) -> Release {
        Release::make(
            &self.key,
            &world.id(),
            self.id,
            Sequence(Sequence::next(world.now(), None).0 + number),
        )
    }

    fn path(&self) -> String {
        format!("/v1/handles/{}", HEXLOWER.encode(&self.id.0))
    }

    async fn find(&self, world: &World) -> Answer {
        world.client().await.get(&self.path()).await
    }
}

async fn put(world: &World, claim: &Claim, bits: u8) -> Answer {
    let work = Challenge::new(&world.id(), claim.as_bytes()).solve(bits, 0, u64::MAX).unwrap();
    let body = [&claim.as_bytes()[..], &work.0.to_be_bytes()].concat();
    let path = format!("/v1/handles/{}", HEXLOWER.encode(&claim.id().0));
    world.client().await.ask("PUT", &path, &[], body).await
}

async fn give_back(world: &World, release: &Release) -> Answer {
    let path = format!("/v1/handles/{}/release", HEXLOWER.encode(&release.id().0));
    world.client().await.ask("POST", &path, &[], release.as_bytes().to_vec()).await
}

async fn a_handle_leads_those_who_know_it_to_its_owner(mut world: World) {
    let alice = Owner::new(&world, "alice", 1).await;
    alice.find(&world).await.is(Code::Unknown);
    put(&world, &alice.claim(&world, 1), 0).await.ok();
    put(&world, &alice.claim(&world, 2), 0).await.ok();
    world.restart().await;
    let found = Claim::from_bytes(&alice.find(&world).await.ok().body).unwrap();
    found.verify(&world.id()).unwrap();
    let (_, key) = locate(&"ALICE".parse().unwrap(), &world.id()).unwrap();
    assert_eq!(found.open(&key).unwrap().invitation(), b"an invitation");
    let (_, wrong) = locate(&"alicia".parse().unwrap(), &world.id()).unwrap();
    assert!(found.open(&wrong).is_err());
}

async fn a_handle_is_its_first_owners_alone(world: World) {
    let (alice, mallory) =
        (Owner::new(&world, "alice", 1).await, Owner::new(&world, "alice", 2).await);
    let claim = alice.claim(&world, 5);

    put(&world, &claim, 0).await.ok();
    put(&world, &claim, 0).await.ok();
    hides_internals(&put(&world, &mallory.claim(&world, 9), 0).await.is(Code::HandleTaken));
    give_back(&world, &mallory.release(&world, 9)).await.is(Code::NotOwner);
    assert_eq!(
        put(&world, &alice.claim(&world, 4), 0).await.is(Code::SequenceNotNewer).sequence,
        Some(claim.sequence().0)
    );
    put(&world, &alice.claim(&world, 5), 0).await.is(Code::SequenceTaken);
    give_back(&world, &alice.release(&world, 5)).await.is(Code::SequenceNotNewer);
    let mut forged = *alice.claim(&world, 6).as_bytes();
    forged[100] ^= 1;
    put(&world, &Claim::from_bytes(&forged).unwrap(), 0).await.is(Code::InvalidSignature);

    // A thief's key in the owner's claim, and the owner's claim under another handle.
    let mut stolen = *claim.as_bytes();
    stolen[33..65].copy_from_slice(&mallory.claim(&world, 1).key());
    put(&world, &Claim::from_bytes(&stolen).unwrap(), 0).await.is(Code::InvalidSignature);
    let elsewhere = format!("/v1/handles/{}", "0".repeat(64));
    let body = [&claim.as_bytes()[..], &[0; 8]].concat();
    world.client().await.ask("PUT", &elsewhere, &[], body).await.is(Code::WrongPlace);
    assert_eq!(alice.find(&world).await.ok().body, claim.as_bytes()[..]);
}

async fn look_alikes_cannot_be_squatted(world: World) {
    put(&world, &Owner::new(&world, "paypal", 1).await.claim(&world, 1), 0).await.ok();
    for name in ["PayPal", "ｐａｙｐａｌ", "раураӏ", "paypa1"] {
        let squatter = Owner::new(&world, name, 2).await;
        put(&world, &squatter.claim(&world, 1), 0).await.is(Code::HandleTaken);
    }
    for name in ["pay\u{200b}pal", "pay\u{202e}pal", "p\u{430}ypal"] {
        assert!(name.parse::<chive_shared::handle::HandleName>().is_err(), "{name:?}");
    }
}

async fn a_handle_expires_and_is_kept_for_its_owner(world: World) {
    let (alice, mallory) =
        (Owner::new(&world, "alice", 1).await, Owner::new(&world, "alice", 2).await);
    put(&world, &alice.claim(&world, 1), 0).await.ok();
    world.advance(30 * DAY + MINUTE);
    alice.find(&world).await.is(Code::Unknown);
    put(&world, &mallory.claim(&world, 1), 0).await.is(Code::HandleTaken);
    put(&world, &alice.claim(&world, 1), 0).await.ok();
    world.advance(30 * DAY + HANDLE_GRACE + MINUTE);
    put(&world, &mallory.claim(&world, 1), 0).await.ok();
    put(&world, &alice.claim(&world, 2), 0).await.is(Code::HandleTaken);
}

async fn a_released_claim_cannot_be_put_back(world: World) {
    let (alice, bob) = (Owner::new(&world, "alice", 1).await, Owner::new(&world, "alice", 2).await);
    let claim = alice.claim(&world, 1);

    put(&world, &claim, 0).await.ok();
    let release = alice.release(&world, 2);
    give_back(&world, &release).await.ok();
    give_back(&world, &release).await.ok();
    alice.find(&world).await.is(Code::Unknown);
    put(&world, &claim, 0).await.is(Code::SequenceNotNewer);
    world.advance(SKEW);
    put(&world, &claim, 0).await.is(Code::SequenceNotNewer);
    world.advance(RELEASE_MEMORY - SKEW + SECOND);
    put(&world, &claim, 0).await.is(Code::Stale);
    put(&world, &bob.claim(&world, 1), 0).await.ok();
    give_back(&world, &Owner::new(&world, "carol", 3).await.release(&world, 1))
        .await
        .is(Code::Unknown);
}

async fn a_claim_costs_more_than_a_renewal(mut world: World) {
    (world.config.work.record, world.config.work.record_full, world.config.work.claim) = (6, 6, 12);
    world.restart().await;
    let alice = Owner::new(&world, "alice", 1).await;
    let first = alice.claim(&world, 1);
    let cheap = [
        &first.as_bytes()[..],
        &(0..10_000).find(|n| difficulty(&world, &first, *n) < 6).unwrap().to_be_bytes(),
    ]
    .concat();

    assert_eq!(
        world
            .client()
            .await
            .ask("PUT", &alice.path(), &[], cheap)
            .await
            .is(Code::WorkRequired)
            .work,
        Some(12)
    );
    put(&world, &first, 12).await.ok();

    // A proof for one claim does not count for the next.
    let renewal = alice.claim(&world, 2);
    put(&world, &renewal, 6).await.ok();
    let record = Person::new(1).record(world.id(), world.now());
    world.put_with_work(&record, 6).await.ok();
    assert_eq!(world.info().await.record_work, 6);
}

fn difficulty(world: &World, claim: &Claim, number: u64) -> u32 {
    Challenge::new(&world.id(), claim.as_bytes())
        .difficulty(chive_shared::proof_of_work::Proof(number))
}

async fn a_token_replaces_work_and_no_one_enters_without_one(mut world: World) {
    let tokens = world.dir.path().join("tokens");
    std::fs::write(&tokens, "# one for all\nsesame\n").unwrap();
    world.config.access.tokens_file = Some(tokens);
    world.config.access.mode = Access::Members;
    (world.config.work.record, world.config.work.record_full) = (28, 28);
    world.restart().await;

    let record = Person::new(1).record(world.id(), world.now());
    let (path, body) = (crate::world::path(&record), world.submission(&record, 0));
    for path in [
        &path,
        "/v1/board",
        "/v1/changes?after=0000000000000000-0",
        "/v1/stream?after=0000000000000000-0",
    ] {
        world.client().await.get(path).await.is(Code::TokenRequired);
    }

    world.client().await.ask("PUT", &path, &[], body.clone()).await.is(Code::TokenRequired);
    world
        .client()
        .await
        .with_token("sesam")
        .ask("PUT", &path, &[], body.clone())
        .await
        .is(Code::TokenRequired);
    world.client().await.with_token("sesame").ask("PUT", &path, &[], body).await.ok();
    world.client().await.with_token("sesame").get("/v1/board").await.ok();
    assert_eq!(world.info().await.policy.access, Access::Members);
}

async fn a_server_without_handles_says_so(mut world: World) {
    world.config.handles = false;
    world.restart().await;
    let alice = Owner::new(&world, "alice", 1).await;
    alice.find(&world).await.is(Code::NoHandles);
    put(&world, &alice.claim(&world, 1), 0).await.is(Code::NoHandles);
    assert!(!world.info().await.policy.handles);
}

/// Each costs the server one hash: a million are computed here, a thousand are sent, and none makes
/// a row.
async fn claims_below_the_price_never_reach_the_database(mut world: World) {
    world.config.work.claim = 28;
    (world.config.work.record, world.config.work.record_full) = (27, 27);
    world.restart().await;
    let alice = Owner::new(&world, "alice", 1).await;
    let claim = alice.claim(&world, 1);
    let challenge = Challenge::new(&world.id(), claim.as_bytes());

    // Each number pays with a chance of 2^-28: one of a million may, three never will.
    let pays =
        |number: &u64| challenge.difficulty(chive_shared::proof_of_work::Proof(*number)) >= 28;
    assert!((0..1_000_000).filter(pays).count() < 3);
    let mut client = world.client().await;
    for number in (0..).filter(|number| !pays(number)).take(1_000) {
        let body = [&claim.as_bytes()[..], &number.to_be_bytes()].concat();
        client.ask("PUT", &alice.path(), &[], body).await.is(Code::WorkRequired);
    }

    alice.find(&world).await.is(Code::Unknown);
}
