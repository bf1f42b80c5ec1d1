-- Short texts that front-ends keep: drafts, settings.
CREATE TABLE note (
    key TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
