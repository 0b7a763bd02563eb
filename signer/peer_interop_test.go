package signer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/pdfsign/sign"
	"github.com/digitorus/pdfsign/verify"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// TestPeerLetters signs under a name for each Vietnamese letter and asks qpdf how it reads.
func TestPeerLetters(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	in := filepath.Join("..", "testdata", "pdf", "minimal.pdf")
	letters := []rune(vietnamese + strings.ToUpper(vietnamese))
	if testing.Short() {
		letters = []rune("ĩĨạđĐỡ")
	}
	var lost []string
	for _, letter := range letters {
		name := "Hoa " + string(letter)
		for _, s := range []*side{{name: "sokyso", sign: ourSign}, {name: "pdfsign", sign: peerSign}} {
			out := filepath.Join(dir, s.name+".pdf")
			if err := s.sign(in, out, w.seal, claim{name, name}); err != nil {
				t.Fatal(err)
			}
			var f facts
			f.readJSON(t, out)
			good := len(f.dicts) == 1 && f.dicts[0]["/Name"] == "u:"+name && f.dicts[0]["/Reason"] == "u:"+name
			if s.name == "pdfsign" && !good {
				lost = append(lost, string(letter))
			} else if !good {
				t.Errorf("%s: %v", name, f.dicts)
			}
		}
	}
	t.Logf("%d letters; pdfsign loses: %s", len(letters), strings.Join(lost, " "))
}

// vietnamese are the letters that ASCII has not.
const vietnamese = "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"

// TestPeerKeyUse counts: each use costs a token up to a second, some a PIN.
func TestPeerKeyUse(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	in := filepath.Join("..", "testdata", "pdf", "minimal.pdf")
	keys := map[string]func() (crypto.Signer, error){
		"RSA-2048": func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
		"RSA-3072": func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) },
		"P-256":    func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	}
	for name, generate := range keys {
		key, err := generate()
		if err != nil {
			t.Fatal(err)
		}
		cert, err := w.authority.Issue(key.Public(), authority.Subject{CommonName: "Lê Minh Quân"})
		if err != nil {
			t.Fatal(err)
		}
		whole := append([]*x509.Certificate{cert}, w.authority.Chain()...)
		for _, chain := range [][]*x509.Certificate{whole[:1], whole} {
			calls := map[string]int{}
			for _, s := range []*side{{name: "sokyso", sign: ourSign}, {name: "pdfsign", sign: peerSign}} {
				counting := &countingKey{Signer: key}
				if err := s.sign(in, filepath.Join(dir, s.name+".pdf"), identity{counting, chain}, claim{"Quan", "Ky"}); err != nil {
					t.Fatal(err)
				}
				calls[s.name] = counting.calls
			}
			t.Logf("%s, %d certificates: the key was used %d times by pdfsign, %d by sokyso", name, len(chain), calls["pdfsign"], calls["sokyso"])
			if calls["sokyso"] != 1 {
				t.Errorf("%s: the key was used %d times", name, calls["sokyso"])
			}
		}
	}
}

// TestPeerSignedFiles reads what pdfsign signed, and signs after it.
func TestPeerSignedFiles(t *testing.T) {
	w := newWorld(t)
	info := sign.SignDataSignatureInfo{Name: "Tran Thi Hoa", Reason: "Ky duyet", Date: time.Now()}
	for _, test := range []struct {
		name string
		kind sign.SignDataSignature
		code string // of the refusal to sign after it
	}{
		{"approval", sign.SignDataSignature{CertType: sign.ApprovalSignature, Info: info}, ""},
		{"certification, no changes", sign.SignDataSignature{CertType: sign.CertificationSignature, DocMDPPerm: sign.DoNotAllowAnyChangesPerms, Info: info}, signer.CodeSigningForbidden},
		{"certification, forms and signatures", sign.SignDataSignature{CertType: sign.CertificationSignature, DocMDPPerm: sign.AllowFillingExistingFormFieldsAndSignaturesPerms, Info: info}, ""},
	} {
		for _, base := range []string{"minimal.pdf", "ke-hoach.pdf", "chromium.pdf", "qpdf-object-streams.pdf"} {
			t.Run(test.name+"/"+base, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "peer.pdf")
				if err := peerSignAs(filepath.Join("..", "testdata", "pdf", base), path, w.principal, test.kind); err != nil {
					t.Fatal(err)
				}
				in, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				r := w.validate(t, in)
				if len(r.Signatures) != 1 || r.Indication() != validation.TotalPassed || r.Signatures[0].Signer != "Nguyễn Văn Nghĩa" {
					t.Fatalf("pdfsign's signature: %+v", r)
				}
				t.Logf("%s %s, level %q, covers %s, %v", r.Indication(), r.Signatures[0].SubIndication, r.Signatures[0].Level, r.Signatures[0].Covers, r.Signatures[0].Details)
				d, err := signer.Sign(context.Background(), bytes.NewReader(in), w.seal.key, w.seal.chain, signer.Options{Roots: w.roots})
				if signer.CodeOf(err) != test.code {
					t.Fatalf("signing after it: %v, want %q", err, test.code)
				}
				if err != nil {
					return
				}
				var out bytes.Buffer
				if _, err := d.WriteTo(&out); err != nil {
					t.Fatal(err)
				}
				r = w.validate(t, out.Bytes())
				if len(r.Signatures) != 2 || r.Indication() != validation.TotalPassed {
					t.Errorf("after ours: %+v", r)
				}
				both := writeFile(t, filepath.Join(dir, "both.pdf"), out.Bytes())
				text := mustRun(t, "pdfsig", "-no-ocsp", "-nssdir", "sql:"+w.nss, both)
				if n := strings.Count(text, "Signature is Valid."); n != 2 {
					t.Errorf("pdfsig: %d valid signatures\n%s", n, text)
				}
				checkMutool(t, both, 2)
				checkQPDF(t, path, both)
			})
		}
	}
}

// TestPeerReadsOurs has pdfsign's verifier look at what we signed.
func TestPeerReadsOurs(t *testing.T) {
	w := newWorld(t)
	for _, base := range []string{"minimal.pdf", "ke-hoach.pdf", "chromium.pdf", "qpdf-object-streams.pdf"} {
		b := sample(t, base)
		for n, who := range []identity{w.principal, w.deputy, w.seal} {
			b, _ = w.sign(t, b, who, signer.Options{Name: "Nguyễn Văn Nghĩa", Reason: "Ký duyệt"})
			r, err := verify.Verify(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatalf("%s: %v", base, err)
			}
			if len(r.Signers) != n+1 {
				t.Errorf("%s: pdfsign finds %d signatures of %d", base, len(r.Signers), n+1)
			}
			for i, s := range r.Signers {
				if !s.ValidSignature || s.Name != "Nguyễn Văn Nghĩa" {
					t.Errorf("%s, signature %d: %s, %v", base, i+1, s.Name, s.ValidSignature)
				}
			}
		}
	}
}

// TestPeerForgeries shows forgeries to both verifiers: pages that no signature covers.
func TestPeerForgeries(t *testing.T) {
	w := newWorld(t)
	honest := paddedSignature(t, w.principal, build(document(nil)), 8<<10, 0)
	short := paddedSignature(t, w.principal, build(document(nil)), 8<<10, 1)
	// the page's text in a later update, which the ByteRange of two numbers need not cover
	other := strings.Replace(document(nil)[5], "Trang 1", "Trang 9", 1)
	forgeries := map[string][]byte{
		"ByteRange of two numbers":                   short,
		"ByteRange of two numbers, page 1 rewritten": rewritten(t, short, 5, other),
		"whole file signed, then page 1 rewritten":   rewritten(t, honest, 5, other),
	}
	if r := w.validate(t, honest); r.Indication() != validation.TotalPassed {
		t.Fatalf("not forged: %+v", r)
	}
	for name, b := range forgeries {
		r, err := verify.Verify(bytes.NewReader(b), int64(len(b)))
		said := fmt.Sprint(err)
		if err == nil && len(r.Signers) == 1 {
			said = fmt.Sprintf("valid %t", r.Signers[0].ValidSignature)
		}
		ours := w.validate(t, b)
		t.Logf("%s: pdfsign says %s, sokyso %s %s %v", name, said, ours.Indication(), ours.Signatures[0].SubIndication, ours.Signatures[0].Details)
		if ours.Indication() != validation.TotalFailed {
			t.Errorf("%s: %+v", name, ours)
		}
	}
}

// rewritten appends an update with another object of that number.
func rewritten(t *testing.T, b []byte, number int, text string) []byte {
	t.Helper()
	f := open(t, b)
	out := bytes.Clone(b)
	at := len(out)
	out = fmt.Appendf(out, "%d 0 obj\n%s\nendobj\n", number, text)
	start := len(out)
	trailer := f.Trailer()
	size, _ := f.Integer(trailer["Size"])
	revisions := f.Revisions()
	return fmt.Appendf(out, "xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n",
		number, at, size, revisions[len(revisions)-1].StartXRef, start)
}
