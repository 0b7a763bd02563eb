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
