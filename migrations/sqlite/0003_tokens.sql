-- +goose Up
-- A token's state is not stored: it follows from custodies, hand_overs and
-- incidents. Its label is a reveal of the entry, since it may bear a name.
CREATE TABLE tokens (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    serial      TEXT NOT NULL,
    model       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    owner_id    TEXT,
    created_at  INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT tokens_pk PRIMARY KEY (id),
    CONSTRAINT tokens_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT tokens_owner_fk FOREIGN KEY (owner_id) REFERENCES persons (id),
    CONSTRAINT tokens_kind_check CHECK (kind IN ('personal', 'seal')),
    CONSTRAINT tokens_owner_check CHECK ((kind = 'personal') = (owner_id IS NOT NULL)),
    CONSTRAINT tokens_serial_unique UNIQUE (school_id, serial),
    CONSTRAINT tokens_entry_unique UNIQUE (school_id, entry_index)
) STRICT;

CREATE TABLE certificates (
    school_id         TEXT NOT NULL,
    sha256            TEXT NOT NULL,
    token_id          TEXT NOT NULL,
    der               BLOB NOT NULL,
    entry_index       INTEGER NOT NULL,
    revoked_at        INTEGER,
    revocation_source TEXT,
    revocation_entry  INTEGER,
    CONSTRAINT certificates_pk PRIMARY KEY (school_id, sha256),
    CONSTRAINT certificates_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT certificates_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX certificates_by_token ON certificates (token_id);

CREATE TABLE hand_overs (
    id                TEXT NOT NULL,
    school_id         TEXT NOT NULL,
    token_id          TEXT NOT NULL,
    kind              TEXT NOT NULL,
    giver_id          TEXT,
    receiver_id       TEXT,
    offered_by        TEXT,
    permission_number TEXT NOT NULL,
    permission_on     TEXT,
    offered_at        INTEGER NOT NULL,
    entry_index       INTEGER NOT NULL,
    state             TEXT NOT NULL,
    decided_by        TEXT,
    decided_at        INTEGER,
    decided_entry     INTEGER,
    CONSTRAINT hand_overs_pk PRIMARY KEY (id),
    CONSTRAINT hand_overs_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT hand_overs_giver_fk FOREIGN KEY (giver_id) REFERENCES persons (id),
    CONSTRAINT hand_overs_receiver_fk FOREIGN KEY (receiver_id) REFERENCES persons (id),
    CONSTRAINT hand_overs_kind_check CHECK (kind IN ('hand_over', 'return')),
    CONSTRAINT hand_overs_ends_check CHECK (giver_id IS NOT NULL OR receiver_id IS NOT NULL),
    CONSTRAINT hand_overs_state_check CHECK (state IN ('offered', 'accepted', 'declined', 'withdrawn')),
    CONSTRAINT hand_overs_decided_check CHECK ((state = 'offered') = (decided_entry IS NULL) AND (state = 'offered') = (decided_at IS NULL)),
    CONSTRAINT hand_overs_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
-- One open offer for each token.
CREATE UNIQUE INDEX hand_overs_one_open ON hand_overs (token_id) WHERE state = 'offered';

CREATE TABLE custodies (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    token_id    TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    since_at    INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    until_at    INTEGER,
    until_entry INTEGER,
    CONSTRAINT custodies_pk PRIMARY KEY (id),
    CONSTRAINT custodies_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT custodies_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT custodies_until_check CHECK ((until_at IS NULL) = (until_entry IS NULL)),
    CONSTRAINT custodies_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
-- One custodian for each token at a time.
CREATE UNIQUE INDEX custodies_one_open ON custodies (token_id) WHERE until_at IS NULL;
CREATE INDEX custodies_by_person ON custodies (person_id) WHERE until_at IS NULL;

CREATE TABLE incidents (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    token_id      TEXT NOT NULL,
    kind          TEXT NOT NULL,
    reporter_id   TEXT,
    discovered_at INTEGER NOT NULL,
    reported_at   INTEGER NOT NULL,
    pin_exposed   INTEGER NOT NULL,
    state         TEXT NOT NULL,
    entry_index   INTEGER NOT NULL,
    CONSTRAINT incidents_pk PRIMARY KEY (id),
    CONSTRAINT incidents_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT incidents_reporter_fk FOREIGN KEY (reporter_id) REFERENCES persons (id),
    CONSTRAINT incidents_kind_check CHECK (kind IN ('lost', 'misplaced', 'suspected')),
    CONSTRAINT incidents_pin_exposed_check CHECK (pin_exposed IN (0, 1)),
    CONSTRAINT incidents_state_check CHECK (state IN ('open', 'cleared', 'closed')),
    CONSTRAINT incidents_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX incidents_open_by_token ON incidents (token_id) WHERE state = 'open';
