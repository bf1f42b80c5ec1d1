//! Stories: what people do with Chive and what happens to them, with the real `chive` over a
//! private Tor network. A story types commands and reads what they print; only where a secret must
//! not leak does it look into files or memory.
//!
//! All stories share one network and run at the same time, because they mostly wait.
//! `--test-threads 1` runs them one after the other.
//!
//! | module | its stories |
//! |---|---|
//! | `stage` | the directory and the people of a story |
//! | `conversation`, `invitations`, `contacts` | people become contacts, talk and part |
//! | `retention`, `backups`, `commands` | messages, profiles and commands, each to the end |
//! | `presence`, `bad_servers` | rendezvous servers, good and bad |
//! | `outages`, `relays`, `descriptor_period`, `offline`, `disk` | processes, Tor or disks fail |
//! | `strangers`, `hostile` | attackers from outside |
//! | `privacy`, `syscalls`, `traffic` | what files, the kernel and a relay get to know |
//! | `demo` | the demo program |

mod backups;
mod bad_servers;
mod commands;
mod contacts;
mod conversation;
mod demo;
mod descriptor_period;
mod disk;
mod hostile;
mod invitations;
mod offline;
mod outages;
mod presence;
mod privacy;
mod relays;
mod retention;
mod stage;
mod strangers;
mod syscalls;
mod traffic;

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use chive_tests::network::{Options, TorNetwork};
use chive_tests::person::{Env, find_chive};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use stage::Stage;

/// How long a story waits for anything. It is this long only for a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
/// The limit of a whole story.
const STORY_DEADLINE: Duration = Duration::from_mins(20);
/// How many stories run at the same time.
const AT_ONCE: usize = 6;

/// Set in the process that has a mount namespace of its own.
const OWN_MOUNTS: &str = "CHIVE_STORIES_OWN_MOUNTS";

/// The things that all stories share.
struct World {
    runtime: Runtime,
    env: Env,
    /// Cancelled by Ctrl-C: every story then fails, and everything is cleaned up.
    interrupted: CancellationToken,
}

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    if arguments.list {
        return Ok(libtest_mimic::run(&arguments, stories(None)).exit_code());
    }
    arguments.test_threads.get_or_insert(AT_ONCE);
    enter_mount_namespace()?;
    tell(&arguments)
}

/// Restarts this program in a mount namespace of its own, where that is allowed.
fn enter_mount_namespace() -> Result<()> {
    if can_mount() {
        return Ok(());
    }
    for own in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        let tried = Command::new("unshare").args(own).arg("true").stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) {
            let this = std::env::current_exe()?;
            let mut again = Command::new("unshare");
            again.args(own).arg(this).args(std::env::args_os().skip(1)).env(OWN_MOUNTS, "1");
            return Err(again.exec()).context("cannot start unshare");
        }
    }
    Ok(())
}

fn can_mount() -> bool {
    std::env::var_os(OWN_MOUNTS).is_some()
}

fn tell(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = Runtime::new()?;
    let program = find_chive()?;
    let network = runtime.block_on(TorNetwork::start(Options::default()))?;
    let interrupted = CancellationToken::new();
    runtime.spawn(watch_signals(interrupted.clone()));
    let env = Env { program, tor_config: Some(network.arti_config_file()), patience: PATIENCE };
    let world = Arc::new(World { runtime, env, interrupted });
    let conclusion = libtest_mimic::run(arguments, stories(Some(&world)));
    let _context = world.runtime.enter();
    drop(network);
    Ok(conclusion.exit_code())
}

async fn watch_signals(interrupted: CancellationToken) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    interrupted.cancel();
    Ok(())
}

/// All stories, the longest first. Without a world, they can only be listed.
fn stories(world: Option<&Arc<World>>) -> Vec<Trial> {
    let mut stories = Vec::new();
    macro_rules! tell {
        ($($chapter:ident::$story:ident,)*) => {
            $(stories.push(story(world, stringify!($story), $chapter::$story));)*
        };
    }

    tell![
        relays::everything_arrives_after_a_minute_without_relays,
        relays::killed_relays_lose_no_message_of_a_conversation,
        bad_servers::a_silent_server_is_unreachable_and_messages_flow,
        bad_servers::a_late_server_is_unreachable_until_it_recovers,
        descriptor_period::a_conversation_survives_a_new_descriptor_period,
        outages::a_contact_stopped_for_a_minute_is_offline_and_misses_nothing,
        outages::repeated_kills_of_both_lose_and_duplicate_nothing,
        invitations::an_expired_link_is_refused,
        strangers::nonsense_at_both_onion_services_does_no_harm,
        demo::the_demo_ends_well_and_leaves_nothing_when_killed,
        demo::an_interrupted_demo_cleans_up,
        demo::the_demo_explains_itself,
        privacy::nothing_in_logs_or_files_tells_who_talks_or_what,
        syscalls::a_client_connects_only_to_relays_and_asks_no_dns,
        traffic::receipts_words_and_sentences_have_the_same_size,
        outages::messages_wait_for_a_killed_contact,
        outages::messages_of_a_killed_sender_are_not_lost,
        outages::both_killed_and_restarted_end_with_one_link,
        backups::a_profile_from_an_old_backup_continues_its_conversation,
        contacts::a_removed_contact_is_left_behind_and_another_follows,
        contacts::a_blocked_contact_is_silent_until_it_is_unblocked,
        bad_servers::a_wrong_answer_is_explained_and_messages_flow,
        bad_servers::an_old_board_makes_a_server_untrusted_and_messages_flow,
        bad_servers::an_endless_answer_is_cut_off_and_messages_flow,
        presence::a_person_found_by_a_handle_accepts_or_declines,
        presence::a_removed_contact_loses_sight_and_another_keeps_it,
        presence::contacts_see_each_other_at_a_server_without_a_link,
        presence::a_hidden_presence_is_hidden_from_that_contact_alone,
        presence::the_server_learns_no_name_no_address_and_no_handle,
        offline::without_a_tor_network_chive_says_why_and_commands_work,
        conversation::two_people_become_contacts_by_a_link_and_talk_both_ways,
        conversation::an_invitation_of_an_offline_inviter_succeeds_later,
        conversation::each_line_piped_into_chat_is_a_message,
        conversation::a_message_is_cancelled_before_it_leaves_and_another_expires,
        retention::messages_are_found_read_and_disappear_as_agreed,
        invitations::bad_links_are_refused_with_a_reason,
        invitations::a_used_and_a_revoked_link_are_refused_by_their_owner,
        hostile::hostile_texts_are_harmless_on_screen_and_intact_in_json,
        hostile::a_hostile_name_is_harmless_on_screen_and_intact_in_json,
        hostile::malformed_requests_get_problems_and_the_node_survives,
        commands::commands_that_fail_say_why,
        commands::a_changed_passphrase_holds_after_a_restart,
        commands::a_wiped_profile_leaves_nothing,
    ];
    macro_rules! tell_on_small_disks {
        ($($chapter:ident::$story:ident,)*) => {
            // Where nothing can be mounted, they are reported as ignored.
            $({
                let trial = story(world, stringify!($story), $chapter::$story);
                stories.push(trial.with_ignored_flag(!can_mount()));
            })*
        };
    }

    tell_on_small_disks![
        disk::a_full_disk_loses_nothing_and_recovers_with_room,
        disk::a_full_or_read_only_disk_is_reported_and_left_alone,
    ];

    stories
}

fn story<F>(world: Option<&Arc<World>>, name: &str, tell: fn(Stage) -> F) -> Trial
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let world = world.cloned();
    Trial::test(name, move || {
        let world = world.ok_or("a listed story cannot be run")?;
        world
            .runtime
            .block_on(tell_one(&world, tell))
            .map_err(|error| Failed::from(format!("{error:#}")))
    })
}

async fn tell_one<F: Future<Output = Result<()>>>(
    world: &World,
    tell: fn(Stage) -> F,
) -> Result<()> {
    let home = tempfile::Builder::new().prefix("story").tempdir()?;
    let stage = Stage::new(home.path(), world.env.clone());
    let told = tokio::select! {
        told = timeout(STORY_DEADLINE, tell(stage)) => {
            told.context("the story did not end").flatten()
        }
        () = world.interrupted.cancelled() => Err(anyhow!("interrupted")),
    };
    told.map_err(|error| anyhow!("{error:#}\n{}", stage::logs(home.path())))
}
