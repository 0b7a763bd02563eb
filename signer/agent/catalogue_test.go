package agent

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/token/worker"
	"sokyso/signer/validation"
)

func readLocale(t *testing.T, language string) map[string]string {
	t.Helper()
	content, err := locales.ReadFile("locales/" + language + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(content, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	vietnamese, english := readLocale(t, Vietnamese), readLocale(t, English)
	placeholder := regexp.MustCompile(`\{\{[^}]*?\.([a-z_]+)`)
	names := func(text string) []string {
		found := map[string]bool{}
		for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
			found[match[1]] = true
		}
		return slices.Sorted(maps.Keys(found))
	}
	for key, text := range vietnamese {
		other, known := english[key]
		if !known {
			t.Errorf("%s is missing in English", key)
			continue
		}
		if !slices.Equal(names(text), names(other)) {
			t.Errorf("%s: placeholders %v in Vietnamese, %v in English", key, names(text), names(other))
		}
		if text == "" || other == "" {
			t.Errorf("%s is empty", key)
		}
	}
	for key := range english {
		if _, known := vietnamese[key]; !known {
			t.Errorf("%s is missing in Vietnamese", key)
		}
	}
}

// TestEverySentenceCanBeFilled also proves that no sentence shows a hole when a
// parameter is missing.
func TestEverySentenceCanBeFilled(t *testing.T) {
	for _, language := range []string{Vietnamese, English} {
		catalogue := NewCatalogue(language)
		for key := range readLocale(t, language) {
			text := catalogue.Sentence(key)
			if text == key || strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
				t.Errorf("%s, %s: %q", language, key, text)
			}
		}
	}
}

// constantsOf lists the values of a file's string constants whose names have one
// of the prefixes.
func constantsOf(t *testing.T, path string, prefixes ...string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		for _, prefix := range prefixes {
			if strings.HasPrefix(spec.Names[0].Name, prefix) {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %v", path, prefixes)
	}
	return values
}

func TestEveryCodeHasASentence(t *testing.T) {
	var keys []string
	add := func(prefix string, codes []string) {
		for _, code := range codes {
			keys = append(keys, prefix+code)
		}
	}
	add("signer.", signer.Codes)
	add("signer.field_demands.", signer.Demands)
	add("note.", signer.Notes)
	add("token.", worker.Codes())
	add("detail.", validation.DetailCodes)
	add("change.", validation.ChangeKinds)
	add("detail.", LogDetailCodes)
	for _, c := range ConclusionReasons {
		add("conclusion.", []string{c.Reason, "decision." + c.Decision})
	}
	add("step.", Steps)
	add("step.outcome.", []string{StepPassed, StepFailed, StepIndeterminate, StepSkipped})
	add("world.", Worlds)
	for _, step := range Steps {
		if step != StepChanges { // the report has its sentence elsewhere
			add("report.passed.", []string{step})
		}
	}
	add("detail.", []string{DetailReceiptValid, DetailReceiptInvalid, DetailReceiptUnchecked})
	wireCodes := constantsOf(t, "../../httpapi/wire/problem.go", "Code", "Refused")
	add("service.", wireCodes)
	for _, code := range wireCodes {
		if !serviceCodes[code] {
			t.Errorf("service code %s is taken for an unknown one", code)
		}
	}
	for _, sub := range constantsOf(t, "../validation/report.go", "") {
		if sub == strings.ToUpper(sub) && strings.Contains(sub, "_") {
			add("sub.", []string{sub})
		}
	}
	for _, indication := range []validation.Indication{validation.TotalPassed, validation.TotalFailed, validation.Indeterminate} {
		add("verify.indication.", []string{string(indication)})
	}
	own := regexp.MustCompile(`\bfail\("([a-z_]+)"`)
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		content, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		for _, match := range own.FindAllSubmatch(content, -1) {
			add("agent.", []string{string(match[1])})
		}
	}
	texts := readLocale(t, Vietnamese)
	for _, key := range keys {
		if texts[key] == "" {
			t.Errorf("no sentence for %s", key)
		}
	}
}

func TestLanguageOfTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		environment map[string]string
		want        string
	}{
		{nil, Vietnamese},
		{map[string]string{"LANG": "C.UTF-8"}, Vietnamese},
		{map[string]string{"LANG": "POSIX"}, Vietnamese},
		{map[string]string{"LANG": "en_US.UTF-8"}, English},
		{map[string]string{"LANG": "vi_VN.UTF-8"}, Vietnamese},
		{map[string]string{"LC_ALL": "en_GB", "LANG": "vi_VN"}, English},
		{map[string]string{"LC_ALL": "C", "LANG": "en_US"}, Vietnamese},
		{map[string]string{"LC_MESSAGES": "en_GB", "LANG": "vi_VN"}, English},
		{map[string]string{"LC_ALL": "fr_FR"}, Vietnamese},
	} {
		if got := languageOf(func(name string) string { return test.environment[name] }); got != test.want {
			t.Errorf("%v: %s instead of %s", test.environment, got, test.want)
		}
	}
}

func TestSentencesCarryNoControlCharacters(t *testing.T) {
	text := NewCatalogue(English).Sentence("verify.none", "file", "a\x1b[2Kb\u202efdp.pdf\n")
	if strings.ContainsAny(text, "\x1b\u202e\n") {
		t.Errorf("%q can rewrite the terminal", text)
	}
}

func TestTimesReadAsInVietnam(t *testing.T) {
	text := NewCatalogue(Vietnamese).Sentence("signer.certificate_expired", "not_after", "2026-10-07T02:15:30Z")
	if !strings.Contains(text, "09:15:30 07/10/2026") {
		t.Errorf("%q", text)
	}
}

func TestEachZoneFaultIsToldApart(t *testing.T) {
	for _, language := range []string{Vietnamese, English} {
		told := map[string]string{}
		for _, fault := range validation.ZoneFaults {
			text := NewCatalogue(language).Sentence("detail."+validation.DetailClaimedZone, "fault", fault, "by", "timestamp", "right", "2026-10-07T02:15:30Z")
			if other, ok := told[text]; ok || !strings.Contains(text, "09:15:30 07/10/2026") {
				t.Errorf("%s, %s: %q, as %q", language, fault, text, other)
			}
			told[text] = fault
		}
	}
}

func TestEachDetailHasItsStep(t *testing.T) {
	codes := append(slices.Clone(validation.DetailCodes), LogDetailCodes...)
	for _, code := range append(codes, DetailReceiptValid, DetailReceiptInvalid, DetailReceiptUnchecked) {
		if detailSteps[code].step == "" {
			t.Errorf("%s belongs to no step of a validation", code)
		}
	}
}
