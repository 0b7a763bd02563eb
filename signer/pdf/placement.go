package pdf

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
)

// Placed is an object's header in the file.
type Placed struct {
	Ref    Ref
	Offset int64
}

// placementWindow is how much is read at once when object headers are looked at, in bytes.
const placementWindow = 256 << 10

var placementWindows = sync.Pool{New: func() any { b := make([]byte, placementWindow); return &b }}

// placementGap is how many bytes between two headers are rather read than passed over.
const placementGap = 4 << 10

// headerRoom is what an object's header takes at most, as writers write it: "8388607 65535 obj", and white space.
const headerRoom = 32

// Misplaced returns the first object, by offset, that does not stand where the cross-reference says, of those that hold
// in this view and that revision number since (0 is the first) or a later one wrote. Some readers then make the
// cross-reference anew, so that they show another document than readers that never ask for the object. Objects in
// object streams are not looked at. The error is that of reading, or of ctx.
func (f *File) Misplaced(ctx context.Context, since int) (p Placed, found bool, err error) {
	list := f.placed(since)
	pooled := placementWindows.Get().(*[]byte)
	defer placementWindows.Put(pooled)
	buf := *pooled
	var at, end int64 // what buf holds
	for i, p := range list {
		if p.Offset >= f.size {
			return p, true, nil
		}
		if p.Offset < at || min(p.Offset+headerRoom, f.size) > end {
			if err := ctx.Err(); err != nil {
				return Placed{}, false, err
			}
			at = p.Offset
			end = min(windowEnd(list[i:], at), f.size)
			if err := f.readAt(buf[:end-at], at); err != nil {
				return Placed{}, false, err
			}
		}
		m := lexer{buf: buf[p.Offset-at : end-at]}
		if ref, err := m.objectHeader(); err == nil && ref == p.Ref {
			continue
		}
		// Comments before or within it may be longer than the window.
		l := f.lexer(p.Offset)
		ref, err := l.objectHeader()
		readErr := l.err
		l.release()
		if readErr != nil {
			return Placed{}, false, readErr
		}
		if err != nil || ref != p.Ref {
			return p, true, nil
		}
	}
	return Placed{}, false, nil
}

// windowEnd is where to read to from offset at on, to have as many of the headers as a window holds, up to the next
// wide gap.
func windowEnd(list []Placed, at int64) int64 {
	end := at + headerRoom
	for _, p := range list {
		if p.Offset+headerRoom > at+placementWindow || p.Offset > end+placementGap {
			break
		}
		end = p.Offset + headerRoom
	}
	return end
}

// placed lists the objects in use, sorted by offset.
func (f *File) placed(since int) []Placed {
	var list []Placed
	for _, r := range f.revisions[min(max(since, 0), len(f.revisions)):] {
		for _, s := range r.sections {
			list = slices.Grow(list, len(s.entries))
			s.each(func(n uint32, e entry) bool {
				if n != 0 && e.kind() == entryInUse && f.lookup(n) == e {
					list = append(list, Placed{Ref{n, e.generation()}, e.offset()})
				}
				return true
			})
		}
	}
	slices.SortFunc(list, func(a, b Placed) int { return cmp.Compare(a.Offset, b.Offset) })
	return list
}

// Unlisted returns the objects that stand at or behind offset from and that no cross-reference section lists, at most
// limit of them. Readers that follow the cross-reference do not see them; those that make it anew do. Whatever looks
// like the beginning of an object is taken for one, also in a stream, as not all readers know where a stream ends.
// The error is that of reading, or of ctx.
func (f *File) Unlisted(ctx context.Context, from int64, limit int) ([]Placed, error) {
	listed := f.listed(from)
	var out []Placed
	err := f.headers(ctx, from, func(p Placed, b []byte, at int64) bool {
		if !listed.has(p, b, at) {
			out = append(out, p)
		}
		return len(out) < limit
	})
	return out, err
}

// headers calls yield for whatever looks like the beginning of an object at or behind offset from, until it answers
// false. b is what the file has around it, from offset at on.
func (f *File) headers(ctx context.Context, from int64, yield func(p Placed, b []byte, at int64) bool) error {
	pooled := placementWindows.Get().(*[]byte)
	defer placementWindows.Put(pooled)
	buf := *pooled
	const overlap = 512
	for at := max(from, 0); at < f.size; at += placementWindow - overlap {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(placementWindow, f.size-at)]
		if err := f.readAt(b, at); err != nil {
			return err
		}
		for i := 0; ; i += len("obj") {
			j := bytes.Index(b[i:], []byte("obj"))
			if j < 0 {
				break
			}
			i += j
			if at > from && i < overlap/2 || len(b) == placementWindow && i >= placementWindow-overlap/2 {
				continue // the window before, or the next, has more of what stands around
			}
			p, ok := headerBefore(b, i)
			if !ok {
				continue
			}
			p.Offset += at
			if !yield(p, b, at) {
				return nil
			}
		}
	}
	return nil
}

// headerBefore reads backwards the two numbers before the word obj at b[i]. A comment that stands between counts as a
// header of object 0: no writer puts one there.
func headerBefore(b []byte, i int) (Placed, bool) {
	end := i
	i = spaceBefore(b, i)
	if i == 0 || i == end && !isDigit(int(b[i-1])) {
		return Placed{}, false
	}
	generation, i, ok := numberBefore(b, i)
	if !ok {
		return Placed{Offset: int64(i)}, i < end && inComment(b, i)
	}
	j := spaceBefore(b, i)
	if j == i {
		return Placed{}, false
	}
	number, i, ok := numberBefore(b, j)
	if !ok {
		return Placed{Offset: int64(i)}, inComment(b, i)
	}
	if number > maxObjectNum || generation > 65535 {
		return Placed{}, false
	}
	return Placed{Ref{uint32(number), uint16(generation)}, int64(i)}, true
}

func spaceBefore(b []byte, i int) int {
	for i > 0 && isSpace(int(b[i-1])) {
		i--
	}
	return i
}

func numberBefore(b []byte, i int) (n int64, start int, ok bool) {
	start = i
	for start > 0 && isDigit(int(b[start-1])) && i-start < 12 {
		start--
	}
	for _, c := range b[start:i] {
		n = n*10 + int64(c-'0')
	}
	return n, start, start < i
}

// inComment tells whether a comment ends at b[i].
func inComment(b []byte, i int) bool {
	line := b[:i]
	if j := bytes.LastIndexAny(line, "\r\n"); j >= 0 {
		line = line[j:]
	}
	return bytes.IndexByte(line, '%') >= 0
}

// placement is a set of places of objects, sorted by offset.
type placement []Placed

// listed is what all sections of the view list behind an offset, together with the cross-reference streams, which need
// not list themselves (as object 0).
func (f *File) listed(from int64) placement {
	var list placement
	for _, s := range f.sections {
		s.each(func(n uint32, e entry) bool {
			if e.kind() == entryInUse && e.offset() >= from {
				list = append(list, Placed{Ref{n, e.generation()}, e.offset()})
			}
			return true
		})
		list = append(list, Placed{Offset: s.offset})
		if at, ok := wholeNumber(s.trailer["XRefStm"]); ok {
			list = append(list, Placed{Offset: at + f.base})
		}
	}
	slices.SortStableFunc(list, func(a, b Placed) int { return cmp.Compare(a.Offset, b.Offset) })
	return list
}

// has tells whether the header is listed: an offset may lead to white space before it. b is what the file has from
// offset at on.
func (l placement) has(p Placed, b []byte, at int64) bool {
	for i := sort.Search(len(l), func(i int) bool { return l[i].Offset > p.Offset }) - 1; i >= 0; i-- {
		gap := max(l[i].Offset, at)
		if len(bytes.TrimLeft(b[gap-at:p.Offset-at], "\x00\t\n\f\r ")) > 0 {
			return false
		}
		if l[i].Ref == p.Ref || l[i].Ref.Number == 0 && p.Ref.Number != 0 {
			return true
		}
		if l[i].Offset < at {
			return false
		}
	}
	return false
}
