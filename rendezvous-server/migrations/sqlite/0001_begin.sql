-- One row. `generation` is random: cursors of another database mean nothing.
CREATE TABLE server (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL
) STRICT;

INSERT INTO server (id, generation) VALUES (1, random());

-- The journal of presence records, a row for each transaction. The server is the only one who writes,
-- and holds all that counts in memory: so nothing is looked up here but what came after a change.
-- `records` are those of the changes from `change` - number + 1 to `change`, 217 bytes each.
CREATE TABLE presence (
    change INTEGER PRIMARY KEY,
    taken INTEGER NOT NULL,
    -- When the last of them is to be forgotten, Unix milliseconds.
    remembered INTEGER NOT NULL,
    records BLOB NOT NULL
) STRICT;

-- `dies`: from then on nobody finds it; `kept`: until then nobody else can claim it. Unix milliseconds.
CREATE TABLE handles (
    id BLOB PRIMARY KEY CHECK (length(id) = 32),
    owner BLOB NOT NULL CHECK (length(owner) = 32),
    sequence INTEGER NOT NULL,
    dies INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    claim BLOB
) STRICT, WITHOUT ROWID;
