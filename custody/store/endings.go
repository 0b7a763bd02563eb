package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// End ends a position, a scope or an account after a last day that is before its
// own: see custody.CanEnd. What ends at once while the person would be left holding
// tokens is a conflict until each is named by WriteOffs, which writes it off in the
// same transaction; with a last day yet to pass, until HoldingKnown.
func (s *Store) End(ctx context.Context, actor custody.Actor, n NewEnding) error {
	if err := texts("reason!", &n.Reason); err != nil {
		return err
	}
	n.WriteOffs = maps.Clone(n.WriteOffs)
	for token, reason := range n.WriteOffs {
		if err := texts("write_off_reason!", &reason); err != nil {
			return err
		}
		n.WriteOffs[token] = reason
	}
	if until, err := custody.ParseDate(string(n.Until)); err != nil || until == "" {
		return custody.Invalid("until", "day %.20q is not of the form 2006-01-02", string(n.Until))
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		facts, err := t.endingFacts(n)
		if err != nil {
			return err
		}
		if err := custody.CanEnd(actor, n.Ending, facts); err != nil {
			return err
		}
		if err := t.writeOffHeld(actor, n); err != nil {
			return err
		}
		row := endingRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Person: string(n.Person), Kind: string(n.Kind),
			Position: string(n.Position), Scope: string(n.Scope), Until: n.Until, EndedAt: at(t.now)}
		if row.Entry, err = t.append(signinglog.TypeEnding, actor, row.fields(), map[string]string{"reason": n.Reason}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO endings (id, school_id, person_id, kind, position_id, scope_id, until_on, ended_at, entry_index)`,
			row.ID, row.School, row.Person, row.Kind, orNull(row.Position), orNull(row.Scope), row.Until, row.EndedAt, row.Entry); err != nil {
			return fmt.Errorf("end %s: %w", n.Kind, err)
		}
		return nil
	})
}

// endingFacts reads what the rules ask about the end of something.
func (t *tx) endingFacts(n NewEnding) (custody.EndingFacts, error) {
	f := custody.EndingFacts{Today: custody.DateOf(t.now), HoldingKnown: n.HoldingKnown}
	if err := t.requirePerson(n.Person); err != nil {
		return f, err
	}
	var err error
	switch {
	case n.Kind == custody.EndAccount && n.Position == "" && n.Scope == "":
		err = t.accountFacts(&f, n)
	case n.Kind == custody.EndPosition && n.Position != "" && n.Scope == "":
		err = t.positionFacts(&f, n)
	case n.Kind == custody.EndScope && n.Scope != "" && n.Position == "":
		var row *scopeRow
		row, err = optional[scopeRow](t, `SELECT `+scopeColumns+` FROM `+scopesAsEnded+` WHERE school_id = ? AND person_id = ? AND id = ?`,
			string(t.school), string(n.Person), string(n.Scope))
		if err == nil && row == nil {
			err = custody.NotFound("scope")
		} else if err == nil {
			f.From, f.Until = row.From, row.Until
		}
	default:
		err = custody.Invalid("kind", "to end is one of position, scope, account")
	}
	return f, err
}

func (t *tx) positionFacts(f *custody.EndingFacts, n NewEnding) error {
	positions, _, err := t.personFacts(n.Person)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(positions, func(p custody.Position) bool { return p.ID == n.Position })
	if i < 0 {
		return custody.NotFound("position")
	}
	f.From, f.Until = positions[i].From, positions[i].Until
	if custody.LeavesPosition(positions, n.Position, n.Until, f.Today) {
		return nil
	}
	return t.tokensHeld(f, n)
}

func (t *tx) accountFacts(f *custody.EndingFacts, n NewEnding) error {
	person := n.Person
	account, err := optional[struct {
		Until       custody.Date `db:"until_on"`
		Admin       bool         `db:"admin"`
		OtherAdmins int          `db:"other_admins"` // whose accounts go on
	}](t, `SELECT p.admin OR `+openRole(custody.RoleAdmin)+` AS admin, (SELECT MIN(e.until_on) FROM endings e WHERE e.person_id = p.id AND e.kind = 'account') AS until_on,
		(SELECT COUNT(*) FROM persons o JOIN accounts b ON b.person_id = o.id WHERE o.school_id = p.school_id AND o.id <> p.id
			AND (o.admin OR `+strings.ReplaceAll(openRole(custody.RoleAdmin), "p.id", "o.id")+`)
			AND NOT EXISTS (SELECT 1 FROM endings e WHERE e.person_id = o.id AND e.kind = 'account')) AS other_admins
		FROM persons p JOIN accounts a ON a.person_id = p.id WHERE p.school_id = ? AND p.id = ?`, string(t.school), string(person))
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	if account == nil {
		return custody.NotFound("account")
	}
	f.Until, f.LastAdmin = account.Until, account.Admin && account.OtherAdmins == 0
	return t.tokensHeld(f, n)
}

// tokensHeld reads which tokens the person holds, and which of them would neither
// be blocked, nor revoked, nor written off: each of them stops a token.
func (t *tx) tokensHeld(f *custody.EndingFacts, n NewEnding) error {
	var held []struct {
		Token   custody.TokenID `db:"token_id"`
		Serial  string          `db:"serial"`
		Stopped bool            `db:"stopped"`
	}
	if err := t.list(t.ctx, &held, `SELECT k.token_id, t.serial, (EXISTS (SELECT 1 FROM incidents i WHERE i.token_id = t.id AND i.state <> 'cleared')
		OR EXISTS (SELECT 1 FROM write_offs w WHERE w.token_id = t.id)
		OR NOT EXISTS (SELECT 1 FROM certificates c WHERE c.token_id = t.id AND c.revoked_at IS NULL)) AS stopped
		FROM custodies k JOIN tokens t ON t.id = k.token_id WHERE k.school_id = ? AND k.person_id = ? AND k.until_at IS NULL ORDER BY k.entry_index`,
		string(t.school), string(n.Person)); err != nil {
		return fmt.Errorf("read custodies: %w", err)
	}
	f.Holds = len(held)
	for _, token := range held {
		if _, listed := n.WriteOffs[token.Token]; !listed && !token.Stopped {
			f.NotWrittenOff = append(f.NotWrittenOff, token.Serial)
		}
	}
	return nil
}

// writeOffHeld writes off the tokens that the ending names, which its person must hold.
func (t *tx) writeOffHeld(actor custody.Actor, n NewEnding) error {
	for _, token := range slices.Sorted(maps.Keys(n.WriteOffs)) {
		f, err := t.tokenBy("id", string(token))
		if err != nil {
			return err
		}
		if f == nil || f.custody == nil || f.custody.Person != string(n.Person) {
			return custody.NotFound("token")
		}
		if err := t.writeOff(actor, f, n.WriteOffs[token]); err != nil {
			return err
		}
	}
	return nil
}

// accountGoesOn refuses an account whose last day has passed.
func accountGoesOn(until, today custody.Date) error {
	if until == "" || today <= until {
		return nil
	}
	return &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeAccountEnded, Params: map[string]string{"until": string(until)}}
}

// requireAccount makes sure, inside the transaction that decides, that the
// person's account has not ended since the request was let in.
func (t *tx) requireAccount(person custody.PersonID) error {
	if err := t.requirePerson(person); err != nil {
		return err
	}
	until, err := t.accountUntil(person)
	if err != nil {
		return err
	}
	return accountGoesOn(until, custody.DateOf(t.now))
}

// accountUntil is the last day of a person's account; "" = it has no end.
func (t *tx) accountUntil(person custody.PersonID) (custody.Date, error) {
	row, err := optional[struct {
		Until custody.Date `db:"until_on"`
	}](t, `SELECT MIN(until_on) AS until_on FROM endings WHERE person_id = ? AND kind = 'account'`, string(person))
	if err != nil {
		return "", fmt.Errorf("read account: %w", err)
	}
	return row.Until, nil
}
