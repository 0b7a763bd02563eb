package agent

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"sokyso/signer/validation"
)

// TestWorldOfASignature: the root that is trusted tells, not what a signer's
// certificate says of itself.
func TestWorldOfASignature(t *testing.T) {
	named := func(name string) *x509.Certificate { return &x509.Certificate{Subject: pkix.Name{CommonName: name}} }
	for root, want := range map[string]string{
		"RootCA chuyên dùng Chính phủ G2": WorldGovernment, "Vietnam National Root CA": WorldLicensed, "VIETNAM NATIONAL ROOT CA - RS": WorldLicensed,
		"Chứng thực thử nghiệm - Root CA": WorldOther, "": WorldOther,
	} {
		chains := []validation.Chain{{Path: []*x509.Certificate{named("RootCA chuyên dùng Chính phủ"), named(root)}}}
		if got := worldOf(chains); got != want {
			t.Errorf("%q: %s instead of %s", root, got, want)
		}
	}
	stamp := []validation.Chain{{Timestamp: true, Path: []*x509.Certificate{named("Vietnam National Root CA")}}}
	if got := worldOf(stamp); got != "" {
		t.Errorf("a time-stamp's root tells %s of the signer", got)
	}
	if got := worldOf(nil); got != "" {
		t.Errorf("without a root: %s", got)
	}
}
