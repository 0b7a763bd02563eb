package store

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/migrations"
)

// A backup is one file, the same for both databases: gzip of lines of JSON. The first is
// its Backup; then, for each table, a line with its name and columns and a line for each
// row; the last counts the rows and has the SHA-256 of all lines before it. A value is a
// text, a whole number, true, false, null, or {"b": base64} for bytes.

// backupFormat is the version of the form above.
const backupFormat = 1

// notBackedUp are tables of what is worth nothing later, or would let somebody in again.
var notBackedUp = []string{"goose_db_version", unfinishedTable, "sessions", "account_sessions", "known_devices", "pairing_codes", "challenges", "passkey_challenges", "token_sign_ins", "department_tickets", "document_tickets", "background_jobs", "idempotency_keys"}

// Errors of backups.
var (
	ErrBackup      = errors.New("this file is no whole backup")
	ErrBackupNewer = errors.New("this backup was made by a newer program")
	ErrNotEmpty    = errors.New("there is a register already")
)

// Backup is what a backup says of itself.
type Backup struct {
	Format     int       `json:"sokyso_backup"`
	Schema     int64     `json:"schema"`
	MadeAt     time.Time `json:"made_at"`
	School     string    `json:"school"` // its name
	Origin     string    `json:"origin"`
	Key        string    `json:"log_key"`              // verifier key that the log began with
	Size       int64     `json:"size"`                 // entries of the log
	Checkpoint string    `json:"checkpoint"`           // signed, of the moment of the copy
	SealedKey  []byte    `json:"sealed_key,omitempty"` // the log's signer key, encrypted by the caller; nil = not in it
}

type backupTable struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

type backupEnd struct {
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

type backupBytes struct {
	Bytes []byte `json:"b"`
}

// Backup writes a copy of the whole register as it is at one moment; changes go on
// meanwhile. Passwords are in it as hashes, second factors encrypted under the log's key;
// who is signed in is not. progress may be nil.
func (s *Store) Backup(ctx context.Context, school custody.SchoolID, sealedKey []byte, w io.Writer, progress func(rows int64)) (Backup, error) {
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if s.dialect == migrations.SQLite {
		options = nil // a read transaction in WAL mode is a snapshot
	}
	snapshot, err := s.reader.db.BeginTxx(ctx, options)
	if err != nil {
		return Backup{}, fmt.Errorf("back up: %w", driverError(err))
	}
	defer snapshot.Rollback()
	var head struct {
		headRow
		Name string `db:"name"`
	}
	err = snapshot.GetContext(ctx, &head, snapshot.Rebind(strings.Replace(queryHead, "SELECT ", "SELECT s.name, ", 1)), string(school))
	if errors.Is(err, sql.ErrNoRows) {
		return Backup{}, custody.NotFound("school")
	}
	if err != nil {
		return Backup{}, fmt.Errorf("back up: read head: %w", driverError(err))
	}
	b := Backup{Format: backupFormat, MadeAt: s.now(), School: head.Name, Origin: head.Origin, Key: head.LogKey, Size: head.Size,
		Checkpoint: string(head.Checkpoint), SealedKey: sealedKey}
	if b.Schema, _, err = migrations.Versions(ctx, s.reader.db.DB, s.dialect); err != nil {
		return Backup{}, fmt.Errorf("back up: %w", err)
	}
	out := newBackupWriter(w)
	if err := out.line(b); err != nil {
		return Backup{}, err
	}
	tables, err := tableNames(ctx, snapshot, s.dialect)
	if err != nil {
		return Backup{}, err
	}
	for _, table := range tables {
		if err := out.table(ctx, snapshot, table, progress); err != nil {
			return Backup{}, fmt.Errorf("back up %s: %w", table, err)
		}
	}
	return b, out.end()
}

// tableNames lists the tables that a backup has, in the order of their names.
func tableNames(ctx context.Context, tx *sqlx.Tx, dialect migrations.Dialect) ([]string, error) {
	query := `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`
	if dialect == migrations.SQLite {
		query = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	}
	var names []string
	if err := tx.SelectContext(ctx, &names, query); err != nil {
		return nil, fmt.Errorf("list tables: %w", driverError(err))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(notBackedUp, name) })
	slices.Sort(names)
	return names, nil
}

// backupWriter writes the lines of a backup.
type backupWriter struct {
	zip   *gzip.Writer
	lines *bufio.Writer // into zip and sum
	sum   hash.Hash
	rows  int64
}

func newBackupWriter(w io.Writer) *backupWriter {
	out := &backupWriter{zip: gzip.NewWriter(w), sum: sha256.New()}
	out.lines = bufio.NewWriterSize(io.MultiWriter(out.zip, out.sum), 1<<16)
	return out
}

func (w *backupWriter) line(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if _, err := w.lines.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

func (w *backupWriter) table(ctx context.Context, tx *sqlx.Tx, table string, progress func(rows int64)) error {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return driverError(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return driverError(err)
	}
	if err := w.line(backupTable{table, columns}); err != nil {
		return err
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return driverError(err)
		}
		for i, v := range values {
			switch v := v.(type) {
			case nil, int64, bool:
			case []byte:
				values[i] = backupBytes{v}
			case string:
				if !utf8.ValidString(v) {
					return fmt.Errorf("column %s: %w: text that is no UTF-8", columns[i], ErrDamaged)
				}
			default:
				return fmt.Errorf("column %s holds %T", columns[i], v)
			}
		}
		if err := w.line(values); err != nil {
			return err
		}
		if w.rows++; progress != nil && w.rows%1024 == 0 {
			progress(w.rows)
		}
	}
	return driverError(rows.Err())
}

func (w *backupWriter) end() error {
	if err := w.lines.Flush(); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := w.line(backupEnd{w.rows, hex.EncodeToString(w.sum.Sum(nil))}); err != nil {
		return err
	}
	if err := errors.Join(w.lines.Flush(), w.zip.Close()); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}
