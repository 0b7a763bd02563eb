-- +goose Up
-- Who of the department is who at a school, and when they came: linked says that person_id at
-- this school is home_person_id of the department's own register, entered that they opened
-- the school's from there. The home columns name rows of another school's and bind nothing.
CREATE TABLE department_changes (
    id             TEXT NOT NULL,
    school_id      TEXT NOT NULL,
    kind           TEXT NOT NULL,
    person_id      TEXT NOT NULL,
    home_school_id TEXT NOT NULL,
    home_person_id TEXT NOT NULL,
    changed_by     TEXT,
    changed_at     INTEGER NOT NULL,
    entry_index    INTEGER NOT NULL,
    CONSTRAINT department_changes_pk PRIMARY KEY (id),
    CONSTRAINT department_changes_school_fk FOREIGN KEY (school_id) REFERENCES schools (id),
    CONSTRAINT department_changes_person_fk FOREIGN KEY (person_id) REFERENCES persons (id),
    CONSTRAINT department_changes_kind_check CHECK (kind IN ('linked', 'entered')),
    CONSTRAINT department_changes_entry_unique UNIQUE (school_id, entry_index)
) STRICT;
CREATE UNIQUE INDEX department_changes_one_link ON department_changes (person_id) WHERE kind = 'linked';
CREATE UNIQUE INDEX department_changes_linked ON department_changes (home_person_id, school_id) WHERE kind = 'linked';
CREATE INDEX department_changes_by_person ON department_changes (person_id, entry_index);

-- Leave to open one school from the department, used once. Of the ticket, and of what the
-- browser's cookie at the school holds, only hashes are kept. The log does not prove it.
CREATE TABLE department_tickets (
    ticket_sha256 TEXT NOT NULL,
    school_id     TEXT NOT NULL,
    person_id     TEXT NOT NULL,
    browser       TEXT NOT NULL,
    home_session  TEXT NOT NULL,
    expires_at    INTEGER NOT NULL,
    CONSTRAINT department_tickets_pk PRIMARY KEY (ticket_sha256),
    CONSTRAINT department_tickets_person_fk FOREIGN KEY (person_id) REFERENCES persons (id)
) STRICT;
CREATE INDEX department_tickets_by_expiry ON department_tickets (expires_at);

-- How a sign-in came about, and the session at the department that one from there ends with.
ALTER TABLE account_sessions ADD COLUMN origin TEXT NOT NULL DEFAULT 'password' CHECK (origin IN ('password', 'factor', 'passkey', 'token', 'department'));
ALTER TABLE account_sessions ADD COLUMN home_session TEXT;
CREATE INDEX account_sessions_by_home ON account_sessions (home_session) WHERE home_session IS NOT NULL;
