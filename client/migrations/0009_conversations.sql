-- Conversations apart from contacts: what is said has a place of its own, which groups and notes to
-- oneself can have, too. A contact keeps what identifies and reaches them.
--
-- Conversations that were there before have their contact's number and 100000 more: no id of a
-- conversation can be taken for a contact's.

DROP TRIGGER message_is_indexed;
DROP TRIGGER message_leaves_the_index;
DROP TABLE message_index;
DROP VIEW message_words;
DROP INDEX message_by_order;
DROP INDEX message_by_counter;
DROP INDEX message_by_id;
DROP INDEX message_by_expiry;
DROP INDEX message_by_end;
DROP INDEX message_unread;
DROP INDEX message_by_age;
DROP INDEX outbox_by_contact;
DROP INDEX outbox_by_item;
DROP INDEX received_in_order;
DROP INDEX forgotten_in_order;
DROP INDEX conversation_epoch;
ALTER TABLE contact RENAME TO contact_before;
ALTER TABLE request RENAME TO request_before;
ALTER TABLE conversation RENAME TO conversation_before;
ALTER TABLE message RENAME TO message_before;
ALTER TABLE outbox RENAME TO outbox_before;
ALTER TABLE received RENAME TO received_before;
ALTER TABLE held RENAME TO held_before;
ALTER TABLE heard RENAME TO heard_before;
ALTER TABLE forgotten RENAME TO forgotten_before;
ALTER TABLE restart RENAME TO restart_before;
ALTER TABLE answered RENAME TO answered_before;

CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- How front-ends name it.
    public_id BLOB NOT NULL UNIQUE DEFAULT (randomblob(16)),
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Its logical clock, and the number of our next message.
    clock INTEGER NOT NULL DEFAULT 0,
    next_counter INTEGER NOT NULL DEFAULT 1,
    -- Messages older than this are deleted here, in seconds; NULL keeps them.
    retain INTEGER,
    -- What we want: after how many seconds messages disappear (0 for never), and whether to tell
    -- each other what was read.
    settings_revision INTEGER NOT NULL DEFAULT 0,
    disappear_after INTEGER NOT NULL DEFAULT 0,
    read_receipts INTEGER NOT NULL DEFAULT 0,
    -- What was typed and not sent.
    draft TEXT
) STRICT;
INSERT INTO sqlite_sequence (name, seq) VALUES ('conversation', 100000);
INSERT INTO conversation (
    id, kind, created_at, clock, next_counter, retain, settings_revision, disappear_after,
    read_receipts, draft
)
SELECT id + 100000, 'direct', created_at, clock, next_counter, retain, terms_revision, own_disappear,
    own_reads, (SELECT text FROM note WHERE key = 'draft.' || lower(hex(peer_id)))
FROM contact_before;
DELETE FROM note WHERE key IN (SELECT 'draft.' || lower(hex(peer_id)) FROM contact_before);

CREATE TABLE contact (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    peer_id BLOB NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('requested', 'accepted', 'refused')),
    refusal TEXT,
    blocked INTEGER NOT NULL DEFAULT 0,
    verified INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL,
    skeleton TEXT NOT NULL UNIQUE,
    -- 0 while the name is a stand-in for one that is not known yet.
    named INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- The direct one, which every contact has.
    conversation INTEGER NOT NULL UNIQUE REFERENCES conversation,
    -- Known once the first link was up.
    link_key BLOB,
    presence_key BLOB,
    pair_secret BLOB,
    -- From its card.
    card_revision INTEGER NOT NULL DEFAULT -1,
    shared_name TEXT,
    endpoint BLOB,
    presence_secret BLOB,
    servers TEXT,
    -- Given in place of our presence secret, where our presence is hidden.
    decoy BLOB
) STRICT;
INSERT INTO contact
SELECT id, peer_id, state, refusal, blocked, verified, name, skeleton, named, created_at, id + 100000,
    link_key, presence_key, pair_secret, card_revision, shared_name, endpoint, presence_secret, servers,
    decoy
FROM contact_before;

-- Who is in a conversation with us. `told` is what they have confirmed to know of our settings, and
-- `their` what they want.
CREATE TABLE member (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    told_revision INTEGER NOT NULL DEFAULT 0,
    told_disappear_after INTEGER NOT NULL DEFAULT 0,
    their_revision INTEGER NOT NULL DEFAULT -1,
    their_disappear_after INTEGER NOT NULL DEFAULT 0,
    their_read_receipts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_by_contact ON member (contact);
INSERT INTO member
SELECT id + 100000, id, told_terms_revision, told_disappear, their_terms_revision, their_disappear, their_reads
FROM contact_before;

-- As before.
CREATE TABLE request (
    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    link TEXT NOT NULL,
    draft BLOB NOT NULL,
    introduction BLOB NOT NULL,
    message TEXT
) STRICT;
INSERT INTO request SELECT contact, link, draft, introduction, message FROM request_before;

-- The MLS group that seals a conversation's messages.
CREATE TABLE mls_group (
    conversation INTEGER PRIMARY KEY REFERENCES conversation ON DELETE CASCADE,
    mls BLOB NOT NULL,
    -- What we answered to which request, until the contact is seen to have joined: the same bytes if
    -- they ask again.
    accepted_request BLOB,
    accepted_answer BLOB,
    sealed_in_epoch INTEGER NOT NULL DEFAULT 0,
    epoch_started_at INTEGER NOT NULL,
    -- The receipt for the last commit that we merged, to be sent again when the commit comes again.
    receipted_epoch INTEGER,
    commit_receipt BLOB
) STRICT;
CREATE INDEX mls_group_epoch ON mls_group (sealed_in_epoch, epoch_started_at);
INSERT INTO mls_group
SELECT contact + 100000, mls, accepted_request, accepted_answer, sealed_in_epoch, epoch_started_at,
    receipted_epoch, commit_receipt
FROM conversation_before;

CREATE TABLE message (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    -- NULL: we.
    author INTEGER REFERENCES contact ON DELETE CASCADE,
    id BLOB NOT NULL,
    text TEXT NOT NULL,
    -- The words to search, where they are not the text itself: see `text::words`.
    words TEXT,
    -- Ours: given when it is sealed, so that a cancelled one leaves no gap.
    counter INTEGER,
    clock INTEGER NOT NULL,
    -- 1 if it came when there were messages of ours after it in the order.
    late INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    -- Theirs: when it came, and when it was read here.
    received_at INTEGER,
    read_at INTEGER,
    -- The timer it was sent under, in seconds; and when it goes by it, once that is known.
    disappear_after INTEGER,
    disappears_at INTEGER
) STRICT;
INSERT INTO message
SELECT row, contact + 100000, iif(mine, NULL, contact), id, text, words, counter, clock, late, created_at,
    iif(mine, NULL, delivered_at), iif(mine, NULL, read_at), disappear_after, disappears_at
FROM message_before;
CREATE INDEX message_by_order ON message (conversation, clock, id);
CREATE UNIQUE INDEX message_once ON message (id, conversation, ifnull(author, 0));
CREATE INDEX message_by_author ON message (author, conversation) WHERE author IS NOT NULL;
CREATE INDEX message_by_end ON message (disappears_at) WHERE disappears_at IS NOT NULL;
CREATE INDEX message_unread ON message (conversation, row) WHERE author IS NOT NULL AND read_at IS NULL;
CREATE INDEX message_by_age ON message (conversation, ifnull(received_at, created_at));

-- How far a message of ours is on its way to each of those whom it is for.
CREATE TABLE delivery (
    message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    recipient INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'delivered', 'cancelled', 'expired')),
    sent_at INTEGER,
    delivered_at INTEGER,
    -- When they said that they have read it.
    read_at INTEGER,
    -- When to give up.
    expires_at INTEGER,
    PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery
SELECT row, contact, state, sent_at, delivered_at, read_at, expires_at FROM message_before WHERE mine;
CREATE INDEX delivery_by_recipient ON delivery (recipient);
CREATE INDEX delivery_by_expiry ON delivery (expires_at)
    WHERE state IN ('queued', 'sent') AND expires_at IS NOT NULL;

-- What must reach a contact and has not been receipted yet: sealed by the group of a conversation when
-- it first meets a link.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    kind TEXT NOT NULL,
    item BLOB NOT NULL,
    body BLOB,
    envelope BLOB
) STRICT;
INSERT INTO outbox
SELECT id, contact, contact + 100000, iif(kind = 'terms', 'settings', kind), item, body, envelope
FROM outbox_before;
CREATE INDEX outbox_by_contact ON outbox (contact, id);
CREATE INDEX outbox_by_item ON outbox (contact, item);
CREATE INDEX outbox_by_conversation ON outbox (conversation, kind, item);

-- Ranges of an author's counters that came: what lies between them is missing.
CREATE TABLE heard (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    author INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (conversation, author, first)
) STRICT, WITHOUT ROWID;
INSERT INTO heard SELECT contact + 100000, contact, first, last FROM heard_before;

-- Envelopes that were opened, and are receipted again when they come again; the oldest are forgotten.
-- They belong to the group whose keys they have used up, and each contact can only push out their own.
CREATE TABLE received (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    digest BLOB NOT NULL,
    item BLOB NOT NULL,
    UNIQUE (conversation, contact, digest)
) STRICT;
INSERT INTO received SELECT seq, contact + 100000, contact, digest, item FROM received_before;
CREATE INDEX received_in_order ON received (conversation, contact, seq);

-- Envelopes of an epoch that a group has not reached yet, in the order in which they came.
CREATE TABLE held (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    digest BLOB NOT NULL,
    envelope BLOB NOT NULL,
    came INTEGER NOT NULL,
    PRIMARY KEY (conversation, contact, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO held SELECT contact + 100000, contact, digest, envelope, came FROM held_before;

-- Texts of others that were deleted here: they are not shown again when they come again.
CREATE TABLE forgotten (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    id BLOB NOT NULL,
    UNIQUE (conversation, id)
) STRICT;
INSERT INTO forgotten SELECT seq, contact + 100000, id FROM forgotten_before;
CREATE INDEX forgotten_in_order ON forgotten (conversation, seq);

-- Our question to a contact to restart a conversation's group, until it is answered: an accepted
-- contact without a group for their direct conversation is asked.
CREATE TABLE restart (
    conversation INTEGER NOT NULL REFERENCES conversation ON DELETE CASCADE,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    draft BLOB NOT NULL,
    question BLOB NOT NULL,
    PRIMARY KEY (conversation, contact)
) STRICT, WITHOUT ROWID;
INSERT INTO restart SELECT contact + 100000, contact, draft, question FROM restart_before;

-- As before.
CREATE TABLE answered (
    id INTEGER PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    question BLOB NOT NULL,
    UNIQUE (contact, question)
) STRICT;
INSERT INTO answered SELECT id, contact, question FROM answered_before;

-- No number is given twice: events name rows that may be gone.
DELETE FROM sqlite_sequence WHERE name IN ('contact', 'message', 'outbox');
INSERT INTO sqlite_sequence (name, seq)
SELECT replace(name, '_before', ''), seq FROM sqlite_sequence
WHERE name IN ('contact_before', 'message_before', 'outbox_before');

DROP TABLE answered_before;
DROP TABLE restart_before;
DROP TABLE forgotten_before;
DROP TABLE held_before;
DROP TABLE received_before;
DROP TABLE heard_before;
DROP TABLE outbox_before;
DROP TABLE message_before;
DROP TABLE conversation_before;
DROP TABLE request_before;
DROP TABLE contact_before;

-- The index holds no text of its own. What is deleted leaves it at once, not at some later merge.
CREATE VIEW message_words AS
SELECT row, 'c' || conversation AS conversation, ifnull(words, text) AS words FROM message;
CREATE VIRTUAL TABLE message_index USING fts5(
    conversation, words, content = 'message_words', content_rowid = 'row', columnsize = 0,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* So Co'"
);
INSERT INTO message_index (message_index, rank) VALUES ('secure-delete', 1);
INSERT INTO message_index (message_index) VALUES ('rebuild');
CREATE TRIGGER message_is_indexed AFTER INSERT ON message BEGIN
    INSERT INTO message_index (rowid, conversation, words)
    VALUES (new.row, 'c' || new.conversation, ifnull(new.words, new.text));
END;
CREATE TRIGGER message_leaves_the_index AFTER DELETE ON message BEGIN
    INSERT INTO message_index (message_index, rowid, conversation, words)
    VALUES ('delete', old.row, 'c' || old.conversation, ifnull(old.words, old.text));
END;
