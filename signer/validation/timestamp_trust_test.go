package validation_test

import (
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// ownWorld is for tests that revoke what others need.
func ownWorld(t testing.TB) *world {
	t.Helper()
	a, err := authority.New(authority.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	w := &world{authority: a, roots: x509.NewCertPool()}
	w.roots.AddCert(a.Root())
	return w
}

func count(s validation.Signature, code string) int {
	n := 0
	for _, d := range s.Details {
		if d.Code == code {
			n++
		}
	}
	return n
}

// TestTimestampOfRevokedAuthority: a time-stamp proves a time before the signer's revocation only as long as its
// authority is not revoked itself.
func TestTimestampOfRevokedAuthority(t *testing.T) {
	w := ownWorld(t)
	who := w.person(t, authority.Subject{})
	file := w.sign(t, sample(t, "minimal.pdf"), who, signer.Options{Level: signer.LevelBT, TSA: w.authority.TSAURL(), Roots: w.roots})
	start := time.Now().Truncate(time.Second)
	if err := w.authority.Revoke(who.chain[0].SerialNumber, 1, start.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	online := validation.Options{AllowPrivate: true, At: start.Add(time.Hour)}
	s := w.validate(t, file, online).Signatures[0]
	if s.Indication != validation.TotalPassed || s.Level != "B-T" || !has(s, validation.DetailTimestamp) || !has(s, validation.DetailRevokedLater) {
		t.Fatalf("good authority: %s %s %s %v", s.Indication, s.SubIndication, s.Level, s.Details)
	}

	unreachable := online
	unreachable.HTTP = &http.Client{Transport: noNetwork{}}
	s = w.validate(t, file, unreachable).Signatures[0]
	if s.Indication != validation.Indeterminate || s.Level != "B-B" || !s.BestTime.Equal(online.At) || !has(s, validation.DetailTimestampUnknown) || has(s, validation.DetailTimestamp) {
		t.Errorf("nobody knows: %s %s %s %s %v", s.Indication, s.SubIndication, s.Level, s.BestTime, s.Details)
	}

	s = w.validate(t, file, validation.Options{Offline: true, At: online.At}).Signatures[0]
	if s.Indication != validation.TotalPassed || s.Level != "B-T" || count(s, validation.DetailRevocationSkipped) != 1 {
		t.Errorf("offline: %s %s %s %v", s.Indication, s.SubIndication, s.Level, s.Details)
	}

	if err := w.authority.Revoke(w.authority.TSACertificate().SerialNumber, 1, start.Add(30*time.Minute)); err != nil {
		t.Fatal(err)
	}
	s = w.validate(t, file, online).Signatures[0]
	if s.SubIndication != validation.RevokedNoPOE || s.Level != "B-B" || !s.BestTime.Equal(online.At) || !has(s, validation.DetailTimestampRevoked) || has(s, validation.DetailTimestamp) {
		t.Errorf("revoked authority: %s %s %s %s %v", s.Indication, s.SubIndication, s.Level, s.BestTime, s.Details)
	}
	before := online
	before.At = start.Add(10 * time.Minute)
	if s = w.validate(t, file, before).Signatures[0]; s.Indication != validation.TotalPassed || s.Level != "B-T" {
		t.Errorf("before its revocation: %s %s %s %v", s.Indication, s.SubIndication, s.Level, s.Details)
	}
}

func TestDocumentTimestampOfRevokedAuthority(t *testing.T) {
	w := ownWorld(t)
	file := stampDocument(t, w, w.sign(t, build(letter()), w.person(t, authority.Subject{}), signer.Options{Field: "Duyet"}))
	online := validation.Options{AllowPrivate: true}
	if s := w.validate(t, file, online).Signatures[1]; s.Indication != validation.TotalPassed || !has(s, validation.DetailTimestamp) {
		t.Fatalf("%s %s %v", s.Indication, s.SubIndication, s.Details)
	}
	if err := w.authority.Revoke(w.authority.TSACertificate().SerialNumber, 1, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	s := w.validate(t, file, online).Signatures[1]
	if s.SubIndication != validation.RevokedNoPOE || !has(s, validation.DetailRevoked) || has(s, validation.DetailTimestamp) {
		t.Errorf("%s %s %v", s.Indication, s.SubIndication, s.Details)
	}
}
