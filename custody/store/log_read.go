package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// head reads the log's head without locking it.
func (s *Store) head(ctx context.Context, school custody.SchoolID) (headRow, error) {
	var h headRow
	err := s.reader.get(ctx, &h, queryHead, string(school))
	if errors.Is(err, sql.ErrNoRows) {
		return h, custody.NotFound("school")
	}
	if err != nil {
		return h, fmt.Errorf("read log head: %w", err)
	}
	return h, nil
}

// storedHashes reads tree hashes from the entries that completed them: the hash
// of level l is the l-th of the last entry below it.
type storedHashes struct {
	ctx    context.Context
	q      querier
	school custody.SchoolID
}

// ReadHashes implements tlog.HashReader.
func (r storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	args := []any{string(r.school)}
	for _, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		args = append(args, (n+1)<<level-1)
	}
	var rows []struct {
		Index  int64  `db:"entry_index"`
		Hashes []byte `db:"hashes"`
	}
	err := r.q.list(r.ctx, &rows, `SELECT entry_index, hashes FROM log_entries WHERE school_id = ? AND entry_index IN (?`+
		strings.Repeat(",?", len(indexes)-1)+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read tree hashes: %w", err)
	}
	byEntry := make(map[int64][]byte, len(rows))
	for _, row := range rows {
		byEntry[row.Index] = row.Hashes
	}
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, _ := tlog.SplitStoredHashIndex(index)
		stored := byEntry[args[i+1].(int64)]
		if len(stored) < (level+1)*tlog.HashSize {
			return nil, &signinglog.BadEntryError{Index: args[i+1].(int64), Reason: "stored hashes are missing"}
		}
		hashes[i] = tlog.Hash(stored[level*tlog.HashSize : (level+1)*tlog.HashSize])
	}
	return hashes, nil
}

// Checkpoint returns the newest checkpoint as a signed note. It was durable
// before it could be read.
func (s *Store) Checkpoint(ctx context.Context, school custody.SchoolID) ([]byte, error) {
	h, err := s.head(ctx, school)
	if err != nil {
		return nil, err
	}
	return h.Checkpoint, nil
}

// visible is the condition under which the actor sees an entry.
func visible(actor custody.Actor) (string, []any) {
	if actor.Roles.May(custody.ReadLog) {
		return "", nil
	}
	return ` AND (actor_id = ? OR person_id = ?)`, []any{string(actor.Person), string(actor.Person)}
}

type logEntryRow struct {
	Index  int64  `db:"entry_index"`
	Type   string `db:"entry_type"`
	At     stamp  `db:"logged_at"`
	Bytes  []byte `db:"bytes"`
	Hashes []byte `db:"hashes"`
}

// Entries returns a page of the log, newest first.
func (s *Store) Entries(ctx context.Context, actor custody.Actor, f LogFilter) (LogPage, error) {
	h, err := s.head(ctx, actor.School)
	if err != nil {
		return LogPage{}, err
	}
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	if limit < 1 || limit > 500 {
		return LogPage{}, custody.Invalid("limit", "limit %d is not within 1 and 500", f.Limit)
	}
	from := h.Size - 1
	if f.From != nil {
		from = min(*f.From, from)
	}
	if f.Match != nil {
		return s.search(ctx, actor, f, h, from, limit)
	}
	query, args := entriesQuery(actor, f, from)
	var rows []logEntryRow
	if err := s.reader.list(ctx, &rows, query, append(args, limit+1)...); err != nil {
		return LogPage{}, fmt.Errorf("read log entries: %w", err)
	}
	page := LogPage{Size: h.Size}
	if len(rows) > limit {
		next := rows[limit].Index
		page.Next = &next
		rows = rows[:limit]
	}
	page.Entries, err = s.withReveals(ctx, actor.School, rows)
	return page, err
}

// entriesQuery reads entries from one on, the newest first; its last parameter is how many.
func entriesQuery(actor custody.Actor, f LogFilter, from int64) (string, []any) {
	condition, rights := visible(actor)
	query := `SELECT entry_index, entry_type, logged_at, bytes, hashes FROM log_entries WHERE school_id = ? AND entry_index <= ?` + condition
	args := append([]any{string(actor.School), from}, rights...)
	if f.Type != "" {
		query, args = query+` AND entry_type = ?`, append(args, f.Type)
	}
	if f.Person != "" {
		query, args = query+` AND (actor_id = ? OR person_id = ?)`, append(args, string(f.Person), string(f.Person))
	}
	if f.Token != "" {
		query, args = query+` AND token_id = ?`, append(args, string(f.Token))
	}
	if !f.Since.IsZero() {
		query, args = query+` AND logged_at >= ?`, append(args, at(f.Since))
	}
	if !f.Until.IsZero() {
		query, args = query+` AND logged_at < ?`, append(args, at(f.Until))
	}
	return query + ` ORDER BY entry_index DESC LIMIT ?`, args
}

// Entry returns one entry that the actor may see.
func (s *Store) Entry(ctx context.Context, actor custody.Actor, index int64) (LogRow, error) {
	row, err := s.entryRow(ctx, actor, index)
	if err != nil {
		return LogRow{}, err
	}
	rows, err := s.withReveals(ctx, actor.School, []logEntryRow{row})
	if err != nil {
		return LogRow{}, err
	}
	return rows[0], nil
}

func (s *Store) entryRow(ctx context.Context, actor custody.Actor, index int64) (logEntryRow, error) {
	condition, rights := visible(actor)
	var row logEntryRow
	err := s.reader.get(ctx, &row, `SELECT entry_index, entry_type, logged_at, bytes, hashes FROM log_entries WHERE school_id = ? AND entry_index = ?`+condition,
		append([]any{string(actor.School), index}, rights...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return row, custody.NotFound("entry")
	}
	if err != nil {
		return row, fmt.Errorf("read log entry %d: %w", index, err)
	}
	return row, nil
}

func (s *Store) withReveals(ctx context.Context, school custody.SchoolID, rows []logEntryRow) ([]LogRow, error) {
	out := make([]LogRow, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	position := make(map[int64]int, len(rows))
	args := []any{string(school)}
	for i, row := range rows {
		if len(row.Hashes) < tlog.HashSize {
			return nil, &signinglog.BadEntryError{Index: row.Index, Reason: "stored hashes are missing"}
		}
		out[i] = LogRow{Index: row.Index, Type: row.Type, At: row.At.Time, Bytes: row.Bytes,
			LeafHash: tlog.Hash(row.Hashes[:tlog.HashSize]), Reveals: map[string]string{}}
		position[row.Index] = i
		args = append(args, row.Index)
	}
	var reveals []revealRow
	// Not kept prepared: the number of parameters differs from page to page.
	err := s.reader.db.SelectContext(ctx, &reveals, s.reader.db.Rebind(`SELECT entry_index, field, salt, value FROM reveals WHERE school_id = ? AND entry_index IN (?`+
		strings.Repeat(",?", len(rows)-1)+`)`), args...)
	if err != nil {
		return nil, fmt.Errorf("read reveals: %w", driverError(err))
	}
	for _, r := range reveals {
		out[position[r.Index]].Reveals[r.Field] = r.Value
	}
	return out, nil
}

// Receipt returns the proof that an entry the actor may see is in the log.
func (s *Store) Receipt(ctx context.Context, actor custody.Actor, index int64) (signinglog.Receipt, error) {
	row, err := s.entryRow(ctx, actor, index)
	if err != nil {
		return signinglog.Receipt{}, err
	}
	return s.receipt(ctx, actor.School, index, row.Bytes)
}

func (s *Store) receipt(ctx context.Context, school custody.SchoolID, index int64, entry []byte) (signinglog.Receipt, error) {
	h, err := s.head(ctx, school)
	if err != nil {
		return signinglog.Receipt{}, err
	}
	proof, err := tlog.ProveRecord(h.Size, index, storedHashes{ctx: ctx, q: s.reader, school: school})
	if err != nil {
		return signinglog.Receipt{}, fmt.Errorf("prove entry %d: %w", index, err)
	}
	return signinglog.Receipt{Index: index, Entry: entry, Proof: proof, Checkpoint: h.Checkpoint}, nil
}

// InclusionProof proves that entry index is in the log of that size (RFC 6962
// §2.1.1). It tells nothing about the entry, so anyone may ask.
func (s *Store) InclusionProof(ctx context.Context, school custody.SchoolID, index, size int64) ([]tlog.Hash, error) {
	h, err := s.head(ctx, school)
	if err != nil {
		return nil, err
	}
	if size < 1 || size > h.Size {
		return nil, custody.Invalid("size", "size %d is not within 1 and %d", size, h.Size)
	}
	if index < 0 || index >= size {
		return nil, custody.Invalid("index", "index %d is not within 0 and %d", index, size-1)
	}
	proof, err := tlog.ProveRecord(size, index, storedHashes{ctx: ctx, q: s.reader, school: school})
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", index, err)
	}
	return proof, nil
}

// ConsistencyProof proves that the log of size to extends that of size from
// (RFC 6962 §2.1.2). It is empty when from is 0 or to.
func (s *Store) ConsistencyProof(ctx context.Context, school custody.SchoolID, from, to int64) ([]tlog.Hash, error) {
	h, err := s.head(ctx, school)
	if err != nil {
		return nil, err
	}
	if from < 0 || from > to {
		return nil, custody.Invalid("from", "from %d is not within 0 and %d", from, to)
	}
	if to > h.Size {
		return nil, custody.Invalid("to", "to is %s, the log has %d entries", strconv.FormatInt(to, 10), h.Size)
	}
	if from == 0 || from == to {
		return nil, nil
	}
	proof, err := tlog.ProveTree(to, from, storedHashes{ctx: ctx, q: s.reader, school: school})
	if err != nil {
		return nil, fmt.Errorf("prove consistency of %d and %d: %w", from, to, err)
	}
	return proof, nil
}

// LogSize is how many entries a log has.
func (s *Store) LogSize(ctx context.Context, school custody.SchoolID) (int64, error) {
	h, err := s.head(ctx, school)
	return h.Size, err
}

// Connections counts the open connections to the database.
func (s *Store) Connections() (busy, idle int) {
	pools := []*pool{s.writer, s.reader}
	if s.reader == s.writer {
		pools = pools[:1]
	}
	for _, p := range pools {
		stats := p.db.Stats()
		busy, idle = busy+stats.InUse, idle+stats.Idle
	}
	return busy, idle
}
