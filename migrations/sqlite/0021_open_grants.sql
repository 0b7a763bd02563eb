-- +goose Up
-- Grants whose signature was neither recorded nor abandoned. A row here costs less than
-- a column of grants, which would be written anew with all of its indexes.
CREATE TABLE open_grants (
    grant_id   TEXT NOT NULL,
    school_id  TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT open_grants_pk PRIMARY KEY (grant_id),
    CONSTRAINT open_grants_grant_fk FOREIGN KEY (grant_id) REFERENCES grants (id)
) STRICT;
CREATE INDEX open_grants_by_end ON open_grants (school_id, expires_at);
INSERT INTO open_grants (grant_id, school_id, expires_at) SELECT id, school_id, expires_at FROM grants WHERE closed_at IS NULL;

DROP INDEX grants_open;
ALTER TABLE grants DROP COLUMN closed_at;
