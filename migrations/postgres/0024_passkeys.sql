-- +goose Up
-- Passkeys that were registered and ended, beside the entries of the log that say so.
-- secret_sha256 is the hash of the key that was registered; subject_id in a later row is the
-- registration that it ends. changed_by is NULL where the service itself ended one. A
-- passkey's name is a reveal of its entry.
CREATE TABLE passkey_changes (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    kind          TEXT NOT NULL,
    person_id     TEXT NOT NULL,
    subject_id    TEXT,
    secret_sha256 TEXT,
    changed_by    TEXT,
    changed_at    BIGINT NOT NULL,
    entry_index   BIGINT NOT NULL,
    CONSTRAINT passkey_changes_pk PRIMARY KEY (id),
    CONSTRAINT passkey_changes_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT passkey_changes_kind_check CHECK (kind IN ('passkey_added', 'passkey_removed', 'passkey_cloned')),
    CONSTRAINT passkey_changes_secret_check CHECK ((secret_sha256 IS NOT NULL) = (kind = 'passkey_added')),
    CONSTRAINT passkey_changes_subject_check CHECK ((subject_id IS NULL) = (kind = 'passkey_added')),
    CONSTRAINT passkey_changes_once UNIQUE (subject_id),
    CONSTRAINT passkey_changes_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX passkey_changes_by_person ON passkey_changes (person_id, entry_index);

-- Passkeys that go on: what an answer is checked with. sign_count is the latest count that
-- the authenticator gave, 0 from those that do not count.
CREATE TABLE passkeys (
    id              TEXT NOT NULL,
    school_id       TEXT NOT NULL,
    person_id       TEXT NOT NULL,
    credential_id   BYTEA NOT NULL,
    public_key      BYTEA NOT NULL,
    transports      TEXT NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    sign_count      BIGINT NOT NULL,
    used_at         BIGINT,
    CONSTRAINT passkeys_pk PRIMARY KEY (id),
    CONSTRAINT passkeys_change_fk FOREIGN KEY (id) REFERENCES passkey_changes (id),
    CONSTRAINT passkeys_account_fk FOREIGN KEY (person_id) REFERENCES accounts (person_id),
    CONSTRAINT passkeys_credential_unique UNIQUE (school_id, credential_id)
);
CREATE INDEX passkeys_by_person ON passkeys (person_id);

-- What a browser was asked and has not answered: one for a session and purpose, used once.
-- session_sha256 is the hash of a secret that the browser's session holds.
CREATE TABLE passkey_challenges (
    session_sha256 TEXT NOT NULL,
    purpose        TEXT NOT NULL,
    school_id      TEXT NOT NULL,
    person_id      TEXT,
    name           TEXT NOT NULL,
    asked          BYTEA NOT NULL,
    asked_sha256   TEXT NOT NULL,
    expires_at     BIGINT NOT NULL,
    CONSTRAINT passkey_challenges_pk PRIMARY KEY (session_sha256, purpose),
    CONSTRAINT passkey_challenges_purpose_check CHECK (purpose IN ('register', 'sign_in', 'confirm'))
);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
