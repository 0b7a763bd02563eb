-- +goose Up
-- What a browser session may be used from, and what its owner sees of it. A session whose
-- row is gone is none.
CREATE TABLE sign_ins (
    id         TEXT NOT NULL,
    school_id  TEXT NOT NULL,
    person_id  TEXT NOT NULL,
    agent      TEXT NOT NULL,
    address    TEXT NOT NULL,
    network    TEXT NOT NULL,
    began_at   INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    CONSTRAINT sign_ins_pk PRIMARY KEY (id),
    CONSTRAINT sign_ins_person_fk FOREIGN KEY (person_id) REFERENCES persons (id)
) STRICT;
CREATE INDEX sign_ins_by_person ON sign_ins (person_id, used_at);
