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
