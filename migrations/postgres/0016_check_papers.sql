-- +goose Up
-- Minutes of a custody check name the check.
ALTER TABLE papers ADD COLUMN check_id TEXT CONSTRAINT papers_check_fk REFERENCES checks (id);
CREATE INDEX papers_by_check ON papers (check_id) WHERE check_id IS NOT NULL;
