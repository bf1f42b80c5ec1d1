-- Search; gaps that outlive their messages; a bounded memory of what came; what both sides agreed
-- on, and what disappears by it.

-- The words to search, where they are not the text itself: see `text::words`.
ALTER TABLE message ADD COLUMN words TEXT;
-- The timer it was sent under, in seconds; and when it goes by it, once that is known.
ALTER TABLE message ADD COLUMN disappear_after INTEGER;
ALTER TABLE message ADD COLUMN disappears_at INTEGER;
-- Theirs: when it was read here. Ours: when the contact said so.
ALTER TABLE message ADD COLUMN read_at INTEGER;
UPDATE message SET read_at = delivered_at WHERE mine = 0;
CREATE INDEX message_by_end ON message (disappears_at) WHERE disappears_at IS NOT NULL;
CREATE INDEX message_unread ON message (contact, row) WHERE mine = 0 AND read_at IS NULL;
CREATE INDEX message_by_age ON message (contact, CASE mine WHEN 1 THEN created_at ELSE delivered_at END);

-- The index holds no text of its own. What is deleted leaves it at once, not at some later merge.
CREATE VIEW message_words AS SELECT row, 'c' || contact AS contact, ifnull(words, text) AS words FROM message;
CREATE VIRTUAL TABLE message_index USING fts5(
    contact, words, content = 'message_words', content_rowid = 'row', columnsize = 0,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* So Co'"
);
INSERT INTO message_index (message_index, rank) VALUES ('secure-delete', 1);
INSERT INTO message_index (message_index) VALUES ('rebuild');
CREATE TRIGGER message_is_indexed AFTER INSERT ON message BEGIN
    INSERT INTO message_index (rowid, contact, words)
    VALUES (new.row, 'c' || new.contact, ifnull(new.words, new.text));
END;
CREATE TRIGGER message_leaves_the_index AFTER DELETE ON message BEGIN
    INSERT INTO message_index (message_index, rowid, contact, words)
    VALUES ('delete', old.row, 'c' || old.contact, ifnull(old.words, old.text));
END;

-- Ranges of a contact's counters that came: what lies between them is missing.
CREATE TABLE heard (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (contact, first)
) STRICT, WITHOUT ROWID;
INSERT INTO heard (contact, first, last)
SELECT contact, min(counter), max(counter)
FROM (SELECT contact, counter, counter - row_number() OVER (PARTITION BY contact ORDER BY counter) AS island
      FROM (SELECT DISTINCT contact, counter FROM message WHERE mine = 0 AND counter IS NOT NULL))
GROUP BY contact, island;

-- As before, in the order in which they came: the oldest are forgotten.
ALTER TABLE received RENAME TO received_before;
CREATE TABLE received (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    digest BLOB NOT NULL,
    item BLOB NOT NULL,
    UNIQUE (contact, digest)
) STRICT;
CREATE INDEX received_in_order ON received (contact, seq);
INSERT INTO received (contact, digest, item) SELECT contact, digest, item FROM received_before;
DROP TABLE received_before;

-- Texts of a contact that were deleted here: they are not shown again when they come again.
CREATE TABLE forgotten (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    id BLOB NOT NULL,
    UNIQUE (contact, id)
) STRICT;
CREATE INDEX forgotten_in_order ON forgotten (contact, seq);

-- As before, for more kinds: `message`, `card`, `commit`, `terms`, `read`, and what comes later.
ALTER TABLE outbox RENAME TO outbox_before;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    kind TEXT NOT NULL,
    item BLOB NOT NULL,
    body BLOB,
    envelope BLOB
) STRICT;
INSERT INTO outbox SELECT * FROM outbox_before;
DROP TABLE outbox_before;
CREATE INDEX outbox_by_contact ON outbox (contact, id);
CREATE INDEX outbox_by_item ON outbox (contact, item);

-- Messages older than this are deleted here, in seconds; NULL keeps them.
ALTER TABLE contact ADD COLUMN retain INTEGER;
-- What we let, and what the contact lets: after how many seconds messages disappear (0 for never),
-- and whether to tell each other what was read. `told` is what the contact has confirmed to know.
ALTER TABLE contact ADD COLUMN terms_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN own_disappear INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN own_reads INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN told_terms_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN told_disappear INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN their_terms_revision INTEGER NOT NULL DEFAULT -1;
ALTER TABLE contact ADD COLUMN their_disappear INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN their_reads INTEGER NOT NULL DEFAULT 0;
