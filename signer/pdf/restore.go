package pdf

import (
	"context"
	"errors"
	"slices"
)

// Restore answers the file with a cross-reference made anew from the objects that stand in it, for one whose own can't
// be used (Rebuilt) or is wrong about an object (Misplaced). It has one revision, and an update of it brings a
// complete cross-reference, so that no reader needs to make one.
//
// Readers make it anew each in their own way: they take the first trailer or the last, know where a stream ends or
// look into it, look into object streams or not, go by what is left of the file's own cross-reference or not. Restore
// answers only a file in which all of them come to the same objects, as far as the trailer leads to them; else the
// error is of KindDamaged and names the first object that they disagree about. An encrypted file, whose password it
// takes, must moreover say in every trailer alike how it is encrypted and what the key is made with.
// Other errors are those of Open, and of ctx.
func (f *File) Restore(ctx context.Context, password Password) (*File, error) {
	cause := errors.New("an object is not where it should be")
	if reason, ok := f.Rebuilt(); ok {
		cause = errors.New(reason)
	}
	// What is left of the file's own cross-reference.
	own := f.anew(password)
	whole := own.openByXRef() == nil
	v := f.anew(password)
	defer func() { own.password, v.password = "", "" }()
	if f.crypt != nil {
		if err := v.encryptionByScan(); err != nil {
			return nil, err
		}
	}
	s := newScan(v)
	if err := v.openBy(s, cause); err != nil {
		return nil, err
	}
	if err := s.oneEncryption(); err != nil {
		return nil, err
	}
	if own.garbled {
		return nil, fail(KindDamaged, -1, "some readers take the rows of a cross-reference stream up to where it is damaged")
	}
	if err := s.oneCatalog(v); err != nil {
		return nil, err
	}
	r := &reading{f: v, own: own, whole: whole, work: newWork(v.size), headers: map[uint32][]Placed{}, compressed: map[uint32]int{}}
	for _, n := range s.list {
		if n.entry.kind() == entryCompressed {
			r.compressed[n.number]++
		}
	}
	err := v.headers(ctx, 0, func(p Placed, _ []byte, _ int64) bool {
		if p.Ref.Number != 0 {
			r.headers[p.Ref.Number] = append(r.headers[p.Ref.Number], p)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if err := r.follow(ctx); err != nil {
		return nil, err
	}
	return v.opened(nil)
}

// anew is the file before anything of it but the header was read.
func (f *File) anew(password Password) *File {
	return &File{source: &source{r: f.r, length: f.size, header: f.header, version: f.version, password: password}, size: f.size}
}

// oneEncryption holds that all trailers say the same of the encryption, or all nothing: readers go by any of them, and
// with another dictionary, or another first element of ID, they would come to another key.
func (s *scan) oneEncryption() error {
	switch {
	case s.encrypt == nil:
		return nil
	case s.f.crypt == nil || s.plain:
		return fail(KindDamaged, -1, "some readers take the file for encrypted")
	case s.keysDiffer:
		return fail(KindDamaged, -1, "the trailers differ in what the key is made of")
	}
	return nil
}

// oneCatalog holds that all trailers name the same catalog or, if none names one, that there is one only.
func (s *scan) oneCatalog(f *File) error {
	root := f.Trailer()["Root"]
	if len(s.roots) == 0 && s.catalogs == 1 {
		return nil
	}
	if ref, ok := root.(Ref); ok && len(s.roots) == 1 && s.roots[ref] {
		return nil
	}
	return fail(KindDamaged, -1, "the trailers name %d catalogs, and there are %d", len(s.roots), s.catalogs)
}

// reading compares what readers make of a file with a broken cross-reference.
type reading struct {
	f     *File // read by scanning
	own   *File // read by the file's own cross-reference, as far as that goes
	whole bool  // own is all of it
	work  *work

	headers    map[uint32][]Placed // all that looks like the beginning of an object
	compressed map[uint32]int      // how many object streams have the number
}

// follow compares all objects that the trailer leads to.
func (r *reading) follow(ctx context.Context) error {
	trailer := r.f.Trailer()
	open := []Object{trailer["Root"], trailer["Info"], trailer["Encrypt"], trailer["ID"]}
	seen := map[Ref]bool{}
	for len(open) > 0 {
		o := open[len(open)-1]
		open = open[:len(open)-1]
		switch v := o.(type) {
		case Dict:
			open = appendValues(open, v)
		case *Stream:
			open = appendValues(open, v.Dict)
		case Array:
			open = append(open, v...)
		case Ref:
			if seen[v] {
				continue
			}
			seen[v] = true
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := r.compare(v); err != nil {
				return err
			}
			o, err := r.f.read(v, r.work)
			switch KindOf(err) {
			case 0:
				open = append(open, o)
			case KindTooComplex, KindRead:
				return err
			default:
				return fail(KindDamaged, -1, "object %d %d can't be read: %v", v.Number, v.Generation, err)
			}
		}
	}
	return nil
}

func appendValues(list []Object, d Dict) []Object {
	for _, key := range sortedKeys(d) {
		list = append(list, d[key])
	}
	return list
}

// compare answers an error if readers take another object, or none, for the reference.
func (r *reading) compare(ref Ref) error {
	differ := func(format string, args ...any) error {
		args = append([]any{ref.Number, ref.Generation}, args...)
		return fail(KindDamaged, -1, "object %d %d: "+format, args...)
	}
	e := r.f.lookup(ref.Number)
	headers := r.headers[ref.Number]
	switch e.kind() {
	case entryInUse:
		last := len(headers) - 1
		switch {
		case ref.Generation != e.generation():
			return differ("it is of generation %d", e.generation())
		case last < 0 || headers[last].Offset != e.offset():
			return differ("it also begins elsewhere")
		case r.compressed[ref.Number] > 0:
			return differ("it is in an object stream too")
		}
		for _, h := range headers {
			if h.Ref.Generation > e.generation() {
				return differ("an earlier one has a higher generation")
			}
		}
	case entryCompressed:
		if len(headers) > 0 || r.compressed[ref.Number] > 1 {
			return differ("it is in an object stream and elsewhere")
		}
	default:
		if len(headers) > 0 {
			return differ("it can't be read")
		}
	}
	return r.compareOwn(ref, e, differ)
}

// compareOwn holds e against the file's own cross-reference. Where that leads to no such object all readers scan if it
// is a table; if it is a stream, some take the object for null.
func (r *reading) compareOwn(ref Ref, e entry, differ func(string, ...any) error) error {
	own := r.own.lookup(ref.Number)
	if own == e {
		return nil
	}
	there := e.kind() == entryInUse || e.kind() == entryCompressed
	switch own.kind() {
	case entryInUse:
		l := r.f.lexer(own.offset())
		defer l.release()
		at, err := l.objectHeader()
		if l.err != nil {
			return l.err
		}
		here := err == nil && at.Number == ref.Number
		switch {
		case here && !r.startsAt(ref.Number, own.offset(), e):
			return differ("the cross-reference names another")
		case !here && there && slices.ContainsFunc(r.own.sections, func(s *section) bool { return s.kind != XRefTable }):
			return differ("it is not where the cross-reference stream says")
		}
	case entryCompressed:
		if there {
			return differ("the cross-reference has it in an object stream")
		}
	case entryFree:
		if there {
			return differ("the cross-reference says that it is free")
		}
	default:
		if there && r.whole {
			return differ("the cross-reference has it not")
		}
	}
	return nil
}

// startsAt tells whether an offset leads to the object that the entry names: white space may stand before it.
func (r *reading) startsAt(number uint32, offset int64, e entry) bool {
	for _, h := range r.headers[number] {
		if h.Offset >= offset {
			return e.kind() == entryInUse && h.Offset == e.offset()
		}
	}
	return false
}
