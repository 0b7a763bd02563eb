package custody

import (
	"errors"
	"slices"
	"testing"
)

func TestStateOf(t *testing.T) {
	held, back, given := &Custody{}, &HandOver{Kind: Return}, &HandOver{Kind: ToPerson}
	for _, test := range []struct {
		condition Condition
		want      TokenState
	}{
		{Condition{}, InSafe}, {Condition{Custody: held}, Held}, {Condition{Offer: given}, HandedOver}, {Condition{Custody: held, Offer: given}, HandedOver},
		{Condition{Custody: held, Offer: back}, ReturnOffered}, {Condition{Custody: held, Offer: back, Reported: true}, Blocked}, {Condition{Reported: true}, Blocked},
		{Condition{Custody: held, WrittenOff: true}, Blocked}, {Condition{Custody: held, PIN: PINStepLocked}, PINLocked}, {Condition{PIN: PINStepLocked}, PINLocked},
		{Condition{Custody: held, PIN: PINStepAsked}, RecoveryAsked}, {Condition{Custody: held, PIN: PINStepRecovered}, Held}, {Condition{PIN: PINStepRecovered}, InSafe},
		{Condition{Custody: held, PIN: PINStepLocked, Offer: back}, ReturnOffered}, {Condition{Custody: held, PIN: PINStepAsked, Reported: true}, Blocked},
		{Condition{Reported: true, RevocationAsked: true}, RevocationAsked}, {Condition{Reported: true, RevocationAsked: true, Revoked: true}, Revoked},
		{Condition{Revoked: true}, InSafe}, // a certificate found revoked is no report; its grants are refused
		{Condition{Retired: true, Reported: true, Custody: held, Offer: back}, Retired},
	} {
		if got := StateOf(test.condition); got != test.want {
			t.Errorf("%+v: %s, want %s", test.condition, got, test.want)
		}
	}
}

// The table says of each state and step whether it is allowed; what it does not
// have is refused with a reason that names both.
func TestLifeOfAToken(t *testing.T) {
	allowed := 0
	reached := map[TokenState]bool{InSafe: true}
	for _, state := range TokenStates {
		if transitions[state] == nil {
			t.Errorf("the table has no state %s", state)
		}
		for step := range transitions[state] {
			if !slices.Contains(TokenSteps, step) {
				t.Errorf("%s: step %q is none", state, step)
			}
		}
		for _, step := range TokenSteps {
			to, err := Next(state, step)
			if err == nil {
				allowed++
				for _, next := range to {
					if !slices.Contains(TokenStates, next) {
						t.Errorf("%s by %s comes to %q", state, step, next)
					}
					reached[next] = true
				}
				continue
			}
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, ErrConflict) || e.Params["reason"] != ReasonStepNotAllowed || e.Params["token_state"] != string(state) || e.Params["token_step"] != string(step) {
				t.Errorf("%s by %s: %v", state, step, err)
			}
		}
	}
	for _, state := range TokenStates {
		if !reached[state] {
			t.Errorf("nothing comes to %s", state)
		}
	}
	if len(transitions) != len(TokenStates) || allowed == 0 {
		t.Errorf("the table has %d states, of which %d are listed, and %d transitions", len(transitions), len(TokenStates), allowed)
	}
}

// What no step may undo: a report blocks at once from everywhere, nothing blocked
// comes to a person, and retirement is for good.
func TestWhatTheTableMustNotAllow(t *testing.T) {
	stopped := []TokenState{Blocked, RevocationAsked, Revoked, Retired}
	for _, state := range TokenStates {
		after, err := Next(state, TokenReport)
		if err != nil || len(after) != 1 || !slices.Contains(stopped, after[0]) {
			t.Errorf("a report of a token %s: %v, %v", state, after, err)
		}
		for _, step := range StepsFrom(state) {
			to, _ := Next(state, step)
			for _, next := range to {
				if slices.Contains(stopped, state) && !slices.Contains(stopped, next) && step != TokenClear {
					t.Errorf("%s by %s comes to %s", state, step, next)
				}
				if state == Retired && next != Retired {
					t.Errorf("retired by %s comes to %s", step, next)
				}
				if next == Held && state != HandedOver && state != ReturnOffered && state != RecoveryAsked && state != Blocked {
					t.Errorf("%s by %s comes to %s", state, step, next)
				}
			}
		}
		// Cleared is what is blocked, before revocation was asked; a second incident's
		// clearing changes nothing.
		if to, err := Next(state, TokenClear); err == nil && state != Blocked && !slices.Equal(to, []TokenState{state}) {
			t.Errorf("clearing a token %s: %v", state, to)
		} else if (err == nil) != slices.Contains(stopped, state) {
			t.Errorf("clearing a token %s: %v", state, err)
		}
	}
}

func TestPINRules(t *testing.T) {
	admin, deputy, head := Actor{Person: "a", Roles: Roles{Admin: true}}, Actor{Person: "d"}, Actor{Person: "o", Roles: Roles{OfficeHead: true}}
	facts := CustodyFacts{Custody: &Custody{Person: "d"}}
	for _, rule := range []func(Actor, CustodyFacts) error{CanLockPIN, CanRecover} {
		expectReason(t, "the custodian", rule(deputy, facts), "")
		expectReason(t, "an admin", rule(admin, facts), "")
		expectReason(t, "a colleague", rule(head, facts), ReasonNotGiver)
		expectReason(t, "one in the safe, by a colleague", rule(deputy, CustodyFacts{}), ReasonNotGiver)
		expectReason(t, "one in the safe, by an admin", rule(admin, CustodyFacts{}), "")
	}
	expectReason(t, "form 06", CanAskRecovery(admin, "06/MNHS", "2026-10-07", "2026-10-07"), "")
	expectReason(t, "without a number", CanAskRecovery(admin, "", "2026-10-07", "2026-10-07"), ReasonFormNeeded)
	expectReason(t, "without a day", CanAskRecovery(admin, "06/MNHS", "", "2026-10-07"), ReasonFormNeeded)
	expectReason(t, "of tomorrow", CanAskRecovery(admin, "06/MNHS", "2026-10-08", "2026-10-07"), ReasonInFuture)
	if err := CanAskRecovery(deputy, "06/MNHS", "2026-10-07", "2026-10-07"); !errors.Is(err, ErrForbidden) {
		t.Errorf("the custodian asks in the school's name: %v", err)
	}
}

func TestRetirementRules(t *testing.T) {
	admin, principal, deputy := Actor{Person: "a", Roles: Roles{Admin: true}}, Actor{Person: "p", Roles: Roles{Principal: true}}, Actor{Person: "d"}
	inHand := CustodyFacts{Custody: &Custody{Person: "d"}}
	lost := inHand
	lost.Reported = true
	expectReason(t, "from the safe", CanRetire(principal, CustodyFacts{}), "")
	expectReason(t, "in somebody's hand", CanRetire(admin, inHand), ReasonNotInSafe)
	expectReason(t, "lost", CanRetire(admin, lost), "")
	expectReason(t, "on offer", CanRetire(admin, CustodyFacts{Offer: &HandOver{}}), ReasonHandOverOpen)
	if err := CanRetire(deputy, CustodyFacts{}); !errors.Is(err, ErrForbidden) {
		t.Errorf("by a custodian: %v", err)
	}
	expectReason(t, "written off", CanWriteOff(admin, inHand), "")
	expectReason(t, "written off in the safe", CanWriteOff(admin, CustodyFacts{}), ReasonAlreadyInSafe)
	expectReason(t, "written off by the principal", CanWriteOff(principal, inHand), ReasonAdminOnly)
}
