-- +goose Up
-- What somebody is told, derived from an entry of the log or from something that
-- becomes due. origin names which, so that a second derivation changes nothing.
-- recipient_id '' is the school as a whole: its chat group and its webhook. params
-- holds words, days and identifiers, as a JSON object of texts; never a name.
CREATE TABLE notices (
    id           TEXT NOT NULL,
    school_id    TEXT NOT NULL,
    origin       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    recipient_id TEXT NOT NULL,
    token_id     TEXT,
    params       TEXT NOT NULL,
    urgent       INTEGER NOT NULL,
    entry_index  INTEGER,
    happened_at  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    read_at      INTEGER,
    CONSTRAINT notices_pk PRIMARY KEY (id),
    CONSTRAINT notices_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT notices_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT notices_urgent_check CHECK (urgent IN (0, 1)),
    CONSTRAINT notices_once UNIQUE (school_id, origin, kind, recipient_id)
) STRICT;
CREATE INDEX notices_by_recipient ON notices (school_id, recipient_id, id);
CREATE INDEX notices_unread ON notices (school_id, recipient_id) WHERE read_at IS NULL;

-- The first entry that no notice was derived of yet. Moved in the transaction that
-- writes the notices.
CREATE TABLE notice_cursors (
    school_id  TEXT NOT NULL,
    next_index INTEGER NOT NULL,
    moved_at   INTEGER NOT NULL,
    CONSTRAINT notice_cursors_pk PRIMARY KEY (school_id),
    CONSTRAINT notice_cursors_school_fk FOREIGN KEY (school_id) REFERENCES schools (id)
) STRICT;
-- Nobody is told of what had happened before there were notices.
INSERT INTO notice_cursors (school_id, next_index, moved_at) SELECT school_id, size, updated_at FROM log_heads;

-- A notice on its way out of the register. held_until_at is the end of the lease of
-- who sends it now; last_error is a code.
CREATE TABLE deliveries (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    notice_id     TEXT NOT NULL,
    channel       TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    next_at       INTEGER NOT NULL,
    holder        TEXT,
    held_until_at INTEGER,
    last_error    TEXT NOT NULL,
    sent_at       INTEGER,
    given_up_at   INTEGER,
    CONSTRAINT deliveries_pk PRIMARY KEY (id),
    CONSTRAINT deliveries_notice_fk FOREIGN KEY (notice_id) REFERENCES notices (id),
    CONSTRAINT deliveries_channel_check CHECK (channel IN ('mail', 'webhook')),
    CONSTRAINT deliveries_once UNIQUE (notice_id, channel)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (school_id, next_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX deliveries_given_up ON deliveries (school_id, given_up_at) WHERE given_up_at IS NOT NULL;

-- Work that one of several services does at a time: who has the lease until when,
-- and what became of the last run.
CREATE TABLE background_jobs (
    school_id     TEXT NOT NULL,
    name          TEXT NOT NULL,
    holder        TEXT NOT NULL,
    held_until_at INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    succeeded_at  INTEGER,
    outcome       TEXT NOT NULL,
    done          INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    CONSTRAINT background_jobs_pk PRIMARY KEY (school_id, name),
    CONSTRAINT background_jobs_school_fk FOREIGN KEY (school_id) REFERENCES schools (id)
) STRICT;

-- What the authority said of a registered certificate when it was asked last, and
-- when it is asked again.
CREATE TABLE revocation_checks (
    school_id          TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    status             TEXT NOT NULL,
    source             TEXT NOT NULL,
    last_error         TEXT NOT NULL,
    checked_at         INTEGER NOT NULL,
    next_at            INTEGER NOT NULL,
    unknown_since_at   INTEGER,
    failures           INTEGER NOT NULL,
    CONSTRAINT revocation_checks_pk PRIMARY KEY (school_id, certificate_sha256),
    CONSTRAINT revocation_checks_certificate_fk FOREIGN KEY (school_id, certificate_sha256) REFERENCES certificates (school_id, sha256),
    CONSTRAINT revocation_checks_status_check CHECK (status IN ('good', 'revoked', 'unknown'))
) STRICT;
