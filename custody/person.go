package custody

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Identifiers are UUIDs in lower-case text (RFC 9562; version 7, so that they
// sort by the time they were made).
type (
	SchoolID    string
	PersonID    string
	PositionID  string
	ScopeID     string
	TokenID     string
	CustodyID   string
	HandOverID  string
	IncidentID  string
	StepID      string
	AlarmID     string
	ReviewID    string
	APIKeyID    string
	ChallengeID string
	GrantID     string
	SignatureID string
)

// SchoolZone is Vietnam's time, the same all year: days begin and end by it.
var SchoolZone = time.FixedZone("+07", 7*60*60)

// Date is a calendar day in SchoolZone as 2006-01-02; "" is no day.
type Date string

// DateOf returns the day a moment falls on.
func DateOf(t time.Time) Date { return Date(t.In(SchoolZone).Format(time.DateOnly)) }

// ParseDate reads 2006-01-02; "" stays "".
func ParseDate(s string) (Date, error) {
	if s == "" {
		return "", nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Format(time.DateOnly) != s {
		return "", fmt.Errorf("date %.20q is not of the form 2006-01-02", s)
	}
	return Date(s), nil
}

// Value and Scan store a date as text, "" as NULL.
func (d Date) Value() (driver.Value, error) {
	if d == "" {
		return nil, nil
	}
	return string(d), nil
}

// Scan reads what Value stored.
func (d *Date) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*d = ""
	case string:
		*d = Date(v)
	case []byte:
		*d = Date(v)
	default:
		return errors.New("date column holds no text")
	}
	return nil
}

// inForce: from and until are both inclusive; no until has no end.
func inForce(from, until, day Date) bool {
	return from <= day && (until == "" || day <= until)
}

// School is the school whose log this is.
type School struct {
	ID       SchoolID
	Name     string
	Code     string // MNHS, as in document symbols
	Superior string // body above, for the heading of papers
	Place    string
	Origin   string // of the log
	LogKey   string // verifier key of the log
}

// Person is somebody who works at the school. Name, Email and Phone are "" once erased.
type Person struct {
	ID     PersonID
	School SchoolID
	Name   string
	Email  string
	Phone  string
	Admin  bool
}

// PositionKind says what a position lets a person do.
type PositionKind string

// The kinds of positions.
const (
	Principal  PositionKind = "principal"
	Deputy     PositionKind = "deputy"
	OfficeHead PositionKind = "office_head"
	Staff      PositionKind = "staff"
)

// Valid reports whether it is one of the four.
func (k PositionKind) Valid() bool {
	return k == Principal || k == Deputy || k == OfficeHead || k == Staff
}

// Position is what a person is, from a day to a day.
type Position struct {
	ID    PositionID
	Kind  PositionKind
	Title string // as the signature block has it: Hiệu trưởng
	From  Date
	Until Date // last day, inclusive; "" = open
	Paper string
	Field string // of a deputy: lĩnh vực phụ trách
	// Acting: held without the appointment. The principal's post held so lends Q.;
	// a deputy in charge signs KT. in all fields (Decree 30/2020/NĐ-CP, Article 13.1).
	Acting Acting
	Entry  int64 // of the log
	Ended  int64 // log index of the entry that moved the last day forward; 0 = none
}

// Acting says whether a position is held in an acting capacity.
type Acting string

// The ways to hold a position.
const (
	Appointed  Acting = ""
	ActingHead Acting = "acting"    // quyền (Q.)
	InCharge   Acting = "in_charge" // phụ trách
)

// Valid reports whether it is one of the three.
func (a Acting) Valid() bool { return a == Appointed || a == ActingHead || a == InCharge }

// InForce reports whether the position holds on that day.
func (p Position) InForce(day Date) bool { return inForce(p.From, p.Until, day) }

// weights orders the kinds of positions.
var weights = []PositionKind{Principal, Deputy, OfficeHead, Staff}

// PositionsOn returns the positions in force on that day, the weightiest first.
func PositionsOn(positions []Position, day Date) []Position {
	var out []Position
	for _, p := range positions {
		if p.InForce(day) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Position) int { return slices.Index(weights, a.Kind) - slices.Index(weights, b.Kind) })
	return out
}

// ByWeight sorts people by their weightiest position, who has none last.
func ByWeight[T any](people []T, positions func(T) []Position) {
	weight := func(p T) int {
		if held := positions(p); len(held) > 0 {
			return slices.Index(weights, held[0].Kind)
		}
		return len(weights)
	}
	slices.SortStableFunc(people, func(a, b T) int { return weight(a) - weight(b) })
}

// PositionOn returns the position of most weight in force on that day.
func PositionOn(positions []Position, day Date) (Position, bool) {
	if held := PositionsOn(positions, day); len(held) > 0 {
		return held[0], true
	}
	return Position{}, false
}

// RolesOn derives the roles from those that were given and the positions in force on that day.
func RolesOn(positions []Position, given []Role, day Date) Roles {
	r := Roles{Admin: slices.Contains(given, RoleAdmin), Reviewer: slices.Contains(given, RoleReviewer), Department: slices.Contains(given, RoleDepartment)}
	for _, p := range positions {
		if !p.InForce(day) {
			continue
		}
		r.Principal = r.Principal || p.Kind == Principal
		r.Deputy = r.Deputy || p.Kind == Deputy
		r.OfficeHead = r.OfficeHead || p.Kind == OfficeHead
	}
	return r
}

// Via says through which door an actor came.
type Via string

// The doors.
const (
	ViaPage Via = "page"
	ViaAPI  Via = "api"
	// With a second factor that was typed in for this very act.
	ViaPageFactor Via = "page_factor"
	ViaAPIFactor  Via = "api_factor"
	ViaAgent      Via = "agent"
	ViaCLI        Via = "cli"
	ViaProgram    Via = "program" // by a key of its own: reads, and never acts for a person
)

// Actor is who does something, with the roles of today. It is an argument of
// every operation, never a value in a context.
type Actor struct {
	School SchoolID
	Person PersonID // "" = the system: the service's own command line
	Roles  Roles
	Via    Via
	Key    APIKeyID      // of the agent that asks in the person's name, or of a program; "" = in person
	Scopes ProgramScopes // of a program's key
}

// SystemActor is the service's own command line: whoever can run it has the
// database anyway.
func SystemActor(school SchoolID) Actor {
	return Actor{School: school, Roles: Roles{Admin: true}, Via: ViaCLI}
}
