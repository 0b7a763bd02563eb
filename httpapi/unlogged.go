package httpapi

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// What a file that was held against the log came to.
const (
	heldLogged   = "logged"   // all signatures by the school's certificates are in the log
	heldUnlogged = "unlogged" // one of them is not
	heldForeign  = "foreign"  // none is by a certificate of the school
	heldUnsigned = "unsigned"
	heldChanged  = "changed" // a signature of the school does not hold: the file was changed
	heldNoPDF    = "no_pdf"
	heldTooLarge = "too_large"
)

// heldFile is a file that was held against the log.
type heldFile struct {
	Name    string
	Word    string
	Logged  []int64
	Outside []outsideSignature
}

type outsideSignature struct {
	Entry int64
	New   bool
}

// unloggedPage is the form, what files of it came to, and what was found before.
type unloggedPage struct {
	Files []heldFile
	New   int // signatures that were found now
	Known []logLine
}

// knownShown is how many signatures outside the log the page lists.
const knownShown = 50

func (s *server) unloggedPage(r *http.Request, actor custody.Actor) (unloggedPage, error) {
	found, err := s.store.Entries(r.Context(), actor, store.LogFilter{Type: string(signinglog.TypeUnlogged), Limit: knownShown})
	if err != nil {
		return unloggedPage{}, err
	}
	_, names, err := s.people(r.Context(), actor)
	if err != nil {
		return unloggedPage{}, err
	}
	tokens, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return unloggedPage{}, err
	}
	var page unloggedPage
	labels := tokenLabels(tokens)
	for _, row := range found.Entries {
		line := logLineOf(row, names, labels)
		line.Text = row.Reveals["file_name"]
		page.Known = append(page.Known, line)
	}
	return page, nil
}

// pageUnlogged handles "GET /unlogged".
func (s *server) pageUnlogged(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.unloggedPage(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "unlogged", page)
}

// doUnlogged handles "POST /unlogged": files of a form, none of which is kept.
func (s *server) doUnlogged(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	files, err := s.holdFiles(r, actor)
	if err == nil && len(files) == 0 {
		err = &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "file", "reason": "no_file"}}
	}
	page, pageErr := s.unloggedPage(r, actor)
	if pageErr != nil {
		return pageErr
	}
	page.Files = files // also of a request that ended early: what was found is recorded
	for _, file := range files {
		for _, outside := range file.Outside {
			if outside.New {
				page.New++
			}
		}
	}
	if err != nil {
		return s.showAgain(w, r, "unlogged", page, err)
	}
	return s.show(w, r, http.StatusOK, "unlogged", page)
}

func (s *server) holdFiles(r *http.Request, actor custody.Actor) ([]heldFile, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, invalid("file", err)
	}
	var files []heldFile
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		file, err := s.holdFile(r.Context(), actor, part, path.Base(strings.ReplaceAll(part.FileName(), `\`, "/")))
		if err != nil {
			return files, err
		}
		files = append(files, file)
	}
}

// holdFile holds the signatures of a file against the log.
func (s *server) holdFile(ctx context.Context, actor custody.Actor, r io.Reader, name string) (heldFile, error) {
	held := heldFile{Name: name, Word: heldUnsigned}
	content, err := gather(r, maxPublicFile)
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) && tooBig.Limit == maxPublicFile {
		held.Word = heldTooLarge
		_, err := io.Copy(io.Discard, r)
		return held, err
	}
	if err != nil {
		return held, err
	}
	report, err := validation.Validate(ctx, content, content.size, validation.Options{Offline: true, Now: s.now})
	if err != nil {
		if ctx.Err() != nil {
			return held, ctx.Err()
		}
		held.Word = heldNoPDF
		return held, nil
	}
	sum := content.sum()
	for _, signature := range report.Signatures {
		if signature.Timestamp || signature.CertificateSHA256 == "" {
			continue
		}
		if held.Word == heldUnsigned {
			held.Word = heldForeign
		}
		if signature.Indication == validation.TotalFailed || signature.Certificate == nil || validation.CheckCMS(signature.CMS, signature.ByteRangeDigest, signature.Certificate) != nil {
			registered, err := s.store.Registered(ctx, actor, signature.CertificateSHA256)
			if err != nil {
				return held, err
			}
			if registered && held.Word != heldUnlogged {
				held.Word = heldChanged
			}
			continue
		}
		found, err := s.store.FindSignature(ctx, actor, store.FoundSignature{Certificate: signature.CertificateSHA256, ByteRangeDigest: hex.EncodeToString(signature.ByteRangeDigest),
			CMS: signature.CMS, Field: signature.Field, StatedAt: signature.ClaimedTime, FileSHA256: hex.EncodeToString(sum[:]), FileName: name})
		switch {
		case err != nil:
			return held, err
		case found.Unlogged > 0:
			held.Word, held.Outside = heldUnlogged, append(held.Outside, outsideSignature{found.Unlogged, found.New})
		case found.Logged > 0:
			held.Logged = append(held.Logged, found.Logged)
			if held.Word == heldForeign {
				held.Word = heldLogged
			}
		}
	}
	return held, nil
}

// apiFindSignatures handles "POST /api/v1/unlogged": signatures that an agent has found
// in files of a folder. The agent has looked at the files; the service verifies each
// CMS with the registered certificate and records what the log does not have.
func (s *server) apiFindSignatures(ctx context.Context, actor custody.Actor, in *body[wire.FoundSignatures]) (*body[wire.HeldSignatures], error) {
	if err := custody.CanReviewLog(actor); err != nil {
		return nil, err
	}
	registered, err := s.registeredCertificates(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.HeldSignatures{Signatures: make([]wire.HeldSignature, len(in.Body.Signatures))}
	for i, f := range in.Body.Signatures {
		der, known := registered[f.CertificateSHA256]
		if !known {
			continue
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("registered certificate %s: %w", f.CertificateSHA256, err)
		}
		digest, err := hex.DecodeString(f.ByteRangeDigest)
		if err != nil {
			return nil, invalid("byte_range_digest", err)
		}
		out.Signatures[i].Registered = true
		if err := validation.CheckCMS(f.CMS, digest, cert); err != nil {
			out.Signatures[i].Broken = true
			continue
		}
		found := store.FoundSignature{Certificate: f.CertificateSHA256, ByteRangeDigest: f.ByteRangeDigest, CMS: f.CMS, Field: f.Field, FileSHA256: f.FileSHA256, FileName: f.FileName}
		if f.StatedAt != nil {
			found.StatedAt = *f.StatedAt
		}
		held, err := s.store.FindSignature(ctx, actor, found)
		if err != nil {
			return nil, err
		}
		out.Signatures[i].Entry, out.Signatures[i].Unlogged, out.Signatures[i].New = held.Logged, held.Unlogged, held.New
	}
	return &body[wire.HeldSignatures]{out}, nil
}
