-- Presence at rendezvous servers.

-- What our servers say of us: `on`, `away` or `invisible`.
ALTER TABLE profile ADD COLUMN presence TEXT NOT NULL DEFAULT 'on';
-- The servers that we announce ourselves to, by the key of their onion service.
CREATE TABLE server (
    id BLOB PRIMARY KEY,
    token TEXT,
    added_at INTEGER NOT NULL
) STRICT;
-- Given to a contact in place of our presence secret, where our presence is kept from it.
ALTER TABLE contact ADD COLUMN decoy BLOB;
-- The words by which we can be found, and the invitation's secret that each leads to.
CREATE TABLE handle (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server BLOB NOT NULL,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claiming', 'active', 'failed', 'releasing')),
    reason TEXT,
    -- Of the last claim.
    sequence INTEGER,
    renew_at INTEGER,
    expires_at INTEGER,
    UNIQUE (server, name)
) STRICT;
-- Those who found us by a handle. `declined` ones are told so when they ask again, and forgotten; `blocked` ones wait
-- for ever.
CREATE TABLE asking (
    peer_id BLOB PRIMARY KEY,
    link_key BLOB NOT NULL,
    presence_key BLOB NOT NULL,
    handle TEXT NOT NULL,
    introduction BLOB NOT NULL,
    name TEXT NOT NULL,
    message TEXT,
    received_at INTEGER NOT NULL,
    decision TEXT CHECK (decision IN ('declined', 'blocked'))
) STRICT;
-- What the owner of a handle is shown with our request.
ALTER TABLE request ADD COLUMN message TEXT;
