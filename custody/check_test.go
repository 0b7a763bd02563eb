package custody

import (
	"testing"

	"pgregory.net/rapid"
)

// Lists of checks are texts of entries: what is written is read again as it was.
func TestCheckTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}`)
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) CheckItem {
			item := CheckItem{Token: TokenID(id.Draw(t, "token"))}
			if rapid.Bool().Draw(t, "held") {
				item.Custodian = PersonID(id.Draw(t, "custodian"))
			}
			return item
		}), 1, 20).Draw(t, "items")
		read, err := ParseCheckItems(FormatCheckItems(items))
		if err != nil || len(read) != len(items) {
			t.Fatalf("%v, %v", read, err)
		}
		results := make([]CheckResult, len(items))
		for i, item := range items {
			if read[i] != item {
				t.Fatalf("%+v is read as %+v", item, read[i])
			}
			results[i] = CheckResult{Token: item.Token, Outcome: rapid.SampledFrom(CheckOutcomes).Draw(t, "outcome"), Entry: rapid.Int64Range(0, 1<<40).Draw(t, "entry")}
		}
		found, err := ParseCheckResults(FormatCheckResults(results))
		if err != nil {
			t.Fatal(err)
		}
		for i := range results {
			if found[i] != results[i] {
				t.Fatalf("%+v is read as %+v", results[i], found[i])
			}
		}
	})
	for _, bad := range []string{"a", "a:", ":b", "a:proved:x", "a:lost", "a:proved:1:2"} {
		if _, err := ParseCheckResults(bad); err == nil {
			t.Errorf("%q is taken for a result", bad)
		}
	}
}

func TestMonthlyCheckDue(t *testing.T) {
	for _, c := range []struct {
		today Date
		day   int
		want  bool
	}{{"2026-10-07", 0, false}, {"2026-10-07", 7, true}, {"2026-10-07", 8, false}, {"2026-10-31", 28, true}, {"2027-02-28", 28, true}, {"", 1, false}} {
		if got := MonthlyCheckDue(c.today, c.day); got != c.want {
			t.Errorf("on %s, day %d: %v", c.today, c.day, got)
		}
	}
}

// Every state but the last ones leads on, and nothing leads back to asked.
func TestStatesOfSupport(t *testing.T) {
	seen := map[SupportState]bool{SupportAsked: true}
	for queue := []SupportState{SupportAsked}; len(queue) > 0; queue = queue[1:] {
		for _, next := range queue[0].Steps() {
			if next == SupportAsked {
				t.Errorf("%s leads back to asked", queue[0])
			}
			if !seen[next] {
				seen[next], queue = true, append(queue, next)
			}
		}
	}
	for _, state := range []SupportState{SupportSent, SupportAnswered, SupportSolved, SupportRefused, SupportWithdrawn} {
		if !seen[state] {
			t.Errorf("%s can't be reached", state)
		}
		if state.Open() != (state == SupportSent || state == SupportAnswered) {
			t.Errorf("%s: open is %v", state, state.Open())
		}
	}
}
