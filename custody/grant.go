package custody

import (
	"slices"
	"time"
)

// GrantLifetime is how long a grant may be used. A signature that was finished
// but reported later is still taken, and marked late.
const GrantLifetime = 10 * time.Minute

// AnyKind in Scope.Kinds stands for every kind of document.
const AnyKind = "*"

// Scope lets a person sign kinds of documents in acts and capacities.
type Scope struct {
	ID         ScopeID
	Person     PersonID
	Acts       []Act
	Kinds      []string // abbreviations, or AnyKind
	Capacities []Capacity
	From       Date
	Until      Date
	Paper      string // decision of assignment, or the delegation's number and date
	Entry      int64  // of the log
	Ended      int64  // log index of the entry that moved the last day forward; 0 = none

	Delegation DelegationID // that it comes from; "" = it was registered by itself
}

// InForce reports whether the scope holds on that day.
func (s Scope) InForce(day Date) bool { return inForce(s.From, s.Until, day) }

// Covers reports whether the scope covers act, kind and capacity on that day.
func (s Scope) Covers(act Act, kind string, capacity Capacity, day Date) bool {
	return s.InForce(day) && slices.Contains(s.Acts, act) && slices.Contains(s.Capacities, capacity) && s.coversKind(kind)
}

func (s Scope) coversKind(kind string) bool {
	return slices.Contains(s.Kinds, AnyKind) || slices.Contains(s.Kinds, kind)
}

// PriorSignature is a signature that the input already carries, verified by the
// service: the CMS is one by that certificate over that digest. That the digest
// is one of the input is the agent's word.
type PriorSignature struct {
	CertificateSHA256 string // hex
	Digest            string // of its ByteRange, hex
}

// Approval is what an issue rests on: an entry of the log whose output is exactly
// the input, or a signature in the file that the log does not have.
type Approval struct {
	Entry       int64  // of the signature, when the log has it; an entry 0 is the school, so 0 = none
	Certificate string // SHA-256 of the DER, hex; otherwise
	Digest      string // of the signature's ByteRange, hex
}

// GrantRequest asks leave for one signature.
type GrantRequest struct {
	Request       string // the client's own identifier: the same one gets the same grant
	TokenSerial   string
	Certificate   []byte // DER
	SHA256In      string // of the input, hex
	Document      Document
	Act           Act
	Capacity      Capacity
	VerifiedPrior []PriorSignature
}

// GrantFacts are what DecideGrant decides on.
type GrantFacts struct {
	Person       PersonID
	Token        *Token        // nil = no such token
	Retired      bool          // taken out of use
	Certificates []Certificate // registered with the token
	Requested    string        // SHA-256 of the requested certificate, hex
	Custody      *Custody      // the present one; nil = in the safe
	Last         *Custody      // the latest one that ended
	Offer        *HandOver     // the open one
	Incident     *Incident     // the oldest open one
	WrittenOff   bool          // its custodian left with it
	PIN          PINStep       // the latest step of its PIN's story; "" = none
	Positions    []Position
	Scopes       []Scope
	// Approval: somebody competent for this document has approved it before, see
	// Competent; nil = nobody.
	Approval *Approval
	// Approved is the document that the input was approved as, where that is not
	// the one stated now; nil = it is, or was not approved.
	Approved *Document
}

// GrantState is what became of a grant.
type GrantState string

// The states of a grant.
const (
	GrantOpen      GrantState = "open" // or unconfirmed, once it expired
	GrantSigned    GrantState = "signed"
	GrantAbandoned GrantState = "abandoned"
)

// Grant is the service's leave for one signature.
type Grant struct {
	ID                GrantID
	Request           string
	Person            PersonID
	Token             TokenID
	CertificateSHA256 string
	SHA256In          string
	Act               Act
	Capacity          Capacity
	Document          Document
	CustodyEntry      int64
	Entry             int64
	GrantedAt         time.Time
	ExpiresAt         time.Time
	State             GrantState
}

// Signature is a finished signature in the register.
type Signature struct {
	ID              SignatureID
	Grant           GrantID
	SHA256Out       string
	ByteRangeDigest string
	Level           string
	Field           string
	SignedAt        time.Time // the agent's clock
	RecordedAt      time.Time
	Late            bool
	Entry           int64
}
