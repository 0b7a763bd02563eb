package signinglog

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMarshalRefuses(t *testing.T) {
	good := func() Entry {
		return Entry{Type: "grant", At: time.Date(2026, 10, 7, 2, 15, 30, 123456000, time.UTC), School: "s", Fields: map[string]string{"act": "approve"}}
	}
	if _, err := good().Marshal(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Entry){
		"version":           func(e *Entry) { e.Version = 2 },
		"no type":           func(e *Entry) { e.Type = "" },
		"type in capitals":  func(e *Entry) { e.Type = "Grant" },
		"nanoseconds":       func(e *Entry) { e.At = e.At.Add(1) },
		"year 10000":        func(e *Entry) { e.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no school":         func(e *Entry) { e.School = "" },
		"line feed":         func(e *Entry) { e.Fields["act"] = "a\nb c" },
		"line separator":    func(e *Entry) { e.Fields["act"] = "a\u2028b" },
		"escape":            func(e *Entry) { e.Fields["act"] = "a\x1b[2Jb" },
		"C1 control":        func(e *Entry) { e.Fields["act"] = "a\u0085b" },
		"invalid UTF-8":     func(e *Entry) { e.Fields["act"] = "a\xff" },
		"field type":        func(e *Entry) { e.Fields["type"] = "x" },
		"field at":          func(e *Entry) { e.Fields["at"] = "x" },
		"field with space":  func(e *Entry) { e.Fields["a b"] = "x" },
		"field of 65 bytes": func(e *Entry) { e.Fields[strings.Repeat("a", 65)] = "x" },
		"too many fields": func(e *Entry) {
			for i := range maxFields + 1 {
				e.Fields["f"+strings.Repeat("x", i/26)+string(rune('a'+i%26))] = "x"
			}
		},
	} {
		e := good()
		change(&e)
		if b, err := e.Marshal(); !errors.Is(err, ErrMalformedEntry) {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	e := good()
	e.Fields["act"] = strings.Repeat("x", MaxEntrySize)
	if _, err := e.Marshal(); !errors.Is(err, ErrEntryTooLarge) {
		t.Errorf("too large: %v", err)
	}
	e = good()
	e.Fields["empty"] = ""
	b, err := e.Marshal()
	if err != nil || bytes.Contains(b, []byte("empty")) {
		t.Errorf("a field without a value was written: %v\n%s", err, b)
	}
}

const goodEntry = "sokyso/entry/v1\ntype grant\nat 2026-10-07T02:15:30.123456Z\nschool s\nact approve\ncapacity KT\n"

func TestParseRefuses(t *testing.T) {
	if _, err := Parse([]byte(goodEntry)); err != nil {
		t.Fatal(err)
	}
	for _, replace := range [][2]string{
		{"v1", "v2"}, {"v1", "v01"}, {"sokyso", "\ufeffsokyso"}, {"type grant\n", ""}, {"type grant", "type  grant"}, {"type", "Type"},
		{"02:15:30.123456Z", "02:15:30.12345Z"}, {"02:15:30.123456Z", "02:15:30.123456+00:00"}, {"02:15:30", "25:15:30"}, {"10-07", "02-30"},
		{"Z\n", "z\n"}, {"school s", "school "}, {"act approve", "act"}, {"act approve", "act "}, {"act approve\ncapacity KT", "capacity KT\nact approve"},
		{"capacity KT", "act approve"}, {"KT\n", "KT"}, {"KT\n", "KT\n\n"}, {"\n", "\r\n"}, {"approve", "appr\x00ove"}, {"act approve", "at approve"}, {"approve", "\xff"},
	} {
		text := strings.Replace(goodEntry, replace[0], replace[1], 1)
		if e, err := Parse([]byte(text)); !errors.Is(err, ErrMalformedEntry) {
			t.Errorf("%q for %q: %v, %v", replace[1], replace[0], e, err)
		}
	}
	if _, err := Parse(make([]byte, MaxEntrySize+1)); !errors.Is(err, ErrEntryTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// TestRoundTrip: what Marshal writes, Parse reads as the same entry.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[ -~ĩĨàạđ\x{10000}-\x{1ffff}]{1,40}`)
		e := Entry{Version: Version, Type: Type(rapid.StringMatching(`[a-z][a-z0-9_]{0,20}`).Draw(t, "type")), School: value.Draw(t, "school"),
			At:     time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC(),
			Fields: rapid.MapOfN(rapid.StringMatching(`f[a-z0-9_]{0,20}`), value, 0, 10).Draw(t, "fields")}
		b, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatalf("%v\n%q", err, b)
		}
		if got.Type != e.Type || !got.At.Equal(e.At) || got.School != e.School || !maps.Equal(got.Fields, e.Fields) {
			t.Fatalf("got %+v, want %+v", got, e)
		}
	})
}

// FuzzMalleability: whatever parses is written again byte for byte.
func FuzzMalleability(f *testing.F) {
	f.Add([]byte(goodEntry))
	f.Add([]byte("sokyso/entry/v1\ntype a\nat 0001-01-01T00:00:00.000000Z\nschool  \n"))
	l := newTestLog(f, 3)
	for _, e := range l.entries {
		f.Add(e.Bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(b)
		if err != nil {
			return
		}
		again, err := e.Marshal()
		if err != nil {
			t.Fatalf("what was parsed can't be written: %v\n%q", err, b)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("written otherwise than read:\n%q\n%q", again, b)
		}
		e.Check()
	})
}

func TestCheck(t *testing.T) {
	good := testEntry(3)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Entry){
		"unknown type":    func(e *Entry) { e.Type = "gift" },
		"no actor":        func(e *Entry) { delete(e.Fields, "actor") },
		"actor is a name": func(e *Entry) { e.Fields["actor"] = "Nguyễn Văn Nghĩa" },
		"unknown field":   func(e *Entry) { e.Fields["name"] = "x" },
		"missing field":   func(e *Entry) { delete(e.Fields, "reason") },
		"not a count":     func(e *Entry) { e.Fields["grant_entry"] = "03" },
		"negative count":  func(e *Entry) { e.Fields["grant_entry"] = "-3" },
		"not an id":       func(e *Entry) { e.Fields["token"] = strings.ToUpper(testSchool) },
		"school":          func(e *Entry) { e.School = "MNHS" },
	} {
		e := testEntry(3)
		change(&e)
		if err := e.Check(); !errors.Is(err, ErrMalformedEntry) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Personal data in the clear does not get in.
	person := Entry{Type: TypePerson, School: testSchool, Fields: map[string]string{"actor": "system", "via": "cli", "person": testSchool, "name": "Nguyễn Văn Nghĩa"}}
	if err := person.Check(); !errors.Is(err, ErrMalformedEntry) {
		t.Errorf("name in the clear: %v", err)
	}
}

func TestCommitment(t *testing.T) {
	commitment, salt := Commit("Nguyễn Văn Nghĩa")
	again, otherSalt := Commit("Nguyễn Văn Nghĩa")
	if commitment == again || bytes.Equal(salt, otherSalt) {
		t.Error("two commitments to one name can be told to be the same")
	}
	if !IsCommitment(commitment) || !CheckCommitment(commitment, salt, "Nguyễn Văn Nghĩa") {
		t.Errorf("commitment %s does not hold", commitment)
	}
	if CheckCommitment(commitment, salt, "Nguyễn Văn Nghia") || CheckCommitment(commitment, otherSalt, "Nguyễn Văn Nghĩa") ||
		CheckCommitment(commitment, salt[:15], "Nguyễn Văn Nghĩa") || CheckCommitment("", nil, "") {
		t.Error("a false opening holds")
	}
}

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"  Quy chế\nlàm\tviệc ": "Quy chế làm việc",
		"a\x1b[31mb":            "a[31mb",
		"a\u2028b":              "a b",
		"a\xffb":                "a\uFFFDb",
		"\n":                    "",
	} {
		if got := CleanText(in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
		if got := CleanText(in); got != "" && checkValue(got) != nil {
			t.Errorf("%q is no value", got)
		}
	}
}

func TestVerifierKey(t *testing.T) {
	for range 50 { // keys whose base64 has plus signs among them
		skey, vkey, err := GenerateKey("sokyso/mnhs")
		if err != nil {
			t.Fatal(err)
		}
		got, err := VerifierKey(skey)
		if err != nil || got != vkey {
			t.Fatalf("verifier key %s of %s, want %s: %v", got, "…", vkey, err)
		}
	}
	for _, origin := range []string{"", "a b", "a+b", "a\nb"} {
		if _, _, err := GenerateKey(origin); !errors.Is(err, ErrMalformedKey) {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
	if _, err := VerifierKey("PRIVATE+KEY+x"); !errors.Is(err, ErrMalformedKey) {
		t.Errorf("malformed key: %v", err)
	}
}
