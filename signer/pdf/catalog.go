package pdf

import "sync/atomic"

// catalogCache keeps the catalog of a view as it was read: it is asked for at every step, by those who then change their
// copy too. Only while nothing can change what Root leads to: not while the file is being opened.
type catalogCache struct {
	on   atomic.Bool
	kept atomic.Pointer[keptCatalog]
}

type keptCatalog struct {
	ref  Ref
	dict Dict
}

// maxKeptCatalog is how many objects a catalog may consist of to be kept. One that is larger is read each time: nothing
// that grows with the file is held in memory.
const maxKeptCatalog = 1024

// Catalog returns the document catalog. It is the caller's own copy.
func (f *File) Catalog() (Ref, Dict, error) {
	if k := f.catalog.kept.Load(); k != nil {
		return k.ref, deepCopy(k.dict, nil).(Dict), nil
	}
	ref, ok := f.Trailer()["Root"].(Ref)
	if !ok {
		return Ref{}, nil, fail(KindDamaged, -1, "trailer without a Root")
	}
	o, err := f.Resolve(ref)
	if err != nil {
		return ref, nil, err
	}
	d, ok := o.(Dict)
	if !ok {
		return ref, nil, fail(KindDamaged, -1, "the catalog is no dictionary")
	}
	if f.catalog.on.Load() {
		left := maxKeptCatalog
		if kept := deepCopy(d, &left).(Dict); left >= 0 {
			f.catalog.kept.Store(&keptCatalog{ref, kept})
		}
	}
	return ref, d, nil
}

// deepCopy copies dictionaries and arrays with all in them; the other objects are values, which nobody changes in place.
// left, unless nil, is how many objects to copy at most; below 0 the copy is not complete.
func deepCopy(o Object, left *int) Object {
	if left != nil {
		if *left--; *left < 0 {
			return o
		}
	}
	switch v := o.(type) {
	case Dict:
		c := make(Dict, len(v))
		for key, value := range v {
			c[key] = deepCopy(value, left)
		}
		return c
	case Array:
		c := make(Array, len(v))
		for i, value := range v {
			c[i] = deepCopy(value, left)
		}
		return c
	}
	return o
}
