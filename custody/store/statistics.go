package store

import (
	"context"
	"fmt"
	"strings"

	"sokyso/migrations"
)

// countedTables are those that requests and signatures look into.
var countedTables = []string{"log_entries", "reveals", "grants", "open_grants", "signatures", "custodies", "persons", "positions", "tokens", "certificates", "accounts", "sessions", "api_keys"}

// grownPages are the pages from which on it matters how a table is looked into: a smaller
// one is read whole as fast as by any key.
const grownPages = 16

// GrownTables names tables that have at least doubled since PostgreSQL last counted them, of
// those that requests look into. It plans by what it has counted, and a connection keeps
// plans: those of a table with a handful of rows look into a log of thousands by the
// school's identifier alone. PostgreSQL counts by itself, but only once a minute. SQLite
// has none: it plans without counting.
func (s *Store) GrownTables(ctx context.Context) ([]string, error) {
	if s.dialect == migrations.SQLite {
		return nil, nil
	}
	var names []string
	if err := s.reader.list(ctx, &names, `SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
		AND relname IN ('`+strings.Join(countedTables, "', '")+`')
		AND pg_relation_size(oid) / current_setting('block_size')::bigint >= ? AND pg_relation_size(oid) / current_setting('block_size')::bigint > 2 * relpages
		ORDER BY relname`, grownPages); err != nil {
		return nil, fmt.Errorf("look for grown tables: %w", err)
	}
	return names, nil
}

// CountTables has PostgreSQL count the tables that have grown, at which it forgets the plans
// that it has of them, and says how many were counted. Left are those that somebody else is
// about, and those that are another role's, which this one can't have counted.
func (s *Store) CountTables(ctx context.Context) (counted, left int, err error) {
	grown, err := s.GrownTables(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range grown {
		if _, err := s.writer.db.ExecContext(ctx, "ANALYZE (SKIP_LOCKED) "+name); err != nil {
			return 0, len(grown), fmt.Errorf("count table %s: %w", name, driverError(err))
		}
	}
	still, err := s.GrownTables(ctx)
	return max(len(grown)-len(still), 0), len(still), err
}
