package signer_test

import (
	"bytes"
	"crypto"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/cms"
	"sokyso/signer/token/softhsm"
	"sokyso/signer/validation"
)

// TestAlgorithms signs with every kind of key on a token, every scheme and every hash, one signature after the other in
// one document, and shows it to other programs. mutool 1.21 asks OpenSSL's PKCS7 functions, which know no PSS: it says
// "Digest error" to any PSS signature, so it is not asked about those.
func TestAlgorithms(t *testing.T) {
	w := newWorld(t)
	store, err := softhsm.New(filepath.Join(t.TempDir(), "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	rsaKinds, ecKinds := []string{"rsa2048", "rsa3072", "rsa4096"}, []string{"p256", "p384", "p521"}
	created, tokens := map[string]softhsm.Created{}, map[string]identity{}
	for _, kind := range append(slices.Clone(rsaKinds), ecKinds...) {
		created[kind] = makeToken(t, w, store, kind)
	}
	for kind, c := range created {
		tokens[kind] = openToken(t, store, c).identity
	}
	type made struct {
		cell string
		doc  *signer.Document
	}
	signAll := func(t *testing.T, kinds []string, scheme cms.Scheme, out []byte) ([]byte, []made) {
		var all []made
		for _, kind := range kinds {
			who := tokens[kind]
			for _, hash := range hashes {
				cell := fmt.Sprintf("%s %s %v", kind, scheme, hash)
				var d *signer.Document
				out, d = w.sign(t, out, who, signer.Options{Scheme: scheme, Hash: hash})
				if want := cms.SchemeOf(who.chain[0], scheme); d.Hash() != hash || d.Scheme() != want || len(d.ByteRangeDigest()) != hash.Size() {
					t.Errorf("%s: made %s with %v, %d bytes", cell, d.Scheme(), d.Hash(), len(d.ByteRangeDigest()))
				}
				if err := validation.CheckCMS(d.CMS(), d.ByteRangeDigest(), who.chain[0]); err != nil {
					t.Errorf("%s: the service would not take it: %v", cell, err)
				}
				checkOpenSSL(t, w, t.TempDir(), out, d)
				all = append(all, made{cell, d})
			}
		}
		return out, all
	}
	judge := func(t *testing.T, out []byte, all []made) string {
		r := w.validate(t, out)
		if r.Indication() != validation.TotalPassed || len(r.Signatures) != len(all) {
			t.Errorf("%+v", r)
		}
		for i, s := range r.Signatures {
			if !bytes.Equal(s.CMS, all[i].doc.CMS()) {
				t.Errorf("%s: another CMS is in its place", all[i].cell)
			}
		}
		path := writeFile(t, filepath.Join(t.TempDir(), "all.pdf"), out)
		// Whether certificates are trusted is not asked: poppler 22.12 checks those of many signatures at once, and then
		// says "Unknown issue" to some of them, now to these and now to those.
		text := mustRun(t, "pdfsig", "-no-ocsp", "-nocert", path)
		if n := strings.Count(text, "Signature is Valid."); n != len(all) {
			t.Errorf("pdfsig: %d of %d valid\n%s", n, len(all), text)
		}
		for _, hash := range hashes {
			if n := strings.Count(text, "Signing Hash Algorithm: "+hash.String()); n != len(all)/len(hashes) {
				t.Errorf("pdfsig sees %d signatures with %v of %d\n%s", n, hash, len(all)/len(hashes), text)
			}
		}
		return path
	}
	plain := sample(t, "ke-hoach.pdf")
	t.Run("everyday", func(t *testing.T) {
		out, all := signAll(t, rsaKinds, cms.PKCS1v15, plain)
		out, more := signAll(t, ecKinds, "", out)
		all = append(all, more...)
		checkMutool(t, judge(t, out, all), len(all))
	})
	t.Run("pss", func(t *testing.T) {
		out, all := signAll(t, rsaKinds, cms.PSS, plain)
		judge(t, out, all)
	})
}

// TestAlgorithmThatCantBe is refused before the key is used.
func TestAlgorithmThatCantBe(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		who identity
		opt signer.Options
	}{
		"PSS with an elliptic key": {w.deputy, signer.Options{Scheme: cms.PSS}},
		"ECDSA with an RSA key":    {w.principal, signer.Options{Scheme: cms.ECDSA}},
		"SHA-1":                    {w.principal, signer.Options{Hash: crypto.SHA1}},
		"SHA-224":                  {w.deputy, signer.Options{Hash: crypto.SHA224}},
	} {
		key := &countingKey{Signer: test.who.key}
		_, err := signer.Sign(t.Context(), bytes.NewReader(sample(t, "ke-hoach.pdf")), key, test.who.chain, test.opt)
		if signer.CodeOf(err) != signer.CodeUnsupportedAlgorithm || key.calls != 0 {
			t.Errorf("%s: %v, key used %d times", name, err, key.calls)
		}
	}
	if _, err := signer.Prepare(t.Context(), bytes.NewReader(sample(t, "ke-hoach.pdf")), crypto.SHA1); signer.CodeOf(err) != signer.CodeUnsupportedAlgorithm {
		t.Errorf("prepared for SHA-1: %v", err)
	}
}

// countingSource counts the bytes that are read of the input from its start on.
type countingSource struct {
	*bytes.Reader
	read int64
}

func (s *countingSource) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Reader.ReadAt(p, off)
	s.read += int64(n)
	return n, err
}

// TestOnePassForEveryHash: a hash that Prepare is told of costs no second pass over the input, one that it is not told
// of costs one.
func TestOnePassForEveryHash(t *testing.T) {
	w := newWorld(t)
	in := build(document(map[int]string{90: "<< /Length 8000000 >>\nstream\n" + strings.Repeat("0", 8000000) + "\nendstream"}))
	for _, test := range []struct {
		told   []crypto.Hash
		hash   crypto.Hash
		passes int64
	}{
		{nil, 0, 1}, {nil, crypto.SHA256, 1}, {[]crypto.Hash{crypto.SHA512}, crypto.SHA512, 1},
		{[]crypto.Hash{crypto.SHA512}, crypto.SHA256, 1}, {nil, crypto.SHA384, 2},
	} {
		source := &countingSource{Reader: bytes.NewReader(in)}
		p, err := signer.Prepare(t.Context(), source, test.told...)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := p.Sign(t.Context(), w.deputy.key, w.deputy.chain, signer.Options{Hash: test.hash}); err != nil {
				t.Fatal(err)
			}
		}
		if passes := source.read / int64(len(in)); passes != test.passes {
			t.Errorf("told of %v, signed with %v: read %d bytes of %d", test.told, test.hash, source.read, len(in))
		}
	}
}
