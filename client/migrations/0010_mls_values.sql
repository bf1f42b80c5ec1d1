-- A group's state as values, of which a message writes those that it changes. With row ids, SQLite
-- writes one page for a value of up to nearly a page; WITHOUT ROWID, it would write up to four.
CREATE TABLE mls_value (
    conversation INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (conversation, key)
) STRICT;
-- From now on, mls_group.mls holds the state of a group that was not used since, and otherwise nothing.
