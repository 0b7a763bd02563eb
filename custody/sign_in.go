package custody

import "time"

// SignInLifetime is how long a browser waits to be signed in by a token.
const SignInLifetime = 5 * time.Minute

// SignInTries is how many numbers may be typed for one signature of the token.
const SignInTries = 3

// SignInID names a browser that waits to be signed in.
type SignInID string

// SignIn is what a person's own token signs to sign a waiting browser in.
type SignIn struct {
	ID                SignInID
	School            SchoolID
	Person            PersonID
	Token             TokenID
	TokenSerial       string
	CertificateSHA256 string // hex
	Site              string // address of the service, as the browser opened it
	Device            string // words for the browser and its system, as chrome/windows
	Address           string // of the browser in the network; "" = not known
	Nonce             string // hex, 256 bits
	IssuedAt          time.Time
	ExpiresAt         time.Time
}

// DecideSignIn lets a person sign in with a token (nil), or refuses it. A token speaks
// for a person only if it is their own: personal, with a certificate in their name, and
// in their hands. The seal is no person's word. What stops a grant stops it, too: a
// token that was reported, handed over or is on its way, whose PIN is locked, or whose
// certificate is not the registered one, out of its validity or revoked.
func DecideSignIn(f GrantFacts, now time.Time) error {
	if f.Token != nil && (f.Token.Kind != Personal || f.Token.Owner != f.Person) {
		return Forbidden(ReasonSignInOwn)
	}
	return DecideProof(f, now)
}
