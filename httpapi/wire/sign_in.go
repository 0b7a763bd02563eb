package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ClaimSignIn asks, by the code that a waiting browser shows, what the token is to sign.
type ClaimSignIn struct {
	Code              string `json:"code"`
	TokenSerial       string `json:"token_serial"`
	CertificateSHA256 string `json:"certificate_sha256"`
}

// SignInStatement is what a token signs to sign a waiting browser in: its canonical text,
// of which both sides make the same bytes by [SignInStatement.Text].
type SignInStatement struct {
	ID                string    `json:"id"`
	School            string    `json:"school"` // its code
	LogOrigin         string    `json:"log_origin"`
	Site              string    `json:"site"` // address of the service, as the browser opened it
	PersonID          string    `json:"person_id"`
	TokenSerial       string    `json:"token_serial"`
	CertificateSHA256 string    `json:"certificate_sha256"`
	Browser           string    `json:"browser"` // and its system, as chrome/windows
	Address           string    `json:"address"` // of the browser in the network
	Nonce             string    `json:"nonce"`   // 64 hex digits
	IssuedAt          time.Time `json:"issued_at"`
	ExpiresAt         time.Time `json:"expires_at"`

	// SameAddress tells, beside the statement, that the agent asks from the browser's address.
	SameAddress bool `json:"same_address"`
}

// signInHeader says what the text is and its version. No document, no challenge of
// possession and no other text of ours begins so.
const signInHeader = "sokyso token sign-in 1\n"

// Text is the canonical form: the header, then one line for each field in this order,
// "name value", ended by a line feed; times in UTC to the microsecond. A value that is
// empty or has a control character makes no text.
func (s SignInStatement) Text() ([]byte, error) {
	var b strings.Builder
	b.WriteString(signInHeader)
	if err := writeText(&b, []textField{
		{"purpose", "sign_in"}, {"id", s.ID}, {"school", s.School}, {"log", s.LogOrigin}, {"site", s.Site}, {"person", s.PersonID}, {"token", s.TokenSerial},
		{"certificate", s.CertificateSHA256}, {"browser", s.Browser}, {"address", s.Address}, {"nonce", s.Nonce},
		{"issued_at", s.IssuedAt.UTC().Format(challengeTime)}, {"expires_at", s.ExpiresAt.UTC().Format(challengeTime)},
	}); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// SignInAnswer is a detached CMS over the statement's text, of the content type of
// sign-ins (package signer/cms).
type SignInAnswer struct {
	CMS []byte `json:"cms"`
}

// SignInNumber is what the person types in the waiting browser.
type SignInNumber struct {
	Number string `json:"number"` // six digits
}

// ClaimSignIn asks what the token is to sign.
func (c *Client) ClaimSignIn(ctx context.Context, in ClaimSignIn) (SignInStatement, error) {
	var statement SignInStatement
	err := c.change(ctx, PathSignInClaims, in, &statement)
	return statement, err
}

// AnswerSignIn sends the signature. It is sent again on network errors: the same
// signature has the same number.
func (c *Client) AnswerSignIn(ctx context.Context, id string, in SignInAnswer) (SignInNumber, error) {
	var number SignInNumber
	err := c.do(ctx, call{method: http.MethodPost, path: fmt.Sprintf(PathSignInAnswer, url.PathEscape(id)), body: in, answer: &number, repeats: true})
	return number, err
}
