-- +goose Up
-- A challenge that waits for its proof. The log does not prove it; it goes when it
-- has expired.
CREATE TABLE challenges (
    id                 TEXT NOT NULL,
    school_id          TEXT NOT NULL,
    person_id          TEXT NOT NULL,
    token_id           TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    purpose            TEXT NOT NULL,
    nonce              TEXT NOT NULL,
    issued_at          BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    CONSTRAINT challenges_pk PRIMARY KEY (id),
    CONSTRAINT challenges_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT challenges_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id)
);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

-- A proof that a person had a token and its PIN: the challenge as it was signed,
-- and the signature.
CREATE TABLE possessions (
    id                 TEXT NOT NULL, -- of the challenge
    school_id          TEXT NOT NULL,
    person_id          TEXT NOT NULL,
    token_id           TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    purpose            TEXT NOT NULL,
    challenge          BYTEA NOT NULL,
    cms                BYTEA NOT NULL,
    custody_entry      BIGINT NOT NULL,
    proven_at          BIGINT NOT NULL,
    entry_index        BIGINT NOT NULL,
    CONSTRAINT possessions_pk PRIMARY KEY (id),
    CONSTRAINT possessions_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT possessions_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT possessions_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX possessions_by_token ON possessions (token_id, proven_at);
