package httpapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/httpapi/wire"
)

// Day fields are text fields: a browser writes a native date field in the form of
// its own language, so that the same field reads 10/09 for the ninth of October on
// one computer and for the tenth of September on the next. Days are written here
// as documents write them, day/month/year (Decree 30/2020/NĐ-CP, Annex I), whatever
// the browser.
var (
	dayFirst  = regexp.MustCompile(`^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})$`)
	dayDigits = regexp.MustCompile(`^(\d{2})(\d{2})(\d{4})$`) // number pads of some phones have no stroke
	dayISO    = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})$`)
)

// firstYear is the earliest year that is taken: what is before is a slip.
const firstYear = 1900

// parseDay reads a day as people write it: 5/9/2026, 05-09-2026, 05.09.2026,
// 05092026, and 2026-09-05 as older addresses of the log have it. "" is no day.
func parseDay(written string) (custody.Date, error) {
	written = strings.TrimSpace(written)
	if written == "" {
		return "", nil
	}
	var year, month, day string
	if m := dayISO.FindStringSubmatch(written); m != nil {
		year, month, day = m[1], m[2], m[3]
	} else if m := dayFirst.FindStringSubmatch(written); m != nil {
		year, month, day = m[3], m[2], m[1]
	} else if m := dayDigits.FindStringSubmatch(written); m != nil {
		year, month, day = m[3], m[2], m[1]
	} else {
		return "", fmt.Errorf("day %.40q: not written as day/month/year", written)
	}
	if y, err := strconv.Atoi(year); err != nil || y < firstYear {
		return "", fmt.Errorf("day %.40q: year before %d", written, firstYear)
	}
	at, err := time.Parse("2006-1-2", year+"-"+month+"-"+day)
	if err != nil {
		return "", fmt.Errorf("day %.40q: %w", written, err)
	}
	return custody.ParseDate(at.Format(time.DateOnly))
}

// readDay reads the day field of a form; the error says the form expected.
func readDay(field, written string) (custody.Date, error) {
	day, err := parseDay(written)
	if err != nil {
		return "", &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": field, "reason": "day"}, err: err}
	}
	return day, nil
}

// readDays turns the two days of a form into those of the protocol.
func readDays(from, until *string) error {
	first, err := readDay("from", *from)
	if err != nil {
		return err
	}
	last, err := readDay("until", *until)
	if err != nil {
		return err
	}
	*from, *until = string(first), string(last)
	return nil
}

// writtenDay is a day as day fields show it; what is no day stays as it was typed.
func writtenDay(written any) string {
	text := fmt.Sprint(written)
	day, err := parseDay(text)
	if err != nil || day == "" {
		return text
	}
	at, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return text
	}
	return at.Format(dateLayout)
}

// startOf is the first moment of a day in the school's zone; zero for no day.
func startOf(day custody.Date) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	return time.ParseInLocation(time.DateOnly, string(day), custody.SchoolZone)
}
