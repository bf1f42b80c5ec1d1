//! Stories: what people do with Chive and what happens to them, told with the real `chive` over a
//! private Tor network.
//!
//! All stories share one network and run at the same time: they mostly wait. `--test-threads 1`
//! tells them one after the other.

mod backups;
mod bad_servers;
mod calls;
mod capture;
mod chores;
mod contacts;
mod conversation;
mod demo;
mod disk;
mod doors;
mod hostile;
mod keeping;
mod links;
mod offline;
mod outages;
mod period;
mod presence;
mod privacy;
mod relays;
mod stage;

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use chive_tests::network::{Options, TorNetwork};
use chive_tests::person::{Surroundings, find_chive};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use stage::Stage;

/// How long anything may take that a story waits for. Long, because of a busy machine only.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a whole story may take.
const STORY_DEADLINE: Duration = Duration::from_mins(6);
/// How many stories run at the same time.
const AT_ONCE: usize = 6;

/// Set in the process that has a mount namespace of its own.
const OWN_MOUNTS: &str = "CHIVE_STORIES_OWN_MOUNTS";

/// What all stories run on.
struct World {
    runtime: Runtime,
    around: Surroundings,
    /// Cancelled by Ctrl-C: every story fails then, and all is cleaned up.
    interrupted: CancellationToken,
}

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    if arguments.list {
        return Ok(libtest_mimic::run(&arguments, stories(None)).exit_code());
    }
    arguments.test_threads.get_or_insert(AT_ONCE);
    go_where_one_can_mount()?;
    tell(&arguments)
}

/// Goes on in a mount namespace of our own, where that is allowed.
fn go_where_one_can_mount() -> Result<()> {
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
    let around =
        Surroundings { program, tor_config: Some(network.arti_config_file()), patience: PATIENCE };
    let world = Arc::new(World { runtime, around, interrupted });
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

/// All stories; without a world, to be listed only. The longest come first.
fn stories(world: Option<&Arc<World>>) -> Vec<Trial> {
    let mut stories = Vec::new();
    macro_rules! tell {
        ($($chapter:ident::$story:ident,)*) => {
            $(stories.push(story(world, stringify!($story), $chapter::$story));)*
        };
    }

    tell![
        relays::after_a_minute_without_any_relay_everything_gets_through,
        relays::relays_killed_in_a_conversation_take_no_message_with_them,
        bad_servers::a_server_that_never_answers_is_unreachable_and_changes_nothing_for_messages,
        bad_servers::a_server_that_answers_late_is_unreachable_until_it_does_not_and_changes_nothing_for_messages,
        period::a_conversation_goes_on_when_the_descriptor_period_changes,
        outages::a_contact_stopped_for_a_minute_is_offline_and_misses_nothing,
        outages::nothing_is_lost_or_doubled_when_both_are_killed_again_and_again,
        links::an_expired_link_is_refused,
        doors::nonsense_at_both_onion_ports_harms_nobody,
        demo::the_demo_ends_well_and_leaves_nothing_when_killed,
        demo::an_interrupted_demo_cleans_up,
        demo::the_demo_explains_itself,
        privacy::nothing_in_logs_or_files_tells_who_talks_or_what,
        calls::a_whole_life_connects_to_relays_and_own_sockets_only_and_asks_no_dns,
        capture::a_relay_sees_one_size_of_a_receipt_a_word_and_a_sentence,
        outages::messages_wait_for_a_killed_contact,
        outages::messages_of_a_killed_sender_are_not_lost,
        outages::both_killed_and_restarted_end_with_one_link,
        backups::a_profile_restored_from_an_old_backup_goes_on_with_its_conversation,
        contacts::a_removed_contact_is_left_behind_and_another_follows,
        contacts::a_blocked_contact_is_silent_until_it_is_unblocked,
        bad_servers::a_server_that_answers_wrongly_is_told_by_its_fault_and_changes_nothing_for_messages,
        bad_servers::a_server_that_shows_an_old_board_is_believed_no_more_and_changes_nothing_for_messages,
        bad_servers::of_an_endless_answer_little_is_read_and_held_and_nothing_changes_for_messages,
        presence::somebody_is_found_by_a_handle_and_says_yes_or_no,
        presence::a_removed_contact_finds_nothing_and_one_who_was_away_follows_by_the_server,
        presence::contacts_see_each_other_come_and_go_at_a_server_without_a_link,
        presence::who_is_hidden_from_finds_nothing_at_the_server_and_others_do,
        presence::the_server_learns_no_name_no_address_and_no_handle,
        offline::without_a_tor_network_chive_says_why_and_commands_work,
        conversation::two_people_become_contacts_by_a_link_and_talk_both_ways,
        conversation::an_invitation_opened_while_its_inviter_is_offline_succeeds_later,
        conversation::each_line_piped_into_chat_is_a_message,
        conversation::a_message_is_cancelled_before_it_leaves_and_another_expires,
        keeping::messages_are_found_read_and_gone_as_both_agreed,
        links::bad_links_are_refused_with_a_reason,
        links::a_used_and_a_revoked_link_are_refused_by_their_owner,
        hostile::hostile_texts_are_harmless_in_the_terminal_and_intact_in_json,
        hostile::a_hostile_name_is_harmless_in_the_terminal_and_intact_in_json,
        hostile::malformed_requests_get_problems_and_the_node_lives_on,
        chores::commands_that_cannot_be_done_say_why,
        chores::a_changed_passphrase_holds_after_a_restart,
        chores::a_wiped_profile_leaves_nothing,
    ];
    macro_rules! tell_on_small_disks {
        ($($chapter:ident::$story:ident,)*) => {
            // Ignored, and so said aloud, where nothing can be mounted.
            $(stories.push(story(world, stringify!($story), $chapter::$story).with_ignored_flag(!can_mount()));)*
        };
    }

    tell_on_small_disks![
        disk::on_a_full_disk_nothing_accepted_is_lost_and_all_goes_on_when_there_is_room,
        disk::a_full_or_read_only_disk_is_named_at_the_start_and_nothing_is_changed,
    ];

    stories
}

fn story<F>(world: Option<&Arc<World>>, name: &str, tell: fn(Stage) -> F) -> Trial
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let world = world.cloned();
    Trial::test(name, move || {
        let world = world.ok_or("there is no world to tell it in")?;
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
    let stage = Stage::new(home.path(), world.around.clone());
    let told = tokio::select! {
        told = timeout(STORY_DEADLINE, tell(stage)) => told.context("the story did not \
                                                                    end").flatten(),
        () = world.interrupted.cancelled() => Err(anyhow!("interrupted")),
    };
    told.map_err(|error| anyhow!("{error:#}\n{}", stage::logs(home.path())))
}
