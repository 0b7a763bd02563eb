package validation

import (
	"bytes"
	"fmt"
	"io"

	"sokyso/signer/pdf"
)

// reach is what a ByteRange covers.
type reach struct {
	numbers  [4]int64
	revision int    // index of the revision that is covered
	unusual  string // no way to hide anything, but not as the standard has it
	unknown  bool   // the revisions of the file can't be told apart
}

// byteRange reads and checks ByteRange against the place of Contents and the ends of the revisions
// (ISO 32000-2 §12.8.1). No byte of the revision may be left out but those of Contents.
func byteRange(f *pdf.File, r io.ReaderAt, c *candidate) (to reach, err error) {
	o, err := f.Resolve(c.dict["ByteRange"])
	if err != nil {
		return to, fmt.Errorf("it can't be read")
	}
	a, ok := o.(pdf.Array)
	if !ok {
		return to, fmt.Errorf("it is no array")
	}
	if _, direct := c.dict["ByteRange"].(pdf.Array); !direct {
		to.unusual = "it is an object of its own"
	}
	if len(a) != 4 {
		return to, fmt.Errorf("it has %d numbers, not 4", len(a))
	}
	br := &to.numbers
	for i, o := range a {
		n, ok := o.(pdf.Integer)
		if !ok || n < 0 || int64(n) > f.Size() {
			return to, fmt.Errorf("number %d is not an offset in the file", i+1)
		}
		br[i] = int64(n)
	}
	end := br[2] + br[3]
	switch {
	case br[0] != 0:
		return to, fmt.Errorf("it starts at byte %d", br[0])
	case br[1] == c.start+1 && br[2] == c.end-1:
		to.unusual = "it covers the brackets of Contents too"
	case br[1] != c.start || br[2] != c.end:
		return to, fmt.Errorf("its gap %d-%d is not the Contents string at %d-%d", br[1], br[2], c.start, c.end)
	}
	if end > f.Size() {
		return to, fmt.Errorf("it ends at %d, the file at %d", end, f.Size())
	}
	revisions := f.Revisions()
	if _, rebuilt := f.Rebuilt(); rebuilt && len(revisions) == 1 && end < f.Size() {
		to.unknown = true
		return to, nil
	}
	for n, rev := range revisions {
		last := n == len(revisions)-1
		switch {
		case n < c.revision || !last && end > revisions[n+1].StartXRef:
			continue
		// The signer's last end-of-line may count as the next revision's; whatever else the signer wrote is covered.
		case end >= rev.End || rev.End-end <= 2 && blank(r, end, rev.End):
			to.revision = n
			return to, nil
		}
		break
	}
	return to, fmt.Errorf("it ends at byte %d, where no revision ends", end)
}

// blank tells whether only white space stands in the bytes from start to end.
func blank(r io.ReaderAt, start, end int64) bool {
	b := make([]byte, end-start)
	n, _ := r.ReadAt(b, start)
	return n == len(b) && len(bytes.Trim(b, string(blanks))) == 0
}
