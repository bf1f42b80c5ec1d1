//! The arguments of each command, with their help.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::time::{Limit, Period};

pub(super) const MESSAGE_FIELDS: &str = "\
With --json: the message: id, conversation (its id), conversation_name, direction (sent or received),
author {id, name} (of a received one), text, state (queued, sent, delivered, read, cancelled, expired
or received), reason {code, …}, created_at, sent_at, delivered_at, expires_at, missing_before, late, read_at, disappear_after (seconds), disappears_at.";

pub(super) const INVITATION_FIELDS: &str = "\
With --json: id, link (while it is active), state (active, used, expired or revoked), uses, used,
created_at, expires_at.";

pub(super) const CONTACT_FIELDS: &str = "\
With --json: id, name, shared_name (what it calls itself), state (requested, accepted, refused or
blocked), reason {code, …}, presence (online, away, offline or unknown), presence_source (link or
server), presence_reason {code, …}, since, presence_hidden, verified, safety_number, conversation (the
id of the direct one, which `chive conversations NAME` shows), created_at.";

pub(super) const CONVERSATION_FIELDS: &str = "\
With --json: id, kind (direct), name, members [{id, name}], settings {ours, theirs, in_force, each
{disappear_after (seconds, 0 is never), read_receipts}, confirmed}, retain (seconds; none is for ever),
draft, unread, waiting, newest (a message, as `chive history --help` describes it), created_at.";

pub(super) const SERVER_FIELDS: &str = "\
With --json: address, state (starting, reachable, unreachable, refused or untrusted), reason {code, …},
announced_at, checked_at, records, has_token.";

pub(super) const HANDLE_FIELDS: &str = "\
With --json: handle, state (claiming, active, failed or releasing), reason {code, …}, expires_at.";

pub(super) const REQUEST_FIELDS: &str = "\
With --json: id, name, message, handle, received_at.";

pub(super) const DISAPPEAR_HELP: &str = "\
Messages disappear once both of you have said so; of two times the longer one counts, so that none
goes before both agreed that it may. Either can give them more time, or end it, for what is written
from then on; what was written keeps its time. It is counted from the delivery, read or not, on each
device for itself; what waits to be delivered stays until then. The other's client is asked to
delete, it cannot be made to. `chive contact show NAME` shows what both want and what holds.
With --json: the conversation, as `chive conversations --help` describes it.";

pub(super) const RECEIPTS_HELP: &str = "\
Off at first. Once both of you have said on, each is told which of its messages the other has read:
in `chive chat`, with `chive history` in a terminal, or by `chive read`.
With --json: the conversation, as `chive conversations --help` describes it.";

#[derive(Debug, Default, Args)]
#[command(after_help = "\
It is served on this machine alone, at an address that lets one browser in, once. Where a node runs
already, that serves it, and this command ends at once; otherwise this command stays, and runs the
node once the passphrase was typed into the page, until Ctrl-C or SIGTERM.
With --json: {\"url\":ADDRESS}.")]
pub(crate) struct Open {
    /// Only print the address
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The passphrase encrypts the profile. It is asked for twice, or read from --passphrase-file; it is
never an argument, and nothing opens the profile without it.
With --json: {\"profile\":DIR,\"name\":NAME}.")]
pub(crate) struct Init {
    /// What contacts see as your name, until they choose another for you
    #[arg(long, value_name = "NAME", default_value = "anonymous")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The backup has a passphrase of its own, which is asked for twice, or read from --passphrase-file. It
opens with that passphrase alone: whoever has both can pose as you and read everything. The node
goes on meanwhile. A backup that is not whole is not left behind.
With --json: {\"file\":FILE,\"bytes\":N}.")]
pub(crate) struct Backup {
    /// A file that does not exist yet
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The new profile opens with the passphrase of the backup, which is asked for, or read from
--passphrase-file; `chive passphrase change` changes it. Restore only where the profile of before is
gone for good: two copies must never run. Messages that came after the backup are not in it, but what
a contact still holds for you comes again. Every conversation restarts when the contact is
reached, and the contact is told. Contacts and messages that were deleted since the backup are back;
contacts made since are not, and need another invitation. All invitations of before are revoked.
With --json: {\"profile\":DIR,\"name\":NAME,\"made_at\":TIME,\"contacts\":N,\"messages\":N,\"revoked\":N}.")]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = format!("\
The link is shown at once, and works also when one of you is offline: you become contacts once both
have been online together. Whoever has the link can use it. In a terminal a QR code is drawn below
it; when standard output is not a terminal, the link is all that is printed.
{INVITATION_FIELDS}"))]
pub(crate) struct Invite {
    #[command(subcommand)]
    pub(crate) revoke: Option<InviteCommand>,
    /// How many people may use it, 1 to 1000 [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) uses: Option<u32>,
    /// For how long, as 12h or 7d, at most 365d [default: 7d]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Period>,
    /// Write the QR code to a new file, FILE.png or FILE.svg, instead of drawing it
    #[arg(long, value_name = "FILE")]
    pub(crate) qr: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InviteCommand {
    /// Take an invitation back; who has used it stays a contact
    #[command(after_help = INVITATION_FIELDS)]
    Revoke {
        /// Its id, or the beginning of it, as `chive invites` shows it
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = format!("\
Who is found by a handle is asked, and may say no. A handle is as good as its server: compare the
safety number to be sure (`chive contact verify`).
{CONTACT_FIELDS}"))]
pub(crate) struct Add {
    /// The link, in lower or upper case, or name@server; - reads it from standard input
    pub(crate) link: String,
    /// What the owner of the handle is shown with the request, at most 256 bytes
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// What to call the contact here [default: what it calls itself]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Contact {
    /// Show a contact, and what both of you let happen to messages
    #[command(after_help = CONTACT_FIELDS)]
    Show {
        /// A contact's name, or at least 8 digits of its id
        name: String,
    },
    /// Let messages disappear, on both sides, some time after they were delivered
    #[command(after_help = DISAPPEAR_HELP)]
    Disappear {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        /// After how long, as 1h or 7d, 10s to 365d; or off
        time: Limit,
    },
    /// Tell each other which messages were read, or not
    #[command(after_help = RECEIPTS_HELP)]
    Receipts {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        /// on or off
        switch: OnOff,
    },
    /// Delete messages that are older than some time, here only
    #[command(after_help = format!("\
What waits to be delivered stays. The contact is not told, and keeps what it has.
{CONVERSATION_FIELDS}"))]
    Retain {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        /// For how long to keep them, as 12h or 30d, 1m to 10 years; or off, to keep them for ever
        time: Limit,
    },
    /// Give a contact another name, here only
    #[command(after_help = CONTACT_FIELDS)]
    Rename {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        /// The new name
        new: String,
    },
    /// Compare the safety number, and mark the contact as verified
    #[command(after_help = CONTACT_FIELDS)]
    Verify {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        #[command(flatten)]
        sure: Confirmed,
        /// Take the mark away
        #[arg(long, conflicts_with = "yes")]
        undo: bool,
    },
    /// Keep our presence on servers from a contact, or show it again
    #[command(after_help = format!("\
A contact that has a link to us, or tries to make one, sees that we are there: block it to end that.
{CONTACT_FIELDS}"))]
    Presence {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        /// hide or show
        hiding: Visibility,
    },
    /// Refuse a contact's links and messages from now on
    #[command(after_help = CONTACT_FIELDS)]
    Block {
        /// A contact's name, or at least 8 digits of its id
        name: String,
    },
    /// Take a blocked contact back
    #[command(after_help = CONTACT_FIELDS)]
    Unblock {
        /// A contact's name, or at least 8 digits of its id
        name: String,
    },
    /// Remove a contact, with its conversation
    #[command(after_help = "With --json: {\"done\":true}.")]
    Remove {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        #[command(flatten)]
        sure: Confirmed,
    },
}

/// `chive server`.
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Announce ourselves to one more server; contacts are told to look there
    #[command(after_help = SERVER_FIELDS)]
    Add {
        /// Its onion address, as `chive-rendezvous address` or its page shows it
        address: String,
        /// What lets us write there, if it is a closed one; - reads it from standard input
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
    },
    /// Announce ourselves to a server no more
    #[command(after_help = "With --json: {\"done\":true}.")]
    Remove {
        /// Its onion address
        address: String,
    },
    /// List our servers
    #[command(after_help = SERVER_FIELDS)]
    List,
    /// Show how our servers are
    #[command(after_help = SERVER_FIELDS)]
    Status,
}

/// Whom the node connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// All contacts, all the time
    Always,
    /// Those for whom something waits: fewer circuits; servers tell who is there
    Needed,
}

/// What our servers say of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowAs {
    /// Online while the node runs
    On,
    /// Away
    Away,
    /// Nothing
    Invisible,
}

/// What a contact finds of us at servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Visibility {
    /// Nothing
    Hide,
    /// What all others find
    Show,
}

/// `chive handle`.
#[derive(Debug, Subcommand)]
pub(crate) enum Handle {
    /// Claim a word at a server: first come, first served
    #[command(after_help = format!("\
Whoever knows the word can ask to become a contact, and waits until you say `chive request accept`.
The server learns neither the word nor who you are. It may ask for work, which takes a while.
{HANDLE_FIELDS}"))]
    Claim {
        /// NAME@SERVER
        handle: String,
    },
    /// List our handles
    #[command(after_help = HANDLE_FIELDS)]
    List,
    /// Give a word back
    #[command(after_help = "With --json: {\"done\":true}.")]
    Release {
        /// NAME@SERVER
        handle: String,
    },
}

/// `chive request`.
#[derive(Debug, Subcommand)]
pub(crate) enum Request {
    /// Make who asks a contact
    #[command(after_help = "With --json: {\"done\":true}.")]
    Accept {
        /// The request's id, or at least 8 digits of it
        id: String,
    },
    /// Say no; it may ask again
    #[command(after_help = "With --json: {\"done\":true}.")]
    Decline {
        /// The request's id, or at least 8 digits of it
        id: String,
    },
    /// Say nothing, now and whenever it asks again
    #[command(after_help = "With --json: {\"done\":true}.")]
    Block {
        /// The request's id, or at least 8 digits of it
        id: String,
    },
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnOff {
    /// Do it
    On,
    /// Do not
    Off,
}

/// For what cannot be taken back.
#[derive(Debug, Args)]
pub(crate) struct Confirmed {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!("\
Once accepted, a message is kept until it is delivered, also over restarts. For a text that begins
with a dash: chive send NAME -- '-5 degrees'.
{MESSAGE_FIELDS}"))]
pub(crate) struct Send {
    /// A contact's name, or at least 8 digits of its id
    pub(crate) name: String,
    /// The text, at most 64,512 bytes; - reads it from standard input
    pub(crate) text: String,
    /// Wait until it is that far [default: do not wait]
    #[arg(long, value_name = "STATE")]
    pub(crate) wait: Option<Wait>,
    /// Wait no longer than this; the message goes on waiting in the node
    #[arg(long, value_name = "TIME", requires = "wait")]
    pub(crate) timeout: Option<Period>,
    /// Give the message up when it is not delivered within this time
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Period>,
}

/// How far a message must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wait {
    /// Handed to a link
    Sent,
    /// Stored by the contact's device
    Delivered,
}

#[derive(Debug, Args)]
#[command(after_help = format!("\
In a terminal, the newest messages count as read when they are shown.
{MESSAGE_FIELDS}"))]
pub(crate) struct History {
    /// A contact's name, or at least 8 digits of its id
    pub(crate) name: String,
    /// At most so many messages
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Those just before the message with this id [default: the newest]
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = format!("\
Messages are found that have every word, whatever its case and accents; a word finds also those that
begin with it. In scripts without spaces, as Chinese, every run of characters is found. The newest
come first.
{MESSAGE_FIELDS}"))]
pub(crate) struct Search {
    /// Words, at most 256 bytes
    pub(crate) text: String,
    /// In the conversation with this contact only
    #[arg(long = "in", value_name = "NAME")]
    pub(crate) within: Option<String>,
    /// At most so many messages
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Those found after the message with this id [default: from the newest on]
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Passphrase {
    /// Replace the passphrase by a new one
    #[command(after_help = "\
Both are asked for, or read from files. With - for both, the first line of standard input is the
old one and the second the new one. It works while the node runs and while it does not.
With --json: {\"done\":true}.")]
    Change {
        /// A file whose first line is the new passphrase; - is standard input
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
}
