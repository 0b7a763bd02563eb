package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// maxSigners bounds the signatures of a signed paper that are named.
const maxSigners = 20

// keepSigned takes a signed copy of a paper. It must begin with the paper as it was
// issued, and each signature must be intact with nothing changed after it that it
// does not allow. Whether the signer's certificate leads to a root is not asked: who
// is recognised are the holders of registered certificates, and that is told.
func (s *server) keepSigned(ctx context.Context, actor custody.Actor, id custody.PaperID, r io.Reader) (store.SignedPaperRow, error) {
	paper, err := s.store.PaperPDF(ctx, actor, id) // before 50 MB are read
	if err != nil {
		return store.SignedPaperRow{}, err
	}
	file := make([]byte, len(paper))
	begun, err := io.ReadFull(r, file)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return store.SignedPaperRow{}, err
	}
	switch {
	case begun == 0:
		return store.SignedPaperRow{}, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "file", "reason": "no_file"}}
	case !bytes.Equal(file[:begun], paper):
		return store.SignedPaperRow{}, custody.Conflict(custody.ReasonOtherPaper)
	}
	more, err := gather(r, store.MaxSignedPaper-int64(len(paper)))
	if err != nil {
		return store.SignedPaperRow{}, err
	}
	file = slices.Concat(append([][]byte{file}, more.pieces...)...)
	select {
	case s.judging <- struct{}{}:
		defer func() { <-s.judging }()
	case <-ctx.Done():
		return store.SignedPaperRow{}, ctx.Err()
	}
	report, err := validation.Validate(ctx, bytes.NewReader(file), int64(len(file)), validation.Options{Offline: true, Now: s.now})
	if err != nil {
		return store.SignedPaperRow{}, noPDF(err)
	}
	n := store.NewSignedPaper{Bytes: file}
	var signers []string
	for _, signature := range report.Signatures {
		intact := signature.LaterChanges == validation.ChangesNone || signature.LaterChanges == validation.ChangesPermitted
		if signature.Indication == validation.TotalFailed || !intact {
			return store.SignedPaperRow{}, custody.Conflict(custody.ReasonBadSignature, "signer", signature.Signer)
		}
		if signature.Timestamp {
			continue
		}
		n.Signatures++
		if n.Signatures > maxSigners {
			continue
		}
		holder, err := s.store.CertificateHolder(ctx, actor, signature.CertificateSHA256)
		if err != nil {
			return store.SignedPaperRow{}, err
		}
		if holder == "" {
			holder = signature.Signer + " (chữ ký toàn vẹn, chứng thư chưa có trong sổ)"
		} else {
			holder += " (chữ ký toàn vẹn, chứng thư có trong sổ)"
		}
		signers = append(signers, holder)
	}
	if n.Signatures == 0 {
		return store.SignedPaperRow{}, custody.Conflict(custody.ReasonNotSigned)
	}
	n.Signers = strings.Join(signers, "; ")
	return s.store.KeepSignedPaper(ctx, actor, id, n)
}

// doKeepSigned handles "POST /papers/{id}/signed".
func (s *server) doKeepSigned(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.paperPage(r, actor)
	if err != nil {
		return err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return s.showAgain(w, r, "paper", page, invalid("file", err))
	}
	for count := 0; ; count++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) || count > 10 {
			return s.showAgain(w, r, "paper", page, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "file", "reason": "no_file"}})
		}
		if err != nil {
			return err
		}
		if part.FormName() != "file" {
			continue
		}
		if _, err := s.keepSigned(r.Context(), actor, page.ID, part); err != nil {
			return s.showAgain(w, r, "paper", page, err)
		}
		return s.done(w, r, "/papers/"+string(page.ID), "paper.signed_kept", nil)
	}
}

// downloadSigned handles "GET /papers/{id}/signed/{signed}": a file that somebody
// sent in, to be saved and never shown inside this site.
func (s *server) downloadSigned(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.paperPage(r, actor)
	if err != nil {
		return err
	}
	signed := custody.SignedPaperID(chi.URLParam(r, "signed"))
	file, err := s.store.SignedPaper(r.Context(), actor, page.ID, signed)
	if err != nil {
		return err
	}
	number := "1"
	for i, row := range page.Signed {
		if row.ID == signed {
			number = strconv.Itoa(i + 1)
		}
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": paperFileName(page.PaperRow, number)}))
	if _, err := w.Write(file); err != nil {
		requestOf(r.Context()).note("not_sent", err.Error())
	}
	return nil
}
