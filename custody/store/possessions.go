package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// maxChallenge bounds a challenge's text, in bytes.
const maxChallenge = 8 << 10

// CreateChallenge makes a challenge for the custodian of a token, by which its
// possession can be proven once within custody.ChallengeLifetime. Who does not
// hold the token, or has another certificate, gets a *custody.Refusal.
func (s *Store) CreateChallenge(ctx context.Context, actor custody.Actor, serial, certificate string, purpose custody.ProofPurpose) (custody.Challenge, error) {
	if !purpose.Valid() || purpose.Side() != "" {
		return custody.Challenge{}, custody.Invalid("purpose", "purpose %.40q", string(purpose))
	}
	return s.createChallenge(ctx, actor, serial, certificate, custody.Challenge{Purpose: purpose})
}

// createChallenge completes a challenge of which purpose, hand-over and minutes are given.
func (s *Store) createChallenge(ctx context.Context, actor custody.Actor, serial, certificate string, c custody.Challenge) (custody.Challenge, error) {
	if actor.Person == "" {
		return custody.Challenge{}, custody.Invalid("person", "only a person proves")
	}
	if err := texts("token_serial!", &serial); err != nil {
		return custody.Challenge{}, err
	}
	if !isHash(certificate) {
		return custody.Challenge{}, custody.Invalid("certificate", "not 64 lower-case hexadecimal digits")
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	err := s.write(ctx, actor.School, func(t *tx) error {
		facts, err := t.proofFacts(actor, serial, certificate)
		if err != nil {
			return err
		}
		if c.Purpose.Side() != "" {
			_, _, err = t.confirmationFacts(actor, c, facts)
		} else {
			err = asError(custody.DecideProof(facts, t.now))
		}
		if err != nil {
			return err
		}
		issued := at(t.now)
		c = custody.Challenge{ID: custody.ChallengeID(newID()), School: t.school, Person: actor.Person, Token: facts.Token.ID, TokenSerial: serial,
			CertificateSHA256: certificate, Purpose: c.Purpose, HandOver: c.HandOver, MinutesSHA256: c.MinutesSHA256,
			Nonce: hex.EncodeToString(nonce), IssuedAt: issued.Time, ExpiresAt: issued.Add(custody.ChallengeLifetime)}
		if _, err := t.exec(t.ctx, `DELETE FROM challenges WHERE expires_at < ?`, at(t.now)); err != nil {
			return fmt.Errorf("remove old challenges: %w", err)
		}
		if err := t.insertRow(`INSERT INTO challenges (id, school_id, person_id, token_id, certificate_sha256, purpose, hand_over_id, minutes_sha256, nonce, issued_at, expires_at)`,
			string(c.ID), string(t.school), string(c.Person), string(c.Token), c.CertificateSHA256, string(c.Purpose), string(c.HandOver), c.MinutesSHA256, c.Nonce, issued, at(c.ExpiresAt)); err != nil {
			return fmt.Errorf("write challenge: %w", err)
		}
		return nil
	})
	return c, unwrapRefusal(err)
}

// asError makes a refusal an error of the register's kind, so that the
// transaction of others goes on.
func asError(err error) error {
	var refusal *custody.Refusal
	if errors.As(err, &refusal) {
		return &custody.Error{Kind: custody.ErrForbidden, Code: refusal.Code, Params: refusal.Params, Err: refusal}
	}
	return err
}

func unwrapRefusal(err error) error {
	var refusal *custody.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return err
}

func (t *tx) proofFacts(actor custody.Actor, serial, certificate string) (custody.GrantFacts, error) {
	facts := custody.GrantFacts{Person: actor.Person, Requested: certificate}
	if err := t.requireAccount(actor.Person); err != nil {
		return facts, err
	}
	f, err := t.tokenBy("serial", serial)
	if err != nil || f == nil {
		return facts, err
	}
	f.fill(&facts)
	facts.Certificates, err = t.certificates(string(f.token.ID))
	return facts, err
}

type challengeRow struct {
	ID          string `db:"id"`
	Person      string `db:"person_id"`
	Token       string `db:"token_id"`
	Serial      string `db:"serial"`
	Certificate string `db:"certificate_sha256"`
	Purpose     string `db:"purpose"`
	HandOver    string `db:"hand_over_id"`
	Minutes     string `db:"minutes_sha256"`
	Nonce       string `db:"nonce"`
	IssuedAt    stamp  `db:"issued_at"`
	ExpiresAt   stamp  `db:"expires_at"`
	DER         []byte `db:"der"`
}

// Challenge returns a challenge of the actor's own, and the certificate that has
// to answer it, as DER. One that has expired, or that is somebody else's, is not found.
func (s *Store) Challenge(ctx context.Context, actor custody.Actor, id custody.ChallengeID) (custody.Challenge, []byte, error) {
	var rows []challengeRow
	err := s.reader.list(ctx, &rows, `SELECT c.id, c.person_id, c.token_id, t.serial, c.certificate_sha256, c.purpose, c.hand_over_id, c.minutes_sha256, c.nonce, c.issued_at, c.expires_at, x.der
		FROM challenges c JOIN tokens t ON t.id = c.token_id
		JOIN certificates x ON x.school_id = c.school_id AND x.sha256 = c.certificate_sha256
		WHERE c.school_id = ? AND c.person_id = ? AND c.id = ?`, string(actor.School), string(actor.Person), string(id))
	if err != nil {
		return custody.Challenge{}, nil, fmt.Errorf("read challenge: %w", err)
	}
	if len(rows) == 0 {
		return custody.Challenge{}, nil, custody.NotFound("challenge")
	}
	r := rows[0]
	return custody.Challenge{ID: custody.ChallengeID(r.ID), School: actor.School, Person: custody.PersonID(r.Person), Token: custody.TokenID(r.Token),
		TokenSerial: r.Serial, CertificateSHA256: r.Certificate, Purpose: custody.ProofPurpose(r.Purpose), HandOver: custody.HandOverID(r.HandOver), MinutesSHA256: r.Minutes, Nonce: r.Nonce,
		IssuedAt: r.IssuedAt.Time, ExpiresAt: r.ExpiresAt.Time}, r.DER, nil
}

func checkProof(text, cms []byte) error {
	switch {
	case len(text) == 0 || len(text) > maxChallenge:
		return custody.Invalid("challenge", "challenge of %d bytes", len(text))
	case len(cms) == 0 || len(cms) > maxCMS:
		return custody.Invalid("cms", "CMS of %d bytes", len(cms))
	}
	return nil
}

// RecordPossession records a proof and returns its receipt. The caller has
// verified the CMS over the text against the challenge's certificate. Sent again,
// the same proof gets a receipt of the same entry; another one for the same
// challenge is a conflict, and one after the challenge has expired is refused.
func (s *Store) RecordPossession(ctx context.Context, actor custody.Actor, c custody.Challenge, text, cms []byte) (signinglog.Receipt, error) {
	if err := checkProof(text, cms); err != nil {
		return signinglog.Receipt{}, err
	}
	if c.Purpose.Side() != "" {
		return signinglog.Receipt{}, custody.Invalid("purpose", "the challenge is for a hand-over")
	}
	var recorded recordedAt
	change := &change{ctx: ctx, done: make(chan error, 1), run: func(t *tx) error {
		earlier, err := optional[possessionRow](t, `SELECT `+possessionColumns+` FROM possessions WHERE school_id = ? AND id = ?`, string(t.school), string(c.ID))
		if err != nil {
			return fmt.Errorf("read possession: %w", err)
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
		if err := custody.DecideProof(facts, t.now); err != nil {
			return asError(err)
		}
		row := possessionRow{rowBase: rowBase{ID: string(c.ID), School: string(t.school)}, Person: string(actor.Person), Token: string(c.Token),
			Certificate: c.CertificateSHA256, Purpose: string(c.Purpose), Challenge: text, CMS: cms, CustodyEntry: facts.Custody.Entry, ProvenAt: at(t.now)}
		if row.Entry, err = t.append(signinglog.TypePossession, actor, row.fields(), nil); err != nil {
			return err
		}
		recorded = recordedAt{index: row.Entry}
		if err := t.insertRow(`INSERT INTO possessions (id, school_id, person_id, token_id, certificate_sha256, purpose, challenge, cms, custody_entry, proven_at, entry_index)`,
			row.ID, row.School, row.Person, row.Token, row.Certificate, row.Purpose, row.Challenge, row.CMS, row.CustodyEntry, row.ProvenAt, row.Entry); err != nil {
			return fmt.Errorf("write possession: %w", err)
		}
		return nil
	}}
	if err := s.submit(actor.School, change); err != nil {
		return signinglog.Receipt{}, unwrapRefusal(err)
	}
	if recorded.before {
		return s.storedReceipt(ctx, actor.School, recorded.index)
	}
	return change.proofs.receipt(recorded.index)
}

type possessionRow struct {
	rowBase
	Person       string `db:"person_id"`
	Token        string `db:"token_id"`
	Certificate  string `db:"certificate_sha256"`
	Purpose      string `db:"purpose"`
	Challenge    []byte `db:"challenge"`
	CMS          []byte `db:"cms"`
	CustodyEntry int64  `db:"custody_entry"`
	ProvenAt     stamp  `db:"proven_at"`
}

const possessionColumns = `id, school_id, person_id, token_id, certificate_sha256, purpose, challenge, cms, custody_entry, proven_at, entry_index`

func (r possessionRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypePossession, r.ProvenAt.Time
}

func (r possessionRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: r.Person, signinglog.FieldPerson: r.Person, signinglog.FieldToken: r.Token, "possession": r.ID,
		signinglog.FieldCertificate: r.Certificate, "purpose": r.Purpose, "challenge_sha256": sha256Hex(r.Challenge), "cms_sha256": sha256Hex(r.CMS),
		"custody_entry": count(r.CustodyEntry)}
}
