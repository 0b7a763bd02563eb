package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// SignIn opens a session; the client keeps its cookie.
func (c *Client) SignIn(ctx context.Context, in SignIn) (Me, error) {
	var me Me
	err := c.post(ctx, PathSession, in, &me)
	return me, err
}

// Me tells who the service takes the client for.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var me Me
	err := c.get(ctx, PathSession, nil, &me)
	return me, err
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodDelete, path: PathSession})
}

// School tells the school's name and the key of its log, to anybody.
func (c *Client) School(ctx context.Context) (School, error) {
	var school School
	err := c.get(ctx, PathSchool, nil, &school)
	return school, err
}

// Ready reports nil when this service is to be sent requests.
func (c *Client) Ready(ctx context.Context) error {
	var ready Ready
	return c.get(ctx, PathReady, nil, &ready)
}

// Health reports nil when the service can do its work.
func (c *Client) Health(ctx context.Context) error {
	var health Health
	return c.get(ctx, PathHealth, nil, &health)
}

// Pair trades a one-time code for an API key. The key is in the answer; the
// client itself goes on without it.
func (c *Client) Pair(ctx context.Context, in Pair) (Paired, error) {
	var paired Paired
	err := c.post(ctx, PathPair, in, &paired)
	return paired, err
}

// CreatePairingCode makes a code for the signed-in person's next agent.
func (c *Client) CreatePairingCode(ctx context.Context) (PairingCode, error) {
	var code PairingCode
	err := c.post(ctx, PathPairingCode, struct{}{}, &code)
	return code, err
}

// People lists everybody (admin, principal).
func (c *Client) People(ctx context.Context) ([]Person, error) {
	return wholeList(ctx, c, PathPeople, nil, func(page *People) ([]Person, string) { return page.People, page.Next })
}

// CreatePerson registers a person (admin).
func (c *Client) CreatePerson(ctx context.Context, in NewPerson) (CreatedPerson, error) {
	var person CreatedPerson
	err := c.change(ctx, PathPeople, in, &person)
	return person, err
}

// GiveRole gives a person a role: admin, reviewer or department (admin).
func (c *Client) GiveRole(ctx context.Context, person string, in RoleChange) error {
	return c.change(ctx, fmt.Sprintf(PathRole, url.PathEscape(person)), in, nil)
}

// EndRole ends such a role (another admin).
func (c *Client) EndRole(ctx context.Context, person string, in RoleChange) error {
	return c.change(ctx, fmt.Sprintf(PathRoleEnded, url.PathEscape(person)), in, nil)
}

// AddPosition gives a person a position (admin).
func (c *Client) AddPosition(ctx context.Context, person string, in NewPosition) error {
	return c.change(ctx, fmt.Sprintf(PathPosition, url.PathEscape(person)), in, nil)
}

// AddScope widens what a person may sign (admin).
func (c *Client) AddScope(ctx context.Context, person string, in NewScope) error {
	return c.change(ctx, fmt.Sprintf(PathScope, url.PathEscape(person)), in, nil)
}

// End ends a position, a scope or an account (admin).
func (c *Client) End(ctx context.Context, person string, in NewEnding) error {
	return c.change(ctx, fmt.Sprintf(PathEndings, url.PathEscape(person)), in, nil)
}

// MyPairings lists the signed-in person's agents.
func (c *Client) MyPairings(ctx context.Context) ([]Pairing, error) {
	var list Pairings
	err := c.get(ctx, PathMyPairings, nil, &list)
	return list.Pairings, err
}

// Pairings lists a person's agents (admin, principal).
func (c *Client) Pairings(ctx context.Context, person string) ([]Pairing, error) {
	var list Pairings
	err := c.get(ctx, fmt.Sprintf(PathPairings, url.PathEscape(person)), nil, &list)
	return list.Pairings, err
}

// EndPairing ends an agent's key.
func (c *Client) EndPairing(ctx context.Context, id string) error {
	return c.change(ctx, fmt.Sprintf(PathEndPairing, url.PathEscape(id)), struct{}{}, nil)
}

// Tokens lists the tokens that the person may see.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return wholeList(ctx, c, PathTokens, nil, func(page *Tokens) ([]Token, string) { return page.Tokens, page.Next })
}

// MyTokens lists the tokens that the person holds.
func (c *Client) MyTokens(ctx context.Context) ([]Token, error) {
	return wholeList(ctx, c, PathMyTokens, nil, func(page *Tokens) ([]Token, string) { return page.Tokens, page.Next })
}

// RegisterToken registers a token with its certificate (admin). It lies in the safe then.
func (c *Client) RegisterToken(ctx context.Context, in NewToken) (Token, error) {
	var token Token
	err := c.change(ctx, PathTokens, in, &token)
	return token, err
}

// HandOvers lists the open hand-overs that the person gives or may accept.
func (c *Client) HandOvers(ctx context.Context) ([]HandOver, error) {
	return wholeList(ctx, c, PathHandOvers, nil, func(page *HandOvers) ([]HandOver, string) { return page.HandOvers, page.Next })
}

// OfferHandOver offers a token to a person, or back to the safe.
func (c *Client) OfferHandOver(ctx context.Context, in NewHandOver) (HandOver, error) {
	var handOver HandOver
	err := c.change(ctx, PathHandOvers, in, &handOver)
	return handOver, err
}

// HandOver tells what became of a hand-over.
func (c *Client) HandOver(ctx context.Context, id string) (HandOver, error) {
	var handOver HandOver
	err := c.get(ctx, fmt.Sprintf(PathHandOver, url.PathEscape(id)), nil, &handOver)
	return handOver, err
}

// AcceptHandOver confirms that the token was received.
func (c *Client) AcceptHandOver(ctx context.Context, id string) (HandOver, error) {
	return c.decideHandOver(ctx, PathAccept, id)
}

// AcceptHandOverWith is AcceptHandOver with what the receiver says besides.
func (c *Client) AcceptHandOverWith(ctx context.Context, id string, in Acceptance) (HandOver, error) {
	var handOver HandOver
	err := c.change(ctx, fmt.Sprintf(PathAccept, url.PathEscape(id)), in, &handOver)
	return handOver, err
}

// OverdueHandOvers lists the temporary hand-overs past their last day whose token
// has not come back.
func (c *Client) OverdueHandOvers(ctx context.Context) ([]HandOver, error) {
	return wholeList(ctx, c, PathOverdue, nil, func(page *HandOvers) ([]HandOver, string) { return page.HandOvers, page.Next })
}

// StepPIN records a step of a locked PIN's story.
func (c *Client) StepPIN(ctx context.Context, token string, in PINStep) error {
	return c.change(ctx, fmt.Sprintf(PathPINSteps, url.PathEscape(token)), in, nil)
}

// Retire takes a token out of use.
func (c *Client) Retire(ctx context.Context, token string, in Retirement) error {
	return c.change(ctx, fmt.Sprintf(PathRetire, url.PathEscape(token)), in, nil)
}

// WriteOff writes a token off that its custodian does not bring back.
func (c *Client) WriteOff(ctx context.Context, token string, in WriteOff) error {
	return c.change(ctx, fmt.Sprintf(PathWriteOff, url.PathEscape(token)), in, nil)
}

// DeclineHandOver says that the token was not received.
func (c *Client) DeclineHandOver(ctx context.Context, id string) (HandOver, error) {
	return c.decideHandOver(ctx, PathDecline, id)
}

// WithdrawHandOver takes an offer back.
func (c *Client) WithdrawHandOver(ctx context.Context, id string) (HandOver, error) {
	return c.decideHandOver(ctx, PathWithdraw, id)
}

func (c *Client) decideHandOver(ctx context.Context, path, id string) (HandOver, error) {
	var handOver HandOver
	err := c.change(ctx, fmt.Sprintf(path, url.PathEscape(id)), struct{}{}, &handOver)
	return handOver, err
}

// Incidents lists the reported losses that the person may see.
func (c *Client) Incidents(ctx context.Context) ([]Incident, error) {
	return wholeList(ctx, c, PathIncidents, nil, func(page *Incidents) ([]Incident, string) { return page.Incidents, page.Next })
}

// ReportIncident reports a loss: the token is blocked when it returns.
func (c *Client) ReportIncident(ctx context.Context, in NewIncident) (Incident, error) {
	var incident Incident
	err := c.change(ctx, PathIncidents, in, &incident)
	return incident, err
}

// IncidentTrack returns an incident with what was done about it.
func (c *Client) IncidentTrack(ctx context.Context, id string) (IncidentTrack, error) {
	var track IncidentTrack
	err := c.get(ctx, fmt.Sprintf(PathIncident, url.PathEscape(id)), nil, &track)
	return track, err
}

// RecordStep records a step of an incident's track.
func (c *Client) RecordStep(ctx context.Context, id string, in NewIncidentStep) (IncidentTrack, error) {
	var track IncidentTrack
	err := c.change(ctx, fmt.Sprintf(PathIncidentSteps, url.PathEscape(id)), in, &track)
	return track, err
}

// ReviewSignature says what a doubtful signature is.
func (c *Client) ReviewSignature(ctx context.Context, id string, in NewReview) error {
	return c.change(ctx, fmt.Sprintf(PathIncidentReviews, url.PathEscape(id)), in, nil)
}

// AskAuthority has the service ask whether the incident's certificate is revoked.
func (c *Client) AskAuthority(ctx context.Context, id string) (AuthorityAnswer, error) {
	var answer AuthorityAnswer
	err := c.change(ctx, fmt.Sprintf(PathAskAuthority, url.PathEscape(id)), struct{}{}, &answer)
	return answer, err
}

// IncidentDeadlines lists what is due and not done.
func (c *Client) IncidentDeadlines(ctx context.Context) ([]IncidentDeadline, error) {
	var list IncidentDeadlines
	err := c.get(ctx, PathIncidentDeadlines, nil, &list)
	return list.Deadlines, err
}

// RaiseAlarm tells of a loss without a sign-in.
func (c *Client) RaiseAlarm(ctx context.Context, in NewAlarm) error {
	return c.post(ctx, PathAlarms, in, nil)
}

// Alarms lists what was told without a sign-in.
func (c *Client) Alarms(ctx context.Context) ([]Alarm, error) {
	return wholeList(ctx, c, PathAlarms, nil, func(page *Alarms) ([]Alarm, string) { return page.Alarms, page.Next })
}

// BlockByAlarm blocks the token that an alarm is about.
func (c *Client) BlockByAlarm(ctx context.Context, id, token string) (Incident, error) {
	var incident Incident
	err := c.change(ctx, fmt.Sprintf(PathBlockByAlarm, url.PathEscape(id)), BlockByAlarm{TokenID: token}, &incident)
	return incident, err
}

// DismissAlarm says that an alarm is none.
func (c *Client) DismissAlarm(ctx context.Context, id, reason string) error {
	return c.change(ctx, fmt.Sprintf(PathDismissAlarm, url.PathEscape(id)), DismissAlarm{Reason: reason}, nil)
}

// Grant asks leave for one signature. It is sent again on network errors: the
// same Request answers with the same grant.
func (c *Client) Grant(ctx context.Context, in GrantRequest) (Grant, error) {
	var grant Grant
	err := c.do(ctx, call{method: http.MethodPost, path: PathGrants, body: in, answer: &grant, key: in.Request, repeats: true})
	if err != nil {
		return Grant{}, err
	}
	if !grant.answers(in) {
		return Grant{}, &NonsenseError{URL: c.URL(), Operation: "POST " + PathGrants, Reason: "the grant is not for what was asked"}
	}
	return grant, nil
}

// Record reports the finished signature of a grant and returns its receipt. It
// is sent again on network errors: the same record answers with the same receipt.
func (c *Client) Record(ctx context.Context, grant string, in Record) (Receipt, error) {
	var receipt Receipt
	err := c.do(ctx, call{method: http.MethodPost, path: fmt.Sprintf(PathRecord, url.PathEscape(grant)), body: in, answer: &receipt, repeats: true})
	return receipt, err
}

// Abandon reports that nothing was signed under a grant.
func (c *Client) Abandon(ctx context.Context, grant string, in Abandon) error {
	return c.do(ctx, call{method: http.MethodPost, path: fmt.Sprintf(PathAbandon, url.PathEscape(grant)), body: in, repeats: true})
}

// UnconfirmedGrants lists grants of which nothing was heard (admin, principal).
func (c *Client) UnconfirmedGrants(ctx context.Context) ([]Grant, error) {
	return wholeList(ctx, c, PathGrants, nil, func(page *Grants) ([]Grant, string) { return page.Grants, page.Next })
}

// Checkpoint returns the log's latest signed note.
func (c *Client) Checkpoint(ctx context.Context) (string, error) {
	var text string
	err := c.do(ctx, call{method: http.MethodGet, path: PathCheckpoint, text: &text, repeats: true})
	return text, err
}

// EntriesQuery selects entries of the log. Zero fields select everything.
type EntriesQuery struct {
	From   *int64 // first index, counting upwards; nil: the newest, counting downwards
	Before *int64 // only below this index, counting downwards (when From is nil)
	Limit  int    // at most 100; 0: 50
	Type   string
	Person string
	Token  string
	Since  time.Time // inclusive
	Until  time.Time // exclusive
}

// Entries returns a page of the log as far as the person may see it.
func (c *Client) Entries(ctx context.Context, q EntriesQuery) (Entries, error) {
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.From != nil {
		query.Set("from", strconv.FormatInt(*q.From, 10))
	}
	if q.Before != nil {
		query.Set("before", strconv.FormatInt(*q.Before, 10))
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	set("type", q.Type)
	set("person", q.Person)
	set("token", q.Token)
	if !q.Since.IsZero() {
		query.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	if !q.Until.IsZero() {
		query.Set("until", q.Until.UTC().Format(time.RFC3339))
	}
	var entries Entries
	err := c.get(ctx, PathEntries, query, &entries)
	return entries, err
}

// Entry returns one entry of the log.
func (c *Client) Entry(ctx context.Context, index int64) (Entry, error) {
	var entry Entry
	err := c.get(ctx, fmt.Sprintf(PathEntry, index), nil, &entry)
	return entry, err
}

// Receipt proves that an entry is in the log as it is now.
func (c *Client) Receipt(ctx context.Context, index int64) (Receipt, error) {
	var receipt Receipt
	err := c.get(ctx, fmt.Sprintf(PathReceipt, index), nil, &receipt)
	return receipt, err
}

// InclusionProof returns the proof that the entry is in the tree of that size.
func (c *Client) InclusionProof(ctx context.Context, index, size int64) (Proof, error) {
	var proof Proof
	err := c.get(ctx, PathInclusion, url.Values{"index": {strconv.FormatInt(index, 10)}, "size": {strconv.FormatInt(size, 10)}}, &proof)
	return proof, err
}

// ConsistencyProof returns the proof that the tree of size to extends that of size from.
func (c *Client) ConsistencyProof(ctx context.Context, from, to int64) (Proof, error) {
	var proof Proof
	err := c.get(ctx, PathConsistency, url.Values{"from": {strconv.FormatInt(from, 10)}, "to": {strconv.FormatInt(to, 10)}}, &proof)
	return proof, err
}
