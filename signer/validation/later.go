package validation

import (
	"context"

	"sokyso/signer/pdf"
)

// LaterChanges judges what was done to the file after a revision (0 is the first), as it is judged for a signature
// that covers that revision and restricts nothing.
func LaterChanges(ctx context.Context, f *pdf.File, revision int) (string, []Detail, error) {
	return laterChanges(ctx, newHistory(f), revision, &Restrictions{})
}
