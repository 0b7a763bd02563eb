package httpapi

import (
	"bytes"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// bodies reads the JSON of requests. The library parses each body twice: into maps, which it
// holds against the schema, and then into the operation's type. Nearly all of a signature's
// bytes are base64, which it checks by a regular expression besides. So the maps get a
// stand-in for what passes that expression; all else is judged by the library as before.
type bodies struct {
	// encoded are names of properties that are base64 wherever they stand in the schemas, and
	// bounded by nothing else. Set once all operations are registered.
	encoded map[string]bool
}

func (b *bodies) format() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: b.unmarshal}
}

func (b *bodies) unmarshal(data []byte, into any) error {
	if _, forSchema := into.(*any); forSchema {
		data = b.shorten(data)
	}
	return json.Unmarshal(data, into)
}

// learn reads the schemas.
func (b *bodies) learn(registry huma.Registry) {
	encoded, other := map[string]bool{}, map[string]bool{}
	for _, schema := range registry.Map() {
		for name, property := range schema.Properties {
			plain := property.Ref == "" && property.ContentEncoding == "base64" && property.Format == "" && property.Pattern == "" && property.Enum == nil &&
				property.MinLength == nil && property.MaxLength == nil
			if plain {
				encoded[name] = true
			} else {
				other[name] = true
			}
		}
	}
	for name := range other {
		delete(encoded, name)
	}
	b.encoded = encoded
}

// standIn is base64 like what it stands for.
const standIn = "AAAA"

// shorten puts the stand-in for values of encoded properties. It changes complete strings for
// complete strings, so that what is no JSON is none afterwards.
func (b *bodies) shorten(data []byte) []byte {
	var out []byte
	kept := 0 // data[kept:] is not in out yet
	name, isName := []byte(nil), false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case ' ', '\t', '\r', '\n':
		case ':':
			isName = name != nil
		case '"':
			end := stringEnd(data, i+1)
			if end < 0 {
				return append(out, data[kept:]...) // what follows is no JSON
			}
			text := data[i+1 : end]
			if isName && len(text) > len(standIn) && b.encoded[string(name)] && isBase64(text) {
				out = append(append(out, data[kept:i+1]...), standIn...)
				kept = end
			}
			i, name, isName = end, text, false
		default:
			name, isName = nil, false
		}
	}
	if kept == 0 {
		return data
	}
	return append(out, data[kept:]...)
}

// stringEnd returns where the string that begins at i is closed, -1 where it is not.
func stringEnd(data []byte, i int) int {
	for {
		n := bytes.IndexByte(data[i:], '"')
		if n < 0 {
			return -1
		}
		escapes := 0
		for j := i + n - 1; j >= i && data[j] == '\\'; j-- {
			escapes++
		}
		if i += n; escapes%2 == 0 {
			return i
		}
		i++
	}
}

// isBase64 is the library's expression, ^[a-zA-Z0-9+/_-]+=*$.
func isBase64(text []byte) bool {
	digits := bytes.TrimRight(text, "=")
	for _, c := range digits {
		if !base64Digit[c] {
			return false
		}
	}
	return len(digits) > 0
}

var base64Digit = func() (digit [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-") {
		digit[c] = true
	}
	return digit
}()
