package httpapi

import (
	"testing"
	"time"
)

func TestTimesAsPeopleWriteThem(t *testing.T) {
	for written, want := range map[string]string{
		"8:05": "08:05", " 08:05 ": "08:05", "8h05": "08:05", "8H5": "08:05", "8 giờ 5": "08:05", "8 giờ 5 phút": "08:05", "0805": "08:05", "16.30": "16:30", "7h": "07:00", "7 giờ": "07:00", "23:59": "23:59", "": "",
	} {
		if got, err := parseClock(written); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", written, got, err, want)
		}
	}
	for _, written := range []string{"24:00", "8:60", "sáng nay", "8", "805", "8:05 chiều", "-8:05"} {
		if got, err := parseClock(written); err == nil {
			t.Errorf("%q is %q", written, got)
		}
	}
}

func TestMomentsOfAForm(t *testing.T) {
	for m, want := range map[moment]string{
		{"26/11/2026", "10h15"}: "2026-11-26T10:15:00+07:00",
		{"26112026", ""}:        "2026-11-26T00:00:00+07:00",
		{"", ""}:                "0001-01-01T00:00:00Z",
	} {
		at, err := m.read("done")
		if err != nil || at.Format(time.RFC3339) != want {
			t.Errorf("%+v is %s, %v", m, at.Format(time.RFC3339), err)
		}
	}
	for _, m := range []moment{{"", "10:15"}, {"31/11/2026", "10:15"}, {"26/11/2026", "trưa"}} {
		if at, err := m.read("done"); err == nil {
			t.Errorf("%+v is %s", m, at)
		}
	}
}
