-- +goose Up
-- An official paper that was issued: the facts it was made of, from which its PDF
-- comes out byte for byte. number 0 is one to be written in by hand, or a register.
-- facts is NULL once they were erased, together with the reveals of the entry.
CREATE TABLE papers (
    id           TEXT NOT NULL,
    school_id    TEXT NOT NULL,
    kind         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    symbol       TEXT NOT NULL,
    dated_on     TEXT NOT NULL,
    token_id     TEXT,
    hand_over_id TEXT,
    incident_id  TEXT,
    from_on      TEXT,
    until_on     TEXT,
    replaces_id  TEXT,
    facts        BLOB,
    issued_by    TEXT,
    issued_at    INTEGER NOT NULL,
    entry_index  INTEGER NOT NULL,
    CONSTRAINT papers_pk PRIMARY KEY (id),
    CONSTRAINT papers_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT papers_token_fk FOREIGN KEY (token_id) REFERENCES tokens (id),
    CONSTRAINT papers_hand_over_fk FOREIGN KEY (hand_over_id) REFERENCES hand_overs (id),
    CONSTRAINT papers_incident_fk FOREIGN KEY (incident_id) REFERENCES incidents (id),
    CONSTRAINT papers_replaces_fk FOREIGN KEY (replaces_id) REFERENCES papers (id),
    CONSTRAINT papers_issued_by_fk FOREIGN KEY (issued_by) REFERENCES persons (id),
    CONSTRAINT papers_number_check CHECK (number >= 0),
    CONSTRAINT papers_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
-- A number is given once in a year and series (Decree 30/2020/NĐ-CP, Article 15).
CREATE UNIQUE INDEX papers_number_unique ON papers (school_id, symbol, substr(dated_on, 1, 4), number) WHERE number > 0;
-- A paper is replaced once; who corrects again replaces the later one.
CREATE UNIQUE INDEX papers_replaced_once ON papers (replaces_id) WHERE replaces_id IS NOT NULL;
CREATE INDEX papers_by_hand_over ON papers (hand_over_id) WHERE hand_over_id IS NOT NULL;
CREATE INDEX papers_by_incident ON papers (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX papers_by_token ON papers (token_id) WHERE token_id IS NOT NULL;

-- A signed copy of a paper, as it was sent in: it begins with the paper's own bytes.
-- Its signers are a reveal of the entry.
CREATE TABLE signed_papers (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    paper_id    TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    signatures  INTEGER NOT NULL,
    kept_by     TEXT,
    kept_at     INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT signed_papers_pk PRIMARY KEY (id),
    CONSTRAINT signed_papers_paper_fk FOREIGN KEY (paper_id) REFERENCES papers (id),
    CONSTRAINT signed_papers_kept_by_fk FOREIGN KEY (kept_by) REFERENCES persons (id),
    CONSTRAINT signed_papers_once UNIQUE (school_id, sha256),
    CONSTRAINT signed_papers_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE INDEX signed_papers_by_paper ON signed_papers (paper_id);

-- Its bytes, in parts from 0 on.
CREATE TABLE signed_paper_parts (
    signed_paper_id TEXT NOT NULL,
    part            INTEGER NOT NULL,
    bytes           BLOB NOT NULL,
    CONSTRAINT signed_paper_parts_pk PRIMARY KEY (signed_paper_id, part),
    CONSTRAINT signed_paper_parts_fk FOREIGN KEY (signed_paper_id) REFERENCES signed_papers (id)
) STRICT;
