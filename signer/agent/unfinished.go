package agent

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/cms"
)

// A batch of several files is written down before its first file: what to sign
// and how, never a PIN or a password. The file goes when nothing of the batch is
// left to do; which of its files are signed the journal knows.
const (
	batchFolder   = "batches"
	batchSuffix   = ".json"
	batchVersion  = 1
	maxStoredSize = 64 << 20 // the picture is in it
)

// batchForm is what a batch is called: when it began, and four digits by chance.
var batchForm = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$`)

// storedBatch is the form on disk. Paths are absolute.
type storedBatch struct {
	Version     int               `json:"version"`
	ID          string            `json:"id"`
	Begun       time.Time         `json:"begun"`
	Files       []storedJob       `json:"files"`
	OutDir      string            `json:"out_dir,omitempty"`
	Module      string            `json:"module,omitempty"`
	Token       string            `json:"token,omitempty"`
	Certificate string            `json:"certificate,omitempty"`
	Standalone  bool              `json:"standalone,omitempty"`
	Level       string            `json:"level,omitempty"`
	Scheme      string            `json:"scheme,omitempty"`
	Hash        uint              `json:"hash,omitempty"`
	Certify     int               `json:"certify,omitempty"`
	StampTime   time.Duration     `json:"tsa_timeout,omitempty"`
	StampTries  int               `json:"tsa_tries,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	TSA         string            `json:"tsa,omitempty"`
	Field       string            `json:"field,omitempty"`
	Place       *storedPlace      `json:"place,omitempty"`
	Code        bool              `json:"qr,omitempty"`
	Pictures    map[string][]byte `json:"pictures,omitempty"` // by SHA-256
	Roots       string            `json:"roots,omitempty"`
}

// storedJob is a file with what tells whether it was changed since.
type storedJob struct {
	Input     string             `json:"input"`
	Shown     string             `json:"shown"` // as the person named it
	Output    string             `json:"output,omitempty"`
	OutDir    string             `json:"out_dir,omitempty"`
	SafeName  bool               `json:"safe_name,omitempty"`
	Document  wire.DocumentFacts `json:"document"`
	Act       string             `json:"act,omitempty"`
	Capacity  string             `json:"capacity,omitempty"`
	Place     *storedPlace       `json:"place,omitempty"`
	Field     string             `json:"field,omitempty"`
	Entries   []signer.Entry     `json:"entries,omitempty"`
	Size      int64              `json:"size"` // -1 = it was not there
	ChangedAt time.Time          `json:"changed_at"`
}

// storedPlace is a Visible whose picture stands once in the batch.
type storedPlace struct {
	Page    int          `json:"page"`
	Pages   signer.Pages `json:"pages"`
	Rect    [4]float64   `json:"rect"`
	Picture string       `json:"picture,omitempty"`
}

func (s *storedBatch) place(v *Visible) *storedPlace {
	if v == nil {
		return nil
	}
	p := &storedPlace{Page: v.Page, Pages: v.Pages, Rect: v.Rect}
	if len(v.Image) > 0 {
		sum := sha256.Sum256(v.Image)
		p.Picture = hex.EncodeToString(sum[:])
		s.Pictures[p.Picture] = v.Image
	}
	return p
}

func (s *storedBatch) visible(p *storedPlace) *Visible {
	if p == nil {
		return nil
	}
	return &Visible{Page: p.Page, Pages: p.Pages, Rect: p.Rect, Image: s.Pictures[p.Picture]}
}

// Unfinished is a batch that an earlier run did not bring to its end.
type Unfinished struct {
	ID     string    `json:"id"`
	Begun  time.Time `json:"begun"`
	Files  int       `json:"files"`
	Signed int       `json:"signed"`
	First  string    `json:"first"` // file of the batch
	// Err: its description can't be read; only discarding it is left.
	Err error `json:"-"`
}

func batchPath(home, id string) string { return filepath.Join(home, batchFolder, id+batchSuffix) }

// batchIDs are the batches of a state folder that are not finished.
func batchIDs(home string) (map[string]bool, error) {
	entries, err := os.ReadDir(filepath.Join(home, batchFolder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fail("home_unusable", fmt.Errorf("list batches: %w", err), "folder", home)
	}
	ids := map[string]bool{}
	for _, entry := range entries {
		if id, ok := strings.CutSuffix(entry.Name(), batchSuffix); ok && batchForm.MatchString(id) {
			ids[id] = true
		}
	}
	return ids, nil
}

// store writes the batch down, so that it can be finished by a later run.
func (a *Agent) store(batch *Batch) error {
	var chance [2]byte
	rand.Read(chance[:])
	now := a.config.Now()
	stored := storedBatch{
		Version: batchVersion, ID: now.Format("20060102-150405-") + hex.EncodeToString(chance[:]), Begun: now.UTC(),
		Module: a.config.Module, Token: batch.Token, Certificate: batch.Certificate, Standalone: batch.Standalone,
		Level: string(batch.Level), Scheme: string(batch.Scheme), Hash: uint(batch.Hash), Certify: batch.Certify, Reason: batch.Reason,
		TSA: batch.TSA, Field: batch.Field, Code: batch.Code, Pictures: map[string][]byte{},
	}
	stored.Place = stored.place(batch.Visible)
	if batch.Stamping != nil {
		stored.StampTime, stored.StampTries = batch.Stamping.Timeout, batch.Stamping.Tries
	}
	if batch.Roots != nil {
		stored.Roots = batch.Roots.path
	}
	if batch.OutDir != "" {
		var err error
		if stored.OutDir, err = filepath.Abs(batch.OutDir); err != nil {
			return fmt.Errorf("name folder: %w", err)
		}
	}
	for _, job := range batch.Jobs {
		file := storedJob{Shown: job.Input, SafeName: job.SafeName, Document: job.Document, Act: job.Act, Capacity: job.Capacity,
			Place: stored.place(job.Visible), Field: job.Field, Entries: job.Entries}
		for path, absolute := range map[string]*string{job.Input: &file.Input, job.Output: &file.Output, job.OutDir: &file.OutDir} {
			if path == "" {
				continue
			}
			var err error
			if *absolute, err = filepath.Abs(path); err != nil {
				return fmt.Errorf("name file: %w", err)
			}
		}
		file.Size, file.ChangedAt = stateOf(file.Input)
		stored.Files = append(stored.Files, file)
	}
	content, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	folder := filepath.Join(a.config.Home, batchFolder)
	if err := makeFolder(folder); err != nil {
		return fail("home_unusable", err, "folder", folder)
	}
	if err := replaceFile(batchPath(a.config.Home, stored.ID), content, 0o600); err != nil {
		return fail("home_unusable", err, "folder", folder)
	}
	batch.id = stored.ID
	for i := range batch.Jobs {
		batch.numbers = append(batch.numbers, i+1)
	}
	return nil
}

// stateOf is what tells a file from a changed one without reading it.
func stateOf(path string) (int64, time.Time) {
	info, err := os.Stat(path)
	if err != nil {
		return -1, time.Time{}
	}
	return info.Size(), info.ModTime().UTC()
}

func (a *Agent) readBatch(id string) (*storedBatch, error) {
	path := batchPath(a.config.Home, id)
	if !batchForm.MatchString(id) {
		return nil, fail("batch_unknown", nil, "batch", id)
	}
	content, err := readBounded(path, maxStoredSize)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fail("batch_unknown", err, "batch", id)
	}
	var stored storedBatch
	if err == nil {
		err = json.Unmarshal(content, &stored)
	}
	if err == nil && (stored.Version != batchVersion || stored.ID != id) {
		err = fmt.Errorf("version %d, batch %q", stored.Version, stored.ID)
	}
	if err != nil {
		return nil, fail("batch_damaged", err, "file", path, "batch", id)
	}
	return &stored, nil
}

// Unfinished lists the batches that can be resumed, oldest first.
func (a *Agent) Unfinished() ([]Unfinished, error) {
	ids, err := batchIDs(a.config.Home)
	if err != nil {
		return nil, err
	}
	list := []Unfinished{}
	for id := range ids {
		stored, err := a.readBatch(id)
		if err != nil {
			list = append(list, Unfinished{ID: id, Err: err})
			continue
		}
		u := Unfinished{ID: id, Begun: stored.Begun, Files: len(stored.Files), Signed: len(a.signedOf(id))}
		if len(stored.Files) > 0 {
			u.First = stored.Files[0].Shown
		}
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b Unfinished) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// signedOf are the jobs of a batch that have a signature, by the file's number.
func (a *Agent) signedOf(id string) map[int]*job {
	signed := map[int]*job{}
	for _, job := range a.journal.list() {
		if job.Intent.Batch == id && job.signed() {
			signed[job.Intent.Number] = job
		}
	}
	return signed
}

// askedOf are the SHA-256 of a batch's files as leave was asked for them first,
// by the file's number. A file that was changed since and got its old size and
// time back is known by it.
func (a *Agent) askedOf(id string) map[int]string {
	asked := map[int]string{}
	for _, job := range a.journal.list() {
		if n := job.Intent.Number; job.Intent.Batch == id && n > 0 && asked[n] == "" {
			asked[n] = job.Intent.SHA256In
		}
	}
	return asked
}

// changedSince says whether a file is another than an earlier run of the batch
// had leave for.
func (r *run) changedSince(i int, sha256In string) bool {
	return i < len(r.batch.sums) && r.batch.sums[i] != "" && r.batch.sums[i] != sha256In
}

// Resume signs what an earlier run of the batch left, and says what became of
// all its files. A file that was changed since the batch began is not signed:
// nobody has seen what it says now. Prepare gives the batch what is not written
// down: PIN, passwords, progress.
func (a *Agent) Resume(ctx context.Context, id string, prepare func(*Batch)) ([]Result, error) {
	stored, err := a.readBatch(id)
	if err != nil {
		return nil, err
	}
	batch := Batch{
		OutDir: stored.OutDir, Token: stored.Token, Certificate: stored.Certificate, Standalone: stored.Standalone,
		Level: signer.Level(stored.Level), Scheme: cms.Scheme(stored.Scheme), Hash: crypto.Hash(stored.Hash), Certify: stored.Certify,
		Reason: stored.Reason, TSA: stored.TSA, Field: stored.Field, Visible: stored.visible(stored.Place), Code: stored.Code, id: id,
	}
	batch.Stamping = &signer.Stamping{Timeout: stored.StampTime, Tries: stored.StampTries}
	if batch.Roots, err = LoadRoots(stored.Roots); err != nil {
		return nil, err
	}
	if a.config.Module == "" {
		a.config.Module = stored.Module
	}
	prepare(&batch)
	results := make([]Result, len(stored.Files))
	signed, asked := a.signedOf(id), a.askedOf(id)
	for i, file := range stored.Files {
		job := Job{Input: file.Input, Output: file.Output, OutDir: file.OutDir, SafeName: file.SafeName, Document: file.Document, Act: file.Act, Capacity: file.Capacity,
			Visible: stored.visible(file.Place), Field: file.Field, Entries: file.Entries}
		size, changedAt := stateOf(file.Input)
		if earlier := signed[i+1]; earlier != nil {
			results[i] = a.earlierResult(job, earlier)
			continue
		}
		if file.Size >= 0 && size >= 0 && (size != file.Size || !changedAt.Equal(file.ChangedAt)) {
			results[i] = failedResult(a.config.Catalogue, Result{Input: job.Input}, fail("changed_meanwhile", nil, "at", changedAt.Format(time.RFC3339)))
			continue
		}
		batch.Jobs, batch.numbers = append(batch.Jobs, job), append(batch.numbers, i+1)
		batch.sums = append(batch.sums, asked[i+1])
	}
	if len(batch.Jobs) == 0 {
		return results, a.endBatch(id)
	}
	for i := range results {
		results[i].Document = stored.Files[i].Document
	}
	for n, result := range a.SignBatch(ctx, batch) {
		results[batch.numbers[n]-1] = result
	}
	return results, nil
}

// earlierResult is the result of a file that an earlier run of its batch signed.
func (a *Agent) earlierResult(work Job, earlier *job) Result {
	place, err := targetOf(work)
	if err != nil {
		place = target{wanted: earlier.Intent.Wanted}
	}
	r := &run{Agent: a, batch: &Batch{}}
	if earlier.Step == stepSigned {
		return r.failed(Result{Input: work.Input}, a.recoveryError(earlier))
	}
	return r.alreadySigned(Result{Input: work.Input, SHA256In: earlier.Intent.SHA256In}, earlier, place)
}

// DiscardBatch forgets a batch. What it has signed stays as it is.
func (a *Agent) DiscardBatch(id string) error {
	if _, err := a.readBatch(id); err != nil {
		var own *Error
		if errors.As(err, &own) && own.Code == "batch_unknown" {
			return err
		}
	}
	return a.endBatch(id)
}

// endBatch removes a batch of which nothing is left to do.
func (a *Agent) endBatch(id string) error {
	path := batchPath(a.config.Home, id)
	err := os.Remove(path)
	if err == nil {
		err = signer.SyncFolder(filepath.Dir(path))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail("home_unusable", err, "folder", filepath.Dir(path))
	}
	delete(a.journal.kept, id)
	return nil
}

// settleBatch ends the batch when it has gone through all of its files, or when
// it stopped before anything was signed: then the same command does as well.
func (r *run) settleBatch(ctx context.Context, results []Result) {
	if r.batch.id == "" {
		return
	}
	left := false
	for _, result := range results {
		left = left || result.Status != StatusSigned
	}
	stopped := (r.stopped.Load() || ctx.Err() != nil) && left
	if stopped && len(r.signedOf(r.batch.id)) > 0 {
		return
	}
	if err := r.endBatch(r.batch.id); err != nil {
		r.config.Logger.Warn("end batch", "batch", r.batch.id, "error", err)
	}
}
