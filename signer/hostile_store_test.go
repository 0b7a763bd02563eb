package signer_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// hostileStores are document security stores that do harm to who trusts them: each puts one into an update.
func hostileStores(u *pdf.Update) map[string]pdf.Object {
	self := u.Add(nil)
	u.Set(self, self)
	loop := u.Add(nil)
	u.Set(loop, pdf.Dict{"Certs": loop, "OCSPs": pdf.Array{loop, loop}, "VRI": loop})
	nested := u.Add(nil)
	u.Set(nested, pdf.Array{nested, pdf.Array{nested, nested}})
	garbage := u.Add(&pdf.Stream{Dict: pdf.Dict{}, Data: []byte("0\x82\xff\xff no certificate")})
	undecodable := u.Add(&pdf.Stream{Dict: pdf.Dict{"Filter": pdf.Array{pdf.Name("FlateDecode"), pdf.Name("NoSuchDecode")}}, Data: []byte("x")})
	many := make(pdf.Array, 20_000)
	for i := range many {
		many[i] = garbage
	}
	absent := make(pdf.Array, 20_000)
	for i := range absent {
		absent[i] = pdf.Ref{Number: uint32(1_000_000 + i)}
	}
	entries := pdf.Dict{}
	for i := range 5_000 {
		entries[pdf.Name(fmt.Sprintf("%040X", i))] = pdf.Dict{"Cert": pdf.Array{garbage}}
	}
	return map[string]pdf.Object{
		"a name": pdf.Name("None"), "a number": pdf.Integer(7), "an array": pdf.Array{pdf.Dict{}}, "a stream": garbage,
		"nothing":           pdf.Ref{Number: 999_999},
		"a reference loop":  self,
		"a loop of its own": loop,
		"arrays that are names": u.Add(pdf.Dict{"Certs": pdf.Name("A"), "OCSPs": pdf.Dict{}, "CRLs": pdf.String("x"),
			"VRI": pdf.Array{}}),
		"elements of all types": u.Add(pdf.Dict{"Certs": pdf.Array{nil, pdf.Integer(1), pdf.Array{}, pdf.Dict{}, garbage, undecodable, self},
			"OCSPs": pdf.Array{garbage, undecodable}, "CRLs": pdf.Array{garbage, self, undecodable}}),
		"nested arrays":     u.Add(pdf.Dict{"Certs": nested, "OCSPs": nested, "CRLs": nested}),
		"one stream often":  u.Add(pdf.Dict{"Certs": many, "OCSPs": many, "CRLs": many}),
		"absent streams":    u.Add(pdf.Dict{"Certs": absent, "OCSPs": absent, "CRLs": absent}),
		"entries":           u.Add(pdf.Dict{"VRI": u.Add(entries)}),
		"entries of others": u.Add(pdf.Dict{"VRI": pdf.Dict{"A": pdf.Name("x"), "B": self, "C": pdf.Dict{"Cert": pdf.Name("x"), "OCSP": self}}}),
	}
}

// TestHostileStores: a store is not signed, so that anybody may have put anything there. Validation takes from it what is
// of use and the rest is as good as absent; a level is reached in spite of it.
func TestHostileStores(t *testing.T) {
	w := newWorld(t)
	signed, _ := w.sign(t, sample(t, "minimal.pdf"), w.deputy, signer.Options{})
	for name := range hostileStores(pdf.NewUpdate(openBytes(t, signed))) {
		t.Run(name, func(t *testing.T) {
			file := withStore(t, signed, func(u *pdf.Update) pdf.Object { return hostileStores(u)[name] })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r, err := validation.Validate(ctx, bytes.NewReader(file), int64(len(file)), validation.Options{Roots: w.roots, Offline: true})
			if err != nil || len(r.Signatures) != 1 || r.Signatures[0].Level != "B-B" {
				t.Fatalf("%v: %+v", err, r)
			}
			d, err := signer.Augment(ctx, bytes.NewReader(file), w.at(signer.LevelBLTA))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if _, err := d.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			if got := w.levels(t, out.Bytes()); got != "B-LTA stamp stamp" {
				t.Error(got)
			}
		})
	}
}

// TestStoreBombs: streams that decode to much more than they are, in numbers, cost bounded work. The deadline holds by
// far, unless each is decoded.
func TestStoreBombs(t *testing.T) {
	w := newWorld(t)
	signed, _ := w.sign(t, sample(t, "minimal.pdf"), w.deputy, signer.Options{})
	bomb := deflated(make([]byte, 80<<20))
	file := withStore(t, signed, func(u *pdf.Update) pdf.Object {
		var list pdf.Array
		for range 1500 {
			list = append(list, u.Add(&pdf.Stream{Dict: pdf.Dict{"Filter": pdf.Array{pdf.Name("FlateDecode"), pdf.Name("FlateDecode")}}, Data: deflated(bomb)}))
		}
		return u.Add(pdf.Dict{"Certs": list, "OCSPs": list[:700], "CRLs": list[700:]})
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := validation.Validate(ctx, bytes.NewReader(file), int64(len(file)), validation.Options{Roots: w.roots, Offline: true})
	if err != nil || len(r.Signatures) != 1 || r.Signatures[0].Indication != validation.TotalPassed {
		t.Fatalf("%v: %+v", err, r)
	}
	// What is stored behind the bombs is not reached any more: then nothing is written, and that within bounds too.
	d, err := signer.Augment(ctx, bytes.NewReader(file), w.at(signer.LevelBLT))
	if d != nil || signer.CodeOf(err) != signer.CodeSelfCheckFailed {
		t.Errorf("augment: %v", err)
	}
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

func openBytes(t testing.TB, b []byte) *pdf.File {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// withStore adds an update with a DSS to a file.
func withStore(t testing.TB, file []byte, store func(*pdf.Update) pdf.Object) []byte {
	t.Helper()
	f := openBytes(t, file)
	u := pdf.NewUpdate(f)
	ref, catalog, err := f.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	catalog["DSS"] = store(u)
	u.Set(ref, catalog)
	tail, err := u.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(file), tail...)
}
