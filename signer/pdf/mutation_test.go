package pdf

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestMutations damages the vectors in the ways that files get damaged, keeping their structure more than a fuzzer's
// bytes do: numbers changed, parts left out, doubled, moved, words swapped.
func TestMutations(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 5
	}
	words := []string{"obj", "endobj", "stream", "endstream", "xref", "trailer", "startxref", "%%EOF", "R", "<<", ">>", "[", "]",
		"/Kids", "/Parent", "/Prev", "/XRefStm", "/Type", "/Length", "/Filter", "/FlateDecode", "/Count", "/Pages", "null", "(", ")"}
	for name, b := range drafts() {
		if len(b) > 32<<10 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for round := range rounds {
				r := rand.New(rand.NewPCG(uint64(round), uint64(len(b))))
				m := slices.Clone(b)
				for range 1 + r.IntN(4) {
					m = mutate(r, m, words)
				}
				start := time.Now()
				survive(t, m)
				if d := time.Since(start); d > fuzzTime {
					t.Errorf("round %d took %v", round, d)
				}
			}
		})
	}
}

// survive holds what FuzzOpen and FuzzUpdate hold.
func survive(t *testing.T, b []byte) {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		if KindOf(err) == 0 || KindOf(err) == KindRead {
			t.Fatalf("kind of %v", err)
		}
		return
	}
	exercise(t, f)
	for i := range min(len(f.Revisions()), 4) {
		f.Changed(i)
		exercise(t, f.At(i))
	}
	holdsUpdate(t, b)
}

func mutate(r *rand.Rand, b []byte, words []string) []byte {
	if len(b) < 4 {
		return b
	}
	at := r.IntN(len(b))
	n := r.IntN(min(64, len(b)-at))
	switch r.IntN(7) {
	case 0: // a number changed
		for at < len(b) && !isDigit(int(b[at])) {
			at++
		}
		end := at
		for end < len(b) && isDigit(int(b[end])) {
			end++
		}
		numbers := []int{0, 1, 2, 3, 4, 5, 6, 7, 12, -1, 65535, 65536, 1 << 31, 1 << 40, r.IntN(len(b))}
		return slices.Concat(b[:at], fmt.Append(nil, numbers[r.IntN(len(numbers))]), b[end:])
	case 1: // a part left out
		return slices.Delete(b, at, at+n)
	case 2: // a part doubled
		return slices.Concat(b[:at+n], b[at:])
	case 3: // a part moved
		part := slices.Clone(b[at : at+n])
		rest := slices.Delete(b, at, at+n)
		to := r.IntN(len(rest) + 1)
		return slices.Insert(rest, to, part...)
	case 4: // a word put in
		return slices.Insert(b, at, []byte(" "+words[r.IntN(len(words))]+" ")...)
	case 5: // a word exchanged for another
		from, to := words[r.IntN(len(words))], words[r.IntN(len(words))]
		return bytes.Replace(b, []byte(from), []byte(to), 1+r.IntN(3))
	default: // cut
		return b[:at]
	}
}

// TestMemory: what a File of many objects holds and takes is a few bytes an object.
func TestMemory(t *testing.T) {
	const n = 100_000
	b := many(n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := open(t, b)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 20*n+128<<10 {
		t.Errorf("opening %d objects took %d bytes", n, got)
	}
	if o, err := f.Object(Ref{Number: n}); err != nil || o == nil {
		t.Errorf("%v %v", o, err)
	}
}
