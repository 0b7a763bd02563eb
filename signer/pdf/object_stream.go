package pdf

import (
	"slices"
	"sync"
)

// objectStream is a decoded object stream (ISO 32000-2 §7.5.7).
type objectStream struct {
	key     int64 // file offset of the stream object: different revisions may have different ones
	data    []byte
	first   int
	numbers []uint32
	offsets []uint32 // from first

	once   sync.Once
	places map[uint32]int // of the numbers; made when an index of the cross-reference is wrong
}

// streamCache keeps the object streams used last, within a budget of bytes; the last one
// whatever its size, as it is likely to be asked again.
type streamCache struct {
	mu   sync.Mutex
	list []*objectStream // most recent last
	size int
}

func (c *streamCache) get(key int64) *objectStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range c.list {
		if s.key == key {
			copy(c.list[i:], c.list[i+1:])
			c.list[len(c.list)-1] = s
			return s
		}
	}
	return nil
}

func (c *streamCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.size = nil, 0
}

// place answers the first index of an object.
func (s *objectStream) place(number uint32) (int, bool) {
	s.once.Do(func() {
		s.places = make(map[uint32]int, len(s.numbers))
		for i, n := range slices.Backward(s.numbers) {
			s.places[n] = i
		}
	})
	i, ok := s.places[number]
	return i, ok
}

func (s *objectStream) cost() int { return len(s.data) + 8*len(s.numbers) + 128 }

func (c *streamCache) put(s *objectStream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, s)
	c.size += s.cost()
	for c.size > objectStreamCache && len(c.list) > 1 {
		c.size -= c.list[0].cost()
		c.list = c.list[1:]
	}
}

// compressed reads an object out of its object stream. n is what it cost in bytes parsed.
func (f *File) compressed(number uint32, e entry) (o Object, n int64, err error) {
	s, n, err := f.objectStream(e.stream())
	if s == nil || err != nil {
		return nil, n, err
	}
	i := e.index()
	if i >= len(s.numbers) || s.numbers[i] != number {
		// A wrong index is forgiven, as readers do; an object that is not there is null.
		var ok bool
		if i, ok = s.place(number); !ok {
			return nil, n, nil
		}
	}
	at := s.first + int(s.offsets[i])
	if at > len(s.data) {
		return nil, n, fail(KindDamaged, s.key, "object %d lies outside its object stream", number)
	}
	l := newBytesLexer(s.data[at:])
	l.seen = &f.seen
	o, err = l.object(0)
	if err != nil {
		if KindOf(err) != KindTooComplex {
			err = fail(KindDamaged, s.key, "object %d in its object stream: %v", number, err)
		}
		return nil, n, err
	}
	return o, n + l.offset(), nil
}

// objectStream returns the decoded stream with that number, nil if there is none. n counts the bytes decoded, 0
// when it was in the cache.
func (f *File) objectStream(number uint32) (s *objectStream, n int64, err error) {
	e := f.lookup(number)
	if e.kind() != entryInUse {
		return nil, 0, nil
	}
	if s = f.streams.get(e.offset()); s != nil {
		return s, 0, nil
	}
	o, _, err := f.inUse(Ref{Number: number, Generation: e.generation()}, e, true)
	if err != nil {
		return nil, 0, err
	}
	stream, ok := o.(*Stream)
	if !ok {
		return nil, 0, fail(KindDamaged, e.offset(), "object stream %d expected", number)
	}
	s, err = f.parseObjectStream(stream, e.offset())
	if err != nil {
		return nil, 0, err
	}
	f.streams.put(s)
	return s, int64(len(s.data)), nil
}

func (f *File) parseObjectStream(stream *Stream, at int64) (*objectStream, error) {
	count, ok1 := stream.Dict["N"].(Integer)
	first, ok2 := stream.Dict["First"].(Integer)
	if !ok1 || !ok2 || count < 0 || first < 0 {
		return nil, fail(KindDamaged, at, "object stream without N or First")
	}
	if count > maxInStream {
		return nil, fail(KindTooComplex, at, "object stream of %d objects", count)
	}
	data, err := f.DataUpTo(stream, maxObjectStream)
	if err != nil {
		return nil, err
	}
	s := &objectStream{key: at, data: data, first: int(min(first, Integer(len(data))))}
	l := newBytesLexer(data[:s.first])
	for range min(count, Integer(len(data))) {
		l.skipSpace()
		number, ok1 := l.unsigned()
		l.skipSpace()
		offset, ok2 := l.unsigned()
		if !ok1 || !ok2 {
			break // fewer than announced
		}
		if number > maxObjectNum || offset > int64(len(data)) {
			number, offset = 0, 0 // keeps the indexes of the others
		}
		s.numbers = append(s.numbers, uint32(number))
		s.offsets = append(s.offsets, uint32(offset))
	}
	return s, nil
}
