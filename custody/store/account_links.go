package store

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
)

// NewAccountLink is a link just made: its secret is returned this once.
type NewAccountLink struct {
	ID      custody.AccountLinkID
	Secret  string // stands in the link's address; only its hash is kept
	Expires time.Time
}

// linkSecret has 256 bits, which nobody tries out.
func linkSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// linkRow is a link with what became of it.
type linkRow struct {
	accountChangeRow
	Used      int    `db:"used"`
	Withdrawn int    `db:"withdrawn"`
	Confirmed int    `db:"confirmed"`
	Username  string `db:"username"`
	Name      string `db:"person_name"`
}

var queryLinks = `SELECT ` + accountChangeColumns + `,
	(SELECT COUNT(*) FROM account_changes x WHERE x.subject_id = c.id AND x.kind IN ('opened', 'password_reset')) AS used,
	(SELECT COUNT(*) FROM account_changes x WHERE x.subject_id = c.id AND x.kind = 'link_withdrawn') AS withdrawn,
	(SELECT COUNT(*) FROM account_changes x WHERE x.subject_id = c.id AND x.kind = 'reset_confirmed') AS confirmed,
	COALESCE((SELECT a.username FROM accounts a WHERE a.person_id = c.person_id), '') AS username, ` + fmt.Sprintf(nameOf, "c.person_id") + ` AS person_name
	FROM account_changes c WHERE c.school_id = ? AND c.kind IN ('invited', 'reset_asked')`

func (r linkRow) link(now time.Time) custody.AccountLink {
	l := custody.AccountLink{ID: custody.AccountLinkID(r.ID), Kind: custody.AccountChangeKind(r.Kind), Person: custody.PersonID(r.Person), MadeBy: custody.PersonID(r.By),
		MadeAt: r.At.Time, State: custody.LinkOpen, Username: r.Username, Name: r.Name}
	if r.Expires != nil {
		l.Expires = r.Expires.Time
	}
	switch {
	case r.Used > 0:
		l.State = custody.LinkUsed
	case r.Withdrawn > 0:
		l.State = custody.LinkWithdrawn
	case !now.Before(l.Expires):
		l.State = custody.LinkExpired
	case l.Kind == custody.AccountResetAsked && r.Confirmed == 0:
		l.State = custody.LinkWaits
	}
	return l
}

// endLinks ends the links that the person has.
func (t *tx) endLinks(actor custody.Actor, person custody.PersonID) error {
	var earlier []linkRow
	if err := t.list(t.ctx, &earlier, queryLinks+` AND c.person_id = ?`, string(t.school), string(person)); err != nil {
		return fmt.Errorf("read account links: %w", err)
	}
	for _, row := range earlier {
		if state := row.link(t.now).State; state != custody.LinkOpen && state != custody.LinkWaits {
			continue
		}
		if _, err := t.changeAccount(actor, custody.AccountLinkWithdrawn, accountChangeRow{Person: string(person), Subject: row.ID}, nil); err != nil {
			return err
		}
	}
	return nil
}

// newLink makes a link and ends those that the person had before.
func (t *tx) newLink(actor custody.Actor, kind custody.AccountChangeKind, person custody.PersonID) (NewAccountLink, error) {
	if err := t.endLinks(actor, person); err != nil {
		return NewAccountLink{}, err
	}
	made := NewAccountLink{Secret: linkSecret(), Expires: t.now.Add(custody.AccountLinkLifetime)}
	expires := at(made.Expires)
	id, err := t.changeAccount(actor, kind, accountChangeRow{Person: string(person), Secret: sha256Hex([]byte(made.Secret)), Expires: &expires}, nil)
	made.ID = custody.AccountLinkID(id)
	return made, err
}

// InvitePerson registers a person with an account that has no password yet, and makes
// the link by which its owner sets it.
func (s *Store) InvitePerson(ctx context.Context, actor custody.Actor, n NewPerson) (custody.Person, NewAccountLink, error) {
	var link NewAccountLink
	n.invited = true
	person, err := s.createPerson(ctx, actor, n, func(t *tx, person custody.PersonID) error {
		var err error
		link, err = t.newLink(actor, custody.AccountInvited, person)
		return err
	})
	return person, link, err
}

// Invite makes another link for somebody who has not set their first password. Somebody
// registered without an account gets one by the username.
func (s *Store) Invite(ctx context.Context, actor custody.Actor, person custody.PersonID, username string) (NewAccountLink, error) {
	if err := custody.CanRegister(actor); err != nil {
		return NewAccountLink{}, err
	}
	var link NewAccountLink
	err := s.write(ctx, actor.School, func(t *tx) error {
		hash, has, err := t.account(person)
		switch {
		case err != nil:
			return err
		case hash != "":
			return custody.Conflict(custody.ReasonAccountOpen)
		case !has:
			if err := t.newAccount(person, username, ""); err != nil {
				return err
			}
		}
		link, err = t.newLink(actor, custody.AccountInvited, person)
		return err
	})
	return link, err
}

// account returns the password's hash of a person of the school, and whether they have
// an account.
func (t *tx) account(person custody.PersonID) (string, bool, error) {
	if err := t.requireOwn(person); err != nil {
		return "", false, err
	}
	row, err := optional[struct {
		Hash string `db:"password_hash"`
	}](t, `SELECT password_hash FROM accounts WHERE school_id = ? AND person_id = ?`, string(t.school), string(person))
	if err != nil || row == nil {
		return "", false, err
	}
	return row.Hash, true, nil
}

// AskReset makes a link by which a person sets a forgotten password anew, once a second
// person has confirmed it. Until it is used the old password stays.
func (s *Store) AskReset(ctx context.Context, actor custody.Actor, person custody.PersonID) (NewAccountLink, error) {
	if err := custody.CanRegister(actor); err != nil {
		return NewAccountLink{}, err
	}
	if actor.Person == person {
		return NewAccountLink{}, custody.Forbidden(custody.ReasonSecondPerson)
	}
	var link NewAccountLink
	err := s.write(ctx, actor.School, func(t *tx) error {
		hash, has, err := t.account(person)
		switch {
		case err != nil:
			return err
		case !has:
			return custody.NotFound("account")
		case hash == "":
			return custody.Conflict(custody.ReasonAccountUnused)
		}
		link, err = t.newLink(actor, custody.AccountResetAsked, person)
		return err
	})
	return link, err
}

// AccountLinks lists links that are open or wait, the newest first: all of them to who
// runs the register, to others the resets that they may confirm.
func (s *Store) AccountLinks(ctx context.Context, actor custody.Actor) ([]custody.AccountLink, error) {
	now := s.now()
	var rows []linkRow
	if err := s.reader.list(ctx, &rows, queryLinks+` AND c.expires_at > ? ORDER BY c.entry_index DESC`, string(actor.School), at(now)); err != nil {
		return nil, fmt.Errorf("list account links: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	people, err := s.People(ctx, actor)
	if err != nil {
		return nil, err
	}
	heads := map[custody.PersonID]bool{}
	for _, p := range people {
		heads[p.ID] = custody.RolesOn(p.Positions, nil, custody.DateOf(now)).Principal
	}
	var links []custody.AccountLink
	for _, row := range rows {
		l := row.link(now)
		l.ByHead, l.OfHead = heads[l.MadeBy], heads[l.Person]
		if (l.State == custody.LinkOpen || l.State == custody.LinkWaits) && seesLink(actor, l) {
			links = append(links, l)
		}
	}
	return links, nil
}

// seesLink: who runs the register sees all links, others the resets they may confirm.
func seesLink(actor custody.Actor, l custody.AccountLink) bool {
	return actor.Roles.May(custody.RunRegister) || l.Kind == custody.AccountResetAsked && l.MayConfirm(actor)
}

// link reads one link within a change, with what is known of its two sides.
func (t *tx) link(condition, value string) (custody.AccountLink, error) {
	row, err := optional[linkRow](t, queryLinks+condition, string(t.school), value)
	if err != nil {
		return custody.AccountLink{}, fmt.Errorf("read account link: %w", err)
	}
	if row == nil {
		return custody.AccountLink{}, custody.NotFound("account_link")
	}
	l := row.link(t.now)
	for person, head := range map[custody.PersonID]*bool{l.MadeBy: &l.ByHead, l.Person: &l.OfHead} {
		if person == "" {
			continue
		}
		positions, _, err := t.personFacts(person)
		if err != nil {
			return l, err
		}
		*head = custody.RolesOn(positions, nil, custody.DateOf(t.now)).Principal
	}
	return l, nil
}

// ConfirmReset says, by a second person, that a reset may be used.
func (s *Store) ConfirmReset(ctx context.Context, actor custody.Actor, id custody.AccountLinkID) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		l, err := t.link(` AND c.id = ?`, string(id))
		if err != nil {
			return err
		}
		if !seesLink(actor, l) {
			return custody.NotFound("account_link")
		}
		if err := l.CanConfirm(actor); err != nil {
			return err
		}
		_, err = t.changeAccount(actor, custody.AccountResetConfirmed, accountChangeRow{Person: string(l.Person), Subject: string(l.ID)}, nil)
		return err
	})
}

// WithdrawLink ends a link unused: by who runs the register, or who may confirm it.
func (s *Store) WithdrawLink(ctx context.Context, actor custody.Actor, id custody.AccountLinkID) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		l, err := t.link(` AND c.id = ?`, string(id))
		if err != nil {
			return err
		}
		if !seesLink(actor, l) {
			return custody.NotFound("account_link")
		}
		if l.State != custody.LinkOpen && l.State != custody.LinkWaits {
			return l.CanUse()
		}
		_, err = t.changeAccount(actor, custody.AccountLinkWithdrawn, accountChangeRow{Person: string(l.Person), Subject: string(l.ID)}, nil)
		return err
	})
}

// AccountLink returns the link of a secret, whatever its state; ErrNotFound when there is
// none, or the account has ended.
func (s *Store) AccountLink(ctx context.Context, school custody.SchoolID, secret string) (custody.AccountLink, error) {
	var rows []linkRow
	if err := s.reader.list(ctx, &rows, queryLinks+` AND c.secret_sha256 = ?`, string(school), sha256Hex([]byte(secret))); err != nil {
		return custody.AccountLink{}, fmt.Errorf("read account link: %w", err)
	}
	if len(rows) == 0 {
		return custody.AccountLink{}, custody.NotFound("account_link")
	}
	l := rows[0].link(s.now())
	_, _, err := s.ActorOf(ctx, school, l.Person, custody.ViaPage)
	if errors.Is(err, custody.ErrUnauthenticated) {
		return custody.AccountLink{}, custody.NotFound("account_link")
	}
	return l, err
}

// UseLink sets the password of the account that a link is for, once. All sessions of the
// account end. ErrNotFound for a link that AccountLink does not find.
func (s *Store) UseLink(ctx context.Context, school custody.SchoolID, secret, hash string) error {
	if hash == "" {
		return custody.Invalid("password", "no password hash")
	}
	found, err := s.AccountLink(ctx, school, secret)
	if err != nil {
		return err
	}
	actor, _, err := s.ActorOf(ctx, school, found.Person, custody.ViaPage)
	if err != nil {
		return err
	}
	return s.write(ctx, school, func(t *tx) error {
		l, err := t.link(` AND c.secret_sha256 = ?`, sha256Hex([]byte(secret)))
		if err != nil {
			return err
		}
		if err := l.CanUse(); err != nil {
			return err
		}
		if err := t.requireAccount(l.Person); err != nil { // ended since it was looked at
			return err
		}
		if err := t.setPassword(l.Person, hash); err != nil {
			return err
		}
		kind := custody.AccountOpened
		if l.Kind == custody.AccountResetAsked {
			kind = custody.AccountPasswordReset
		}
		_, err = t.changeAccount(actor, kind, accountChangeRow{Person: string(l.Person), Subject: string(l.ID)}, nil)
		return err
	})
}
