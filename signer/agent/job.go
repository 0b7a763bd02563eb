package agent

import (
	"context"
	"crypto"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/cms"
	"sokyso/signer/token"
)

// Job is one file to sign.
type Job struct {
	Input    string
	Output   string // "" = derived from the input's name, never over anything
	OutDir   string // folder of a derived name; "" = the input's
	Document wire.DocumentFacts
	Act      string
	Capacity string
	// Visible places this file's picture; nil = as Batch.Visible says.
	Visible *Visible
	// Field is the empty signature field of this file; "" = as Batch.Field says.
	Field string
	// Entries are filled into text fields of this file by the update that is signed.
	Entries  []signer.Entry
	SafeName bool // a derived name is one that every system takes: see safeStem
}

// Batch is what is signed with one token and one PIN.
type Batch struct {
	Jobs        []Job
	OutDir      string // as the person named it; folders of jobs below it are made
	Token       string // label or serial; "" = the only one
	Certificate string // SHA-256 in hex; "" = the only one that has a key
	Standalone  bool   // sign without a service; needed when not paired

	Level   signer.Level
	Scheme  cms.Scheme  // "" = what certificate and token suggest
	Hash    crypto.Hash // 0 = what the field suggests, else SHA-256
	Certify int         // permissions of a certification, 1 to 3; 0 = an approval
	Reason  string      // "" = what the act is called
	TSA     string
	// Stamping says how the time-stamping authority is asked; nil = the defaults.
	Stamping *signer.Stamping
	Field    string
	Visible  *Visible
	Code     bool // a QR code in the box leads to the service's page about the signature
	Roots    *Roots

	// PIN is asked once, when the first file is ready to be signed. The bytes
	// are zeroed after use.
	PIN func(ctx context.Context, info token.Info) ([]byte, error)
	// FinalTry: the person wants the PIN tried although the token says that one
	// more wrong one locks it.
	FinalTry bool
	// Confirm and Warn: see PINConsent; may be nil.
	Confirm func(ctx context.Context, state PINState) (bool, error)
	Warn    func(message string)
	// Passwords open encrypted files; nil = only those that need none.
	Passwords *Passwords
	// Progress is told of each phase; may be nil.
	Progress func(Progress)

	id      string   // of the batch that is written down, "" = it is not
	numbers []int    // of the files in it
	sums    []string // SHA-256 of the files as leave was asked for them by an earlier run, "" = it was not; nil = no earlier run
}

// aboveBB says whether the level needs others than the token.
func (b *Batch) aboveBB() bool { return b.Level != "" && b.Level != signer.LevelBB }

// SetAlgorithms takes scheme and hash by their names on the command line: auto, pkcs1v15 or pss; "", sha256, sha384 or
// sha512.
func (b *Batch) SetAlgorithms(scheme, hash string) {
	if scheme != "auto" {
		b.Scheme = cms.Scheme(scheme)
	}
	b.Hash = map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}[hash]
}

// maxImage bounds the PNG of a signature or seal.
const maxImage = 16 << 20

// LoadImage reads the picture of the visible signature; "" is none.
func (b *Batch) LoadImage(path string) error {
	if path == "" || b.Visible == nil {
		return nil
	}
	content, err := readBounded(path, maxImage)
	if err != nil {
		return fail("image_unreadable", err, "file", path)
	}
	b.Visible.Image = content
	return nil
}

// FailAll is the result of each job when something stands in the way of all.
func FailAll(catalogue *Catalogue, jobs []Job, err error) []Result {
	results := make([]Result, len(jobs))
	for i, job := range jobs {
		results[i] = failedResult(catalogue, Result{Input: job.Input}, err)
	}
	return results
}

func failedResult(catalogue *Catalogue, result Result, err error) Result {
	e := explain(err, result.Input)
	result.Status, result.Code, result.Message = StatusFailed, e.code, catalogue.explained(e)
	if e.refused {
		result.Status = StatusRefused
	}
	return result
}

// Progress says what is being done.
type Progress struct {
	Number, Count int // of the file, from 1
	File          string
	Phase         string // prepare foresee grant sign record, and done
	Done          int    // files that are finished, well or not
	// Left is how long the rest will take at the pace so far; 0 = not known yet.
	Left time.Duration
	Pace float64 // files a second; 0 = not known yet
}

// Statuses of a Result.
const (
	StatusSigned  = "signed"
	StatusRefused = "refused" // by the service, or for want of it
	StatusFailed  = "failed"
)

// Result is what became of a file. The JSON form is part of the command line's
// contract: no field is ever left out.
type Result struct {
	Input      string `json:"input"`
	Output     string `json:"output"`
	SHA256In   string `json:"sha256_in"`
	SHA256Out  string `json:"sha256_out"`
	Level      string `json:"level"`
	Algorithm  string `json:"algorithm"` // such as rsa-pkcs1v15-sha256; "" when not signed
	Status     string `json:"status"`
	Code       string `json:"code"`    // "" when all is well
	Message    string `json:"message"` // for a person
	EntryIndex *int64 `json:"entry_index"`

	// Wanting is set when the file is signed but something is badly wrong with
	// its record: the batch is not a success.
	Wanting bool `json:"-"`
	// For the table that can be saved.
	Document wire.DocumentFacts `json:"-"`
	SignedAt time.Time          `json:"-"`
}

// Good says whether nothing is left to do about the file.
func (r Result) Good() bool { return r.Status == StatusSigned && !r.Wanting }
