-- One row. `generation` is random: cursors of another database mean nothing. `change` counts the changes of
-- presence: every transaction that writes records holds this row's lock, so changes become visible in their order.
CREATE TABLE server (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    generation BIGINT NOT NULL,
    change BIGINT NOT NULL
);

-- 62 random bits are enough, and all that `random()` twice has to give.
INSERT INTO server (id, generation, change)
VALUES (1, (floor(random() * 2147483648)::BIGINT << 31) | floor(random() * 2147483648)::BIGINT, 0);

-- One row for each address. Times are Unix milliseconds.
CREATE TABLE presence (
    address BYTEA PRIMARY KEY CHECK (length(address) = 32),
    change BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    remembered BIGINT NOT NULL,
    record BYTEA NOT NULL
);

CREATE UNIQUE INDEX presence_change ON presence (change);

-- `dies`: from then on nobody finds it; `kept`: until then nobody else can claim it.
CREATE TABLE handles (
    id BYTEA PRIMARY KEY CHECK (length(id) = 32),
    owner BYTEA NOT NULL CHECK (length(owner) = 32),
    sequence BIGINT NOT NULL,
    dies BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    claim BYTEA
);
