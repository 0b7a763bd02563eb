package store

import (
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
)

// NewSchool is what CreateSchool registers.
type NewSchool struct {
	Name     string
	Code     string // MNHS
	Superior string
	Place    string
	Further  bool // the register may have other schools
}

// NewPerson is what CreatePerson registers. Username "" means no account.
type NewPerson struct {
	Name         string
	Email        string
	Phone        string
	Username     string // unique in the school; kept as Username makes it
	PasswordHash string // made by the caller; never a password
	Admin        bool

	invited bool // the account gets no password: its owner sets it
}

// PersonRow is a person with what lists show. To who does not manage the
// register, other persons come with name and positions only.
type PersonRow struct {
	custody.Person
	Username     string
	AccountUntil custody.Date // last day of the account; "" = open
	Positions    []custody.Position
	Founder      bool           // registered as an admin
	OfDepartment bool           // somebody of the department's, who only reads
	Roles        []custody.Role // those that were given, to who may see them
	Scopes       []custody.Scope
}

// Account is what signing in needs.
type Account struct {
	PersonID     custody.PersonID
	Username     string
	PasswordHash string
	ChangedAt    time.Time // when the password was set
}

// Pairing is an agent's key that was not ended.
type Pairing struct {
	ID       custody.APIKeyID
	Person   custody.PersonID
	Device   string // as named when it was paired
	PairedAt time.Time
	LastUsed *time.Time // to about ten minutes; nil = never
	Entry    int64
}

// NewEnding is what End ends, after which last day.
type NewEnding struct {
	custody.Ending
	Reason       string
	HoldingKnown bool // tokens that the person still holds were shown: enough while the last day is yet to pass
	// WriteOffs are the tokens that the person does not bring back, with the reason:
	// they are blocked together with the ending.
	WriteOffs map[custody.TokenID]string
}

// Me is the signed-in person with the position of today.
type Me struct {
	Person custody.Person
	Title  string
	School custody.School
}

// NewToken is what RegisterToken registers.
type NewToken struct {
	Serial      string
	Label       string
	Model       string
	Provider    string // who issued it and helps with it
	Place       string // where it is kept
	Kind        custody.TokenKind
	Certificate []byte           // DER
	Chain       []byte           // the issuers' certificates, DER after DER, the issuer first; nil = none
	Owner       custody.PersonID // personal tokens: whose name the certificate bears
}

// TokenRow is a token and where it is.
type TokenRow struct {
	custody.Token
	Custodian     custody.PersonID
	CustodianName string
	OwnerName     string
	Place         string                // where it is kept
	Certificate   custody.Certificate   // the current one, see custody.CurrentCertificate
	Certificates  []custody.Certificate // all, in the order of their registration
	Since         time.Time             // of the present state
	ProvenAt      *time.Time            // its possession was proven last; nil = never
	ProofEntry    *int64                // of that in the log
	PIN           custody.PINStep
	WrittenOff    bool
	TemporaryTo   custody.Date // last day of the custodian's holding; "" = for good
}

// NewHandOver is what OfferHandOver offers.
type NewHandOver struct {
	Token            custody.TokenID
	To               custody.PersonID       // "" = return to the safe
	ReasonKind       custody.HandOverReason // "" = as custody.DefaultReason
	Reason           string
	Condition        string // of the device
	Accessories      string // that go with it
	PermissionNumber string // seal tokens, with date and signer
	PermissionDate   custody.Date
	PermissionSigner string
	Since, Until     custody.Date // of a temporary hand-over
	Witness          custody.PersonID
}

// Acceptance is what the receiver says besides.
type Acceptance struct {
	PINChanged *bool // nil = not said; never the PIN
}

// HandOverRow is an offer and what became of it.
type HandOverRow struct {
	custody.HandOver
	TokenLabel string
	FromName   string // "" = safe
	ToName     string // "" = safe
	Reason     string
	Condition  string

	TokenSerial      string
	TokenKind        custody.TokenKind
	Accessories      string
	PermissionSigner string
	OfferedByName    string // "" = the system
	DecidedByName    string
	WitnessName      string
	OfferLeaf        tlog.Hash     // leaf hash of the offer's entry: what a confirmation signs
	Giving           *Confirmation // the giver's signature; nil = confirmed by the account
	Receiving        *Confirmation // the receiver's; nil = by the account, or not yet
	Ended            bool          // the custody that it began has ended, or it began none

	MayAccept bool // the asking actor may
}

// Confirmation is a side's signature over the facts of a hand-over.
type Confirmation struct {
	Certificate string // SHA-256 of its DER, hex
	At          time.Time
	Entry       int64
}

// NewRetirement is what Retire takes out of use.
type NewRetirement struct {
	Token  custody.TokenID
	Kind   custody.RetirementKind
	Reason string
	Paper  string // number of form 08 or 09, or of the decision; "" = none
}

// GrantRow is a grant with what the signer's side shows, and what the service
// needs to verify the finished signature.
type GrantRow struct {
	custody.Grant
	Signer         string // full name
	Title          string // position on the day of the grant
	TokenSerial    string
	CertificateDER []byte
}

// Record is the finished signature of a grant, verified by the caller against
// the grant's certificate and ByteRangeDigest.
type Record struct {
	CMS             []byte
	ByteRangeDigest string // hex SHA-256, SHA-384 or SHA-512, as in the CMS
	SHA256Out       string // hex
	Level           string // b-b …
	Field           string
	SignedAt        time.Time // the agent's clock
}

// LogFilter chooses entries. They come newest first, from From downwards.
type LogFilter struct {
	From   *int64 // the newest index to show; nil = the newest there is
	Limit  int    // 1..500; 0 = 50
	Type   string
	Person custody.PersonID // as actor or subject
	Token  custody.TokenID
	Since  time.Time // zero = no bound
	Until  time.Time // exclusive; zero = no bound
	// Match chooses entries by their texts: names, numbers, summaries, whatever the actor
	// may read of them; nil = all. At most searchDepth entries are read for a page.
	Match func(texts []string) bool
}

// LogRow is an entry with the values of its commitments that still exist.
type LogRow struct {
	Index    int64
	Type     string
	At       time.Time
	Bytes    []byte
	LeafHash tlog.Hash
	Reveals  map[string]string // field -> value
}

// LogPage is a page of the log.
type LogPage struct {
	Size    int64 // of the tree
	Entries []LogRow
	Next    *int64 // From of the following page; nil on the last one
	Read    int64  // with Match: how many entries were looked through
}

// VerifyReport says what VerifyLog found in order.
type VerifyReport struct {
	Size       int64
	Root       tlog.Hash
	Checkpoint []byte
	ByType     map[string]int64
	Reveals    int64 // values that match their commitments
	Erased     int64 // commitments whose value is gone
	Explained  int64 // of these, removed by an erasure of the log
}
