package httpapi

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// documentsPage lists what waits for the person, and what they have to do with besides.
type documentsPage struct {
	Waiting []documentCard
	Others  []documentCard
}

// documentCard is a document with what a list says of it.
type documentCard struct {
	store.SubmissionRow
	Overdue bool
	Waits   string // for whom; "" = for nobody
}

func (s *server) documentCard(d store.SubmissionRow) documentCard {
	card := documentCard{SubmissionRow: d, Overdue: d.State.Open() && d.Due != "" && d.Due < custody.DateOf(s.now())}
	if _, number, waits := d.Current(); waits {
		card.Waits = d.Steps[number-1].Name
	}
	return card
}

// pageDocuments handles "GET /documents".
func (s *server) pageDocuments(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	waiting, err := s.store.DocumentsWaiting(r.Context(), actor)
	if err != nil {
		return err
	}
	all, err := s.store.Submissions(r.Context(), actor)
	if err != nil {
		return err
	}
	var page documentsPage
	for _, d := range waiting {
		page.Waiting = append(page.Waiting, s.documentCard(d))
	}
	for _, d := range all {
		if !d.MayHandle {
			page.Others = append(page.Others, s.documentCard(d))
		}
	}
	return s.show(w, r, http.StatusOK, "documents", page)
}

// documentPage is one document.
type documentPage struct {
	documentCard
	Verdicts  []verdict
	Unread    bool // its signatures can't be looked at
	Kept      bool // its bytes are in the register
	Computers []store.Pairing
}

func (s *server) documentPage(r *http.Request, actor custody.Actor) (documentPage, error) {
	d, err := s.store.Submission(r.Context(), actor, custody.DocumentID(chi.URLParam(r, "id")))
	if err != nil {
		return documentPage{}, err
	}
	page := documentPage{documentCard: s.documentCard(d)}
	if d.MayHandle {
		if page.Computers, err = s.store.Pairings(r.Context(), actor, actor.Person); err != nil {
			return documentPage{}, err
		}
	}
	file, err := s.store.DocumentFile(r.Context(), actor, d.ID, -1)
	if errors.Is(err, custody.ErrNotFound) {
		return page, nil
	}
	if err != nil {
		return documentPage{}, err
	}
	page.Kept = true
	if page.Verdicts, err = s.verdicts(r.Context(), file); err != nil {
		requestOf(r.Context()).note("not_judged", err.Error())
		page.Unread = true
	}
	return page, nil
}

// pageDocument handles "GET /documents/{id}". While the person's own computer has it in hand the page asks for itself
// again, so that it shows when it is done.
func (s *server) pageDocument(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.documentPage(r, actor)
	if err != nil {
		return err
	}
	if page.MayHandle && page.State == custody.SubmissionInHand {
		w.Header().Set("Refresh", "10")
	}
	return s.show(w, r, http.StatusOK, "document", page)
}

// downloadDocument handles "GET /documents/{id}/file"; ?number= is the step that made it, 0 the file as submitted.
func (s *server) downloadDocument(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	number := -1
	if text := r.URL.Query().Get("number"); text != "" {
		if _, err := fmt.Sscanf(text, "%d", &number); err != nil || number < 0 {
			return custody.NotFound("document")
		}
	}
	file, err := s.store.DocumentFile(r.Context(), actor, custody.DocumentID(chi.URLParam(r, "id")), number)
	if err != nil {
		return err
	}
	if err := sendPDF(w, file); err != nil {
		requestOf(r.Context()).note("not_sent", err.Error()) // too late for a page: the browser sees that it is short
	}
	return nil
}

// openPage hands a document over to the person's own computer.
type openPage struct {
	documentCard
	Address template.URL // sokyso:open?ticket=…
	Code    string
	Expires string
	Device  string
}

// doOpenDocument handles "POST /documents/{id}/open": a ticket, as an address and as a code. It is in this answer and
// nowhere else, so there is no redirect.
func (s *server) doOpenDocument(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.documentPage(r, actor)
	if err != nil {
		return err
	}
	chosen := custody.APIKeyID(r.PostFormValue("computer"))
	if chosen == "" && len(page.Computers) == 1 {
		chosen = page.Computers[0].ID
	}
	issued, err := s.store.CreateTicket(r.Context(), actor, page.ID, chosen)
	if err != nil {
		return s.showAgain(w, r, "document", page, err)
	}
	shown := openPage{documentCard: page.documentCard, Code: issued.Code[:4] + "-" + issued.Code[4:], Expires: localTime(issued.Expires),
		Address: template.URL("sokyso:open?ticket=" + url.QueryEscape(issued.Ticket))} // #nosec: the scheme is ours, the rest escaped
	for _, computer := range page.Computers {
		if computer.ID == chosen {
			shown.Device = computer.Device
		}
	}
	// Looking for what became of it: the page of the document goes on from there.
	w.Header().Set("Refresh", "30; url=/documents/"+string(page.ID))
	return s.show(w, r, http.StatusOK, "document_open", shown)
}

// endDocumentPage asks why a document is declined or withdrawn.
type endDocumentPage struct {
	documentCard
	Decline bool
	Reason  string
}

func (s *server) endDocument(r *http.Request, actor custody.Actor) (endDocumentPage, error) {
	d, err := s.store.Submission(r.Context(), actor, custody.DocumentID(chi.URLParam(r, "id")))
	return endDocumentPage{documentCard: s.documentCard(d), Decline: path.Base(r.URL.Path) == "decline", Reason: r.PostFormValue("reason")}, err
}

// pageEndDocument handles "GET /documents/{id}/decline" and withdraw.
func (s *server) pageEndDocument(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.endDocument(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "document_end", page)
}

// doEndDocument handles "POST /documents/{id}/decline" and withdraw.
func (s *server) doEndDocument(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.endDocument(r, actor)
	if err != nil {
		return err
	}
	end, key := s.store.WithdrawDocument, "document.withdrawn"
	if page.Decline {
		end, key = s.store.DeclineDocument, "document.declined"
	}
	if _, err := end(r.Context(), actor, page.ID, page.Reason); err != nil {
		return s.showAgain(w, r, "document_end", page, err)
	}
	return s.done(w, r, "/documents", key, map[string]string{"Document": page.Document.Summary})
}

// routeFields is how many signers the form offers; the API takes custody.MaxRoute.
const routeFields = 4

// newDocumentPage is the form of a submission.
type newDocumentPage struct {
	File     string // staged by an earlier try of this form
	FileName string
	Size     int64
	Pages    int
	Fields   map[string]string // as typed
	Route    []routeField
	People   []store.PersonRow
	Kinds    []custody.DocumentKind
	Acts     []custody.Act
	Capacity []custody.Capacity
}

type routeField struct {
	Number                int
	Person, Act, Capacity string
}

// newDocument begins the form: the first signer approves, the others are open.
func (s *server) newDocument(ctx context.Context, actor custody.Actor, fields map[string]string) (newDocumentPage, error) {
	people, _, err := s.people(ctx, actor)
	for _, name := range []string{"kind", "number", "symbol", "summary", "due", "note"} {
		fields[name] += "" // templates ask for no field that is not there
	}
	page := newDocumentPage{Fields: fields, File: fields["file_id"], FileName: fields["file_name"], Kinds: custody.DocumentKinds, Acts: custody.Acts, Capacity: custody.Capacities}
	today := custody.DateOf(s.now())
	for _, person := range people {
		if _, positioned := custody.PositionOn(person.Positions, today); positioned && !accountEnded(person, today) {
			page.People = append(page.People, person)
		}
	}
	for n := 1; n <= routeFields; n++ {
		field := routeField{Number: n, Person: fields[fmt.Sprint("person_", n)], Act: fields[fmt.Sprint("act_", n)], Capacity: fields[fmt.Sprint("capacity_", n)]}
		if field.Act == "" {
			field.Act = string(custody.Approve)
		}
		page.Route = append(page.Route, field)
	}
	return page, err
}

// pageNewDocument handles "GET /documents/new".
func (s *server) pageNewDocument(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.newDocument(r.Context(), actor, map[string]string{})
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "document_new", page)
}

// readSubmission reads the form. A file in it is taken in as it comes, and kept for the next try of the form.
func (s *server) readSubmission(r *http.Request, actor custody.Actor) (map[string]string, error) {
	fields := map[string]string{}
	parts, err := r.MultipartReader()
	if err != nil {
		return fields, invalid("file", err)
	}
	for count := 0; ; count++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return fields, err
		}
		if count > 40 {
			return fields, invalid("form", errors.New("too many fields"))
		}
		if part.FormName() == "file" {
			if err := s.readFilePart(r.Context(), actor, part, fields); err != nil {
				return fields, err
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, 8<<10))
		if err != nil {
			return fields, err
		}
		if _, taken := fields[part.FormName()]; !taken { // a file that came first has said its name
			fields[part.FormName()] = strings.TrimSpace(string(value))
		}
	}
}

func (s *server) readFilePart(ctx context.Context, actor custody.Actor, part *multipart.Part, fields map[string]string) error {
	name := part.FileName()
	if name == "" {
		return nil // nothing was picked (again)
	}
	taken, err := s.takePDF(ctx, actor, part)
	if err != nil {
		return err
	}
	fields["file_id"], fields["file_name"] = string(taken.ID), name[strings.LastIndexAny(name, `/\`)+1:]
	return nil
}

// doNewDocument handles "POST /documents/new".
func (s *server) doNewDocument(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	fields, problem := s.readSubmission(r, actor)
	page, err := s.newDocument(r.Context(), actor, fields)
	if err != nil {
		return err
	}
	if problem != nil {
		return s.showAgain(w, r, "document_new", page, problem)
	}
	if page.File == "" {
		return s.showAgain(w, r, "document_new", page, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "file", "reason": "no_file"}})
	}
	due, err := readDay("due", fields["due"])
	if err != nil {
		return s.showAgain(w, r, "document_new", page, err)
	}
	n := store.NewSubmission{File: custody.FileID(page.File), Note: fields["note"], Due: due,
		Document: custody.Document{Kind: fields["kind"], Number: fields["number"], Symbol: fields["symbol"], Summary: fields["summary"], FileName: page.FileName}}
	for _, field := range page.Route {
		if field.Person != "" {
			n.Route = append(n.Route, custody.RouteStep{Person: custody.PersonID(field.Person), Act: custody.Act(field.Act), Capacity: custody.Capacity(field.Capacity)})
		}
	}
	row, err := s.submit(r.Context(), actor, n)
	if err != nil {
		return s.showAgain(w, r, "document_new", page, err)
	}
	return s.done(w, r, "/documents/"+string(row.ID), "document.submitted", map[string]string{"Name": row.Steps[0].Name})
}
