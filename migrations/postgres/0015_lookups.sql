-- +goose Up
-- The latest proof of each token, and whether the track of one was closed: a list
-- of tokens asks both for each.
CREATE INDEX possessions_latest ON possessions (token_id, entry_index);
CREATE INDEX incident_steps_by_token ON incident_steps (token_id, step);
