package wire

import (
	"context"
	"net/url"
	"time"
)

// StandingQuery names a signature by the SHA-256 of its certificate's DER and by
// what it signed: the digest of its ByteRange, or the SHA-256 of the file that it
// made, all in lower-case hexadecimal digits. At is the time asked about where the
// log does not have the signature; zero asks about none.
type StandingQuery struct {
	Certificate string
	Digest      string
	SHA256      string
	At          time.Time
}

// Standing is what the register knows of a signature and of the token it was made
// with. What an entry of the log says is proved by the receipt of that index. That nothing is left out, and the names, are the
// service's word.
type Standing struct {
	SignatureEntry *int64           `json:"signature_entry,omitempty"` // absent: the log does not have it
	TokenID        string           `json:"token_id"`
	TokenSerial    string           `json:"token_serial"`
	TokenKind      string           `json:"token_kind"`           // personal or seal
	Custody        *StandingCustody `json:"custody,omitempty"`    // absent: the token was in nobody's hands, or no time was asked about
	Assignment     *StandingScope   `json:"assignment,omitempty"` // what lent the signature its capacity
	Incidents      []StandingReport `json:"incidents"`            // of the token, oldest first
	Checkpoint     string           `json:"checkpoint"`           // C2SP signed note: the log as it is now, and that of all receipts
	Receipts       []Receipt        `json:"receipts"`
}

// StandingCustody is the custody that a signature was made under, or that was in
// force at the time asked about.
type StandingCustody struct {
	PersonID   string     `json:"person_id"`
	Person     string     `json:"person"` // "" once erased
	Since      time.Time  `json:"since"`
	Entry      int64      `json:"entry"`
	Until      *time.Time `json:"until,omitempty"`
	UntilEntry *int64     `json:"until_entry,omitempty"`
}

// StandingScope is a scope as it stood when the signature was granted.
type StandingScope struct {
	Paper string `json:"paper"`
	From  string `json:"from"`
	Until string `json:"until,omitempty"`
	Entry int64  `json:"entry"`
}

// StandingReport is a reported loss, without what was told about it.
type StandingReport struct {
	Kind         string    `json:"kind"` // lost, misplaced or suspected
	DiscoveredAt time.Time `json:"discovered_at"`
	ReportedAt   time.Time `json:"reported_at"`
	State        string    `json:"state"` // open cleared closed
	Entry        int64     `json:"entry"`
}

// Standing asks what the register knows of a signature. The error is not_found
// when the certificate is not one of the school's.
func (c *Client) Standing(ctx context.Context, q StandingQuery) (Standing, error) {
	query := url.Values{"certificate": {q.Certificate}}
	if q.Digest != "" {
		query.Set("digest", q.Digest)
	}
	if q.SHA256 != "" {
		query.Set("sha256", q.SHA256)
	}
	if !q.At.IsZero() {
		query.Set("at", q.At.UTC().Format(time.RFC3339Nano))
	}
	var standing Standing
	err := c.get(ctx, PathStanding, query, &standing)
	return standing, err
}
