package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
)

// Delivery is a notice on its way out, or stuck there.
type Delivery struct {
	ID        string
	Channel   Channel
	Attempts  int // with the present one, once claimed
	LastError string
	GivenUpAt *time.Time
	Notice    NoticeRow
	Name      string // of the recipient; "" = erased, or the school as a whole
	Email     string // of the recipient now; "" = none any more
}

type deliveryRow struct {
	ID        string `db:"id"`
	Notice    string `db:"notice_id"`
	Channel   string `db:"channel"`
	Attempts  int    `db:"attempts"`
	LastError string `db:"last_error"`
	GivenUpAt *stamp `db:"given_up_at"`
	Name      string `db:"name"`
	Email     string `db:"email"`
}

const queryDeliveries = `SELECT d.id, d.notice_id, d.channel, d.attempts, d.last_error, d.given_up_at, COALESCE(v.value, '') AS name, COALESCE(e.value, '') AS email
	FROM deliveries d JOIN notices n ON n.id = d.notice_id LEFT JOIN persons p ON p.id = n.recipient_id
	LEFT JOIN reveals v ON v.school_id = p.school_id AND v.entry_index = p.entry_index AND v.field = 'name'
	LEFT JOIN reveals e ON e.school_id = p.school_id AND e.entry_index = p.entry_index AND e.field = 'email'
	WHERE d.school_id = ?`

func (s *Store) deliveries(ctx context.Context, school custody.SchoolID, condition string, args ...any) ([]Delivery, error) {
	var rows []deliveryRow
	if err := s.reader.list(ctx, &rows, queryDeliveries+condition, append([]any{string(school)}, args...)...); err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]any, len(rows))
	for i, row := range rows {
		ids[i] = row.Notice
	}
	notices, err := s.notices(ctx, school, ` AND n.id IN (?`+strings.Repeat(",?", len(ids)-1)+`)`, ids...)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]NoticeRow, len(notices))
	for _, n := range notices {
		byID[string(n.ID)] = n
	}
	all := make([]Delivery, len(rows))
	for i, row := range rows {
		all[i] = Delivery{ID: row.ID, Channel: Channel(row.Channel), Attempts: row.Attempts, LastError: row.LastError, GivenUpAt: row.GivenUpAt.moment(),
			Notice: byID[row.Notice], Name: row.Name, Email: row.Email}
	}
	return all, nil
}

// channelList is the condition that a delivery goes by one of the channels.
func channelList(channels []Channel) (string, []any) {
	args := make([]any, len(channels))
	for i, c := range channels {
		args[i] = string(c)
	}
	return ` IN (` + strings.TrimSuffix(strings.Repeat("?,", len(channels)), ",") + `)`, args
}

const waitingDelivery = ` AND sent_at IS NULL AND given_up_at IS NULL AND next_at <= ? AND (held_until_at IS NULL OR held_until_at <= ?)`

// ClaimDeliveries takes up to limit deliveries that are due, each by a lease of its
// own: no two services send the same one at a time. One whose sender dies between
// sending and [Store.DeliverySent] is claimed again when the lease has run out, and
// repeats; its identifier is the same then. Attempts are counted here, so that a
// message that kills its sender is given up some day too.
func (s *Store) ClaimDeliveries(ctx context.Context, school custody.SchoolID, holder string, channels []Channel, limit int, lease time.Duration) ([]Delivery, error) {
	if len(channels) == 0 {
		return nil, nil
	}
	now := at(s.now())
	in, args := channelList(channels)
	var due []string
	if err := s.reader.list(ctx, &due, `SELECT id FROM deliveries WHERE school_id = ? AND channel`+in+waitingDelivery+` ORDER BY next_at, id LIMIT ?`,
		append(append([]any{string(school)}, args...), now, now, limit)...); err != nil {
		return nil, fmt.Errorf("list due deliveries: %w", err)
	}
	var claimed []any
	for _, id := range due {
		got, err := s.writer.exec(ctx, `UPDATE deliveries SET holder = ?, held_until_at = ?, attempts = attempts + 1 WHERE id = ?`+waitingDelivery,
			holder, at(now.Add(lease)), id, now, now)
		if err != nil {
			return nil, fmt.Errorf("claim delivery: %w", err)
		}
		if got == 1 {
			claimed = append(claimed, id)
		}
	}
	if len(claimed) == 0 {
		return nil, nil
	}
	return s.deliveries(ctx, school, ` AND d.id IN (?`+strings.Repeat(",?", len(claimed)-1)+`)`, claimed...)
}

// DeliveriesDue reports whether there is something to claim.
func (s *Store) DeliveriesDue(ctx context.Context, school custody.SchoolID, channels []Channel) (bool, error) {
	if len(channels) == 0 {
		return false, nil
	}
	now := at(s.now())
	in, args := channelList(channels)
	var n int
	if err := s.reader.get(ctx, &n, `SELECT COUNT(*) FROM deliveries WHERE school_id = ? AND channel`+in+waitingDelivery,
		append(append([]any{string(school)}, args...), now, now)...); err != nil {
		return false, fmt.Errorf("count due deliveries: %w", err)
	}
	return n > 0, nil
}

// DeliverySent notes that a delivery has gone out, whoever has its lease by now: it
// did go out.
func (s *Store) DeliverySent(ctx context.Context, school custody.SchoolID, id string) error {
	if _, err := s.writer.exec(ctx, `UPDATE deliveries SET sent_at = ?, holder = NULL, held_until_at = NULL, last_error = '' WHERE school_id = ? AND id = ? AND sent_at IS NULL`,
		at(s.now()), string(school), id); err != nil {
		return fmt.Errorf("mark delivery sent: %w", err)
	}
	return nil
}

// DeliveryFailed notes that a delivery did not go out and when it is tried again.
func (s *Store) DeliveryFailed(ctx context.Context, school custody.SchoolID, id, holder, code string, next time.Time) error {
	if _, err := s.writer.exec(ctx, `UPDATE deliveries SET next_at = ?, holder = NULL, held_until_at = NULL, last_error = ? WHERE school_id = ? AND id = ? AND holder = ? AND sent_at IS NULL`,
		at(next), code, string(school), id, holder); err != nil {
		return fmt.Errorf("mark delivery failed: %w", err)
	}
	return nil
}

// GiveUpDelivery notes that a delivery is not tried again, and tells who manages the
// register, once a day for the same channel and error.
func (s *Store) GiveUpDelivery(ctx context.Context, school custody.SchoolID, id, holder, code string) error {
	return s.write(ctx, school, func(t *tx) error {
		given, err := t.exec(t.ctx, `UPDATE deliveries SET given_up_at = ?, holder = NULL, held_until_at = NULL, last_error = ? WHERE school_id = ? AND id = ? AND holder = ? AND sent_at IS NULL`,
			at(t.now), code, string(school), id, holder)
		if err != nil {
			return fmt.Errorf("give delivery up: %w", err)
		}
		if given == 0 {
			return nil
		}
		var channel string
		if err := t.get(t.ctx, &channel, `SELECT channel FROM deliveries WHERE id = ?`, id); err != nil {
			return fmt.Errorf("give delivery up: %w", err)
		}
		people, err := t.noticePeople()
		if err != nil {
			return err
		}
		n := custody.Notice{Origin: fmt.Sprintf("delivery/%s/%s/%s", channel, code, custody.DateOf(t.now)), Kind: custody.NoticeDeliveryGivenUp, Quiet: true, At: t.now,
			Params: map[string]string{"channel": channel, "error": code}}
		_, err = t.writeNotices(n.Address([]custody.Audience{custody.TellManagers}, true, custody.NoticeFacts{Managers: people.managers}), nil, nil)
		return err
	})
}

// GivenUp lists deliveries that are not tried again, newest first, at most 100: for
// who manages the register.
func (s *Store) GivenUp(ctx context.Context, actor custody.Actor) ([]Delivery, error) {
	if !actor.Roles.May(custody.RunRegister) {
		return nil, custody.Forbidden("")
	}
	return s.deliveries(ctx, actor.School, ` AND d.given_up_at IS NOT NULL AND d.sent_at IS NULL ORDER BY d.given_up_at DESC, d.id DESC LIMIT 100`)
}

// WaitingDeliveries counts what is still to go out: for who manages the register.
func (s *Store) WaitingDeliveries(ctx context.Context, actor custody.Actor) (int, error) {
	if !actor.Roles.May(custody.RunRegister) {
		return 0, custody.Forbidden("")
	}
	var n int
	if err := s.reader.get(ctx, &n, `SELECT COUNT(*) FROM deliveries WHERE school_id = ? AND sent_at IS NULL AND given_up_at IS NULL`, string(actor.School)); err != nil {
		return 0, fmt.Errorf("count waiting deliveries: %w", err)
	}
	return n, nil
}

// RetryDelivery has a delivery that was given up tried again from the start.
func (s *Store) RetryDelivery(ctx context.Context, actor custody.Actor, id string) error {
	if !actor.Roles.May(custody.RunRegister) {
		return custody.Forbidden("")
	}
	found, err := s.writer.exec(ctx, `UPDATE deliveries SET given_up_at = NULL, attempts = 0, next_at = ? WHERE school_id = ? AND id = ? AND given_up_at IS NOT NULL AND sent_at IS NULL`,
		at(s.now()), string(actor.School), id)
	if err != nil {
		return fmt.Errorf("retry delivery: %w", err)
	}
	if found == 0 {
		return custody.NotFound("delivery")
	}
	return nil
}

// WithoutEmail counts people with an account that goes on and no mail address: for
// who manages the register.
func (s *Store) WithoutEmail(ctx context.Context, actor custody.Actor) (int, error) {
	people, err := s.People(ctx, actor)
	if err != nil {
		return 0, err
	}
	n, today := 0, custody.DateOf(s.now())
	for _, p := range people {
		if p.Username != "" && p.Email == "" && (p.AccountUntil == "" || p.AccountUntil >= today) {
			n++
		}
	}
	return n, nil
}
