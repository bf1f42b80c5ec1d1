### What the page says. Every id here must be in every other language, too: a test sees to it.

## Words

accept = Accept
back = Back
block = Block
busy = One moment …
close = Close
copied = Copied
copy = Copy
copy-link = Copy the link
decline = Decline
for-ever = For ever
hide = Hide
language = Language
language-browser = As the browser
lock = Lock
never = Never
no = Cancel
open = Open
passphrase = Passphrase
reload = Reload
remove = Remove
rename = Rename
revoke = Take back
save = Save
saved = Saved
send = Send
settings = Settings
show = Show
you = You:
until = until { $when }
people =
    { $n ->
        [one] { $n } person
       *[other] { $n } people
    }

time-seconds =
    { $n ->
        [one] { $n } second
       *[other] { $n } seconds
    }
time-minutes =
    { $n ->
        [one] { $n } minute
       *[other] { $n } minutes
    }
time-hours =
    { $n ->
        [one] { $n } hour
       *[other] { $n } hours
    }
time-days =
    { $n ->
        [one] { $n } day
       *[other] { $n } days
    }
time-weeks =
    { $n ->
        [one] { $n } week
       *[other] { $n } weeks
    }
time-years =
    { $n ->
        [one] { $n } year
       *[other] { $n } years
    }
day-today = Today
day-yesterday = Yesterday

## The page itself

broken = Something in this page is broken. Nothing that you wrote is lost.
reconnecting = Connecting to Chive again …
title-unread = ({ $n }) Chive
out-title = This page is closed
out-text = Chive opens in a browser by an address that lets it in. Type this in a terminal:
out-used = This address let a browser in already, or is too old. Type this in a terminal for another:
gone-title = Chive is not running
gone-text = The page goes on by itself once it runs again at this address. Otherwise type this in a terminal:
error-title = Something is wrong with Chive
error-text = The page tries again by itself.
starting-title = Opening the profile …

## Begin, unlock, restore

onboarding-title = Welcome to Chive
onboarding-text = No phone number, no account, no server that could know whom you talk with. Choose a name and a passphrase: that is all.
onboarding-name = Your name
onboarding-name-hint = What the people whom you add will see. It need not be your real one.
onboarding-passphrase = Passphrase
onboarding-passphrase-hint = It encrypts everything on this machine. Without it, nobody can open your messages, not even you.
passphrase-confirm = Confirm passphrase
onboarding-differs = The two are not the same.
onboarding-create = Begin
onboarding-restore = Restore a backup instead
strength-label = How strong the passphrase is
strength-0 = Four or five unrelated words are good.
strength-1 = Too weak: guessed in no time.
strength-2 = Weak: a few more words help.
strength-3 = Good.
strength-4 = Strong.
restore-title = Restore a backup
restore-text = Never run two copies of one profile: restore only where the one before is gone for good. Conversations begin afresh by themselves.
restore-file = Choose the backup …
restore-passphrase = Passphrase of the backup
restore-go = Restore
unlock-title = Chive is locked
unlock-text = Type your passphrase to open it.
unlock-go = Unlock

## The list

conversations = Conversations
search = Search
search-messages = Messages found
search-none = Nothing is found.
search-found =
    { $n ->
        [one] { $n } message
       *[other] { $n } messages
    }
nobody = Nobody is here yet. Invite somebody, or open an invitation.
draft = Draft:
asked = Asked; no answer yet
no-messages = No messages yet
verified = Verified
waiting-n =
    { $n ->
        [one] { $n } message waits
       *[other] { $n } messages wait
    }
unread-n =
    { $n ->
        [one] { $n } unread message
       *[other] { $n } unread messages
    }
requests-waiting =
    { $n ->
        [one] { $n } person asks to talk with you
       *[other] { $n } people ask to talk with you
    }
foot-ready = Connected to Tor

## A conversation

choose = Choose a conversation.
conversation-with = Conversation with { $name }
messages-with = Messages with { $name }
messages = Messages
say-hello = Nothing was said yet. Say hello to { $name }.
from = { $name }:
missing =
    { $n ->
        [one] { $n } message before this one has not arrived yet
       *[other] { $n } messages before this one have not arrived yet
    }
late = It came after messages of yours that stand below it.
late-short = late
disappears = Disappears { $when }
disappear-now = Messages disappear { $time } after they were delivered
to-end = To the newest message
write = Write a message
write-to = Write to { $name }
left = { $n } bytes left
emoji = Emoji
cancel-message = Take back
blocked = Blocked
blocked-long = You blocked this person. Unblock to write.
seen-last = Offline since { $when }
presence-online = Online
presence-away = Away
presence-offline = Offline
presence-unknown = Not known whether online
source-link = connected
source-server = says a server
state-queued = Waits
state-sent = Sent; not confirmed yet
state-delivered = Delivered: stored on the other’s device
state-read = Read
state-cancelled = Taken back: it was not sent
state-expired = Not delivered in time
state-received = Received
alarm = Needs your attention: open the conversation
alarm-key = Somebody at { $name }’s address could not prove to be { $name }. The connection was refused. Compare the safety number over another channel.
alarm-restarted-theirs = { $name } lost their side of this conversation, for instance by restoring a backup. It has begun afresh; ask over another channel whether that is so.
alarm-restarted-ours = This side of the conversation was lost, for instance by restoring a backup. It has begun afresh.

## Add, links

add = Add somebody
add-text = Paste the link that somebody gave you, or scan its QR code. Your request is kept until both of you were online together.
add-link = Link
add-hint = As in chive:…
add-hint-handle = As in chive:… or name@server.onion
add-name = What to call the person here
add-name-hint = Without one: what the person calls itself.
add-message = A word to the person
add-go = Add
add-done = Asked. You can talk as soon as the answer is there.
url-title = A link leads out of Chive
url-warning = Who opens it in an ordinary browser shows its IP address to the site. Copy it into Tor Browser instead.
url-host = It leads to
url-alike = It has letters that look like others. The site’s true name stands above.
url-open = Open all the same
qr-save = Save the code
qr-print = Print
qr-camera = Scan with the camera
qr-camera-off = Stop the camera
qr-picture = Scan a picture
qr-reading = Reading …
qr-none = There is no QR code that can be read in this picture.
qr-no-picture = This file is no picture that can be read.
qr-no-camera = The camera cannot be used.

## Invitations, requests

invite = Invite somebody
invite-text = Give this to one person, over a channel that you trust. Who has it becomes your contact.
invite-code = The invitation as a QR code
invite-link = The invitation’s link
invite-until =
    { $n ->
        [one] For one person, until { $when }
       *[other] For { $n } people, until { $when }
    }
invite-wait = It can be used as soon as you can be reached. { $why }
invite-another = Another invitation
invite-uses = For
invite-life = Good for
invite-make = Make it
invite-active = Invitations that still work
invite-used = { $used } of { $n } used
requests = Requests
requests-text = These people found you by a handle. Anybody can choose any name: accept only whom you expect.
requests-none = Nobody asks.
request-by = By { $handle }, { $when }

## A person

person = Person
person-name = Name here
person-calls-itself = Calls itself
person-since = Added { $when }
person-verify = Verify
person-verified = Verified
disappear = Messages disappear
disappear-hint = The other side wants: { $theirs }. In force: { $now }. It holds once both want it; of two times the longer one.
settings-untold = The other side has not heard of it yet.
receipts = Tell each other what was read
receipts-theirs-on = The other side allows it.
receipts-theirs-off = The other side does not allow it yet: nobody is told.
retain = Keep messages here
retain-hint = Older ones are deleted on this machine. The other side is not told.
hide-presence = Hide from this person whether I am online
hide-presence-hint = On servers. While you two are connected it is known.
wanted = Tell me when they are online
wanted-hint = Once: here, and by a notification if those are on.
came-online = { $name } is online.
unblock = Unblock
block-confirm = { $name } will not reach you any more, and is not told.
remove-confirm = This permanently deletes { $name } and the whole conversation from this machine.
verify-title = Verify { $name }
verify-text = Compare these digits with those that { $name } sees, over another channel, such as a call; or scan each other’s code. If they are the same, nobody stands between you.
safety-number = Safety number
verify-code = The safety number as a QR code
verify-same = They are the same
verify-undo = Not verified any more
verify-fits = It is the same number: verified.
verify-differs = That is another number. Either it is the code of somebody else, or somebody stands between you.

## Status

status = Status
tor = Tor
endpoint = Your address for contacts
front-door = Your address for invitations
contacts = Contacts
contacts-online = { $n }, online: { $online }
started = Running since
version = Version
waiting = What waits
nothing-waits = Nothing waits.
service-closed = Closed: no invitation needs it
service-starting = Being published
service-reachable = Reachable
service-unreachable = Not reachable; being published again
servers = Servers
servers-none = None. Contacts see you only while you are connected.
servers-hint = They tell your contacts that you are online. They learn neither who you are nor whom you know.
server-starting = Not asked yet
server-reachable = Reachable
server-unreachable = Not reachable
server-refused = Refuses
server-untrusted = Contradicts itself: nothing of it is believed
server-announced = told { $when }
server-address = Address of the server
server-token = Token, if it asks for one
server-add = Add the server

## Settings

settings-you = You
settings-look = Appearance
settings-privacy = Privacy
settings-network = Network
settings-profile = Profile
own-name = Your name
own-name-hint = Your contacts are told the new one.
own-presence = Your servers say that you are
own-presence-hint = Who is connected with you sees that anyway.
own-presence-on = Online
own-presence-away = Away
own-presence-invisible = Nothing
handles = Handles
handles-hint = A word by which people find you at a server. Each of them waits for your yes.
handle-new = New handle
handle-claim = Claim
handle-release = Give up
handle-claiming = Being claimed; this may take a while
handle-active = Yours
handle-failed = Refused
handle-releasing = Being given up
theme = Colours
theme-system = As the system
theme-light = Light
theme-dark = Dark
keys = Keys
keys-search = Search
keys-next = Next or previous conversation
keys-send = Send
keys-line = New line
keys-close = Close what is open
notify = Notifications
notify-hint = They are shown by the system, which may keep them.
notify-off = Off
notify-quiet = That something came
notify-names = From whom
notify-all = From whom, and what
notify-something = New message
notify-somebody = Somebody is online
notify-denied = The browser does not allow notifications.
lock-after = Lock when nobody is here for
lock-after-hint = While it is locked, you are not reachable.
lock-after-hint-run = The node goes on while the page is locked.
receipts-all-hint = For all contacts at once. Each conversation has its own switch, too.
receipts-all-on = Allow for all
receipts-all-off = Allow for nobody
blocked-people = Blocked people
blocked-none = Nobody is blocked.
bridges = Bridges
bridges-lines = One bridge a line
bridges-hint = Where Tor is blocked, bridges lead around. Ask for some at bridges.torproject.org. They are used from the next unlock on.
bridges-saved = Saved. Lock and unlock to use them.
passphrase-old = Passphrase of now
passphrase-new = New passphrase
passphrase-change = Change the passphrase
passphrase-changed = The passphrase is changed.
backup = Backup
backup-hint = One encrypted file with everything. It opens with a passphrase of its own; who has both can pose as you.
backup-passphrase = Passphrase for the backup
backup-make = Make a backup
backup-done = The backup is made. Keep it where this machine is not.
restore-how = A backup is restored where no profile is: on the first screen.
wipe = Destroy the profile
wipe-hint = Keys, contacts and messages go for ever. Nobody is told.
wipe-confirm = This permanently deletes everything in this profile. Make a backup first if you may need it.
wipe-go = Destroy everything

## Why something waits

reason-contact-gone = The contact is gone
reason-contact-blocked = The contact is blocked
reason-contact-refused = The contact refused the request
reason-unconfirmed = The contact has not confirmed it yet
reason-not-connected = No connection to the contact: { $cause }
reason-connects-when-needed = No connection to the contact: it is made when there is something to send
reason-unanswered = The contact has not answered the request yet: { $cause }
reason-restart-pending = The conversation begins afresh as soon as the contact can be reached: { $cause }
reason-restarting = The conversation begins afresh: { $cause }
reason-awaiting-answer = Waiting for the contact’s answer
reason-connecting = connecting
reason-retrying =
    { $in_seconds ->
        [0] { $cause }; trying again now
       *[other] { $cause }; next try in { $in_seconds } s
    }
reason-awaiting-tor = { $cause } ({ $percent } %)

reason-tor-not-ready = Tor is not ready
reason-contact-unreachable = the contact cannot be reached now
reason-contact-unproved = who answers there could not prove to be the contact
reason-contact-timed-out = the contact did not answer in time
reason-contact-hung-up = the contact closed the connection

reason-answer-unusable = its answer cannot be used
reason-answer-not-stored = its answer could not be stored
reason-request-unreadable = your request could not be read
reason-request-crossed = its own request to you comes first
reason-request-pending = they have not answered yet
reason-request-declined = The person said no
reason-request-refused = The owner of the invitation did not accept
reason-request-unusable = Its owner’s Chive cannot use the request: its version or its clock may differ from yours
reason-invitation-used = The invitation was used already: ask for another
reason-invitation-expired = The invitation has expired: ask for another
reason-invitation-revoked = The invitation was taken back
reason-already-contact = Its owner has you as a contact already: ask for another link
reason-wrong-peer = Who answers there is not whom the link names: ask for the link again
reason-restart-unsupported = its version of Chive cannot begin a conversation afresh
reason-restart-unusable = its Chive cannot use the question: its version or its clock may differ from yours

reason-presence-without-server = they use no server
reason-presence-expired = the last word at their server has expired
reason-presence-without-record = their server has no word of them
reason-presence-server = their server: { $cause }

reason-server-not-asked = Not asked yet
reason-server-request = the request to it could not be made
reason-server-unreachable = nobody answers there
reason-server-timed-out = no answer in time
reason-server-hung-up = the connection broke
reason-server-token-required = it is closed: a token is needed
reason-server-full = it is full
reason-server-busy = it is busy, or stopping
reason-server-clock = its clock and this machine’s differ
reason-server-version = it does not take what was sent: its version may differ
reason-server-work = it asks for too much computing
reason-server-answer = its answer cannot be used
reason-server-older-record = it shows what cannot be true
reason-server-contradiction = { reason-server-older-record }
reason-server-went-back = { reason-server-older-record }
reason-server-forged-record = { reason-server-older-record }

reason-handle-taken = somebody else has it
reason-handle-not-ours = it is not yours
reason-handle-unknown = there is nobody with this handle
reason-handles-not-kept = the server keeps no handles

reason-tor-starting = Starting Tor
reason-tor-stopped = Tor is stopped
reason-tor-connected = Connected to Tor
reason-tor-connecting = Connecting to the Tor network
reason-tor-downloading = Downloading the map of the Tor network: { $percent } %
reason-tor-lost = The connection to the Tor network is lost; trying again
reason-tor-offline = This machine seems to be offline. Check its internet connection.
reason-tor-filtered = Something between this machine and Tor filters the connection. Set up bridges.
reason-tor-no-relay = Nothing of Tor answers. Check the internet connection; where Tor is blocked, set up bridges.
reason-tor-clock = This machine’s clock seems to be wrong. Set its date, time and time zone right.
reason-tor-directory = The map of the Tor network cannot be downloaded. Check the date and the time; if they are right, wait, or set up bridges.
reason-tor-files = Tor cannot use its files. Check that the disk is not full, then start Chive again.
reason-tor-no-progress = Nothing has moved for { $seconds } seconds. The connection may be slow; where Tor is blocked, set up bridges.

reason-unknown = the reason is not known

## What went wrong

error-wrong-passphrase = That is not the passphrase.
error-no-passphrase = The passphrase is empty.
error-profile-exists = There is a profile already.
error-profile-in-use = Another process uses the profile. Stop it first.
error-profile-damaged = The profile is damaged. It was left as it is.
error-backup-damaged = This is no backup, or it is damaged.
error-unsupported-backup = This backup was made by a later version of Chive.
error-disk-full = The disk is full. Nothing was changed.
error-disk-read-only = The disk is read-only. Nothing was changed.
error-invalid-link = This is no invitation, or something of it is missing.
error-unsupported-link = This invitation is of a later version of Chive.
error-own-link = This is your own invitation. Give it to somebody else.
error-already-contact = This person is a contact already.
error-name-taken = Another contact has this name, or one that looks like it.
error-invalid-name = This cannot be a name.
error-not-accepted = The person has not answered yet.
error-contact-blocked = This person is blocked.
error-unknown-contact = There is no such contact any more.
error-unknown-conversation = This conversation no longer exists.
error-already-sent = It has left already, and cannot be taken back.
error-stopping = Chive is stopping.
error-gone = Chive does not answer.
error-invalid-server = This is not the address of a server.
error-server-known = The server is one of yours already.
error-invalid-handle = This cannot be a handle.
error-invalid-text = This text cannot be used.
error-invalid-bridge = One of these lines is not a bridge that can be used. Copy each line whole; obfs4, snowflake and webtunnel need their programs installed.
error-not-found = This version of Chive cannot do that yet.
error-out-of-range = That is more, or less, than there can be.
error-unknown-invitation = There is no such invitation any more.
error-unknown-server = There is no such server any more.
error-unknown-handle = Nobody has this handle.
error-server-unreachable = The server of this handle does not answer.
error-unknown-request = There is no such request any more.
error-unknown-message = There is no such message any more.
error-id-taken = This was sent already.
error-cursor-expired = The page has missed something: load it anew.
error-malformed-request = Chive does not understand the page: load it anew.
error-method-not-allowed = This version of Chive cannot do that.
error-tor = Tor could not be started. Its settings may be wrong: see Chive’s log.
error-not-started = Chive could not be started. Its log says why.
error-not-host = Chive was started by a command: use commands for this.
error-locked = Chive is locked.
error-internal = Something went wrong in Chive. Its log says what.
