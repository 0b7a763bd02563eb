package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Purposes of a proof of possession.
const (
	ProofCustodyCheck = "custody_check"       // kiểm kê
	ProofGiving       = "hand_over_giving"    // the giver confirms a hand-over
	ProofReceiving    = "hand_over_receiving" // the receiver does, and accepts it
)

// NewChallenge asks for a challenge by which the custodian proves to have a token
// and its PIN.
type NewChallenge struct {
	TokenSerial       string `json:"token_serial"`
	CertificateSHA256 string `json:"certificate_sha256"`
	Purpose           string `json:"purpose"`
	HandOverID        string `json:"hand_over_id,omitempty"` // of the two that confirm one
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
	// Of a confirmation: the hand-over, and the SHA-256 of its minutes, hex; see HandOver.Minutes.
	HandOverID    string `json:"hand_over_id,omitempty"`
	MinutesSHA256 string `json:"minutes_sha256,omitempty"`
}

// challengeHeader says what the text is and its version. No document begins so.
const challengeHeader = "sokyso possession challenge 1\n"

// ErrChallenge says that a challenge has no canonical text.
var ErrChallenge = errors.New("malformed challenge")

// Text is the canonical form: the header, then one line for each field, in this
// order, "name value", ended by a line feed; times in UTC to the microsecond. Two
// more follow where a hand-over is confirmed. A value that is empty or has a control character makes no text, so that no two
// challenges have the same.
func (c Challenge) Text() ([]byte, error) {
	var b strings.Builder
	b.WriteString(challengeHeader)
	fields := []textField{
		{"id", c.ID}, {"school", c.School}, {"log", c.LogOrigin}, {"person", c.PersonID}, {"token", c.TokenSerial},
		{"certificate", c.CertificateSHA256}, {"purpose", c.Purpose}, {"nonce", c.Nonce},
		{"issued_at", c.IssuedAt.UTC().Format(challengeTime)}, {"expires_at", c.ExpiresAt.UTC().Format(challengeTime)},
	}
	if c.HandOverID != "" || c.MinutesSHA256 != "" {
		fields = append(fields, textField{"hand_over", c.HandOverID}, textField{"minutes", c.MinutesSHA256})
	}
	if err := writeText(&b, fields); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

type textField struct{ name, value string }

// writeText writes the fields, one a line.
func writeText(b *strings.Builder, fields []textField) error {
	for _, field := range fields {
		if field.value == "" || len(field.value) > 500 || strings.ContainsFunc(field.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%w: %s", ErrChallenge, field.name)
		}
		fmt.Fprintf(b, "%s %s\n", field.name, field.value)
	}
	return nil
}

// minutesHeader says what the text is and its version.
const minutesHeader = "sokyso hand-over minutes 1\n"

// Minutes is the canonical text of what is confirmed: which token goes from whom to
// whom in that school, and the entry of the offer, whose leaf hash binds all else
// that the minutes say (reason, days, permission, condition), as the log is
// committed to it. Nothing in the text names a person but by id.
func (h HandOver) Minutes(school, log string) ([]byte, error) {
	side := func(id string) string {
		if id == "" {
			return "safe"
		}
		return id
	}
	var b strings.Builder
	b.WriteString(minutesHeader)
	err := writeText(&b, []textField{{"hand_over", h.ID}, {"school", school}, {"log", log}, {"kind", h.Kind}, {"token", h.TokenSerial},
		{"giver", side(h.FromID)}, {"receiver", side(h.ToID)}, {"offer", strconv.FormatInt(h.OfferEntry, 10)}, {"offer_leaf", h.OfferLeaf}})
	if err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// HandOverConfirmation answers a challenge of a hand-over: a detached CMS over its
// text, as Possession. PINChanged as in Acceptance, of the receiver's.
type HandOverConfirmation struct {
	ChallengeID string `json:"challenge_id"`
	CMS         []byte `json:"cms"`
	PINChanged  *bool  `json:"pin_changed,omitempty"`
}

// ConfirmHandOver answers a challenge of a hand-over and returns the receipt of its
// entry; the receiver's answer accepts. It is sent again on network errors: the same
// signature has the same entry.
func (c *Client) ConfirmHandOver(ctx context.Context, handOver string, in HandOverConfirmation) (Receipt, error) {
	var receipt Receipt
	err := c.do(ctx, call{method: http.MethodPost, path: fmt.Sprintf(PathConfirm, url.PathEscape(handOver)), body: in, answer: &receipt, repeats: true})
	return receipt, err
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
	err := c.change(ctx, PathChallenges, in, &challenge)
	return challenge, err
}

// Prove answers a challenge and returns the receipt of its entry. It is sent
// again on network errors: the same proof has the same entry.
func (c *Client) Prove(ctx context.Context, challenge string, in Possession) (Receipt, error) {
	var receipt Receipt
	err := c.do(ctx, call{method: http.MethodPost, path: fmt.Sprintf(PathPossession, url.PathEscape(challenge)), body: in, answer: &receipt, repeats: true})
	return receipt, err
}
