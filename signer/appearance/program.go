package appearance

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"sync"
)

// program is an embedded font file.
type program struct {
	tag    string
	length int    // before compression
	glyphs int    // in it, with those that others are made of
	data   []byte // compressed; not to be changed
}

// maxPrograms bounds the cache: about 20 KB each.
const maxPrograms = 64

// programs remembers font files: making and compressing one takes some milliseconds, more than the rest of a
// signature, and a batch uses the same glyphs again and again.
var programs programCache

type programCache struct {
	mu   sync.Mutex
	made map[string]program
}

func (c *programCache) get(s sealed) (program, error) {
	key := []byte(s.face.name)
	for _, g := range s.glyphs {
		key = binary.BigEndian.AppendUint16(key, g)
	}
	c.mu.Lock()
	p, ok := c.made[string(key)]
	c.mu.Unlock()
	if ok {
		return p, nil
	}
	file, err := s.program()
	if err != nil {
		return program{}, err
	}
	p = program{tag: tag(file), length: len(file), glyphs: glyphCount(file), data: deflate(file)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil || len(c.made) >= maxPrograms {
		c.made = map[string]program{}
	}
	c.made[string(key)] = p
	return p, nil
}

var writers = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

// deflate compresses; writing to memory can't fail.
func deflate(data []byte) []byte {
	var b bytes.Buffer
	w := writers.Get().(*zlib.Writer)
	defer writers.Put(w)
	w.Reset(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// glyphCount is that of an OpenType file's maxp table.
func glyphCount(file []byte) int {
	tables := int(binary.BigEndian.Uint16(file[4:]))
	for i := range tables {
		record := file[12+16*i:]
		if string(record[:4]) == "maxp" {
			return int(binary.BigEndian.Uint16(file[binary.BigEndian.Uint32(record[8:])+4:]))
		}
	}
	return 0
}
