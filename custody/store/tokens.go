package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// RegisterToken registers a token with its certificate. It lies in the safe then.
func (s *Store) RegisterToken(ctx context.Context, actor custody.Actor, n NewToken) (custody.Token, error) {
	if err := custody.CanRegister(actor); err != nil {
		return custody.Token{}, err
	}
	if err := texts("serial!", &n.Serial, "label", &n.Label, "model", &n.Model, "provider", &n.Provider, "place", &n.Place); err != nil {
		return custody.Token{}, err
	}
	switch {
	case !n.Kind.Valid():
		return custody.Token{}, custody.Invalid("kind", "kind of token %.40q", string(n.Kind))
	case n.Kind == custody.Personal && n.Owner == "":
		return custody.Token{}, custody.Invalid("owner", "a personal token has an owner")
	case n.Kind == custody.Seal && n.Owner != "":
		return custody.Token{}, custody.Invalid("owner", "a seal token has no owner")
	}
	leaf, chain, err := parseCertificates(n.Certificate, n.Chain)
	if err != nil {
		return custody.Token{}, err
	}
	if err := custody.CheckCertificate(leaf, chain); err != nil {
		return custody.Token{}, err
	}
	row := tokenRow{rowBase: rowBase{ID: newID(), School: string(actor.School)}, Serial: n.Serial, Model: n.Model, Provider: n.Provider,
		Kind: string(n.Kind), Owner: string(n.Owner), Certificate: sha256Hex(n.Certificate), Chain: n.Chain}
	err = s.write(ctx, actor.School, func(t *tx) error {
		if n.Owner != "" {
			if err := t.requireOwn(n.Owner); err != nil {
				return err
			}
		}
		var taken int
		if err := t.get(t.ctx, &taken, `SELECT COUNT(*) FROM tokens WHERE school_id = ? AND serial = ?`, row.School, row.Serial); err != nil {
			return fmt.Errorf("register token: %w", err)
		}
		if taken > 0 {
			return custody.Conflict(custody.ReasonDuplicate, "field", "serial")
		}
		if err := t.requireNewCertificate(leaf, row.ID); err != nil {
			return err
		}
		row.CreatedAt = at(t.now)
		var err error
		if row.Entry, err = t.append(signinglog.TypeToken, actor, row.fields(), map[string]string{"label": n.Label}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO tokens (id, school_id, serial, model, provider, kind, owner_id, created_at, entry_index)`,
			row.ID, row.School, row.Serial, row.Model, row.Provider, row.Kind, orNull(row.Owner), row.CreatedAt, row.Entry); err != nil {
			return fmt.Errorf("register token: %w", err)
		}
		if err := t.insertRow(`INSERT INTO certificates (school_id, sha256, token_id, der, chain, entry_index)`,
			row.School, row.Certificate, row.ID, n.Certificate, bytesOrNull(n.Chain), row.Entry); err != nil {
			return fmt.Errorf("register certificate: %w", err)
		}
		if n.Place == "" {
			return nil
		}
		return t.place(actor, row.ID, n.Place)
	})
	if err != nil {
		return custody.Token{}, err
	}
	return custody.Token{ID: custody.TokenID(row.ID), Serial: row.Serial, Label: n.Label, Model: row.Model, Provider: row.Provider, Kind: n.Kind, Owner: n.Owner, State: custody.InSafe}, nil
}

// listedToken is a token with all that its state follows from.
type listedToken struct {
	tokenRow
	Label           string  `db:"label"`
	Place           string  `db:"place"`
	OwnerName       string  `db:"owner_name"`
	Custodian       string  `db:"custodian"`
	CustodianName   string  `db:"custodian_name"`
	SinceAt         *stamp  `db:"since_at"`
	LastUntil       *stamp  `db:"last_until"`
	OfferKind       *string `db:"offer_kind"`
	OfferedAt       *stamp  `db:"open_offered_at"`
	FirstReportedAt *stamp  `db:"reported_at"`
	ProvenAt        *stamp  `db:"proven_at"`
	ProofEntry      *int64  `db:"proof_entry"`

	lifeRow
	PINAt        *stamp       `db:"pin_at"`
	WrittenOffAt *stamp       `db:"written_off_at"`
	RetiredAt    *stamp       `db:"retired_at"`
	TemporaryTo  custody.Date `db:"temporary_to"`
}

var queryTokens = `SELECT ` + tokenColumns + `, COALESCE(l.value, '') AS label, ` + fmt.Sprintf(nameOf, "t.owner_id") + ` AS owner_name,
	COALESCE((SELECT y.place FROM placings y WHERE y.token_id = t.id ORDER BY y.entry_index DESC LIMIT 1), '') AS place,
	COALESCE(k.person_id, '') AS custodian, ` + fmt.Sprintf(nameOf, "k.person_id") + ` AS custodian_name, k.since_at,
	(SELECT MAX(e.until_at) FROM custodies e WHERE e.token_id = t.id) AS last_until,
	o.kind AS offer_kind, o.offered_at AS open_offered_at,
	(SELECT MIN(i.reported_at) FROM incidents i WHERE i.token_id = t.id AND i.state = 'open') AS reported_at,
	p.proven_at, p.entry_index AS proof_entry, ` + lifeColumns + `,
	(SELECT MAX(s.taken_at) FROM pin_steps s WHERE s.token_id = t.id) AS pin_at, (SELECT MIN(w.written_off_at) FROM write_offs w WHERE w.token_id = t.id) AS written_off_at,
	COALESCE((SELECT x.retired_at FROM retirements x WHERE x.token_id = t.id),
		(SELECT MIN(x.recorded_at) FROM incident_steps x WHERE x.token_id = t.id AND x.step = 'closed')) AS retired_at,
	(SELECT h.until_on FROM hand_overs h WHERE h.token_id = t.id AND h.decided_entry = k.entry_index) AS temporary_to
	FROM tokens t
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	LEFT JOIN custodies k ON k.token_id = t.id AND k.until_at IS NULL
	LEFT JOIN hand_overs o ON o.token_id = t.id AND o.state = 'offered'
	LEFT JOIN possessions p ON p.token_id = t.id AND p.entry_index = (SELECT MAX(y.entry_index) FROM possessions y WHERE y.token_id = t.id)
	WHERE t.school_id = ?`

// mine is the condition under which a token is the person's: held, offered by
// or to them, or theirs by its certificate.
const mine = ` AND (k.person_id = ? OR o.receiver_id = ? OR o.giver_id = ? OR t.owner_id = ?)`

func (r listedToken) row(certificates []custody.Certificate, now time.Time) TokenRow {
	out := TokenRow{Token: custody.Token{ID: custody.TokenID(r.ID), Serial: r.Serial, Label: r.Label, Model: r.Model, Provider: r.Provider,
		Kind: custody.TokenKind(r.Kind), Owner: custody.PersonID(r.Owner)}, OwnerName: r.OwnerName, Place: r.Place,
		Custodian: custody.PersonID(r.Custodian), CustodianName: r.CustodianName, Certificates: certificates, ProvenAt: r.ProvenAt.moment(), ProofEntry: r.ProofEntry}
	if i := custody.CurrentCertificate(certificates, now); i >= 0 {
		out.Certificate = certificates[i]
	}
	out.PIN, out.WrittenOff, out.TemporaryTo = custody.PINStep(r.PIN), r.WrittenOff, r.TemporaryTo
	condition := custody.Condition{Retired: r.Retired, Reported: r.FirstReportedAt != nil, WrittenOff: r.WrittenOff, RevocationAsked: r.RevocationAsked, Revoked: r.Revoked, PIN: out.PIN}
	if r.Custodian != "" {
		condition.Custody = &custody.Custody{Person: out.Custodian}
	}
	if r.OfferKind != nil {
		condition.Offer = &custody.HandOver{Kind: custody.HandOverKind(*r.OfferKind)}
	}
	out.State = custody.StateOf(condition)
	since := &r.CreatedAt
	switch out.State {
	case custody.Retired:
		since = r.RetiredAt
	case custody.Blocked, custody.RevocationAsked, custody.Revoked:
		if since = r.FirstReportedAt; since == nil || r.WrittenOffAt != nil && r.WrittenOffAt.Before(since.Time) {
			since = r.WrittenOffAt
		}
	case custody.HandedOver, custody.ReturnOffered:
		since = r.OfferedAt
	case custody.PINLocked, custody.RecoveryAsked:
		since = r.PINAt
	case custody.Held:
		since = r.SinceAt
	default:
		if r.LastUntil != nil {
			since = r.LastUntil
		}
	}
	out.Since = since.Time
	return out
}

func (s *Store) tokens(ctx context.Context, actor custody.Actor, page *Page, condition string, args ...any) ([]TokenRow, error) {
	var listed []listedToken
	query, all := page.order(queryTokens+condition, append([]any{string(actor.School)}, args...), "t.entry_index", false)
	if err := s.reader.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	listed = cut(page, listed, func(r *listedToken) int64 { return r.Entry })
	ids := make([]string, len(listed))
	for i, r := range listed {
		ids[i] = r.ID
	}
	certificates, err := s.certificatesOfTokens(ctx, actor, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]TokenRow, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, r.row(certificates[r.ID], s.now()))
	}
	return rows, nil
}

// Tokens lists all tokens for who manages the register, one's own for others.
func (s *Store) Tokens(ctx context.Context, actor custody.Actor) ([]TokenRow, error) {
	return s.TokensPage(ctx, actor, nil)
}

// TokensPage is a page of Tokens.
func (s *Store) TokensPage(ctx context.Context, actor custody.Actor, page *Page) ([]TokenRow, error) {
	if actor.Roles.May(custody.ReadRegister) {
		return s.tokens(ctx, actor, page, "")
	}
	p := string(actor.Person)
	return s.tokens(ctx, actor, page, mine, p, p, p, p)
}

// TokensOf lists what the actor holds, gives, is given or owns.
func (s *Store) TokensOf(ctx context.Context, actor custody.Actor) ([]TokenRow, error) {
	p := string(actor.Person)
	return s.tokens(ctx, actor, nil, mine, p, p, p, p)
}

// Token returns one token that the actor may see.
func (s *Store) Token(ctx context.Context, actor custody.Actor, id custody.TokenID) (TokenRow, error) {
	condition, args := ` AND t.id = ?`, []any{string(id)}
	if !actor.Roles.May(custody.ReadRegister) {
		p := string(actor.Person)
		condition, args = condition+mine, append(args, p, p, p, p)
	}
	rows, err := s.tokens(ctx, actor, nil, condition, args...)
	if err != nil {
		return TokenRow{}, err
	}
	if len(rows) == 0 {
		return TokenRow{}, custody.NotFound("token")
	}
	return rows[0], nil
}

// SetRevocation notes that a registered certificate is revoked, or, with nil,
// that it is not: source says who says so (CRL or OCSP address, a paper).
func (s *Store) SetRevocation(ctx context.Context, actor custody.Actor, sha256 string, revokedAt *time.Time, source string) error {
	if err := custody.CanRegister(actor); err != nil {
		return err
	}
	if err := texts("source!", &source); err != nil {
		return err
	}
	return s.write(apart(ctx), actor.School, func(t *tx) error { return t.setRevocation(actor, sha256, revokedAt, source) })
}

func (t *tx) setRevocation(actor custody.Actor, sha256 string, revokedAt *time.Time, source string) error {
	var row struct {
		Token     string `db:"token_id"`
		RevokedAt *stamp `db:"revoked_at"`
	}
	err := t.get(t.ctx, &row, `SELECT token_id, revoked_at FROM certificates WHERE school_id = ? AND sha256 = ?`, string(t.school), sha256)
	if errors.Is(err, sql.ErrNoRows) {
		return custody.NotFound("certificate")
	}
	if err != nil {
		return fmt.Errorf("set revocation: %w", err)
	}
	fields := map[string]string{signinglog.FieldCertificate: sha256, signinglog.FieldToken: row.Token, "source": source}
	var column any
	if revokedAt != nil {
		moment := at(*revokedAt)
		if row.RevokedAt != nil && row.RevokedAt.Equal(moment.Time) {
			return nil // known already: a daily check must not fill the log
		}
		fields["revoked_at"] = signinglog.FormatTime(moment.Time)
		column = moment
	} else if row.RevokedAt == nil {
		return nil
	}
	index, err := t.append(signinglog.TypeRevocation, actor, fields, nil)
	if err != nil {
		return err
	}
	if _, err := t.exec(t.ctx, `UPDATE certificates SET revoked_at = ?, revocation_source = ?, revocation_entry = ? WHERE school_id = ? AND sha256 = ?`,
		column, source, index, string(t.school), sha256); err != nil {
		return fmt.Errorf("set revocation: %w", err)
	}
	if revokedAt == nil {
		return nil
	}
	return t.certificateRevoked(actor, row.Token, index)
}
