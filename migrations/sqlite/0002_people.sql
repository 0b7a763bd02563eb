-- +goose Up
-- A person's name, e-mail and phone are reveals of the entry.
CREATE TABLE persons (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    admin       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT persons_pk PRIMARY KEY (id),
    CONSTRAINT persons_admin_check CHECK (admin IN (0, 1)),
    CONSTRAINT persons_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT persons_entry_unique UNIQUE (school_id, entry_index)
) STRICT;

CREATE TABLE accounts (
    person_id     TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    username      TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    changed_at    INTEGER NOT NULL,
    CONSTRAINT accounts_pk PRIMARY KEY (person_id),
    CONSTRAINT accounts_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT accounts_username_unique UNIQUE (school_id, username)
) STRICT;

CREATE TABLE positions (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    title       TEXT NOT NULL,
    from_on     TEXT NOT NULL,
    until_on    TEXT,
    paper       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT positions_pk PRIMARY KEY (id),
    CONSTRAINT positions_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT positions_kind_check CHECK (kind IN ('principal', 'deputy', 'office_head', 'staff')),
    CONSTRAINT positions_days_check CHECK (until_on IS NULL OR until_on >= from_on),
    CONSTRAINT positions_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX positions_by_person ON positions (person_id);

-- acts, kinds and capacities are lists with commas; "-" is no capacity.
CREATE TABLE scopes (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    acts        TEXT NOT NULL,
    kinds       TEXT NOT NULL,
    capacities  TEXT NOT NULL,
    from_on     TEXT NOT NULL,
    until_on    TEXT,
    paper       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT scopes_pk PRIMARY KEY (id),
    CONSTRAINT scopes_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT scopes_days_check CHECK (until_on IS NULL OR until_on >= from_on),
    CONSTRAINT scopes_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX scopes_by_person ON scopes (person_id);

-- Browser sessions, by the SHA-256 of what the cookie holds.
CREATE TABLE sessions (
    cookie_sha256 TEXT NOT NULL,
    data          BLOB NOT NULL,
    expires_at    INTEGER NOT NULL,
    CONSTRAINT sessions_pk PRIMARY KEY (cookie_sha256)
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A pairing code is a public half, which finds the row, and a secret half, of
-- which only the hash is kept and which may be tried a few times.
CREATE TABLE pairing_codes (
    finder        TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    person_id     TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    tries         INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    CONSTRAINT pairing_codes_pk PRIMARY KEY (finder),
    CONSTRAINT pairing_codes_person_fk FOREIGN KEY (person_id) REFERENCES persons (id)
) STRICT;

CREATE TABLE api_keys (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    key_sha256  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT api_keys_pk PRIMARY KEY (id),
    CONSTRAINT api_keys_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT api_keys_key_unique UNIQUE (key_sha256),
    CONSTRAINT api_keys_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
