-- +goose Up
CREATE TABLE schools (
    id          TEXT NOT NULL,
    name        TEXT NOT NULL,
    code        TEXT NOT NULL,
    superior    TEXT NOT NULL,
    place       TEXT NOT NULL,
    log_origin  TEXT NOT NULL,
    log_key     TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT schools_pk PRIMARY KEY (id),
    CONSTRAINT schools_origin_unique UNIQUE (log_origin)
);

-- The head is replaced by compare-and-swap on size in the transaction that
-- appends. frontier: the roots of the full subtrees, 32 bytes each, largest first.
CREATE TABLE log_heads (
    school_id  TEXT NOT NULL,
    size       BIGINT NOT NULL,
    root       BYTEA NOT NULL,
    frontier   BYTEA NOT NULL,
    checkpoint BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT log_heads_pk PRIMARY KEY (school_id),
    CONSTRAINT log_heads_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT log_heads_size_check CHECK (size >= 0)
);

-- bytes is the entry verbatim; hashes are the tree hashes it completed, its leaf
-- hash first, 32 bytes each. The other columns repeat the entry for filters.
CREATE TABLE log_entries (
    school_id   TEXT NOT NULL,
    entry_index BIGINT NOT NULL,
    entry_type  TEXT NOT NULL,
    actor_id    TEXT,
    person_id   TEXT,
    token_id    TEXT,
    logged_at   BIGINT NOT NULL,
    bytes       BYTEA NOT NULL,
    hashes      BYTEA NOT NULL,
    CONSTRAINT log_entries_pk PRIMARY KEY (school_id, entry_index),
    CONSTRAINT log_entries_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT log_entries_index_check CHECK (entry_index >= 0),
    CONSTRAINT log_entries_bytes_check CHECK (length(bytes) <= 65535),
    CONSTRAINT log_entries_hashes_check CHECK (length(hashes) >= 32 AND length(hashes) % 32 = 0)
);
CREATE INDEX log_entries_by_type ON log_entries (school_id, entry_type, entry_index);
CREATE INDEX log_entries_by_actor ON log_entries (school_id, actor_id, entry_index) WHERE actor_id IS NOT NULL;
CREATE INDEX log_entries_by_person ON log_entries (school_id, person_id, entry_index) WHERE person_id IS NOT NULL;
CREATE INDEX log_entries_by_token ON log_entries (school_id, token_id, entry_index) WHERE token_id IS NOT NULL;

-- Salt and value of the commitments in entries. Erasing a person deletes rows
-- here and nothing else.
CREATE TABLE reveals (
    school_id   TEXT NOT NULL,
    entry_index BIGINT NOT NULL,
    field       TEXT NOT NULL,
    salt        BYTEA NOT NULL,
    value       TEXT NOT NULL,
    CONSTRAINT reveals_pk PRIMARY KEY (school_id, entry_index, field),
    CONSTRAINT reveals_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT reveals_salt_check CHECK (length(salt) = 16)
);
