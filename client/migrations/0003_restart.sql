-- Our question to begin a conversation afresh, until it is answered: an accepted contact without a
-- conversation is one whose conversation is to begin afresh.
CREATE TABLE restart (
    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    draft BLOB NOT NULL,
    question BLOB NOT NULL
) STRICT;

-- Requests and restarts that were answered: one that comes late must not begin anything again.
CREATE TABLE answered (
    id INTEGER PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    question BLOB NOT NULL,
    UNIQUE (contact, question)
) STRICT;

-- When the profile was restored from a backup.
ALTER TABLE profile ADD COLUMN restored_at INTEGER;
