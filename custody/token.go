package custody

import "time"

// TokenKind says whose signature a token makes.
type TokenKind string

// The kinds of tokens.
const (
	Personal TokenKind = "personal" // cá nhân
	Seal     TokenKind = "seal"     // của nhà trường (cơ quan)
)

// Valid reports whether it is one of the two.
func (k TokenKind) Valid() bool { return k == Personal || k == Seal }

// TokenState is where a token is; it follows from custody, offers and incidents.
type TokenState string

// The states.
const (
	InSafe        TokenState = "in_safe"
	HandedOver    TokenState = "handed_over" // given, not yet accepted
	Held          TokenState = "held"
	ReturnOffered TokenState = "return_offered"
	Blocked       TokenState = "blocked" // reported lost, misplaced or suspected
	Retired       TokenState = "retired"
)

// StateOf derives the state: a report outweighs everything but retirement.
func StateOf(retired, reported bool, custody *Custody, offer *HandOver) TokenState {
	switch {
	case retired:
		return Retired
	case reported:
		return Blocked
	case offer != nil && offer.Kind == Return:
		return ReturnOffered
	case offer != nil:
		return HandedOver
	case custody != nil:
		return Held
	}
	return InSafe
}

// Token is a PKCS#11 device.
type Token struct {
	ID     TokenID
	Serial string // device number (số hiệu thiết bị), as PKCS#11 gives it
	Label  string
	Model  string
	// Provider is who issued it and helps with it.
	Provider string
	Kind     TokenKind
	Owner    PersonID // whose name a personal token's certificate bears; "" for a seal
	State    TokenState
}

// Certificate is a certificate registered with a token.
type Certificate struct {
	SHA256    string // of DER, hex
	DER       []byte
	Serial    string // hex, lower case
	Subject   string
	NotBefore time.Time
	NotAfter  time.Time
	RevokedAt *time.Time

	Chain    []byte   // the issuers' certificates, DER after DER, as far as they were sent
	Replaces string   // SHA-256 of the certificate it followed on the token; "" = the first
	Proposed PersonID // whose agent read it from the token; "" = it came as a file
	Entry    int64    // of the log
}

// Custody is one person's holding of a token.
type Custody struct {
	ID     CustodyID
	Token  TokenID
	Person PersonID
	Since  time.Time
	Until  *time.Time
	Entry  int64 // log index of the acceptance that began it
}

// HandOverKind says where a hand-over goes.
type HandOverKind string

// The kinds of hand-overs.
const (
	ToPerson HandOverKind = "hand_over"
	Return   HandOverKind = "return" // to the school's safe
)

// HandOverState is what became of an offer.
type HandOverState string

// The states of a hand-over.
const (
	Offered   HandOverState = "offered"
	Accepted  HandOverState = "accepted"
	Declined  HandOverState = "declined"
	Withdrawn HandOverState = "withdrawn"
)

// HandOver is an offer and what became of it.
type HandOver struct {
	ID               HandOverID
	Token            TokenID
	Kind             HandOverKind
	From             PersonID // "" = the safe
	To               PersonID // "" = the safe
	OfferedBy        PersonID // the custodian, or the principal or admin who gave it out of the safe or took it back; "" = the system
	State            HandOverState
	PermissionNumber string
	PermissionDate   Date
	OfferedAt        time.Time
	DecidedAt        *time.Time
	Entry            int64 // log index of the latest step
}
