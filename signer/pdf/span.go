package pdf

// ValueSpan returns where the value of a key stands in the file: bytes start up to, not including, end, of the
// dictionary (or stream dictionary) that is the object. It is an error if the object is compressed or no
// dictionary, the key is absent, or it stands there twice: then readers disagree about what is meant.
func (f *File) ValueSpan(ref Ref, key Name) (start, end int64, err error) {
	e := f.lookup(ref.Number)
	if e.kind() != entryInUse || e.generation() != ref.Generation {
		return 0, 0, fail(KindDamaged, -1, "object %d %d stands in an object stream or nowhere", ref.Number, ref.Generation)
	}
	l := f.lexer(e.offset())
	defer l.release()
	got, err := l.objectHeader()
	if err != nil {
		return 0, 0, err
	}
	if got.Number != ref.Number {
		return 0, 0, wrongObject(e, got, ref)
	}
	l.skipSpace()
	l.start = l.offset()
	found := 0
	err = l.entries(func(k Name) error {
		from := l.offset()
		if _, err := l.object(1); err != nil {
			return err
		}
		if k == key {
			found++
			start, end = from, l.offset()
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, 0, err
	case found == 0:
		return 0, 0, fail(KindDamaged, e.offset(), "no %s in object %d", key, ref.Number)
	case found > 1:
		return 0, 0, fail(KindDamaged, e.offset(), "%s stands twice in object %d", key, ref.Number)
	}
	return start, end, nil
}
