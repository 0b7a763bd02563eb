package httpapi

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/plaintext"
)

// logTypes are the types that the filter offers.
var logTypes = []signinglog.Type{
	signinglog.TypeSignature, signinglog.TypeGrant, signinglog.TypeRefusal, signinglog.TypeAbandonment,
	signinglog.TypeDocument, signinglog.TypeDocumentStep,
	signinglog.TypeOffer, signinglog.TypeAcceptance, signinglog.TypeDecline, signinglog.TypeWithdrawal,
	signinglog.TypeConfirmation, signinglog.TypePIN, signinglog.TypeWriteOff, signinglog.TypeRetirement,
	signinglog.TypeIncident, signinglog.TypeIncidentStep, signinglog.TypeAlarm, signinglog.TypeAlarmDecision, signinglog.TypeSignatureReview, signinglog.TypePossession, signinglog.TypeRevocation, signinglog.TypeToken, signinglog.TypeCertificate,
	signinglog.TypePlacing, signinglog.TypePerson, signinglog.TypeDelegation, signinglog.TypeDelegationEnding,
	signinglog.TypePosition, signinglog.TypeScope, signinglog.TypeEnding, signinglog.TypePairing, signinglog.TypeUnpairing, signinglog.TypeAccountChange, signinglog.TypeRoleChange, signinglog.TypeDepartmentChange, signinglog.TypeSchool,
	signinglog.TypeUnlogged, signinglog.TypeErasure, signinglog.TypeKeyChange, signinglog.TypeReviewStep, signinglog.TypeLogReview,
	signinglog.TypeSupportRequest, signinglog.TypeSupportStep, signinglog.TypeCheckOpening, signinglog.TypeCheckStep, signinglog.TypeCheckClosing,
}

// logPage is the signing log with its filters.
type logPage struct {
	Type, Person, Token string
	Since, Until        string // days, as typed
	Words               string // searched for, as typed
	Read                int64  // entries that the search has looked through, when it stopped before the log's end
	Views               []store.SavedView
	Query               string // of the address, to be saved
	Types               []signinglog.Type
	People              []store.PersonRow
	Tokens              []store.TokenRow
	Rows                []logLine
	Size                int64
	Filtered            bool
	Unread              bool   // the filter can't be read: nothing was looked for
	Older               string // address of the following page
	Newest              string // address of the first page, when this is not it
}

// logLine is an entry as the list shows it.
type logLine struct {
	Index   int64
	Type    string
	At      time.Time
	Actor   string
	Subject string
	Token   string
	Code    string // of a refusal
	Kind    string // of an incident
	Ends    string // what an ending ends
	Step    string // of a document, or of an incident's track
	StepSet string // the names it is one of
	Move    *move
	Text    string // document or reason
	Late    bool
}

const logLimit = 50

// maxWords bounds what is searched for, in bytes.
const maxWords = 200

// pageLog handles "GET /log".
func (s *server) pageLog(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	q := r.URL.Query()
	page := logPage{Type: q.Get("type"), Person: q.Get("person"), Token: q.Get("token"), Since: q.Get("since"), Until: q.Get("until"), Words: q.Get("q"), Types: logTypes}
	var err error
	if page.Views, err = s.store.SavedViews(r.Context(), actor); err != nil {
		return err
	}
	if page.Tokens, err = s.store.Tokens(r.Context(), actor); err != nil {
		return err
	}
	people, names, err := s.people(r.Context(), actor)
	if err != nil {
		return err
	}
	if actor.Roles.May(custody.ReadLog) {
		page.People = people
	}
	filter, chosen, err := logFilter(q)
	if err != nil {
		page.Unread = true
		return s.showAgain(w, r, "log", page, err)
	}
	found, err := s.store.Entries(r.Context(), actor, filter)
	if err != nil {
		return err
	}
	labels := tokenLabels(page.Tokens)
	page.Size = found.Size
	for _, row := range found.Entries {
		page.Rows = append(page.Rows, logLineOf(row, names, labels))
	}
	page.Filtered, page.Query = len(chosen) > 0, chosen.Encode()
	if found.Next != nil {
		page.Read = found.Read
	}
	if filter.From != nil {
		page.Newest = "/log?" + chosen.Encode()
	}
	if found.Next != nil {
		chosen.Set("from", strconv.FormatInt(*found.Next, 10))
		page.Older = "/log?" + chosen.Encode()
	}
	return s.show(w, r, http.StatusOK, "log", page)
}

// logFilter reads what the log is filtered by. It returns with it the query that
// asks for the same, its days as 2006-01-02 and without the index to go on from.
func logFilter(q url.Values) (store.LogFilter, url.Values, error) {
	filter := store.LogFilter{Limit: logLimit, Type: q.Get("type"), Person: custody.PersonID(q.Get("person")), Token: custody.TokenID(q.Get("token"))}
	since, err := readDay("since", q.Get("since"))
	if err != nil {
		return filter, nil, err
	}
	until, err := readDay("until", q.Get("until"))
	if err != nil {
		return filter, nil, err
	}
	if filter.Since, err = startOf(since); err != nil {
		return filter, nil, invalid("since", err)
	}
	if filter.Until, err = startOf(until); err != nil {
		return filter, nil, invalid("until", err)
	}
	if !filter.Until.IsZero() {
		filter.Until = filter.Until.AddDate(0, 0, 1) // the day itself counts
	}
	if from := q.Get("from"); from != "" {
		index, err := strconv.ParseInt(from, 10, 64)
		if err != nil || index < 0 {
			return filter, nil, invalid("from", err)
		}
		filter.From = &index
	}
	chosen := url.Values{}
	if plain := plaintext.Of(q.Get("q")); plain != "" {
		if len(plain) > maxWords {
			return filter, nil, invalid("q", fmt.Errorf("%d bytes", len(plain)))
		}
		filter.Match = func(texts []string) bool { return plaintext.Contains(plain, texts...) }
	}
	for _, name := range []string{"q", "type", "person", "token"} {
		if value := q.Get(name); value != "" {
			chosen.Set(name, value)
		}
	}
	if since != "" {
		chosen.Set("since", string(since))
	}
	if until != "" {
		chosen.Set("until", string(until))
	}
	return filter, chosen, nil
}

func tokenLabels(tokens []store.TokenRow) map[string]string {
	labels := make(map[string]string, len(tokens))
	for _, token := range tokens {
		labels[string(token.ID)] = cmp.Or(token.Label, token.Serial)
	}
	return labels
}

func logLineOf(row store.LogRow, names map[custody.PersonID]string, labels map[string]string) logLine {
	line := logLine{Index: row.Index, Type: row.Type, At: row.At}
	entry, err := signinglog.Parse(row.Bytes)
	if err != nil {
		return line
	}
	line.Actor, line.Subject = names[custody.PersonID(entry.Actor())], names[custody.PersonID(entry.Subject())]
	line.Token = labels[entry.Token()]
	line.Move = moveOf(entry, names)
	line.Late = entry.Fields["late"] != ""
	switch signinglog.Type(row.Type) {
	case signinglog.TypeRefusal:
		line.Code = entry.Fields["code"]
	case signinglog.TypeDocumentStep:
		line.Step, line.StepSet = entry.Fields["step"], "document_step"
	case signinglog.TypeIncident, signinglog.TypeAlarm:
		line.Kind = entry.Fields["kind"]
	case signinglog.TypeIncidentStep:
		line.Step, line.StepSet = entry.Fields["step"], "step"
	case signinglog.TypeEnding:
		line.Ends = entry.Fields["kind"]
	case signinglog.TypePIN:
		line.Step, line.StepSet = entry.Fields["step"], "pin_step"
	case signinglog.TypeReviewStep:
		line.Step, line.StepSet = entry.Fields["step"], "review_state"
	case signinglog.TypeAccountChange:
		line.Step, line.StepSet = entry.Fields["kind"], "account_change_kind"
	case signinglog.TypeDepartmentChange:
		line.Step, line.StepSet = entry.Fields["kind"], "department_change_kind"
	case signinglog.TypeRoleChange:
		line.Step, line.StepSet = entry.Fields["kind"]+"_"+entry.Fields["role"], "role_change"
	}
	document := entry.Fields["document_number"]
	if symbol := entry.Fields["document_symbol"]; symbol != "" {
		document = cmp.Or(document, "…") + "/" + symbol
	}
	line.Text = document
	for _, field := range []string{"summary", "purpose", "description", "reason", "device", "note"} {
		if text := row.Reveals[field]; text != "" {
			if line.Text != "" {
				line.Text += " · "
			}
			line.Text += text
			break
		}
	}
	return line
}

// move is which way a token goes by an entry about a hand-over.
type move struct {
	Return   bool
	Giver    string // "" is the safe
	Receiver string // same
	By       string // who had it recorded, when neither of them did
}

// moveOf returns nil for entries of other types.
func moveOf(entry signinglog.Entry, names map[custody.PersonID]string) *move {
	switch entry.Type {
	case signinglog.TypeOffer, signinglog.TypeAcceptance, signinglog.TypeDecline, signinglog.TypeWithdrawal, signinglog.TypeConfirmation:
	default:
		return nil
	}
	name := func(id string) string {
		if id == "" {
			return ""
		}
		return cmp.Or(names[custody.PersonID(id)], "…") // somebody the reader may not see
	}
	giver, receiver, actor := entry.Fields[signinglog.FieldGiver], entry.Fields[signinglog.FieldReceiver], entry.Actor()
	m := &move{Return: entry.Fields["kind"] == string(custody.Return), Giver: name(giver), Receiver: name(receiver)}
	if actor != giver && actor != receiver {
		m.By = name(actor)
	}
	return m
}

// entryPage is one entry with its proof.
type entryPage struct {
	Index      int64
	Type       string
	At         time.Time
	Move       *move
	Fields     []entryField
	Bytes      string
	LeafHash   string
	Proof      []string
	Checkpoint string
	Signature  *entrySignature // of a signature
	Review     store.EntryReview
	Manages    bool
	Step       custody.ReviewStepKind // of a form that was not taken
	Note       string
}

// entryField is a field of an entry: its value, or the value behind its
// commitment, or nothing once that is erased.
type entryField struct {
	Name   string
	Value  string
	Link   string // page of another entry
	Set    string // of fixed values, whose names the catalogue has
	Erased bool
	Hidden bool // the value is a commitment; Value is what it commits to
	Hash   bool
}

// pageEntry handles "GET /log/{index}".
func (s *server) pageEntry(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	index, err := strconv.ParseInt(chi.URLParam(r, "index"), 10, 64)
	if err != nil || index < 0 {
		return custody.NotFound("entry")
	}
	page, err := s.entry(r, actor, index)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "entry", page)
}

func (s *server) entry(r *http.Request, actor custody.Actor, index int64) (entryPage, error) {
	row, err := s.store.Entry(r.Context(), actor, index)
	if err != nil {
		return entryPage{}, err
	}
	receipt, err := s.store.Receipt(r.Context(), actor, index)
	if err != nil {
		return entryPage{}, err
	}
	_, names, err := s.people(r.Context(), actor)
	if err != nil {
		return entryPage{}, err
	}
	tokens, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return entryPage{}, err
	}
	page := entryPage{
		Index: row.Index, Type: row.Type, At: row.At, Bytes: string(row.Bytes),
		LeafHash: base64.StdEncoding.EncodeToString(row.LeafHash[:]), Proof: wireHashes(receipt.Proof), Checkpoint: string(receipt.Checkpoint),
	}
	entry, err := signinglog.Parse(row.Bytes)
	if err != nil {
		return entryPage{}, fmt.Errorf("entry %d: %w", row.Index, err)
	}
	page.Move, page.Fields = moveOf(entry, names), entryFields(entry, row, names, tokenLabels(tokens))
	for i, field := range page.Fields {
		if s.department != nil && field.Name == "home_school" && field.Value == string(s.department.School.ID) {
			page.Fields[i].Value = s.department.School.Name
		}
	}
	if page.Review, err = s.store.EntryReview(r.Context(), actor, index); err != nil {
		return entryPage{}, err
	}
	page.Manages = actor.Roles.May(custody.ReviewLog)
	if entry.Type == signinglog.TypeSignature {
		page.Signature, err = s.entrySignature(r.Context(), actor, index)
	}
	return page, err
}

// fieldOrder puts first what a person looks for.
var fieldOrder = []string{
	"actor", "via", "signer", "title", "person", "name", "giver", "receiver", "token", "code", "act", "capacity", "kind",
	"document_kind", "document_number", "document_symbol", "summary", "purpose", "file_name", "subject_entry", "stated_at", "reason_kind", "reason", "since", "side", "condition", "accessories", "witness",
	"permission_number", "permission_on", "permission_signer", "pin_changed", "form_number", "form_on",
	"verdict", "outcome", "done_at", "paper_number", "paper_on", "addressee", "contact", "discovered_at", "last_used_at", "pin", "place", "description", "pin_exposed", "signed_at", "late", "expires_at",
	"step", "document", "due", "note", "signature_entry", "incident_entry", "alarm_entry", "revocation_entry", "grant_entry", "custody_entry", "authority_entry", "offer", "ends", "pairing_entry", "from", "until", "level", "signature_field",
}

func entryFields(entry signinglog.Entry, row store.LogRow, names map[custody.PersonID]string, labels map[string]string) []entryField {
	var fields []entryField
	for name, value := range entry.Fields {
		field := entryField{Name: name, Value: value}
		switch name {
		case "actor", "person", "giver", "receiver", "owner", "grantor", "proposed_by", "witness":
			field.Set = "actor"
			if known := names[custody.PersonID(value)]; known != "" {
				field.Value, field.Set = known, ""
			}
		case "token":
			field.Value = cmp.Or(labels[value], value)
		case "document":
			field.Link = "/documents/" + value
		case "subject_entry", "signature_entry", "grant_entry", "custody_entry", "authority_entry", "offer", "ends", "pairing_entry":
			field.Link = "/log/" + value
		case "act", "capacity", "via", "code", "acting":
			field.Set = name
		case "reason_kind":
			field.Set = "hand_over_reason"
		case "step": // that of a support request is an identifier, which has no name
			field.Set = "document_step"
			switch entry.Type {
			case signinglog.TypePIN:
				field.Set = "pin_step"
			case signinglog.TypeIncidentStep:
				field.Set = name
			case signinglog.TypeReviewStep:
				field.Set = "review_state"
			}
		case "side":
			field.Set = "confirmation_side"
		case "pin_changed":
			field.Set = "answer"
		case "kind":
			field.Set = row.Type + "_kind"
			if row.Type == string(signinglog.TypeAlarm) {
				field.Set = "incident_kind"
			}
		case "verdict", "pin":
			field.Set = name
		case "outcome":
			field.Set = "alarm_state"
		case "document_kind":
			if known := custody.KindName(value); known != "" {
				field.Value = known + " (" + value + ")"
			}
		case "late", "skipped", "after_report", "clock_off", "pin_exposed", "admin", "absence":
			field.Set = "flag"
		case "discovered_at", "last_used_at", "done_at", "signed_at", "stated_at", "expires_at", "revoked_at":
			if at, err := signinglog.ParseTime(value); err == nil {
				field.Value = localTime(at)
			}
		case "from", "since", "until", "permission_on", "paper_on", "form_on", "due":
			if day, err := time.Parse(time.DateOnly, value); err == nil {
				field.Value = day.Format(dateLayout)
			}
		case "log_key", "old_key", "new_key":
			field.Hash = true
		}
		supportOrCheckField(&field, row.Type)
		if signinglog.IsCommitment(value) {
			field.Hidden = true
			field.Value, field.Erased = row.Reveals[name], row.Reveals[name] == ""
		}
		field.Hash = field.Hash || len(field.Value) == 64 && isHex(field.Value)
		fields = append(fields, field)
	}
	slices.SortFunc(fields, func(a, b entryField) int {
		return cmp.Or(cmp.Compare(fieldRank(a.Name), fieldRank(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return fields
}

func fieldRank(name string) int {
	if rank := slices.Index(fieldOrder, name); rank >= 0 {
		return rank
	}
	return len(fieldOrder)
}

// downloadReceipt handles "GET /log/{index}/receipt".
func (s *server) downloadReceipt(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	index, err := strconv.ParseInt(chi.URLParam(r, "index"), 10, 64)
	if err != nil || index < 0 {
		return custody.NotFound("entry")
	}
	receipt, err := s.store.Receipt(r.Context(), actor, index)
	if err != nil {
		return err
	}
	text, err := receipt.Marshal()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="muc-%d.receipt"`, index))
	if _, err := w.Write(text); err != nil {
		requestOf(r.Context()).note("not_sent", err.Error())
	}
	return nil
}

// doSaveView handles "POST /log/views".
func (s *server) doSaveView(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	q, err := url.ParseQuery(r.PostFormValue("query"))
	if err != nil {
		return invalid("query", err)
	}
	_, chosen, err := logFilter(q)
	if err != nil {
		return err
	}
	if err := s.store.SaveView(r.Context(), actor, r.PostFormValue("name"), chosen.Encode()); err != nil {
		return err
	}
	return s.done(w, r, "/log?"+chosen.Encode(), "log.view_saved", map[string]string{"Name": r.PostFormValue("name")})
}

// doDropView handles "POST /log/views/{id}/drop".
func (s *server) doDropView(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.DropView(r.Context(), actor, chi.URLParam(r, "id")); err != nil {
		return err
	}
	return s.done(w, r, "/log", "log.view_dropped", nil)
}
