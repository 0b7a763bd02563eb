package signinglog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
)

// tiledLog is a log of n entries as files.
func tiledLog(t testing.TB, n int64) (fstest.MapFS, note.Verifier) {
	t.Helper()
	skey, vkey, err := signinglog.GenerateKey("sokyso/tiles")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	var entries []signinglog.StoredEntry
	var frontier signinglog.Frontier
	for i := range n {
		entry, err := signinglog.Entry{Type: signinglog.TypeSetting, At: time.Unix(i, 0), School: "0199bc1e-6f00-7000-8000-000000000001",
			Fields: map[string]string{"actor": "system", "via": "cli", "setting": "0199bc1e-6f00-7000-8000-000000000002", "name": "report_hours", "value": fmt.Sprint(i)}}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, signinglog.StoredEntry{Index: i, Bytes: entry})
		if frontier, _, err = frontier.Append(signinglog.LeafHash(entry)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := frontier.Root()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signinglog.Sign(signinglog.Checkpoint{Origin: "sokyso/tiles", Size: n, Root: root}, signer)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	write := func(path string, content []byte) error {
		files[path] = &fstest.MapFile{Data: bytes.Clone(content)}
		return nil
	}
	if err := signinglog.WriteTiles(all(entries), signed, n, write); err != nil {
		t.Fatal(err)
	}
	return files, verifier
}

func all(entries []signinglog.StoredEntry) iter.Seq2[signinglog.StoredEntry, error] {
	return func(yield func(signinglog.StoredEntry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestTiles writes logs whose right edge stands at every place that matters and
// reads them back; golang.org/x/mod's own reader of tiles proves entries from them.
func TestTiles(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 255, 256, 257, 511, 512, 700} {
		files, verifier := tiledLog(t, n)
		seen := int64(0)
		c, err := signinglog.CheckTiles(files, verifier, func(index int64, e signinglog.Entry) error {
			if index != seen || e.Fields["value"] != fmt.Sprint(index) {
				t.Errorf("entry %d comes as %d: %v", seen, index, e.Fields)
			}
			seen++
			return nil
		})
		if err != nil || c.Size != n || seen != n {
			t.Fatalf("log of %d: %d entries seen, %v, %v", n, seen, c, err)
		}
		if n == 0 {
			continue
		}
		hashes := tlog.TileHashReader(tlog.Tree{N: n, Hash: c.Root}, tileFiles{files})
		for _, index := range []int64{0, n / 2, n - 1} {
			proof, err := tlog.ProveRecord(n, index, hashes)
			if err != nil {
				t.Fatalf("log of %d: prove %d: %v", n, index, err)
			}
			bundle, err := fs.ReadFile(files, signinglog.TilePath(tlog.Tile{H: 8, L: -1, N: index / 256, W: int(min(256, n-index/256*256))}))
			if err != nil {
				t.Fatal(err)
			}
			entries, err := signinglog.ParseEntryBundle(bundle, int(min(256, n-index/256*256)))
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(proof, n, c.Root, index, signinglog.LeafHash(entries[index%256])); err != nil {
				t.Errorf("log of %d: entry %d: %v", n, index, err)
			}
		}
	}
}

// tileFiles is a tlog.TileReader on a log's files.
type tileFiles struct{ fs.FS }

func (tileFiles) Height() int                     { return 8 }
func (tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (f tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		content, err := fs.ReadFile(f, signinglog.TilePath(t))
		if err != nil {
			return nil, err
		}
		data = append(data, content)
	}
	return data, nil
}

// TestAlteredTilesAreFound changes a byte of each file, and takes each away.
func TestAlteredTilesAreFound(t *testing.T) {
	files, verifier := tiledLog(t, 600)
	names := 0
	for path, file := range files {
		names++
		for _, at := range []int{0, len(file.Data) / 2, len(file.Data) - 1} {
			kept := file.Data
			file.Data = bytes.Clone(kept)
			file.Data[at] ^= 1
			if _, err := signinglog.CheckTiles(files, verifier, nil); err == nil {
				t.Errorf("%s: byte %d altered: not found", path, at)
			} else if bad := (*signinglog.BadEntryError)(nil); path != signinglog.CheckpointPath && !errors.As(err, &bad) {
				t.Errorf("%s: byte %d altered: %v names no entry", path, at, err)
			}
			file.Data = kept[:len(kept)-1]
			if _, err := signinglog.CheckTiles(files, verifier, nil); err == nil {
				t.Errorf("%s: cut: not found", path)
			}
			file.Data = kept
		}
		delete(files, path)
		if _, err := signinglog.CheckTiles(files, verifier, nil); err == nil {
			t.Errorf("%s: taken away: not found", path)
		}
		files[path] = file
	}
	if names != 1+3+3+1 { // checkpoint, entries, leaf hashes, their roots
		t.Errorf("%d files", names)
	}
	// The entry that was altered is named.
	path := "tile/entries/001"
	bundle := files[path].Data
	altered := bytes.Replace(bundle, []byte("value 300\n"), []byte("value 301\n"), 1)
	files[path] = &fstest.MapFile{Data: altered}
	_, err := signinglog.CheckTiles(files, verifier, nil)
	if bad := (*signinglog.BadEntryError)(nil); !errors.As(err, &bad) || bad.Index != 300 {
		t.Errorf("altered entry 300: %v", err)
	}
}

func TestTilePaths(t *testing.T) {
	for path, want := range map[string]tlog.Tile{
		"tile/0/000":                  {H: 8, L: 0, N: 0, W: 256},
		"tile/0/x001/x234/067":        {H: 8, L: 0, N: 1234067, W: 256},
		"tile/3/005.p/7":              {H: 8, L: 3, N: 5, W: 7},
		"tile/entries/x001/000":       {H: 8, L: -1, N: 1000, W: 256},
		"tile/entries/x001/000.p/255": {H: 8, L: -1, N: 1000, W: 255},
	} {
		got, err := signinglog.ParseTilePath(path)
		if err != nil || got != want || signinglog.TilePath(want) != path {
			t.Errorf("%s: %+v, %v; %s", path, got, err, signinglog.TilePath(want))
		}
	}
	for _, path := range []string{"", "tile", "tile/8/0/000", "tile/data/000", "tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/00/000", "tile/0/000.p/0",
		"tile/0/000.p/256", "tile/0/000.p/07", "tile/0/../000", "tile/64/000", "tile/entries/-01", "/tile/0/000", "tile/0/000/"} {
		if got, err := signinglog.ParseTilePath(path); !errors.Is(err, signinglog.ErrMalformedTile) {
			t.Errorf("%q is taken as %+v, %v", path, got, err)
		}
	}
}

func FuzzParseEntryBundle(f *testing.F) {
	files, _ := tiledLog(f, 3)
	f.Add(files["tile/entries/000.p/3"].Data, 3)
	f.Add([]byte{0, 0}, 1)
	f.Add([]byte{0, 5, 1}, 1)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		if width < 0 || width > signinglog.TileWidth {
			return
		}
		entries, err := signinglog.ParseEntryBundle(b, width)
		if err != nil {
			return
		}
		again, err := signinglog.EntryBundle(entries)
		if err != nil || !slices.Equal(again, b) {
			t.Errorf("%x comes back as %x, %v", b, again, err)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	for _, path := range []string{"tile/0/000", "tile/entries/x001/000.p/255", "tile/3/005.p/7", "tile/8/0/000"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := signinglog.ParseTilePath(path)
		if err == nil && signinglog.TilePath(tile) != path {
			t.Errorf("%q comes back as %q", path, signinglog.TilePath(tile))
		}
	})
}
