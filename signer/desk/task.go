package desk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/agent"
)

// task is a batch that is being signed, or was.
type task struct {
	id        string
	documents []string
	stop      context.CancelFunc
	ended     chan struct{}
	started   time.Time

	mu       sync.Mutex
	progress agent.Progress
	results  []agent.Result
	seconds  float64
}

// signRequest is what a page asks to be signed.
type signRequest struct {
	Files []struct {
		ID       string             `json:"id"`
		Document wire.DocumentFacts `json:"document"`
		Capacity string             `json:"capacity"`
		Place    *place             `json:"place"` // nil = nothing is shown on the page
		Issue    *issueOf           `json:"issue"` // nil = nothing is filled in
	} `json:"files"`
	Act         string `json:"act"`
	Token       string `json:"token"`       // serial
	Certificate string `json:"certificate"` // SHA-256
	Image       string `json:"image"`       // id of a picture, "" = text
	PIN         string `json:"pin"`
	FinalTry    bool   `json:"final_try"`
	Level       string `json:"level"` // "" = the desk's
	QR          bool   `json:"qr"`    // a code in the box leads to the school's page for checking
}

// postSign begins a batch and answers with its task at once.
func (d *Desk) postSign(r *http.Request) (any, error) {
	var asked signRequest
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if len(asked.Files) == 0 {
		return nil, refusal(http.StatusBadRequest, "nothing_to_sign")
	}
	batch := agent.Batch{
		Token: asked.Token, Certificate: asked.Certificate, Level: d.cfg.Level, TSA: d.cfg.TSA, Roots: d.cfg.Roots,
		Standalone: d.cfg.Standalone, FinalTry: asked.FinalTry, PIN: agent.PINGiven([]byte(asked.PIN)),
	}
	if asked.Level != "" {
		if !slices.Contains(d.levels(), asked.Level) {
			return nil, refusal(http.StatusBadRequest, "request")
		}
		batch.Level = signer.Level(asked.Level)
	}
	if pairing, err := agent.ReadPairing(d.cfg.Agent.Home); err != nil {
		return nil, err
	} else if pairing != nil {
		batch.Standalone, batch.Code = false, asked.QR
	}
	var image []byte
	if asked.Image != "" {
		var err error
		if image, err = d.images().load(asked.Image); err != nil {
			return nil, err
		}
	}
	passwords := map[string]string{}
	t := &task{ended: make(chan struct{}), started: d.cfg.Agent.Now()}
	documents := make([]*document, len(asked.Files))
	for i, file := range asked.Files {
		doc, err := d.document(file.ID)
		if err != nil {
			return nil, err
		}
		if slices.Contains(t.documents, file.ID) {
			return nil, refusal(http.StatusBadRequest, "request")
		}
		job := agent.Job{Input: doc.path, Act: asked.Act, Capacity: file.Capacity, Document: file.Document}
		if doc.uploaded || doc.task != nil {
			job.OutDir = d.outDir()
		}
		if t := doc.task; t != nil && (t.Act != asked.Act || t.Capacity != file.Capacity) {
			return nil, refusal(http.StatusConflict, "other_task", "name", doc.name) // the site would not take it back
		}
		if file.Place != nil {
			job.Visible = &agent.Visible{Page: file.Place.Page, Rect: file.Place.Rect, Image: image}
			if job.Field = file.Place.Field; job.Field != "" {
				job.Visible.Rect = [4]float64{} // the field has its own
			}
		}
		if file.Issue != nil {
			if asked.Act != wire.ActIssue {
				return nil, refusal(http.StatusBadRequest, "request")
			}
			if job.Entries, err = doc.entries(*file.Issue); err != nil {
				return nil, err
			}
			job.Document.Number = twoDigits(job.Document.Number)
		}
		doc.mu.Lock()
		passwords[doc.path] = doc.password
		doc.mu.Unlock()
		batch.Jobs, documents[i], t.documents = append(batch.Jobs, job), doc, append(t.documents, file.ID)
	}
	batch.Passwords = agent.PasswordsGiven(passwords)
	if err := d.begin(t); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	t.stop = stop
	batch.Progress = t.tell
	go d.run(ctx, t, batch, documents)
	return map[string]string{"task": t.id}, nil
}

// begin registers the task, unless another is under way: there is one person at this desk.
func (d *Desk) begin(t *task) error {
	id := make([]byte, 8)
	rand.Read(id)
	t.id = hex.EncodeToString(id)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, other := range d.tasks {
		if !other.over() {
			return refusal(http.StatusConflict, "busy")
		}
	}
	d.tasks[t.id] = t
	return nil
}

func (t *task) over() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

func (t *task) tell(p agent.Progress) {
	if p.Phase == "done" {
		return // the results tell that
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress = p
}

// run signs. Whatever happens, each file has a result in the end.
func (d *Desk) run(ctx context.Context, t *task, batch agent.Batch, documents []*document) {
	defer close(t.ended)
	defer t.stop()
	results := d.sign(ctx, batch)
	d.wakeReturns()
	t.mu.Lock()
	t.results, t.seconds = results, d.cfg.Agent.Now().Sub(t.started).Seconds()
	t.mu.Unlock()
	for i, doc := range documents {
		doc.mu.Lock()
		doc.result = &results[i]
		doc.mu.Unlock()
	}
}

func (d *Desk) sign(ctx context.Context, batch agent.Batch) []agent.Result {
	for _, job := range batch.Jobs {
		if job.OutDir == "" {
			continue
		}
		if err := os.MkdirAll(job.OutDir, 0o755); err != nil {
			return agent.FailAll(d.cfg.Agent.Catalogue, batch.Jobs, err)
		}
	}
	a, err := agent.Open(ctx, d.cfg.Agent)
	if err != nil {
		return agent.FailAll(d.cfg.Agent.Catalogue, batch.Jobs, err)
	}
	defer a.Close()
	return a.SignBatch(ctx, batch)
}

// outDir takes signed copies of files without a path.
func (d *Desk) outDir() string {
	if d.cfg.OutDir != "" {
		return d.cfg.OutDir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(d.cfg.Agent.Home, "da-ky")
	}
	documents := filepath.Join(home, "Documents")
	if info, err := os.Stat(documents); err == nil && info.IsDir() {
		home = documents
	}
	return filepath.Join(home, "Da ky so")
}

// busy says whether a document is being signed now.
func (d *Desk) busy(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tasks {
		if !t.over() && slices.Contains(t.documents, id) {
			return true
		}
	}
	return false
}

// waitForTasks lets a signature that has begun reach its end.
func (d *Desk) waitForTasks() {
	d.mu.Lock()
	var running []*task
	for _, t := range d.tasks {
		running = append(running, t)
	}
	d.mu.Unlock()
	for _, t := range running {
		t.stop()
		<-t.ended
	}
}

// taskView is a task as a page gets it.
type taskView struct {
	ID      string         `json:"id"`
	Over    bool           `json:"over"`
	Number  int            `json:"number"` // of the file in hand, from 1
	Count   int            `json:"count"`
	Phase   string         `json:"phase"`
	Seconds float64        `json:"seconds"` // since the beginning
	Files   []string       `json:"files"`   // ids, in the order of results
	Results []agent.Result `json:"results"`
}

func (d *Desk) task(id string) (*task, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.tasks[id]; ok {
		return t, nil
	}
	return nil, refusal(http.StatusNotFound, "no_task")
}

func (d *Desk) getTask(r *http.Request) (any, error) {
	t, err := d.task(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	over := t.over()
	t.mu.Lock()
	defer t.mu.Unlock()
	v := taskView{ID: t.id, Over: over, Number: t.progress.Number, Count: len(t.documents), Phase: t.progress.Phase,
		Seconds: t.seconds, Files: t.documents, Results: t.results}
	if !over {
		v.Seconds = d.cfg.Agent.Now().Sub(t.started).Seconds()
	}
	if v.Results == nil {
		v.Results = []agent.Result{}
	}
	return v, nil
}

// stopTask stops after the file in hand.
func (d *Desk) stopTask(r *http.Request) (any, error) {
	t, err := d.task(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	t.stop()
	return struct{}{}, nil
}
