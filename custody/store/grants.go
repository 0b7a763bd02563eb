package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// maxRequest bounds the client's identifier of a request.
const maxRequest = 100

// RequestGrant gives leave for one signature, or returns a *custody.Refusal. Both
// are entries of the log. The same Request of the same person with the same
// content gets the same grant again, unless it may not be used any more (it was
// abandoned, or would not be given now: the token reported or given away, the
// certificate revoked, the position or scope ended); with other content it is a conflict. A refused Request may be sent again: the state
// may have changed.
func (s *Store) RequestGrant(ctx context.Context, actor custody.Actor, r custody.GrantRequest) (GrantRow, error) {
	outcome := s.RequestGrants(ctx, actor, []custody.GrantRequest{r})[0]
	return outcome.Grant, outcome.Err
}

// GrantOutcome is what became of one of several requests.
type GrantOutcome struct {
	Grant GrantRow
	Err   error // as of RequestGrant
}

// RequestGrants is RequestGrant for several requests, in few transactions. Each
// has its own outcome, in their order.
func (s *Store) RequestGrants(ctx context.Context, actor custody.Actor, requests []custody.GrantRequest) []GrantOutcome {
	outcomes := make([]GrantOutcome, len(requests))
	ids, refusals := make([]string, len(requests)), make([]*custody.Refusal, len(requests))
	var changes []*change
	var asked []int // the request of each change
	for i, r := range requests {
		if outcomes[i].Err = checkRequest(actor, &r); outcomes[i].Err != nil {
			continue
		}
		asked = append(asked, i)
		changes = append(changes, &change{ctx: ctx, done: make(chan error, 1), request: &requestKey{actor.Person, r.Request}, run: func(t *tx) error {
			var err error
			ids[i], refusals[i], err = t.decideGrant(actor, r)
			return err
		}})
	}
	var given []custody.GrantID
	for n, err := range s.submitAll(ctx, actor.School, changes) {
		switch i := asked[n]; {
		case err != nil:
			outcomes[i].Err = err
		case refusals[i] != nil:
			outcomes[i].Err = refusals[i]
		default:
			given = append(given, custody.GrantID(ids[i]))
		}
	}
	found, err := s.Grants(ctx, actor, given)
	for i := range outcomes {
		if outcomes[i].Err != nil {
			continue
		}
		var there bool
		if outcomes[i].Grant, there = found[custody.GrantID(ids[i])]; err != nil {
			outcomes[i].Err = err
		} else if !there {
			outcomes[i].Err = custody.NotFound("grant")
		}
	}
	return outcomes
}

// checkRequest tidies the texts of a request and refuses what is malformed.
func checkRequest(actor custody.Actor, r *custody.GrantRequest) error {
	if actor.Person == "" {
		return custody.Invalid("person", "only a person signs")
	}
	d := &r.Document
	if err := texts("request!", &r.Request, "token_serial!", &r.TokenSerial, "number", &d.Number, "symbol", &d.Symbol, "kind", &d.Kind,
		"summary", &d.Summary, "purpose", &d.Purpose, "file_name", &d.FileName); err != nil {
		return err
	}
	switch {
	case len(r.Request) > maxRequest:
		return custody.Invalid("request", "request has %d bytes", len(r.Request))
	case !isHash(r.SHA256In):
		return custody.Invalid("sha256_in", "not 64 lower-case hexadecimal digits")
	case !r.Act.Valid():
		return custody.Invalid("act", "act %.40q", string(r.Act))
	case !r.Capacity.Valid():
		return custody.Invalid("capacity", "capacity %.40q", string(r.Capacity))
	case len(r.Certificate) == 0:
		return custody.Invalid("certificate", "no certificate")
	}
	return nil
}

func (t *tx) decideGrant(actor custody.Actor, r custody.GrantRequest) (string, *custody.Refusal, error) {
	certificate := sha256Hex(r.Certificate)
	row := grantRecord{rowBase: rowBase{ID: newID(), School: string(t.school)}, Person: string(actor.Person), Request: r.Request,
		Certificate: certificate, SHA256In: r.SHA256In, Act: string(r.Act), Capacity: string(r.Capacity),
		Number: r.Document.Number, Symbol: r.Document.Symbol, Kind: r.Document.Kind}
	signer, err := t.signer(actor.Person)
	if err != nil {
		return "", nil, err
	}
	earlier, err := t.earlierGrant(actor.Person, row.Request)
	if err != nil {
		return "", nil, fmt.Errorf("read grant: %w", err)
	}
	token, err := t.signingToken(r.TokenSerial)
	if err != nil {
		return "", nil, err
	}
	private := map[string]string{"summary": r.Document.Summary, "purpose": r.Document.Purpose, "file_name": r.Document.FileName}
	facts := custody.GrantFacts{Person: actor.Person, Requested: certificate, Positions: signer.positions, Scopes: signer.scopes}
	if token.facts != nil {
		token.facts.fill(&facts)
		facts.Certificates = token.certificates
		row.Token = string(token.facts.token.ID)
	}
	if r.Act == custody.Issue {
		if err = t.fillApproval(&facts, r); err != nil {
			return "", nil, err
		}
	}
	if earlier != nil {
		return t.grantAgain(actor, r, row, earlier, facts, private)
	}
	if position, ok := custody.PositionOn(facts.Positions, custody.DateOf(t.now)); ok {
		row.Title = position.Title
	}
	if decision := custody.DecideGrant(r, facts, t.now); decision != nil {
		var refusal *custody.Refusal
		if !errors.As(decision, &refusal) {
			return "", nil, decision
		}
		return "", refusal, t.logRefusal(actor, row, r.TokenSerial, refusal, private)
	}
	row.CustodyEntry = facts.Custody.Entry
	if entry, ok := custody.Authority(r, facts, t.now); ok {
		row.AuthorityEntry = &entry
	}
	if a := facts.Approval; a != nil {
		row.ApprovalCertificate, row.ApprovalDigest = a.Certificate, a.Digest
		if a.Entry != 0 {
			row.ApprovalEntry = &a.Entry
		}
	}
	row.GrantedAt, row.ExpiresAt = at(t.now), at(t.now.Add(custody.GrantLifetime))
	if row.Entry, err = t.append(signinglog.TypeGrant, actor, row.fields(), private); err != nil {
		return "", nil, err
	}
	t.given = append(t.given, row)
	if t.immediate {
		err = t.flush()
	} else {
		t.earlier[requestKey{actor.Person, r.Request}] = &row
	}
	return row.ID, nil, err
}

// grantAgain answers a request that got a grant before: with the same content it
// gets the same grant, as long as it would be given now. One that was abandoned may
// not be used, nor one whose token was reported or given away since, or whose
// signer's position or scope has ended.
func (t *tx) grantAgain(actor custody.Actor, r custody.GrantRequest, row grantRecord, earlier *grantRecord,
	facts custody.GrantFacts, private map[string]string) (string, *custody.Refusal, error) {
	row.Title = earlier.Title         // of that day
	if err := t.flush(); err != nil { // it may have been given in this batch
		return "", nil, err
	}
	same, err := t.samePrivate(earlier.Entry, private)
	if err != nil {
		return "", nil, err
	}
	if !same || !sameFields(row.actFields(), earlier.actFields()) {
		return "", nil, custody.Conflict(custody.ReasonRequestReused)
	}
	g, err := t.ownGrant(actor, custody.GrantID(earlier.ID))
	switch {
	case err != nil:
		return "", nil, err
	case g.SignatureEntry != nil:
		return earlier.ID, nil, nil // nothing is left to be signed
	case g.Abandoned != nil:
		return "", nil, custody.Conflict(custody.ReasonRequestReused)
	}
	decision := custody.DecideGrant(r, facts, t.now)
	if decision == nil {
		return earlier.ID, nil, nil
	}
	var refusal *custody.Refusal
	if !errors.As(decision, &refusal) {
		return "", nil, decision
	}
	return "", refusal, t.logRefusal(actor, row, r.TokenSerial, refusal, private)
}

// samePrivate compares values with those an entry is committed to. One that was
// erased can't be compared any more and counts as the same.
func (t *tx) samePrivate(index int64, private map[string]string) (bool, error) {
	e, reveals, err := t.entryAt(index)
	if err != nil {
		return false, err
	}
	for name, value := range private {
		commitment := e.Fields[name]
		if (commitment == "") != (value == "") {
			return false, nil
		}
		for _, kept := range reveals {
			if kept.Index == index && kept.Field == name && !signinglog.CheckCommitment(commitment, kept.Salt, value) {
				return false, nil
			}
		}
	}
	return true, nil
}

// entryAt reads an entry with what is kept of its private values; it may be one
// that this transaction has yet to write.
func (t *tx) entryAt(index int64) (signinglog.Entry, []revealRow, error) {
	if pending := index - t.from.Size(); pending >= 0 && pending < int64(len(t.tail.entries)) {
		return t.tail.entries[pending].entry, t.tail.reveals, nil
	}
	var bytes []byte
	if err := t.get(t.ctx, &bytes, `SELECT bytes FROM log_entries WHERE school_id = ? AND entry_index = ?`, string(t.school), index); err != nil {
		return signinglog.Entry{}, nil, fmt.Errorf("read log entry %d: %w", index, err)
	}
	e, err := signinglog.Parse(bytes)
	if err != nil {
		return signinglog.Entry{}, nil, fmt.Errorf("read log entry %d: %w", index, err)
	}
	var reveals []revealRow
	if err := t.list(t.ctx, &reveals, `SELECT entry_index, field, salt, value FROM reveals WHERE school_id = ? AND entry_index = ?`, string(t.school), index); err != nil {
		return signinglog.Entry{}, nil, fmt.Errorf("read reveals: %w", err)
	}
	return e, reveals, nil
}

func (t *tx) logRefusal(actor custody.Actor, row grantRecord, serial string, refusal *custody.Refusal, private map[string]string) error {
	fields := row.actFields()
	delete(fields, "title")
	fields["code"] = refusal.Code
	fields["request"] = row.Request
	fields["token_serial"] = serial
	_, err := t.append(signinglog.TypeRefusal, actor, fields, private)
	return err
}

// fill turns what the register knows of a token into a grant's facts.
func (f *tokenFacts) fill(facts *custody.GrantFacts) {
	rules := f.rules()
	facts.Token, facts.Custody, facts.Offer = &f.token, rules.Custody, rules.Offer
	facts.Retired, facts.WrittenOff, facts.PIN = f.Retired, f.WrittenOff, custody.PINStep(f.PIN)
	if f.last != nil {
		last := f.last.custody()
		facts.Last = &last
	}
	if f.incident != nil {
		incident := f.incident.incident()
		facts.Incident = &incident
	}
}

func (t *tx) certificates(token string) ([]custody.Certificate, error) {
	var rows []certificateRow
	if err := t.list(t.ctx, &rows, `SELECT `+certificateColumns+` FROM certificates c WHERE c.token_id = ? ORDER BY c.entry_index`, token); err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	return certificatesOf(rows)
}

func sameFields(a, b map[string]string) bool {
	for name, value := range a {
		if b[name] != value {
			return false
		}
	}
	return len(a) == len(b)
}

func isHash(s string) bool { return len(s) == 64 && isHex(s) }

// isDigest: SHA-256, SHA-384 or SHA-512.
func isDigest(s string) bool { return (len(s) == 64 || len(s) == 96 || len(s) == 128) && isHex(s) }

// isHex: lower-case hexadecimal digits.
func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

type listedGrant struct {
	grantRecord
	Signer      string `db:"signer"`
	TokenSerial string `db:"token_serial"`
	DER         []byte `db:"der"`
	Summary     string `db:"summary"`
	Purpose     string `db:"purpose"`
	FileName    string `db:"file_name"`
	Signatures  int    `db:"signatures"`
	Open        bool   `db:"open"`
}

var queryGrants = `SELECT ` + grantColumns + `, ` + fmt.Sprintf(nameOf, "g.person_id") + ` AS signer, t.serial AS token_serial, c.der,
	` + revealOf("g", "summary") + ` AS summary, ` + revealOf("g", "purpose") + ` AS purpose, ` + revealOf("g", "file_name") + ` AS file_name,
	(SELECT COUNT(*) FROM signatures x WHERE x.grant_id = g.id) AS signatures,
	EXISTS (SELECT 1 FROM open_grants o WHERE o.grant_id = g.id) AS open
	FROM grants g JOIN tokens t ON t.id = g.token_id
	JOIN certificates c ON c.school_id = g.school_id AND c.sha256 = g.certificate_sha256
	WHERE g.school_id = ?`

func (r listedGrant) row() GrantRow {
	state := custody.GrantOpen
	switch {
	case r.Signatures > 0:
		state = custody.GrantSigned
	case !r.Open:
		state = custody.GrantAbandoned
	}
	return GrantRow{Grant: custody.Grant{ID: custody.GrantID(r.ID), Request: r.Request, Person: custody.PersonID(r.Person), Token: custody.TokenID(r.Token),
		CertificateSHA256: r.Certificate, SHA256In: r.SHA256In, Act: custody.Act(r.Act), Capacity: custody.Capacity(r.Capacity),
		Document:     custody.Document{Number: r.Number, Symbol: r.Symbol, Kind: r.Kind, Summary: r.Summary, Purpose: r.Purpose, FileName: r.FileName},
		CustodyEntry: r.CustodyEntry, Entry: r.Entry, GrantedAt: r.GrantedAt.Time, ExpiresAt: r.ExpiresAt.Time, State: state},
		Signer: r.Signer, Title: r.Title, TokenSerial: r.TokenSerial, CertificateDER: r.DER}
}

func (s *Store) grants(ctx context.Context, actor custody.Actor, page *Page, condition string, args ...any) ([]GrantRow, error) {
	query, all := queryGrants+condition, append([]any{string(actor.School)}, args...)
	if !actor.Roles.May(custody.ReadRegister) {
		query, all = query+` AND g.person_id = ?`, append(all, string(actor.Person))
	}
	var listed []listedGrant
	query, all = page.order(query, all, "g.entry_index", false)
	if err := s.reader.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	listed = cut(page, listed, func(r *listedGrant) int64 { return r.Entry })
	rows := make([]GrantRow, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, r.row())
	}
	return rows, nil
}

// Grants returns those of the grants that the actor may see, by their ID.
func (s *Store) Grants(ctx context.Context, actor custody.Actor, ids []custody.GrantID) (map[custody.GrantID]GrantRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = string(id)
	}
	rows, err := s.grants(ctx, actor, nil, ` AND g.id IN (?`+strings.Repeat(",?", len(ids)-1)+`)`, args...)
	found := make(map[custody.GrantID]GrantRow, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, err
}

// Grant returns a grant of the actor; who manages the register sees all.
func (s *Store) Grant(ctx context.Context, actor custody.Actor, id custody.GrantID) (GrantRow, error) {
	rows, err := s.grants(ctx, actor, nil, ` AND g.id = ?`, string(id))
	if err != nil {
		return GrantRow{}, err
	}
	if len(rows) == 0 {
		return GrantRow{}, custody.NotFound("grant")
	}
	return rows[0], nil
}

// UnconfirmedGrants lists grants that expired without a signature and without
// having been abandoned: somebody must find out what became of them. Those given
// less than after ago are left out: an agent that was offline reports by itself.
func (s *Store) UnconfirmedGrants(ctx context.Context, actor custody.Actor, after time.Duration) ([]GrantRow, error) {
	return s.UnconfirmedGrantsPage(ctx, actor, after, nil)
}

// UnconfirmedGrantsPage is a page of UnconfirmedGrants.
func (s *Store) UnconfirmedGrantsPage(ctx context.Context, actor custody.Actor, after time.Duration, page *Page) ([]GrantRow, error) {
	now := s.now()
	return s.grants(ctx, actor, page, ` AND g.id IN (SELECT o.grant_id FROM open_grants o WHERE o.school_id = ? AND o.expires_at < ?) AND g.granted_at <= ?`,
		string(actor.School), at(now), at(now.Add(-after)))
}
