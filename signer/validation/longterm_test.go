package validation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// years is a CA whose clock a test moves.
type years struct {
	*world
	clock atomic.Pointer[time.Time]
	start time.Time
}

func newYears(t testing.TB) *years {
	t.Helper()
	y := &years{start: time.Now().Truncate(time.Second)}
	y.clock.Store(&y.start)
	a, err := authority.New(authority.Config{Now: y.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	y.world = &world{authority: a, roots: x509.NewCertPool()}
	y.roots.AddCert(a.Root())
	return y
}

func (y *years) now() time.Time { return *y.clock.Load() }

// after is a time that many years from the start.
func (y *years) after(n float64) time.Time {
	return y.start.Add(time.Duration(n * 365 * 24 * float64(time.Hour)))
}

func (y *years) setTo(n float64) { at := y.after(n); y.clock.Store(&at) }

func (y *years) options(level signer.Level) signer.Options {
	return signer.Options{Level: level, TSA: y.authority.TSAURL(), Roots: y.roots, Now: y.now, Stamping: &signer.Stamping{}}
}

// unit gives the time-stamping authority a certificate that ends after so many years.
func (y *years) unit(t testing.TB, end float64) {
	t.Helper()
	if _, err := y.authority.NewStampingUnit(authority.Subject{CommonName: "TSA", NotAfter: y.after(end)}); err != nil {
		t.Fatal(err)
	}
}

func (y *years) augment(t testing.TB, file []byte, level signer.Level) []byte {
	t.Helper()
	d, err := signer.Augment(context.Background(), bytes.NewReader(file), y.options(level))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := d.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// verdicts are those at a time, without the network.
func (y *years) verdicts(t testing.TB, file []byte, n float64) string {
	t.Helper()
	var list []string
	for _, s := range y.validate(t, file, validation.Options{Offline: true, At: y.after(n)}).Signatures {
		list = append(list, strings.TrimRight(strings.Join([]string{s.Level, string(s.Indication), s.SubIndication}, " "), " "))
	}
	return strings.Join(list, ", ")
}

// TestCertificatesExpire: a proven time outlives the certificates as long as each time-stamp is covered by a later one
// before its authority's certificate ends.
func TestCertificatesExpire(t *testing.T) {
	y := newYears(t)
	y.unit(t, 3)
	who := y.person(t, authority.Subject{NotAfter: y.after(1)})
	files := map[signer.Level][]byte{}
	for _, level := range []signer.Level{signer.LevelBB, signer.LevelBT, signer.LevelBLT, signer.LevelBLTA} {
		files[level] = y.sign(t, sample(t, "minimal.pdf"), who, y.options(level))
	}
	const expired = "INDETERMINATE OUT_OF_BOUNDS_NO_POE"
	for _, test := range []struct {
		level signer.Level
		after float64
		want  string
	}{
		{signer.LevelBB, 0.5, "B-B TOTAL-PASSED"}, {signer.LevelBB, 2, "B-B " + expired},
		{signer.LevelBT, 2, "B-T TOTAL-PASSED"}, {signer.LevelBT, 4, "B-B " + expired},
		{signer.LevelBLT, 2, "B-LT TOTAL-PASSED"}, {signer.LevelBLT, 4, "B-B " + expired},
		{signer.LevelBLTA, 2, "B-LTA TOTAL-PASSED,  TOTAL-PASSED"}, {signer.LevelBLTA, 4, "B-B " + expired + ",  " + expired},
	} {
		if got := y.verdicts(t, files[test.level], test.after); got != test.want {
			t.Errorf("%s after %v years: %s, want %s", test.level, test.after, got, test.want)
		}
	}
	// With a network that is not there the file still is enough; with one, an answer made after the expiry says nothing.
	y.setTo(2)
	for level, want := range map[signer.Level]validation.Indication{signer.LevelBT: validation.Indeterminate, signer.LevelBLT: validation.TotalPassed} {
		opt := validation.Options{AllowPrivate: true, Now: y.now}
		if s := y.validate(t, files[level], opt).Signatures[0]; s.Indication != want {
			t.Errorf("%s online: %s %s %v", level, s.Indication, s.SubIndication, s.Details)
		}
	}
	gone := validation.Options{AllowPrivate: true, Now: y.now, HTTP: &http.Client{Transport: noNetwork{}}}
	if s := y.validate(t, files[signer.LevelBLT], gone).Signatures[0]; s.Level != "B-LT" || s.Indication != validation.TotalPassed {
		t.Errorf("without network: %s %s %s %v", s.Level, s.Indication, s.SubIndication, s.Details)
	}
	// Archived again in time, twice.
	y.unit(t, 6)
	second := y.augment(t, files[signer.LevelBLTA], signer.LevelBLTA)
	if got, want := y.verdicts(t, second, 4), "B-LTA TOTAL-PASSED,  TOTAL-PASSED,  TOTAL-PASSED"; got != want {
		t.Errorf("archived again: %s, want %s", got, want)
	}
	y.setTo(5)
	y.unit(t, 9)
	third := y.augment(t, second, signer.LevelBLTA)
	if got, want := y.verdicts(t, third, 8), "B-LTA TOTAL-PASSED,  TOTAL-PASSED,  TOTAL-PASSED,  TOTAL-PASSED"; got != want {
		t.Errorf("archived twice: %s, want %s", got, want)
	}
	// Too late.
	y.setTo(4)
	if _, err := signer.Augment(context.Background(), bytes.NewReader(files[signer.LevelBLTA]), y.options(signer.LevelBLTA)); signer.CodeOf(err) != signer.CodeSignatureInvalid {
		t.Errorf("too late: %v", err)
	}
}

// TestRevokedAfterProvenTime: what is revoked after the time that a time-stamp proves was good when it signed; what was
// revoked before was not.
func TestRevokedAfterProvenTime(t *testing.T) {
	y := newYears(t)
	who := y.person(t, authority.Subject{})
	file := y.sign(t, sample(t, "minimal.pdf"), who, y.options(signer.LevelBLTA))
	y.setTo(1)
	if err := y.authority.Revoke(who.chain[0].SerialNumber, 1, y.after(0.5)); err != nil {
		t.Fatal(err)
	}
	online := validation.Options{AllowPrivate: true, Now: y.now}
	if s := y.validate(t, file, online).Signatures[0]; s.Indication != validation.TotalPassed || s.Level != "B-LTA" || !has(s, validation.DetailRevokedLater) {
		t.Errorf("revoked later: %s %s %s %v", s.Level, s.Indication, s.SubIndication, s.Details)
	}
	y.augment(t, file, signer.LevelBLTA)
	other := y.person(t, authority.Subject{NotBefore: y.start.AddDate(0, 0, -9)})
	y.setTo(0)
	file = y.sign(t, sample(t, "minimal.pdf"), other, y.options(signer.LevelBLTA))
	y.setTo(1)
	if err := y.authority.Revoke(other.chain[0].SerialNumber, 1, y.start.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := y.validate(t, file, online).Signatures[0]; s.SubIndication != validation.RevokedNoPOE {
		t.Errorf("dated back: %s %s %s %v", s.Level, s.Indication, s.SubIndication, s.Details)
	}
}

// TestResponderExpires: without a document time-stamp an answer counts only while its responder's certificate is in
// force, since who gets hold of an old responder's key could make any.
func TestResponderExpires(t *testing.T) {
	y := newYears(t)
	if _, err := y.authority.NewResponder(authority.Subject{NotAfter: y.after(1)}); err != nil {
		t.Fatal(err)
	}
	who := y.person(t, authority.Subject{})
	plain := y.sign(t, sample(t, "minimal.pdf"), who, y.options(signer.LevelBLT))
	archived := y.sign(t, sample(t, "minimal.pdf"), who, y.options(signer.LevelBLTA))
	if got := y.verdicts(t, plain, 0.5); got != "B-LT TOTAL-PASSED" {
		t.Error(got)
	}
	if got := y.verdicts(t, plain, 2); got != "B-T TOTAL-PASSED" {
		t.Errorf("not archived: %s", got)
	}
	if got := y.verdicts(t, archived, 2); got != "B-LTA TOTAL-PASSED,  TOTAL-PASSED" {
		t.Errorf("archived: %s", got)
	}
}

// TestStoreIsAltered: each byte of the material counts.
func TestStoreIsAltered(t *testing.T) {
	y := newYears(t)
	who := y.person(t, authority.Subject{})
	for level, want := range map[signer.Level]string{
		signer.LevelBLT:  "B-T TOTAL-PASSED",
		signer.LevelBLTA: "B-T INDETERMINATE SIG_CONSTRAINTS_FAILURE,  TOTAL-FAILED HASH_FAILURE",
	} {
		file := y.sign(t, sample(t, "minimal.pdf"), who, y.options(level))
		serial := who.chain[0].SerialNumber.Bytes()
		at := bytes.LastIndex(file, serial) // in the OCSP response: the certificate itself comes before or has it too
		if at < 0 {
			t.Fatal("no answer about the signer in the file")
		}
		for at >= 0 && at > bytes.LastIndex(file, []byte("ETSI.CAdES.detached")) {
			file[at+3] ^= 1
			at = bytes.LastIndex(file[:at], serial)
		}
		if got := y.verdicts(t, file, 0.1); got != want {
			t.Errorf("%s: %s, want %s", level, got, want)
		}
	}
}
