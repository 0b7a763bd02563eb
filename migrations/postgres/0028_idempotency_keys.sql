-- +goose Up
-- Requests that their sender has given a key (Idempotency-Key), for a day: sent again, such a
-- request is answered as the first time. caller is who sent it, an agent or program by its key.
-- done_at is NULL until the change is made, in whose transaction it is set; answer is NULL until
-- then, and stays so for what is a secret. holder is the attempt that carries the request out.
CREATE TABLE idempotency_keys (
    school_id     TEXT NOT NULL,
    caller        TEXT NOT NULL,
    request_key   TEXT NOT NULL,
    operation     TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    file_sha256   TEXT,
    holder        TEXT NOT NULL,
    held_until_at BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    done_at       BIGINT,
    entry_index   BIGINT,
    answer        BYTEA,
    CONSTRAINT idempotency_keys_pk PRIMARY KEY (school_id, caller, request_key),
    CONSTRAINT idempotency_keys_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT idempotency_keys_done_check CHECK (done_at IS NOT NULL OR answer IS NULL)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
