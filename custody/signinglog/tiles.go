package signinglog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A log as files, in the form of C2SP tlog-tiles: what any program that reads such
// logs can read without knowing this one.
//
//	checkpoint                     the signed checkpoint
//	tile/LEVEL/N                   256 hashes of 32 bytes; level 0 are leaf hashes, each
//	                               of level L the root of a full tile of level L-1
//	tile/entries/N                 256 entries, each after its length in two bytes
//	tile/LEVEL/N.p/W               a tile with W hashes or entries: the right edge
//
// N is written in groups of three digits, all but the last with an x before them:
// x001/x234/067.
const (
	// CheckpointPath is the name of the checkpoint among a log's tiles.
	CheckpointPath = "checkpoint"
	// TileWidth is the number of hashes or entries of a full tile.
	TileWidth = 1 << tileHeight

	tileHeight   = 8
	entriesLevel = -1 // of a tlog.Tile that holds entries
	maxLevel     = 7  // 256^7 entries and more are none
)

// MaxTile bounds a tile file, in bytes: 256 entries of the largest size.
const MaxTile = TileWidth * (2 + MaxEntrySize)

// ErrMalformedTile says that a path or a file is no tile.
var ErrMalformedTile = errors.New("malformed tile")

// TilePath returns the path of a tile of height 8; level -1 is the entries'.
func TilePath(t tlog.Tile) string {
	return strings.Replace(strings.Replace(t.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

// ParseTilePath reads what TilePath writes and nothing else.
func ParseTilePath(path string) (tlog.Tile, error) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok || strings.HasPrefix(rest, "data/") {
		return tlog.Tile{}, fmt.Errorf("%w: path %.80q", ErrMalformedTile, path)
	}
	if entries, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + entries
	}
	t, err := tlog.ParseTilePath("tile/8/" + rest)
	if err != nil || t.L > maxLevel || TilePath(t) != path {
		return tlog.Tile{}, fmt.Errorf("%w: path %.80q", ErrMalformedTile, path)
	}
	return t, nil
}

// IsEntries reports whether a tile holds entries and no hashes.
func IsEntries(t tlog.Tile) bool { return t.L == entriesLevel }

// EntryBundle returns a tile of entries.
func EntryBundle(entries [][]byte) ([]byte, error) {
	var b []byte
	for _, entry := range entries {
		var err error
		if b, err = appendEntry(b, entry); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendEntry(b, entry []byte) ([]byte, error) {
	if len(entry) > MaxEntrySize {
		return nil, fmt.Errorf("bundle entries: %w: %d", ErrEntryTooLarge, len(entry))
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(entry))), entry...), nil
}

// ParseEntryBundle returns the entries of a tile that must hold width of them.
func ParseEntryBundle(b []byte, width int) ([][]byte, error) {
	entries := make([][]byte, 0, width)
	for len(b) > 0 {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) || len(entries) == width {
			return nil, fmt.Errorf("%w: entries after %d", ErrMalformedTile, len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(b))
		entries = append(entries, b[2:end])
		b = b[end:]
	}
	if len(entries) != width {
		return nil, fmt.Errorf("%w: %d entries instead of %d", ErrMalformedTile, len(entries), width)
	}
	return entries, nil
}

// tiling makes the tiles of a log from its entries, each as soon as it is full. It
// holds one tile of each level.
type tiling struct {
	frontier Frontier
	levels   [][]byte // hashes of the tile that grows, by level
	emit     func(tlog.Tile, []byte) error
}

func (b *tiling) add(entry []byte) error {
	next, completed, err := b.frontier.Append(LeafHash(entry))
	if err != nil {
		return err
	}
	b.frontier = next
	for level := 0; level*tileHeight < len(completed); level++ {
		if level == len(b.levels) {
			b.levels = append(b.levels, nil)
		}
		hash := completed[level*tileHeight]
		b.levels[level] = append(b.levels[level], hash[:]...)
		if len(b.levels[level]) == TileWidth*tlog.HashSize {
			if err := b.emitLevel(level); err != nil {
				return err
			}
			b.levels[level] = nil
		}
	}
	return nil
}

func (b *tiling) emitLevel(level int) error {
	width := len(b.levels[level]) / tlog.HashSize
	complete := b.frontier.Size() >> (level * tileHeight) // hashes of this level so far
	return b.emit(tlog.Tile{H: tileHeight, L: level, N: (complete - 1) / TileWidth, W: width}, b.levels[level])
}

// finish emits the tiles of the right edge.
func (b *tiling) finish() error {
	for level, hashes := range b.levels {
		if len(hashes) == 0 {
			continue
		}
		if err := b.emitLevel(level); err != nil {
			return err
		}
	}
	return nil
}

// WriteTiles gives write each file of a log: the entries in order from 0, of which
// the signed checkpoint has size. The checkpoint comes last, so that who finds one
// finds all that it states.
func WriteTiles(entries iter.Seq2[StoredEntry, error], signed []byte, size int64, write func(path string, content []byte) error) error {
	b := tiling{emit: func(t tlog.Tile, content []byte) error { return write(TilePath(t), content) }}
	var bundle []byte
	flush := func(width int64) error {
		defer func() { bundle = bundle[:0] }()
		return write(TilePath(tlog.Tile{H: tileHeight, L: entriesLevel, N: (b.frontier.Size() - 1) / TileWidth, W: int(width)}), bundle)
	}
	for stored, err := range entries {
		if err != nil {
			return fmt.Errorf("write tiles: %w", err)
		}
		if b.frontier.Size() == size {
			break // appended meanwhile
		}
		if stored.Index != b.frontier.Size() {
			return &BadEntryError{Index: b.frontier.Size(), Reason: fmt.Sprintf("missing: the next stored entry is %d", stored.Index)}
		}
		if bundle, err = appendEntry(bundle, stored.Bytes); err != nil {
			return err
		}
		if err := b.add(stored.Bytes); err != nil {
			return fmt.Errorf("write tiles: %w", err)
		}
		if b.frontier.Size()%TileWidth == 0 {
			if err := flush(TileWidth); err != nil {
				return err
			}
		}
	}
	if b.frontier.Size() != size {
		return &BadEntryError{Index: b.frontier.Size(), Reason: fmt.Sprintf("missing: the signed checkpoint has %d entries", size)}
	}
	if len(bundle) > 0 {
		if err := flush(size % TileWidth); err != nil {
			return err
		}
	}
	if err := b.finish(); err != nil {
		return err
	}
	return write(CheckpointPath, signed)
}

// CheckTiles recomputes a log from its files with nothing but the key of the log:
// each entry is read and hashed, each tile compared with the hashes, and the root
// with the signed checkpoint. Inspect, which may be nil, sees each entry; of one
// whose type is newer than this code it gets the fields. A finding is a
// *BadEntryError; a file that can't be read is the file system's error.
//
// Older are checkpoints of the log that somebody kept: each must be that of the
// log's first entries, or a *InconsistentError says that the log was written anew.
func CheckTiles(files fs.FS, verifier note.Verifier, inspect func(int64, Entry) error, older ...Checkpoint) (Checkpoint, error) {
	signed, err := readTile(files, CheckpointPath, 1<<16)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("check log: %w", err)
	}
	head, err := Open(signed, verifier)
	if err != nil {
		return Checkpoint{}, err
	}
	b := tiling{emit: func(t tlog.Tile, content []byte) error { return compareTile(files, t, content) }}
	for _, c := range older {
		if c.Origin != head.Origin || c.Size > head.Size {
			return Checkpoint{}, &InconsistentError{Older: c, Newer: head}
		}
	}
	// What was kept is compared on the way and told at the end: an entry that does
	// not agree with its own hashes says more.
	var forked error
	compare := func() {
		for _, c := range older {
			if c.Size != b.frontier.Size() {
				continue
			}
			if root, err := b.frontier.Root(); err != nil || root != c.Root {
				forked = &InconsistentError{Older: c, Newer: head}
			}
		}
	}
	compare()
	for b.frontier.Size() < head.Size {
		first := b.frontier.Size()
		t := tlog.Tile{H: tileHeight, L: entriesLevel, N: first / TileWidth, W: int(min(TileWidth, head.Size-first))}
		bundle, err := readTile(files, TilePath(t), MaxTile)
		if err != nil {
			return Checkpoint{}, missingTile(t, err)
		}
		entries, err := ParseEntryBundle(bundle, t.W)
		if err != nil {
			return Checkpoint{}, &BadEntryError{Index: first, Reason: TilePath(t) + ": " + err.Error()}
		}
		for i, entry := range entries {
			e, err := Parse(entry)
			if err == nil && KnownType(e.Type) {
				err = e.Check()
			}
			if err != nil {
				return Checkpoint{}, &BadEntryError{Index: first + int64(i), Reason: err.Error()}
			}
			if err := b.add(entry); err != nil {
				return Checkpoint{}, err
			}
			compare()
			if inspect != nil {
				if err := inspect(first+int64(i), e); err != nil {
					return Checkpoint{}, err
				}
			}
		}
	}
	if err := b.finish(); err != nil {
		return Checkpoint{}, err
	}
	root, err := b.frontier.Root()
	if err != nil {
		return Checkpoint{}, fmt.Errorf("check log: %w", err)
	}
	if root != head.Root {
		return Checkpoint{}, &BadEntryError{Index: max(head.Size-1, 0), Reason: "the root of the entries is not the signed checkpoint's: an entry and its hashes were altered together"}
	}
	if forked != nil {
		return Checkpoint{}, forked
	}
	return head, nil
}

// compareTile finds the first entry below which a stored tile differs.
func compareTile(files fs.FS, t tlog.Tile, want []byte) error {
	stored, err := readTile(files, TilePath(t), TileWidth*tlog.HashSize)
	if err != nil {
		return missingTile(t, err)
	}
	below := int64(1) << (t.L * tileHeight) // entries below each hash
	for i := range t.W {
		at := i * tlog.HashSize
		if len(stored) == len(want) && string(stored[at:at+tlog.HashSize]) == string(want[at:at+tlog.HashSize]) {
			continue
		}
		reason := "its hash in " + TilePath(t) + " is another"
		if len(stored) != len(want) {
			reason = fmt.Sprintf("%s has %d bytes instead of %d", TilePath(t), len(stored), len(want))
		}
		return &BadEntryError{Index: (t.N*TileWidth + int64(i)) * below, Reason: reason}
	}
	return nil
}

func missingTile(t tlog.Tile, err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrMalformedTile) {
		return fmt.Errorf("check log: %w", err)
	}
	first := t.N * TileWidth << (max(t.L, 0) * tileHeight)
	return &BadEntryError{Index: first, Reason: "missing or unreadable: " + TilePath(t)}
}

func readTile(files fs.FS, path string, most int64) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrMalformedTile, path, most)
	}
	return content, nil
}
