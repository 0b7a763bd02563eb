package pdf

import "sync"

// repair finds objects that are not where the cross-reference says, by one scan of the file when the first such
// object is read. Other readers do the same, so the file opens in them too.
type repair struct {
	mu      sync.Mutex
	on      bool // set once the file is open: before, such an object means that the cross-reference is wrong
	scanned bool
	found   *section
	err     error
	reason  string
}

func (r *repair) allow(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = on
}

func (r *repair) allowed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on
}

func (r *repair) why() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reason
}

// misplaced returns the entry of an object that its own entry e does not lead to; entryNone if it is nowhere. In a view
// of an earlier revision it is not looked for, as what the scan finds may be newer.
func (f *File) misplaced(ref Ref, e entry) (entry, error) {
	if f.size != f.length {
		return entryNone, fail(KindDamaged, e.offset(), "object %d %d is not there", ref.Number, ref.Generation)
	}
	found, err := f.scanOnce(ref, e)
	if err != nil {
		return entryNone, err
	}
	if at := found.lookup(ref.Number); at != entryNone && at.generation() == ref.Generation {
		return at, nil
	}
	return entryNone, nil
}

func (f *File) scanOnce(ref Ref, e entry) (*section, error) {
	r := &f.repair
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scanned {
		return r.found, r.err
	}
	r.scanned = true
	r.reason = fail(KindDamaged, e.offset(), "object %d %d is not there", ref.Number, ref.Generation).Error()
	// The scan must not read objects through this file: it would wait for itself.
	s := newScan(&File{source: f.source, size: f.size})
	if r.err = s.run(); r.err == nil {
		r.found = s.section()
	}
	return r.found, r.err
}
