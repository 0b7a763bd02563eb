-- +goose Up
-- A browser that waits to be signed in by its owner's token. The log does not prove it; it goes
-- when it was used or has expired. Of the code and the browser's cookie only hashes are kept.
-- Person, token and certificate are those of the agent that asked by the code; cms_sha256 is
-- NULL until the token has signed, tries counts the numbers typed after that.
CREATE TABLE token_sign_ins (
    id                 TEXT NOT NULL,
    school_id          TEXT NOT NULL,
    code_sha256        TEXT NOT NULL,
    cookie_sha256      TEXT NOT NULL,
    nonce              TEXT NOT NULL,
    site               TEXT NOT NULL,
    device             TEXT NOT NULL,
    address            TEXT NOT NULL,
    issued_at          BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    person_id          TEXT,
    token_id           TEXT,
    certificate_sha256 TEXT,
    cms_sha256         TEXT,
    tries              BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT token_sign_ins_pk PRIMARY KEY (id),
    CONSTRAINT token_sign_ins_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT token_sign_ins_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT token_sign_ins_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT token_sign_ins_claim_check CHECK ((person_id IS NULL) = (token_id IS NULL) AND (person_id IS NULL) = (certificate_sha256 IS NULL)),
    CONSTRAINT token_sign_ins_signed_check CHECK (cms_sha256 IS NULL OR person_id IS NOT NULL),
    CONSTRAINT token_sign_ins_code_unique UNIQUE (code_sha256),
    CONSTRAINT token_sign_ins_cookie_unique UNIQUE (cookie_sha256)
);
CREATE INDEX token_sign_ins_by_expiry ON token_sign_ins (expires_at);
