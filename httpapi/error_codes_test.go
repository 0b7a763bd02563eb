package httpapi

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"sokyso/httpapi/wire"
)

const errorsDocument = "../docs/errors.md"

// docs/errors.md is written from the table of codes and the catalogues:
// SOKYSO_WRITE_DOCS=1 go test ./httpapi -run TestTheErrorsAreDocumented writes it anew.
func TestTheErrorsAreDocumented(t *testing.T) {
	want := describeErrors(t)
	if os.Getenv("SOKYSO_WRITE_DOCS") != "" {
		if err := os.WriteFile(errorsDocument, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(errorsDocument)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("docs/errors.md is not what the code says: write it anew with SOKYSO_WRITE_DOCS=1")
	}
}

// The table names every code of the protocol, once.
func TestTheTableOfErrorCodesIsWhole(t *testing.T) {
	codes := slices.Collect(maps.Values(constants(t, "wire/problem.go", "Code")))
	codes = slices.AppendSeq(codes, maps.Values(constants(t, "wire/problem.go", "Refused")))
	var listed []string
	for _, known := range wire.ProblemCodes {
		listed = append(listed, known.Code)
		if len(known.Statuses) == 0 {
			t.Errorf("%s has no status", known.Code)
		}
	}
	slices.Sort(codes)
	slices.Sort(listed)
	if !slices.Equal(codes, listed) {
		t.Errorf("the protocol has %q\nthe table %q", codes, listed)
	}
}

func describeErrors(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString(`# Mã lỗi · Error codes

Written by a test from the service's own table and sentences; do not edit (` + "`SOKYSO_WRITE_DOCS=1 go test ./httpapi -run TestTheErrorsAreDocumented`" + `).

An error is a problem document (RFC 9457, ` + "`application/problem+json`" + `). Programs look at ` + "`code`" + ` and, where there is one, at
` + "`params.reason`" + `: both are stable, a code never gets another meaning, and new ones may be added. ` + "`detail`" + ` is for a person:
Vietnamese, or English by Accept-Language; its second sentence says what to do. A program repeats a request on 429,
503 and 409 ` + "`request_running`" + ` (after Retry-After) and on 500 where the request may be repeated; all other answers stay as they are until
something is changed.

## Codes

| code | HTTP | ý nghĩa, việc cần làm | meaning, what to do |
|---|---|---|---|
`)
	vi, en := readCatalogue(t, "vi"), readCatalogue(t, "en")
	for _, known := range wire.ProblemCodes {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", known.Code, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(known.Statuses)), ", "), "[]"),
			sentenceInTable(t, vi["problem."+known.Code]), sentenceInTable(t, en["problem."+known.Code]))
	}
	out.WriteString("\n## Reasons\n\nFiner than the code, in `params.reason` of a conflict, a forbidden step or a service that takes nothing.\n\n| reason | ý nghĩa, việc cần làm | meaning, what to do |\n|---|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(en)) {
		if reason, ok := strings.CutPrefix(key, "reason."); ok {
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", reason, sentenceInTable(t, vi[key]), sentenceInTable(t, en[key]))
		}
	}
	return out.Bytes()
}

// sentenceInTable is a sentence of the catalogue without the values of a case.
func sentenceInTable(t *testing.T, sentence string) string {
	t.Helper()
	parsed, err := template.New("").Option("missingkey=zero").Parse(sentence)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := parsed.Execute(&out, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		t.Errorf("no sentence: %q", sentence)
	}
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(out.String())
}
