-- +goose Up
-- The second factor of an account: the secret of its time-based codes, encrypted by a
-- key that is made of the log's and is in no table. confirmed_at is NULL until a first
-- code was typed. A code counts once: last_step is the time step of the latest.
CREATE TABLE second_factors (
    person_id    TEXT NOT NULL,
    school_id    TEXT NOT NULL,
    secret       BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step    BIGINT NOT NULL,
    CONSTRAINT second_factors_pk PRIMARY KEY (person_id),
    CONSTRAINT second_factors_account_fk FOREIGN KEY (person_id) REFERENCES accounts (person_id)
);

-- Codes for who has lost the device, by their hash. Each counts once.
CREATE TABLE recovery_codes (
    person_id   TEXT NOT NULL,
    code_sha256 TEXT NOT NULL,
    CONSTRAINT recovery_codes_pk PRIMARY KEY (person_id, code_sha256),
    CONSTRAINT recovery_codes_factor_fk FOREIGN KEY (person_id) REFERENCES second_factors (person_id)
);
