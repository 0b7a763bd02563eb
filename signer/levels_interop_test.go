package signer_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/cms"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// TestLevelsByOthers shows files of the highest level, made at once and raised later, to the programs of others, and
// each part of them.
func TestLevelsByOthers(t *testing.T) {
	w := newWorld(t)
	once, _ := w.sign(t, sample(t, "thong-bao.pdf"), w.principal, w.at(signer.LevelBLTA))
	plain, _ := w.sign(t, sample(t, "quy-che.pdf"), w.principal, signer.Options{})
	both, _ := w.sign(t, plain, w.seal, w.at(signer.LevelBT))
	raised := w.augment(t, w.augment(t, both, w.at(signer.LevelBLTA)), w.at(signer.LevelBLTA))
	for name, test := range map[string]struct {
		file       []byte
		signatures int
	}{"once": {once, 1}, "raised": {raised, 2}} {
		dir := t.TempDir()
		path := writeFile(t, filepath.Join(dir, "a.pdf"), test.file)
		if out := mustRun(t, "pdfsig", "-nssdir", "sql:"+w.nss, path); strings.Count(out, "Signature is Valid") != test.signatures {
			t.Errorf("%s: pdfsig: %s", name, out)
		}
		mustRun(t, "qpdf", "--check", path)
		at := func(name string, b []byte) string { return writeFile(t, filepath.Join(dir, name), b) }
		issuing := at("issuing.pem", certificatePEM(w.authority.Issuing().Raw))
		for i, s := range w.validate(t, test.file).Signatures {
			br := s.ByteRange
			ranges := at(fmt.Sprintf("ranges%d", i), append(bytes.Clone(test.file[:br[1]]), test.file[br[2]:br[2]+br[3]]...))
			token := s.CMS
			if !s.Timestamp {
				der := at(fmt.Sprintf("cms%d", i), s.CMS)
				mustRun(t, "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", der, "-content", ranges,
					"-CAfile", w.rootFile, "-purpose", "any", "-out", filepath.Join(dir, "out"))
				sd, err := cms.Parse(s.CMS)
				if err != nil {
					t.Fatal(err)
				}
				if token = sd.Signers[0].Timestamp; token == nil {
					continue // the one that was raised by a document time-stamp
				}
				ranges = at(fmt.Sprintf("value%d", i), sd.Signers[0].Signature)
			}
			out := mustRun(t, "openssl", "ts", "-verify", "-in", at(fmt.Sprintf("token%d", i), token), "-token_in", "-data", ranges, "-CAfile", w.rootFile)
			if !strings.Contains(out, "Verification: OK") {
				t.Errorf("%s: %s: %s", name, s.Field, out)
			}
		}
		f, err := pdf.Open(bytes.NewReader(test.file), int64(len(test.file)))
		if err != nil {
			t.Fatal(err)
		}
		_, catalog, err := f.Catalog()
		if err != nil {
			t.Fatal(err)
		}
		dss, err := f.Dict(catalog["DSS"])
		if err != nil {
			t.Fatal(err)
		}
		stored, err := validation.Stored(f, dss)
		if err != nil || len(stored.Certificates) == 0 || len(stored.Responses) == 0 || len(stored.Lists) == 0 {
			t.Fatalf("%s: %d certificates, %d responses, %d lists: %v", name, len(stored.Certificates), len(stored.Responses), len(stored.Lists), err)
		}
		for der := range stored.Responses {
			out := mustRun(t, "openssl", "ocsp", "-respin", at("ocsp", []byte(der)), "-issuer", issuing, "-CAfile", w.rootFile, "-verify_other", issuing)
			if !strings.Contains(out, "Response verify OK") {
				t.Errorf("%s: %s", name, out)
			}
		}
		for der := range stored.Lists {
			if out := mustRun(t, "openssl", "crl", "-inform", "DER", "-in", at("crl", []byte(der)), "-CAfile", w.rootFile, "-noout"); !strings.Contains(out, "verify OK") {
				t.Errorf("%s: %s", name, out)
			}
		}
		vri, err := f.Dict(dss["VRI"])
		if err != nil {
			t.Fatal(err)
		}
		s := w.validate(t, test.file).Signatures[0]
		contents, err := hex.DecodeString(string(test.file[s.ByteRange[1]+1 : s.ByteRange[2]-1]))
		if err != nil {
			t.Fatal(err)
		}
		if key := fmt.Sprintf("%X", sha1.Sum(contents)); vri[pdf.Name(key)] == nil {
			t.Errorf("%s: no VRI entry %s", name, key)
		}
	}
}

// BenchmarkAugment raises a file from b-b to b-lta, with what is remembered from the file before, and in each round signs
// the same file at b-b with a key in memory: of-b-b is the median of the one in terms of the other. Two time-stamps are in
// it, of an authority in the same process.
func BenchmarkAugment(b *testing.B) {
	w := newWorld(b)
	plain := sample(b, "quy-che.pdf")
	bb := signer.Options{Roots: w.roots, Cache: &validation.Cache{}}
	in, _ := w.sign(b, plain, w.deputy, bb)
	opt := w.at(signer.LevelBLTA)
	w.augment(b, in, opt) // the trial, and what is remembered
	var ratios []float64
	for b.Loop() {
		sign := measure(func() { w.sign(b, plain, w.deputy, bb) })
		raise := measure(func() { w.augment(b, in, opt) })
		ratios = append(ratios, raise.wall.Seconds()/sign.wall.Seconds())
	}
	b.ReportMetric(median(ratios), "of-b-b")
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
