package main

import (
	"testing"
	"time"

	"sokyso/signer/agent"
)

func TestPaceOfABatch(t *testing.T) {
	for _, test := range []struct {
		lang     string
		progress agent.Progress
		want     string
	}{
		{"vi", agent.Progress{Done: 1, Count: 900, File: "/nha/a.pdf"}, "1/900 tệp: a.pdf"},
		{"vi", agent.Progress{Done: 613, Count: 900, File: "a.pdf", Pace: 3.27, Left: 88 * time.Second}, "613/900 tệp, 3,3 tệp/giây, còn khoảng 88 giây: a.pdf"},
		{"vi", agent.Progress{Done: 2, Count: 900, File: "a.pdf", Pace: 0.4, Left: 37*time.Minute + 25*time.Second}, "2/900 tệp, 0,4 tệp/giây, còn khoảng 37 phút: a.pdf"},
		{"en", agent.Progress{Done: 2, Count: 90000, File: "a.pdf", Pace: 3.3, Left: 454 * time.Minute}, "2 of 90000 files, 3.3 a second, about 8 h left: a.pdf"},
		{"en", agent.Progress{Done: 899, Count: 900, File: "a.pdf", Pace: 3.3, Left: 100 * time.Millisecond}, "899 of 900 files, 3.3 a second, about 1 s left: a.pdf"},
		{"en", agent.Progress{Done: 900, Count: 900, File: "a.pdf", Pace: 3.3}, "900 of 900 files, 3.3 a second: a.pdf"},
	} {
		p := &program{catalogue: agent.NewCatalogue(test.lang)}
		if got := p.pace(test.progress); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
