-- Times are Unix milliseconds. A migration that has been released is never changed.

CREATE TABLE profile (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    root_secret BLOB NOT NULL,
    presence_secret BLOB NOT NULL,
    name TEXT NOT NULL,
    card_revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- The onion services: one front door and one endpoint that others are told, and replaced ones that
-- stay up until `closes_at`.
CREATE TABLE service (
    id INTEGER PRIMARY KEY,
    door TEXT NOT NULL CHECK (door IN ('front', 'endpoint')),
    seed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    closes_at INTEGER
) STRICT;

CREATE TABLE invitation (
    id BLOB PRIMARY KEY,
    secret BLOB NOT NULL,
    link TEXT NOT NULL,
    uses INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE TABLE invitation_use (
    invitation BLOB NOT NULL REFERENCES invitation ON DELETE CASCADE,
    peer_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (invitation, peer_id)
) STRICT;

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
    -- The conversation's logical clock, and the number of our next message.
    clock INTEGER NOT NULL DEFAULT 0,
    next_counter INTEGER NOT NULL DEFAULT 1
) STRICT;

-- A request of ours that was not answered yet.
CREATE TABLE request (
    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    link TEXT NOT NULL,
    draft BLOB NOT NULL,
    introduction BLOB NOT NULL
) STRICT;

-- One conversation's MLS state is one value, written in the transaction that it belongs to.
CREATE TABLE conversation (
    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    mls BLOB NOT NULL,
    -- What we answered to which request, until the contact is seen to have joined: the same bytes
    -- if it asks again.
    accepted_request BLOB,
    accepted_answer BLOB,
    sealed_in_epoch INTEGER NOT NULL DEFAULT 0,
    epoch_started_at INTEGER NOT NULL,
    -- The receipt for the last commit that we merged, to be sent again when the commit comes again.
    receipted_epoch INTEGER,
    commit_receipt BLOB
) STRICT;

CREATE TABLE message (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    id BLOB NOT NULL,
    mine INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'delivered', 'cancelled', 'expired', 'received')),
    text TEXT NOT NULL,
    -- Ours: given when it is sealed, so that a cancelled one leaves no gap.
    counter INTEGER,
    clock INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    delivered_at INTEGER,
    expires_at INTEGER,
    UNIQUE (contact, mine, id)
) STRICT;
CREATE INDEX message_by_order ON message (contact, clock, id);
CREATE INDEX message_by_counter ON message (contact, mine, counter);
CREATE INDEX message_by_id ON message (id);
CREATE INDEX message_by_expiry ON message (expires_at) WHERE state IN ('queued', 'sent') AND expires_at IS NOT NULL;

-- What must reach a contact and has not been receipted yet. Sealed when it first meets a link.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('message', 'card', 'commit')),
    item BLOB NOT NULL,
    body BLOB,
    envelope BLOB
) STRICT;
CREATE INDEX outbox_by_contact ON outbox (contact, id);
CREATE INDEX outbox_by_item ON outbox (contact, item);

-- Envelopes that were opened and are receipted again when they come again.
CREATE TABLE received (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    digest BLOB NOT NULL,
    item BLOB NOT NULL,
    PRIMARY KEY (contact, digest)
) STRICT, WITHOUT ROWID;

-- Envelopes of an epoch that we have not reached yet.
CREATE TABLE held (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    digest BLOB NOT NULL,
    envelope BLOB NOT NULL,
    PRIMARY KEY (contact, digest)
) STRICT, WITHOUT ROWID;

-- What happened, for those who resume after a cursor.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject INTEGER,
    body TEXT
) STRICT;
