package httpapi

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sokyso/custody"
)

func TestDaysAreReadAsPeopleWriteThem(t *testing.T) {
	pattern := dayPattern(t)
	for written, want := range map[string]custody.Date{
		"": "", "  ": "",
		"05/09/2026": "2026-09-05", "5/9/2026": "2026-09-05", "05-09-2026": "2026-09-05", "5.9.2026": "2026-09-05", "05/9-2026": "2026-09-05",
		"05092026": "2026-09-05", " 05/09/2026\n": "2026-09-05", "2026-09-05": "2026-09-05", "2026-9-5": "2026-09-05",
		"29/02/2028": "2028-02-29", "31/12/1999": "1999-12-31", "13/12/2026": "2026-12-13",
	} {
		if day, err := parseDay(written); err != nil || day != want {
			t.Errorf("%q is read as %q (%v), want %q", written, day, err, want)
		}
		if want != "" && !pattern.MatchString(written) {
			t.Errorf("the browser would not send %q", written)
		}
	}
	for _, written := range []string{
		"31/02/2026", "29/02/2026", "09/13/2026", "00/01/2026", "01/00/2026", "2026-02-30", "2026/09/05", "5/9/26", "5/9", "592026", "20260905",
		"05/09/0026", "05/09/1899", "05/09/20260", "hôm qua", "5 tháng 9 năm 2026", "05//09/2026", "٠٥/٠٩/٢٠٢٦", "-5/9/2026", "05/09/2026 08:00", strings.Repeat("9", 10000),
	} {
		day, err := readDay("since", written)
		var own *failure
		if !errors.As(err, &own) || own.status != 422 || own.params["field"] != "since" {
			t.Errorf("%.40q is read as %q (%v)", written, day, err)
		}
		if shown := writtenDay(written); shown != written {
			t.Errorf("%.40q is shown again as %q", written, shown)
		}
	}
}

// dayPattern is what the browser holds a day field to before it sends it.
func dayPattern(t *testing.T) *regexp.Regexp {
	t.Helper()
	parts, err := templateFiles.ReadFile("templates/parts.html")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`pattern="([^"]+)"`).FindSubmatch(parts)
	if found == nil {
		t.Fatal("day fields have no pattern")
	}
	return regexp.MustCompile("^(?:" + string(found[1]) + ")$")
}

// A day that is shown is read again as the same day.
func TestDaysComeBackAsTheyWere(t *testing.T) {
	pattern := dayPattern(t)
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 365*300).Draw(t, "day"))
		want := custody.Date(at.Format(time.DateOnly))
		form := rapid.SampledFrom([]string{"02/01/2006", "2/1/2006", "02-01-2006", "2.1.2006", "02012006", "2006-01-02"}).Draw(t, "form")
		day, err := parseDay(at.Format(form))
		if err != nil || day != want {
			t.Fatalf("%s is read as %q (%v)", at.Format(form), day, err)
		}
		shown := writtenDay(day)
		if again, err := parseDay(shown); err != nil || again != want || shown != at.Format("02/01/2006") || !pattern.MatchString(shown) {
			t.Fatalf("%s is shown as %q and read as %q (%v)", want, shown, again, err)
		}
	})
}

func FuzzParseDay(f *testing.F) {
	for _, seed := range []string{"05/09/2026", "2026-09-05", "31/02/2026", "05092026", "", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, written string) {
		day, err := parseDay(written)
		if err != nil {
			return
		}
		if again, err := custody.ParseDate(string(day)); err != nil || again != day {
			t.Fatalf("%q is read as %q, which is no day (%v)", written, day, err)
		}
	})
}
