package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"sokyso/httpapi/wire"
)

// What a body is held against the schema with differs in nothing but the values of encoded
// properties, and what is no JSON stays none.
func TestBase64StandsInForItself(t *testing.T) {
	b := &bodies{encoded: map[string]bool{"cms": true}}
	long := strings.Repeat("Ab1+/_-", 50)
	for body, want := range map[string]string{
		`{"cms":"` + long + `==","x":"` + long + `"}`:              `{"cms":"AAAA","x":"` + long + `"}`,
		`{"a":[{"cms" : "` + long + `"},{"cms":	"` + long + `"}]}`: `{"a":[{"cms" : "AAAA"},{"cms":	"AAAA"}]}`,
		`{"cms":"` + long + `!"}`:                                  `{"cms":"` + long + `!"}`,
		`{"cms":"` + long + `=A"}`:                                 `{"cms":"` + long + `=A"}`,
		`{"cms":"` + long + `\n"}`:                                 `{"cms":"` + long + `\n"}`,
		`{"cms":"======"}`:                                         `{"cms":"======"}`,
		`{"cms":""}`:                                               `{"cms":""}`,
		`{"x\"cms":"` + long + `"}`:                                `{"x\"cms":"` + long + `"}`,
		`{"x":"\\","cms":"` + long + `"}`:                          `{"x":"\\","cms":"AAAA"}`,
		`{"x":"\"cms\":\"` + long + `\""}`:                         `{"x":"\"cms\":\"` + long + `\""}`,
		`["cms","` + long + `"]`:                                   `["cms","` + long + `"]`,
		`{"cms":["` + long + `"]}`:                                 `{"cms":["` + long + `"]}`,
		`{"cms":"` + long:                                          `{"cms":"` + long,
		`{"cms":"` + long + `"`:                                    `{"cms":"AAAA"`,
		`"cms":`:                                                   `"cms":`,
		``:                                                         ``,
	} {
		if got := string(b.shorten([]byte(body))); got != want {
			t.Errorf("%s\nbecame %s\nwant %s", body, got, want)
		}
	}
}

func TestEncodedPropertiesAreLearnt(t *testing.T) {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	registry.Schema(reflect.TypeFor[wire.GrantRecords](), true, "")
	registry.Schema(reflect.TypeFor[wire.GrantRequests](), true, "")
	b := &bodies{}
	b.learn(registry)
	if !b.encoded["cms"] || !b.encoded["certificate"] || b.encoded["sha256_in"] || b.encoded["request"] {
		t.Errorf("%v", b.encoded)
	}
	registry.Schema(reflect.TypeFor[struct {
		CMS string `json:"cms"`
	}](), true, "Other")
	registry.Schema(reflect.TypeFor[struct {
		Certificate []byte `json:"certificate" maxLength:"10"`
	}](), true, "Bounded")
	if b.learn(registry); b.encoded["cms"] || b.encoded["certificate"] {
		t.Errorf("of two kinds: %v", b.encoded)
	}
}

// The library judges any body alike with the stand-in and without.
func FuzzBodiesAreJudgedAlike(f *testing.F) {
	expression := regexp.MustCompile(`^[a-zA-Z0-9+/_-]+=*$`)
	b := &bodies{encoded: map[string]bool{"cms": true}}
	for _, body := range []string{`{"cms":"QUJDREVG"}`, `{"cms":"QUJD\"REVG"}`, `{"x":{"cms":"A======"},"cms":null}`, `{"cms" :"QUJDREVG=" , "y":"z\\"}`, `"cms":"QUJDREVG"`, `{"cms":"QUJDREVG`} {
		f.Add([]byte(body))
	}
	var judge func(v any) any
	judge = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				if text, ok := value.(string); ok && name == "cms" {
					v[name] = expression.MatchString(text)
				} else {
					v[name] = judge(value)
				}
			}
		case []any:
			for i := range v {
				v[i] = judge(v[i])
			}
		}
		return v
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var whole, short any
		err := json.Unmarshal(body, &whole)
		shortened := b.shorten(bytes.Clone(body))
		if failed := json.Unmarshal(shortened, &short); (err == nil) != (failed == nil) {
			t.Fatalf("%q: %v\n%q: %v", body, err, shortened, failed)
		}
		if !reflect.DeepEqual(judge(whole), judge(short)) {
			t.Fatalf("%q\n%q", body, shortened)
		}
	})
}

// BenchmarkBodyOfRecords measures what a request of 200 records costs until it is in the
// operation's type and held against the schema, with the library's own reading and with ours.
func BenchmarkBodyOfRecords(b *testing.B) {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schema := registry.Schema(reflect.TypeFor[wire.GrantRecords](), true, "")
	own := &bodies{}
	own.learn(registry)
	records := wire.GrantRecords{}
	for range wire.MaxBulk {
		records.Records = append(records.Records, wire.GrantRecord{Grant: strings.Repeat("g", 36), Record: wire.Record{CMS: bytes.Repeat([]byte{1, 2, 3}, 800),
			ByteRangeDigest: strings.Repeat("a", 64), SHA256Out: strings.Repeat("b", 64), Level: "b-b", Field: "Signature1"}})
	}
	body, err := json.Marshal(records)
	if err != nil {
		b.Fatal(err)
	}
	for name, format := range map[string]huma.Format{"library": huma.DefaultJSONFormat, "ours": own.format()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var parsed any
				if err := format.Unmarshal(body, &parsed); err != nil {
					b.Fatal(err)
				}
				var found huma.ValidateResult
				huma.Validate(registry, schema, huma.NewPathBuffer([]byte{}, 0), huma.ModeWriteToServer, parsed, &found)
				if len(found.Errors) > 0 {
					b.Fatal(found.Errors)
				}
				var in wire.GrantRecords
				if err := format.Unmarshal(body, &in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
