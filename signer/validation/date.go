package validation

import (
	"strings"
	"time"
)

// parseDate reads a PDF date (ISO 32000-2 §7.9.4): D:YYYYMMDDHHmmSSOHH'mm, where all but the year may be missing.
// Without a zone the time is taken for one of UTC; zoned says whether there is one.
func parseDate(s string) (t time.Time, zoned, ok bool) {
	s = strings.TrimPrefix(s, "D:")
	digits := 0
	for digits < len(s) && digits < 14 && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	const full = "00000101000000"
	if digits < 4 || digits%2 != 0 {
		return time.Time{}, false, false
	}
	t, err := time.Parse("20060102150405", s[:digits]+full[digits:])
	if err != nil {
		return time.Time{}, false, false
	}
	zone := strings.ReplaceAll(s[digits:], "'", "")
	switch {
	case zone == "" || strings.HasPrefix(zone, "Z"):
		return t, zone != "", true
	case len(zone) == 3:
		zone += "00"
	}
	z, err := time.Parse("-0700", zone)
	if err != nil {
		return time.Time{}, false, false
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, z.Location()), true, true
}
