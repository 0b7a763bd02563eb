package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// DoubtfulSignature is a signature of a reported token that may be somebody
// else's, with what its review came to.
type DoubtfulSignature struct {
	ID         custody.SignatureID
	Entry      int64
	Signer     custody.PersonID
	SignerName string
	Act        custody.Act
	Number     string
	Symbol     string
	Kind       string
	Summary    string
	GrantedAt  time.Time
	SignedAt   time.Time // by the signer's clock
	RecordedAt time.Time
	Doubt      custody.Doubt

	Verdict     custody.Verdict // "" = not reviewed
	ReviewedBy  string
	ReviewedAt  *time.Time
	ReviewNote  string
	ReviewEntry int64
	MayReview   bool // the asking actor may
}

type doubtfulRow struct {
	ID          string  `db:"id"`
	Entry       int64   `db:"entry_index"`
	Signer      string  `db:"person_id"`
	SignerName  string  `db:"signer_name"`
	Act         string  `db:"act"`
	Number      string  `db:"document_number"`
	Symbol      string  `db:"document_symbol"`
	Kind        string  `db:"document_kind"`
	Summary     string  `db:"summary"`
	GrantedAt   stamp   `db:"granted_at"`
	SignedAt    stamp   `db:"signed_at"`
	RecordedAt  stamp   `db:"recorded_at"`
	Verdict     *string `db:"verdict"`
	ReviewedBy  string  `db:"reviewed_by_name"`
	ReviewedAt  *stamp  `db:"reviewed_at"`
	ReviewNote  string  `db:"review_note"`
	ReviewEntry *int64  `db:"review_entry"`
}

// queryDoubtful: the time is the service's, for the signer's clock may be set to
// any. Once the principal has cleared the incident, what is signed is none of it.
var queryDoubtful = `SELECT s.id, s.entry_index, g.person_id, ` + fmt.Sprintf(nameOf, "g.person_id") + ` AS signer_name, g.act, g.document_number, g.document_symbol, g.document_kind,
	COALESCE(m.value, '') AS summary, g.granted_at, s.signed_at, s.recorded_at,
	v.verdict, ` + fmt.Sprintf(nameOf, "v.reviewed_by") + ` AS reviewed_by_name, v.reviewed_at, COALESCE(n.value, '') AS review_note, v.entry_index AS review_entry
	FROM grants g JOIN signatures s ON s.grant_id = g.id
	LEFT JOIN reveals m ON m.school_id = s.school_id AND m.entry_index = s.entry_index AND m.field = 'summary'
	LEFT JOIN signature_reviews v ON v.incident_id = ? AND v.signature_id = s.id
		AND v.entry_index = (SELECT MAX(y.entry_index) FROM signature_reviews y WHERE y.incident_id = v.incident_id AND y.signature_id = s.id)
	LEFT JOIN reveals n ON n.school_id = v.school_id AND n.entry_index = v.entry_index AND n.field = 'note'
	WHERE g.school_id = ? AND g.token_id = ? AND s.recorded_at > ?
		AND NOT EXISTS (SELECT 1 FROM incident_steps c WHERE c.incident_id = ? AND c.step = 'cleared' AND c.recorded_at <= g.granted_at)
	ORDER BY s.entry_index`

// DoubtfulSignatures lists the signatures made with an incident's token after the
// last certain use, else after the loss was noticed. The actor must see the incident.
func (s *Store) DoubtfulSignatures(ctx context.Context, actor custody.Actor, id custody.IncidentID) ([]DoubtfulSignature, error) {
	row, err := s.Incident(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return s.doubtful(ctx, actor, row.Incident)
}

func (s *Store) doubtful(ctx context.Context, actor custody.Actor, i custody.Incident) ([]DoubtfulSignature, error) {
	var rows []doubtfulRow
	if err := s.reader.list(ctx, &rows, queryDoubtful, string(i.ID), string(actor.School), string(i.Token), at(i.DoubtSince()), string(i.ID)); err != nil {
		return nil, fmt.Errorf("list doubtful signatures: %w", err)
	}
	out := make([]DoubtfulSignature, 0, len(rows))
	for _, r := range rows {
		d := DoubtfulSignature{ID: custody.SignatureID(r.ID), Entry: r.Entry, Signer: custody.PersonID(r.Signer), SignerName: r.SignerName, Act: custody.Act(r.Act),
			Number: r.Number, Symbol: r.Symbol, Kind: r.Kind, Summary: r.Summary, GrantedAt: r.GrantedAt.Time, SignedAt: r.SignedAt.Time, RecordedAt: r.RecordedAt.Time,
			Doubt: i.DoubtAbout(r.RecordedAt.Time), ReviewedBy: r.ReviewedBy, ReviewedAt: r.ReviewedAt.moment(), ReviewNote: r.ReviewNote, ReviewEntry: indexOr0(r.ReviewEntry),
			MayReview: custody.CanReview(actor, custody.PersonID(r.Signer)) == nil}
		if r.Verdict != nil {
			d.Verdict = custody.Verdict(*r.Verdict)
		}
		out = append(out, d)
	}
	return out, nil
}

// ReviewSignature says of a doubtful signature that it is genuine, or not. A later
// word counts more; both stay in the log.
func (s *Store) ReviewSignature(ctx context.Context, actor custody.Actor, id custody.IncidentID, signature custody.SignatureID, verdict custody.Verdict, note string) error {
	if err := texts("note", &note); err != nil {
		return err
	}
	if !verdict.Valid() {
		return custody.Invalid("verdict", "verdict %.40q", string(verdict))
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		incident, err := t.visibleIncident(actor, id)
		if err != nil {
			return err
		}
		found, err := optional[doubtfulRow](t, `SELECT * FROM (`+queryDoubtful+`) AS doubtful WHERE id = ?`,
			string(id), string(t.school), incident.Token, at(incident.incident().DoubtSince()), string(id), string(signature))
		if err != nil {
			return fmt.Errorf("read doubtful signature: %w", err)
		}
		if found == nil {
			return custody.NotFound("signature")
		}
		if err := custody.CanReview(actor, custody.PersonID(found.Signer)); err != nil {
			return err
		}
		row := reviewRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Incident: string(id), Signature: found.ID, SignatureEntry: found.Entry, Token: incident.Token,
			Signer: found.Signer, Verdict: string(verdict), By: string(actor.Person), ReviewedAt: at(t.now)}
		if row.Entry, err = t.append(signinglog.TypeSignatureReview, actor, row.fields(), map[string]string{"note": note}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO signature_reviews (id, school_id, incident_id, signature_id, signature_entry, token_id, signer_id, verdict, reviewed_by, reviewed_at, entry_index)`,
			row.ID, row.School, row.Incident, row.Signature, row.SignatureEntry, row.Token, row.Signer, row.Verdict, row.By, row.ReviewedAt, row.Entry); err != nil {
			return fmt.Errorf("review signature: %w", err)
		}
		return nil
	})
}
