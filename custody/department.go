package custody

import "time"

// SessionOrigin says how a sign-in came about.
type SessionOrigin string

// The origins.
const (
	OriginPassword   SessionOrigin = "password"
	OriginFactor     SessionOrigin = "factor" // password and a code of the second factor
	OriginPasskey    SessionOrigin = "passkey"
	OriginToken      SessionOrigin = "token"
	OriginDepartment SessionOrigin = "department" // opened from a session at the department
)

// TwoFactors reports whether more than a password was asked for.
func (o SessionOrigin) TwoFactors() bool {
	return o == OriginFactor || o == OriginPasskey || o == OriginToken
}

// DepartmentChangeKind says what became of the department at a school.
type DepartmentChangeKind string

// The kinds, as the log has them.
const (
	DepartmentLinked  DepartmentChangeKind = "linked"  // a person of the department got a name at the school
	DepartmentEntered DepartmentChangeKind = "entered" // they opened the school's register
)

// How long somebody of the department has to get from there to a school, and may stay at
// most. They come back by one click, as long as they are signed in at the department.
const (
	DepartmentTicketLifetime = time.Minute
	DepartmentVisitLifetime  = 2 * time.Hour
)

// DecideVisit lets somebody of the department open a school whose settings these are
// (nil), or refuses it: what the school asks of its own people, it asks of them.
func DecideVisit(settings Settings, origin SessionOrigin) error {
	if settings.Value(SettingSecondFactor) == "required" && !origin.TwoFactors() {
		return Forbidden(ReasonVisitFactor)
	}
	return nil
}
