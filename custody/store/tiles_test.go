package store_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store/storetest"
)

// TestExportedLog exports a log, checks it with nothing but its key, and holds
// each tile that the service would serve against the file.
func TestExportedLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		for range 130 {
			s.sign(s.principal, s.approval())
		}
		files := fstest.MapFS{}
		size, err := s.ExportLog(ctx, s.admin, func(path string, content []byte) error {
			files[path] = &fstest.MapFile{Data: bytes.Clone(content)}
			return nil
		})
		if err != nil || size < 260 {
			t.Fatalf("%d entries, %v", size, err)
		}
		verifier, err := note.NewVerifier(s.VKey)
		if err != nil {
			t.Fatal(err)
		}
		signatures := 0
		c, err := signinglog.CheckTiles(files, verifier, func(_ int64, e signinglog.Entry) error {
			if e.Type == signinglog.TypeSignature {
				signatures++
			}
			return nil
		})
		if err != nil || c.Size != size || signatures != 130 {
			t.Fatalf("%v with %d signatures, %v", c, signatures, err)
		}
		for path, file := range files {
			if path == signinglog.CheckpointPath {
				continue
			}
			tile, err := signinglog.ParseTilePath(path)
			if err != nil {
				t.Fatal(err)
			}
			var content []byte
			if signinglog.IsEntries(tile) {
				content, err = s.EntryTile(ctx, s.admin, tile)
				if _, err := s.EntryTile(ctx, s.deputy, tile); !errors.Is(err, custody.ErrForbidden) {
					t.Errorf("a deputy reads %s: %v", path, err)
				}
			} else {
				content, err = s.Tile(ctx, s.School.ID, tile)
			}
			if err != nil || !bytes.Equal(content, file.Data) {
				t.Errorf("%s is another: %v", path, err)
			}
			tile.N += 1000
			if _, err := s.Tile(ctx, s.School.ID, tile); !errors.Is(err, custody.ErrNotFound) {
				t.Errorf("%s, which is not there: %v", signinglog.TilePath(tile), err)
			}
		}
		if _, err := s.ExportLog(ctx, s.deputy, func(string, []byte) error { return nil }); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a deputy exports: %v", err)
		}
	})
}
