package signer

import (
	"crypto"
	"crypto/x509"
	"net/http"
	"time"

	"sokyso/signer/cms"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// Level is a PAdES baseline level (ETSI EN 319 142-1 §6).
type Level string

// The levels. A level that is asked for is reached, or nothing is signed.
const (
	LevelBB   Level = "b-b"   // the signature alone
	LevelBT   Level = "b-t"   // with a time-stamp over it
	LevelBLT  Level = "b-lt"  // with validation material
	LevelBLTA Level = "b-lta" // with an archive time-stamp
)

// Vietnam is the time zone of Vietnam: UTC+7 all year round.
var Vietnam = time.FixedZone("+07", 7*60*60)

// Password opens an encrypted input.
type Password = pdf.Password

// Options say how to sign. The zero value makes an invisible B-B signature.
type Options struct {
	Level  Level      // "" = LevelBB
	Scheme cms.Scheme // "" = what the key suggests

	// Hash is that of the signature: SHA-256, SHA-384 or SHA-512. 0 = what Field recommends, else SHA-256.
	Hash crypto.Hash

	// Certify makes a certification signature (ISO 32000-2 §12.8.2.2), which only the first signature of a document
	// can be: 1 allows no change afterwards, not even another signature; 2 filling in forms and signing; 3
	// annotations too. 0 is an approval signature. A document that is to be numbered, dated and sealed after the
	// leader has signed must not be certified with 1.
	Certify int

	// Field names an existing empty signature field to sign in. "" makes a new one.
	Field string

	// Entries are filled into empty text fields by the update that is signed: number and date of issue.
	Entries []Entry

	Name, Reason, Location string // for the signature dictionary; claims, shown by readers

	Visible *Visible // nil = invisible, or the appearance of Field left as it is

	// Roots, when given, must be where the chain leads: checked before the key is used. The levels from LevelBLT on need
	// them: what is kept there is what leads to a root.
	Roots *x509.CertPool
	// Intermediates help to find the way from a time-stamp to the roots.
	Intermediates []*x509.Certificate

	// Cache remembers checked chains between the signatures of a batch; one for each set of roots. nil = none.
	Cache *validation.Cache

	// Now tells the time of signing; its zone is the one written into /M. nil = time.Now in the local zone.
	Now func() time.Time

	// Password opens an encrypted input, as its user or owner password; the empty one is tried too. Only Sign and Augment
	// look at it: what was prepared is open.
	Password pdf.Password

	TSA      string       // URL of a time-stamping authority (RFC 3161), from LevelBT on
	Stamping *Stamping    // how it is asked, and what is known of it; nil = the defaults, remembered by the process
	HTTP     *http.Client // for TSA, OCSP and revocation lists; nil = http.DefaultClient, validation's for the others
}

// Visible places the signature's picture on a page.
type Visible struct {
	Page int // 1 is the first

	// Pages, when given, are those that show the picture, in place of Page. The first of them has the signature's
	// field, the others marks: annotations that are drawn before the signature and covered by it. Only in a document
	// that nobody has signed.
	Pages Pages

	// Rect is x, y, width, height in points; x, y is the lower left corner, counted from the lower left corner of
	// the page as a reader shows it: turned by /Rotate, cut by /CropBox. All zero with Options.Field: the place that
	// the field has.
	Rect   [4]float64
	Lines  []string // one paragraph each; wrapped, made smaller where needed
	Size   float64  // of the text in points; 0 = 10
	Image  []byte   // PNG, at the left of the text
	Behind bool     // the image behind the text
	Border bool
	Code   string // what a QR code at the right says, an address as a rule; "" = none
}

func (o *Options) now() time.Time {
	if o.Now != nil {
		return o.Now().Truncate(time.Second)
	}
	return time.Now().Truncate(time.Second)
}

// hashes are those that the input is read for besides SHA-256.
func (o *Options) hashes() []crypto.Hash {
	if o.Hash == 0 {
		return nil
	}
	return []crypto.Hash{o.Hash}
}
