package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// record is a row that an entry of the log proves. The step that writes the row
// and VerifyLog both derive the entry's fields from it, so the two can't differ.
type record interface {
	entry() (index int64, kind signinglog.Type, at time.Time)
	// fields are those of the entry that follow from the row: all but actor, via
	// and the commitments; the actor too where the row has it.
	fields() map[string]string
	// proof is the verbatim entry, nil when there is none at the row's index.
	proof() []byte
}

func flag(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func countOrNone(n *int64) string {
	if n == nil {
		return ""
	}
	return count(*n)
}

// hashOrNone is sha256Hex, "" for no bytes.
func hashOrNone(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return sha256Hex(b)
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// rowBase is what every record has.
type rowBase struct {
	ID     string `db:"id"`
	School string `db:"school_id"`
	Entry  int64  `db:"entry_index"`

	Bytes []byte `db:"entry_bytes"` // of the entry that proves the row; read by VerifyLog only
}

func (r rowBase) proof() []byte { return r.Bytes }

type schoolRow struct {
	rowBase
	Name      string `db:"name"`
	Code      string `db:"code"`
	Superior  string `db:"superior"`
	Place     string `db:"place"`
	Origin    string `db:"log_origin"`
	LogKey    string `db:"log_key"`
	CreatedAt stamp  `db:"created_at"`
}

const schoolColumns = `id, id AS school_id, name, code, superior, place, log_origin, log_key, created_at, entry_index`

func (r schoolRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeSchool, r.CreatedAt.Time
}

func (r schoolRow) fields() map[string]string {
	return map[string]string{"name": r.Name, "code": r.Code, "superior": r.Superior, "place": r.Place, "log_key": r.LogKey}
}

type personRow struct {
	rowBase
	Admin     bool  `db:"admin"`
	CreatedAt stamp `db:"created_at"`
}

const personColumns = `id, school_id, admin, created_at, entry_index`

func (r personRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypePerson, r.CreatedAt.Time
}

func (r personRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.ID, "admin": flag(r.Admin)}
}

type positionRow struct {
	rowBase
	Person    string       `db:"person_id"`
	Kind      string       `db:"kind"`
	Title     string       `db:"title"`
	From      custody.Date `db:"from_on"`
	Until     custody.Date `db:"until_on"`
	Paper     string       `db:"paper"`
	Field     string       `db:"field"`
	Acting    string       `db:"acting"`
	CreatedAt stamp        `db:"created_at"`
	Ended     *int64       `db:"ended_entry"` // read with positionsAsEnded only
}

const positionColumns = `id, school_id, person_id, kind, title, from_on, until_on, paper, field, acting, created_at, entry_index`

func (r positionRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypePosition, r.CreatedAt.Time
}

func (r positionRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.Person, "position": r.ID, "kind": r.Kind, "title": r.Title,
		"from": string(r.From), "until": string(r.Until), "paper": r.Paper, "field": r.Field, "acting": r.Acting}
}

func (r positionRow) position() custody.Position {
	return custody.Position{ID: custody.PositionID(r.ID), Kind: custody.PositionKind(r.Kind), Title: r.Title, From: r.From, Until: r.Until, Paper: r.Paper,
		Field: r.Field, Acting: custody.Acting(r.Acting), Entry: r.Entry, Ended: indexOr0(r.Ended)}
}

// positionsAsEnded are the positions with the last day that holds: their own, or
// an earlier one that ended them.
const positionsAsEnded = `(SELECT p.id, p.school_id, p.person_id, p.kind, p.title, p.from_on,
	COALESCE((SELECT MIN(e.until_on) FROM endings e WHERE e.position_id = p.id), p.until_on) AS until_on, p.paper, p.field, p.acting, p.created_at, p.entry_index,
	(SELECT MAX(e.entry_index) FROM endings e WHERE e.position_id = p.id) AS ended_entry FROM positions p) AS positions`

func indexOr0(index *int64) int64 {
	if index == nil {
		return 0
	}
	return *index
}

type scopeRow struct {
	rowBase
	Person     string       `db:"person_id"`
	Acts       string       `db:"acts"`
	Kinds      string       `db:"kinds"`
	Capacities string       `db:"capacities"`
	From       custody.Date `db:"from_on"`
	Until      custody.Date `db:"until_on"`
	Paper      string       `db:"paper"`
	CreatedAt  stamp        `db:"created_at"`
	Ended      *int64       `db:"ended_entry"` // read with scopesAsEnded only
}

const scopeColumns = `id, school_id, person_id, acts, kinds, capacities, from_on, until_on, paper, created_at, entry_index`

func (r scopeRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeScope, r.CreatedAt.Time
}

func (r scopeRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.Person, "scope": r.ID, "acts": r.Acts, "kinds": r.Kinds, "capacities": r.Capacities,
		"from": string(r.From), "until": string(r.Until), "paper": r.Paper}
}

func (r scopeRow) scope() custody.Scope {
	s := custody.Scope{ID: custody.ScopeID(r.ID), Person: custody.PersonID(r.Person), Kinds: splitList(r.Kinds),
		From: r.From, Until: r.Until, Paper: r.Paper, Entry: r.Entry, Ended: indexOr0(r.Ended)}
	for _, act := range strings.Split(r.Acts, ",") {
		s.Acts = append(s.Acts, custody.Act(act))
	}
	for _, capacity := range strings.Split(r.Capacities, ",") {
		s.Capacities = append(s.Capacities, custody.Capacity(strings.TrimPrefix(capacity, "-")))
	}
	return s
}

// scopesAsEnded are the scopes with the last day that holds, as positionsAsEnded.
const scopesAsEnded = `(SELECT s.id, s.school_id, s.person_id, s.acts, s.kinds, s.capacities, s.from_on,
	COALESCE((SELECT MIN(e.until_on) FROM endings e WHERE e.scope_id = s.id), s.until_on) AS until_on, s.paper, s.created_at, s.entry_index,
	(SELECT MAX(e.entry_index) FROM endings e WHERE e.scope_id = s.id) AS ended_entry FROM scopes s) AS scopes`

// joinList writes a list for a column; an empty element, no capacity, as "-".
func joinList[T ~string](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = string(v)
		if v == "" {
			parts[i] = "-"
		}
	}
	return strings.Join(parts, ",")
}

// splitList reads what joinList wrote of texts that are never empty.
func splitList(column string) []string { return strings.Split(column, ",") }

type tokenRow struct {
	rowBase
	Serial      string `db:"serial"`
	Model       string `db:"model"`
	Provider    string `db:"provider"`
	Kind        string `db:"kind"`
	Owner       string `db:"owner_id"`
	CreatedAt   stamp  `db:"created_at"`
	Certificate string `db:"certificate_sha256"` // the one registered with the token
	Chain       []byte `db:"-"`                  // of that certificate
}

const tokenColumns = `t.id, t.school_id, t.serial, t.model, t.provider, t.kind, COALESCE(t.owner_id, '') AS owner_id, t.created_at, t.entry_index`

func (r tokenRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeToken, r.CreatedAt.Time
}

func (r tokenRow) fields() map[string]string {
	return map[string]string{signinglog.FieldToken: r.ID, "serial": r.Serial, "model": r.Model, "provider": r.Provider, "kind": r.Kind, "owner": r.Owner,
		signinglog.FieldCertificate: r.Certificate, "chain_sha256": hashOrNone(r.Chain)}
}

type handOverRow struct {
	rowBase
	Token            string       `db:"token_id"`
	Kind             string       `db:"kind"`
	Giver            string       `db:"giver_id"`
	Receiver         string       `db:"receiver_id"`
	OfferedBy        string       `db:"offered_by"`
	PermissionNumber string       `db:"permission_number"`
	PermissionOn     custody.Date `db:"permission_on"`
	ReasonKind       string       `db:"reason_kind"`
	Since            custody.Date `db:"since_on"`
	Until            custody.Date `db:"until_on"`
	Witness          string       `db:"witness_id"`
	PINChanged       string       `db:"pin_changed"`
	OfferedAt        stamp        `db:"offered_at"`
	State            string       `db:"state"`
	DecidedBy        string       `db:"decided_by"`
	DecidedAt        *stamp       `db:"decided_at"`
	DecidedEntry     *int64       `db:"decided_entry"`
}

const handOverColumns = `h.id, h.school_id, h.token_id, h.kind, COALESCE(h.giver_id, '') AS giver_id, COALESCE(h.receiver_id, '') AS receiver_id,
	COALESCE(h.offered_by, '') AS offered_by, h.permission_number, h.permission_on, h.reason_kind, h.since_on, h.until_on,
	COALESCE(h.witness_id, '') AS witness_id, h.pin_changed, h.offered_at, h.entry_index, h.state,
	COALESCE(h.decided_by, '') AS decided_by, h.decided_at, h.decided_entry`

func (r handOverRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeOffer, r.OfferedAt.Time
}

func (r handOverRow) fields() map[string]string {
	f := r.sides()
	f[signinglog.FieldActor] = actorField(r.OfferedBy)
	f["permission_number"] = r.PermissionNumber
	f["permission_on"] = string(r.PermissionOn)
	f["reason_kind"] = r.ReasonKind
	f["since"] = string(r.Since)
	f["until"] = string(r.Until)
	f["witness"] = r.Witness
	return f
}

// sides are the fields that the offer shares with what is decided about it.
func (r handOverRow) sides() map[string]string {
	return map[string]string{"hand_over": r.ID, "kind": r.Kind, signinglog.FieldToken: r.Token,
		signinglog.FieldGiver: r.Giver, signinglog.FieldReceiver: r.Receiver}
}

func (r handOverRow) handOver() custody.HandOver {
	h := custody.HandOver{ID: custody.HandOverID(r.ID), Token: custody.TokenID(r.Token), Kind: custody.HandOverKind(r.Kind),
		From: custody.PersonID(r.Giver), To: custody.PersonID(r.Receiver), OfferedBy: custody.PersonID(r.OfferedBy),
		State: custody.HandOverState(r.State), PermissionNumber: r.PermissionNumber, PermissionDate: r.PermissionOn,
		ReasonKind: custody.HandOverReason(r.ReasonKind), Since: r.Since, Until: r.Until, Witness: custody.PersonID(r.Witness), DecidedBy: custody.PersonID(r.DecidedBy),
		OfferedAt: r.OfferedAt.Time, DecidedAt: r.DecidedAt.moment(), OfferEntry: r.Entry, Entry: r.Entry}
	if r.DecidedEntry != nil {
		h.Entry = *r.DecidedEntry
	}
	if r.PINChanged != "" {
		changed := r.PINChanged == yes
		h.PINChanged = &changed
	}
	return h
}

// What the receiver said about the PIN, in column and entry.
const (
	yes = "yes"
	no  = "no"
)

func yesOrNo(said *bool) string {
	switch {
	case said == nil:
		return ""
	case *said:
		return yes
	}
	return no
}

func actorField(person string) string {
	if person == "" {
		return signinglog.SystemActor
	}
	return person
}

type custodyRow struct {
	rowBase
	Token      string `db:"token_id"`
	Person     string `db:"person_id"`
	SinceAt    stamp  `db:"since_at"`
	UntilAt    *stamp `db:"until_at"`
	UntilEntry *int64 `db:"until_entry"`
}

const custodyColumns = `id, school_id, token_id, person_id, since_at, entry_index, until_at, until_entry`

func (r custodyRow) custody() custody.Custody {
	return custody.Custody{ID: custody.CustodyID(r.ID), Token: custody.TokenID(r.Token), Person: custody.PersonID(r.Person),
		Since: r.SinceAt.Time, Until: r.UntilAt.moment(), Entry: r.Entry}
}

type grantRecord struct {
	rowBase
	Person       string `db:"person_id"`
	Token        string `db:"token_id"`
	Request      string `db:"request"`
	Certificate  string `db:"certificate_sha256"`
	SHA256In     string `db:"sha256_in"`
	Act          string `db:"act"`
	Capacity     string `db:"capacity"`
	Number       string `db:"document_number"`
	Symbol       string `db:"document_symbol"`
	Kind         string `db:"document_kind"`
	Title        string `db:"title"`
	CustodyEntry int64  `db:"custody_entry"`
	// AuthorityEntry is of the paper that lent the capacity, see custody.Authority.
	AuthorityEntry *int64 `db:"authority_entry"`

	// What an issue rests on, see custody.Approval.
	ApprovalEntry       *int64 `db:"approval_entry"`
	ApprovalCertificate string `db:"approval_certificate"`
	ApprovalDigest      string `db:"approval_digest"`

	GrantedAt stamp `db:"granted_at"`
	ExpiresAt stamp `db:"expires_at"`
}

const grantColumns = `g.id, g.school_id, g.person_id, g.token_id, g.request, g.certificate_sha256, g.sha256_in, g.act, g.capacity,
	g.document_number, g.document_symbol, g.document_kind, g.title, g.custody_entry, g.authority_entry,
	g.approval_entry, g.approval_certificate, g.approval_digest, g.granted_at, g.expires_at, g.entry_index`

func (r grantRecord) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeGrant, r.GrantedAt.Time
}

func (r grantRecord) fields() map[string]string {
	f := r.actFields()
	f[signinglog.FieldActor] = r.Person
	f["grant"] = r.ID
	f["request"] = r.Request
	f["custody_entry"] = count(r.CustodyEntry)
	f["authority_entry"] = countOrNone(r.AuthorityEntry)
	if r.ApprovalEntry != nil {
		f["approval_entry"] = count(*r.ApprovalEntry)
	}
	f["approval_certificate"] = r.ApprovalCertificate
	f["approval_digest"] = r.ApprovalDigest
	f["expires_at"] = signinglog.FormatTime(r.ExpiresAt.Time)
	return f
}

// actFields are those that grant and signature share.
func (r grantRecord) actFields() map[string]string {
	return map[string]string{signinglog.FieldToken: r.Token, signinglog.FieldCertificate: r.Certificate, "sha256_in": r.SHA256In,
		"act": r.Act, "capacity": r.Capacity, "document_number": r.Number, "document_symbol": r.Symbol, "document_kind": r.Kind, "title": r.Title}
}

type abandonmentRow struct {
	grantRecord
	Reason      string `db:"reason"`
	AbandonedAt stamp  `db:"abandoned_at"`
	Index       int64  `db:"abandonment_entry"`
}

func (r abandonmentRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Index, signinglog.TypeAbandonment, r.AbandonedAt.Time
}

func (r abandonmentRow) fields() map[string]string {
	return map[string]string{"grant": r.ID, "grant_entry": count(r.Entry), signinglog.FieldToken: r.Token, "reason": r.Reason}
}

type signatureRow struct {
	grantRecord
	SignatureID     string `db:"signature_id"`
	SignedWith      string `db:"signed_with"` // the grant's certificate: unique with the digest
	SHA256Out       string `db:"sha256_out"`
	ByteRangeDigest string `db:"byte_range_digest"`
	CMS             []byte `db:"cms"`
	Level           string `db:"level"`
	Field           string `db:"signature_field"`
	SignedAt        stamp  `db:"signed_at"`
	RecordedAt      stamp  `db:"recorded_at"`
	Late            bool   `db:"late"`
	AfterReport     bool   `db:"after_report"` // recorded while an incident of its token was open
	Index           int64  `db:"signature_entry"`
}

const signatureColumns = `s.id AS signature_id, s.certificate_sha256 AS signed_with, s.sha256_out, s.byte_range_digest, s.cms, s.level, s.signature_field, s.signed_at, s.recorded_at, s.late, s.after_report,
	s.entry_index AS signature_entry`

func (r signatureRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Index, signinglog.TypeSignature, r.RecordedAt.Time
}

func (r signatureRow) fields() map[string]string {
	f := r.actFields()
	f[signinglog.FieldActor] = r.Person
	f["signature"] = r.SignatureID
	f[signinglog.FieldCertificate] = r.SignedWith
	f["grant"] = r.ID
	f["grant_entry"] = count(r.Entry)
	f["custody_entry"] = count(r.CustodyEntry)
	f["authority_entry"] = countOrNone(r.AuthorityEntry)
	f["sha256_out"] = r.SHA256Out
	f["byte_range_digest"] = r.ByteRangeDigest
	f["cms_sha256"] = sha256Hex(r.CMS)
	f["level"] = r.Level
	f["signature_field"] = r.Field
	f["signed_at"] = signinglog.FormatTime(r.SignedAt.Time)
	f["late"] = flag(r.Late)
	f["after_report"] = flag(r.AfterReport)
	f["clock_off"] = flag(r.clockOff())
	return f
}

// clockOff: the time that the agent states can't be, by the service's clock.
func (r signatureRow) clockOff() bool {
	return r.SignedAt.After(r.RecordedAt.Add(clockSkew)) || r.SignedAt.Before(r.GrantedAt.Add(-clockSkew))
}

type apiKeyRow struct {
	rowBase
	Person    string `db:"person_id"`
	KeySHA256 string `db:"key_sha256"`
	CreatedAt stamp  `db:"created_at"`
}

const apiKeyColumns = `id, school_id, person_id, key_sha256, created_at, entry_index`

func (r apiKeyRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypePairing, r.CreatedAt.Time
}

func (r apiKeyRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.Person, "api_key": r.ID, "key_sha256": r.KeySHA256}
}

// unpairingRow is the end of an agent's key.
type unpairingRow struct {
	apiKeyRow
	EndedAt stamp `db:"ended_at"`
	Index   int64 `db:"unpairing_entry"`
}

func (r unpairingRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Index, signinglog.TypeUnpairing, r.EndedAt.Time
}

func (r unpairingRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.Person, "api_key": r.ID, "pairing_entry": count(r.Entry)}
}

type endingRow struct {
	rowBase
	Person   string       `db:"person_id"`
	Kind     string       `db:"kind"`
	Position string       `db:"position_id"`
	Scope    string       `db:"scope_id"`
	Until    custody.Date `db:"until_on"`
	EndedAt  stamp        `db:"ended_at"`
}

const endingColumns = `id, school_id, person_id, kind, COALESCE(position_id, '') AS position_id, COALESCE(scope_id, '') AS scope_id, until_on, ended_at, entry_index`

func (r endingRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeEnding, r.EndedAt.Time
}

func (r endingRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.Person, "ending": r.ID, "kind": r.Kind, "position": r.Position, "scope": r.Scope, "until": string(r.Until)}
}
