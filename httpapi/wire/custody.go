package wire

import "time"

// SignIn opens a browser-like session (cookie) for a person with an account.
type SignIn struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Code     string `json:"code,omitempty"` // of the second factor, where the account has one
}

// Me is the signed-in person.
type Me struct {
	PersonID string   `json:"person_id"`
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Roles    []string `json:"roles"` // principal deputy office_head admin
	School   School   `json:"school"`
}

// School names the school and the key its log is checked with.
type School struct {
	Name      string `json:"name"`
	Code      string `json:"code"`    // MNHS, as in document symbols
	LogKey    string `json:"log_key"` // note verifier key: origin+hash+base64
	LogOrigin string `json:"log_origin"`
}

// Pair trades a one-time code for an API key. Device is a name a person
// recognises ("PC phòng hiệu trưởng").
type Pair struct {
	Code   string `json:"code"`
	Device string `json:"device"`
}

// Paired is the answer to Pair. APIKey is shown this once.
type Paired struct {
	APIKey     string `json:"api_key"`
	Me         Me     `json:"me"`
	Checkpoint string `json:"checkpoint"` // signed note: the first the witness keeps; "" when the log is empty
}

// PairingCode is good for one pairing until ExpiresAt.
type PairingCode struct {
	Code      string    `json:"code"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Pairing is a person's agent. LastUsedAt is exact to about ten minutes.
type Pairing struct {
	ID         string     `json:"id"`
	Device     string     `json:"device"`
	PairedAt   time.Time  `json:"paired_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	Entry      int64      `json:"entry"` // log index of the pairing
}

// Pairings is a list of agents whose keys go on, the newest first.
type Pairings struct {
	Pairings []Pairing `json:"pairings"`
}

// People is the list of all persons.
type People struct {
	People []Person `json:"people"`
	Next   string   `json:"next,omitempty"` // cursor of the page that follows
}

// NewPerson registers a person; Username "" means no account. The account has no password:
// its owner sets it, by the link in the answer.
type NewPerson struct {
	Name     string `json:"name"`
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Username string `json:"username,omitempty"`
	Admin    bool   `json:"admin,omitempty"`
}

// NewPosition gives a person a position from a day on. Kind is principal,
// deputy, office_head or staff; Title is as the signature block has it.
type NewPosition struct {
	Kind  string `json:"kind"`
	Title string `json:"title"`
	From  string `json:"from"`            // 2026-09-01
	Until string `json:"until,omitempty"` // last day, inclusive
	Paper string `json:"paper,omitempty"` // number of the decision
	// Field is what a deputy is in charge of (lĩnh vực phụ trách); Acting is acting
	// (quyền) or in_charge (phụ trách).
	Field  string `json:"field,omitempty"`
	Acting string `json:"acting,omitempty"`
}

// NewScope lets a custodian sign kinds of documents in an act and capacity.
type NewScope struct {
	Acts       []string `json:"acts"`
	Kinds      []string `json:"kinds"`      // abbreviations; ["*"] = any
	Capacities []string `json:"capacities"` // "" = none
	From       string   `json:"from"`
	Until      string   `json:"until,omitempty"`
	Paper      string   `json:"paper"` // decision of assignment, or the delegation's number and date
}

// Position is a position as it stands. EndedEntry is the log index of the entry
// that moved its last day forward, absent when none did.
type Position struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Title      string `json:"title"`
	From       string `json:"from"`
	Until      string `json:"until,omitempty"`
	Paper      string `json:"paper,omitempty"`
	Field      string `json:"field,omitempty"`
	Acting     string `json:"acting,omitempty"`
	EndedEntry *int64 `json:"ended_entry,omitempty"`
}

// Scope is a scope as it stands; EndedEntry as in Position.
type Scope struct {
	ID         string   `json:"id"`
	Acts       []string `json:"acts"`
	Kinds      []string `json:"kinds"`
	Capacities []string `json:"capacities"`
	From       string   `json:"from"`
	Until      string   `json:"until,omitempty"`
	Paper      string   `json:"paper"`
	EndedEntry *int64   `json:"ended_entry,omitempty"`
}

// NewEnding ends a position, a scope or an account (Kind) after its last day Until.
// When the person still holds tokens and would be left without an account or a
// position, it is refused: with the reason holds_tokens until HoldingKnown, while the
// last day is yet to pass; with not_written_off, param tokens, until WriteOffs names
// each of them, when it has passed.
type NewEnding struct {
	Kind         string `json:"kind"`
	PositionID   string `json:"position_id,omitempty"`
	ScopeID      string `json:"scope_id,omitempty"`
	Until        string `json:"until"`
	Reason       string `json:"reason"`
	HoldingKnown bool   `json:"holding_known,omitempty"`
	// WriteOffs are the tokens that the person does not bring back; they are blocked.
	WriteOffs []TokenWriteOff `json:"write_offs,omitempty"`
}

// TokenWriteOff writes a token off that its custodian does not bring back.
type TokenWriteOff struct {
	TokenID string `json:"token_id"`
	Reason  string `json:"reason"`
}

// WriteOff is TokenWriteOff where the path names the token.
type WriteOff struct {
	Reason string `json:"reason"`
}

// PINStep records that a token's PIN is locked, that its recovery was asked (by form
// 06: number and date), or that it is recovered. Step is locked, recovery_asked or
// recovered. The PIN itself is never sent.
type PINStep struct {
	Step       string `json:"step"`
	FormNumber string `json:"form_number,omitempty"`
	FormDate   string `json:"form_date,omitempty"`
	Note       string `json:"note,omitempty"`
}

// Retirement takes a token out of use for good. Kind is expired, to_ca, lost, broken,
// replaced or other; Paper the number of form 08 or 09, or of the decision.
type Retirement struct {
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
	Paper  string `json:"paper,omitempty"`
}

// Person is a person as lists show them.
type Person struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Email        string     `json:"email,omitempty"`
	Username     string     `json:"username,omitempty"`
	AccountUntil string     `json:"account_until,omitempty"` // last day of the account
	Admin        bool       `json:"admin"`
	Roles        []string   `json:"roles" doc:"those that were given: admin, reviewer, department"`
	Positions    []Position `json:"positions"`
	Scopes       []Scope    `json:"scopes"`
}

// CreatedPerson is a person just registered, with the link to their account if they have one.
type CreatedPerson struct {
	Person
	AccountLink *AccountLink `json:"account_link,omitempty"`
}

// RoleChange names a role that is given or ended.
type RoleChange struct {
	Role string `json:"role" enum:"admin,reviewer,department"`
}

// NewToken registers a token with its certificate.
type NewToken struct {
	Serial      string `json:"serial"`
	Label       string `json:"label"`
	Model       string `json:"model,omitempty"`
	Provider    string `json:"provider,omitempty"`
	Place       string `json:"place,omitempty"` // where it is kept
	Kind        string `json:"kind"`            // personal or seal
	Certificate []byte `json:"certificate"`     // DER
	Chain       []byte `json:"chain,omitempty"` // the issuers' certificates, DER after DER, the issuer first
	Owner       string `json:"owner,omitempty"` // person whose name a personal certificate bears
}

// Token is a token and where it is.
type Token struct {
	ID                string    `json:"id"`
	Serial            string    `json:"serial"`
	Label             string    `json:"label"`
	Model             string    `json:"model,omitempty"`
	Provider          string    `json:"provider,omitempty"`
	Place             string    `json:"place,omitempty"`
	Kind              string    `json:"kind"`
	State             string    `json:"state"` // in_safe handed_over held return_offered pin_locked recovery_asked blocked revocation_asked revoked retired
	CustodianID       string    `json:"custodian_id,omitempty"`
	Custodian         string    `json:"custodian,omitempty"`
	CertificateSHA256 string    `json:"certificate_sha256"`
	CertificateSerial string    `json:"certificate_serial"` // hex
	Subject           string    `json:"subject"`
	NotBefore         time.Time `json:"not_before"`
	NotAfter          time.Time `json:"not_after"`
	Since             time.Time `json:"since"` // of the present state
	// When its possession was last proven, and the entry that says so.
	ProvenAt   *time.Time `json:"proven_at,omitempty"`
	ProofEntry *int64     `json:"proof_entry,omitempty"`
	// CheckDue is the day by which an open custody check waits for the caller's
	// proof; absent when none does. Only myTokens tells it.
	CheckDue string `json:"check_due,omitempty"`
	// Last day of a temporary hand-over that it is held by.
	TemporaryTo string `json:"temporary_to,omitempty"`
}

// Tokens is a list of tokens.
type Tokens struct {
	Tokens []Token `json:"tokens"`
	Next   string  `json:"next,omitempty"` // cursor of the page that follows
}

// NewHandOver offers a token. To "" returns it to the school's safe.
type NewHandOver struct {
	Code             string `json:"code,omitempty"` // of the second factor, where the account has one
	TokenID          string `json:"token_id"`
	To               string `json:"to,omitempty"`
	Reason           string `json:"reason,omitempty"`
	PermissionNumber string `json:"permission_number,omitempty"` // seal tokens: written permission (Decree 30/2020 Art. 32)
	PermissionDate   string `json:"permission_date,omitempty"`
	PermissionSigner string `json:"permission_signer,omitempty"`
	Condition        string `json:"condition,omitempty"` // of the device
	Accessories      string `json:"accessories,omitempty"`
	ReasonKind       string `json:"reason_kind,omitempty"` // new change temporary return take_back; "" = what fits
	Since            string `json:"since,omitempty"`       // first day of a temporary one
	Until            string `json:"until,omitempty"`       // its last day
	WitnessID        string `json:"witness_id,omitempty"`
}

// Acceptance is what the receiver says besides. PINChanged: whether they changed the
// PIN, absent where it is not said; never the PIN.
type Acceptance struct {
	PINChanged *bool `json:"pin_changed,omitempty"`
	// Code of the second factor, where the account has one.
	Code string `json:"code,omitempty"`
}

// HandOver is an offer and what became of it.
type HandOver struct {
	ID         string     `json:"id"`
	TokenID    string     `json:"token_id"`
	TokenLabel string     `json:"token_label"`
	Kind       string     `json:"kind"`      // hand_over or return
	FromName   string     `json:"from_name"` // "" = safe
	ToName     string     `json:"to_name"`   // "" = safe
	State      string     `json:"state"`     // offered accepted declined withdrawn
	OfferedAt  time.Time  `json:"offered_at"`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
	Entry      int64      `json:"entry"` // log index of the latest step
	MayAccept  bool       `json:"may_accept"`

	TokenSerial      string        `json:"token_serial"`
	FromID           string        `json:"from_id,omitempty"`
	ToID             string        `json:"to_id,omitempty"`
	OfferedByID      string        `json:"offered_by_id,omitempty"` // absent: the service's command line
	OfferedByName    string        `json:"offered_by_name,omitempty"`
	DecidedByName    string        `json:"decided_by_name,omitempty"`
	ReasonKind       string        `json:"reason_kind,omitempty"`
	Reason           string        `json:"reason,omitempty"`
	Since            string        `json:"since,omitempty"`
	Until            string        `json:"until,omitempty"`
	WitnessName      string        `json:"witness_name,omitempty"`
	Condition        string        `json:"condition,omitempty"`
	Accessories      string        `json:"accessories,omitempty"`
	PermissionNumber string        `json:"permission_number,omitempty"`
	PermissionDate   string        `json:"permission_date,omitempty"`
	PermissionSigner string        `json:"permission_signer,omitempty"`
	PINChanged       *bool         `json:"pin_changed,omitempty"`
	OfferEntry       int64         `json:"offer_entry"`
	OfferLeaf        string        `json:"offer_leaf"` // leaf hash of that entry, base64
	Giving           *Confirmation `json:"giving,omitempty"`
	Receiving        *Confirmation `json:"receiving,omitempty"`
}

// Confirmation is a side's signature over the facts of a hand-over. A side without
// one has confirmed by its account.
type Confirmation struct {
	CertificateSHA256 string    `json:"certificate_sha256"`
	ConfirmedAt       time.Time `json:"confirmed_at"`
	Entry             int64     `json:"entry"`
}

// HandOvers is a list of hand-overs that are not decided.
type HandOvers struct {
	HandOvers []HandOver `json:"hand_overs"`
	Next      string     `json:"next,omitempty"` // cursor of the page that follows
}
