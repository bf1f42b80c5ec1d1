//! The command line: all commands and options, parsed by clap, and their help, which suffices
//! without any other document.

use std::path::PathBuf;

use crate::config::{Layer, Level};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::exit;
use crate::time::Period;

mod arguments;

pub(crate) use arguments::{
    Add, Backup, Confirmed, Contact, Handle, History, Init, Invite, InviteCommand, OnOff, Open,
    Passphrase, Request, Restore, Search, Send, ServerCommand, ShowAs, Visibility, Wait, When,
};
use arguments::{
    CONTACT_FIELDS, CONVERSATION_FIELDS, INVITATION_FIELDS, MESSAGE_FIELDS, REQUEST_FIELDS,
};

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
#[command(
    name = "chive",
    version,
    max_term_width = 100,
    after_help = format!("{FIRST_STEPS}\n\n{}", exit::HELP),
)]
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
    #[command(after_help = "A running node is stopped. This cannot be undone, and nobody is told.")]
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
