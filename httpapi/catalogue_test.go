package httpapi

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

func readCatalogue(t *testing.T, lang string) map[string]string {
	t.Helper()
	content, err := locales.ReadFile("locales/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var sentences map[string]string
	if err := json.Unmarshal(content, &sentences); err != nil {
		t.Fatal(err)
	}
	return sentences
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	vi, en := readCatalogue(t, "vi"), readCatalogue(t, "en")
	placeholder := regexp.MustCompile(`\.[A-Za-z_]+`)
	inside := regexp.MustCompile(`\{\{[^}]*\}\}`)
	placeholders := func(text string) []string {
		var names []string
		for _, action := range inside.FindAllString(text, -1) {
			names = append(names, placeholder.FindAllString(action, -1)...)
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	for key, text := range vi {
		if strings.TrimSpace(text) == "" || strings.TrimSpace(en[key]) == "" {
			t.Errorf("%s: %q, %q", key, text, en[key])
		}
		if !slices.Equal(placeholders(text), placeholders(en[key])) && key != "problem.token_reported" {
			t.Errorf("%s: parameters %v in Vietnamese, %v in English", key, placeholders(text), placeholders(en[key]))
		}
	}
	for key := range en {
		if _, ok := vi[key]; !ok {
			t.Errorf("%s is not in Vietnamese", key)
		}
	}
}

// constants returns the values of a file's string constants by name.
func constants(t *testing.T, file, prefix string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		value, before := spec.Values[0], ""
		if sum, ok := value.(*ast.BinaryExpr); ok { // Prefix + "/path"
			value, before = sum.Y, wire.Prefix
		}
		if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values[spec.Names[0].Name] = before + text
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s…", file, prefix)
	}
	return values
}

func TestEveryCodeHasASentence(t *testing.T) {
	keys := readCatalogue(t, "vi")
	need := func(key string) {
		t.Helper()
		if _, ok := keys[key]; !ok {
			t.Errorf("no sentence %s", key)
		}
	}
	for _, prefix := range []string{"Code", "Refused"} {
		for _, code := range constants(t, "wire/problem.go", prefix) {
			need("problem." + code)
		}
	}
	for _, reason := range constants(t, "../custody/errors.go", "Reason") {
		need("reason." + reason)
	}
	for _, code := range custody.RefusalCodes {
		need("problem." + code)
		need("code." + code)
	}
	for _, kind := range constants(t, "../custody/signinglog/types.go", "Type") {
		need("type." + kind)
	}
	for _, kind := range []signinglog.Type{signinglog.TypeOffer, signinglog.TypeAcceptance, signinglog.TypeDecline, signinglog.TypeWithdrawal} {
		need("return_type." + string(kind))
	}
	for _, act := range custody.Acts {
		need("act." + string(act))
	}
	for _, capacity := range custody.Capacities {
		need("capacity." + string(capacity))
	}
	for _, state := range custody.TokenStates {
		need("state." + string(state))
	}
	for _, step := range custody.TokenSteps {
		need("token_step." + string(step))
	}
	for _, reason := range custody.HandOverReasons {
		need("hand_over_reason." + string(reason))
	}
	for _, kind := range custody.RetirementKinds {
		need("retirement_kind." + string(kind))
	}
	for status := range map[int]bool{400: true, 401: true, 403: true, 404: true, 405: true, 406: true, 409: true, 413: true, 415: true, 422: true, 429: true, 500: true, 503: true} {
		need("status." + strconv.Itoa(status))
	}
	for _, kind := range logTypes {
		if !signinglog.KnownType(kind) {
			t.Errorf("the filter offers %s, which no entry has", kind)
		}
	}
}

// The domain can't import wire: the same codes stand in both, and must stay the same.
func TestTheDomainsCodesAreThoseOfTheProtocol(t *testing.T) {
	ours, theirs := constants(t, "wire/problem.go", "Refused"), constants(t, "../custody/errors.go", "Refused")
	for name, code := range theirs {
		if ours[name] != code {
			t.Errorf("%s is %q in custody and %q in wire", name, code, ours[name])
		}
	}
	for name := range ours {
		if _, ok := theirs[name]; !ok {
			t.Errorf("custody has no %s", name)
		}
	}
	ours = constants(t, "wire/problem.go", "Code")
	for name, code := range constants(t, "../custody/errors.go", "Code") {
		if ours[name] != code {
			t.Errorf("%s is %q in custody and %q in wire", name, code, ours[name])
		}
	}
	if wire.ActApprove != string(custody.Approve) || wire.ActCopy != string(custody.Copy) {
		t.Error("acts differ")
	}
}

// A key that a template or handler asks for and no catalogue has would be found
// only when somebody opens that page.
func TestEverySentenceAskedForExistsAndIsUsed(t *testing.T) {
	keys := readCatalogue(t, "vi")
	used := map[string]bool{}
	literal := regexp.MustCompile(`\bt "([a-z_.]+)"`)
	quoted := regexp.MustCompile(`"([a-z_]+\.[a-z_.]+)"`)
	pages, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		content, err := templateFiles.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range literal.FindAllStringSubmatch(string(content), -1) {
			used[found[1]] = true
			if _, ok := keys[found[1]]; !ok {
				t.Errorf("%s asks for %q, which the catalogue has not", page, found[1])
			}
		}
	}
	files, err := fs.Glob(sources, "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := fs.ReadFile(sources, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range quoted.FindAllStringSubmatch(string(content), -1) {
			used[found[1]] = true
		}
	}
	// These sets are asked for by value.
	sets := []string{"problem.", "reason.", "status.", "field.", "field_name.", "code.", "paper_kind.", "type.", "act.", "capacity.", "position_kind.", "via.", "actor.", "flag.",
		"state.", "token_kind.", "hand_over_state.", "incident_kind.", "incident.ended_", "incident_state.", "incident_state_help.", "alarm_state.", "step.", "step_help.", "step_button.", "step_note.", "step_sure.", "step_waits.", "deadline.",
		"deadline_kind.", "doubt.", "pin.", "review.", "offer_kind.", "acceptance_kind.", "decline_kind.", "withdrawal_kind.", "return_type.", "ending_kind.", "acting.", "document_state.", "document_step.", "verdict.", "route_why.",
		"hand_over_reason.", "confirmation_kind.", "confirmation_side.", "pin_step.", "retirement_kind.", "answer.", "token_step."}
	sets = append(sets, "point.", "review_state.", "review_step.", "review_note.", "review_done.", "abandoned.", "held.", "erasure_kind.", "account_change_kind.", "passkeys_none.", "role_change.", "department_change_kind.", "session_origin.", "school_sort.", "role.", "role_help.", "permission.", "link_state.", "program_scope.", "browser.", "system.")
	sets = append(sets, "public_word.", "public_next.", "public_badge.", "public_issuer.", "validity.", "world.", "purpose.", "delegation_help.")
	sets = append(sets, "job.", "job_outcome.", "channel.", "share.days.", "revocation_status.")
	for key := range keys {
		if !used[key] && !slices.ContainsFunc(slices.Concat(sets, supportAndCheckSets), func(set string) bool { return strings.HasPrefix(key, set) }) {
			t.Errorf("nobody asks for %q", key)
		}
	}
}

// supportAndCheckSets are those of requests to the provider and of custody checks.
var supportAndCheckSets = []string{"support_kind.", "support_help.", "support_state.", "support_step.", "support_note.", "support_request_kind.",
	"check_kind.", "check_opening_kind.", "check_step_kind.", "check_outcome.", "setting.", "second_factor.", "setting_help.", "setting_group.", "number_series."}
