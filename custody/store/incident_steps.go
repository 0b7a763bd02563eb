package store

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// NewStep is what RecordStep records. A DoneAt of zero is now.
type NewStep struct {
	custody.Step
	Note string
}

// RecordStep records a step of an incident's track by custody.StepRules. The step
// that ends it changes the token with it: cleared, it is where it was; closed, it
// is retired.
func (s *Store) RecordStep(ctx context.Context, actor custody.Actor, id custody.IncidentID, n NewStep) (TrackRow, error) {
	if err := texts("paper_number", &n.PaperNumber, "addressee", &n.Addressee, "note", &n.Note); err != nil {
		return TrackRow{}, err
	}
	if _, err := custody.ParseDate(string(n.PaperDate)); err != nil {
		return TrackRow{}, custody.Invalid("paper_date", "%v", err)
	}
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, err := t.visibleIncident(actor, id)
		if err != nil {
			return err
		}
		track, err := t.track(*row)
		if err != nil {
			return err
		}
		step := n.Step
		step.Revocation = 0
		if step.DoneAt.IsZero() || step.DoneAt.After(t.now) && !step.DoneAt.After(t.now.Add(clockSkew)) {
			step.DoneAt = t.now
		}
		if err := track.CanStep(actor, step, t.now); err != nil {
			return err
		}
		if rule, _ := custody.RuleOfStep(step.Kind); rule.Note && n.Note == "" {
			return custody.Invalid("note", "no words")
		}
		if step.Kind == custody.StepCertificateRevoked {
			return t.revokedByNotice(actor, *row, track, step, n.Note)
		}
		_, err = t.writeStep(actor, *row, step, n.Note)
		return err
	})
	if err != nil {
		return TrackRow{}, err
	}
	return s.IncidentTrack(ctx, actor, id)
}

// revokedByNotice believes the authority's notice, where the certificate does not
// say whom to ask. The revocation of the last certificate brings the step; where all
// have run out there is none, and the step is recorded by itself.
func (t *tx) revokedByNotice(actor custody.Actor, row incidentRow, track custody.Track, step custody.Step, note string) error {
	if track.CertificateEnded {
		_, err := t.writeStep(actor, row, step, note)
		return err
	}
	notice := track.Step(custody.StepRevocationNoticed)
	certificates, err := t.certificates(string(track.Incident.Token))
	if err != nil {
		return err
	}
	for _, c := range certificates {
		if c.RevokedAt != nil || t.now.After(c.NotAfter) {
			continue
		}
		if err := t.setRevocation(actor, c.SHA256, &step.DoneAt, notice.PaperNumber+", "+string(notice.PaperDate)); err != nil {
			return err
		}
	}
	return nil
}

// certificatesEnded tells whether every certificate is revoked or has expired, and
// whether one that goes on says where to ask about it.
func certificatesEnded(certificates []custody.Certificate, now time.Time) (ended, askable bool) {
	ended = true
	for _, c := range certificates {
		if c.RevokedAt != nil || now.After(c.NotAfter) {
			continue
		}
		ended = false
		if parsed, err := x509.ParseCertificate(c.DER); err == nil && len(parsed.OCSPServer)+len(parsed.CRLDistributionPoints) > 0 {
			askable = true
		}
	}
	return ended, askable
}

// visibleIncident reads an incident that the actor may see, locked by the log's head.
func (t *tx) visibleIncident(actor custody.Actor, id custody.IncidentID) (*incidentRow, error) {
	query, args := `SELECT `+incidentColumns+` FROM incidents i JOIN tokens t ON t.id = i.token_id WHERE i.school_id = ? AND i.id = ?`, []any{string(t.school), string(id)}
	if !actor.Roles.May(custody.ReadRegister) {
		p := string(actor.Person)
		query, args = query+seesIncident, append(args, p, p, p)
	}
	row, err := optional[incidentRow](t, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read incident: %w", err)
	}
	if row == nil {
		return nil, custody.NotFound("incident")
	}
	return row, nil
}

// track reads what was done about an incident.
func (t *tx) track(row incidentRow) (custody.Track, error) {
	var steps []stepRow
	if err := t.list(t.ctx, &steps, `SELECT `+stepColumns+` FROM incident_steps WHERE incident_id = ? ORDER BY entry_index`, row.ID); err != nil {
		return custody.Track{}, fmt.Errorf("read steps: %w", err)
	}
	certificates, err := t.certificates(row.Token)
	if err != nil {
		return custody.Track{}, err
	}
	track := custody.Track{Incident: row.incident()}
	track.CertificateEnded, track.Askable = certificatesEnded(certificates, t.now)
	for _, step := range steps {
		track.Steps = append(track.Steps, step.step())
	}
	return track, nil
}

// writeStep appends a step's entry and its row, and ends the incident when the
// step does.
func (t *tx) writeStep(actor custody.Actor, row incidentRow, step custody.Step, note string) (int64, error) {
	taken, ok := tokenSteps[step.Kind]
	if !ok {
		return t.insertStep(actor, row, step, note, nil)
	}
	f, err := t.tokenBy("id", row.Token)
	if err != nil {
		return 0, err
	}
	if taken == custody.TokenClose && f.offer != nil {
		return 0, custody.Conflict(custody.ReasonHandOverOpen)
	}
	var index int64
	err = t.takeStep(f, taken, func() error {
		if taken != custody.TokenClose {
			f = nil // its custody goes on
		}
		index, err = t.insertStep(actor, row, step, note, f)
		return err
	})
	return index, err
}

// tokenSteps are the steps of a track that change the state of the token, too.
var tokenSteps = map[custody.StepKind]custody.TokenStep{
	custody.StepCleared:            custody.TokenClear,
	custody.StepRevocationAsked:    custody.TokenAskRevocation,
	custody.StepCertificateRevoked: custody.TokenRevoke,
	custody.StepClosed:             custody.TokenClose,
}

// insertStep is writeStep without the token; the custody of ends, if there is one,
// ends with the step.
func (t *tx) insertStep(actor custody.Actor, row incidentRow, step custody.Step, note string, ends *tokenFacts) (int64, error) {
	r := stepRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Incident: row.ID, IncidentEntry: row.Entry, Token: row.Token, Step: string(step.Kind),
		By: string(actor.Person), DoneAt: at(step.DoneAt), PaperNumber: step.PaperNumber, PaperOn: step.PaperDate, Addressee: step.Addressee, RecordedAt: at(t.now)}
	if step.Revocation != 0 {
		r.Revocation = &step.Revocation
	}
	fields := r.fields()
	var custodian *string
	if err := t.get(t.ctx, &custodian, `SELECT (`+custodianThen+`) FROM incidents i WHERE i.id = ?`, row.ID); err != nil {
		return 0, fmt.Errorf("read custodian: %w", err)
	}
	if custodian != nil {
		fields[signinglog.FieldPerson] = *custodian
	} else if row.Reporter != "" {
		fields[signinglog.FieldPerson] = row.Reporter
	}
	if ends != nil && ends.custody != nil {
		fields["ends"] = count(ends.custody.Entry)
	}
	var err error
	if r.Entry, err = t.append(signinglog.TypeIncidentStep, actor, fields, map[string]string{"note": note}); err != nil {
		return 0, err
	}
	if err := t.insertRow(`INSERT INTO incident_steps (id, school_id, incident_id, incident_entry, token_id, step, recorded_by, done_at, paper_number, paper_on,
		addressee, revocation_entry, recorded_at, entry_index)`, r.ID, r.School, r.Incident, r.IncidentEntry, r.Token, r.Step, orNull(r.By), r.DoneAt, r.PaperNumber, r.PaperOn,
		r.Addressee, r.Revocation, r.RecordedAt, r.Entry); err != nil {
		return 0, fmt.Errorf("record step: %w", err)
	}
	if ends != nil {
		if err := t.endCustody(ends, r.Entry, r.RecordedAt); err != nil {
			return 0, err
		}
	}
	state := step.Kind.Ends()
	if state == "" {
		return r.Entry, nil
	}
	if state == custody.IncidentClosed {
		if err := t.retireReported(actor, row); err != nil {
			return 0, err
		}
	}
	changed, err := t.exec(t.ctx, `UPDATE incidents SET state = ? WHERE id = ? AND state = 'open'`, string(state), row.ID)
	if err != nil {
		return 0, fmt.Errorf("end incident: %w", err)
	}
	if changed != 1 {
		return 0, custody.Conflict(custody.ReasonTrackEnded)
	}
	return r.Entry, nil
}

// retireReported records of the token of an incident that is closed why it is out of
// use, and by which paper; its custody has ended with the step.
func (t *tx) retireReported(actor custody.Actor, row incidentRow) error {
	f, err := t.tokenBy("id", row.Token)
	if err != nil || f == nil || f.Retired {
		return err
	}
	track, err := t.track(row)
	if err != nil {
		return err
	}
	n := NewRetirement{Token: custody.TokenID(row.Token), Kind: custody.RetiredToCA, Reason: "đã kết thúc xử lý sự cố, mục " + count(row.Entry)}
	device := track.Step(custody.StepDeviceReturned)
	if device == nil {
		n.Kind, device = custody.RetiredLost, track.Step(custody.StepDeviceLost)
	}
	if device != nil {
		n.Paper = device.PaperNumber
	}
	return t.retire(actor, f, n)
}

// certificateRevoked moves the open incidents of a token on once no certificate of
// it is good any more; index is the entry of the revocation.
func (t *tx) certificateRevoked(actor custody.Actor, token string, index int64) error {
	var open []incidentRow
	if err := t.list(t.ctx, &open, `SELECT `+incidentColumns+` FROM incidents i WHERE i.token_id = ? AND i.state = 'open' ORDER BY i.entry_index`, token); err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	for _, row := range open {
		if err := t.revokedIn(actor, row, index); err != nil {
			return err
		}
	}
	return nil
}

// revokedIn records that the certificate is revoked. It is a fact from outside, so
// that no order of steps holds it up.
func (t *tx) revokedIn(actor custody.Actor, row incidentRow, index int64) error {
	track, err := t.track(row)
	if err != nil || !track.CertificateEnded || track.Step(custody.StepCertificateRevoked) != nil {
		return err
	}
	_, err = t.writeStep(actor, row, custody.Step{Kind: custody.StepCertificateRevoked, DoneAt: t.now, Revocation: index}, "")
	return err
}
