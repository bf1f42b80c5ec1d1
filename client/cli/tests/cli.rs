//! The command line as its callers see it: arguments in; output, errors and exit codes out.
//!
//! No node and no Tor network is needed. Where a command asks a node, a small stand-in answers.

mod cli {
    pub(crate) mod chive;
    pub(crate) mod node;
}

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use cli::chive::{Chive, Done};
use cli::node::Node;
use serde_json::json;

// Without a profile, without a node.

#[test]
fn the_help_lists_every_command_and_every_exit_code() -> Done {
    let help = Chive::new()?.run(&["--help"])?;
    assert_eq!(help.code, 0);
    for command in [
        "open",
        "init",
        "run",
        "status",
        "invite",
        "invites",
        "add",
        "contacts",
        "conversations",
        "contact",
        "send",
        "cancel",
        "history",
        "chat",
        "events",
        "passphrase",
        "backup",
        "restore",
        "wipe",
        "completions",
    ] {
        assert!(
            help.out.lines().any(|l| l.trim_start().starts_with(&format!("{command} "))),
            "{command}\n{}",
            help.out
        );
    }

    for code in 0..=9 {
        assert!(help.out.contains(&format!("\n  {code}  ")), "{code}\n{}", help.out);
    }

    assert!(help.out.contains("First steps"));

    Ok(())
}

#[test]
fn every_command_explains_itself() -> Done {
    let chive = Chive::new()?;
    for command in [
        &["open"][..],
        &["init"],
        &["run"],
        &["status"],
        &["invite"],
        &["invite", "revoke"],
        &["invites"],
        &["add"],
        &["contacts"],
        &["conversations"],
        &["contact", "rename"],
        &["contact", "verify"],
        &["contact", "block"],
        &["contact", "unblock"],
        &["contact", "remove"],
        &["contact", "show"],
        &["contact", "disappear"],
        &["contact", "receipts"],
        &["contact", "retain"],
        &["send"],
        &["cancel"],
        &["history"],
        &["read"],
        &["search"],
        &["chat"],
        &["events"],
        &["passphrase", "change"],
        &["backup"],
        &["restore"],
        &["wipe"],
        &["completions"],
    ] {
        let help = chive.run(&[command, &["--help"]].concat())?;
        assert_eq!(help.code, 0, "{command:?}");
        assert!(help.out.contains("Usage: chive "), "{command:?}\n{}", help.out);
    }

    assert!(chive.run(&["run", "--help"])?.out.contains("[tor.bridges]"));
    Ok(())
}

#[test]
fn a_passphrase_is_never_an_argument() -> Done {
    let chive = Chive::new()?;
    for arguments in [
        &["init", "--passphrase", "secret"][..],
        &["run", "--passphrase=secret"],
        &["init", "secret"],
        &["run", "secret"],
        &["passphrase", "change", "secret"],
        &["passphrase", "change", "--new-passphrase", "secret"],
    ] {
        assert_eq!(chive.run(arguments)?.code, 2, "{arguments:?}");
    }
    Ok(())
}

#[test]
fn wrong_usage_is_told_apart() -> Done {
    let chive = Chive::new()?;
    for arguments in [
        &["dance"][..],
        &["send", "bob"],
        &["invite", "--expires", "soon"],
        &["invite", "--expires", "7"],
        &["invite", "--uses", "many"],
        &["invite", "--uses", "2", "revoke", "abc"],
        &["send", "bob", "hi", "--wait", "read"],
        &["send", "bob", "hi", "--timeout", "5s"],
        &["contact", "verify", "bob", "--yes", "--undo"],
        &["completions", "cmd"],
        &["status", "--log", "loud"],
    ] {
        let refused = chive.run(arguments)?;
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!refused.err.is_empty());
    }

    let json = chive.run(&["--json", "dance"])?;
    assert_eq!((json.code, json.error_code()?.as_str()), (2, "usage"));

    Ok(())
}

#[test]
fn completions_know_the_commands() -> Done {
    let chive = Chive::new()?;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = chive.run(&["completions", shell])?;
        assert_eq!(script.code, 0);
        assert!(script.out.contains("invite"), "{shell}");
    }
    Ok(())
}

#[test]
fn without_a_profile_the_first_step_is_named() -> Done {
    let chive = Chive::new()?;
    for arguments in [
        &["status"][..],
        &["run"],
        &["send", "bob", "hi"],
        &["passphrase", "change"],
        &["wipe", "--yes"],
    ] {
        let missing = chive.run(arguments)?;
        assert_eq!(missing.code, 6, "{arguments:?}: {}", missing.err);
        assert!(missing.err.contains("chive init"), "{}", missing.err);
    }
    assert_eq!(chive.run(&["--json", "status"])?.error_code()?, "no_profile");
    Ok(())
}

#[test]
fn without_a_node_the_next_step_is_named() -> Done {
    let chive = Chive::with_profile()?;
    for arguments in [
        &["status"][..],
        &["invite"],
        &["invites"],
        &["invite", "revoke", "ab"],
        &["add", "chive:abc"],
        &["contacts"],
        &["conversations"],
        &["contact", "block", "bob"],
        &["send", "bob", "hi"],
        &["send", "bob", "hi", "--wait", "sent"],
        &["cancel", "ab"],
        &["history", "bob"],
        &["chat", "bob"],
        &["events"],
        &["events", "--after", "3"],
    ] {
        let alone = chive.run(arguments)?;
        assert_eq!(alone.code, 3, "{arguments:?}: {}", alone.err);
        assert_eq!(
            alone.err.trim_end(),
            "chive: no node is running for this profile: start one with `chive run` (in another \
            terminal)"
        );
    }

    assert_eq!(chive.run(&["--json", "contacts"])?.error_code()?, "not_running");
    Ok(())
}

#[test]
fn a_guess_at_a_passphrase_costs_64_mib_and_three_passes() -> Done {
    let chive = Chive::new()?;
    assert_eq!(chive.typing("one\n", &["init", "--passphrase-file", "-"])?.code, 0);
    let key: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(chive.profile().join("key"))?)?;
    assert_eq!(
        (key["kdf"]["memory_kib"].as_u64(), key["kdf"]["passes"].as_u64()),
        (Some(64 * 1024), Some(3))
    );
    assert_eq!(key["kdf"]["name"], "argon2id");
    Ok(())
}

#[test]
fn a_passphrase_needs_a_person_or_a_file() -> Done {
    let chive = Chive::new()?;
    let nobody = chive.run(&["init"])?;
    assert_eq!(nobody.code, 4);
    assert!(nobody.err.contains("--passphrase-file"), "{}", nobody.err);
    assert_eq!(chive.typing("\n", &["init", "--passphrase-file", "-"])?.code, 4);
    assert_eq!(chive.run(&["init", "--passphrase-file", "/does/not/exist"])?.code, 4);
    Ok(())
}

#[test]
fn a_profile_is_made_once_and_destroyed() -> Done {
    let chive = Chive::new()?;
    let made =
        chive.typing("one\n", &["init", "--name", " Ala ", "--passphrase-file", "-", "--json"])?;
    assert_eq!((made.code, &made.json()?[0]["name"]), (0, &json!("Ala")), "{}", made.err);
    let again = chive.typing("one\n", &["init", "--passphrase-file", "-", "--json"])?;
    assert_eq!((again.code, again.error_code()?.as_str()), (5, "profile_exists"));
    assert_eq!(chive.run(&["status"])?.code, 3);
    assert_eq!(chive.run(&["wipe", "--yes"])?.code, 0);
    assert_eq!(chive.run(&["status"])?.code, 6);
    Ok(())
}

#[test]
fn the_passphrase_changes_without_a_node() -> Done {
    let chive = Chive::new()?;
    assert_eq!(chive.typing("one\n", &["init", "--passphrase-file", "-"])?.code, 0);
    let change =
        ["passphrase", "change", "--passphrase-file", "-", "--new-passphrase-file", "-", "--json"];
    let wrong = chive.typing("two\nthree\n", &change)?;
    assert_eq!((wrong.code, wrong.error_code()?.as_str()), (4, "wrong_passphrase"));
    assert_eq!(chive.typing("one\ntwo\n", &change)?.code, 0);
    assert_eq!(chive.typing("one\ntwo\n", &change)?.code, 4);
    let run = chive.typing("one\n", &["run", "--passphrase-file", "-"])?;
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(run.out.contains("Unlocking"), "{}", run.out);
    Ok(())
}

#[test]
fn a_hostile_own_name_is_refused_before_anything_is_made() -> Done {
    let chive = Chive::new()?;
    for name in ["", "a\u{202e}b", "\u{1b}[2J", "two\nlines"] {
        assert_eq!(chive.run(&["init", "--name", name])?.code, 7, "{name:?}");
    }
    Ok(())
}

#[test]
fn settings_that_cannot_be_meant_are_refused() -> Done {
    let chive = Chive::new()?;
    let config = chive.file("bad.toml", "profil = \"/x\"\n")?;
    let refused = chive.run(&["--config", &config, "status"])?;
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("profil") && refused.err.contains("expected one of"),
        "{}",
        refused.err
    );
    assert_eq!(chive.run(&["--config", "/does/not/exist", "status"])?.code, 2);
    Ok(())
}

#[test]
fn what_cannot_be_undone_needs_a_yes() -> Done {
    let chive = Chive::with_profile()?;
    let unsure = chive.run(&["wipe"])?;
    assert_eq!(unsure.code, 2);
    assert!(unsure.err.contains("--yes"), "{}", unsure.err);
    Ok(())
}

#[test]
fn a_qr_file_is_refused_before_an_invitation_is_made() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let existing = chive.file("code.png", "precious")?;
    assert_eq!(chive.run(&["invite", "--qr", &existing])?.code, 2);
    assert_eq!(chive.run(&["invite", "--qr", &chive.path("code.gif")])?.code, 2);
    assert_eq!(std::fs::read_to_string(existing)?, "precious");
    assert!(node.asked().is_empty(), "{:?}", node.asked());
    Ok(())
}

// With a node.

#[test]
fn a_link_goes_alone_into_a_pipe_and_its_code_into_a_file() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let code = chive.path("code.png");
    let invited = chive.run(&["invite", "--uses", "2", "--expires", "1d", "--qr", &code])?;
    assert_eq!((invited.code, invited.out.trim_end()), (0, Node::link()));
    assert_eq!(
        node.asked(),
        [("POST /v1/invitations".to_owned(), json!({"uses": 2, "expires_in": 86_400}))]
    );
    assert!(std::fs::read(code)?.starts_with(b"\x89PNG"));
    Ok(())
}

#[test]
fn json_is_the_apis_own_object() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    assert_eq!(chive.run(&["status", "--json"])?.json()?, [node.status()]);
    assert_eq!(chive.run(&["contacts", "--json"])?.json()?, [Node::contact()]);
    Ok(())
}

#[test]
fn hostile_text_is_harmless_for_people_and_exact_for_programs() -> Done {
    let chive = Chive::with_profile()?;
    let _node = Node::start(&chive)?;
    let hostile = ['\u{1b}', '\u{202e}', '\u{9b}', '\u{200b}'];
    for arguments in [
        &["contacts"][..],
        &["history", "bob"],
        &["contacts", "--json"],
        &["history", "bob", "--json"],
    ] {
        let shown = chive.run(arguments)?;
        assert_eq!(shown.code, 0, "{}", shown.err);
        assert!(!shown.out.contains(hostile), "{arguments:?}: {:?}", shown.out);
    }

    assert!(chive.run(&["history", "bob"])?.out.contains("<U+202E>"));
    assert_eq!(chive.run(&["history", "bob", "--json"])?.json()?, [Node::message("received")]);

    Ok(())
}

#[test]
fn a_link_is_read_from_standard_input() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    assert_eq!(chive.typing("  CHIVE:ABC \n", &["add", "-", "--name", "bob"])?.code, 0);
    assert_eq!(
        node.asked(),
        [("POST /v1/contacts".to_owned(), json!({"link": "CHIVE:ABC", "name": "bob"}))]
    );
    Ok(())
}

#[test]
fn an_error_of_the_node_has_its_exit_code() -> Done {
    let chive = Chive::with_profile()?;
    let _node = Node::start(&chive)?;
    let unknown = chive.run(&["send", "nobody", "hi", "--json"])?;
    assert_eq!((unknown.code, unknown.error_code()?.as_str()), (6, "unknown_contact"));
    Ok(())
}

#[test]
fn a_text_goes_as_it_is() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    assert_eq!(chive.typing("two\nlines\n", &["send", "bob", "-"])?.code, 0);
    assert_eq!(chive.run(&["send", "bob", "--", "-5 degrees"])?.code, 0);
    let texts: Vec<_> = node.asked().into_iter().map(|(_, body)| body["text"].clone()).collect();
    assert_eq!(texts, [json!("two\nlines"), json!("-5 degrees")]);
    assert_eq!(chive.typing(&"x".repeat(70_000), &["send", "bob", "-"])?.code, 7);
    Ok(())
}

#[test]
fn waiting_ends_with_the_state_that_was_asked_for() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let waiting = chive.start(&["send", "bob", "hi", "--wait", "delivered", "--json"])?;
    node.until_asked(1)?;
    node.event(json!({"type": "message", "message": node.sent("sent")}));
    node.event(json!({"type": "message", "message": node.sent("delivered")}));
    let delivered = waiting.end()?;
    assert_eq!((delivered.code, delivered.json()?), (0, vec![node.sent("delivered")]));
    Ok(())
}

#[test]
fn waiting_ends_in_time_and_says_so() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let late = chive.run(&["send", "bob", "hi", "--wait", "sent", "--timeout", "1s", "--json"])?;
    assert_eq!((late.code, late.error_code()?.as_str()), (8, "timeout"));
    let waiting = chive.start(&["send", "bob", "hi", "--wait", "sent", "--json"])?;
    node.until_asked(2)?;
    node.event(json!({"type": "message", "message": node.sent("expired")}));
    let expired = waiting.end()?;
    assert_eq!((expired.code, expired.error_code()?.as_str()), (8, "expired"));
    Ok(())
}

#[test]
fn events_go_on_without_a_gap_after_the_node_was_restarted() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let mut events = chive.start(&["events", "--json"])?;

    node.until_followed(1)?;
    node.event(json!({
        "type": "tor", "tor": {"ready": false, "percent": 1, "summary": {"code": "tor_starting"}},
    }));
    assert_eq!(events.line()?["tor"]["summary"]["code"], "tor_starting");
    let node = node.restart(&chive, |node| {
        node.event(json!({
            "type": "tor",
            "tor": {"ready": false, "percent": 2, "summary": {"code": "tor_connecting"}},
        }));
    })?;
    assert_eq!(events.line()?["tor"]["summary"]["code"], "tor_connecting");
    node.event(json!({
        "type": "tor", "tor": {"ready": true, "percent": 100, "summary": {"code": "tor_connected"}},
    }));
    let last = events.line()?;
    assert_eq!(
        (&last["tor"]["summary"]["code"], &last["seq"]),
        (&json!("tor_connected"), &json!(3))
    );

    events.kill()
}

#[test]
fn a_piped_chat_sends_each_line_and_shows_what_comes() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let mut chat = chive.start_typing("one\n\ntwo\n", &["chat", "bob"])?;
    node.until_asked(2)?;
    node.event(json!({"type": "message", "message": {
        "id": "77".repeat(16), "conversation": "12".repeat(16), "conversation_name": "bob",
        "direction": "received", "text": "hello\u{1b}", "state": "received", "created_at": 0,
    }}));
    chat.until_said("hello<U+001B>", Duration::from_secs(20))?;
    chat.close_input();
    assert_eq!(chat.end()?.code, 0);
    let texts: Vec<_> = node.asked().into_iter().map(|(_, body)| body["text"].clone()).collect();
    assert_eq!(texts, [json!("one"), json!("two")]);
    Ok(())
}

#[test]
fn a_piped_chat_stops_at_what_is_refused() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let refused =
        chive.typing(&format!("one\n{}\nthree\n", "x".repeat(70_000)), &["chat", "bob"])?;
    assert_eq!(refused.code, 7);
    assert!(refused.err.contains("message 2 was not accepted"), "{}", refused.err);
    assert_eq!(node.asked().len(), 1);
    Ok(())
}

#[test]
fn a_contact_is_verified_by_what_was_compared() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let unsure = chive.run(&["contact", "verify", "bob"])?;
    assert_eq!(unsure.code, 2);
    assert!(unsure.err.contains("12345 67890"), "{}", unsure.err);
    assert!(node.asked().is_empty());
    assert_eq!(chive.run(&["contact", "verify", "bob", "--yes"])?.code, 0);
    assert_eq!(
        node.asked(),
        [(format!("PATCH /v1/contacts/{}", "cd".repeat(32)), json!({"verified": true}))]
    );
    Ok(())
}

#[test]
fn the_running_node_changes_the_passphrase() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let change = ["passphrase", "change", "--passphrase-file", "-", "--new-passphrase-file", "-"];
    assert_eq!(chive.typing("old one\nnew one\n", &change)?.code, 0);
    assert_eq!(
        node.asked(),
        [("POST /v1/passphrase".to_owned(), json!({"old": "old one", "new": "new one"}))]
    );
    Ok(())
}

#[test]
fn a_passphrase_file_that_others_may_read_is_pointed_out() -> Done {
    let chive = Chive::with_profile()?;
    let _node = Node::start(&chive)?;
    let file = chive.file("open", "old one\n")?;
    let change = chive.typing(
        "new\n",
        &["passphrase", "change", "--passphrase-file", &file, "--new-passphrase-file", "-"],
    )?;
    assert_eq!(change.code, 0);
    assert!(change.err.contains("others may read"), "{}", change.err);
    Ok(())
}

#[test]
fn the_running_node_is_asked_to_wipe() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    assert_eq!(chive.run(&["wipe", "--yes"])?.code, 0);
    assert_eq!(node.asked(), [("POST /v1/wipe".to_owned(), json!({"confirm": true}))]);
    Ok(())
}

#[test]
fn a_backup_is_private_and_never_overwrites_a_file() -> Done {
    let chive = Chive::with_profile()?;
    let node = Node::start(&chive)?;
    let (words, file) = (chive.file("words", "of the backup\n")?, chive.file("taken", "mine")?);
    let refused = chive.run(&["backup", &file, "--passphrase-file", &words])?;

    assert_eq!(refused.code, 7, "{}", refused.err);
    assert_eq!(fs::read_to_string(&file)?, "mine");
    assert!(node.asked().is_empty());
    let free = format!("{file}.backup");
    let made = chive.run(&["--json", "backup", &free, "--passphrase-file", &words])?;
    assert_eq!(
        (made.code, made.json()?),
        (0, vec![json!({"file": free, "bytes": 100_000})]),
        "{}",
        made.err
    );
    assert_eq!(
        node.asked(),
        [("POST /v1/backup".to_owned(), json!({"passphrase": "of the backup"}))]
    );
    assert_eq!((fs::metadata(&free)?.mode() & 0o777, fs::read(&free)?.len()), (0o600, 100_000));

    Ok(())
}

#[test]
fn what_is_no_backup_is_refused_and_leaves_no_profile() -> Done {
    let chive = Chive::new()?;
    let (words, file) =
        (chive.file("words", "x\n")?, chive.file("nonsense", "no backup at all, by any means")?);
    let refused = chive.run(&["restore", &file, "--passphrase-file", &words])?;
    assert_eq!(refused.code, 9, "{}", refused.err);
    assert!(refused.err.contains("no backup"), "{}", refused.err);
    assert_eq!(chive.run(&["status"])?.code, 6, "there is no profile");
    assert_eq!(chive.run(&["restore", "/nonexistent", "--passphrase-file", &words])?.code, 1);
    Ok(())
}
