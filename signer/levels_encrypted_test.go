package signer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// TestLevelsOfEncryptedFiles: the store's streams are encrypted as the file has it, the time-stamp's Contents are not, and
// the programs of others find all of it valid.
func TestLevelsOfEncryptedFiles(t *testing.T) {
	w := newWorld(t)
	for _, s := range []sealed{
		{name: "rc4-128"}, {name: "aes-128"}, {name: "aes-256"}, {name: "identity-streams", unread: "pdftoppm"}, {name: "aes-256-linearized"},
		{name: "aes-256-password", password: "mật khẩu Nghĩa"}, {name: "aes-128-object-streams"},
	} {
		in := sample(t, "encrypted-"+s.name+".pdf")
		with := func(level signer.Level) signer.Options {
			opt := w.at(level)
			opt.Password = s.password
			return opt
		}
		plain, _ := w.sign(t, in, w.principal, signer.Options{Password: s.password})
		once, _ := w.sign(t, in, w.principal, with(signer.LevelBLT))
		archived, _ := w.sign(t, in, w.principal, with(signer.LevelBLTA))
		for want, file := range map[string][]byte{
			"B-LT": once, "B-LTA stamp": archived, "B-LTA stamp stamp": w.augment(t, plain, with(signer.LevelBLTA)),
			"B-LT stamp": w.augment(t, plain, with(signer.LevelBLT)),
		} {
			if got := w.levelsOf(t, file, s.password); got != want {
				t.Errorf("%s: %s, want %s", s.name, got, want)
			}
			w.levelByOthers(t, s, file, want)
		}
	}
}

// levelByOthers shows an encrypted file of a level to the programs of others, and what its store holds.
func (w *world) levelByOthers(t *testing.T, s sealed, file []byte, level string) {
	t.Helper()
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "a.pdf"), file)
	out := mustRun(t, "pdfsig", slices.Concat([]string{"-no-ocsp", "-nssdir", "sql:" + w.nss}, s.args("pdfsig"), []string{path})...)
	if strings.Count(out, "Signature is Valid") != 1 || !strings.Contains(out, "Certificate is Trusted") {
		t.Errorf("%s at %s: pdfsig: %s", s.name, level, out)
	}
	if out := mustRun(t, "qpdf", append(s.args("qpdf"), "--check", path)...); strings.Contains(out, "WARNING") {
		t.Errorf("%s at %s: qpdf: %s", s.name, level, out)
	}
	out, _ = run(t, "mutool", slices.Concat([]string{"sign", "-v"}, s.args("mutool"), []string{path})...)
	if !strings.Contains(out, "The signature is valid but") && !strings.Contains(out, "The document is unchanged since signing.") {
		t.Errorf("%s at %s: mutool: %s", s.name, level, out)
	}
	f, err := pdf.OpenWithPassword(bytes.NewReader(file), int64(len(file)), s.password)
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
		t.Fatalf("%s at %s: %v, %v", s.name, level, stored, err)
	}
	// qpdf decrypts a response as any reader would; openssl finds it good.
	issuing := writeFile(t, filepath.Join(dir, "issuing.pem"), certificatePEM(w.authority.Issuing().Raw))
	plain := filepath.Join(dir, "plain.pdf")
	mustRun(t, "qpdf", append(s.args("qpdf"), "--decrypt", "--stream-data=uncompress", path, plain)...)
	decrypted, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	for der := range stored.Responses {
		if !bytes.Contains(decrypted, []byte(der)) {
			t.Errorf("%s at %s: a response reads otherwise in qpdf", s.name, level)
		}
		out := mustRun(t, "openssl", "ocsp", "-respin", writeFile(t, filepath.Join(dir, "ocsp"), []byte(der)), "-issuer", issuing, "-CAfile", w.rootFile, "-verify_other", issuing)
		if !strings.Contains(out, "Response verify OK") {
			t.Errorf("%s at %s: %s", s.name, level, out)
		}
	}
	// The document time-stamps, over the bytes as they stand in the file.
	r, err := validation.Validate(t.Context(), bytes.NewReader(file), int64(len(file)), validation.Options{Roots: w.roots, Offline: true, Password: s.password})
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range r.Signatures {
		br := sig.ByteRange
		ranges := writeFile(t, filepath.Join(dir, "ranges"), append(bytes.Clone(file[:br[1]]), file[br[2]:br[2]+br[3]]...))
		der := writeFile(t, filepath.Join(dir, "token"), sig.CMS)
		if !sig.Timestamp {
			mustRun(t, "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", der, "-content", ranges,
				"-CAfile", w.rootFile, "-purpose", "any", "-out", filepath.Join(dir, "out"))
			continue
		}
		out := mustRun(t, "openssl", "ts", "-verify", "-in", der, "-token_in", "-data", ranges, "-CAfile", w.rootFile)
		if !strings.Contains(out, "Verification: OK") {
			t.Errorf("%s at %s: %s: %s", s.name, level, sig.Field, out)
		}
	}
}
