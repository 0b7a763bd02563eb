package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"sokyso/migrations"
)

// A restore takes several transactions, and whoever runs it may be killed between any two.
// So the first of them makes a table that says so, and the last one, when the log has been
// recomputed, drops it: where it is, nothing is served, and the next restore begins anew.

// unfinishedTable is that table. It is in no migration: an older schema knows it too.
const unfinishedTable = "unfinished_restore"

// Errors of a restore that is not at its end.
var (
	ErrUnfinished = errors.New("a restore was broken off here")
	ErrRestoring  = errors.New("another restore goes on here")
)

// hasTable reports whether a table is there, among those that the address leads to.
func hasTable(ctx context.Context, q sqlx.QueryerContext, dialect migrations.Dialect, name string) (bool, error) {
	query := `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1`
	if dialect == migrations.SQLite {
		query = `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1`
	}
	var n int
	err := sqlx.GetContext(ctx, q, &n, query, name)
	return n > 0, driverError(err)
}

// hasSchool looks before anything is made or brought up to date.
func hasSchool(ctx context.Context, q sqlx.QueryerContext, dialect migrations.Dialect) (bool, error) {
	there, err := hasTable(ctx, q, dialect, "schools")
	if err != nil || !there {
		return false, err
	}
	var n int
	err = sqlx.GetContext(ctx, q, &n, `SELECT COUNT(*) FROM schools`)
	return n > 0, driverError(err)
}

// checkFinished is ErrUnfinished where a restore has not come to its end.
func checkFinished(ctx context.Context, db *sqlx.DB, dialect migrations.Dialect) error {
	unfinished, err := hasTable(ctx, db, dialect, unfinishedTable)
	if err == nil && unfinished {
		return ErrUnfinished
	}
	return err
}

// restoreClaim is the right to restore, until finish or giveUp. It holds a connection and,
// on PostgreSQL, a row's lock by which others know that somebody is at work.
type restoreClaim struct {
	conn    *sqlx.Conn
	dialect migrations.Dialect
}

// claimRestore takes it where there is no register. What a restore that was broken off has
// left goes.
func claimRestore(ctx context.Context, db *sqlx.DB, dialect migrations.Dialect) (*restoreClaim, error) {
	unfinished, err := hasTable(ctx, db, dialect, unfinishedTable)
	if err != nil {
		return nil, err
	}
	if !unfinished {
		if there, err := hasSchool(ctx, db, dialect); err != nil {
			return nil, err
		} else if there {
			return nil, ErrNotEmpty
		}
	}
	conn, err := db.Connx(ctx)
	if err != nil {
		return nil, driverError(err)
	}
	c := &restoreClaim{conn, dialect}
	if !unfinished {
		if err := c.exec(ctx, "CREATE TABLE "+unfinishedTable+" (mark TEXT NOT NULL)", "INSERT INTO "+unfinishedTable+" (mark) VALUES ('restore')"); err != nil {
			if there, _ := hasTable(ctx, db, dialect, unfinishedTable); there {
				err = ErrRestoring // it was quicker
			}
			return nil, errors.Join(err, conn.Close())
		}
	}
	reached("restore claimed")
	if err := c.hold(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if !unfinished {
		// Between the look and the claim somebody may have made a school. Not in the claim's
		// own transaction, which would keep what is to be dropped.
		if there, err := hasSchool(ctx, db, dialect); err != nil || there {
			if err == nil {
				err = ErrNotEmpty
			}
			return nil, errors.Join(err, c.finish(context.WithoutCancel(ctx)))
		}
	}
	if err := dropRegister(ctx, db, dialect); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// exec runs statements in one transaction.
func (c *restoreClaim) exec(ctx context.Context, statements ...string) error {
	tx, err := c.conn.BeginTxx(ctx, nil)
	if err != nil {
		return driverError(err)
	}
	defer tx.Rollback()
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return driverError(err)
		}
	}
	return driverError(tx.Commit())
}

// hold locks the row of the claim for as long as this connection lives. SQLite has no such
// locks: there whoever comes later waits for the one transaction that loads, and gives up.
func (c *restoreClaim) hold(ctx context.Context) error {
	if c.dialect == migrations.SQLite {
		return nil
	}
	// Somebody's server may end transactions in which nothing happens.
	for _, command := range []string{"BEGIN", "SET LOCAL idle_in_transaction_session_timeout = 0"} {
		if _, err := c.conn.ExecContext(ctx, command); err != nil {
			return driverError(err)
		}
	}
	var mark string
	err := driverError(c.conn.GetContext(ctx, &mark, "SELECT mark FROM "+unfinishedTable+" FOR UPDATE NOWAIT"))
	if errors.Is(err, ErrBusy) {
		return ErrRestoring
	}
	return err
}

// finish makes the register one that is served.
func (c *restoreClaim) finish(ctx context.Context) error {
	_, err := c.conn.ExecContext(ctx, "DROP TABLE "+unfinishedTable)
	if err == nil && c.dialect == migrations.Postgres {
		_, err = c.conn.ExecContext(ctx, "COMMIT")
	}
	return errors.Join(driverError(err), c.close())
}

// giveUp takes back what was restored.
func (c *restoreClaim) giveUp(ctx context.Context, db *sqlx.DB) error {
	ctx = context.WithoutCancel(ctx)
	if there, err := hasTable(ctx, db, c.dialect, unfinishedTable); err == nil && !there {
		return errors.Join(ErrRestoring, c.close()) // what is here now is that one's
	}
	if err := dropRegister(ctx, db, c.dialect); err != nil {
		return errors.Join(fmt.Errorf("take back what was restored: %w", err), c.close())
	}
	return c.finish(ctx)
}

// close gives the connection up, and the lock with it.
func (c *restoreClaim) close() error {
	_ = c.conn.Raw(func(any) error { return errGivenUp })
	if err := c.conn.Close(); !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return nil
}

// dropRegister drops all tables of a register, and none of anybody else's.
func dropRegister(ctx context.Context, db *sqlx.DB, dialect migrations.Dialect) error {
	known, err := migrations.Tables(dialect)
	if err != nil {
		return err
	}
	var there []string
	for _, table := range known {
		has, err := hasTable(ctx, db, dialect, table)
		if err != nil {
			return err
		}
		if has {
			there = append(there, table)
		}
	}
	if len(there) == 0 {
		return nil
	}
	if dialect == migrations.Postgres {
		_, err := db.ExecContext(ctx, "DROP TABLE "+strings.Join(there, ", ")+" CASCADE")
		return driverError(err)
	}
	conn, err := db.Connx(ctx)
	if err != nil {
		return driverError(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = 0"); err != nil {
		return driverError(err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = 1")
	for _, table := range there {
		if _, err := conn.ExecContext(ctx, "DROP TABLE "+table); err != nil {
			return driverError(err)
		}
	}
	return nil
}
