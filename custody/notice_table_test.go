package custody

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sokyso/custody/signinglog"
)

// Every type of entry either is told to somebody or stands in the table with nobody.
func TestEveryTypeOfEntryIsToldOrNot(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "signinglog/types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	types := 0
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Type") {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		name, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		types++
		if _, ok := noticeTable[signinglog.Type(name)]; !ok {
			t.Errorf("custody/notice_table.go does not say who hears of entries of type %s: name them, or nobody", name)
		}
		return true
	})
	if types < 19 {
		t.Errorf("found %d types", types)
	}
	for name, rules := range noticeTable {
		if !signinglog.KnownType(name) {
			t.Errorf("the table names type %s, which there is not", name)
		}
		for _, rule := range rules {
			if rule.kind == "" || len(rule.to) == 0 {
				t.Errorf("%s: a rule tells nothing or nobody", name)
			}
		}
	}
}

func told(notices []Notice) string {
	var all []string
	for _, n := range notices {
		all = append(all, string(n.Kind)+">"+string(n.Recipient))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestWhoHears(t *testing.T) {
	facts := NoticeFacts{Custodians: []PersonID{"hoa"}, Owner: "hoa", Principals: []PersonID{"nghia"}, Managers: []PersonID{"nghia", "hang"}, Confirmers: []PersonID{"nghia", "hang", "mai"}}
	entry := func(typ signinglog.Type, pairs ...string) signinglog.Entry {
		e := signinglog.Entry{Type: typ, At: time.Date(2026, 10, 7, 20, 0, 0, 0, time.UTC), Fields: map[string]string{"via": "page"}}
		for i := 0; i < len(pairs); i += 2 {
			e.Fields[pairs[i]] = pairs[i+1]
		}
		return e
	}
	for name, c := range map[string]struct {
		entry signinglog.Entry
		want  string
	}{
		"an offer is told to its receiver":          {entry("offer", "actor", "hang", "token", "u", "kind", "hand_over", "receiver", "mai"), "hand_over_offered>mai"},
		"a giver knows":                             {entry("offer", "actor", "hoa", "token", "u", "kind", "hand_over", "giver", "hoa", "receiver", "mai"), "hand_over_offered>mai"},
		"an offer on somebody's behalf":             {entry("offer", "actor", "hang", "token", "u", "kind", "return", "giver", "hoa"), "return_offered>hoa return_offered>nghia"},
		"who reports a loss knows":                  {entry("incident", "actor", "hoa", "token", "u", "kind", "lost", "person", "hoa"), "incident> incident>hang incident>nghia"},
		"a loss reported by another":                {entry("incident", "actor", "hang", "token", "u", "kind", "lost", "person", "hoa"), "incident> incident>hoa incident>nghia"},
		"the service knows nothing":                 {entry("revocation", "actor", "system", "token", "u", "source", "s", "revoked_at", "x"), "certificate_revoked> certificate_revoked>hang certificate_revoked>hoa certificate_revoked>nghia"},
		"a pairing is told to who made it":          {entry("pairing", "actor", "hoa", "person", "hoa"), "pairing>hoa"},
		"a refusal that its signer sees is no news": {entry("refusal", "actor", "hoa", "token", "u", "code", "out_of_scope"), ""},
		"a stranger's try":                          {entry("refusal", "actor", "mai", "token", "u", "code", "not_custodian"), "suspicious_refusal>hang suspicious_refusal>hoa suspicious_refusal>nghia"},
		"a signature":                               {entry("signature", "actor", "hoa", "token", "u"), ""},
		"a signature after the report":              {entry("signature", "actor", "hoa", "token", "u", "after_report", "true"), "signature_after_report>hang signature_after_report>nghia"},
		"a type of a later version":                 {entry("gift", "actor", "hang", "token", "u"), "token_changed>hoa"},
		"a later type about no token":               {entry("gift", "actor", "hang"), ""},
		"a check is told to those who hold a token": {entry("check_opening", "actor", "hang", "kind", "monthly", "due_on", "2026-10-14", "items", "u:hoa v:safe w:mai"), "check_opened> check_opened>hoa check_opened>mai check_opened>nghia"},
		"a witness hears":                           {entry("check_step", "actor", "hang", "token", "u", "kind", "seen", "person", "mai"), "check_seen>mai"},
		"a step of support":                         {entry("support_step", "actor", "hang", "token", "u", "person", "hoa", "state", "sent"), "support_step>hoa support_step>nghia"},
		"a forgotten password waits":                {entry("account_change", "actor", "hang", "person", "hoa", "kind", "reset_asked"), "account_change>hoa reset_asked>mai reset_asked>nghia"},
		"one's own is not one's to confirm":         {entry("account_change", "actor", "hang", "person", "nghia", "kind", "reset_asked"), "account_change>nghia reset_asked>mai"},
		"an account ends":                           {entry("ending", "actor", "hang", "person", "hoa", "kind", "account", "until", "2026-10-31"), "account_ends>hoa account_ends>nghia"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(NoticesOf(7, c.entry, facts)); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

// Names and free text never get into a notice: who is erased is erased there too.
func TestNoticesHoldNoCommitments(t *testing.T) {
	e := signinglog.Entry{Type: signinglog.TypePairing, Fields: map[string]string{"actor": "hoa", "person": "hoa", "device": "commitment:" + strings.Repeat("0", 64)}}
	for _, n := range NoticesOf(1, e, NoticeFacts{}) {
		for name, value := range n.Params {
			if strings.HasPrefix(value, "commitment:") {
				t.Errorf("%s is %s", name, value)
			}
		}
	}
}

// However often a lost token is tried in a day, it is told once.
func TestTriesAreToldOnceADay(t *testing.T) {
	at := time.Date(2026, 10, 7, 16, 0, 0, 0, time.UTC) // 23:00 at the school
	e := signinglog.Entry{Type: signinglog.TypeRefusal, At: at, Fields: map[string]string{"actor": "mai", "token": "u", "code": RefusedTokenReported}}
	origin := func(index int64, e signinglog.Entry) string {
		return NoticesOf(index, e, NoticeFacts{Managers: []PersonID{"hang"}})[0].Origin
	}
	first := origin(7, e)
	if again := origin(8, e); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	e.At = at.Add(2 * time.Hour)
	if next := origin(9, e); next == first {
		t.Error("not told on the next day")
	}
}
