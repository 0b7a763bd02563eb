package desk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer/agent"
)

// waitingView is what waits for the person on the custody site, and what is on its way back to it.
type waitingView struct {
	Paired    bool           `json:"paired"`
	Offline   string         `json:"offline"` // why the list could not be asked for; "" = it was
	Documents []waitingEntry `json:"documents"`
	Returns   []returnView   `json:"returns"`
}

type waitingEntry struct {
	wire.Submission
	Act      string `json:"act"`
	Capacity string `json:"capacity"`
	Open     string `json:"open"` // id of the open document; "" = not open here
}

// returnView is a signed document that is not with the service yet, or that was refused or sent lately.
type returnView struct {
	Summary string    `json:"summary"`
	Name    string    `json:"name"`
	Output  string    `json:"output"`
	At      time.Time `json:"at"`
	State   string    `json:"state"` // pending, sending, sent, refused
	Message string    `json:"message"`
	Bytes   int64     `json:"bytes"` // of it that were sent
	Size    int64     `json:"size"`
}

// taskOfDocument is the part of an open document that came from the custody site.
type taskOfDocument struct {
	ID          string             `json:"id"` // on the site
	Act         string             `json:"act"`
	Capacity    string             `json:"capacity"`
	Facts       wire.DocumentFacts `json:"facts"`
	Note        string             `json:"note"`
	Due         string             `json:"due"`
	SubmittedBy string             `json:"submitted_by"`
}

// fetch is a document on its way to this computer.
type fetch struct {
	id    string
	ended chan struct{}

	mu       sync.Mutex
	bytes    int64
	size     int64
	summary  string
	document string // id of the open document, once it is there
	failed   *failure
}

type fetchView struct {
	ID       string   `json:"id"`
	Over     bool     `json:"over"`
	Bytes    int64    `json:"bytes"`
	Size     int64    `json:"size"` // 0 = not known yet
	Summary  string   `json:"summary"`
	Document string   `json:"document"`
	Problem  *failure `json:"problem,omitempty"`
}

func (f *fetch) view() fetchView {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := fetchView{ID: f.id, Bytes: f.bytes, Size: f.size, Summary: f.summary, Document: f.document, Problem: f.failed}
	select {
	case <-f.ended:
		v.Over = true
	default:
	}
	return v
}

// returns counts what is being sent back now.
type returns struct {
	kick chan struct{} // something was signed

	mu    sync.Mutex
	bytes map[string]int64 // by document on the site
}

const (
	firstReturn = 2 * time.Second
	longReturn  = 2 * time.Minute
)

// bringBack sends signed documents back until the context ends: at once after each signature, and again while the
// service does not answer.
func (d *Desk) bringBack(ctx context.Context) {
	pause := firstReturn
	for {
		left := d.returnOnce(ctx)
		wait := longReturn
		if left > 0 {
			wait, pause = pause, min(2*pause, longReturn)
		} else {
			pause = firstReturn
		}
		select {
		case <-ctx.Done():
			return
		case <-d.returns.kick:
			pause = firstReturn
		case <-time.After(wait):
		}
	}
}

// settle finishes what an earlier run left in the journal, as every start of the agent does: a document that it signed is
// noted there, and brought back after that. A batch that is under way settles its own.
func (d *Desk) settle(ctx context.Context) {
	pending, err := agent.CountPending(d.cfg.Agent.Home)
	if err != nil || pending == 0 || d.signing() {
		return
	}
	config := d.cfg.Agent
	config.LockWait = time.Second // whoever has the lock settles it too
	a, err := agent.Open(ctx, config)
	if err != nil {
		d.cfg.Agent.Logger.Info("desk: settle", "error", err)
		return
	}
	if err := a.Close(); err != nil {
		d.cfg.Agent.Logger.Warn("desk: settle", "error", err)
	}
}

// signing says whether a batch is under way.
func (d *Desk) signing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tasks {
		if !t.over() {
			return true
		}
	}
	return false
}

// returnOnce tries once and tells how many are left.
func (d *Desk) returnOnce(ctx context.Context) int {
	d.settle(ctx)
	courier, err := agent.NewCourier(d.cfg.Agent)
	if err != nil {
		return 0 // not paired: there is nothing to bring back to
	}
	defer d.sending("", -1)
	_, left, err := courier.SendSigned(ctx, func(h *agent.HandOff, bytes int64) { d.sending(h.Document.ID, bytes) })
	if err != nil && ctx.Err() == nil {
		d.cfg.Agent.Logger.Info("desk: signed documents wait", "left", left, "error", err)
	}
	return left
}

func (d *Desk) sending(id string, bytes int64) {
	d.returns.mu.Lock()
	defer d.returns.mu.Unlock()
	if id == "" {
		d.returns.bytes = map[string]int64{}
		return
	}
	d.returns.bytes[id] = bytes
}

// wakeReturns has what was just signed sent at once.
func (d *Desk) wakeReturns() {
	select {
	case d.returns.kick <- struct{}{}:
	default:
	}
}

// listTimeout bounds how long a page waits for the list.
const listTimeout = 12 * time.Second

// getWaiting lists what waits for the person. Without the service it tells why, and what is on its way all the same.
func (d *Desk) getWaiting(r *http.Request) (any, error) {
	v := waitingView{Documents: []waitingEntry{}, Returns: []returnView{}}
	kept, err := agent.HandOffs(d.cfg.Agent.Home)
	if err != nil {
		return nil, err
	}
	d.listReturns(&v, kept)
	courier, err := agent.NewCourier(d.cfg.Agent)
	if err != nil {
		var own *agent.Error
		if errors.As(err, &own) && own.Code == "not_paired" {
			return v, nil
		}
		return nil, err
	}
	v.Paired = true
	ctx, cancel := context.WithTimeout(r.Context(), listTimeout)
	defer cancel()
	waiting, err := courier.Waiting(ctx)
	if err != nil {
		_, v.Offline = d.cfg.Agent.Catalogue.Explain(err, "")
		return v, nil
	}
	open, waits := map[string]string{}, map[string]bool{}
	for _, doc := range d.open() {
		if doc.task != nil {
			open[doc.task.ID] = doc.id
		}
	}
	signedHere := map[string]bool{}
	for _, h := range kept {
		signedHere[h.Document.ID+h.Document.SHA256] = h.Entry != 0 && h.Ended == ""
	}
	for _, s := range waiting {
		waits[s.ID] = true
		if signedHere[s.ID+s.SHA256] || s.Step < 1 || s.Step > len(s.Route) {
			continue // on its way back
		}
		step := s.Route[s.Step-1]
		v.Documents = append(v.Documents, waitingEntry{Submission: s, Act: step.Act, Capacity: step.Capacity, Open: open[s.ID]})
	}
	for _, h := range kept {
		if !waits[h.Document.ID] && open[h.Document.ID] == "" {
			if err := courier.Forget(h); err != nil {
				d.cfg.Agent.Logger.Warn("desk: forget", "document", h.Document.ID, "error", err)
			}
		}
	}
	return v, nil
}

// Standing counts what waits for the person and what is not with the service yet, for an icon in the tray.
func (d *Desk) Standing(ctx context.Context) (waiting, pending int, offline bool) {
	if n, err := agent.CountPending(d.cfg.Agent.Home); err == nil {
		pending = n
	}
	if kept, err := agent.HandOffs(d.cfg.Agent.Home); err == nil {
		for _, h := range kept {
			if h.Entry != 0 && h.Ended == "" {
				pending++
			}
		}
	}
	courier, err := agent.NewCourier(d.cfg.Agent)
	if err != nil {
		return 0, pending, false // not paired: nothing can wait
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := courier.Waiting(ctx)
	return len(list), pending, err != nil
}

// returnsShown is how long a document that is done stays in the list.
const returnsShown = 24 * time.Hour

func (d *Desk) listReturns(v *waitingView, kept []*agent.HandOff) {
	d.returns.mu.Lock()
	defer d.returns.mu.Unlock()
	for _, h := range kept {
		if h.Entry == 0 || h.Ended != "" && d.cfg.Agent.Now().Sub(h.SignedAt) > returnsShown {
			continue
		}
		line := returnView{Summary: h.Document.Document.Summary, Name: filepath.Base(h.Output), Output: h.Output, At: h.SignedAt, State: h.Ended, Message: h.Message, Size: h.Document.Size}
		if bytes, sending := d.returns.bytes[h.Document.ID]; line.State == "" && sending {
			line.State, line.Bytes = "sending", bytes
		}
		if line.State == "" {
			line.State = "pending"
		}
		v.Returns = append(v.Returns, line)
	}
}

// openWaiting asks for a document of the list, or by a ticket or code.
type openWaiting struct {
	ID         string `json:"id"`
	Invitation string `json:"invitation"`
}

// postOpenWaiting begins to fetch a document and answers at once.
func (d *Desk) postOpenWaiting(r *http.Request) (any, error) {
	var asked openWaiting
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	f, err := d.beginFetch(context.WithoutCancel(r.Context()), asked)
	if err != nil {
		return nil, err
	}
	return f.view(), nil
}

// maxFetches bounds what is remembered of documents that came in.
const maxFetches = 50

func (d *Desk) beginFetch(ctx context.Context, asked openWaiting) (*fetch, error) {
	courier, err := agent.NewCourier(d.cfg.Agent)
	if err != nil {
		return nil, err
	}
	var invitation wire.TradeTicket
	if asked.ID == "" {
		if invitation, err = agent.ParseInvitation(asked.Invitation); err != nil {
			return nil, err
		}
	}
	id := make([]byte, 8)
	rand.Read(id)
	f := &fetch{id: hex.EncodeToString(id), ended: make(chan struct{})}
	d.mu.Lock()
	if len(d.fetches) >= maxFetches {
		d.fetches = d.fetches[1:]
	}
	d.fetches = append(d.fetches, f)
	d.mu.Unlock()
	go func() {
		defer close(f.ended)
		doc, err := d.fetch(ctx, courier, f, asked.ID, invitation)
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil {
			code, message := d.explain(err)
			f.failed = &failure{code, message}
			return
		}
		f.document = doc.id
	}()
	return f, nil
}

// explain words an error outside a request.
func (d *Desk) explain(err error) (code, message string) {
	var p *problem
	if errors.As(err, &p) {
		return p.key, d.say("error."+p.key, p.params...)
	}
	var told *wire.Problem
	if errors.As(err, &told) && told.Params["reason"] != "" && told.Detail != "" {
		return told.Code, told.Detail // the service's own sentence, in our language, is the more exact one
	}
	return d.cfg.Agent.Catalogue.Explain(err, "")
}

func (d *Desk) fetch(ctx context.Context, courier *agent.Courier, f *fetch, id string, invitation wire.TradeTicket) (*document, error) {
	var s wire.Submission
	var err error
	if id != "" {
		s, err = courier.TakeInHand(ctx, id)
	} else {
		s, err = courier.Trade(ctx, invitation)
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.size, f.summary = s.Size, s.Document.Summary
	f.mu.Unlock()
	h, err := courier.Fetch(ctx, s, func(bytes int64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.bytes = bytes
	})
	if err != nil {
		return nil, err
	}
	return d.addHandOff(h)
}

// addHandOff opens a document of the custody site. One that is open stays the one that it is.
func (d *Desk) addHandOff(h *agent.HandOff) (*document, error) {
	for _, doc := range d.open() {
		if doc.task != nil && doc.path == h.Path() {
			return doc, nil
		}
	}
	step := h.Step()
	if step == nil {
		return nil, refusal(http.StatusConflict, "no_document")
	}
	return d.addTask(h.Path(), h.Input, &taskOfDocument{ID: h.Document.ID, Act: step.Act, Capacity: step.Capacity, Facts: h.Document.Document,
		Note: h.Document.Note, Due: h.Document.Due, SubmittedBy: h.Document.SubmittedBy})
}

// getFetches lists documents on their way, and those that came.
func (d *Desk) getFetches(*http.Request) (any, error) {
	d.mu.Lock()
	fetches := append([]*fetch(nil), d.fetches...)
	d.mu.Unlock()
	list := []fetchView{}
	for _, f := range fetches {
		list = append(list, f.view())
	}
	return map[string]any{"fetches": list}, nil
}

// postDeclineWaiting says why a document is not signed.
func (d *Desk) postDeclineWaiting(r *http.Request) (any, error) {
	var asked struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	courier, err := agent.NewCourier(d.cfg.Agent)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), listTimeout)
	defer cancel()
	return struct{}{}, courier.Decline(ctx, asked.ID, asked.Reason)
}

// postReturn tries now to bring back what was signed.
func (d *Desk) postReturn(r *http.Request) (any, error) {
	left := d.returnOnce(r.Context())
	return map[string]any{"pending": left}, nil
}
