package pdf

import "math"

// objectHeader reads "12 0 obj".
func (l *lexer) objectHeader() (Ref, error) {
	l.skipSpace()
	number, ok1 := l.unsigned()
	l.skipSpace()
	generation, ok2 := l.unsigned()
	l.skipSpace()
	if !ok1 || !ok2 || number > maxObjectNum || generation > math.MaxUint16 || !l.prefix("obj") {
		return Ref{}, l.damaged("no object where one should be")
	}
	return Ref{uint32(number), uint16(generation)}, l.err
}

// indirectAt reads the indirect object at a file offset. end is just past its endobj or, for a stream, past the
// place where the data begins. inner marks streams whose Length may not be looked up in an object stream.
func (f *File) indirectAt(at int64, inner bool) (ref Ref, o Object, end int64, err error) {
	l := f.lexer(at)
	defer l.release()
	if ref, err = l.objectHeader(); err != nil {
		return ref, nil, 0, err
	}
	l.start = l.offset()
	o, err = f.body(l, inner)
	return ref, o, l.offset(), err
}

// body reads what stands between obj and endobj. The lexer is left after endobj, or at a stream's data.
func (f *File) body(l *lexer, inner bool) (Object, error) {
	l.skipSpace()
	if l.keyword("endobj") {
		return nil, nil // an object without a value is null
	}
	o, err := l.object(0)
	if err != nil {
		return nil, err
	}
	l.skipSpace()
	if d, ok := o.(Dict); ok && l.prefix("stream") {
		// ISO 32000-2 §7.3.8.1 wants CR LF or LF; a lone CR, or spaces before, are found in files.
		for l.peek() == ' ' {
			l.pos++
		}
		if l.peek() == '\r' {
			l.pos++
		}
		if l.peek() == '\n' {
			l.pos++
		}
		return &Stream{Dict: d, file: f, offset: l.offset(), inner: inner}, l.err
	}
	l.keyword("endobj") // its absence is forgiven
	return o, l.err
}

// Object returns the object that a reference names: nil if it is free, absent, or of another generation.
func (f *File) Object(ref Ref) (Object, error) { return f.read(ref, nil) }

func (f *File) read(ref Ref, w *work) (Object, error) {
	e := f.lookup(ref.Number)
	if ref.Number == 0 || e.generation() != ref.Generation {
		return nil, nil
	}
	switch e.kind() {
	case entryInUse:
		o, n, err := f.inUse(ref, e, false)
		if err != nil {
			return nil, err
		}
		return o, w.spend(n)
	case entryCompressed:
		o, n, err := f.compressed(ref.Number, e)
		if err != nil {
			return nil, err
		}
		return o, w.spend(n)
	}
	return nil, nil
}

// inUse reads the object that an entry leads to, or looks for it if it is not there. The generation in the object's
// own header is not held against it. n is what it cost in bytes parsed.
func (f *File) inUse(ref Ref, e entry, inner bool) (o Object, n int64, err error) {
	got, o, end, err := f.indirectAt(e.offset(), inner)
	if got.Number != ref.Number && KindOf(err) != KindRead && f.repair.allowed() {
		if e, err = f.misplaced(ref, e); err != nil || e.kind() != entryInUse {
			if e.kind() == entryCompressed && !inner {
				return f.compressed(ref.Number, e)
			}
			return nil, 0, err
		}
		got, o, end, err = f.indirectAt(e.offset(), inner)
	}
	if err == nil && got.Number != ref.Number {
		err = wrongObject(e, got, ref)
	}
	if err == nil {
		o, err = f.unseal(ref, o)
	}
	if err != nil {
		return nil, 0, err
	}
	return o, end - e.offset(), nil
}

func wrongObject(e entry, got, want Ref) error {
	return fail(KindDamaged, e.offset(), "object %d %d where %d %d should be",
		got.Number, got.Generation, want.Number, want.Generation)
}

// Resolve follows references until a direct object or null stands there.
func (f *File) Resolve(o Object) (Object, error) { return f.resolve(o, nil) }

func (f *File) resolve(o Object, w *work) (Object, error) {
	for range maxResolve {
		ref, ok := o.(Ref)
		if !ok {
			return o, nil
		}
		var err error
		if o, err = f.read(ref, w); err != nil {
			return nil, err
		}
	}
	if _, ok := o.(Ref); !ok {
		return o, nil
	}
	return nil, fail(KindTooComplex, -1, "reference leads to more than %d references", maxResolve)
}

// typed resolves o and wants a T. Null gives the zero T without an error.
func typed[T Object](f *File, o Object, what string) (T, error) {
	var zero T
	o, err := f.Resolve(o)
	if err != nil || o == nil {
		return zero, err
	}
	v, ok := o.(T)
	if !ok {
		return zero, fail(KindDamaged, -1, "%s expected, found %T", what, o)
	}
	return v, nil
}

// Dict resolves o to a dictionary (of a stream: the stream's); nil if it is null.
func (f *File) Dict(o Object) (Dict, error) {
	o, err := f.Resolve(o)
	if err != nil {
		return nil, err
	}
	if s, ok := o.(*Stream); ok {
		return s.Dict, nil
	}
	return typed[Dict](f, o, "dictionary")
}

// Array resolves o to an array, nil if it is null.
func (f *File) Array(o Object) (Array, error) { return typed[Array](f, o, "array") }

// Integer resolves o to an integer, 0 if it is null. A real is cut.
func (f *File) Integer(o Object) (Integer, error) {
	o, err := f.Resolve(o)
	if err != nil {
		return 0, err
	}
	if r, ok := o.(Real); ok && r > -maxExact && r < maxExact {
		return Integer(r), nil
	}
	return typed[Integer](f, o, "integer")
}

const maxExact = 1 << 53

// Number resolves o to a number, 0 if it is null.
func (f *File) Number(o Object) (float64, error) {
	o, err := f.Resolve(o)
	if err != nil {
		return 0, err
	}
	switch v := o.(type) {
	case nil:
		return 0, nil
	case Integer:
		return float64(v), nil
	case Real:
		return float64(v), nil
	}
	return 0, fail(KindDamaged, -1, "number expected, found %T", o)
}

// Name resolves o to a name, "" if it is null.
func (f *File) Name(o Object) (Name, error) { return typed[Name](f, o, "name") }

// String resolves o to a string, nil if it is null.
func (f *File) String(o Object) (String, error) { return typed[String](f, o, "string") }

// Bool resolves o to a boolean, false if it is null.
func (f *File) Bool(o Object) (bool, error) { return typed[bool](f, o, "boolean") }

// Stream resolves o to a stream, nil if it is null.
func (f *File) Stream(o Object) (*Stream, error) { return typed[*Stream](f, o, "stream") }
