-- +goose Up
-- Each row is one change; the latest of a name holds.
CREATE TABLE settings (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    set_at      INTEGER NOT NULL,
    entry_index INTEGER NOT NULL,
    CONSTRAINT settings_pk PRIMARY KEY (id),
    CONSTRAINT settings_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT settings_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
