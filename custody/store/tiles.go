package store

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// Tile returns a tile of the log's hashes (C2SP tlog-tiles). It tells nothing of
// the entries, so anyone may ask. A tile that the log has not reached is
// ErrNotFound.
func (s *Store) Tile(ctx context.Context, school custody.SchoolID, t tlog.Tile) ([]byte, error) {
	if signinglog.IsEntries(t) {
		return nil, custody.NotFound("tile")
	}
	if err := s.reached(ctx, school, t); err != nil {
		return nil, err
	}
	content, err := tlog.ReadTileData(t, storedHashes{ctx: ctx, q: s.reader, school: school})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", signinglog.TilePath(t), err)
	}
	return content, nil
}

// reached: the tree has as many hashes of the tile's level.
func (s *Store) reached(ctx context.Context, school custody.SchoolID, t tlog.Tile) error {
	h, err := s.head(ctx, school)
	if err != nil {
		return err
	}
	if last := t.N*signinglog.TileWidth + int64(t.W); last > h.Size>>(max(t.L, 0)*t.H) {
		return custody.NotFound("tile")
	}
	return nil
}

// EntryTile returns a tile of the log's entries, for who manages the register:
// entries hold the numbers of documents and of papers.
func (s *Store) EntryTile(ctx context.Context, actor custody.Actor, t tlog.Tile) ([]byte, error) {
	if !signinglog.IsEntries(t) {
		return nil, custody.NotFound("tile")
	}
	if !actor.Roles.May(custody.ReadLog) {
		return nil, custody.Forbidden("")
	}
	if err := s.reached(ctx, actor.School, t); err != nil {
		return nil, err
	}
	var entries [][]byte
	if err := s.reader.list(ctx, &entries, `SELECT bytes FROM log_entries WHERE school_id = ? AND entry_index >= ? AND entry_index < ? ORDER BY entry_index`,
		string(actor.School), t.N*signinglog.TileWidth, t.N*signinglog.TileWidth+int64(t.W)); err != nil {
		return nil, fmt.Errorf("read %s: %w", signinglog.TilePath(t), err)
	}
	if len(entries) != t.W {
		return nil, &signinglog.BadEntryError{Index: t.N*signinglog.TileWidth + int64(len(entries)), Reason: "entries are missing"}
	}
	return signinglog.EntryBundle(entries)
}

// exportPage is how many entries are read at once.
const exportPage = 1000

// ExportLog gives write the files of the whole log as the newest checkpoint states
// it: see signinglog.WriteTiles. It holds no transaction: entries are never changed,
// and those appended meanwhile are left out.
func (s *Store) ExportLog(ctx context.Context, actor custody.Actor, write func(path string, content []byte) error) (int64, error) {
	if !actor.Roles.May(custody.ReadLog) {
		return 0, custody.Forbidden("")
	}
	h, err := s.head(ctx, actor.School)
	if err != nil {
		return 0, err
	}
	return h.Size, signinglog.WriteTiles(s.storedEntries(ctx, actor.School, h.Size), h.Checkpoint, h.Size, write)
}

func (s *Store) storedEntries(ctx context.Context, school custody.SchoolID, size int64) iter.Seq2[signinglog.StoredEntry, error] {
	return func(yield func(signinglog.StoredEntry, error) bool) {
		for next := int64(0); next < size; {
			var rows []struct {
				Index int64  `db:"entry_index"`
				Bytes []byte `db:"bytes"`
			}
			err := s.reader.list(ctx, &rows, `SELECT entry_index, bytes FROM log_entries WHERE school_id = ? AND entry_index >= ? ORDER BY entry_index LIMIT ?`,
				string(school), next, exportPage)
			if err != nil {
				yield(signinglog.StoredEntry{}, err)
				return
			}
			if len(rows) == 0 {
				return
			}
			for _, row := range rows {
				if !yield(signinglog.StoredEntry{Index: row.Index, Bytes: row.Bytes}, nil) {
					return
				}
				next = row.Index + 1
			}
		}
	}
}
