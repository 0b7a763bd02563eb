package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"time"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// Augmentation raises the level of signatures that were made earlier. It needs no
// token, no PIN and no service, and leaves no trace in the journal: nothing is
// signed, so nothing is logged.
type Augmentation struct {
	Files     []string
	Output    string // for one file; "" = derived from the input's name, never over anything
	OutDir    string // folder of derived names; "" = the input's
	Level     signer.Level
	TSA       string
	Roots     *Roots
	Passwords *Passwords       // open encrypted files; nil = only those that need none
	Stamping  *signer.Stamping // nil = the defaults
	Catalogue *Catalogue
	Progress  func(Progress)   // may be nil
	Now       func() time.Time // nil = time.Now
}

// StatusRaised is that of a file whose signatures have the level now. The other
// status is StatusFailed: the input is as it was, and there is no output.
const StatusRaised = "raised"

// Raised is what became of a file. The JSON form is part of the command line's
// contract: no field is ever left out.
type Raised struct {
	Input     string `json:"input"`
	Output    string `json:"output"`
	SHA256In  string `json:"sha256_in"`
	SHA256Out string `json:"sha256_out"`
	Level     string `json:"level"`
	Status    string `json:"status"`
	Code      string `json:"code"`    // "" when all is well
	Message   string `json:"message"` // for a person
}

// Run raises the files one after the other. An error of a file does not stop the
// others; one that they would share does.
func (a Augmentation) Run(ctx context.Context) []Raised {
	options := signer.Options{
		Level: a.Level, TSA: a.TSA, Stamping: a.Stamping, Cache: &validation.Cache{}, Now: a.Now,
	}
	if a.Stamping == nil {
		options.Stamping = &signer.Stamping{}
	}
	if a.Roots != nil {
		options.Roots, options.Intermediates = a.Roots.Pool, a.Roots.Intermediates
	}
	results := make([]Raised, len(a.Files))
	stopped := false
	for i, file := range a.Files {
		if a.Progress != nil && !stopped {
			a.Progress(Progress{Number: i + 1, Count: len(a.Files), File: file, Phase: "augment"})
		}
		result, err := Raised{Input: file, Status: StatusFailed}, error(fail("not_attempted", nil))
		if !stopped {
			result, err = a.raise(ctx, file, options)
		}
		if err != nil {
			e := explain(err, file)
			result.Code, result.Message = e.code, a.Catalogue.explained(e)
			stopped = stopped || e.fatal
		}
		results[i] = result
	}
	return results
}

// FailAll is the result of each file when something stands in the way of all.
func (a Augmentation) FailAll(err error) []Raised {
	results := make([]Raised, len(a.Files))
	for i, file := range a.Files {
		e := explain(err, file)
		results[i] = Raised{Input: file, Status: StatusFailed, Code: e.code, Message: a.Catalogue.explained(e)}
	}
	return results
}

func (a Augmentation) raise(ctx context.Context, file string, options signer.Options) (Raised, error) {
	result := Raised{Input: file, Status: StatusFailed}
	if err := ctx.Err(); err != nil {
		return result, fail("cancelled", err)
	}
	place, err := targetOf(Job{Input: file, Output: a.Output, OutDir: a.OutDir})
	if err != nil {
		return result, err
	}
	output, err := place.free()
	if err != nil {
		return result, err
	}
	// A folder that takes no files is found before a server is asked for anything.
	if err := probe(tempOf(output, rand.Text())); err != nil {
		return result, err
	}
	source, err := signer.OpenFile(file)
	if err != nil {
		return result, err
	}
	defer source.Close()
	var document *signer.Document
	err = a.Passwords.open(ctx, file, func(password pdf.Password) error {
		options.Password = password
		var err error
		document, err = signer.Augment(ctx, source, options)
		return err
	})
	if err != nil {
		return result, err
	}
	for {
		err := document.Save(output)
		if err == nil {
			break
		}
		if signer.CodeOf(err) != signer.CodeOutputExists {
			return result, outputError(err, output)
		}
		// Somebody took the name meanwhile.
		if output, err = place.free(); err != nil {
			return result, err
		}
	}
	in, out := document.SHA256In(), document.SHA256Out()
	result.Output, result.Status, result.Level = place.shown(output), StatusRaised, string(options.Level)
	result.SHA256In, result.SHA256Out = hex.EncodeToString(in[:]), hex.EncodeToString(out[:])
	if err := copyReceipt(file, output); err != nil {
		e := explain(fail("receipt_copy", err, "file", filepath.Base(output)+receiptSuffix), file)
		result.Code, result.Message = e.code, a.Catalogue.explained(e)
	}
	return result, nil
}

// copyReceipt puts the receipt beside the input, if there is one, beside the
// output too: it is about a signature that stands in both.
func copyReceipt(from, to string) error {
	text, err := readBounded(from+receiptSuffix, maxReceipt)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return createFile(to+receiptSuffix, text, 0o644)
}
