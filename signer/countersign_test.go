package signer_test

import (
	"os"
	"path/filepath"
	"testing"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// TestCountersign reads signatures that other programs made, and signs after them.
func TestCountersign(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	in := writeFile(t, filepath.Join(dir, "in.pdf"), sample(t, "thong-bao.pdf"))
	others := map[string]func(out string){
		"pdfsign": func(out string) {
			if err := peerSign(in, out, w.principal, claim{name: "Nguyen Van An", reason: "Duyet"}); err != nil {
				t.Fatal(err)
			}
		},
		"pdfsig": func(out string) {
			nss, nick := signingDatabase(t, w, t.TempDir())
			mustRun(t, "pdfsig", "-nssdir", "sql:"+nss, "-nick", nick, "-sign", "0", "-add-signature", in, out)
		},
	}
	for name, sign := range others {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name+".pdf")
			sign(path)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := w.validate(t, b)
			if len(r.Signatures) != 1 || r.Indication() != validation.TotalPassed || r.Signatures[0].Covers != validation.CoversFile {
				t.Fatalf("as it was: %+v", r)
			}
			out, _ := w.sign(t, b, w.seal, signer.Options{Visible: visible()})
			r = w.validate(t, out)
			if len(r.Signatures) != 2 || r.Indication() != validation.TotalPassed || r.Signatures[0].LaterChanges != validation.ChangesPermitted {
				t.Errorf("countersigned: %+v", r)
			}
			path = writeFile(t, filepath.Join(dir, name+"-2.pdf"), out)
			checkQPDF(t, in, path)
			checkMutool(t, path, 2)
		})
	}
}
