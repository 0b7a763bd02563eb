package validation

import (
	"bytes"
	"context"
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
	loose    bool     // no field holds it
	shared   bool     // several fields hold it
	twice    pdf.Name // a key that the dictionary has twice; readers then disagree
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
// dictionaries that later revisions added without a field. With only, fields of other names are passed over.
func find(ctx context.Context, h *history, only string) ([]*candidate, error) {
	if h.last+1 > maxRevisions {
		return nil, &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: fmt.Sprintf("%d revisions", h.last+1)}
	}
	l := finder{history: h, known: map[key]*candidate{}, stands: map[place]*candidate{}}
	for n := range h.last + 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := h.at(n)
		fields, err := at.Fields()
		if err != nil {
			if n < h.last && pdf.KindOf(err) != pdf.KindRead {
				continue // an older state that can't be read as a form holds nothing that a reader shows
			}
			return nil, fmt.Errorf("list fields: %w", err)
		}
		for _, field := range fields {
			if field.Type != "Sig" || field.Value == nil || only != "" && field.Name != only {
				continue
			}
			if err := l.field(at, field, n); err != nil {
				return nil, err
			}
		}
	}
	if only != "" {
		return l.list, nil
	}
	// A signature dictionary that no field leads to: the trace of a field that was damaged or taken away. Those of
	// the first revision are left alone; looking through a whole document costs more than it can tell.
	for n := 1; n <= h.last; n++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, ref := range h.changed(n) {
			if err := l.loose(h.at(n), ref, n); err != nil {
				return nil, err
			}
		}
	}
	return l.list, nil
}

// place is a version of an object that a field has as its value.
type place struct {
	version
	field string
	ref   pdf.Ref
}

type finder struct {
	*history
	list   []*candidate
	known  map[key]*candidate
	stands map[place]*candidate
}

// field takes the signature of a field into the list, or notes that it still stands.
func (l *finder) field(at *pdf.File, field pdf.Field, n int) error {
	ref, isRef := field.Value.(pdf.Ref)
	p := place{l.version(ref, n), field.Name, field.Ref}
	if c := l.stands[p]; c != nil && isRef {
		if field.Ref == (pdf.Ref{}) && c.last == n {
			c.shared = true
		}
		c.last = n
		return nil
	}
	c, err := l.add(l.locate(at, field, n))
	if isRef {
		l.stands[p] = c
	}
	return err
}

// loose takes an object into the list if it is a signature dictionary that no field holds.
func (l *finder) loose(at *pdf.File, ref pdf.Ref, n int) error {
	for _, c := range l.list {
		if c.ref == ref && l.version(ref, n) == l.version(ref, c.revision) {
			return nil
		}
	}
	o, err := l.object(ref, n)
	if err != nil {
		return nil // what can't be read is no signature to any reader
	}
	d, ok := o.(pdf.Dict)
	if !ok || d["ByteRange"] == nil || d["Contents"] == nil || l.usageRights(at, ref) {
		return nil
	}
	c := &candidate{ref: ref, dict: d, revision: n, last: n, loose: true}
	c.span(at)
	_, err = l.add(c)
	return err
}

// usageRights tells whether the signature is the one by which a maker of forms unlocks functions of a viewer (ISO
// 32000-2 §12.8.2.3): nobody signs the document with it, and it stands in no field.
func (l *finder) usageRights(at *pdf.File, ref pdf.Ref) bool {
	_, catalog, err := at.Catalog()
	if err != nil {
		return false
	}
	perms, err := at.Dict(catalog["Perms"])
	return err == nil && (perms["UR3"] == ref || perms["UR"] == ref)
}

// add answers the candidate of the list that is the same signature.
func (l *finder) add(c *candidate) (*candidate, error) {
	if old, ok := l.known[c.key()]; ok {
		// One signature is one field's: a second one shows itself as signed by what signed the first.
		if !c.loose && (c.field != old.field || c.fieldRef != old.fieldRef) {
			old.shared = true
		}
		old.last = c.last
		return old, nil
	}
	if len(l.list) >= maxSignatures {
		return nil, &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: fmt.Sprintf("more than %d signatures", maxSignatures)}
	}
	l.known[c.key()] = c
	l.list = append(l.list, c)
	return c, nil
}

// locate reads the signature of a field.
func (l *finder) locate(at *pdf.File, field pdf.Field, revision int) *candidate {
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
	o, err := l.object(ref, revision)
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
	if err == nil {
		c.twice, err = at.Twice(c.ref)
	}
	if err != nil {
		c.broken = err.Error()
		return
	}
	c.start, c.end = start, end
}

var errContents = errors.New("contents")

// contents reads the Contents string as it stands in the file. Signers write an unbroken hexadecimal string in letters
// of one case. Every other spelling is a change that no digest shows, and so worth a doubt, which unusual words; what
// no reader can make bytes of is errContents.
func (c *candidate) contents(r io.ReaderAt) (out []byte, unusual string, err error) {
	n := c.end - c.start
	if n < 4 || n > 2*maxContents+2 {
		return nil, "", fmt.Errorf("%w: string of %d bytes", errContents, n)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, c.start); err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	if b[0] != '<' || b[n-1] != '>' {
		s, ok := c.dict["Contents"].(pdf.String)
		if !ok || b[0] != '(' {
			return nil, "", fmt.Errorf("%w: not a string", errContents)
		}
		return s, "not a hexadecimal string", nil
	}
	hexed := b[1 : n-1]
	out = make([]byte, len(hexed)/2, len(hexed)/2+1)
	var seen byte
	for i := range out {
		high, low := hexDigits[hexed[2*i]], hexDigits[hexed[2*i+1]]
		out[i] = high<<4 | low&0xf
		seen |= high | low
	}
	if len(hexed)%2 == 1 || seen&notHex != 0 {
		return spacedHex(hexed)
	}
	if seen&mixedCase == mixedCase {
		unusual = "hexadecimal string in mixed case"
	}
	return out, unusual, nil
}

// spacedHex reads what has white space among its digits, or an odd number of them.
func spacedHex(hexed []byte) (out []byte, unusual string, err error) {
	digits, seen := 0, byte(0)
	for _, ch := range hexed {
		v := hexDigits[ch]
		if v == notHex {
			if bytes.IndexByte(blanks, ch) < 0 {
				return nil, "", fmt.Errorf("%w: byte %#02x in the hexadecimal string", errContents, ch)
			}
			unusual = "white space in the hexadecimal string"
			continue
		}
		seen |= v
		if digits++; digits%2 == 1 {
			out = append(out, v<<4) // the digit that an odd string lacks is 0 (ISO 32000-2 §7.3.4.3)
		} else {
			out[len(out)-1] |= v & 0xf
		}
	}
	if seen&mixedCase == mixedCase {
		unusual = "hexadecimal string in mixed case"
	}
	return out, unusual, nil
}

var blanks = []byte("\x00\t\n\f\r ")

// maxContents bounds a CMS with time-stamps and revocation material, in bytes.
const maxContents = 4 << 20

// hexDigits are the values of hexadecimal digits, with upperCase or lowerCase for a letter; notHex for all other bytes.
var hexDigits = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['A'+i], t['a'+i] = 10+i|upperCase, 10+i|lowerCase
	}
	return
}()

const (
	upperCase = 0x10
	lowerCase = 0x20
	mixedCase = upperCase | lowerCase
	notHex    = 0x40
)
