// Package migrations holds the register's schema as numbered steps, the same
// numbers for SQLite and PostgreSQL, embedded into the program.
//
// A step runs in one transaction together with the row that records it. Released
// steps are never edited; the schema only goes forward, and the previous release
// must still run on it. Constraint and index names are written out, because code
// and operators rely on them.
//
// Both databases keep the same values: identifiers and days as text (days as
// 2006-01-02, columns ending in _on), moments as microseconds since 1970 in UTC
// (columns ending in _at), hashes as hexadecimal text or raw bytes.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/pressly/goose/v3"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// Dialect names a database.
type Dialect string

// The databases.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

var tableName = regexp.MustCompile(`(?m)^CREATE TABLE (\w+) \(`)

// Tables names the tables that the steps make, and the one that records them: all that a
// register may have in a database that it may share.
func Tables(dialect Dialect) ([]string, error) {
	steps, err := fs.Glob(files, string(dialect)+"/*.sql")
	if err != nil {
		return nil, fmt.Errorf("migrations for %s: %w", dialect, err)
	}
	names := []string{goose.DefaultTablename}
	for _, step := range steps {
		text, err := files.ReadFile(step)
		if err != nil {
			return nil, fmt.Errorf("migrations for %s: %w", dialect, err)
		}
		for _, match := range tableName.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names, nil
}

func provider(db *sql.DB, dialect Dialect) (*goose.Provider, error) {
	steps, err := fs.Sub(files, string(dialect))
	if err != nil {
		return nil, fmt.Errorf("migrations for %s: %w", dialect, err)
	}
	kind := goose.DialectSQLite3
	if dialect == Postgres {
		kind = goose.DialectPostgres
	}
	p, err := goose.NewProvider(kind, db, steps, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("migrations for %s: %w", dialect, err)
	}
	return p, nil
}

// Sum is the SHA-256, in hex, of all steps of a dialect: databases that were migrated by the
// same ones have the same tables.
func Sum(dialect Dialect) (string, error) {
	steps, err := fs.Glob(files, string(dialect)+"/*.sql") // in order
	if err != nil {
		return "", fmt.Errorf("migrations for %s: %w", dialect, err)
	}
	h := sha256.New()
	for _, name := range steps {
		content, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("migrations for %s: %w", dialect, err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(content), content)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Up applies the steps that are missing and returns the version reached.
func Up(ctx context.Context, db *sql.DB, dialect Dialect) (int64, error) {
	p, err := provider(db, dialect)
	if err != nil {
		return 0, err
	}
	if _, err := p.Up(ctx); err != nil {
		return 0, fmt.Errorf("migrate %s: %w", dialect, err)
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate %s: read version: %w", dialect, err)
	}
	return version, nil
}

// UpTo applies the steps that are missing up to a version, for data of that version.
func UpTo(ctx context.Context, db *sql.DB, dialect Dialect, version int64) error {
	p, err := provider(db, dialect)
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("migrate %s: %w", dialect, err)
	}
	return nil
}

// Versions returns the database's version and the one this program needs.
func Versions(ctx context.Context, db *sql.DB, dialect Dialect) (have, need int64, err error) {
	p, err := provider(db, dialect)
	if err != nil {
		return 0, 0, err
	}
	sources := p.ListSources()
	need = sources[len(sources)-1].Version
	have, err = p.GetDBVersion(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read schema version: %w", err)
	}
	return have, need, nil
}
