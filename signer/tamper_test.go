package signer_test

import (
	"bytes"
	"context"
	"flag"
	"testing"

	"sokyso/signer"
	"sokyso/signer/validation"
)

var everyByte = flag.Bool("every-byte", false, "TestFlippedByte looks at each byte of the file with each bit")

// TestFlippedByte changes one byte of a file with two signatures: nothing then passes any more.
func TestFlippedByte(t *testing.T) {
	w := newWorld(t)
	one, _ := w.sign(t, sample(t, "minimal.pdf"), w.principal, signer.Options{Reason: "Ký duyệt"})
	two, _ := w.sign(t, one, w.deputy, signer.Options{Visible: &signer.Visible{Page: 1, Rect: [4]float64{10, 10, 100, 30}, Lines: []string{"Trần Thị Hòa"}}})
	stamped, _ := w.sign(t, sample(t, "minimal.pdf"), w.deputy, signer.Options{Level: signer.LevelBT, TSA: w.authority.TSAURL()})
	for name, file := range map[string][]byte{"one signature": one, "two signatures": two, "time-stamped": stamped} {
		t.Run(name, func(t *testing.T) {
			cache := &validation.Cache{}
			step, masks := 7, []byte{0x01, 0x20}
			if *everyByte {
				step, masks = 1, []byte{1, 2, 4, 8, 16, 32, 64, 128, 0xff}
			}
			survived := 0
			for i := 0; i < len(file); i += step {
				for _, mask := range masks {
					b := bytes.Clone(file)
					b[i] ^= mask
					r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)),
						validation.Options{Roots: w.roots, Offline: true, Cache: cache})
					if err != nil || r.Indication() != validation.TotalPassed {
						continue
					}
					if survived++; survived < 20 {
						t.Errorf("byte %d %q changed to %q near %q: still %s", i, file[i], b[i], file[max(0, i-40):min(len(file), i+40)], r.Indication())
					}
				}
			}
			if survived > 0 {
				t.Errorf("%d changes survived", survived)
			}
		})
	}
}
