package custody

import "testing"

func TestEndingRules(t *testing.T) {
	admin, principal := Actor{Person: "a", Roles: Roles{Admin: true}}, Actor{Person: "p", Roles: Roles{Principal: true}}
	open := EndingFacts{Today: "2026-10-07", From: "2026-01-01"}
	with := func(change func(*EndingFacts)) EndingFacts {
		f := open
		change(&f)
		return f
	}
	account := EndingFacts{Today: "2026-10-07"}
	for _, test := range []struct {
		name  string
		actor Actor
		kind  EndingKind
		until Date
		facts EndingFacts
		want  string // reason; "" = allowed
	}{
		{"today", admin, EndPosition, "2026-10-07", open, ""},
		{"next year", admin, EndScope, "2027-05-31", open, ""},
		{"by the system", SystemActor("s"), EndScope, "2026-10-07", open, ""},
		{"by the principal", principal, EndScope, "2026-10-07", open, ReasonAdminOnly},
		{"the day before it began", admin, EndPosition, "2025-12-31", open, ""},
		{"two days before it began", admin, EndPosition, "2025-12-30", open, ReasonTooEarly},
		{"the day it ends anyway", admin, EndPosition, "2026-12-31", with(func(f *EndingFacts) { f.Until = "2026-12-31" }), ReasonEndsAlready},
		{"the day before that", admin, EndPosition, "2026-12-30", with(func(f *EndingFacts) { f.Until = "2026-12-31" }), ""},
		{"with tokens", admin, EndPosition, "2026-10-07", with(func(f *EndingFacts) { f.Holds = 2 }), ReasonHoldsTokens},
		{"with tokens that are known", admin, EndPosition, "2026-10-07", with(func(f *EndingFacts) { f.Holds, f.HoldingKnown = 2, true }), ""},
		{"at once with tokens that are known", admin, EndPosition, "2026-10-06", with(func(f *EndingFacts) { f.Holds, f.HoldingKnown, f.NotWrittenOff = 2, true, []string{"A1"} }), ReasonNotWrittenOff},
		{"at once with tokens that are written off", admin, EndPosition, "2026-10-06", with(func(f *EndingFacts) { f.Holds = 2 }), ""},
		{"an account at once with a token", admin, EndAccount, "2026-10-06", EndingFacts{Today: "2026-10-07", Holds: 1, NotWrittenOff: []string{"A1"}}, ReasonNotWrittenOff},
		{"an account at once", admin, EndAccount, "2026-10-06", account, ""},
		{"an account two days ago", admin, EndAccount, "2026-10-05", account, ReasonTooEarly},
		{"the last admin's", admin, EndAccount, "2027-10-06", EndingFacts{Today: "2026-10-07", LastAdmin: true}, ReasonLastAdmin},
		{"the last admin's position", admin, EndPosition, "2026-10-06", with(func(f *EndingFacts) { f.LastAdmin = true }), ""},
	} {
		expectReason(t, test.name, CanEnd(test.actor, Ending{Kind: test.kind, Until: test.until}, test.facts), test.want)
	}
}

func TestLeavesPosition(t *testing.T) {
	deputy, staff := Position{ID: "d", Kind: Deputy, From: "2026-01-01"}, Position{ID: "s", Kind: Staff, From: "2026-11-01", Until: "2026-11-30"}
	for _, test := range []struct {
		positions []Position
		until     Date
		want      bool
	}{
		{[]Position{deputy}, "2026-10-06", false},
		{[]Position{deputy, staff}, "2026-10-06", false}, // the other begins later
		{[]Position{deputy, staff}, "2026-10-31", true},
		{[]Position{deputy, staff}, "2026-11-29", true},
		{[]Position{deputy, staff}, "2026-11-30", false}, // the other ends then, too
	} {
		if got := LeavesPosition(test.positions, "d", test.until, "2026-10-07"); got != test.want {
			t.Errorf("until %s with %d positions: %v", test.until, len(test.positions), got)
		}
	}
	if deputy.Until != "" {
		t.Error("the caller's position was changed")
	}
}
