//! What can be typed: commands, options, and the help that suffices without any document.

use std::path::PathBuf;

use crate::config::{Layer, Level};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::exit;
use crate::time::{Limit, Period};

const FIRST_STEPS: &str = "\
First steps: `chive` alone opens the messenger in a browser. Or, in a terminal:
  chive init --name Alice      make a profile; it asks for a passphrase
  chive run                    start the node, and leave it running
and then, in another terminal:
  chive invite                 make a link, and give it to somebody
  chive add LINK               or open the link that somebody gave you
  chive contacts               who is there
  chive chat NAME              talk

Everybody needs a node that runs. A message to somebody who is away waits here until both are
online together. Texts and names from others are shown with harmful characters written out,
as <U+202E>; --json keeps them exact.

Settings, each by flag, variable, or key of the configuration file, in this order:
  --profile DIR            CHIVE_PROFILE           profile = \"/path\"
  --tor-config FILE        CHIVE_TOR_CONFIG        tor_config = \"/path\", or a [tor] table
  --passphrase-file FILE   CHIVE_PASSPHRASE_FILE   passphrase_file = \"/path\"
  --json                   CHIVE_JSON=1            json = true
  --log LEVEL              CHIVE_LOG               log = \"info\"
  --config FILE            CHIVE_CONFIG            default: ~/.config/chive/config.toml

With --json every answer is an object of the local API, one a line; times are Unix milliseconds.
An error is {\"error\":{\"code\":…,\"detail\":…}} on standard error, a remark {\"note\":…}.";

const RUN_HELP: &str = "\
It says how far it is from the first second on, and why when it does not go on. Ctrl-C or SIGTERM
stops it cleanly. Bridges and pluggable transports, and all else about Tor, are set in the [tor]
table of the configuration file, or in a file of its own named by --tor-config; the format is
arti's. In ~/.config/chive/config.toml:

  [tor.bridges]
  enabled = true
  bridges = '''
  192.0.2.66:443 8C00000DFE0046ABCDFAD191144399CB520C29E8
  obfs4 192.0.2.67:443 FINGERPRINT cert=… iat-mode=0
  '''
  [[tor.bridges.transports]]
  protocols = [\"obfs4\"]
  path = \"/usr/bin/lyrebird\"
  run_on_startup = true

With --json: one status object a line, whenever it changes: version, name, started_at,
tor {ready, percent, summary and stalled, each a reason {code, …}}, front_door, endpoint (closed, starting, reachable or
unreachable), contacts, online, waiting, presence (on, away or invisible), servers,
servers_reachable, requests, last_event.";

const MESSAGE_FIELDS: &str = "\
With --json: the message: id, conversation (its id), conversation_name, direction (sent or received),
author {id, name} (of a received one), text, state (queued, sent, delivered, read, cancelled, expired
or received), reason {code, …}, created_at, sent_at, delivered_at, expires_at, missing_before, late, read_at, disappear_after (seconds), disappears_at.";

const INVITATION_FIELDS: &str = "\
With --json: id, link (while it is active), state (active, used, expired or revoked), uses, used,
created_at, expires_at.";

const CONTACT_FIELDS: &str = "\
With --json: id, name, shared_name (what it calls itself), state (requested, accepted, refused or
blocked), reason {code, …}, presence (online, away, offline or unknown), presence_source (link or
server), presence_reason {code, …}, since, presence_hidden, verified, safety_number, conversation (the
id of the direct one, which `chive conversations NAME` shows), created_at.";

const CONVERSATION_FIELDS: &str = "\
With --json: id, kind (direct), name, members [{id, name}], settings {ours, theirs, in_force, each
{disappear_after (seconds, 0 is never), read_receipts}, confirmed}, retain (seconds; none is for ever),
draft, unread, waiting, newest (a message, as `chive history --help` describes it), created_at.";

const SERVER_FIELDS: &str = "\
With --json: address, state (starting, reachable, unreachable, refused or untrusted), reason {code, …},
announced_at, checked_at, records, has_token.";

const HANDLE_FIELDS: &str = "\
With --json: handle, state (claiming, active, failed or releasing), reason {code, …}, expires_at.";

const REQUEST_FIELDS: &str = "\
With --json: id, name, message, handle, received_at.";

const DISAPPEAR_HELP: &str = "\
Messages disappear once both of you have said so; of two times the longer one counts, so that none
goes before both agreed that it may. Either can give them more time, or end it, for what is written
from then on; what was written keeps its time. It is counted from the delivery, read or not, on each
device for itself; what waits to be delivered stays until then. The other's client is asked to
delete, it cannot be made to. `chive contact show NAME` shows what both want and what holds.
With --json: the conversation, as `chive conversations --help` describes it.";

const RECEIPTS_HELP: &str = "\
Off at first. Once both of you have said on, each is told which of its messages the other has read:
in `chive chat`, with `chive history` in a terminal, or by `chive read`.
With --json: the conversation, as `chive conversations --help` describes it.";

const EVENT_FIELDS: &str = "\
It follows the node also when that is restarted, without a gap, until Ctrl-C.
With --json: seq (give it to --after to go on behind it), at, type, and by type: message
{message}, messages_gone {conversation, name, messages}, conversation {conversation}, contact
{contact}, contact_removed {id, name, conversation}, presence {id, name, presence, source}, key_changed {id,
name}, conversation_restarted {conversation, id, name, by_contact}, invitation {invitation}, server
{server}, handle {handle}, request {request}, request_gone {id}, tor {tor}, doors {front_door, endpoint}.";

const CHAT_HELP: &str = "\
Each line that you type is a message. ✓ is sent, ✓✓ is stored by the other's device, or read, where
both allow to say so. What is shown here counts as read. Ctrl-D leaves; what is not delivered yet
goes on waiting in the node. When standard input is not a terminal, each line is a message too, and
the command ends when all have been accepted, or at the first that is refused. With --json: a message object a line, for each message and each change of its state.";

/// An anonymous messenger: people talk directly, over Tor, without a server.
#[derive(Debug, Parser)]
#[command(name = "chive", version, max_term_width = 100, after_help = format!("{FIRST_STEPS}\n\n{}", exit::HELP))]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// Without one, `open`.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
#[allow(clippy::doc_markdown, reason = "these comments are the help, which has no markup")]
pub(crate) struct Global {
    /// The profile directory [env: CHIVE_PROFILE] [default: ~/.local/share/chive]
    #[arg(long, global = true, value_name = "DIR")]
    profile: Option<PathBuf>,
    /// The configuration file [env: CHIVE_CONFIG] [default: ~/.config/chive/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A file in arti's configuration format, as for a private network [env: CHIVE_TOR_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    tor_config: Option<PathBuf>,
    /// A file whose first line is the passphrase; - is standard input [env: CHIVE_PASSPHRASE_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print JSON: one object, or one object a line [env: CHIVE_JSON=1]
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// off, error, warn, info, debug or trace, on standard error [env: CHIVE_LOG] [default: warn]
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<Level>,
}

impl Global {
    /// The flags as the uppermost layer of the settings.
    pub(crate) fn layer(&self) -> Layer {
        Layer {
            profile: self.profile.clone(),
            tor_config: self.tor_config.clone(),
            passphrase_file: self.passphrase_file.clone(),
            json: self.json.then_some(true),
            log: self.log,
            tor: None,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the messenger in a browser; this is what `chive` alone does
    Open(Open),
    /// Make a profile
    Init(Init),
    /// Run the node, in the foreground
    #[command(after_help = RUN_HELP)]
    Run {
        /// Whom to connect to: everybody, or those for whom a message waits
        #[arg(long, value_name = "WHEN", default_value = "always")]
        links: When,
    },
    /// Show how the node is
    #[command(after_help = "With --json: the status object that `chive run --help` describes.")]
    Status,
    /// Make an invitation link, and its QR code
    Invite(Invite),
    /// List the invitations
    #[command(after_help = INVITATION_FIELDS)]
    Invites,
    /// Open an invitation link, or ask the owner of a handle: they become a contact
    Add(Add),
    /// List the contacts
    #[command(after_help = CONTACT_FIELDS)]
    Contacts,
    /// List the conversations, with the last message of each
    #[command(after_help = CONVERSATION_FIELDS)]
    Conversations {
        /// Only the one with this contact, and what may happen to its messages
        name: Option<String>,
    },
    /// Show, rename, verify, block or remove a contact, or say what may happen to its messages
    #[command(subcommand)]
    Contact(Contact),
    /// Send a message
    Send(Send),
    /// Take back a message that has not left yet
    #[command(after_help = MESSAGE_FIELDS)]
    Cancel {
        /// The message's id, as `chive send` and `chive history` show it
        id: String,
    },
    /// Show a conversation
    History(History),
    /// Mark a contact's messages as read
    #[command(after_help = format!("\
The contact is told which, if both of you allow it: see `chive contact receipts --help`.
{CONVERSATION_FIELDS}"))]
    Read {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        /// Only the message with this id, and those that came before it
        #[arg(long, value_name = "ID")]
        up_to: Option<String>,
    },
    /// Add, remove or list the rendezvous servers that tell contacts whether we are online
    #[command(subcommand)]
    Server(ServerCommand),
    /// Say what our servers tell contacts: on, away or invisible
    #[command(after_help = "\
away: the node runs, and nobody sits before it. invisible: nothing is told from now on. It holds over
restarts. Contacts with a link to us see the link, whatever is said here.
With --json: the status object that `chive run --help` describes.")]
    Presence {
        /// on, away or invisible
        presence: ShowAs,
    },
    /// Wait until a contact is online
    #[command(after_help = format!("\
Ends as soon as a link or a server says so, at once if it is online now.
{CONTACT_FIELDS}"))]
    Watch {
        /// A contact's name, or at least 8 digits of its id
        name: String,
        /// Wait no longer than this
        #[arg(long, value_name = "TIME")]
        timeout: Option<Period>,
    },
    /// Claim, release or list the words by which others can find us
    #[command(subcommand)]
    Handle(Handle),
    /// List those who found us by a handle and wait for our yes
    #[command(after_help = REQUEST_FIELDS)]
    Requests,
    /// Accept, decline or block somebody who found us by a handle
    #[command(subcommand)]
    Request(Request),
    /// Change our own name; contacts are told
    #[command(after_help = "With --json: the status object that `chive run --help` describes.")]
    Name {
        /// What contacts see as your name, until they choose another for you
        new: String,
    },
    /// Find messages by their words
    Search(Search),
    /// Talk: an interactive conversation
    #[command(after_help = CHAT_HELP)]
    Chat {
        /// A contact's name, or at least 8 digits of its id
        name: String,
    },
    /// Show what happens, as it happens
    #[command(after_help = EVENT_FIELDS)]
    Events {
        /// Begin behind this event; 0 is the oldest kept [default: from now on]
        #[arg(long, value_name = "SEQ")]
        after: Option<i64>,
    },
    /// Change the passphrase
    #[command(subcommand)]
    Passphrase(Passphrase),
    /// Write a backup of the profile into one encrypted file
    Backup(Backup),
    /// Make a profile from a backup
    Restore(Restore),
    /// Destroy the profile: keys, contacts, messages
    #[command(after_help = "A node that runs is ended. There is no way back, and nobody is told.")]
    Wipe(Confirmed),
    /// Print a completion script for a shell
    #[command(
        after_help = "As in: chive completions bash > ~/.local/share/bash-completion/completions/chive"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

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
never an argument, and there is no way in without it.
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
