package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"sokyso/httpapi/wire"
	"sokyso/plaintext"
	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

// maxPassword bounds a PDF's password, in bytes.
const maxPassword = 1000

// document is one open file.
type document struct {
	id       string
	path     string
	name     string
	uploaded bool            // the browser handed it over: the folder of path is the desk's own
	task     *taskOfDocument // of the custody site; nil = no document of it
	size     int64
	sha256   string

	mu        sync.Mutex
	password  string
	looked    bool // the fields below are filled
	pages     int
	sizes     []preview.Page // of the pages that were read
	text      map[int]preview.Words
	proposal  reading.Proposal
	verified  agent.FileReport
	fields    []signer.FormField
	forbidden bool   // a signature allows no changes
	scanned   *place // guessed from the picture of a page without text
	err       error
	result    *agent.Result
}

// MaxPages is how many pages a document may have that is shown: a file can claim any number.
const MaxPages = 20_000

var errTooManyPages = errors.New("more pages than are shown")

// readAtMost bounds how many pages are read for their text: the first ones and the last ones.
const (
	readFirst = 2
	readLast  = 4
)

// documentView is a document as a page gets it.
type documentView struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Path   string `json:"path"` // "" for one that the browser handed over
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`

	Looked     bool                    `json:"looked"` // the fields below are filled
	Pages      int                     `json:"pages"`
	Sizes      []pageSize              `json:"sizes"`
	Proposal   *reading.Proposal       `json:"proposal,omitempty"`
	Signatures []agent.SignatureReport `json:"signatures"`
	Warnings   []string                `json:"warnings"`
	Problem    *failure                `json:"problem,omitempty"` // it can't be shown or signed as it is
	Result     *agent.Result           `json:"result,omitempty"`
	// Preparable: nobody has signed, and there is room left open for number and date without fields for them.
	Preparable bool `json:"preparable"`
	// Issuable: the leader has signed, and number or date are to be filled in.
	Issuable bool            `json:"issuable"`
	Task     *taskOfDocument `json:"task,omitempty"` // of the custody site
}

type pageSize struct {
	Page   int     `json:"page"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

func (d *Desk) open() []*document {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*document(nil), d.documents...)
}

func (d *Desk) document(id string) (*document, error) {
	for _, doc := range d.open() {
		if doc.id == id {
			return doc, nil
		}
	}
	return nil, refusal(http.StatusNotFound, "no_document")
}

// Open adds a file of this computer by its path, as the command line and the file manager's menu do. A page can't: it
// hands over contents.
func (d *Desk) Open(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	_, err = d.add(path, filepath.Base(path), false)
	return err
}

func (d *Desk) add(path, name string, uploaded bool) (*document, error) {
	return d.addDocument(path, name, uploaded, nil)
}

// addTask adds a document of the custody site, whose signed copy goes where those of uploads go.
func (d *Desk) addTask(path, name string, task *taskOfDocument) (*document, error) {
	return d.addDocument(path, name, false, task)
}

func (d *Desk) addDocument(path, name string, uploaded bool, task *taskOfDocument) (*document, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return nil, err
	}
	doc := &document{path: path, name: name, uploaded: uploaded, task: task, size: size, sha256: hex.EncodeToString(sum.Sum(nil)), text: map[int]preview.Words{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.documents) >= MaxDocuments {
		return nil, refusal(http.StatusConflict, "too_many")
	}
	d.nextID++
	doc.id = fmt.Sprint(d.nextID)
	d.documents = append(d.documents, doc)
	return doc, nil
}

// postDocument takes a file that the person dropped or picked: the body is its bytes, its name is in a header as RFC
// 6266 writes it.
func (d *Desk) postDocument(r *http.Request) (any, error) {
	name := "document.pdf"
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		name = cleanName(params["filename"])
	}
	if r.ContentLength > MaxUpload {
		return nil, refusal(http.StatusRequestEntityTooLarge, "file_too_large")
	}
	if err := os.MkdirAll(d.uploads(), 0o700); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(d.uploads(), "")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	doc, err := d.receive(r.Body, path, name)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return d.view(r.Context(), doc, false), nil
}

func (d *Desk) receive(body io.Reader, path, name string) (*document, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(file, io.LimitReader(body, MaxUpload+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if n > MaxUpload {
		return nil, refusal(http.StatusRequestEntityTooLarge, "file_too_large")
	}
	return d.add(path, name, true)
}

// cleanName is a file name that any file system takes, from one that a browser told. It keeps letters.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F || strings.ContainsRune(`<>:"|?*`, r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". ")
	for len(name) > 200 {
		_, size := utf8.DecodeRuneInString(name)
		name = name[size:]
	}
	if name == "" {
		return "document.pdf"
	}
	return name
}

func (d *Desk) getDocument(r *http.Request) (any, error) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return d.view(r.Context(), doc, true), nil
}

// closeDocument takes a document from the desk. The file stays; a copy that the browser handed over goes.
func (d *Desk) closeDocument(r *http.Request) (any, error) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if d.busy(doc.id) {
		return nil, refusal(http.StatusConflict, "busy")
	}
	d.mu.Lock()
	for i, other := range d.documents {
		if other == doc {
			d.documents = append(d.documents[:i:i], d.documents[i+1:]...)
			break
		}
	}
	d.mu.Unlock()
	if doc.uploaded {
		return struct{}{}, os.RemoveAll(filepath.Dir(doc.path))
	}
	return struct{}{}, nil
}

// postPassword opens an encrypted file.
func (d *Desk) postPassword(r *http.Request) (any, error) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var given struct {
		Password string `json:"password"`
	}
	if err := read(r, &given); err != nil {
		return nil, err
	}
	if len(given.Password) > maxPassword {
		return nil, refusal(http.StatusBadRequest, "request")
	}
	doc.mu.Lock()
	doc.password, doc.looked = given.Password, false
	doc.mu.Unlock()
	return d.view(r.Context(), doc, true), nil
}

// view tells of a document; look reads it first, if nobody did.
func (d *Desk) view(ctx context.Context, doc *document, look bool) documentView {
	doc.mu.Lock()
	defer doc.mu.Unlock()
	if look && !doc.looked {
		d.look(ctx, doc)
	}
	v := documentView{ID: doc.id, Name: doc.name, Size: doc.size, SHA256: doc.sha256, Looked: doc.looked, Pages: doc.pages,
		Sizes: []pageSize{}, Signatures: doc.verified.Signatures, Warnings: []string{}, Result: doc.result}
	v.Task = doc.task
	if !doc.uploaded && doc.task == nil {
		v.Path = doc.path
	}
	if v.Signatures == nil {
		v.Signatures = []agent.SignatureReport{}
	}
	if !doc.looked {
		return v
	}
	for _, p := range doc.sizes {
		v.Sizes = append(v.Sizes, pageSize{p.Number, p.Width, p.Height})
	}
	v.Proposal = &doc.proposal
	v.Warnings = d.warnings(doc)
	v.Preparable = doc.preparable()
	v.Issuable = doc.asIssuing().State() == IssueReady
	switch {
	case errors.Is(doc.err, preview.ErrPassword):
		v.Problem = &failure{"password", d.say("error.password")}
	case errors.Is(doc.err, errTooManyPages):
		v.Problem = &failure{"too_many_pages", d.say("error.too_many_pages", "count", fmt.Sprint(MaxPages))}
	case doc.err != nil:
		v.Problem = &failure{"damaged", d.say("error.damaged")}
	case doc.verified.Error != "":
		v.Problem = &failure{doc.verified.ErrorCode, doc.verified.Error}
	}
	return v
}

// preparable: see documentView. The caller has doc.mu.
func (doc *document) preparable() bool {
	b := doc.proposal.Blanks
	known := slices.ContainsFunc(doc.fields, func(f signer.FormField) bool { return entryParts[f.Name] != "" })
	return doc.err == nil && doc.verified.Error == "" && len(doc.verified.Signatures) == 0 && !known &&
		(b.Number.Given() || b.Day.Given() || b.Month.Given() || b.Year.Given())
}

// look reads the document: pages, text, signatures. The caller has doc.mu. A page that is gone does not stop it half
// way: what is read serves the next request.
func (d *Desk) look(ctx context.Context, doc *document) {
	ctx = context.WithoutCancel(ctx)
	doc.looked, doc.err, doc.sizes, doc.fields, doc.forbidden, doc.text = true, nil, nil, nil, false, map[int]preview.Words{}
	file := doc.file()
	if doc.pages, doc.err = d.viewer.Pages(ctx, file); doc.err != nil {
		return
	}
	if doc.pages == 0 { // a tree of pages that leads nowhere
		doc.err = preview.ErrDamaged
		return
	}
	if doc.pages > MaxPages {
		doc.pages, doc.err = 0, errTooManyPages
		return
	}
	var words []preview.Words
	for _, number := range pagesToRead(doc.pages) {
		page, err := d.viewer.Words(ctx, file, number)
		if err != nil {
			d.cfg.Agent.Logger.Info("desk: page not read", "file", doc.name, "page", number, "error", err)
			continue // it can still be signed; its place is then chosen by hand
		}
		doc.text[number], words, doc.sizes = page, append(words, page), append(doc.sizes, page.Page)
	}
	doc.proposal = reading.Read(words)
	verification := agent.Verification{Roots: d.cfg.Roots, Offline: true, Passwords: agent.PasswordsGiven(map[string]string{doc.path: doc.password}),
		Catalogue: d.cfg.Agent.Catalogue, Now: d.cfg.Agent.Now}
	if key, err := agent.LogVerifier(d.cfg.Agent.Home, ""); err == nil {
		verification.LogKey = key
	}
	doc.verified = verification.Verify(ctx, doc.path)
	fields, err := formFields(ctx, doc.path, signer.Password(doc.password))
	doc.forbidden = signer.CodeOf(err) == signer.CodeSigningForbidden
	if err != nil {
		d.cfg.Agent.Logger.Info("desk: fields not read", "file", doc.name, "error", err)
	}
	doc.fields = fields
	filledIn(&doc.proposal, fields)
	doc.scanned = d.guessOnScan(ctx, doc)
}

// scanPages bounds the pages without text whose picture is looked at for a place, from the last backwards.
const scanPages = 3

// guessOnScan looks for the gap of a signature block on the last pages, if they have no text. The caller has doc.mu.
func (d *Desk) guessOnScan(ctx context.Context, doc *document) *place {
	if len(doc.proposal.Blocks) > 0 {
		return nil
	}
	for number := doc.pages; number > max(0, doc.pages-scanPages); number-- {
		if words, ok := doc.text[number]; !ok || len(words.Words) > 0 {
			return nil
		}
		content, page, err := d.viewer.Picture(ctx, doc.file(), number, reading.ScanWidth)
		if err != nil {
			return nil // the page says that it can't be shown
		}
		picture, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			return nil
		}
		if box, ok := reading.ScanPlace(picture, page); ok {
			p := placeAt(number, box, "ink")
			return &p
		}
	}
	return nil
}

func (doc *document) file() preview.File { return preview.File{Path: doc.path, Password: doc.password} }

// pagesToRead are the first and the last pages, in order.
func pagesToRead(count int) []int {
	var pages []int
	for n := 1; n <= min(count, readFirst); n++ {
		pages = append(pages, n)
	}
	for n := max(readFirst, count-readLast) + 1; n <= count; n++ {
		pages = append(pages, n)
	}
	return pages
}

// words are the text of a page, read now if it was not yet.
func (d *Desk) words(ctx context.Context, doc *document, page int) (preview.Words, error) {
	doc.mu.Lock()
	words, known := doc.text[page]
	file := doc.file()
	doc.mu.Unlock()
	if known {
		return words, nil
	}
	words, err := d.viewer.Words(ctx, file, page)
	if err != nil {
		return preview.Words{}, err
	}
	doc.mu.Lock()
	defer doc.mu.Unlock()
	if len(doc.text) < 64 { // a person looks at some pages, a program at all
		doc.text[page] = words
	}
	return words, nil
}

// unusual is how far a page may be from A4 before it is said, in points.
const unusual = 12

// warnings are what a person should look at before signing. The caller has doc.mu.
func (d *Desk) warnings(doc *document) []string {
	warnings := []string{}
	warn := func(when bool, code string) {
		if when {
			warnings = append(warnings, code)
		}
	}
	if doc.err != nil {
		return warnings
	}
	warn(!doc.proposal.Text, "scan")
	warn(doc.proposal.Text && len(doc.proposal.Blocks) == 0 && len(doc.fieldPlaces(wire.ActApprove)) == 0, "no_place")
	warn(len(doc.proposal.Blocks) > 1, "several_places")
	if person := d.person(); person != "" && len(doc.proposal.Blocks) > 0 {
		mine := slices.ContainsFunc(doc.proposal.Blocks, func(b reading.Block) bool {
			return b.Name.Doubtful || plaintext.Of(b.Name.Text) == plaintext.Of(person) || b.Name.Text == ""
		})
		warn(!mine, "other_signer")
	}
	warn(len(doc.verified.Signatures) > 0, "already_signed")
	for _, s := range doc.verified.Signatures {
		if s.Indication == "TOTAL-FAILED" {
			warn(true, "bad_signature")
			break
		}
	}
	warn(doc.password != "", "encrypted")
	for _, p := range doc.sizes {
		long, short := max(p.Width, p.Height), min(p.Width, p.Height)
		if long < 842-unusual || long > 842+unusual || short < 595-unusual || short > 595+unusual {
			warn(true, "page_size")
			break
		}
	}
	for _, other := range d.open() {
		if other != doc && other.sha256 == doc.sha256 {
			warn(true, "same_content")
			break
		}
	}
	return warnings
}

// getPage draws a page. It is no JSON: the browser gets the picture as it is.
func (d *Desk) getPage(w http.ResponseWriter, r *http.Request) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		d.fail(w, err)
		return
	}
	page, width := number(r.PathValue("page")), number(r.URL.Query().Get("width"))
	doc.mu.Lock()
	file := doc.file()
	if doc.result != nil && doc.result.Status == agent.StatusSigned {
		file.Path = doc.result.Output // what was made of it
	}
	doc.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	picture, _, err := d.viewer.Picture(ctx, file, page, width)
	if err != nil {
		d.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(picture)
}

// getSigned hands the signed file to the browser, which saves it.
func (d *Desk) getSigned(w http.ResponseWriter, r *http.Request) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		d.fail(w, err)
		return
	}
	doc.mu.Lock()
	result := doc.result
	doc.mu.Unlock()
	if result == nil || result.Output == "" {
		d.fail(w, refusal(http.StatusNotFound, "not_signed"))
		return
	}
	file, err := os.Open(result.Output)
	if err != nil {
		d.fail(w, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": filepath.Base(result.Output)}))
	_, _ = io.Copy(w, file)
}
