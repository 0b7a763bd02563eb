package pdf

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// File reads a PDF file as it was after one of its revisions, by default the last. Nothing but the
// cross-reference is held in memory. A File may be used by several goroutines at once if its io.ReaderAt may.
type File struct {
	*source
	size      int64       // of this view: the file's size, or where the revision ends
	revisions []*revision // oldest first
	sections  []*section  // of all revisions in view, newest first
	catalog   catalogCache
}

// source is what the views of one file share.
type source struct {
	r         io.ReaderAt
	length    int64
	header    int64  // offset of %PDF-
	base      int64  // what the file's own offsets count from: 0, or header
	version   string // of the header
	streams   streamCache
	rebuilt   string // why the cross-reference was rebuilt by Open, "" if it was not
	repair    repair
	seen      highest // of all references read so far
	unpacking unpacking
	garbled   bool // the rows of a cross-reference stream can't be read to their end

	password Password    // while the file is being opened
	crypt    *encryption // nil if the file is not encrypted
}

type revision struct {
	Revision
	sections []*section // newest first: one, or two of a linearized file
}

// Revision is the state that a file was saved in: the original or an incremental update.
type Revision struct {
	StartXRef int64    // file offset of its cross-reference section
	End       int64    // file offset just past its %%EOF and end of line
	Kind      XRefKind // form of its cross-reference
}

// Open reads the header, the cross-reference of all revisions, the catalog and the page tree down to the first page.
// It rebuilds the cross-reference by scanning the file if it must (see Rebuilt). An encrypted file is opened with the
// empty password. Errors are *Error.
func Open(r io.ReaderAt, size int64) (*File, error) { return OpenWithPassword(r, size, "") }

// OpenWithPassword is Open with an encrypted file's user or owner password. The empty one is tried after it; a file
// that is not encrypted needs none.
func OpenWithPassword(r io.ReaderAt, size int64, password Password) (*File, error) {
	if size <= 0 {
		return nil, fail(KindEmpty, -1, "0 bytes")
	}
	f := &File{source: &source{r: r, length: size, password: password}, size: size}
	defer func() { f.password = "" }()
	if err := f.readHeader(); err != nil {
		return nil, err
	}
	err := f.openByXRef()
	if err == nil || !repairable(err) {
		return f.opened(err)
	}
	return f.opened(f.openByScan(err))
}

func (f *File) opened(err error) (*File, error) {
	if err != nil {
		return nil, err
	}
	f.repair.allow(f.rebuilt == "")
	f.catalog.on.Store(true)
	return f, nil
}

// openByXRef follows the file's own cross-reference. Offsets count from the header, as most readers take them
// when something stands before it, or from the start of the file, as some writers do: the one holds that leads
// to a catalog.
func (f *File) openByXRef() error {
	start, err := f.findStartXRef()
	if err != nil {
		return err
	}
	bases := []int64{0}
	if f.header > 0 {
		bases = []int64{f.header, 0}
	}
	var first error
	for _, base := range bases {
		f.base = base
		err := f.openAt(start)
		if err == nil || !repairable(err) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (f *File) openAt(start int64) error {
	f.sections, f.revisions, f.crypt = nil, nil, nil
	if err := f.readChain(start); err != nil {
		return err
	}
	f.groupRevisions()
	if err := f.openEncryption(); err != nil {
		return err
	}
	return f.check()
}

// check makes sure that the file can be used: a catalog, a page tree with a page.
func (f *File) check() error {
	_, catalog, err := f.Catalog()
	if err != nil {
		return err
	}
	if catalog["Pages"] == nil {
		return fail(KindDamaged, -1, "catalog without a page tree")
	}
	for _, err := range f.Pages() {
		return err
	}
	return fail(KindNoPages, -1, "the page tree is empty")
}

func (f *File) readHeader() error {
	b := make([]byte, min(headerWindow+16, f.size))
	if err := f.readAt(b, 0); err != nil {
		return err
	}
	i := bytes.Index(b, []byte("%PDF-"))
	if i < 0 || i >= headerWindow {
		// Annex H of the PDF Reference: %!PS-Adobe-N.n PDF-M.m is accepted too.
		if ps := bytes.Index(b, []byte("%!PS-Adobe-")); ps >= 0 {
			if j := bytes.Index(b[ps:], []byte(" PDF-")); j > 0 && j < 24 {
				f.header = int64(ps)
				f.version = versionNumber(b[ps+j+5:])
				return nil
			}
		}
		return fail(KindNotPDF, -1, "no %%PDF- in the first %d bytes", headerWindow)
	}
	f.header = int64(i)
	f.version = versionNumber(b[i+5:])
	return nil
}

// versionNumber reads "1.7" or "2.0" off the front of b; "1.0" if it is not there.
func versionNumber(b []byte) string {
	if len(b) >= 3 && isDigit(int(b[0])) && b[1] == '.' && isDigit(int(b[2])) {
		return string(b[:3])
	}
	return "1.0"
}

// findStartXRef returns the number after the last startxref (not yet moved by base).
func (f *File) findStartXRef() (int64, error) {
	end, err := f.endOfText()
	if err != nil {
		return 0, err
	}
	for _, window := range []int64{2 << 10, tailWindow} {
		b := make([]byte, min(window, end))
		at := end - int64(len(b))
		if err := f.readAt(b, at); err != nil {
			return 0, err
		}
		i := bytes.LastIndex(b, []byte("startxref"))
		if i < 0 {
			continue
		}
		l := newBytesLexer(b[i+len("startxref"):])
		l.skipSpace()
		start, ok := l.unsigned()
		if !ok || start == 0 {
			return 0, fail(KindDamaged, at+int64(i), "startxref without an offset")
		}
		// Objects after it mean that a later revision has lost its end, or that this one is a linearized
		// file's first.
		if rest := b[i:]; bytes.Contains(rest, []byte(" obj")) {
			return 0, fail(KindTruncated, at+int64(i), "objects after the last startxref")
		}
		return start, nil
	}
	return 0, fail(KindTruncated, end, "no startxref in the last %d bytes", tailWindow)
}

// endOfText returns where the NUL bytes and white space begin that some transfers leave at the end.
func (f *File) endOfText() (int64, error) {
	b := make([]byte, 512)
	for end := f.size; end > 0; {
		n := min(int64(len(b)), end)
		if err := f.readAt(b[:n], end-n); err != nil {
			return 0, err
		}
		if text := bytes.TrimRight(b[:n], "\x00\t\n\f\r "); len(text) > 0 {
			return end - n + int64(len(text)), nil
		}
		end -= n
		if len(b) < tailWindow {
			b = make([]byte, tailWindow)
		}
	}
	return 0, nil
}

// readAt fills b from the file.
func (s *source) readAt(b []byte, at int64) error {
	n, err := s.r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return readFailed(at+int64(n), err)
}

// Size returns the number of bytes in view: the file's, or up to the revision's End.
func (f *File) Size() int64 { return f.size }

// Version returns the PDF version, "1.7" or "2.0": the header's or the catalog's, whichever is later.
func (f *File) Version() string {
	v := f.version
	if _, catalog, err := f.Catalog(); err == nil {
		if o, err := f.Resolve(catalog["Version"]); err == nil {
			if n, ok := o.(Name); ok && len(n) == 3 && strings.Compare(string(n), v) > 0 {
				v = string(n)
			}
		}
	}
	return v
}

// Rebuilt tells whether the cross-reference could not be used and the file was scanned for objects instead, and why.
// When Open did that the file has one revision, whatever it went through. It may also become true later, when an
// object is not where the cross-reference says: then it is looked for, and the revisions stay.
func (f *File) Rebuilt() (reason string, ok bool) {
	if f.rebuilt != "" {
		return f.rebuilt, true
	}
	reason = f.repair.why()
	return reason, reason != ""
}

// Trailer returns the trailer dictionary of the newest section (the cross-reference stream's dictionary if it is
// one), with Root from an older one if it lacks it.
func (f *File) Trailer() Dict {
	t := f.sections[0].trailer.Clone()
	for _, s := range f.sections[1:] {
		if _, ok := t["Root"].(Ref); ok {
			break
		}
		if root, ok := s.trailer["Root"].(Ref); ok {
			t["Root"] = root
		}
	}
	return t
}

// lookup returns the entry that holds for an object number in this view.
func (f *File) lookup(number uint32) entry {
	for _, s := range f.sections {
		if e := s.lookup(number); e != entryNone {
			return e
		}
	}
	return entryNone
}

// highest returns the highest object number that was ever used, in any revision of the view.
func (f *File) highest() uint32 {
	var n uint32
	for _, s := range f.sections {
		n = max(n, s.highest())
	}
	return n
}

func (f *File) lexer(offset int64) *lexer {
	l := newLexer(f.r, offset, f.size)
	l.seen = &f.seen
	return l
}

// IsKind reports whether err is an *Error of that kind.
func IsKind(err error, kind Kind) bool { return errors.Is(err, &Error{Kind: kind}) }

// Revisions returns the file's revisions, oldest first. The two sections of a linearized file are one revision.
func (f *File) Revisions() []Revision {
	out := make([]Revision, len(f.revisions))
	for i, r := range f.revisions {
		out[i] = r.Revision
	}
	return out
}

// At returns the file as it was after a revision (0 is the first). The view shares the reader; it sees no byte
// after the revision's End.
func (f *File) At(number int) *File {
	if number >= len(f.revisions)-1 {
		return f
	}
	number = max(number, 0)
	v := &File{source: f.source, revisions: f.revisions[: number+1 : number+1]}
	for _, r := range slices.Backward(v.revisions) {
		v.sections = append(v.sections, r.sections...)
	}
	v.size = v.revisions[number].End
	v.catalog.on.Store(f.catalog.on.Load())
	return v
}
