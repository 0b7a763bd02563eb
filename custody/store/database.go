package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"sokyso/migrations"
)

// Errors of the database, each with its cause. What they mean to a person is for
// the operation to say.
var (
	ErrURL         = errors.New("register URL names neither SQLite nor PostgreSQL")
	ErrMissing     = errors.New("there is no register at this place")
	ErrUnique      = errors.New("unique constraint")
	ErrForeignKey  = errors.New("foreign key constraint")
	ErrCheck       = errors.New("check constraint")
	ErrNotNull     = errors.New("not-null constraint")
	ErrBusy        = errors.New("database is busy")
	ErrFull        = errors.New("disk of the database is full")
	ErrDisk        = errors.New("disk of the database can't be read or written")
	ErrReadOnly    = errors.New("database is read-only")
	ErrDamaged     = errors.New("database is damaged")
	ErrUnreachable = errors.New("database can't be reached")
	ErrText        = errors.New("no text: a NUL, or not UTF-8") // PostgreSQL keeps neither
)

// VersionError says that the schema is not the one this program works with.
type VersionError struct {
	Have, Need int64
}

func (e *VersionError) Error() string {
	step := "run custodyd migrate"
	if e.Have > e.Need {
		step = "run a newer program"
	}
	return fmt.Sprintf("schema version is %d, this program needs %d: %s", e.Have, e.Need, step)
}

// dataSource turns the configured URL into driver and data source name.
func dataSource(address string, create, readOnly bool) (migrations.Dialect, string, error) {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return "", "", ErrURL
		}
		query := url.Values{"_txlock": {"immediate"}, "_time_format": {"sqlite"}, "mode": {"rw"}}
		if create {
			query.Set("mode", "rwc")
		} else if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return "", "", fmt.Errorf("%w: %s: run custodyd migrate", ErrMissing, path)
		}
		pragmas := []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
			"wal_autocheckpoint(8000)"} // pages: 32 MB; copying back each 4 MB costs a tenth of the commits under load
		if readOnly {
			pragmas = append(pragmas, "query_only(1)")
			query.Set("_txlock", "deferred")
		}
		query["_pragma"] = pragmas
		return migrations.SQLite, "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode(), nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", "", ErrURL // never with the URL: it may hold a password
	}
	query := u.Query()
	// Without sslmode the driver would fall back to a connection that anybody can read.
	for name, value := range map[string]string{"connect_timeout": "10", "application_name": "custodyd", "sslmode": "require"} {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	return migrations.Postgres, u.String(), nil
}

func openPool(dialect migrations.Dialect, source string, connections int) (*sqlx.DB, error) {
	name := "sqlite"
	if dialect == migrations.Postgres {
		name = "pgx"
	}
	db, err := sqlx.Open(name, source)
	if err != nil {
		return nil, fmt.Errorf("open register: %w", driverError(err))
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// querier runs the store's queries, written with ? for parameters. pool and
// connection implement it; both keep what they have prepared.
type querier interface {
	// get scans one row; sql.ErrNoRows when there is none.
	get(ctx context.Context, dest any, query string, args ...any) error
	// list scans all rows into a slice.
	list(ctx context.Context, dest any, query string, args ...any) error
	exec(ctx context.Context, query string, args ...any) (affected int64, err error)
}

// pool reads (and writes single statements) on any free connection.
type pool struct {
	db       *sqlx.DB
	prepared sync.Map // query -> *sqlx.Stmt
}

func (p *pool) statement(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if s, ok := p.prepared.Load(query); ok {
		return s.(*sqlx.Stmt), nil
	}
	s, err := p.db.PreparexContext(ctx, p.db.Rebind(query))
	if err != nil {
		return nil, driverError(err)
	}
	if kept, loaded := p.prepared.LoadOrStore(query, s); loaded {
		s.Close()
		return kept.(*sqlx.Stmt), nil
	}
	return s, nil
}

func (p *pool) get(ctx context.Context, dest any, query string, args ...any) error {
	sent(query, args)
	s, err := p.statement(ctx, query)
	if err != nil {
		return err
	}
	return driverError(s.GetContext(ctx, dest, args...))
}

func (p *pool) list(ctx context.Context, dest any, query string, args ...any) error {
	sent(query, args)
	s, err := p.statement(ctx, query)
	if err != nil {
		return err
	}
	return driverError(s.SelectContext(ctx, dest, args...))
}

func (p *pool) exec(ctx context.Context, query string, args ...any) (int64, error) {
	sent(query, args)
	s, err := p.statement(ctx, query)
	if err != nil {
		return 0, err
	}
	return affected(s.ExecContext(ctx, args...))
}

func (p *pool) close() error {
	p.prepared.Range(func(_, s any) bool {
		s.(*sqlx.Stmt).Close()
		return true
	})
	return p.db.Close()
}

// connection is one connection with a transaction of its own making.
type connection struct {
	conn      *sqlx.Conn
	prepared  map[string]*sqlx.Stmt
	pipelined bool      // see later
	waiting   pgx.Batch // what later was asked for and is not sent yet
}

// testOnlyStep is called before each command of a transaction and after its commit. Tests
// end the process there.
var testOnlyStep func(step string)

func reached(step string) {
	if testOnlyStep != nil {
		testOnlyStep(step)
	}
}

// testOnlySent is called with each statement that a register which serves sends. Tests
// record by it what a release sends, see release_test.go.
var testOnlySent func(query string, args []any)

func sent(query string, args []any) {
	if testOnlySent != nil {
		testOnlySent(query, args)
	}
}

// statement prepares a query that is to run now: after those that wait.
func (c *connection) statement(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if err := c.send(ctx); err != nil {
		return nil, err
	}
	if s, ok := c.prepared[query]; ok {
		return s, nil
	}
	s, err := c.conn.PreparexContext(ctx, c.conn.Rebind(query))
	if err != nil {
		return nil, driverError(err)
	}
	c.prepared[query] = s
	return s, nil
}

func (c *connection) get(ctx context.Context, dest any, query string, args ...any) error {
	reached(query)
	sent(query, args)
	s, err := c.statement(ctx, query)
	if err != nil {
		return err
	}
	return driverError(s.GetContext(ctx, dest, args...))
}

func (c *connection) list(ctx context.Context, dest any, query string, args ...any) error {
	reached(query)
	sent(query, args)
	s, err := c.statement(ctx, query)
	if err != nil {
		return err
	}
	return driverError(s.SelectContext(ctx, dest, args...))
}

func (c *connection) exec(ctx context.Context, query string, args ...any) (int64, error) {
	reached(query)
	sent(query, args)
	s, err := c.statement(ctx, query)
	if err != nil {
		return 0, err
	}
	return affected(s.ExecContext(ctx, args...))
}

const commitCommand = "COMMIT"

// errRolledBack: PostgreSQL answers so, and with no error, where a statement of the
// transaction has failed.
var errRolledBack = errors.New("the transaction was rolled back instead of committed")

// run executes a command of the transaction itself (BEGIN, SAVEPOINT, COMMIT).
func (c *connection) run(ctx context.Context, command string) error {
	if c.pipelined && (c.waiting.Len() > 0 || command == commitCommand) {
		queued, err := c.queue(command, nil)
		if err != nil {
			return err
		}
		if command == commitCommand {
			queued.Exec(func(answer pgconn.CommandTag) error {
				if answer.String() != commitCommand {
					return errRolledBack
				}
				return nil
			})
		}
		return c.send(ctx)
	}
	reached(command)
	sent(command, nil)
	_, err := c.conn.ExecContext(ctx, command)
	return driverError(err)
}

// errGivenUp has database/sql close a connection instead of keeping it.
var errGivenUp = driver.ErrBadConn

// discard gives the connection up for good: whatever it was in the middle of is
// rolled back by the database.
func (c *connection) discard() {
	for _, s := range c.prepared {
		s.Close()
	}
	c.conn.Raw(func(any) error { return errGivenUp })
	c.conn.Close()
}

func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, driverError(err)
	}
	n, err := r.RowsAffected()
	return n, driverError(err)
}

// driverError names the cause of a driver's error by its code.
func driverError(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var lite *sqlite.Error
	var postgres *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &lite):
		if cause := sqliteCause(lite.Code()); cause != nil {
			return fmt.Errorf("%w: %w", cause, err)
		}
	case errors.As(err, &postgres):
		if cause := postgresCause(postgres.Code); cause != nil {
			return fmt.Errorf("%w: %w", cause, err)
		}
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, driver.ErrBadConn):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// sqliteCause: result codes of sqlite.org/rescode.html.
func sqliteCause(code int) error {
	switch code {
	case 2067, 1555, 2579:
		return ErrUnique
	case 787:
		return ErrForeignKey
	case 275:
		return ErrCheck
	case 1299:
		return ErrNotNull
	}
	switch code & 0xff {
	case 5, 6:
		return ErrBusy
	case 8:
		return ErrReadOnly
	case 10:
		return ErrDisk
	case 11, 26:
		return ErrDamaged
	case 13:
		return ErrFull
	case 14:
		return ErrMissing
	}
	return nil
}

// postgresCause: error codes of PostgreSQL's manual, appendix A.
func postgresCause(code string) error {
	switch code {
	case "23505":
		return ErrUnique
	case "23503":
		return ErrForeignKey
	case "23514":
		return ErrCheck
	case "23502":
		return ErrNotNull
	case "22021", "22P05":
		return ErrText
	case "40001", "40P01", "55P03":
		return ErrBusy
	case "58030":
		return ErrDisk
	case "25006":
		return ErrReadOnly
	case "53100":
		return ErrFull
	case "3D000":
		return ErrMissing
	}
	switch {
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "28"):
		return ErrUnreachable
	case strings.HasPrefix(code, "XX"):
		return ErrDamaged
	}
	return nil
}

// stamp is a moment as columns ending in _at keep it: microseconds since 1970.
type stamp struct{ time.Time }

func at(t time.Time) stamp { return stamp{t.UTC().Truncate(time.Microsecond)} }

func (s stamp) Value() (driver.Value, error) { return s.UnixMicro(), nil }

func (s *stamp) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("column of a moment holds %T", v)
	}
	s.Time = time.UnixMicro(n).UTC()
	return nil
}

// moment returns the time of a stamp that may be missing.
func (s *stamp) moment() *time.Time {
	if s == nil {
		return nil
	}
	return &s.Time
}

// orNull stores "" as NULL.
func orNull[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}
