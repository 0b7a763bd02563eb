-- +goose Up
-- The latest checkpoint that a witness has cosigned, with the line of its cosignature.
-- They prove themselves: no entry of the log is about them.
CREATE TABLE cosignatures (
    school_id   TEXT NOT NULL,
    witness     TEXT NOT NULL,
    size        INTEGER NOT NULL,
    checkpoint  BLOB NOT NULL,
    line        TEXT NOT NULL,
    cosigned_at INTEGER NOT NULL,
    CONSTRAINT cosignatures_pk PRIMARY KEY (school_id, witness),
    CONSTRAINT cosignatures_school_fk FOREIGN KEY (school_id) REFERENCES schools (id)
) STRICT;
