package wire

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// Paths of the register's certificates, delegations, staff and timelines.
const (
	PathCertificates    = Prefix + "/certificates"             // GET ?show=ending|over
	PathAddCertificate  = Prefix + "/tokens/%s/certificates"   // POST; token
	PathProposals       = Prefix + "/certificate-proposals"    // GET list, POST what an agent read
	PathDecideProposal  = Prefix + "/certificate-proposals/%s" // POST; proposal
	PathPlacing         = Prefix + "/tokens/%s/place"          // POST; token
	PathTimeline        = Prefix + "/tokens/%s/timeline"       // GET; token
	PathStaff           = Prefix + "/staff"                    // GET ?on=2026-10-01
	PathDelegations     = Prefix + "/delegations"              // GET ?on=, POST
	PathDelegationEnded = Prefix + "/delegations/%s/end"       // POST; delegation
)

// Certificate is a registered certificate as it stands today.
type Certificate struct {
	SHA256    string     `json:"sha256"` // of the DER, hex
	TokenID   string     `json:"token_id"`
	Token     string     `json:"token"`  // its label
	Serial    string     `json:"serial"` // hex
	Subject   string     `json:"subject"`
	Issuer    string     `json:"issuer"`
	World     string     `json:"world"` // official (công vụ), public, other
	NotBefore time.Time  `json:"not_before"`
	NotAfter  time.Time  `json:"not_after"`
	DaysLeft  int        `json:"days_left"` // negative once it is over
	Standing  string     `json:"standing"`  // valid ending coming expired revoked
	Current   bool       `json:"current"`   // the token signs with it
	Replaces  string     `json:"replaces,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	Entry     int64      `json:"entry"` // log index of its registration
}

// Certificates is a list of certificates, those that end first at the beginning.
type Certificates struct {
	Certificates []Certificate `json:"certificates"`
	Next         string        `json:"next,omitempty"` // cursor of the page that follows
}

// NewCertificate is a token's next certificate with its issuers', DER after DER.
type NewCertificate struct {
	Certificate []byte `json:"certificate"`
	Chain       []byte `json:"chain,omitempty"`
}

// ReadCertificate is what a custodian's agent read from the token of that serial.
type ReadCertificate struct {
	TokenSerial string `json:"token_serial"`
	Certificate []byte `json:"certificate"`
	Chain       []byte `json:"chain,omitempty"`
}

// Proposed is the answer to ReadCertificate.
type Proposed struct {
	Registered bool `json:"registered"` // already; otherwise it waits to be confirmed
}

// Proposal is a certificate that waits to be confirmed.
type Proposal struct {
	ID          string    `json:"id"`
	TokenID     string    `json:"token_id"`
	TokenSerial string    `json:"token_serial"`
	Person      string    `json:"person"` // whose agent read it
	SHA256      string    `json:"sha256"`
	Serial      string    `json:"serial"`
	Subject     string    `json:"subject"`
	NotAfter    time.Time `json:"not_after"`
	ProposedAt  time.Time `json:"proposed_at"`
}

// Proposals is a list of proposals, the oldest first.
type Proposals struct {
	Proposals []Proposal `json:"proposals"`
}

// Decision confirms a proposal, which registers the certificate, or drops it.
type Decision struct {
	Confirm bool `json:"confirm"`
}

// NewPlace says where a token is kept.
type NewPlace struct {
	Place string `json:"place"`
}

// Timeline is a token's life.
type Timeline struct {
	Token     Token            `json:"token"`
	Custodies []Held           `json:"custodies"` // oldest first
	Steps     []Entry          `json:"steps"`     // newest first; without grants, refusals and signatures
	More      bool             `json:"more"`      // older steps are in the log
	Months    []SignatureMonth `json:"months"`    // newest first
}

// Held is a custody of a token.
type Held struct {
	PersonID string     `json:"person_id"`
	Person   string     `json:"person"`
	Since    time.Time  `json:"since"`
	Until    *time.Time `json:"until,omitempty"`
	Entry    int64      `json:"entry"`
}

// SignatureMonth counts the signatures of a month, 2026-10.
type SignatureMonth struct {
	Month string `json:"month"`
	Count int64  `json:"count"`
}

// StaffMember is who somebody is on a day.
type StaffMember struct {
	PersonID    string       `json:"person_id"`
	Name        string       `json:"name"`
	Positions   []Position   `json:"positions"` // in force on that day, the weightiest first
	Delegations []Delegation `json:"delegations"`
	Holds       []string     `json:"holds"` // serials of tokens
}

// Staff is the staff list of a day.
type Staff struct {
	On    string        `json:"on"`
	Staff []StaffMember `json:"staff"`
	Next  string        `json:"next,omitempty"` // cursor of the page that follows
}

// NewDelegation is a paper by which the head has somebody sign. Capacity is KT, TL,
// TM or TUQ; Absence has a deputy act for the head in all fields.
type NewDelegation struct {
	GrantorID   string   `json:"grantor_id"`
	DelegateID  string   `json:"delegate_id"`
	Capacity    string   `json:"capacity"`
	Absence     bool     `json:"absence,omitempty"`
	Kinds       []string `json:"kinds,omitempty"` // abbreviations; ["*"] = any
	From        string   `json:"from"`
	Until       string   `json:"until,omitempty"` // last day, inclusive; TUQ and absence need one
	PaperNumber string   `json:"paper_number"`
	PaperOn     string   `json:"paper_on"`
	PaperSigner string   `json:"paper_signer,omitempty"`
	Content     string   `json:"content,omitempty"`
}

// Delegation is a delegation as it stands.
type Delegation struct {
	ID          string   `json:"id"`
	GrantorID   string   `json:"grantor_id"`
	Grantor     string   `json:"grantor"`
	DelegateID  string   `json:"delegate_id"`
	Delegate    string   `json:"delegate"`
	Capacity    string   `json:"capacity"`
	Absence     bool     `json:"absence"`
	Kinds       []string `json:"kinds"`
	From        string   `json:"from"`
	Until       string   `json:"until,omitempty"`
	PaperNumber string   `json:"paper_number"`
	PaperOn     string   `json:"paper_on"`
	PaperSigner string   `json:"paper_signer,omitempty"`
	Content     string   `json:"content,omitempty"`
	Entry       int64    `json:"entry"`
	EndedEntry  *int64   `json:"ended_entry,omitempty"` // of what moved its last day forward
}

// Delegations is a list of delegations, the newest first.
type Delegations struct {
	Delegations []Delegation `json:"delegations"`
	Next        string       `json:"next,omitempty"` // cursor of the page that follows
}

// DelegationEnding ends a delegation after a day before its last.
type DelegationEnding struct {
	Until  string `json:"until"`
	Reason string `json:"reason"`
}

// Certificates lists the certificates the person may see; show is "", ending or over.
func (c *Client) Certificates(ctx context.Context, show string) ([]Certificate, error) {
	return wholeList(ctx, c, PathCertificates, url.Values{"show": {show}}, func(page *Certificates) ([]Certificate, string) { return page.Certificates, page.Next })
}

// AddCertificate registers a token's next certificate (admin).
func (c *Client) AddCertificate(ctx context.Context, token string, in NewCertificate) (Certificate, error) {
	var added Certificate
	err := c.change(ctx, fmt.Sprintf(PathAddCertificate, url.PathEscape(token)), in, &added)
	return added, err
}

// ProposeCertificate sends what the agent read from its person's token; true says
// that it is registered already.
func (c *Client) ProposeCertificate(ctx context.Context, in ReadCertificate) (bool, error) {
	var proposed Proposed
	err := c.change(ctx, PathProposals, in, &proposed)
	return proposed.Registered, err
}

// Proposals lists the certificates that wait to be confirmed.
func (c *Client) Proposals(ctx context.Context) ([]Proposal, error) {
	var list Proposals
	err := c.get(ctx, PathProposals, nil, &list)
	return list.Proposals, err
}

// DecideProposal confirms or drops a proposed certificate (admin).
func (c *Client) DecideProposal(ctx context.Context, id string, confirm bool) error {
	return c.change(ctx, fmt.Sprintf(PathDecideProposal, url.PathEscape(id)), Decision{Confirm: confirm}, nil)
}

// PlaceToken says where a token is kept.
func (c *Client) PlaceToken(ctx context.Context, token, place string) error {
	return c.change(ctx, fmt.Sprintf(PathPlacing, url.PathEscape(token)), NewPlace{Place: place}, nil)
}

// Timeline returns a token's life.
func (c *Client) Timeline(ctx context.Context, token string) (Timeline, error) {
	var timeline Timeline
	err := c.get(ctx, fmt.Sprintf(PathTimeline, url.PathEscape(token)), nil, &timeline)
	return timeline, err
}

// Staff returns the staff list of a day, 2026-10-01; "" = today.
func (c *Client) Staff(ctx context.Context, on string) (Staff, error) {
	var staff Staff
	members, err := wholeList(ctx, c, PathStaff, url.Values{"on": {on}}, func(page *Staff) ([]StaffMember, string) {
		staff.On = page.On
		return page.Staff, page.Next
	})
	staff.Staff = members
	return staff, err
}

// Delegations lists the delegations in force on a day; "" = all there were.
func (c *Client) Delegations(ctx context.Context, on string) ([]Delegation, error) {
	return wholeList(ctx, c, PathDelegations, url.Values{"on": {on}}, func(page *Delegations) ([]Delegation, string) { return page.Delegations, page.Next })
}

// Delegate registers a delegation (admin).
func (c *Client) Delegate(ctx context.Context, in NewDelegation) (Delegation, error) {
	var d Delegation
	err := c.change(ctx, PathDelegations, in, &d)
	return d, err
}

// EndDelegation ends a delegation early (admin).
func (c *Client) EndDelegation(ctx context.Context, id string, in DelegationEnding) error {
	return c.change(ctx, fmt.Sprintf(PathDelegationEnded, url.PathEscape(id)), in, nil)
}
