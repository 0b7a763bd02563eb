package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Purposes of a proof of possession.
const (
	ProofCustodyCheck = "custody_check" // kiểm kê
)

// NewChallenge asks for a challenge by which the custodian proves to have a token
// and its PIN.
type NewChallenge struct {
	TokenSerial       string `json:"token_serial"`
	CertificateSHA256 string `json:"certificate_sha256"`
	Purpose           string `json:"purpose"`
}

// Challenge is what is signed: its canonical text, of which both sides make the
// same bytes by [Challenge.Text]. No bare hash goes from the service to a token.
type Challenge struct {
	ID                string    `json:"id"`
	School            string    `json:"school"` // its code
	LogOrigin         string    `json:"log_origin"`
	PersonID          string    `json:"person_id"`
	TokenSerial       string    `json:"token_serial"`
	CertificateSHA256 string    `json:"certificate_sha256"`
	Purpose           string    `json:"purpose"`
	Nonce             string    `json:"nonce"` // 64 hex digits
	IssuedAt          time.Time `json:"issued_at"`
	ExpiresAt         time.Time `json:"expires_at"`
}

// challengeHeader says what the text is and its version. No document begins so.
const challengeHeader = "sokyso possession challenge 1\n"

// ErrChallenge says that a challenge has no canonical text.
var ErrChallenge = errors.New("malformed challenge")

// Text is the canonical form: the header, then one line for each field, in this
// order, "name value", ended by a line feed; times in UTC to the microsecond. A
// value that is empty or has a control character makes no text, so that no two
// challenges have the same.
func (c Challenge) Text() ([]byte, error) {
	var b strings.Builder
	b.WriteString(challengeHeader)
	for _, field := range []struct{ name, value string }{
		{"id", c.ID}, {"school", c.School}, {"log", c.LogOrigin}, {"person", c.PersonID}, {"token", c.TokenSerial},
		{"certificate", c.CertificateSHA256}, {"purpose", c.Purpose}, {"nonce", c.Nonce},
		{"issued_at", c.IssuedAt.UTC().Format(challengeTime)}, {"expires_at", c.ExpiresAt.UTC().Format(challengeTime)},
	} {
		if field.value == "" || len(field.value) > 500 || strings.ContainsFunc(field.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, fmt.Errorf("%w: %s", ErrChallenge, field.name)
		}
		fmt.Fprintf(&b, "%s %s\n", field.name, field.value)
	}
	return []byte(b.String()), nil
}

const challengeTime = "2006-01-02T15:04:05.000000Z"

// Possession answers a challenge: a detached CMS over its text, of the content type of
// possession (package signer/cms).
type Possession struct {
	CMS []byte `json:"cms"`
}

// CreateChallenge asks for a challenge.
func (c *Client) CreateChallenge(ctx context.Context, in NewChallenge) (Challenge, error) {
	var challenge Challenge
	err := c.post(ctx, PathChallenges, in, &challenge)
	return challenge, err
}

// Prove answers a challenge and returns the receipt of its entry. It is sent
// again on network errors: the same proof has the same entry.
func (c *Client) Prove(ctx context.Context, challenge string, in Possession) (Receipt, error) {
	var receipt Receipt
	err := c.do(ctx, call{method: http.MethodPost, path: fmt.Sprintf(PathPossession, url.PathEscape(challenge)), body: in, answer: &receipt, repeats: true})
	return receipt, err
}
