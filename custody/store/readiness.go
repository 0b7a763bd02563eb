package store

import (
	"context"
	"fmt"
)

// CheckReady reports whether the database answers with a schema that this program can
// work on. An older one, as of a backup put back beneath a program that runs, is a
// [*VersionError]; a newer one is not: the schema goes forward before the programs do,
// and the release before must still run on it.
func (s *Store) CheckReady(ctx context.Context) error {
	var have int64
	if err := s.reader.get(ctx, &have, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have < s.schema {
		return &VersionError{Have: have, Need: s.schema}
	}
	return nil
}
