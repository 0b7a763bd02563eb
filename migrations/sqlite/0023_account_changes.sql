-- +goose Up
-- What became of accounts, and the keys of programs. A link by which somebody sets their
-- password, and a program's key, are the rows that make them: secret_sha256 is the hash of
-- what was shown once, subject_id in a later row says what it used, confirmed or ended.
-- person_id is NULL for a program's key, changed_by for the service's command line. A
-- key's name is a reveal of its entry.
CREATE TABLE account_changes (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    kind          TEXT NOT NULL,
    person_id     TEXT,
    subject_id    TEXT,
    secret_sha256 TEXT,
    scopes        TEXT,
    expires_at    INTEGER,
    changed_by    TEXT,
    changed_at    INTEGER NOT NULL,
    entry_index   INTEGER NOT NULL,
    CONSTRAINT account_changes_pk PRIMARY KEY (id),
    CONSTRAINT account_changes_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT account_changes_kind_check CHECK (kind IN ('invited', 'opened', 'reset_asked', 'reset_confirmed', 'password_reset', 'link_withdrawn', 'password_changed',
        'factor_set', 'factor_removed', 'sessions_ended', 'key_made', 'key_ended')),
    CONSTRAINT account_changes_secret_check CHECK ((secret_sha256 IS NOT NULL) = (kind IN ('invited', 'reset_asked', 'key_made'))),
    CONSTRAINT account_changes_secret_unique UNIQUE (secret_sha256),
    CONSTRAINT account_changes_once UNIQUE (subject_id, kind),
    CONSTRAINT account_changes_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX account_changes_by_person ON account_changes (person_id, entry_index);

-- Who is signed in where: a session of sessions with a person. agent_sha256 is the hash
-- of what the browser calls itself, without versions; device are its words for the list.
CREATE TABLE account_sessions (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    person_id     TEXT NOT NULL,
    cookie_sha256 TEXT NOT NULL,
    device        TEXT NOT NULL,
    agent_sha256  TEXT NOT NULL,
    address       TEXT NOT NULL,
    began_at      INTEGER NOT NULL,
    used_at       INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    CONSTRAINT account_sessions_pk PRIMARY KEY (id),
    CONSTRAINT account_sessions_account_fk FOREIGN KEY (person_id) REFERENCES accounts (person_id),
    CONSTRAINT account_sessions_cookie_unique UNIQUE (cookie_sha256)
) STRICT;
CREATE INDEX account_sessions_by_person ON account_sessions (person_id);
CREATE INDEX account_sessions_by_expiry ON account_sessions (expires_at);

-- Browsers in which somebody has signed in before, by the hash of their cookie.
CREATE TABLE known_devices (
    device_sha256 TEXT NOT NULL,
    person_id     TEXT NOT NULL,
    seen_at       INTEGER NOT NULL,
    CONSTRAINT known_devices_pk PRIMARY KEY (device_sha256, person_id),
    CONSTRAINT known_devices_account_fk FOREIGN KEY (person_id) REFERENCES accounts (person_id)
) STRICT;
CREATE INDEX known_devices_by_person ON known_devices (person_id);

-- When a program last used its key.
CREATE TABLE program_key_uses (
    key_id  TEXT NOT NULL,
    used_at INTEGER NOT NULL,
    CONSTRAINT program_key_uses_pk PRIMARY KEY (key_id),
    CONSTRAINT program_key_uses_key_fk FOREIGN KEY (key_id) REFERENCES account_changes (id)
) STRICT;
