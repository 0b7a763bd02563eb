package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

func index(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("field holds no entry: %.20q", s)
	}
	return n, nil
}

// records compares each table with the entries.
func (v *verification) records() error {
	for _, check := range []func() error{
		func() error {
			return checkTable[personRow](v, "persons", personColumns, "", signinglog.TypePerson, nil)
		},
		func() error {
			return checkTable[positionRow](v, "positions", positionColumns, "", signinglog.TypePosition, nil)
		},
		func() error { return checkTable[scopeRow](v, "scopes", scopeColumns, "", signinglog.TypeScope, nil) },
		func() error {
			return checkTable[apiKeyRow](v, "api_keys", apiKeyColumns, "", signinglog.TypePairing, nil)
		},
		func() error { return v.orphans("unpairings", "api_keys", "api_key_id") },
		func() error {
			return checkTable[unpairingRow](v, "unpairings u JOIN api_keys k ON k.id = u.api_key_id",
				`k.id, k.school_id, k.person_id, k.key_sha256, k.created_at, k.entry_index, u.ended_at, u.entry_index AS unpairing_entry`, "u.", signinglog.TypeUnpairing, nil)
		},
		func() error {
			return checkTable[placingRow](v, "placings", placingColumns, "", signinglog.TypePlacing, nil)
		},
		func() error { return v.orphans("placings", "tokens", "token_id") },
		func() error {
			return checkTable[delegationRow](v, "delegations", delegationColumns, "", signinglog.TypeDelegation, nil)
		},
		func() error { return v.orphans("delegation_endings", "delegations", "delegation_id") },
		func() error {
			return checkTable[delegationEndingRow](v, "delegation_endings x", delegationEndingColumns, "x.", signinglog.TypeDelegationEnding, nil)
		},
		func() error {
			return checkTable[possessionRow](v, "possessions", possessionColumns, "", signinglog.TypePossession, nil)
		},
		func() error { return v.orphans("confirmations", "hand_overs", "hand_over_id") },
		func() error {
			return checkTable[confirmationRow](v, "confirmations c JOIN hand_overs h ON h.id = c.hand_over_id", confirmationColumns, "c.", signinglog.TypeConfirmation, nil)
		},
		func() error {
			return checkTable[pinStepRow](v, "pin_steps", pinStepColumns, "", signinglog.TypePIN, nil)
		},
		func() error {
			return checkTable[writeOffRow](v, "write_offs", writeOffColumns, "", signinglog.TypeWriteOff, nil)
		},
		func() error {
			return checkTable[retirementRow](v, "retirements", retirementColumns, "", signinglog.TypeRetirement, nil)
		},
		func() error {
			return checkTable[endingRow](v, "endings", endingColumns, "", signinglog.TypeEnding, nil)
		},
		v.supportAndChecks,
		func() error {
			return checkTable[settingRow](v, "settings", settingColumns, "", signinglog.TypeSetting, nil)
		},
		func() error {
			return checkTable[tokenAlone](v, "tokens t", tokenColumns, "t.", signinglog.TypeToken, nil)
		},
		func() error { return v.orphans("certificates", "tokens", "token_id") },
		v.certificates,
		func() error {
			return checkTable(v, "hand_overs h", handOverColumns, "h.", signinglog.TypeOffer, v.checkDecision)
		},
		v.custodies,
		func() error {
			return checkTable(v, "incidents i", incidentColumns, "i.", signinglog.TypeIncident, v.checkIncidentState)
		},
		func() error {
			return checkTable[stepRow](v, "incident_steps", stepColumns, "", signinglog.TypeIncidentStep, nil)
		},
		func() error { return checkTable(v, "alarms a", alarmColumns, "a.", signinglog.TypeAlarm, v.checkAlarm) },
		func() error {
			return checkTable[reviewRow](v, "signature_reviews", reviewColumns, "", signinglog.TypeSignatureReview, nil)
		},
		v.reviews,
		func() error { return v.orphans("abandonments", "grants", "grant_id") },
		func() error { return v.orphans("signatures", "grants", "grant_id") },
		func() error {
			return checkTable[abandonmentRow](v, "abandonments a JOIN grants g ON g.id = a.grant_id",
				grantColumns+`, a.reason, a.abandoned_at, a.entry_index AS abandonment_entry`, "a.", signinglog.TypeAbandonment, nil)
		},
		func() error {
			return checkTable[signatureRow](v, "signatures s JOIN grants g ON g.id = s.grant_id", grantColumns+`, `+signatureColumns, "s.", signinglog.TypeSignature, nil)
		},
		v.grants,
		v.documents,
		v.papers,
		v.signedPapers,
		v.reveals,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// reviews compares what was said of entries, what was done with accounts, and what was found outside of the log.
func (v *verification) reviews() error {
	if err := checkTable[logReviewRow](v, "log_reviews w", logReviewColumns, "w.", signinglog.TypeLogReview, nil); err != nil {
		return err
	}
	if err := checkTable[reviewStepRow](v, "review_steps w", reviewStepColumns, "w.", signinglog.TypeReviewStep, nil); err != nil {
		return err
	}
	if err := checkTable[erasureRow](v, "erasures w", erasureColumns, "w.", signinglog.TypeErasure, func(r erasureRow) { v.report.Explained += r.Removed }); err != nil {
		return err
	}
	if err := v.accounts(); err != nil {
		return err
	}
	if err := checkTable[roleChangeRow](v, "role_changes c", roleChangeColumns, "c.", signinglog.TypeRoleChange, nil); err != nil {
		return err
	}
	if err := checkTable[departmentChangeRow](v, "department_changes c", departmentChangeColumns, "c.", signinglog.TypeDepartmentChange, nil); err != nil {
		return err
	}
	return checkTable[unloggedRow](v, "unlogged_signatures w", unloggedColumns, "w.", signinglog.TypeUnlogged, nil)
}

// tokenAlone is a token's row without its certificate, whose row certificates
// compares with the same entry.
type tokenAlone struct{ tokenRow }

func (r tokenAlone) fields() map[string]string {
	f := r.tokenRow.fields()
	delete(f, signinglog.FieldCertificate)
	delete(f, "chain_sha256")
	return f
}

// checkTable compares the rows of a table with the entries of a type: each row
// with the entry at its index, that no two rows name the same entry, and that no
// entry lacks its row: a table may have been rebuilt without its constraints.
// alias is the table's prefix in the query.
func checkTable[R record](v *verification, table, columns, alias string, kind signinglog.Type, more func(R)) error {
	seen := map[int64]bool{}
	name, err := walkTable(v, table, columns, alias, seen, more)
	if err != nil {
		return err
	}
	return v.complete(kind, seen, name)
}

// walkTable compares the rows of a table with their entries, which it adds to those that
// were seen, and returns the table's name.
func walkTable[R record](v *verification, table, columns, alias string, seen map[int64]bool, more func(R)) (string, error) {
	name := strings.Fields(table)[0]
	from := alias
	if from == "" {
		from = name + "."
	}
	rows, err := v.tx.QueryxContext(v.ctx, v.tx.Rebind(`SELECT `+columns+`,
		(SELECT e.bytes FROM log_entries e WHERE e.school_id = `+from+`school_id AND e.entry_index = `+from+`entry_index) AS entry_bytes
		FROM `+table+` WHERE `+from+`school_id = ?`), v.school)
	if err != nil {
		return "", fmt.Errorf("verify %s: %w", name, driverError(err))
	}
	defer rows.Close()
	for rows.Next() {
		var row R
		if err := rows.StructScan(&row); err != nil {
			return "", fmt.Errorf("verify %s: %w", name, err)
		}
		v.compare(row)
		if more != nil {
			more(row)
		}
		index, _, _ := row.entry()
		if seen[index] {
			v.found(index, "two rows of %s name this entry", name)
		}
		seen[index] = true
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("verify %s: %w", name, driverError(err))
	}
	return name, nil
}

// complete looks for entries of a type that none of its tables has a row for.
func (v *verification) complete(kind signinglog.Type, seen map[int64]bool, tables ...string) error {
	if v.bad == nil && int64(len(seen)) == v.report.ByType[string(kind)] {
		return nil // every row has an entry of this type, each another one: none is left
	}
	return v.missing(kind, tables...)
}

// orphans finds rows whose parent does not exist: no join shows them.
func (v *verification) orphans(table, parent, column string) error {
	var orphans []int64
	err := v.tx.SelectContext(v.ctx, &orphans, v.tx.Rebind(`SELECT r.entry_index FROM `+table+` r WHERE r.school_id = ?
		AND NOT EXISTS (SELECT 1 FROM `+parent+` p WHERE p.id = r.`+column+`) ORDER BY r.entry_index LIMIT 1`), v.school)
	if err != nil {
		return fmt.Errorf("verify %s: %w", table, driverError(err))
	}
	for _, index := range orphans {
		v.found(index, "a row of %s belongs to nothing in %s", table, parent)
	}
	return nil
}

// missing names the first entry of a type that has no row in any of its tables.
func (v *verification) missing(kind signinglog.Type, tables ...string) error {
	query := `SELECT e.entry_index FROM log_entries e WHERE e.school_id = ? AND e.entry_type = ?`
	for _, table := range tables {
		query += ` AND NOT EXISTS (SELECT 1 FROM ` + table + ` r WHERE r.school_id = e.school_id AND r.entry_index = e.entry_index)`
	}
	var missing []int64
	if err := v.tx.SelectContext(v.ctx, &missing, v.tx.Rebind(query+` ORDER BY e.entry_index LIMIT 1`), v.school, string(kind)); err != nil {
		return fmt.Errorf("verify %s: %w", tables[0], driverError(err))
	}
	for _, index := range missing {
		v.found(index, "its row is missing in %s", strings.Join(tables, " or "))
	}
	return nil
}

// compare checks that a row says what its entry says.
func (v *verification) compare(row record) {
	index, kind, at := row.entry()
	if row.proof() == nil {
		v.found(index, "a row of %s names this entry, which does not exist", kind)
		return
	}
	e, err := signinglog.Parse(row.proof())
	if err != nil {
		v.found(index, "%v", err)
		return
	}
	if e.Type != kind {
		v.found(index, "a row of %s names this entry, which is of %s", kind, e.Type)
		return
	}
	if !e.At.Equal(at) {
		v.found(index, "the register's row has the time %s, the entry %s", signinglog.FormatTime(at), signinglog.FormatTime(e.At))
		return
	}
	fields := row.fields()
	for name, value := range fields {
		if e.Fields[name] != value {
			v.found(index, "the register's row has %s %.80q, the entry %.80q", name, value, e.Fields[name])
			return
		}
	}
	for name, value := range e.Fields {
		if _, known := fields[name]; !known && !signinglog.IsCommitment(value) && !besideRow(kind, name) {
			v.found(index, "the register's row lacks %s", name)
			return
		}
	}
}

// besideRow: fields that rows do not repeat.
func besideRow(kind signinglog.Type, name string) bool {
	return name == signinglog.FieldActor || name == signinglog.FieldVia ||
		kind == signinglog.TypeToken && (name == signinglog.FieldCertificate || name == "chain_sha256") || // see certificates
		kind == signinglog.TypeIncidentStep && name == "ends" || // see custodies
		name == signinglog.FieldPerson && // the custodian, who follows from the acceptances
			(kind == signinglog.TypeIncident || kind == signinglog.TypeIncidentStep || kind == signinglog.TypePIN || kind == signinglog.TypeRetirement)
}

// checkDecision compares what became of an offer with the entry that says so.
func (v *verification) checkDecision(row handOverRow) {
	s, decided := v.decisions[row.Entry]
	if !decided {
		if row.State != string(custody.Offered) || row.DecidedAt != nil || row.DecidedEntry != nil || row.DecidedBy != "" || row.PINChanged != "" {
			v.found(row.Entry, "the offer is %s in the register, but no entry decided it", row.State)
		}
		return
	}
	state := map[signinglog.Type]custody.HandOverState{signinglog.TypeAcceptance: custody.Accepted, signinglog.TypeDecline: custody.Declined,
		signinglog.TypeWithdrawal: custody.Withdrawn}[s.entry.Type]
	if row.State != string(state) || !equalMoments(row.DecidedAt, s.entry.At) || row.DecidedEntry == nil || *row.DecidedEntry != s.index || row.DecidedBy != s.entry.Actor() ||
		row.PINChanged != s.entry.Fields["pin_changed"] {
		v.found(s.index, "the offer is %s in the register, not %s by this entry", row.State, state)
		return
	}
	for name, value := range row.sides() {
		if s.entry.Fields[name] != value {
			v.found(s.index, "the decided offer has %s %.80q, the entry %.80q", name, value, s.entry.Fields[name])
		}
	}
}

// custodies compares each custody with the acceptance that began it and the one
// that ended it.
func (v *verification) custodies() error {
	var rows []custodyRow
	if err := v.tx.SelectContext(v.ctx, &rows, v.tx.Rebind(`SELECT `+custodyColumns+` FROM custodies WHERE school_id = ?`), v.school); err != nil {
		return fmt.Errorf("verify custodies: %w", driverError(err))
	}
	for _, row := range rows {
		began, ok := v.begun[row.ID]
		if !ok {
			v.found(row.Entry, "custody %s is in the register, but no entry began it", row.ID)
			continue
		}
		delete(v.begun, row.ID)
		f := began.entry.Fields
		if row.Entry != began.index || row.Token != f[signinglog.FieldToken] || row.Person != f[signinglog.FieldReceiver] || !row.SinceAt.Equal(began.entry.At) {
			v.found(began.index, "the custody that it began is another in the register")
			continue
		}
		end, ended := v.ended[row.Entry]
		switch {
		case !ended && (row.UntilAt != nil || row.UntilEntry != nil):
			v.found(row.Entry, "the custody that it began has ended in the register, but no entry ended it")
		case ended && (row.UntilEntry == nil || *row.UntilEntry != end.index || !equalMoments(row.UntilAt, end.entry.At)):
			v.found(end.index, "the custody that it ended goes on in the register, or ended otherwise")
		}
	}
	for _, s := range v.begun {
		v.found(s.index, "the custody that it began is missing in the register")
	}
	return nil
}

// certificates compares each certificate with the entry that registered it, with its
// token or after another: one certificate for each, the one named there. Whoever could add a row
// would have a key of their own accepted for somebody else's token.
func (v *verification) certificates() error {
	var rows []struct {
		SHA256    string  `db:"sha256"`
		Token     string  `db:"token_id"`
		DER       []byte  `db:"der"`
		Chain     []byte  `db:"chain"`
		Replaces  string  `db:"replaces"`
		Proposed  *string `db:"proposed_by"`
		Entry     int64   `db:"entry_index"`
		RevokedAt *stamp  `db:"revoked_at"`
		Source    *string `db:"revocation_source"`
		By        *int64  `db:"revocation_entry"`
	}
	if err := v.tx.SelectContext(v.ctx, &rows, v.tx.Rebind(`SELECT sha256, token_id, der, chain, COALESCE(replaces, '') AS replaces, proposed_by, entry_index, revoked_at, revocation_source, revocation_entry
		FROM certificates WHERE school_id = ?`), v.school); err != nil {
		return fmt.Errorf("verify certificates: %w", driverError(err))
	}
	seen := map[int64]bool{}
	for _, row := range rows {
		registered, ok := v.tokens[row.Entry]
		switch {
		case !ok:
			v.found(row.Entry, "a registered certificate names this entry, which registers none")
		case seen[row.Entry]:
			v.found(row.Entry, "two certificates name this entry")
		case sha256Hex(row.DER) != row.SHA256 || registered[signinglog.FieldCertificate] != row.SHA256 || registered[signinglog.FieldToken] != row.Token:
			v.found(row.Entry, "the registered certificate is another")
		case row.Chain != nil && len(row.Chain) == 0, hashOrNone(row.Chain) != registered["chain_sha256"]:
			v.found(row.Entry, "the certificate's chain is another")
		case row.Replaces != registered["replaces"] || !same(row.Proposed, registered["proposed_by"]):
			v.found(row.Entry, "the certificate follows another, or was proposed by somebody else")
		}
		seen[row.Entry] = true
		s, ok := v.revoked[row.SHA256]
		if !ok {
			if row.RevokedAt != nil || row.Source != nil || row.By != nil {
				v.found(row.Entry, "the certificate is revoked in the register, but no entry says so")
			}
			continue
		}
		want := time.Time{}
		if text := s.entry.Fields["revoked_at"]; text != "" {
			var err error
			if want, err = signinglog.ParseTime(text); err != nil {
				v.found(s.index, "%v", err)
				continue
			}
		}
		if !equalMoments(row.RevokedAt, want) || row.Source == nil || *row.Source != s.entry.Fields["source"] || row.By == nil || *row.By != s.index {
			v.found(s.index, "the revocation is another in the register")
		}
		delete(v.revoked, row.SHA256)
	}
	for _, s := range v.revoked {
		v.found(s.index, "the certificate it names is missing in the register")
	}
	for index := range v.tokens {
		if !seen[index] {
			v.found(index, "its row is missing in certificates")
		}
	}
	return nil
}

// closableGrant is a grant with what closes it, and until when it is listed as open.
type closableGrant struct {
	grantRecord
	Closed    bool   `db:"closed"`
	OpenUntil *stamp `db:"open_until"`
}

func (v *verification) grants() error {
	var stray int
	if err := v.tx.GetContext(v.ctx, &stray, v.tx.Rebind(`SELECT COUNT(*) FROM open_grants o WHERE o.school_id = ? AND NOT EXISTS
		(SELECT 1 FROM grants g WHERE g.id = o.grant_id AND g.school_id = o.school_id)`), v.school); err != nil {
		return fmt.Errorf("verify grants: %w", driverError(err))
	}
	if stray > 0 {
		v.found(v.report.Size-1, "%d rows of open_grants belong to no grant", stray)
	}
	return checkTable(v, "grants g LEFT JOIN open_grants o ON o.grant_id = g.id AND o.school_id = g.school_id",
		grantColumns+`, EXISTS (SELECT 1 FROM signatures s WHERE s.grant_id = g.id) OR EXISTS (SELECT 1 FROM abandonments a WHERE a.grant_id = g.id) AS closed,
			o.expires_at AS open_until`, "g.", signinglog.TypeGrant, func(r closableGrant) {
			want := r.ExpiresAt.Time
			if r.Closed {
				want = time.Time{}
			}
			// An altered signature or abandonment was found already, at its own entry.
			if v.bad == nil && !equalMoments(r.OpenUntil, want) {
				v.found(r.Entry, "the grant is open in the register and closed in the log, or the other way round")
			}
		})
}

// reveals checks that each value kept beside the log is the one its entry is
// committed to.
func (v *verification) reveals() error {
	rows, err := v.tx.QueryxContext(v.ctx, v.tx.Rebind(`SELECT r.entry_index, r.field, r.salt, r.value,
		(SELECT e.bytes FROM log_entries e WHERE e.school_id = r.school_id AND e.entry_index = r.entry_index) AS entry_bytes
		FROM reveals r WHERE r.school_id = ?`), v.school)
	if err != nil {
		return fmt.Errorf("verify reveals: %w", driverError(err))
	}
	defer rows.Close()
	for rows.Next() {
		var row struct {
			revealRow
			Bytes []byte `db:"entry_bytes"`
		}
		if err := rows.StructScan(&row); err != nil {
			return fmt.Errorf("verify reveals: %w", err)
		}
		e, err := signinglog.Parse(row.Bytes)
		if err != nil {
			v.found(row.Index, "a value is kept for this entry, which does not exist")
			continue
		}
		if !signinglog.CheckCommitment(e.Fields[row.Field], row.Salt, row.Value) {
			v.found(row.Index, "the value of %s is not the one the entry is committed to", row.Field)
			continue
		}
		v.report.Reveals++
		v.report.Erased--
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("verify reveals: %w", driverError(err))
	}
	return nil
}
