package custody

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CheckID names a custody check.
type CheckID string

// CheckKind says why tokens are checked.
type CheckKind string

// The kinds of custody checks (kiểm kê).
const (
	MonthlyCheck CheckKind = "monthly" // định kỳ hằng tháng
	PlenaryCheck CheckKind = "plenary" // trước kỳ họp sơ kết, tổng kết (six-monthly)
	SpecialCheck CheckKind = "special" // đột xuất
)

// CheckKinds lists them.
var CheckKinds = []CheckKind{MonthlyCheck, PlenaryCheck, SpecialCheck}

// Valid reports whether it is one of them.
func (k CheckKind) Valid() bool { return slices.Contains(CheckKinds, k) }

// Period names what a check of the kind opened on that day is for: the month of a
// monthly one, which has one only; the day of any other.
func (k CheckKind) Period(day Date) string {
	if k == MonthlyCheck {
		return string(day)[:len("2006-01")]
	}
	return string(day)
}

// CheckDays are the days that custodians have when nobody sets another due date.
const CheckDays = 5

// maxCheckItems bounds a check: the list goes into one entry of the log.
const maxCheckItems = 400

// CheckOutcome is what a check found of a token.
type CheckOutcome string

// The outcomes.
const (
	CheckOpen    CheckOutcome = ""        // nothing yet; at the closing it becomes missing
	CheckProved  CheckOutcome = "proved"  // by its signature over a challenge: docs/possession.md
	CheckSeen    CheckOutcome = "seen"    // by two persons
	CheckMissing CheckOutcome = "missing" // neither proven nor seen, and nobody excused it
	CheckExcused CheckOutcome = "excused"
)

// CheckOutcomes lists what a closed check tells of.
var CheckOutcomes = []CheckOutcome{CheckProved, CheckSeen, CheckExcused, CheckMissing}

// CheckItem is a token as it stood when the check was opened.
type CheckItem struct {
	Token     TokenID
	Custodian PersonID // "" = in the safe
}

// inSafe stands for no custodian in an entry.
const inSafe = "safe"

// FormatCheckItems writes the list as the entry of the opening has it.
func FormatCheckItems(items []CheckItem) string {
	parts := make([]string, len(items))
	for i, item := range items {
		custodian := string(item.Custodian)
		if custodian == "" {
			custodian = inSafe
		}
		parts[i] = string(item.Token) + ":" + custodian
	}
	return strings.Join(parts, " ")
}

// ParseCheckItems reads what FormatCheckItems wrote.
func ParseCheckItems(s string) ([]CheckItem, error) {
	var items []CheckItem
	for _, part := range strings.Fields(s) {
		token, custodian, ok := strings.Cut(part, ":")
		if !ok || token == "" || custodian == "" {
			return nil, fmt.Errorf("item %.80q of a custody check", part)
		}
		item := CheckItem{Token: TokenID(token)}
		if custodian != inSafe {
			item.Custodian = PersonID(custodian)
		}
		items = append(items, item)
	}
	return items, nil
}

// CheckResult is what was found of a token, and by which entry.
type CheckResult struct {
	Token   TokenID
	Outcome CheckOutcome
	Entry   int64 // of the proof, the sighting or the excuse; 0 = none
}

// FormatCheckResults writes the results as the entry of the closing has them.
func FormatCheckResults(results []CheckResult) string {
	parts := make([]string, len(results))
	for i, r := range results {
		parts[i] = string(r.Token) + ":" + string(r.Outcome)
		if r.Entry > 0 {
			parts[i] += ":" + strconv.FormatInt(r.Entry, 10)
		}
	}
	return strings.Join(parts, " ")
}

// ParseCheckResults reads what FormatCheckResults wrote.
func ParseCheckResults(s string) ([]CheckResult, error) {
	var results []CheckResult
	for _, part := range strings.Fields(s) {
		fields := strings.Split(part, ":")
		if len(fields) < 2 || len(fields) > 3 || !slices.Contains(CheckOutcomes, CheckOutcome(fields[1])) {
			return nil, fmt.Errorf("result %.80q of a custody check", part)
		}
		r := CheckResult{Token: TokenID(fields[0]), Outcome: CheckOutcome(fields[1])}
		if len(fields) == 3 {
			var err error
			if r.Entry, err = strconv.ParseInt(fields[2], 10, 64); err != nil {
				return nil, fmt.Errorf("result %.80q of a custody check", part)
			}
		}
		results = append(results, r)
	}
	return results, nil
}

// CheckStepKind is what somebody does about a token in a check.
type CheckStepKind string

// The steps. A proof of possession is none: it counts by itself.
const (
	StepSeen         CheckStepKind = "seen"          // principal or admin has seen it and names a second person
	StepWitnessed    CheckStepKind = "witnessed"     // the second person has seen it too
	StepNotWitnessed CheckStepKind = "not_witnessed" // the second person has not
	StepNotAtHand    CheckStepKind = "not_at_hand"   // its custodian says why it can't be proven
	StepExcused      CheckStepKind = "excused"       // principal or admin takes the reason
)

// Valid reports whether it is one of them.
func (k CheckStepKind) Valid() bool {
	return slices.Contains([]CheckStepKind{StepSeen, StepWitnessed, StepNotWitnessed, StepNotAtHand, StepExcused}, k)
}

// Check is a custody check.
type Check struct {
	ID       CheckID
	Kind     CheckKind
	Period   string
	Due      Date
	OpenedBy PersonID // "" = the system, by the school's settings
	OpenedAt time.Time
	Entry    int64
	ClosedBy PersonID
	ClosedAt *time.Time // nil = open
	Closing  int64      // its entry
}

// CheckFacts are what the rules ask of one token of a check.
type CheckFacts struct {
	Closed      bool
	Item        CheckItem
	Holder      PersonID // who has the token now; "" = the safe
	Unprovable  bool     // its certificate is no longer good: no proof can be made with it
	Outcome     CheckOutcome
	SeenBy      PersonID // who saw it last and waits for the witness
	Witness     PersonID // whom they named
	WitnessGood bool     // the named witness is of the school, with an account that goes on
}

// CanOpenCheck decides who may open a check, and when: one at a time.
func CanOpenCheck(a Actor, kind CheckKind, due, today Date, tokens int, open bool) error {
	switch {
	case !a.Roles.May(RunRegister):
		return Forbidden("")
	case !kind.Valid():
		return Invalid("kind", "kind of check %.40q", string(kind))
	case due < today:
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": "due", "reason": ReasonPastDay}}
	case open:
		return Conflict(ReasonCheckOpen)
	case tokens == 0:
		return Conflict(ReasonCheckEmpty)
	case tokens > maxCheckItems:
		return Conflict(ReasonCheckLarge, "limit", strconv.Itoa(maxCheckItems))
	}
	return nil
}

// CanStepCheck decides who may do what about a token of a check. What lies in the
// safe is seen by two persons, of whom one runs the register; so is a token whose
// certificate is no longer good, since it can't be proven. Any other is proven by
// its custodian, or excused: by somebody else, with a reason.
func CanStepCheck(a Actor, f CheckFacts, kind CheckStepKind, witness PersonID, reason string) error {
	missing := func(field string) error {
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": field}}
	}
	switch {
	case kind == StepNotAtHand && (a.Person == "" || a.Person != f.Holder),
		(kind == StepWitnessed || kind == StepNotWitnessed) && (a.Person == "" || a.Person != f.Witness),
		(kind == StepSeen || kind == StepExcused) && !a.Roles.May(RunRegister):
		return Forbidden("")
	case f.Closed:
		return Conflict(ReasonCheckClosed)
	case f.Outcome == CheckProved, f.Outcome == CheckSeen:
		return Conflict(ReasonCheckDone)
	}
	switch kind {
	case StepSeen:
		switch {
		case f.Holder != "" && !f.Unprovable:
			return Conflict(ReasonCheckProve)
		case witness == "":
			return missing("witness")
		case !f.WitnessGood, a.Person == "", witness == a.Person, f.Holder != "" && (a.Person == f.Holder || witness == f.Holder):
			return Conflict(ReasonCheckWitness)
		}
	case StepExcused:
		switch {
		case a.Person != "" && a.Person == f.Holder:
			return Conflict(ReasonCheckOwn)
		case reason == "":
			return missing("reason")
		}
	case StepNotAtHand, StepNotWitnessed:
		if reason == "" {
			return missing("reason")
		}
	}
	return nil
}

// CanCloseCheck decides who may fix a check's result. It may be closed before its
// due date and with tokens that nothing is known of: they are missing then.
func CanCloseCheck(a Actor, closed bool) error {
	switch {
	case !a.Roles.May(RunRegister):
		return Forbidden("")
	case closed:
		return Conflict(ReasonCheckClosed)
	}
	return nil
}

// MonthlyCheckDue reports whether the day of the month has come on which a check
// opens by itself; day 0 means never.
func MonthlyCheckDue(today Date, day int) bool {
	return day > 0 && len(today) == len(time.DateOnly) && string(today[len("2006-01-"):]) >= fmt.Sprintf("%02d", day)
}
