package signinglog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of an entry. MaxEntrySize is also the limit of an entry in a C2SP
// tlog-tiles log, so that the log can be published in that form.
const (
	MaxEntrySize = 65535
	maxFields    = 64
)

// Version is the version that [Entry.Marshal] writes for entries made now.
const Version = 1

const (
	headerPrefix = "sokyso/entry/v"
	timeLayout   = "2006-01-02T15:04:05.000000Z"
)

// Errors of entries. All are wrapped with what was wrong.
var (
	ErrMalformedEntry = errors.New("malformed log entry")
	ErrEntryTooLarge  = errors.New("log entry above 65535 bytes")
)

// Entry is one entry of the log.
type Entry struct {
	Version int               // 0 means [Version]
	Type    Type              // what happened
	At      time.Time         // when the log took it; UTC, whole microseconds
	School  string            // the school's id
	Fields  map[string]string // by name; an empty value is the same as none
}

// Marshal returns the canonical bytes: see the package documentation.
func (e Entry) Marshal() ([]byte, error) {
	version := e.Version
	if version == 0 {
		version = Version
	}
	if version != Version {
		return nil, fmt.Errorf("marshal log entry: %w: version %d", ErrMalformedEntry, version)
	}
	if !validName(string(e.Type)) {
		return nil, fmt.Errorf("marshal log entry: %w: type %q", ErrMalformedEntry, e.Type)
	}
	at := e.At.UTC()
	if !at.Equal(at.Truncate(time.Microsecond)) || at.Year() < 1 || at.Year() > 9999 {
		return nil, fmt.Errorf("marshal log entry: %w: time %v is not in whole microseconds", ErrMalformedEntry, e.At)
	}
	if err := checkValue(e.School); err != nil {
		return nil, fmt.Errorf("marshal log entry: school: %w", err)
	}
	names := make([]string, 0, len(e.Fields))
	size := 128
	for name, value := range e.Fields {
		if value == "" {
			continue
		}
		if err := checkFieldName(name); err != nil {
			return nil, fmt.Errorf("marshal log entry: %w", err)
		}
		if err := checkValue(value); err != nil {
			return nil, fmt.Errorf("marshal log entry: field %s: %w", name, err)
		}
		names = append(names, name)
		size += len(name) + len(value) + 2
	}
	if len(names) > maxFields {
		return nil, fmt.Errorf("marshal log entry: %w: %d fields", ErrMalformedEntry, len(names))
	}
	slices.Sort(names)
	b := make([]byte, 0, size)
	b = append(b, headerPrefix+"1\ntype "...)
	b = append(b, e.Type...)
	b = append(b, "\nat "...)
	b = at.AppendFormat(b, timeLayout)
	b = append(b, "\nschool "...)
	b = append(b, e.School...)
	b = append(b, '\n')
	for _, name := range names {
		b = append(b, name...)
		b = append(b, ' ')
		b = append(b, e.Fields[name]...)
		b = append(b, '\n')
	}
	if len(b) > MaxEntrySize {
		return nil, fmt.Errorf("marshal log entry: %w: %d", ErrEntryTooLarge, len(b))
	}
	return b, nil
}

// Parse reads canonical bytes and nothing else: what it accepts, Marshal writes
// again byte for byte. It knows the form, not the types: an entry of a type that
// is newer than this code can still be parsed and its receipt checked.
func Parse(b []byte) (Entry, error) {
	if len(b) > MaxEntrySize {
		return Entry{}, fmt.Errorf("parse log entry: %w: %d", ErrEntryTooLarge, len(b))
	}
	malformed := func(format string, args ...any) (Entry, error) {
		return Entry{}, fmt.Errorf("parse log entry: %w: %s", ErrMalformedEntry, fmt.Sprintf(format, args...))
	}
	if !utf8.Valid(b) || !bytes.HasSuffix(b, []byte("\n")) {
		return malformed("not lines of UTF-8")
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) < 4 || len(lines) > 4+maxFields {
		return malformed("%d lines", len(lines))
	}
	if lines[0] != headerPrefix+"1" {
		return malformed("first line %.40q", lines[0])
	}
	e := Entry{Version: Version, Fields: make(map[string]string, len(lines)-4)}
	kind, ok := strings.CutPrefix(lines[1], "type ")
	if !ok || !validName(kind) {
		return malformed("type line %.60q", lines[1])
	}
	e.Type = Type(kind)
	text, ok := strings.CutPrefix(lines[2], "at ")
	if !ok {
		return malformed("time line %.60q", lines[2])
	}
	at, err := time.Parse(timeLayout, text)
	if err != nil || at.Format(timeLayout) != text || at.Year() < 1 {
		return malformed("time line %.60q", lines[2])
	}
	e.At = at.UTC()
	e.School, ok = strings.CutPrefix(lines[3], "school ")
	if !ok || checkValue(e.School) != nil {
		return malformed("school line %.60q", lines[3])
	}
	last := ""
	for _, line := range lines[4:] {
		name, value, ok := strings.Cut(line, " ")
		if !ok || checkFieldName(name) != nil || checkValue(value) != nil {
			return malformed("field line %.60q", line)
		}
		if name <= last {
			return malformed("field %s out of order", name)
		}
		last = name
		e.Fields[name] = value
	}
	return e, nil
}

// checkFieldName also keeps the names of the fixed lines out of the fields.
func checkFieldName(name string) error {
	if !validName(name) || name == "type" || name == "at" || name == "school" {
		return fmt.Errorf("%w: field name %.40q", ErrMalformedEntry, name)
	}
	return nil
}

// validName: a lower-case ASCII letter, then up to 63 letters, digits, underscores.
func validName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// checkValue: not empty, UTF-8, nothing that breaks or hides a line. Format
// characters (Unicode Cf) are allowed: some names need joiners.
func checkValue(s string) error {
	if s == "" || !utf8.ValidString(s) {
		return fmt.Errorf("%w: value is empty or not UTF-8", ErrMalformedEntry)
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("%w: value holds the control character %U", ErrMalformedEntry, r)
		}
	}
	return nil
}

// CleanText makes free text fit for a field: line breaks and tabs become
// spaces, other control characters go, invalid UTF-8 becomes U+FFFD.
func CleanText(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// FormatTime writes a time as the time fields of entries have it.
func FormatTime(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(timeLayout) }

// ParseTime reads what FormatTime wrote.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeLayout, s)
	if err != nil || t.Format(timeLayout) != s {
		return time.Time{}, fmt.Errorf("%w: time %.40q", ErrMalformedEntry, s)
	}
	return t.UTC(), nil
}
