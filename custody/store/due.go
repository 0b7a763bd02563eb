package store

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// Due is something to remind of: a notice, and who is to get it.
type Due struct {
	custody.Notice // Origin names the thing and the step, so that each is told once
	To             []custody.Audience
}

// dueSource finds what is due now. It may find the same again and again: what was
// told under an origin is not told twice.
type dueSource struct {
	name string
	find func(t *tx, settings custody.Settings) ([]Due, error)
}

// dueSources are read in the transaction that writes their notices; those of
// chaseSources are lists that the pages show too. A new one is a line in either.
var dueSources = []dueSource{
	{"certificates", dueCertificates},
	{"offers", dueOffers},
	{"checks", dueChecks},
	{"support", dueSupport},
}

// Remind writes notices of what is due now and what is to go out of them by the
// channels, each once, and says how many there were.
func (s *Store) Remind(ctx context.Context, school custody.SchoolID, channels []Channel) (int, error) {
	late, err := s.chases(ctx, school)
	if err != nil {
		return 0, err
	}
	return s.remind(ctx, school, channels, func(t *tx) ([]Due, error) {
		settings, err := t.settings()
		if err != nil {
			return nil, err
		}
		all := slices.Clone(late)
		for _, source := range dueSources {
			due, err := source.find(t, settings)
			if err != nil {
				return nil, fmt.Errorf("what is due of %s: %w", source.name, err)
			}
			all = append(all, due...)
		}
		return all, nil
	})
}

// Tell writes the notices of one thing that the service itself has found out.
func (s *Store) Tell(ctx context.Context, school custody.SchoolID, channels []Channel, due Due) error {
	_, err := s.remind(ctx, school, channels, func(t *tx) ([]Due, error) {
		due.At = t.now
		return []Due{due}, nil
	})
	return err
}

func (s *Store) remind(ctx context.Context, school custody.SchoolID, channels []Channel, find func(*tx) ([]Due, error)) (int, error) {
	written := 0
	err := s.write(ctx, school, func(t *tx) error {
		written = 0
		found, err := find(t)
		if err != nil || len(found) == 0 {
			return err
		}
		people, err := t.noticePeople()
		if err != nil {
			return err
		}
		var all []custody.Notice
		for _, due := range found {
			facts, err := t.noticeFacts(people, string(due.Token), t.head.Size)
			if err != nil {
				return err
			}
			all = append(all, due.Address(due.To, true, facts)...)
		}
		written, err = t.writeNotices(all, channels, people.mail)
		return err
	})
	return written, err
}

// daysUntil counts the days from one day to another.
func daysUntil(from, to custody.Date) int {
	a, _ := time.Parse(time.DateOnly, string(from))
	b, _ := time.Parse(time.DateOnly, string(to))
	return int(b.Sub(a) / (24 * time.Hour))
}

// dueCertificates: the nearest step that a certificate has come to, and its end. A
// service that was off for a month reminds of the present step, not of all it missed.
// Certificates that are revoked or replaced and tokens that are retired need no renewal.
func dueCertificates(t *tx, settings custody.Settings) ([]Due, error) {
	var rows []struct {
		SHA256 string `db:"sha256"`
		Token  string `db:"token_id"`
		DER    []byte `db:"der"`
	}
	if err := t.list(t.ctx, &rows, `SELECT c.sha256, c.token_id, c.der FROM certificates c WHERE c.school_id = ? AND c.revoked_at IS NULL`+inUse+` ORDER BY c.entry_index`, string(t.school)); err != nil {
		return nil, err
	}
	var due []Due
	today := custody.DateOf(t.now)
	for _, row := range rows {
		cert, err := x509.ParseCertificate(row.DER)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w: %w", row.SHA256, ErrDamaged, err)
		}
		until := custody.DateOf(cert.NotAfter)
		left := daysUntil(today, until)
		n := custody.Notice{Token: custody.TokenID(row.Token), At: t.now, Params: map[string]string{"until": string(until), "days": strconv.Itoa(left)}}
		switch {
		case t.now.After(cert.NotAfter):
			n.Kind, n.Origin, n.Urgent = custody.NoticeCertificateExpired, "certificate/"+row.SHA256+"/expired", true
		default:
			steps := settings.ReminderDays()
			slices.Sort(steps)
			step := slices.IndexFunc(steps, func(days int) bool { return left <= days })
			if step < 0 {
				continue
			}
			n.Kind, n.Origin, n.Urgent = custody.NoticeCertificateExpires, fmt.Sprintf("certificate/%s/%d", row.SHA256, steps[step]), left <= 7
		}
		due = append(due, Due{n, []custody.Audience{custody.TellCustodian, custody.TellOwner, custody.TellManagers}})
	}
	return due, nil
}

// dueOffers: hand-overs that wait for an answer, after the school's number of days and
// again each time as many have passed.
func dueOffers(t *tx, settings custody.Settings) ([]Due, error) {
	every := int(settings.OfferWithin() / (24 * time.Hour))
	var rows []handOverRow
	if err := t.list(t.ctx, &rows, `SELECT `+handOverColumns+` FROM hand_overs h WHERE h.school_id = ? AND h.state = 'offered' AND h.offered_at <= ? ORDER BY h.entry_index`,
		string(t.school), at(t.now.AddDate(0, 0, -every))); err != nil {
		return nil, err
	}
	var due []Due
	for _, row := range rows {
		days := daysUntil(custody.DateOf(row.OfferedAt.Time), custody.DateOf(t.now))
		if days < every {
			continue
		}
		to := []custody.Audience{custody.TellReceiver, custody.TellGiver, custody.TellManagers}
		n := custody.Notice{Kind: custody.NoticeOfferWaits, Origin: fmt.Sprintf("offer/%s/%d", row.ID, days/every), Token: custody.TokenID(row.Token), At: t.now,
			Params: map[string]string{"days": strconv.Itoa(days), "hand_over": row.ID}}
		for name, id := range map[string]string{signinglog.FieldGiver: row.Giver, signinglog.FieldReceiver: row.Receiver} {
			if id != "" {
				n.Params[name] = id
			}
		}
		due = append(due, Due{n, to})
	}
	return due, nil
}
