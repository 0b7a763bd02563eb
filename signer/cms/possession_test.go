package cms

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// A proof of possession and a document's signature can't stand in for each other,
// even over the same bytes.
func TestPossessionIsNoSignature(t *testing.T) {
	signer, other := identities()["rsa2048"], identities()["p256"]
	challenge := []byte("sokyso possession challenge 1\n")
	der, err := SignPossession(rand.Reader, signer.key, challenge, signer.cert, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyPossession(der, challenge, signer.cert); err != nil {
		t.Error(err)
	}
	if err := VerifyPossession(der, append(challenge, ' '), signer.cert); !errors.Is(err, ErrDigest) {
		t.Errorf("another challenge: %v", err)
	}
	if err := VerifyPossession(der, challenge, other.cert); !errors.Is(err, ErrSigningCertificate) {
		t.Errorf("another certificate: %v", err)
	}
	sd, err := Parse(der)
	if err != nil || sd.Signers[0].ForDocument() {
		t.Errorf("it passes for a document's: %v", err)
	}
	digest := sha256.Sum256(challenge)
	document, err := Sign(rand.Reader, signer.key, Request{Digest: digest[:], Certificate: signer.cert, Hash: crypto.SHA256})
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyPossession(document, challenge, signer.cert); !errors.Is(err, ErrAttributes) {
		t.Errorf("a document's signature: %v", err)
	}

	// Another program reads it the same way.
	if runtime.GOOS == "windows" {
		t.Skip("openssl judges on Linux")
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"p.der": der, "challenge": challenge} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("openssl", "cms", "-verify", "-inform", "DER", "-binary", "-noverify", "-in", filepath.Join(dir, "p.der"),
		"-content", filepath.Join(dir, "challenge"), "-out", os.DevNull).CombinedOutput()
	if err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}
