package validation_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// rewrite changes the ByteRange of the only signature in place, keeping all offsets.
func rewrite(t *testing.T, file []byte, numbers string) []byte {
	t.Helper()
	b := bytes.Clone(file)
	start := bytes.LastIndex(b, []byte("/ByteRange")) + len("/ByteRange")
	start += bytes.IndexByte(b[start:], '[')
	end := start + bytes.IndexByte(b[start:], ']') + 1
	if len(numbers)+2 > end-start {
		t.Fatalf("ByteRange has room for %d bytes", end-start)
	}
	copy(b[start:end], "["+numbers+strings.Repeat(" ", end-start-len(numbers)-2)+"]")
	return b
}

func TestForgeries(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	in := sample(t, "minimal.pdf")
	file := w.sign(t, in, who, signer.Options{Reason: "Ban hành"})
	// The room for an ECDSA signature is for the longest; most leave a byte or two free.
	for !bytes.Contains(file, []byte("00>")) {
		file = w.sign(t, in, who, signer.Options{Reason: "Ban hành"})
	}
	br := w.validate(t, file, offline).Signatures[0].ByteRange
	size := int64(len(file))
	ranges := func(n ...int64) []byte { return rewrite(t, file, strings.Trim(fmt.Sprint(n), "[]")) }
	other := w.sign(t, in, w.person(t, authority.Subject{}), signer.Options{Reason: "Ban hành"})
	contents := func(b []byte) (start, end int) {
		s := w.validate(t, b, offline).Signatures[0]
		return int(s.ByteRange[1]), int(s.ByteRange[2])
	}
	start, end := contents(file)
	replace := func(at int, s string) []byte {
		b := bytes.Clone(file)
		copy(b[at:], s)
		return b
	}
	der := w.validate(t, file, offline).Signatures[0].CMS
	for _, test := range []struct {
		name string
		file []byte
		sub  string
	}{
		{"two numbers", ranges(0, size), validation.FormatFailure},
		{"six numbers", ranges(0, br[1], br[2], 1, br[2]+1, br[3]-1), validation.FormatFailure},
		{"starts later", ranges(1, br[1]-1, br[2], br[3]), validation.FormatFailure},
		{"wider gap before", ranges(0, br[1]-10, br[2], br[3]), validation.FormatFailure},
		{"wider gap after", ranges(0, br[1], br[2]+10, br[3]-10), validation.FormatFailure},
		{"brackets covered", ranges(0, br[1]+1, br[2]-1, br[3]+1), validation.HashFailure},
		{"ends early", ranges(0, br[1], br[2], br[3]-30), validation.FormatFailure},
		{"ends after the file", ranges(0, br[1], br[2], br[3]+30), validation.FormatFailure},
		{"negative", ranges(0, br[1], br[2], -1), validation.FormatFailure},
		{"overflow", ranges(0, br[1], br[2], 9223372036854775807), validation.FormatFailure},
		{"gap before itself", ranges(0, br[2], br[1], br[3]), validation.FormatFailure},
		{"reason changed", bytes.Replace(file, []byte("feff00420061006e"), []byte("feff00420061006f"), 1), validation.HashFailure},
		{"CMS of another file", func() []byte {
			s, e := contents(other)
			b := bytes.Clone(file)
			copy(b[start:end], other[s:e])
			return b
		}(), validation.HashFailure},
		{"no CMS", replace(start, "<"+strings.Repeat("0", end-start-2)+">"), validation.FormatFailure},
		{"garbage for a CMS", replace(start, "<"+strings.Repeat("5", end-start-2)+">"), validation.FormatFailure},
		{"signature value changed", replace(start+1+2*len(der)-2, hex.EncodeToString([]byte{der[len(der)-1] ^ 1})), validation.SigCryptoFailure},
		{"a literal string", replace(start, "("+strings.Repeat("0", end-start-2)+")"), validation.FormatFailure},
		{"another format", bytes.Replace(file, []byte("/ETSI.CAdES.detached"), []byte("/ETSI.CAdES.detacher"), 1), validation.HashFailure},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := w.validate(t, test.file, offline)
			if len(r.Signatures) != 1 {
				t.Fatalf("%d signatures", len(r.Signatures))
			}
			if s := r.Signatures[0]; s.Indication != validation.TotalFailed || s.SubIndication != test.sub {
				t.Errorf("%s %s, want %s: %v", s.Indication, s.SubIndication, test.sub, s.Details)
			}
		})
	}
}

// TestUnusualSpelling changes how Contents is written, which no digest shows. That is never whole, but no proof of a
// forgery either.
func TestUnusualSpelling(t *testing.T) {
	w := newWorld(t)
	file := w.sign(t, sample(t, "minimal.pdf"), w.person(t, authority.Subject{}), signer.Options{Reason: "Ban hành"})
	for !bytes.Contains(file, []byte("00>")) {
		file = w.sign(t, sample(t, "minimal.pdf"), w.person(t, authority.Subject{}), signer.Options{Reason: "Ban hành"})
	}
	br := w.validate(t, file, offline).Signatures[0].ByteRange
	start, end := int(br[1]), int(br[2])
	for name, change := range map[string]func(b []byte){
		"bytes behind the CMS":      func(b []byte) { b[end-3] = '1' },
		"upper case":                func(b []byte) { copy(b[start+1:], bytes.ToUpper(b[start+1:start+200])) },
		"white space in the room":   func(b []byte) { copy(b[end-3:], "\n\n") },
		"an odd number of digits":   func(b []byte) { copy(b[end-2:], " ") },
		"white space between bytes": func(b []byte) { copy(b[start+3:], b[start+1:end-3]); copy(b[start+1:], "\n\n") },
	} {
		b := bytes.Clone(file)
		change(b)
		s := w.validate(t, b, offline).Signatures[0]
		if s.Indication != validation.Indeterminate || s.SubIndication != validation.SigConstraintsFailure || !has(s, validation.DetailContents) {
			t.Errorf("%s: %s %s %v", name, s.Indication, s.SubIndication, s.Details)
		}
	}
}

// TestContentsTwice: two Contents keys, one for each kind of reader.
func TestContentsTwice(t *testing.T) {
	w := newWorld(t)
	file := w.sign(t, sample(t, "minimal.pdf"), w.person(t, authority.Subject{}), signer.Options{})
	b := bytes.Replace(file, []byte("/Filter "), []byte("/Contents <00> /Filter "), 1)
	r := w.validate(t, b, offline)
	if r.Indication() == validation.TotalPassed {
		t.Errorf("%+v", r)
	}
}

// TestHiddenSignature takes the signature out of the form in a later revision, by each way that there is.
func TestHiddenSignature(t *testing.T) {
	w := newWorld(t)
	objects := letter()
	file := w.sign(t, build(objects), w.person(t, authority.Subject{}), signer.Options{Field: "Duyet"})
	for name, change := range map[string]map[int]string{
		"field without value":   {12: objects[12]},
		"field not in the form": {11: "<< /Fields [10 0 R] /SigFlags 3 >>"},
		"no form":               {1: "<< /Type /Catalog /Pages 2 0 R >>"},
		"signature freed":       {100: ""},
		"signature replaced":    {100: "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> >>"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.validate(t, update(t, file, change), offline)
			if len(r.Signatures) == 0 || r.Indication() != validation.TotalFailed {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestLooseSignature finds a signature dictionary that no field holds.
func TestLooseSignature(t *testing.T) {
	w := newWorld(t)
	file := w.sign(t, build(letter()), w.person(t, authority.Subject{}), signer.Options{})
	b := bytes.Replace(file, []byte("/V 100 0 R"), []byte("/W 100 0 R"), 1)
	r := w.validate(t, b, offline)
	if len(r.Signatures) != 1 || r.Signatures[0].Indication != validation.TotalFailed {
		t.Errorf("%+v", r)
	}
}

func TestTrailingBytes(t *testing.T) {
	w := newWorld(t)
	file := w.sign(t, build(letter()), w.person(t, authority.Subject{}), signer.Options{})
	for rest, want := range map[string]validation.Indication{
		"\n": validation.TotalPassed, "\r\n\r\n": validation.TotalPassed,
		"<html>": validation.Indeterminate, strings.Repeat("\x00", 5000): validation.Indeterminate,
	} {
		s := w.validate(t, append(bytes.Clone(file), rest...), offline).Signatures[0]
		if s.Indication != want || s.Covers != validation.CoversRevision {
			t.Errorf("with %.8q behind: %s, covers %s, %v", rest, s.Indication, s.Covers, s.Details)
		}
	}
}

func TestRebuiltFileNeverPasses(t *testing.T) {
	w := newWorld(t)
	file := w.sign(t, build(letter()), w.person(t, authority.Subject{}), signer.Options{})
	i := bytes.LastIndex(file, []byte("startxref")) + len("startxref\n")
	b := bytes.Clone(file)
	b[i] ^= 1
	f, err := pdf.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, rebuilt := f.Rebuilt(); !rebuilt {
		t.Fatal("not rebuilt")
	}
	if r := w.validate(t, b, offline); r.Indication() == validation.TotalPassed {
		t.Errorf("%+v", r)
	}
}
