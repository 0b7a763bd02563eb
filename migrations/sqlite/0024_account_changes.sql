-- +goose Up
CREATE TABLE account_changes (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    changed_by  TEXT,
    changed_at  INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT account_changes_pk PRIMARY KEY (id),
    CONSTRAINT account_changes_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT account_changes_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
