package custody

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// Ticket lets one paired agent of one person take one document in hand, once and within minutes. The site hands it to
// the person's own computer by an address that begins with "sokyso:"; a site that somebody else made can't make one.
type Ticket struct {
	ID       TicketID
	School   SchoolID
	Document DocumentID
	Person   PersonID
	Key      APIKeyID // of the agent that may trade it
	Expires  time.Time
}

// ticketHeader begins the signed text: the key signs nothing else, and no other text of ours begins so.
const ticketHeader = "sokyso document ticket 1\n"

// maxTicket bounds a ticket's text, in bytes; real ones have about 400.
const maxTicket = 2 << 10

// text is what is signed: the header, then one line for each field.
func (t Ticket) text() []byte {
	return fmt.Appendf(nil, ticketHeader+"id %s\nschool %s\ndocument %s\nperson %s\nkey %s\nexpires %d\n",
		t.ID, t.School, t.Document, t.Person, t.Key, t.Expires.Unix())
}

// Sign writes the ticket: base64url of the text without its header, a dot, base64url of the Ed25519 signature.
func (t Ticket) Sign(key ed25519.PrivateKey) string {
	text := t.text()
	return base64.RawURLEncoding.EncodeToString(text[len(ticketHeader):]) + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, text))
}

// ParseTicket reads a ticket that the key's owner has signed. Whether it may still be traded, and by whom, is for the
// register to say.
func ParseTicket(key ed25519.PublicKey, written string) (Ticket, error) {
	invalid := func(err error) error {
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": "ticket", "reason": ReasonTicketInvalid}, Err: err}
	}
	body, signature, ok := strings.Cut(strings.TrimSpace(written), ".")
	if !ok || len(written) > maxTicket {
		return Ticket{}, invalid(fmt.Errorf("ticket of %d bytes", len(written)))
	}
	fields, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return Ticket{}, invalid(err)
	}
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return Ticket{}, invalid(err)
	}
	text := append([]byte(ticketHeader), fields...)
	if !ed25519.Verify(key, text, sum) {
		return Ticket{}, invalid(fmt.Errorf("signature does not match"))
	}
	var t Ticket
	var expires int64
	if _, err := fmt.Sscanf(string(fields), "id %s\nschool %s\ndocument %s\nperson %s\nkey %s\nexpires %d\n",
		&t.ID, &t.School, &t.Document, &t.Person, &t.Key, &expires); err != nil {
		return Ticket{}, invalid(err)
	}
	t.Expires = time.Unix(expires, 0).UTC()
	if !bytes.Equal(t.text(), text) { // one text for each ticket
		return Ticket{}, invalid(fmt.Errorf("not in canonical form"))
	}
	return t, nil
}

// CheckTicket reports whether this actor's agent may trade the ticket now. That it was not traded before is for the
// register's own transaction to see.
func CheckTicket(t Ticket, a Actor, now time.Time) error {
	switch {
	case a.Key == "":
		return Forbidden(ReasonAgentOnly)
	case t.School != a.School || t.Person != a.Person || t.Key != a.Key:
		return Forbidden(ReasonTicketForeign)
	case !now.Before(t.Expires):
		return Conflict(ReasonTicketExpired)
	}
	return nil
}
