package sokyso_test

import (
	"testing"

	"sokyso/custody"
	"sokyso/signer/reading"
)

// TestKindsAgree: what the agent reads off a document is what the service calls it. The two programs share no code for
// it, since neither may import the other's.
func TestKindsAgree(t *testing.T) {
	for _, kind := range reading.Kinds() {
		if name := custody.KindName(kind.Code); name != kind.Name {
			t.Errorf("%s is %q when read and %q in the register", kind.Code, kind.Name, name)
		}
	}
}
