package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
)

// later executes a statement whose result nobody waits for. On PostgreSQL it is sent
// together with those that follow, up to the next one whose result is asked for or
// the commit: one round trip for all. None of them runs after one that failed, the
// commit neither; the error is that of the call which sends them. SQLite, which has
// no way to go, executes it at once.
func (c *connection) later(ctx context.Context, query string, args ...any) error {
	if !c.pipelined {
		_, err := c.exec(ctx, query, args...)
		return err
	}
	_, err := c.queue(query, args)
	return err
}

// listLater is list for a result that is looked at only after send.
func listLater[T any](ctx context.Context, c *connection, dest *[]T, query string, args ...any) error {
	if !c.pipelined {
		return c.list(ctx, dest, query, args...)
	}
	queued, err := c.queue(query, args)
	if err != nil {
		return err
	}
	queued.Query(func(rows pgx.Rows) error {
		*dest, err = pgx.CollectRows(rows, pgx.RowToStructByNameLax[T])
		return err
	})
	return nil
}

func (c *connection) queue(query string, args []any) (*pgx.QueuedQuery, error) {
	reached(query)
	sent(query, args)
	values := make([]any, len(args))
	for i, arg := range args {
		if kind := reflect.TypeOf(arg); kind != nil && kind.Kind() == reflect.Slice && kind.Elem().Kind() != reflect.Uint8 {
			values[i] = arg // an array
			continue
		}
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
		values[i] = value
	}
	return c.waiting.Queue(sqlx.Rebind(sqlx.DOLLAR, query), values...), nil
}

// send executes what waits.
func (c *connection) send(ctx context.Context) error {
	if c.waiting.Len() == 0 {
		return nil
	}
	batch := c.waiting
	c.waiting = pgx.Batch{}
	return driverError(c.conn.Raw(func(conn any) error {
		return conn.(*stdlib.Conn).Conn().SendBatch(ctx, &batch).Close()
	}))
}

// table is one whose rows are written many at a time.
type table struct {
	name    string
	columns []column
}

type column struct {
	name string
	kind columnKind
}

type columnKind string // a type of PostgreSQL

const (
	textColumn  columnKind = "text"
	countColumn columnKind = "bigint"
	bytesColumn columnKind = "bytea"
	flagColumn  columnKind = "boolean"
)

// insert writes rows, each with a value for every column. PostgreSQL gets each column
// as one array: a statement that is the same for any number of rows, and three times as
// fast as one with a parameter for each value. SQLite knows no arrays.
func (t *tx) insert(into table, rows [][]any) error {
	names := make([]string, len(into.columns))
	for i, c := range into.columns {
		names[i] = c.name
	}
	query := "INSERT INTO " + into.name + " (" + strings.Join(names, ", ") + ") "
	if t.pipelined && len(rows) > 0 {
		parts, arrays := make([]string, len(into.columns)), make([]any, len(into.columns))
		for i, c := range into.columns {
			array, err := c.kind.array(rows, i)
			if err != nil {
				return fmt.Errorf("column %s of %s: %w", c.name, into.name, err)
			}
			parts[i], arrays[i] = "CAST(? AS "+string(c.kind)+"[])", array
		}
		return t.put(query+"SELECT * FROM unnest("+strings.Join(parts, ", ")+")", arrays...)
	}
	places := "(?" + strings.Repeat(",?", len(names)-1) + ")"
	for part := range slices.Chunk(rows, batchLimit) {
		values := make([]any, 0, len(part)*len(names))
		for _, row := range part {
			values = append(values, row...)
		}
		if err := t.put(query+"VALUES "+places+strings.Repeat(","+places, len(part)-1), values...); err != nil {
			return err
		}
	}
	return nil
}

// array gathers a column of the rows.
func (k columnKind) array(rows [][]any, column int) (any, error) {
	switch k {
	case textColumn:
		return gather[string](rows, column)
	case countColumn:
		return gather[int64](rows, column)
	case bytesColumn:
		return gather[[]byte](rows, column)
	}
	return gather[bool](rows, column)
}

func gather[T any](rows [][]any, column int) ([]*T, error) {
	array := make([]*T, len(rows))
	for i, row := range rows {
		value, err := driver.DefaultParameterConverter.ConvertValue(row[column])
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		v, ok := value.(T)
		if !ok {
			return nil, fmt.Errorf("%T in a column of %T", value, v)
		}
		array[i] = &v
	}
	return array, nil
}

// among is the condition that a column holds one of the values. One value is asked for as
// such: PostgreSQL would plan the statement anew each time for an array of one.
func (t *tx) among(column string, values []string) (string, []any) {
	if t.pipelined && len(values) > 1 {
		return column + " = ANY(?)", []any{values}
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return column + " IN (?" + strings.Repeat(",?", len(values)-1) + ")", args
}

var entryTable = table{"log_entries", []column{{"school_id", textColumn}, {"entry_index", countColumn}, {"entry_type", textColumn}, {"actor_id", textColumn},
	{"person_id", textColumn}, {"token_id", textColumn}, {"logged_at", countColumn}, {"bytes", bytesColumn}, {"hashes", bytesColumn}}}

var revealTable = table{"reveals", []column{{"school_id", textColumn}, {"entry_index", countColumn}, {"field", textColumn}, {"salt", bytesColumn}, {"value", textColumn}}}

var signatureTable = table{"signatures", []column{{"id", textColumn}, {"school_id", textColumn}, {"grant_id", textColumn}, {"certificate_sha256", textColumn},
	{"sha256_out", textColumn}, {"byte_range_digest", textColumn}, {"cms", bytesColumn}, {"level", textColumn}, {"signature_field", textColumn},
	{"signed_at", countColumn}, {"recorded_at", countColumn}, {"late", flagColumn}, {"after_report", flagColumn}, {"entry_index", countColumn}}}

var grantTable = table{"grants", []column{{"id", textColumn}, {"school_id", textColumn}, {"person_id", textColumn}, {"token_id", textColumn}, {"request", textColumn},
	{"certificate_sha256", textColumn}, {"sha256_in", textColumn}, {"act", textColumn}, {"capacity", textColumn}, {"document_number", textColumn},
	{"document_symbol", textColumn}, {"document_kind", textColumn}, {"title", textColumn}, {"custody_entry", countColumn}, {"authority_entry", countColumn},
	{"approval_entry", countColumn}, {"approval_certificate", textColumn}, {"approval_digest", textColumn}, {"granted_at", countColumn},
	{"expires_at", countColumn}, {"entry_index", countColumn}}}

var openTable = table{"open_grants", []column{{"grant_id", textColumn}, {"school_id", textColumn}, {"expires_at", countColumn}}}
