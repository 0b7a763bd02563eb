package validation

import (
	"bytes"
	"fmt"
	"io"

	"sokyso/signer/pdf"
)

// byteRange reads and checks ByteRange against the place of Contents and the ends of the revisions
// (ISO 32000-2 §12.8.1). It answers the revision that the range covers.
func byteRange(f *pdf.File, r io.ReaderAt, c *candidate) (br [4]int64, revision int, err error) {
	a, ok := c.dict["ByteRange"].(pdf.Array)
	if !ok {
		// Allowed by the syntax, but signers write it in place, and so it can't be swapped later.
		return br, 0, fmt.Errorf("it is no array in the signature dictionary")
	}
	if len(a) != 4 {
		return br, 0, fmt.Errorf("it has %d numbers, not 4", len(a))
	}
	for i, o := range a {
		n, ok := o.(pdf.Integer)
		if !ok || n < 0 || int64(n) > f.Size() {
			return br, 0, fmt.Errorf("number %d is not an offset in the file", i+1)
		}
		br[i] = int64(n)
	}
	end := br[2] + br[3]
	switch {
	case br[0] != 0:
		return br, 0, fmt.Errorf("it starts at byte %d", br[0])
	case br[1] != c.start || br[2] != c.end:
		return br, 0, fmt.Errorf("its gap %d-%d is not the Contents string at %d-%d", br[1], br[2], c.start, c.end)
	case end > f.Size():
		return br, 0, fmt.Errorf("it ends at %d, the file at %d", end, f.Size())
	}
	for n, rev := range f.Revisions() {
		if n < c.revision || rev.End < end {
			continue
		}
		// The end-of-line after %%EOF may belong to the next revision.
		if rev.End-end <= 2 && blank(r, end, rev.End) {
			return br, n, nil
		}
		break
	}
	// The writer may have added an end-of-line more than a revision has.
	if last := f.Revisions(); len(last) > 0 {
		n := len(last) - 1
		if tail := last[n].End; end > tail && n >= c.revision && end-tail <= 16 && blank(r, tail, end) {
			return br, n, nil
		}
	}
	return br, 0, fmt.Errorf("it ends at byte %d, where no revision ends", end)
}

// blank tells whether only white space stands in the bytes from start to end.
func blank(r io.ReaderAt, start, end int64) bool {
	b := make([]byte, end-start)
	n, _ := r.ReadAt(b, start)
	return n == len(b) && len(bytes.Trim(b, "\x00\t\n\f\r ")) == 0
}
