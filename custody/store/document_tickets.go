package store

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"time"

	"sokyso/custody"
)

// ticketKeyContext separates the key of tickets from the log's, out of which it is made: replicas that share the log
// key share this one, and a signature by the one is worth nothing for the other.
const ticketKeyContext = "sokyso document ticket key 1"

// ticketKey derives the key of tickets (HKDF-SHA-256, RFC 5869).
func ticketKey(logKey string) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, []byte(logKey), nil, ticketKeyContext, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("ticket key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// IssuedTicket is a ticket with the code that stands for it, for a person to type.
type IssuedTicket struct {
	Ticket  string
	Code    string // 8 characters
	Expires time.Time
}

// ticketsKept is how long an expired ticket is remembered, to tell "used" from "expired".
const ticketsKept = 24 * time.Hour

// CreateTicket makes a ticket by which one of the actor's agents takes the document in hand. Older tickets for the
// same document and agent end.
func (s *Store) CreateTicket(ctx context.Context, actor custody.Actor, id custody.DocumentID, key custody.APIKeyID) (IssuedTicket, error) {
	if s.ticketKey == nil {
		return IssuedTicket{}, &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable, Params: map[string]string{"reason": custody.ReasonLogKey}}
	}
	pairing, err := s.Pairing(ctx, actor, key)
	if err != nil {
		return IssuedTicket{}, err
	}
	if pairing.Person != actor.Person {
		return IssuedTicket{}, custody.NotFound("pairing")
	}
	code := randomCode(finderLength + secretLength)
	var ticket custody.Ticket
	err = s.write(ctx, actor.School, func(t *tx) error {
		d, err := t.submission(actor, id)
		if err != nil {
			return err
		}
		if err := custody.CanHandle(actor, d.Submission); err != nil {
			return err
		}
		ticket = custody.Ticket{ID: custody.TicketID(newID()), School: t.school, Document: id, Person: actor.Person, Key: key,
			Expires: t.now.Add(custody.TicketLifetime).Truncate(time.Second)}
		if _, err := t.exec(t.ctx, `DELETE FROM document_tickets WHERE expires_at < ? OR (document_id = ? AND api_key_id = ? AND used_at IS NULL)`,
			at(t.now.Add(-ticketsKept)), string(id), string(key)); err != nil {
			return fmt.Errorf("remove old tickets: %w", err)
		}
		if err := t.insertRow(`INSERT INTO document_tickets (id, school_id, document_id, person_id, api_key_id, code_sha256, expires_at)`,
			string(ticket.ID), string(t.school), string(id), string(actor.Person), string(key), sha256Hex([]byte(code)), at(ticket.Expires)); err != nil {
			return fmt.Errorf("write ticket: %w", err)
		}
		return nil
	})
	if err != nil {
		return IssuedTicket{}, err
	}
	return IssuedTicket{Ticket: ticket.Sign(s.ticketKey), Code: code, Expires: ticket.Expires}, nil
}

type ticketRow struct {
	ID       string `db:"id"`
	Document string `db:"document_id"`
	Person   string `db:"person_id"`
	Key      string `db:"api_key_id"`
	Expires  stamp  `db:"expires_at"`
	UsedAt   *stamp `db:"used_at"`
}

// TradeTicket uses a ticket, or the code that stands for it, up and takes its document in hand: both or neither.
func (s *Store) TradeTicket(ctx context.Context, actor custody.Actor, ticket, code string) (SubmissionRow, error) {
	if actor.Key == "" {
		return SubmissionRow{}, custody.Forbidden(custody.ReasonAgentOnly)
	}
	condition, args := ` AND api_key_id = ? AND code_sha256 = ?`, []any{string(actor.Key), sha256Hex([]byte(cleanCode(code)))}
	if ticket != "" {
		if s.ticketKey == nil {
			return SubmissionRow{}, &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable, Params: map[string]string{"reason": custody.ReasonLogKey}}
		}
		parsed, err := custody.ParseTicket(s.ticketKey.Public().(ed25519.PublicKey), ticket)
		if err != nil {
			return SubmissionRow{}, err
		}
		if err := custody.CheckTicket(parsed, actor, s.now()); err != nil {
			return SubmissionRow{}, err
		}
		condition, args = ` AND id = ?`, []any{string(parsed.ID)}
	}
	var document custody.DocumentID
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[ticketRow](t, `SELECT id, document_id, person_id, api_key_id, expires_at, used_at FROM document_tickets WHERE school_id = ?`+condition,
			append([]any{string(t.school)}, args...)...)
		if err != nil {
			return fmt.Errorf("read ticket: %w", err)
		}
		switch {
		case row == nil && ticket != "":
			return custody.Conflict(custody.ReasonTicketExpired) // a newer one took its place, or it is long gone
		case row == nil:
			return &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid, Params: map[string]string{"field": "code", "reason": custody.ReasonTicketInvalid}}
		case row.UsedAt != nil:
			return custody.Conflict(custody.ReasonTicketUsed)
		}
		kept := custody.Ticket{School: t.school, Person: custody.PersonID(row.Person), Key: custody.APIKeyID(row.Key), Expires: row.Expires.Time}
		if err := custody.CheckTicket(kept, actor, t.now); err != nil {
			return err
		}
		document = custody.DocumentID(row.Document)
		if err := t.takeInHand(actor, document); err != nil {
			return err
		}
		n, err := t.exec(t.ctx, `UPDATE document_tickets SET used_at = ? WHERE id = ? AND used_at IS NULL`, at(t.now), row.ID)
		if err != nil {
			return fmt.Errorf("use ticket: %w", err)
		}
		if n != 1 {
			return custody.Conflict(custody.ReasonTicketUsed)
		}
		return nil
	})
	if err != nil {
		return SubmissionRow{}, err
	}
	return s.Submission(ctx, actor, document)
}
