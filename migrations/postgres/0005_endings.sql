-- +goose Up
-- When an agent last used its key, to about ten minutes; for the person to
-- recognise a computer by. The log does not prove it.
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;

-- An agent's key that was ended. The key's row stays: it is what its entry proves.
CREATE TABLE unpairings (
    api_key_id  TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    ended_at    BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT unpairings_pk PRIMARY KEY (api_key_id),
    CONSTRAINT unpairings_key_fk FOREIGN KEY (api_key_id) REFERENCES api_keys (id),
    CONSTRAINT unpairings_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX api_keys_by_person ON api_keys (person_id);

-- A position, a scope or an account that ends before its last day: the earliest
-- until_on holds. The reason is a reveal of the entry.
CREATE TABLE endings (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    position_id TEXT,
    scope_id    TEXT,
    until_on    TEXT NOT NULL,
    ended_at    BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT endings_pk PRIMARY KEY (id),
    CONSTRAINT endings_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT endings_position_fk FOREIGN KEY (position_id) REFERENCES positions (id),
    CONSTRAINT endings_scope_fk FOREIGN KEY (scope_id) REFERENCES scopes (id),
    CONSTRAINT endings_kind_check CHECK (kind IN ('position', 'scope', 'account')),
    CONSTRAINT endings_what_check CHECK ((kind = 'position') = (position_id IS NOT NULL) AND (kind = 'scope') = (scope_id IS NOT NULL)),
    CONSTRAINT endings_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX endings_by_position ON endings (position_id) WHERE position_id IS NOT NULL;
CREATE INDEX endings_by_scope ON endings (scope_id) WHERE scope_id IS NOT NULL;
CREATE INDEX endings_of_accounts ON endings (person_id) WHERE kind = 'account';
