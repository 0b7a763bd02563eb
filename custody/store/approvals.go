package store

import (
	"fmt"
	"time"

	"sokyso/custody"
)

// fillApproval finds what an issue may rest on: the entry of the log whose output
// is exactly the input, an approval of the same document; else a signature in the
// file by a registered certificate that the caller verified and that the log does
// not have. The log is not followed further back: an entry's input is its agent's
// word, and whoever makes an entry after the approval could name any file there.
// For the same reason a signature that the log has counts for its own output only,
// and one that has been used for another input not again.
func (t *tx) fillApproval(facts *custody.GrantFacts, r custody.GrantRequest) error {
	s, err := t.loggedSignature(`s.sha256_out = ?`, r.SHA256In)
	if err != nil {
		return err
	}
	if s != nil && custody.Act(s.Act) == custody.Approve {
		approved := custody.Document{Number: s.Number, Symbol: s.Symbol, Kind: s.Kind}
		if !r.Document.Continues(approved) {
			facts.Approved = &approved
			return nil
		}
		competent, err := t.competentOn(custody.PersonID(s.Person), s.Kind, s.GrantedAt.Time)
		if err != nil {
			return err
		}
		if competent {
			facts.Approval = &custody.Approval{Entry: s.Index}
			return nil
		}
	}
	for _, prior := range r.VerifiedPrior {
		usable, err := t.usablePrior(prior, r)
		if err != nil {
			return err
		}
		if usable {
			facts.Approval = &custody.Approval{Certificate: prior.CertificateSHA256, Digest: prior.Digest}
			return nil
		}
	}
	return nil
}

// usablePrior: a signature outside the log, not used for another input, by a
// certificate whose owner is competent.
func (t *tx) usablePrior(prior custody.PriorSignature, r custody.GrantRequest) (bool, error) {
	s, err := t.loggedSignature(`s.byte_range_digest = ? AND g.certificate_sha256 = ?`, prior.Digest, prior.CertificateSHA256)
	if err != nil || s != nil {
		return false, err // of the log: it counts by its output, or not at all
	}
	var used int
	if err := t.get(t.ctx, &used, `SELECT COUNT(*) FROM grants WHERE school_id = ? AND approval_digest = ? AND approval_certificate = ? AND sha256_in <> ?`,
		string(t.school), prior.Digest, prior.CertificateSHA256, r.SHA256In); err != nil {
		return false, fmt.Errorf("read grants: %w", err)
	}
	if used > 0 {
		return false, nil
	}
	return t.competentCertificate(prior.CertificateSHA256, r.Document.Kind)
}

func (t *tx) loggedSignature(condition string, args ...any) (*signatureRow, error) {
	s, err := optional[signatureRow](t, `SELECT `+grantColumns+`, `+signatureColumns+` FROM signatures s JOIN grants g ON g.id = s.grant_id
		WHERE s.school_id = ? AND `+condition+` ORDER BY s.entry_index LIMIT 1`, append([]any{string(t.school)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read signatures: %w", err)
	}
	return s, nil
}

func (t *tx) competentOn(person custody.PersonID, document string, when time.Time) (bool, error) {
	positions, scopes, err := t.personFacts(person)
	if err != nil {
		return false, err
	}
	return custody.Competent(document, positions, scopes, custody.DateOf(when)), nil
}

// competentCertificate: a signature that is not in the log, perhaps made before
// the log began. Its time is only claimed, so the owner must be competent today,
// and neither certificate nor token in doubt.
func (t *tx) competentCertificate(sha256, document string) (bool, error) {
	row, err := optional[struct {
		Token     string `db:"token_id"`
		RevokedAt *stamp `db:"revoked_at"`
	}](t, `SELECT token_id, revoked_at FROM certificates WHERE school_id = ? AND sha256 = ?`, string(t.school), sha256)
	if err != nil {
		return false, fmt.Errorf("read certificate: %w", err)
	}
	if row == nil || row.RevokedAt != nil {
		return false, nil
	}
	f, err := t.tokenBy("id", row.Token)
	if err != nil || f == nil || f.token.Kind != custody.Personal || f.incident != nil {
		return false, err
	}
	return t.competentOn(f.token.Owner, document, t.now)
}
