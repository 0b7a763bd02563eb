package agent

import (
	"crypto/x509"
	"testing"

	"sokyso/signer/validation"
)

// TestOnlySoundSignaturesAreShownToTheService: a seal is put below a signature
// only when the document still is what that signature stands for.
func TestOnlySoundSignaturesAreShownToTheService(t *testing.T) {
	for _, test := range []struct {
		indication validation.Indication
		changes    string
		want       int
	}{
		{validation.TotalPassed, validation.ChangesNone, 1},
		{validation.TotalPassed, validation.ChangesPermitted, 1},
		{validation.Indeterminate, validation.ChangesPermitted, 1}, // without roots nothing is TOTAL-PASSED
		{validation.TotalPassed, validation.ChangesSuspicious, 0},
		{validation.Indeterminate, validation.ChangesSuspicious, 0},
		{validation.Indeterminate, validation.ChangesForbidden, 0},
		{validation.Indeterminate, "", 0},
		{validation.TotalFailed, validation.ChangesNone, 0},
	} {
		got := competent(&validation.Report{Signatures: []validation.Signature{{
			Field: "Signature1", CMS: []byte{1}, Certificate: &x509.Certificate{}, Indication: test.indication, LaterChanges: test.changes,
		}}})
		if len(got) != test.want {
			t.Errorf("%s, later changes %q: %d sent", test.indication, test.changes, len(got))
		}
	}
}
