package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// CreateHandOverChallenge makes a challenge by which the actor confirms one side of
// a hand-over with a token of their own. minutes is the SHA-256 of the hand-over's
// facts as both programs write them, in hex.
func (s *Store) CreateHandOverChallenge(ctx context.Context, actor custody.Actor, id custody.HandOverID, side custody.HandOverSide, serial, certificate, minutes string) (custody.Challenge, error) {
	if !isHash(minutes) {
		return custody.Challenge{}, custody.Invalid("minutes", "not 64 lower-case hexadecimal digits")
	}
	return s.createChallenge(ctx, actor, serial, certificate, custody.Challenge{Purpose: side.Purpose(), HandOver: id, MinutesSHA256: minutes})
}

// confirmationFacts reads the hand-over that a challenge confirms, and decides
// whether the actor may confirm it with that token.
func (t *tx) confirmationFacts(actor custody.Actor, c custody.Challenge, facts custody.GrantFacts) (*handOverRow, *tokenFacts, error) {
	row, f, err := t.handOver(actor, c.HandOver)
	if err != nil {
		return nil, nil, err
	}
	side := c.Purpose.Side()
	if err := custody.CanConfirm(actor, row.handOver(), side, f.rules().Reported); err != nil {
		return nil, nil, err
	}
	if err := custody.DecideConfirmation(facts, row.handOver(), t.now); err != nil {
		return nil, nil, asError(err)
	}
	var before int
	if err := t.get(t.ctx, &before, `SELECT COUNT(*) FROM confirmations WHERE hand_over_id = ? AND side = ?`, row.ID, string(side)); err != nil {
		return nil, nil, fmt.Errorf("read confirmations: %w", err)
	}
	if before > 0 {
		return nil, nil, custody.Conflict(custody.ReasonConfirmed)
	}
	return row, f, nil
}

// RecordConfirmation records a side's signature over the facts of a hand-over, and
// returns its receipt; the receiver's accepts the hand-over in the same
// transaction. The caller has verified the CMS over the text against the
// challenge's certificate. Sent again, the same signature has the same entry.
func (s *Store) RecordConfirmation(ctx context.Context, actor custody.Actor, c custody.Challenge, text, cms []byte, said Acceptance) (signinglog.Receipt, error) {
	if err := checkProof(text, cms); err != nil {
		return signinglog.Receipt{}, err
	}
	var recorded recordedAt
	change := &change{ctx: ctx, done: make(chan error, 1), run: func(t *tx) error {
		earlier, err := optional[confirmationRow](t, `SELECT `+confirmationColumns+` FROM confirmations c JOIN hand_overs h ON h.id = c.hand_over_id
			WHERE c.school_id = ? AND c.id = ?`, string(t.school), string(c.ID))
		if err != nil {
			return fmt.Errorf("read confirmation: %w", err)
		}
		if earlier != nil {
			if earlier.Person != string(actor.Person) || string(earlier.CMS) != string(cms) || string(earlier.Challenge) != string(text) {
				return &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeSignatureConflict}
			}
			recorded = recordedAt{index: earlier.Entry, before: true}
			return nil
		}
		if t.now.After(c.ExpiresAt) {
			return &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeChallengeExpired}
		}
		facts, err := t.proofFacts(actor, c.TokenSerial, c.CertificateSHA256)
		if err != nil {
			return err
		}
		handOver, f, err := t.confirmationFacts(actor, c, facts)
		if err != nil {
			return err
		}
		row := confirmationRow{rowBase: rowBase{ID: string(c.ID), School: string(t.school)}, HandOver: *handOver, Side: string(c.Purpose.Side()),
			Person: string(actor.Person), SignedWith: string(c.Token), Certificate: c.CertificateSHA256, Minutes: c.MinutesSHA256,
			Challenge: text, CMS: cms, ConfirmedAt: at(t.now)}
		if row.Entry, err = t.append(signinglog.TypeConfirmation, actor, row.fields(), nil); err != nil {
			return err
		}
		recorded = recordedAt{index: row.Entry}
		if err := t.insertRow(`INSERT INTO confirmations (id, school_id, hand_over_id, side, person_id, token_id, certificate_sha256, minutes_sha256, challenge, cms, confirmed_at, entry_index)`,
			row.ID, row.School, row.HandOver.ID, row.Side, row.Person, row.SignedWith, row.Certificate, row.Minutes, row.Challenge, row.CMS, row.ConfirmedAt, row.Entry); err != nil {
			return fmt.Errorf("write confirmation: %w", err)
		}
		if c.Purpose.Side() == custody.Giving {
			return nil
		}
		return t.decide(actor, handOver, f, custody.Accepted, said)
	}}
	if err := s.submit(actor.School, change); err != nil {
		return signinglog.Receipt{}, unwrapRefusal(err)
	}
	if recorded.before {
		return s.storedReceipt(ctx, actor.School, recorded.index)
	}
	return change.proofs.receipt(recorded.index)
}

type confirmationRow struct {
	rowBase
	HandOver    handOverRow `db:"h"`
	Side        string      `db:"side"`
	Person      string      `db:"person_id"`
	SignedWith  string      `db:"token_id"`
	Certificate string      `db:"certificate_sha256"`
	Minutes     string      `db:"minutes_sha256"`
	Challenge   []byte      `db:"challenge"`
	CMS         []byte      `db:"cms"`
	ConfirmedAt stamp       `db:"confirmed_at"`
}

const confirmationColumns = `c.id, c.school_id, c.side, c.person_id, c.token_id, c.certificate_sha256, c.minutes_sha256, c.challenge, c.cms, c.confirmed_at, c.entry_index,
	h.id AS "h.id", h.token_id AS "h.token_id", h.kind AS "h.kind", COALESCE(h.giver_id, '') AS "h.giver_id", COALESCE(h.receiver_id, '') AS "h.receiver_id",
	h.entry_index AS "h.entry_index"`

func (r confirmationRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeConfirmation, r.ConfirmedAt.Time
}

func (r confirmationRow) fields() map[string]string {
	f := r.HandOver.sides()
	f[signinglog.FieldActor], f[signinglog.FieldPerson] = r.Person, r.Person
	f["confirmation"] = r.ID
	f["offer"] = count(r.HandOver.Entry)
	f["side"] = r.Side
	f["signed_with"] = r.SignedWith
	f[signinglog.FieldCertificate] = r.Certificate
	f["minutes_sha256"] = r.Minutes
	f["challenge_sha256"] = sha256Hex(r.Challenge)
	f["cms_sha256"] = sha256Hex(r.CMS)
	return f
}
