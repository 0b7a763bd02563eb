-- +goose Up
-- Last use that is certain; whether somebody may know the PIN (NULL: not asked
-- then); the alarm that the report came from.
ALTER TABLE incidents ADD COLUMN last_used_at BIGINT;
ALTER TABLE incidents ADD COLUMN pin TEXT;
ALTER TABLE incidents ADD COLUMN alarm_id TEXT;
CREATE INDEX incidents_by_token ON incidents (token_id);

-- A step of an incident's track. Its note is a reveal of the entry.
CREATE TABLE incident_steps (
    id               TEXT NOT NULL,
    school_id        TEXT NOT NULL,
    incident_id      TEXT NOT NULL,
    incident_entry   BIGINT NOT NULL,
    token_id         TEXT NOT NULL,
    step             TEXT NOT NULL,
    recorded_by      TEXT,
    done_at          BIGINT NOT NULL,
    paper_number     TEXT NOT NULL,
    paper_on         TEXT,
    addressee        TEXT NOT NULL,
    revocation_entry BIGINT,
    recorded_at      BIGINT NOT NULL,
    entry_index      BIGINT NOT NULL,
    CONSTRAINT incident_steps_pk PRIMARY KEY (id),
    CONSTRAINT incident_steps_incident_fk FOREIGN KEY (incident_id) REFERENCES incidents (id),
    CONSTRAINT incident_steps_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT incident_steps_person_fk FOREIGN KEY (recorded_by) REFERENCES persons (id),
    CONSTRAINT incident_steps_step_check CHECK (step IN ('principal_informed', 'revocation_asked', 'authority_informed', 'revocation_noticed',
        'certificate_revoked', 'found', 'cleared', 'device_returned', 'device_lost', 'lessons', 'closed')),
    CONSTRAINT incident_steps_entry_unique UNIQUE (school_id, entry_index)
);
-- Each step once, but for the authorities informed.
CREATE UNIQUE INDEX incident_steps_once ON incident_steps (incident_id, step) WHERE step <> 'authority_informed';
CREATE INDEX incident_steps_by_incident ON incident_steps (incident_id);

-- What somebody who is not signed in has told. Name, contact and words are reveals
-- of the entry.
CREATE TABLE alarms (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    kind          TEXT NOT NULL,
    received_at   BIGINT NOT NULL,
    entry_index   BIGINT NOT NULL,
    state         TEXT NOT NULL,
    decided_by    TEXT,
    decided_at    BIGINT,
    decided_entry BIGINT,
    incident_id   TEXT,
    CONSTRAINT alarms_pk PRIMARY KEY (id),
    CONSTRAINT alarms_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT alarms_incident_fk FOREIGN KEY (incident_id) REFERENCES incidents (id),
    CONSTRAINT alarms_kind_check CHECK (kind IN ('lost', 'misplaced', 'suspected')),
    CONSTRAINT alarms_state_check CHECK (state IN ('open', 'blocked', 'dismissed')),
    CONSTRAINT alarms_decided_check CHECK ((state = 'open') = (decided_entry IS NULL) AND (state = 'open') = (decided_at IS NULL)),
    CONSTRAINT alarms_incident_check CHECK ((state = 'blocked') = (incident_id IS NOT NULL)),
    CONSTRAINT alarms_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX alarms_open ON alarms (school_id) WHERE state = 'open';
CREATE INDEX alarms_by_time ON alarms (school_id, received_at);

-- What the review of a doubtful signature came to; the latest counts.
CREATE TABLE signature_reviews (
    id              TEXT NOT NULL,
    school_id       TEXT NOT NULL,
    incident_id     TEXT NOT NULL,
    signature_id    TEXT NOT NULL,
    signature_entry BIGINT NOT NULL,
    token_id        TEXT NOT NULL,
    signer_id       TEXT NOT NULL,
    verdict         TEXT NOT NULL,
    reviewed_by     TEXT NOT NULL,
    reviewed_at     BIGINT NOT NULL,
    entry_index     BIGINT NOT NULL,
    CONSTRAINT signature_reviews_pk PRIMARY KEY (id),
    CONSTRAINT signature_reviews_incident_fk FOREIGN KEY (incident_id) REFERENCES incidents (id),
    CONSTRAINT signature_reviews_signature_fk FOREIGN KEY (signature_id) REFERENCES signatures (id),
    CONSTRAINT signature_reviews_verdict_check CHECK (verdict IN ('genuine', 'disputed')),
    CONSTRAINT signature_reviews_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX signature_reviews_by_incident ON signature_reviews (incident_id);
-- Signatures of a token in order of time, for the review after a loss.
CREATE INDEX grants_of_token_by_time ON grants (token_id, granted_at);
