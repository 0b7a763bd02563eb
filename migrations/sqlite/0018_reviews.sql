-- +goose Up
-- A review of the log: the entries from from_entry up to, not including, until_entry
-- were looked through. unseen: of the entries that wanted a look, those that nobody
-- had looked at. skipped: they were not looked for.
CREATE TABLE log_reviews (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    from_entry  INTEGER NOT NULL,
    until_entry INTEGER NOT NULL,
    signatures  INTEGER NOT NULL,
    points      INTEGER NOT NULL,
    unseen      INTEGER NOT NULL,
    skipped     INTEGER NOT NULL,
    reviewed_by TEXT NOT NULL,
    reviewed_at INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT log_reviews_pk PRIMARY KEY (id),
    CONSTRAINT log_reviews_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT log_reviews_from_unique UNIQUE (school_id, from_entry),
    CONSTRAINT log_reviews_entry_unique UNIQUE (school_id, entry_index),
    CONSTRAINT log_reviews_skipped_check CHECK (skipped IN (0, 1)),
    CONSTRAINT log_reviews_range_check CHECK (from_entry >= 0 AND until_entry > from_entry AND unseen <= points)
) STRICT;

-- What was said of an entry in a review; the words are a reveal of the step's entry.
CREATE TABLE review_steps (
    id            TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    subject_entry INTEGER NOT NULL,
    step          TEXT NOT NULL,
    person_id     TEXT, -- whose act the entry is
    token_id      TEXT,
    stepped_by    TEXT NOT NULL,
    stepped_at    INTEGER NOT NULL,
    entry_index   INTEGER NOT NULL,
    CONSTRAINT review_steps_pk PRIMARY KEY (id),
    CONSTRAINT review_steps_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT review_steps_step_check CHECK (step IN ('seen', 'asked', 'answered', 'flagged', 'settled')),
    CONSTRAINT review_steps_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX review_steps_by_subject ON review_steps (school_id, subject_entry, entry_index);

-- A signature by a registered certificate that was found in a document and is not in
-- the log. The file's name is a reveal of the entry.
CREATE TABLE unlogged_signatures (
    id                 TEXT NOT NULL,
    school_id          TEXT NOT NULL,
    token_id           TEXT NOT NULL,
    person_id          TEXT, -- who held the token at the stated time, else its owner
    certificate_sha256 TEXT NOT NULL,
    byte_range_digest  TEXT NOT NULL,
    cms                BLOB NOT NULL,
    file_sha256        TEXT NOT NULL,
    signature_field    TEXT NOT NULL,
    stated_at          INTEGER, -- by the signature; NULL = it states none
    found_by           TEXT NOT NULL,
    found_at           INTEGER NOT NULL,
    entry_index        INTEGER NOT NULL,
    CONSTRAINT unlogged_signatures_pk PRIMARY KEY (id),
    CONSTRAINT unlogged_signatures_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT unlogged_signatures_once UNIQUE (school_id, byte_range_digest, certificate_sha256),
    CONSTRAINT unlogged_signatures_entry_unique UNIQUE (school_id, entry_index)
) STRICT;

-- What somebody looks at often: a page of the log with its filters.
CREATE TABLE saved_views (
    id        TEXT NOT NULL,
    school_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    name      TEXT NOT NULL,
    query     TEXT NOT NULL,
    saved_at  INTEGER NOT NULL,
    CONSTRAINT saved_views_pk PRIMARY KEY (id),
    CONSTRAINT saved_views_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT saved_views_name_unique UNIQUE (person_id, name)
) STRICT;

-- How somebody signs, and whether the same file was signed before.
CREATE INDEX grants_by_person ON grants (person_id, entry_index);
CREATE INDEX grants_by_input ON grants (school_id, sha256_in);
