-- +goose Up
-- Roles that an admin has given and ended. subject_id in a later row is the giving that it
-- ends.
CREATE TABLE role_changes (
    id          TEXT NOT NULL,
    school_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    role        TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    subject_id  TEXT,
    changed_by  TEXT,
    changed_at  BIGINT NOT NULL,
    entry_index BIGINT NOT NULL,
    CONSTRAINT role_changes_pk PRIMARY KEY (id),
    CONSTRAINT role_changes_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT role_changes_kind_check CHECK (kind IN ('given', 'ended')),
    CONSTRAINT role_changes_role_check CHECK (role IN ('admin', 'reviewer', 'department')),
    CONSTRAINT role_changes_subject_check CHECK ((subject_id IS NOT NULL) = (kind = 'ended')),
    CONSTRAINT role_changes_once UNIQUE (subject_id),
    CONSTRAINT role_changes_entry_unique UNIQUE (school_id, entry_index)
);
CREATE INDEX role_changes_by_person ON role_changes (person_id, entry_index);
