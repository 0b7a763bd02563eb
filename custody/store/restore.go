package store

import (
	"bufio"
	"bytes"
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
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"sokyso/migrations"
)

// maxBackupLine bounds a row: the largest hold a part of a file or a CMS, in base64.
const maxBackupLine = 64 << 20

// nameForm is what tables and columns are called; it keeps a backup from being SQL.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// Restore makes the register of a backup at a URL where there is none: a database file that
// does not exist, or a PostgreSQL schema without a school. All rows come in one
// transaction, after which the schema is brought up to date and check looks at the register,
// whose log is not verified otherwise: see VerifyLog. On an error, check's too, there is no
// register. Killed on the way, it leaves none that can be opened ([ErrUnfinished]), and
// Restore begins anew. ErrBackup, with what is wrong, for a file that is damaged, cut or
// something else; ErrNotEmpty, ErrBackupNewer, [ErrRestoring]. progress and check may be nil.
func Restore(ctx context.Context, url string, r io.Reader, progress func(rows int64), check func(Backup, *Store) error) (Backup, error) {
	in, err := newBackupReader(r)
	if err != nil {
		return Backup{}, err
	}
	dialect, source, err := dataSource(url, true, false)
	if err != nil {
		return in.backup, fmt.Errorf("restore: %w", err)
	}
	db, err := openPool(dialect, source, 3)
	if err != nil {
		return in.backup, err
	}
	claim, err := claimRestore(ctx, db, dialect)
	if err != nil {
		return in.backup, errors.Join(fmt.Errorf("restore: %w", err), db.Close())
	}
	err = restoreInto(ctx, db, dialect, in, progress)
	if err == nil && check != nil {
		var register *Store
		if register, err = Open(ctx, Config{URL: url, restoring: true}); err == nil {
			err = errors.Join(check(in.backup, register), register.Close())
		}
	}
	reached("restore checked")
	if err == nil {
		err = claim.finish(ctx)
	} else {
		err = errors.Join(err, claim.giveUp(ctx, db))
	}
	reached("restore finished")
	if err == nil && dialect == migrations.SQLite {
		_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return in.backup, fmt.Errorf("restore: %w", driverError(err))
	}
	return in.backup, nil
}

// restoreInto fills an empty database.
func restoreInto(ctx context.Context, db *sqlx.DB, dialect migrations.Dialect, in *backupReader, progress func(rows int64)) error {
	if _, need, err := migrations.Versions(ctx, db.DB, dialect); err != nil {
		return err
	} else if in.backup.Schema > need {
		return ErrBackupNewer
	}
	if err := migrations.UpTo(ctx, db.DB, dialect, in.backup.Schema); err != nil {
		return err
	}
	reached("restore has tables")
	conn, err := db.Conn(ctx)
	if err != nil {
		return driverError(err)
	}
	defer conn.Close()
	if err := load(ctx, conn, dialect, in, progress); err != nil {
		return err
	}
	reached("restore has rows")
	_, err = migrations.Up(ctx, db.DB, dialect)
	reached("restore is up to date")
	return err
}

// load reads all tables into a register that is empty. Foreign keys are looked at when
// everything is there.
func load(ctx context.Context, conn *sql.Conn, dialect migrations.Dialect, in *backupReader, progress func(rows int64)) error {
	if dialect == migrations.SQLite {
		if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = 0"); err != nil {
			return driverError(err)
		}
		defer conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = 1")
	}
	begin := "BEGIN"
	if dialect == migrations.SQLite {
		begin = "BEGIN IMMEDIATE"
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return driverError(err)
	}
	err := func() error {
		var schools int
		if err := conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM schools`).Scan(&schools); err != nil {
			return driverError(err)
		}
		if schools > 0 {
			return ErrNotEmpty
		}
		addKeys, err := dropForeignKeys(ctx, conn, dialect)
		if err != nil {
			return err
		}
		for {
			table, err := in.nextTable()
			if err != nil {
				return err
			}
			if table == nil {
				break
			}
			reached("restore of " + table.Table)
			if err := loadTable(ctx, conn, dialect, in, table, progress); err != nil {
				return fmt.Errorf("table %s: %w", table.Table, damagedUnless(ctx, err))
			}
		}
		return damagedUnless(ctx, addKeys())
	}()
	if err != nil {
		_, undo := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, driverError(undo))
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return driverError(err)
	}
	return nil
}

// damagedUnless: what the database does not take is no row of a register, and so the file
// is damaged, unless the database itself is in trouble. The sums would tell too, at the
// end.
func damagedUnless(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrBackup) {
		return err
	}
	for _, trouble := range []error{ErrBusy, ErrFull, ErrDisk, ErrReadOnly, ErrUnreachable, ErrDamaged, ErrMissing} {
		if errors.Is(err, trouble) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrBackup, err)
}

// dropForeignKeys takes PostgreSQL's foreign keys away until addKeys, in the same
// transaction; SQLite's are off, and addKeys checks them.
func dropForeignKeys(ctx context.Context, conn *sql.Conn, dialect migrations.Dialect) (addKeys func() error, err error) {
	if dialect == migrations.SQLite {
		return func() error {
			rows, err := conn.QueryContext(ctx, "PRAGMA foreign_key_check")
			if err != nil {
				return driverError(err)
			}
			defer rows.Close()
			if rows.Next() {
				return fmt.Errorf("%w: rows belong to nothing", ErrBackup)
			}
			return driverError(rows.Err())
		}, nil
	}
	rows, err := conn.QueryContext(ctx, `SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
		WHERE contype = 'f' AND connamespace = current_schema()::regnamespace`)
	if err != nil {
		return nil, driverError(err)
	}
	defer rows.Close()
	var drop, add []string
	for rows.Next() {
		var table, name, definition string
		if err := rows.Scan(&table, &name, &definition); err != nil {
			return nil, driverError(err)
		}
		name = pgx.Identifier{name}.Sanitize()
		drop = append(drop, "ALTER TABLE "+table+" DROP CONSTRAINT "+name)
		add = append(add, "ALTER TABLE "+table+" ADD CONSTRAINT "+name+" "+definition)
	}
	if err := rows.Err(); err != nil {
		return nil, driverError(err)
	}
	run := func(statements []string) error {
		for _, statement := range statements {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return driverError(err)
			}
		}
		return nil
	}
	return func() error { return run(add) }, run(drop)
}

// loadTable reads the rows up to the next table.
func loadTable(ctx context.Context, conn *sql.Conn, dialect migrations.Dialect, in *backupReader, table *backupTable, progress func(rows int64)) error {
	kinds, err := columnKinds(ctx, conn, dialect, table)
	if err != nil {
		return err
	}
	next := func() ([]any, error) {
		row, err := in.nextRow(len(kinds))
		if err != nil || row == nil {
			return nil, err
		}
		for i := range row {
			if row[i], err = valueOf(row[i], kinds[i], dialect); err != nil {
				return nil, fmt.Errorf("column %s: %w", table.Columns[i], err)
			}
		}
		if progress != nil && in.rows%1024 == 0 {
			progress(in.rows)
		}
		return row, nil
	}
	if dialect == migrations.Postgres {
		return conn.Raw(func(driver any) error {
			var cause error // the server only repeats its words
			_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table.Table}, table.Columns, pgx.CopyFromFunc(func() (row []any, err error) {
				row, cause = next()
				return row, cause
			}))
			if cause != nil {
				return cause
			}
			return driverError(err)
		})
	}
	insert, err := conn.PrepareContext(ctx, "INSERT INTO "+table.Table+" ("+strings.Join(table.Columns, ", ")+") VALUES (?"+strings.Repeat(",?", len(table.Columns)-1)+")")
	if err != nil {
		return driverError(err)
	}
	defer insert.Close()
	for {
		row, err := next()
		if err != nil || row == nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return driverError(err)
		}
	}
}

// columnKinds are the types of the columns as this database has them.
func columnKinds(ctx context.Context, conn *sql.Conn, dialect migrations.Dialect, table *backupTable) ([]string, error) {
	query := `SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`
	if dialect == migrations.SQLite {
		query = `SELECT name, lower(type) FROM pragma_table_info(?)`
	}
	rows, err := conn.QueryContext(ctx, query, table.Table)
	if err != nil {
		return nil, driverError(err)
	}
	defer rows.Close()
	known := map[string]string{}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return nil, driverError(err)
		}
		known[name] = kind
	}
	if err := rows.Err(); err != nil {
		return nil, driverError(err)
	}
	kinds := make([]string, len(table.Columns))
	for i, column := range table.Columns {
		if kinds[i] = known[column]; kinds[i] == "" {
			return nil, fmt.Errorf("%w: there is no column %s", ErrBackup, column)
		}
	}
	return kinds, nil
}

// valueOf fits a value to the column; flags are numbers in SQLite.
func valueOf(v any, kind string, dialect migrations.Dialect) (any, error) {
	switch v := v.(type) {
	case nil, string:
		return v, nil
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return nil, fmt.Errorf("%w: number %s", ErrBackup, v)
		}
		if kind == "boolean" {
			return n != 0, nil
		}
		return n, nil
	case bool:
		if dialect == migrations.SQLite {
			if v {
				return int64(1), nil
			}
			return int64(0), nil
		}
		return v, nil
	case map[string]any:
		encoded, ok := v["b"].(string)
		var bytes backupBytes
		if !ok || len(v) != 1 || json.Unmarshal([]byte(`{"b":"`+encoded+`"}`), &bytes) != nil {
			return nil, fmt.Errorf("%w: bytes", ErrBackup)
		}
		if bytes.Bytes == nil {
			bytes.Bytes = []byte{}
		}
		return bytes.Bytes, nil
	}
	return nil, fmt.Errorf("%w: a value of %T", ErrBackup, v)
}

// backupReader reads the lines of a backup and checks that it is whole.
type backupReader struct {
	backup  Backup
	scanner *bufio.Scanner
	sum     hash.Hash
	rows    int64
	ahead   []byte // a line that ended a table
	tables  []string
}

// ReadBackup reads what a backup says of itself, without looking whether it is whole.
func ReadBackup(r io.Reader) (Backup, error) {
	in, err := newBackupReader(r)
	if err != nil {
		return Backup{}, err
	}
	return in.backup, nil
}

func newBackupReader(r io.Reader) (*backupReader, error) {
	zip, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	in := &backupReader{scanner: bufio.NewScanner(zip), sum: sha256.New()}
	in.scanner.Buffer(make([]byte, 1<<16), maxBackupLine)
	line, err := in.line()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(line, &in.backup); err != nil || in.backup.Format == 0 {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrBackup)
	}
	if in.backup.Format > backupFormat {
		return nil, ErrBackupNewer
	}
	in.take(line)
	return in, nil
}

func (in *backupReader) take(line []byte) {
	in.sum.Write(line)
	in.sum.Write([]byte{'\n'})
}

// line is the next one, good until the one after it.
func (in *backupReader) line() ([]byte, error) {
	if in.ahead != nil {
		line := in.ahead
		in.ahead = nil
		return line, nil
	}
	if !in.scanner.Scan() {
		err := in.scanner.Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	return in.scanner.Bytes(), nil
}

// nextTable is nil at the end of a whole backup.
func (in *backupReader) nextTable() (*backupTable, error) {
	line, err := in.line()
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(line, []byte(`{"rows":`)) {
		return nil, in.end(line)
	}
	table := &backupTable{}
	if err := json.Unmarshal(line, table); err != nil || !nameForm.MatchString(table.Table) || len(table.Columns) == 0 ||
		slices.Contains(in.tables, table.Table) || slices.Contains(notBackedUp, table.Table) {
		return nil, fmt.Errorf("%w: a table that is none", ErrBackup)
	}
	for _, column := range table.Columns {
		if !nameForm.MatchString(column) {
			return nil, fmt.Errorf("%w: a column that is none", ErrBackup)
		}
	}
	in.tables = append(in.tables, table.Table)
	in.take(line)
	return table, nil
}

// nextRow is nil where the table ends.
func (in *backupReader) nextRow(columns int) ([]any, error) {
	line, err := in.line()
	if err != nil {
		return nil, err
	}
	if len(line) > 0 && line[0] == '{' {
		in.ahead = bytes.Clone(line)
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var row []any
	if err := decoder.Decode(&row); err != nil || len(row) != columns {
		return nil, fmt.Errorf("%w: a row that is none", ErrBackup)
	}
	in.take(line)
	in.rows++
	return row, nil
}

func (in *backupReader) end(line []byte) error {
	var end backupEnd
	if err := json.Unmarshal(line, &end); err != nil || end.Rows != in.rows || end.SHA256 != hex.EncodeToString(in.sum.Sum(nil)) {
		return fmt.Errorf("%w: its content is not what its last line says", ErrBackup)
	}
	if in.scanner.Scan() || in.scanner.Err() != nil { // the sum of gzip is looked at here
		return fmt.Errorf("%w: it goes on after its end", ErrBackup)
	}
	return nil
}
