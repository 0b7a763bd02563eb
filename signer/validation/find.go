package validation

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"sokyso/signer/pdf"
)

// maxRevisions and maxSignatures bound the work on one file; documents in use have a handful.
const (
	maxRevisions  = 512
	maxSignatures = 256
)

// candidate is a signature dictionary as it stands in the file.
type candidate struct {
	field    string
	fieldRef pdf.Ref
	ref      pdf.Ref
	dict     pdf.Dict
	revision int // the first that has it
	last     int // the last that has it
	start    int64
	end      int64 // of the Contents string, with its brackets
	broken   string
	loose    bool
}

// key tells two signatures apart: by the place of Contents; a broken one by its object.
type key struct {
	start int64
	ref   pdf.Ref
	field string
}

func (c *candidate) key() key {
	if c.start > 0 {
		return key{start: c.start}
	}
	return key{ref: c.ref, field: c.field}
}

// find lists the signatures that any revision's form has, in the order in which they were added, and signature
// dictionaries that later revisions added without a field.
func find(f *pdf.File) ([]*candidate, error) {
	revisions := f.Revisions()
	if len(revisions) > maxRevisions {
		return nil, &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: fmt.Sprintf("%d revisions", len(revisions))}
	}
	var list []*candidate
	known := map[key]*candidate{}
	add := func(c *candidate) error {
		if old, ok := known[c.key()]; ok {
			old.last = c.last
			return nil
		}
		if len(list) >= maxSignatures {
			return &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: fmt.Sprintf("more than %d signatures", maxSignatures)}
		}
		known[c.key()] = c
		list = append(list, c)
		return nil
	}
	for n := range revisions {
		at := f.At(n)
		fields, err := at.Fields()
		if err != nil {
			if n < len(revisions)-1 && pdf.KindOf(err) != pdf.KindRead {
				continue // an older state that can't be read as a form holds nothing that a reader shows
			}
			return nil, fmt.Errorf("list fields: %w", err)
		}
		for _, field := range fields {
			if field.Type != "Sig" || field.Value == nil {
				continue
			}
			c := locate(at, field, n)
			if c == nil {
				continue
			}
			if err := add(c); err != nil {
				return nil, err
			}
		}
	}
	// A signature dictionary that no field leads to: the trace of a field that was damaged or taken away. Those of
	// the first revision are left alone; looking through a whole document costs more than it can tell.
	for n := 1; n < len(revisions); n++ {
		at := f.At(n)
		for _, ref := range f.Changed(n) {
			o, err := at.Object(ref)
			if err != nil {
				continue
			}
			d, ok := o.(pdf.Dict)
			if !ok || d["ByteRange"] == nil || d["Contents"] == nil {
				continue
			}
			c := &candidate{ref: ref, dict: d, revision: n, last: n, loose: true}
			c.span(at)
			if old, ok := known[c.key()]; ok && old.ref == ref {
				continue
			}
			if err := add(c); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// locate reads the signature of a field; nil when the value is null.
func locate(at *pdf.File, field pdf.Field, revision int) *candidate {
	c := &candidate{field: field.Name, fieldRef: field.Ref, revision: revision, last: revision}
	ref, ok := field.Value.(pdf.Ref)
	if !ok {
		if d, ok := field.Value.(pdf.Dict); ok {
			c.dict = d
		}
		c.ref, c.broken = field.Ref, "the signature dictionary is not an indirect object"
		return c
	}
	c.ref = ref
	o, err := at.Object(ref)
	if err != nil {
		c.broken = err.Error()
		return c
	}
	d, ok := o.(pdf.Dict)
	if !ok {
		c.broken = "the field's value is no dictionary"
		return c
	}
	c.dict = d
	c.span(at)
	return c
}

// span finds the bytes of the Contents string.
func (c *candidate) span(at *pdf.File) {
	start, end, err := at.ValueSpan(c.ref, "Contents")
	if err != nil {
		c.broken = err.Error()
		return
	}
	c.start, c.end = start, end
}

var errContents = errors.New("contents")

// contents reads the Contents string as it stands between its brackets. Only the one form that signers write is
// taken, an unbroken hexadecimal string in letters of one case: each other spelling of the same bytes is a change
// that no digest would show.
func (c *candidate) contents(r io.ReaderAt) ([]byte, error) {
	n := c.end - c.start
	if n < 4 || n > 2*maxContents+2 || n%2 != 0 {
		return nil, fmt.Errorf("%w: string of %d bytes", errContents, n)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, c.start); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if b[0] != '<' || b[n-1] != '>' {
		return nil, fmt.Errorf("%w: not a hexadecimal string", errContents)
	}
	hexed := b[1 : n-1]
	out := make([]byte, len(hexed)/2)
	var seen byte
	for i, ch := range hexed {
		v := nibbles[ch]
		if v == 0xff {
			return nil, fmt.Errorf("%w: byte %#02x in the hexadecimal string", errContents, ch)
		}
		if v > 9 {
			seen |= ch & 0x20
			if ch&0x20 == 0 {
				seen |= 1
			}
		}
		out[i/2] = out[i/2]<<4 | v
	}
	if seen == 0x21 {
		return nil, fmt.Errorf("%w: hexadecimal string in mixed case", errContents)
	}
	return out, nil
}

// maxContents bounds a CMS with time-stamps and revocation material, in bytes.
const maxContents = 4 << 20

var nibbles = func() [256]byte {
	var t [256]byte
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c], t[bytes.ToUpper([]byte{c})[0]] = byte(i), byte(i)
	}
	return t
}()
