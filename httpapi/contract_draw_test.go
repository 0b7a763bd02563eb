package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// junk is what no field is meant to hold.
var junk = []string{
	"", " ", "\x00", "a\x00b", "\xff\xfe", "\xc3\x28", "\u202e", "💥", "' OR 1=1--", "../../etc/passwd", "%00", "{{.}}", "<script>", "null", "-1", "9223372036854775808",
	"2026-02-30", "0000-00-00", "9999-12-31T23:59:59.999999999Z", strings.Repeat("a", 65), strings.Repeat("ế", 5000), "\r\nX: y", "\ufeff", "A\u0301",
}

// draw makes a request to an operation: most are nearly right, some are nonsense.
func (c *contract) draw(op *contractOperation) drawn {
	out := drawn{method: op.method, path: op.path, header: http.Header{}}
	query := url.Values{}
	parameters, _ := op.described["parameters"].([]any)
	for _, p := range parameters {
		parameter := p.(map[string]any)
		name, schema := parameter["name"].(string), parameter["schema"].(map[string]any)
		switch parameter["in"] {
		case "path":
			word := firstWord(op.path)
			if name == "index" {
				word = "index"
			}
			out.path = strings.ReplaceAll(out.path, "{"+name+"}", url.PathEscape(c.text(c.identifier(word))))
		case "query":
			if c.chance(2) || parameter["required"] == true {
				query.Add(name, c.text(c.value(name, schema, 0)))
			}
		case "header":
			if c.chance(2) {
				out.header.Set(name, c.text(c.value(name, schema, 0)))
			}
		}
	}
	if c.chance(30) {
		query.Add(c.word(), c.word())
	}
	if len(query) > 0 {
		out.path += "?" + query.Encode()
	}
	body, _ := op.described["requestBody"].(map[string]any)
	if body == nil {
		if op.method == http.MethodPost {
			out.body = []byte(c.word())
		}
		return out
	}
	content := body["content"].(map[string]any)
	schema, _ := content["application/json"].(map[string]any)
	if schema == nil { // a file
		for media := range content {
			out.header.Set("Content-Type", media)
		}
		out.body = slices.Concat([]byte("%PDF-1.7\n"), []byte(c.word()))
		return out
	}
	out.header.Set("Content-Type", "application/json")
	if text, err := json.Marshal(c.value("", schema["schema"].(map[string]any), 0)); err == nil {
		out.body = text
	}
	c.spoil(&out)
	return out
}

// spoil breaks the bytes of one request in six.
func (c *contract) spoil(out *drawn) {
	switch c.random.IntN(48) {
	case 0:
		out.header.Set("Content-Type", []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/cbor", "application/json; charset=utf-16", ";"}[c.random.IntN(6)])
	case 1:
		out.header.Del("Content-Type")
	case 2:
		out.body = nil
	case 3:
		out.body = out.body[:len(out.body)/2]
	case 4:
		out.body = append(out.body, out.body...)
	case 5:
		out.body = []byte(strings.Repeat("[", 10000) + strings.Repeat("]", 10000))
	case 6:
		out.body = []byte(strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000))
	case 7:
		if len(out.body) > 0 {
			out.body[c.random.IntN(len(out.body))] = byte(c.random.IntN(256))
		}
	case 8:
		out.body = []byte([]string{"null", "0", "1e999", `"x"`, "[]", "{}", "true", "[null]", "-0", "{\"\":null}"}[c.random.IntN(10)])
	}
}

// chance is true once in n.
func (c *contract) chance(n int) bool { return c.random.IntN(n) == 0 }

func (c *contract) word() string { return junk[c.random.IntN(len(junk))] }

// identifier is one that an answer has named by a word, or one of another thing, or none.
func (c *contract) identifier(word string) any {
	known := c.pool[word]
	switch {
	case len(known) > 0 && !c.chance(5):
		return known[c.random.IntN(len(known))]
	case c.chance(2):
		return uuid.Must(uuid.NewRandom()).String()
	}
	if c.chance(2) {
		return c.word() + "x" // an empty one is another path
	}
	return c.random.IntN(100)
}

// value draws a value of a schema, one in forty of another.
func (c *contract) value(name string, schema map[string]any, depth int) any {
	if c.chance(40) {
		return c.other(depth)
	}
	if ref, ok := schema["$ref"].(string); ok {
		schemas := c.document["components"].(map[string]any)["schemas"].(map[string]any)
		return c.value(name, schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any), depth)
	}
	if options, ok := schema["enum"].([]any); ok {
		return options[c.random.IntN(len(options))]
	}
	kind, _ := schema["type"].(string)
	if several, ok := schema["type"].([]any); ok {
		kind, _ = several[c.random.IntN(len(several))].(string)
	}
	switch kind {
	case "object":
		return c.object(schema, depth)
	case "array":
		items, _ := schema["items"].(map[string]any)
		list := []any{}
		for range c.random.IntN(3) {
			list = append(list, c.value(name, items, depth+1))
		}
		return list
	case "string":
		return c.string(name, schema)
	case "integer", "number":
		if known := c.pool[name]; len(known) > 0 && c.chance(2) {
			return known[c.random.IntN(len(known))]
		}
		return []any{0, 1, 2, 3, 10, 100, -1, math.MaxInt32, int64(math.MaxInt64), int64(math.MinInt64), 1.5, json.Number("1e30"), json.Number("18446744073709551616")}[c.random.IntN(13)]
	case "boolean":
		return c.chance(2)
	}
	return nil
}

func (c *contract) object(schema map[string]any, depth int) any {
	object := map[string]any{}
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range sorted(properties) {
		needed := slices.Contains(required, any(name))
		if needed && c.chance(40) || !needed && c.chance(2) || depth > 6 {
			continue
		}
		object[name] = c.value(name, property.(map[string]any), depth+1)
	}
	if c.chance(40) {
		object[c.word()] = c.other(depth)
	}
	return object
}

// sorted goes over a map in the order of its names, so that a seed repeats a run.
func sorted(m map[string]any) func(func(string, any) bool) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return func(yield func(string, any) bool) {
		for _, name := range names {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// words are what fields without an enumeration are known to take.
var words = map[string][]string{
	"kind":     {"lost", "misplaced", "suspected", "staff", "deputy", "principal", "TB", "KH", "personal", "seal", "*", "position", "scope", "account"},
	"act":      {"approve", "initial", "issue", "attachment", "copy"},
	"acts":     {"approve", "initial", "issue"},
	"capacity": {"", "KT", "TM", "TL", "TUQ", "Q"}, "capacities": {"", "KT"}, "level": {"b-b", "b-t", "b-lt", "b-lta"},
	"reason": {"other", "cancelled", "nghỉ hưu"}, "step": {"locked", "recovered", "asked", "sent", "answered", "solved"},
	"what": {"position", "scope", "account"}, "state": {"seen", "missing", "excused", "open"}, "type": {"grant", "signature", "acceptance"}, "username": {"nghia", "quan", "hang"},
}

func (c *contract) string(name string, schema map[string]any) any {
	if c.chance(12) {
		return c.word()
	}
	switch {
	case schema["format"] == "date-time":
		return c.Clock.Now().Add(time.Duration(c.random.IntN(200)-150) * time.Hour).Format(time.RFC3339)
	case len(c.pool[name]) > 0 && !c.chance(4):
		return c.pool[name][c.random.IntN(len(c.pool[name]))]
	case strings.HasSuffix(name, "_id") || name == "to" || name == "person" || name == "token":
		return c.identifier(map[string]string{"token_id": "tokens", "token": "tokens", "check_id": "checks", "incident_id": "incidents"}[name])
	case schema["contentEncoding"] == "base64":
		return base64.StdEncoding.EncodeToString([]byte(c.word()))
	case strings.HasSuffix(name, "_date"), strings.HasSuffix(name, "_on"), slices.Contains([]string{"from", "until", "on", "since", "day", "date"}, name):
		return c.Clock.Now().AddDate(0, 0, c.random.IntN(400)-200).Format(time.DateOnly)
	case strings.Contains(name, "sha256"), strings.Contains(name, "digest"):
		return randomHash()
	case len(words[name]) > 0:
		return words[name][c.random.IntN(len(words[name]))]
	case name == "request", name == "Idempotency-Key":
		return uuid.NewString()
	}
	return []string{"x", "Hồ Thị Cúc", "30/QĐ-MNHS", "một lý do dài hơn một chút", "Hoa-Sen-Trang-2027"}[c.random.IntN(5)]
}

// other is a value of any type.
func (c *contract) other(depth int) any {
	switch c.random.IntN(8) {
	case 0:
		return nil
	case 1:
		return c.random.IntN(2) == 0
	case 2:
		return math.MaxFloat64
	case 3:
		return c.word()
	case 4:
		return []any{c.word(), nil}
	case 5:
		return strings.Repeat("x", 1<<uint(c.random.IntN(18)))
	case 6:
		if depth < 8 {
			return map[string]any{c.word(): c.other(depth + 1)}
		}
	}
	return json.Number("-99999999999999999999")
}

// text is a value as it stands in an address.
func (c *contract) text(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		return c.word()
	}
	return string(text)
}

// firstWord is the word of a path for the things it is about.
func firstWord(path string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/api/v1/"), "my/"), "/")
	return word
}

// harvest keeps identifiers that an answer names, to be asked for later.
func (c *contract) harvest(word string, value any) {
	switch value := value.(type) {
	case []any:
		for i, one := range value {
			if i > 20 {
				break
			}
			c.harvest(word, one)
		}
	case map[string]any:
		for name, one := range sorted(value) {
			switch one.(type) {
			case []any, map[string]any:
				c.harvest(word, one)
				continue
			}
			switch {
			case name == "id":
				c.learn(word, one)
			case strings.HasSuffix(name, "_id"), name == "serial", name == "index", name == "username", strings.Contains(name, "sha256"):
				c.learn(name, one)
			}
		}
	}
}

func (c *contract) learn(word string, value any) {
	if word == "index" {
		if number, ok := value.(json.Number); ok {
			value = number.String()
		}
	}
	if len(c.pool[word]) >= 40 {
		c.pool[word][c.random.IntN(40)] = value
		return
	}
	c.pool[word] = append(c.pool[word], value)
}
