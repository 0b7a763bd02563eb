package store

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

type certificateRow struct {
	SHA256    string `db:"sha256"`
	Token     string `db:"token_id"`
	DER       []byte `db:"der"`
	Chain     []byte `db:"chain"`
	Replaces  string `db:"replaces"`
	Proposed  string `db:"proposed_by"`
	RevokedAt *stamp `db:"revoked_at"`
	Entry     int64  `db:"entry_index"`
}

const certificateColumns = `c.sha256, c.token_id, c.der, c.chain, c.replaces, COALESCE(c.proposed_by, '') AS proposed_by, c.revoked_at, c.entry_index`

func (r certificateRow) certificate() (custody.Certificate, error) {
	c, err := x509.ParseCertificate(r.DER)
	if err != nil {
		return custody.Certificate{}, fmt.Errorf("read registered certificate %s: %w: %w", r.SHA256, ErrDamaged, err)
	}
	return custody.Certificate{SHA256: r.SHA256, DER: r.DER, Serial: fmt.Sprintf("%x", c.SerialNumber), Subject: c.Subject.String(),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, RevokedAt: r.RevokedAt.moment(),
		Chain: r.Chain, Replaces: r.Replaces, Proposed: custody.PersonID(r.Proposed), Entry: r.Entry}, nil
}

func certificatesOf(rows []certificateRow) ([]custody.Certificate, error) {
	var out []custody.Certificate
	for _, row := range rows {
		c, err := row.certificate()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// certificatesOfTokens reads all certificates of tokens, each token's in the order
// of their registration.
func (s *Store) certificatesOfTokens(ctx context.Context, actor custody.Actor, tokens []string) (map[string][]custody.Certificate, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	args := []any{string(actor.School)}
	for _, id := range tokens {
		args = append(args, id)
	}
	var rows []certificateRow
	// Not kept prepared: the number of parameters differs.
	if err := s.reader.db.SelectContext(ctx, &rows, s.reader.db.Rebind(`SELECT `+certificateColumns+` FROM certificates c WHERE c.school_id = ? AND c.token_id IN (?`+
		strings.Repeat(",?", len(tokens)-1)+`) ORDER BY c.entry_index`), args...); err != nil {
		return nil, fmt.Errorf("list certificates: %w", driverError(err))
	}
	out := map[string][]custody.Certificate{}
	for _, row := range rows {
		c, err := row.certificate()
		if err != nil {
			return nil, err
		}
		out[row.Token] = append(out[row.Token], c)
	}
	return out, nil
}

// parseCertificates reads a certificate and the chain that came with it.
func parseCertificates(der, chain []byte) (*x509.Certificate, []*x509.Certificate, error) {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, custody.Invalid("certificate", "%v", err)
	}
	if len(chain) == 0 {
		return leaf, nil, nil
	}
	issuers, err := x509.ParseCertificates(chain)
	if err != nil {
		return nil, nil, custody.Invalid("certificate", "chain: %v", err)
	}
	return leaf, issuers, nil
}

func bytesOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// requireNewCertificate refuses a certificate that is registered, and one whose key
// is that of a certificate of another token: one key lies on one token.
func (t *tx) requireNewCertificate(c *x509.Certificate, token string) error {
	var rows []struct {
		certificateRow
		Serial string `db:"serial"`
	}
	if err := t.list(t.ctx, &rows, `SELECT `+certificateColumns+`, t.serial FROM certificates c JOIN tokens t ON t.id = c.token_id WHERE c.school_id = ?`, string(t.school)); err != nil {
		return fmt.Errorf("read certificates: %w", err)
	}
	for _, row := range rows {
		if bytes.Equal(row.DER, c.Raw) {
			return custody.Conflict(custody.ReasonDuplicate, "field", "certificate")
		}
		other, err := x509.ParseCertificate(row.DER)
		if err != nil {
			return fmt.Errorf("read registered certificate %s: %w: %w", row.SHA256, ErrDamaged, err)
		}
		if row.Token != token && bytes.Equal(other.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo) {
			return custody.Conflict(custody.ReasonKeyOnAnotherToken, "token", row.Serial)
		}
	}
	return nil
}

// NewCertificate is a certificate that a token gets besides those it has.
type NewCertificate struct {
	Token       custody.TokenID
	Certificate []byte // DER
	Chain       []byte // the issuers', DER after DER; nil = none
}

// checkNew checks what can be said without the register.
func (n NewCertificate) check(now time.Time) (*x509.Certificate, error) {
	leaf, chain, err := parseCertificates(n.Certificate, n.Chain)
	if err != nil {
		return nil, err
	}
	if err := custody.CheckCertificate(leaf, chain); err != nil {
		return nil, err
	}
	if now.After(leaf.NotAfter) {
		return nil, &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid, Params: map[string]string{"field": "certificate",
			"reason": custody.ReasonCertificateOver, "until": string(custody.DateOf(leaf.NotAfter))}}
	}
	return leaf, nil
}

// AddCertificate registers a token's next certificate: a renewed or a reissued one.
// Those before it stay known; grants take each of them within its validity.
func (s *Store) AddCertificate(ctx context.Context, actor custody.Actor, n NewCertificate) (custody.Certificate, error) {
	if err := custody.CanRegister(actor); err != nil {
		return custody.Certificate{}, err
	}
	leaf, err := n.check(s.now())
	if err != nil {
		return custody.Certificate{}, err
	}
	var row certificateRow
	err = s.write(ctx, actor.School, func(t *tx) error {
		row, err = t.addCertificate(actor, n, leaf, "")
		return err
	})
	if err != nil {
		return custody.Certificate{}, err
	}
	return row.certificate()
}

func (t *tx) addCertificate(actor custody.Actor, n NewCertificate, leaf *x509.Certificate, proposed custody.PersonID) (certificateRow, error) {
	f, err := t.tokenBy("id", string(n.Token))
	if err != nil {
		return certificateRow{}, err
	}
	if f == nil {
		return certificateRow{}, custody.NotFound("token")
	}
	if err := t.requireNewCertificate(leaf, string(n.Token)); err != nil {
		return certificateRow{}, err
	}
	before, err := t.certificates(string(n.Token))
	if err != nil {
		return certificateRow{}, err
	}
	i := custody.CurrentCertificate(before, t.now)
	if i < 0 {
		return certificateRow{}, fmt.Errorf("token %s has no certificate: %w", n.Token, ErrDamaged)
	}
	row := certificateRow{SHA256: sha256Hex(n.Certificate), Token: string(n.Token), DER: n.Certificate, Chain: n.Chain, Replaces: before[i].SHA256, Proposed: string(proposed)}
	if row.Entry, err = t.append(signinglog.TypeCertificate, actor, map[string]string{signinglog.FieldToken: row.Token, signinglog.FieldCertificate: row.SHA256,
		"replaces": row.Replaces, "chain_sha256": hashOrNone(row.Chain), "proposed_by": row.Proposed}, nil); err != nil {
		return certificateRow{}, err
	}
	if err := t.insertRow(`INSERT INTO certificates (school_id, sha256, token_id, der, chain, replaces, proposed_by, entry_index)`,
		string(t.school), row.SHA256, row.Token, row.DER, bytesOrNull(row.Chain), row.Replaces, orNull(row.Proposed), row.Entry); err != nil {
		return certificateRow{}, fmt.Errorf("register certificate: %w", err)
	}
	if _, err := t.exec(t.ctx, `DELETE FROM certificate_proposals WHERE school_id = ? AND sha256 = ?`, string(t.school), row.SHA256); err != nil {
		return certificateRow{}, fmt.Errorf("settle proposal: %w", err)
	}
	return row, nil
}

// CertificateProposal is a certificate that an agent read from a token and nobody
// has confirmed yet.
type CertificateProposal struct {
	ID          string
	Token       custody.TokenID
	TokenSerial string
	Person      custody.PersonID
	PersonName  string
	Certificate custody.Certificate
	ProposedAt  time.Time
}

// ProposeCertificate takes a certificate that the custodian's agent read from the
// token of that serial. It counts for nothing until somebody who runs the register
// confirms it. Proposed again it is the same proposal; true says that it is
// registered already.
func (s *Store) ProposeCertificate(ctx context.Context, actor custody.Actor, serial string, n NewCertificate) (bool, error) {
	leaf, err := n.check(s.now())
	if err != nil {
		return false, err
	}
	known := false
	err = s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.tokenBy("serial", serial)
		if err != nil {
			return err
		}
		if f == nil || !actor.Roles.May(custody.RunRegister) && (f.custody == nil || f.custody.Person != string(actor.Person)) {
			return custody.NotFound("token")
		}
		id, sum := string(f.token.ID), sha256Hex(n.Certificate)
		var registered, proposed int
		if err := t.get(t.ctx, &registered, `SELECT COUNT(*) FROM certificates WHERE school_id = ? AND sha256 = ? AND token_id = ?`, string(t.school), sum, id); err != nil {
			return fmt.Errorf("read certificates: %w", err)
		}
		if known = registered > 0; known {
			return nil
		}
		if err := t.requireNewCertificate(leaf, id); err != nil {
			return err
		}
		if err := t.get(t.ctx, &proposed, `SELECT COUNT(*) FROM certificate_proposals WHERE school_id = ? AND sha256 = ?`, string(t.school), sum); err != nil || proposed > 0 {
			return err
		}
		if actor.Person == "" {
			return custody.Invalid("person", "only a person's agent reads a token")
		}
		if err := t.insertRow(`INSERT INTO certificate_proposals (id, school_id, token_id, person_id, sha256, der, chain, proposed_at)`,
			newID(), string(t.school), id, string(actor.Person), sum, n.Certificate, n.Chain, at(t.now)); err != nil {
			return fmt.Errorf("propose certificate: %w", err)
		}
		return nil
	})
	return known, err
}

type proposalRow struct {
	ID         string `db:"id"`
	Token      string `db:"token_id"`
	Serial     string `db:"serial"`
	Person     string `db:"person_id"`
	PersonName string `db:"person_name"`
	SHA256     string `db:"sha256"`
	DER        []byte `db:"der"`
	Chain      []byte `db:"chain"`
	ProposedAt stamp  `db:"proposed_at"`
}

var queryProposals = `SELECT o.id, o.token_id, t.serial, o.person_id, ` + fmt.Sprintf(nameOf, "o.person_id") + ` AS person_name, o.sha256, o.der, o.chain, o.proposed_at
	FROM certificate_proposals o JOIN tokens t ON t.id = o.token_id WHERE o.school_id = ?`

// CertificateProposals lists what waits to be confirmed, the oldest first, for who
// runs the register; to others their own.
func (s *Store) CertificateProposals(ctx context.Context, actor custody.Actor) ([]CertificateProposal, error) {
	query, args := queryProposals, []any{string(actor.School)}
	if !actor.Roles.May(custody.ReadRegister) {
		query, args = query+` AND o.person_id = ?`, append(args, string(actor.Person))
	}
	var rows []proposalRow
	if err := s.reader.list(ctx, &rows, query+` ORDER BY o.proposed_at, o.id`, args...); err != nil {
		return nil, fmt.Errorf("list proposals: %w", err)
	}
	out := make([]CertificateProposal, 0, len(rows))
	for _, r := range rows {
		c, err := certificateRow{SHA256: r.SHA256, DER: r.DER, Chain: r.Chain}.certificate()
		if err != nil {
			return nil, err
		}
		out = append(out, CertificateProposal{ID: r.ID, Token: custody.TokenID(r.Token), TokenSerial: r.Serial, Person: custody.PersonID(r.Person),
			PersonName: r.PersonName, Certificate: c, ProposedAt: r.ProposedAt.Time})
	}
	return out, nil
}

// DecideCertificate confirms a proposed certificate, which registers it, or drops it.
func (s *Store) DecideCertificate(ctx context.Context, actor custody.Actor, id string, confirm bool) error {
	if err := custody.CanRegister(actor); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[proposalRow](t, `SELECT id, token_id, '' AS serial, person_id, '' AS person_name, sha256, der, chain, proposed_at
			FROM certificate_proposals WHERE school_id = ? AND id = ?`, string(t.school), id)
		if err != nil {
			return fmt.Errorf("read proposal: %w", err)
		}
		if row == nil {
			return custody.NotFound("certificate")
		}
		if !confirm {
			_, err := t.exec(t.ctx, `DELETE FROM certificate_proposals WHERE id = ?`, id)
			return err
		}
		n := NewCertificate{Token: custody.TokenID(row.Token), Certificate: row.DER, Chain: row.Chain}
		leaf, err := n.check(t.now)
		if err != nil {
			return err
		}
		_, err = t.addCertificate(actor, n, leaf, custody.PersonID(row.Person))
		return err
	})
}
