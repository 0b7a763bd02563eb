-- +goose Up
-- Extension lines of the checkpoint by which the log's key was replaced, oldest first.
ALTER TABLE log_heads ADD COLUMN key_changes TEXT NOT NULL DEFAULT '';
