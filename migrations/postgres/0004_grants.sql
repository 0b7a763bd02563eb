-- +goose Up
-- Summary, purpose and file name are reveals of the entry.
CREATE TABLE grants (
    id                 TEXT NOT NULL,
    school_id          TEXT NOT NULL,
    person_id          TEXT NOT NULL,
    token_id           TEXT NOT NULL,
    request            TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    sha256_in          TEXT NOT NULL,
    act                TEXT NOT NULL,
    capacity           TEXT NOT NULL,
    document_number    TEXT NOT NULL,
    document_symbol    TEXT NOT NULL,
    document_kind      TEXT NOT NULL,
    title              TEXT NOT NULL,
    custody_entry      BIGINT NOT NULL,
    -- What an issue rests on: the approval's entry, or a signature outside the log.
    approval_entry       BIGINT,
    approval_certificate TEXT NOT NULL DEFAULT '',
    approval_digest      TEXT NOT NULL DEFAULT '',
    granted_at         BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    entry_index        BIGINT NOT NULL,
    closed_at          BIGINT,
    CONSTRAINT grants_pk PRIMARY KEY (id),
    CONSTRAINT grants_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT grants_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT grants_certificate_fk FOREIGN KEY (school_id, certificate_sha256) REFERENCES certificates (school_id, sha256),
    CONSTRAINT grants_request_unique UNIQUE (person_id, request),
    CONSTRAINT grants_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX grants_open ON grants (school_id, expires_at) WHERE closed_at IS NULL;
CREATE INDEX grants_by_approval ON grants (school_id, approval_digest) WHERE approval_digest <> '';

CREATE TABLE abandonments (
    grant_id     TEXT NOT NULL,
    school_id    TEXT NOT NULL,
    reason       TEXT NOT NULL,
    abandoned_at BIGINT NOT NULL,
    entry_index  BIGINT NOT NULL,
    CONSTRAINT abandonments_pk PRIMARY KEY (grant_id),
    CONSTRAINT abandonments_grant_fk FOREIGN KEY (grant_id) REFERENCES grants (id),
    CONSTRAINT abandonments_entry_unique UNIQUE (school_id, entry_index)
);

CREATE TABLE signatures (
    id                TEXT NOT NULL,
    school_id         TEXT NOT NULL,
    grant_id          TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL, -- the grant's
    sha256_out        TEXT NOT NULL,
    byte_range_digest TEXT NOT NULL,
    cms               BYTEA NOT NULL,
    level             TEXT NOT NULL,
    signature_field   TEXT NOT NULL,
    signed_at         BIGINT NOT NULL,
    recorded_at       BIGINT NOT NULL,
    late              BOOLEAN NOT NULL,
    after_report      BOOLEAN NOT NULL,
    entry_index       BIGINT NOT NULL,
    CONSTRAINT signatures_pk PRIMARY KEY (id),
    CONSTRAINT signatures_grant_fk FOREIGN KEY (grant_id) REFERENCES grants (id),
    CONSTRAINT signatures_grant_unique UNIQUE (grant_id),
    -- A signature is in the log once, and each output has one last signature.
    CONSTRAINT signatures_once UNIQUE (school_id, byte_range_digest, certificate_sha256),
    CONSTRAINT signatures_output_unique UNIQUE (school_id, sha256_out),
    CONSTRAINT signatures_entry_unique UNIQUE (school_id, entry_index)
);
