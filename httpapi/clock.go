package httpapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/httpapi/wire"
)

// Times of day are text fields beside day fields, for the same reason and so that
// they work without a script: a native picker of moments is drawn in the browser's
// language, and on some phones can't be left empty again.
var (
	clockPlain  = regexp.MustCompile(`^(\d{1,2})\s*(?:[:.hg]|giờ)\s*(?:(\d{1,2})\s*(?:p|ph|phút)?)?$`) // 8:05, 8h05, 8 giờ 5 phút, 8h
	clockDigits = regexp.MustCompile(`^(\d{2})(\d{2})$`)                                               // 0805
	momentISO   = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})$`)                            // as a native picker sends it
)

const clockLayout = "15:04"

// parseClock reads a time of day as people write it; "" is none.
func parseClock(written string) (string, error) {
	written = strings.ToLower(strings.TrimSpace(written))
	if written == "" {
		return "", nil
	}
	m := clockPlain.FindStringSubmatch(written)
	if m == nil {
		m = clockDigits.FindStringSubmatch(written)
	}
	if m == nil {
		return "", fmt.Errorf("time %.40q: not written as hours:minutes", written)
	}
	hours, minutes := m[1], m[2]
	if minutes == "" {
		minutes = "0"
	}
	at, err := time.Parse("15:4", hours+":"+minutes)
	if err != nil {
		return "", fmt.Errorf("time %.40q: %w", written, err)
	}
	return at.Format(clockLayout), nil
}

// moment is a day field and a time field of a form, as typed.
type moment struct {
	On    string
	Clock string
}

// momentNow is what a form begins with.
func momentNow(now time.Time) moment {
	local := now.In(custody.SchoolZone)
	return moment{On: local.Format(dateLayout), Clock: local.Format(clockLayout)}
}

// formMoment takes the two fields NAME_on and NAME_at of a form; what a picker sent
// in NAME_at alone is taken apart.
func formMoment(r *http.Request, name string) moment {
	m := moment{On: r.PostFormValue(name + "_on"), Clock: r.PostFormValue(name + "_at")}
	if parts := momentISO.FindStringSubmatch(m.Clock); m.On == "" && parts != nil {
		m.On, m.Clock = writtenDay(parts[1]), parts[2]
	}
	return m
}

// read returns the moment, zero when neither field is filled in. A day without a
// time is its first minute.
func (m moment) read(field string) (time.Time, error) {
	wrong := func(err error) error {
		return &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": field, "reason": "clock"}, err: err}
	}
	day, err := readDay(field, m.On)
	if err != nil {
		return time.Time{}, err
	}
	clock, err := parseClock(m.Clock)
	switch {
	case err != nil:
		return time.Time{}, wrong(err)
	case day == "" && clock == "":
		return time.Time{}, nil
	case day == "":
		return time.Time{}, wrong(fmt.Errorf("a time without its day"))
	case clock == "":
		clock = "00:00"
	}
	return time.ParseInLocation(time.DateOnly+" "+clockLayout, string(day)+" "+clock, custody.SchoolZone)
}
