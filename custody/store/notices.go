package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// Channel is a way out of the register.
type Channel string

// The channels. What is on the screen needs none.
const (
	ChannelMail    Channel = "mail"
	ChannelWebhook Channel = "webhook"
)

// noticeBatch bounds the entries that notices are derived of in one transaction: it
// holds the log's head, and signers wait for it.
const noticeBatch = 100

// NoticeRow is a notice as it is shown: people by name, "" once erased.
type NoticeRow struct {
	custody.Notice
	TokenLabel  string
	TokenSerial string
	Device      string            // of a pairing
	Names       map[string]string // of Params that hold people
	ReadAt      *time.Time
}

// TokenName is the token's label, else its serial number; "" when it is about none.
func (n NoticeRow) TokenName() string {
	if n.TokenLabel != "" {
		return n.TokenLabel
	}
	return n.TokenSerial
}

// DeriveNotices writes the notices of the log's next entries and what is to go out
// of them by the channels, and moves the cursor, in one transaction: none is lost and
// none is doubled, however often and by how many services it is called. It answers
// how many entries it went through; 0 means that there is nothing new.
func (s *Store) DeriveNotices(ctx context.Context, school custody.SchoolID, channels []Channel) (int, error) {
	behind, err := s.noticesBehind(ctx, school)
	if err != nil || behind == 0 {
		return 0, err
	}
	entries := 0
	err = s.write(ctx, school, func(t *tx) error {
		entries = 0
		next := int64(0)
		err := t.get(t.ctx, &next, `SELECT next_index FROM notice_cursors WHERE school_id = ?`, string(school))
		fresh := errors.Is(err, sql.ErrNoRows)
		if err != nil && !fresh {
			return fmt.Errorf("read cursor of notices: %w", err)
		}
		var rows []struct {
			Index int64  `db:"entry_index"`
			Bytes []byte `db:"bytes"`
		}
		if err := t.list(t.ctx, &rows, `SELECT entry_index, bytes FROM log_entries WHERE school_id = ? AND entry_index >= ? ORDER BY entry_index LIMIT ?`,
			string(school), next, noticeBatch); err != nil {
			return fmt.Errorf("read entries for notices: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		people, err := t.noticePeople()
		if err != nil {
			return err
		}
		var all []custody.Notice
		for _, row := range rows {
			e, err := signinglog.Parse(row.Bytes)
			if err != nil {
				return fmt.Errorf("entry %d: %w: %w", row.Index, ErrDamaged, err)
			}
			facts, err := t.noticeFacts(people, e.Token(), row.Index)
			if err != nil {
				return err
			}
			all = append(all, custody.NoticesOf(row.Index, e, facts)...)
		}
		if _, err := t.writeNotices(all, channels, people.mail); err != nil {
			return err
		}
		entries, next = len(rows), rows[len(rows)-1].Index+1
		if fresh {
			return t.insertRow(`INSERT INTO notice_cursors (school_id, next_index, moved_at)`, string(school), next, at(t.now))
		}
		if _, err := t.exec(t.ctx, `UPDATE notice_cursors SET next_index = ?, moved_at = ? WHERE school_id = ?`, next, at(t.now), string(school)); err != nil {
			return fmt.Errorf("move cursor of notices: %w", err)
		}
		return nil
	})
	return entries, err
}

// NoticesBehind reports whether there are entries that notices are still to be
// derived of.
func (s *Store) NoticesBehind(ctx context.Context, school custody.SchoolID) (bool, error) {
	behind, err := s.noticesBehind(ctx, school)
	return behind > 0, err
}

// noticesBehind counts the entries that notices are still to be derived of.
func (s *Store) noticesBehind(ctx context.Context, school custody.SchoolID) (int64, error) {
	var behind int64
	err := s.reader.get(ctx, &behind, `SELECT h.size - COALESCE(c.next_index, 0) FROM log_heads h LEFT JOIN notice_cursors c ON c.school_id = h.school_id
		WHERE h.school_id = ?`, string(school))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read cursor of notices: %w", err)
	}
	return behind, nil
}

// noticePeople are the school's people as far as notices need them.
type noticePeople struct {
	principals, managers, confirmers []custody.PersonID
	mail                             map[custody.PersonID]bool // who has an address
}

func (t *tx) noticePeople() (noticePeople, error) {
	p := noticePeople{mail: map[custody.PersonID]bool{}}
	var listed []listedPerson
	if err := t.list(t.ctx, &listed, queryPeople+` ORDER BY p.entry_index`, string(t.school)); err != nil {
		return p, fmt.Errorf("list people for notices: %w", err)
	}
	var positions []positionRow
	if err := t.list(t.ctx, &positions, `SELECT `+positionColumns+`, ended_entry FROM `+positionsAsEnded+` WHERE school_id = ?`, string(t.school)); err != nil {
		return p, fmt.Errorf("list positions for notices: %w", err)
	}
	today := custody.DateOf(t.now)
	for _, row := range listed {
		id := custody.PersonID(row.ID)
		p.mail[id] = row.Email != ""
		if row.AccountUntil != "" && row.AccountUntil < today {
			continue
		}
		var own []custody.Position
		for _, position := range positions {
			if position.Person == row.ID {
				own = append(own, position.position())
			}
		}
		roles := custody.RolesOn(own, row.roles(), today)
		if roles.Principal {
			p.principals = append(p.principals, id)
		}
		if roles.May(custody.RunRegister) {
			p.managers = append(p.managers, id)
		}
		if roles.May(custody.ConfirmReset) || roles.May(custody.RunRegister) {
			p.confirmers = append(p.confirmers, id)
		}
	}
	return p, nil
}

// noticeFacts finds who has a part in an entry about a token: who held it when the
// entry was written, that is, also who held it until then.
func (t *tx) noticeFacts(people noticePeople, token string, index int64) (custody.NoticeFacts, error) {
	facts := custody.NoticeFacts{Principals: people.principals, Managers: people.managers, Confirmers: people.confirmers}
	if token == "" {
		return facts, nil
	}
	if err := t.list(t.ctx, &facts.Custodians, `SELECT person_id FROM custodies WHERE school_id = ? AND token_id = ? AND entry_index <= ?
		AND (until_entry IS NULL OR until_entry >= ?) ORDER BY entry_index`, string(t.school), token, index, index); err != nil {
		return facts, fmt.Errorf("read custodians for notices: %w", err)
	}
	if err := t.get(t.ctx, &facts.Owner, `SELECT COALESCE(owner_id, '') FROM tokens WHERE school_id = ? AND id = ?`, string(t.school), token); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return facts, fmt.Errorf("read owner for notices: %w", err)
	}
	return facts, nil
}

// writeNotices writes those that are not there yet, and what is to go out of them.
// It answers how many were new.
func (t *tx) writeNotices(all []custody.Notice, channels []Channel, mail map[custody.PersonID]bool) (int, error) {
	written := 0
	for _, n := range all {
		params, err := json.Marshal(n.Params)
		if err != nil {
			return 0, fmt.Errorf("params of notice: %w", err)
		}
		id := newID()
		added, err := t.exec(t.ctx, `INSERT INTO notices (id, school_id, origin, kind, recipient_id, token_id, params, urgent, entry_index, happened_at, created_at)
			VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (school_id, origin, kind, recipient_id) DO NOTHING`,
			id, string(t.school), n.Origin, string(n.Kind), string(n.Recipient), orNull(n.Token), string(params), n.Urgent, n.Entry, at(n.At), at(t.now))
		if err != nil {
			return 0, fmt.Errorf("write notice: %w", err)
		}
		if added == 0 {
			continue
		}
		written++
		channel := ChannelMail
		if n.Recipient == "" {
			channel = ChannelWebhook
		}
		if n.Quiet || !slices.Contains(channels, channel) || channel == ChannelMail && !mail[n.Recipient] {
			continue
		}
		if err := t.insertRow(`INSERT INTO deliveries (id, school_id, notice_id, channel, attempts, next_at, last_error)`,
			newID(), string(t.school), id, string(channel), 0, at(t.now), ""); err != nil {
			return 0, fmt.Errorf("write delivery: %w", err)
		}
	}
	return written, nil
}

type noticeRow struct {
	ID        string `db:"id"`
	Origin    string `db:"origin"`
	Kind      string `db:"kind"`
	Recipient string `db:"recipient_id"`
	Token     string `db:"token_id"`
	Params    string `db:"params"`
	Urgent    bool   `db:"urgent"`
	Entry     *int64 `db:"entry_index"`
	At        stamp  `db:"happened_at"`
	ReadAt    *stamp `db:"read_at"`
	Serial    string `db:"serial"`
	Label     string `db:"label"`
	Device    string `db:"device"`
}

const queryNotices = `SELECT n.id, n.origin, n.kind, n.recipient_id, COALESCE(n.token_id, '') AS token_id, n.params, n.urgent, n.entry_index, n.happened_at, n.read_at,
	COALESCE(t.serial, '') AS serial, COALESCE(l.value, '') AS label, COALESCE(d.value, '') AS device
	FROM notices n LEFT JOIN tokens t ON t.id = n.token_id
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	LEFT JOIN reveals d ON d.school_id = n.school_id AND d.entry_index = n.entry_index AND d.field = 'device'
	WHERE n.school_id = ?`

// notices reads notices and finds the names of the people in them.
func (s *Store) notices(ctx context.Context, school custody.SchoolID, condition string, args ...any) ([]NoticeRow, error) {
	var listed []noticeRow
	if err := s.reader.list(ctx, &listed, queryNotices+condition, append([]any{string(school)}, args...)...); err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	if len(listed) == 0 {
		return nil, nil
	}
	var people []struct {
		ID   string `db:"id"`
		Name string `db:"value"`
	}
	if err := s.reader.list(ctx, &people, `SELECT p.id, r.value FROM persons p JOIN reveals r ON r.school_id = p.school_id AND r.entry_index = p.entry_index AND r.field = 'name'
		WHERE p.school_id = ?`, string(school)); err != nil {
		return nil, fmt.Errorf("list names for notices: %w", err)
	}
	names := make(map[string]string, len(people))
	for _, p := range people {
		names[p.ID] = p.Name
	}
	rows := make([]NoticeRow, len(listed))
	for i, r := range listed {
		n := custody.Notice{ID: custody.NoticeID(r.ID), Origin: r.Origin, Recipient: custody.PersonID(r.Recipient), Kind: custody.NoticeKind(r.Kind),
			Token: custody.TokenID(r.Token), Urgent: r.Urgent, Entry: r.Entry, At: r.At.Time}
		if err := json.Unmarshal([]byte(r.Params), &n.Params); err != nil {
			return nil, fmt.Errorf("params of notice %s: %w: %w", r.ID, ErrDamaged, err)
		}
		rows[i] = NoticeRow{Notice: n, TokenLabel: r.Label, TokenSerial: r.Serial, Device: r.Device, ReadAt: r.ReadAt.moment(), Names: map[string]string{}}
		for _, param := range custody.PersonParams {
			if id := n.Params[param]; id != "" {
				rows[i].Names[param] = names[id]
			}
		}
	}
	return rows, nil
}

// maxNotices bounds a list.
const maxNotices = 100

// Notices lists the actor's notices, newest first: at most 100, older than before
// ("" = the newest).
func (s *Store) Notices(ctx context.Context, actor custody.Actor, before custody.NoticeID) ([]NoticeRow, error) {
	if before != "" {
		return s.notices(ctx, actor.School, ` AND n.recipient_id = ? AND n.recipient_id <> '' AND n.id < ? ORDER BY n.id DESC LIMIT ?`, string(actor.Person), string(before), maxNotices)
	}
	return s.notices(ctx, actor.School, ` AND n.recipient_id = ? AND n.recipient_id <> '' ORDER BY n.id DESC LIMIT ?`, string(actor.Person), maxNotices)
}

// Announcements lists what may be told to the whole school, newest first, since a
// moment: for who manages the register.
func (s *Store) Announcements(ctx context.Context, actor custody.Actor, since time.Time) ([]NoticeRow, error) {
	if !actor.Roles.May(custody.RunRegister) {
		return nil, custody.Forbidden("")
	}
	return s.notices(ctx, actor.School, ` AND n.recipient_id = '' AND n.happened_at >= ? ORDER BY n.id DESC LIMIT ?`, at(since), maxNotices)
}

// UnreadNotices counts the actor's notices that were not read.
func (s *Store) UnreadNotices(ctx context.Context, actor custody.Actor) (int, error) {
	var n int
	if err := s.reader.get(ctx, &n, `SELECT COUNT(*) FROM notices WHERE school_id = ? AND recipient_id = ? AND recipient_id <> '' AND read_at IS NULL`,
		string(actor.School), string(actor.Person)); err != nil {
		return 0, fmt.Errorf("count unread notices: %w", err)
	}
	return n, nil
}

// ReadNotice notes that the actor has read a notice. Read again it stays as it was.
func (s *Store) ReadNotice(ctx context.Context, actor custody.Actor, id custody.NoticeID) error {
	found, err := s.writer.exec(ctx, `UPDATE notices SET read_at = COALESCE(read_at, ?) WHERE school_id = ? AND recipient_id = ? AND recipient_id <> '' AND id = ?`,
		at(s.now()), string(actor.School), string(actor.Person), string(id))
	if err != nil {
		return fmt.Errorf("mark notice read: %w", err)
	}
	if found == 0 {
		return custody.NotFound("notice")
	}
	return nil
}

// ReadNotices notes that the actor has read all notices up to one, that one
// included: what came after the list was shown stays unread.
func (s *Store) ReadNotices(ctx context.Context, actor custody.Actor, upTo custody.NoticeID) error {
	if _, err := s.writer.exec(ctx, `UPDATE notices SET read_at = ? WHERE school_id = ? AND recipient_id = ? AND recipient_id <> '' AND id <= ? AND read_at IS NULL`,
		at(s.now()), string(actor.School), string(actor.Person), string(upTo)); err != nil {
		return fmt.Errorf("mark notices read: %w", err)
	}
	return nil
}
