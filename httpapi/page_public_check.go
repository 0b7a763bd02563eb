package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"
	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// publicCheckPage is the form, and the answer once a file was sent.
type publicCheckPage struct {
	Document *checkedDocument
	Followed *followedCode
}

// followedCode is what the log says of the signature whose QR code somebody has followed.
type followedCode struct {
	checkedSignature
	Title          string
	Number, Symbol string
	Kind           string
}

// pageCheckSignature handles "GET /check/s/{id}", the address in a QR code. The code may
// have been copied onto another paper: the page says what was signed, and asks for the
// file.
func (s *server) pageCheckSignature(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	signed, err := s.store.SignatureOfGrant(ctx, s.school.ID, custody.GrantID(chi.URLParam(r, "id")))
	if err != nil {
		return err
	}
	followed := followedCode{Title: signed.Title, Number: signed.Number, Symbol: signed.Symbol, Kind: signed.Kind}
	followed.checkedSignature, err = s.standing(ctx, checkedSignature{Signer: signed.Signer, Word: checkUnclear},
		store.StandingQuery{Certificate: signed.Certificate, ByteRangeDigest: signed.ByteRangeDigest})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
	return s.show(w, r, http.StatusOK, "public_check", publicCheckPage{Followed: &followed})
}

// pagePublicCheck handles "GET /check".
func (s *server) pagePublicCheck(w http.ResponseWriter, r *http.Request) error {
	return s.show(w, r, http.StatusOK, "public_check", publicCheckPage{})
}

// pageCheckReceipt handles "GET /check/receipt": the browser does the work.
func (s *server) pageCheckReceipt(w http.ResponseWriter, r *http.Request) error {
	allowScript(w)
	return s.show(w, r, http.StatusOK, "check_receipt", nil)
}

// doPublicCheck handles "POST /check".
func (s *server) doPublicCheck(w http.ResponseWriter, r *http.Request) error {
	none := &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "file", "reason": "no_file"}}
	parts, err := r.MultipartReader()
	if err != nil {
		return s.showAgain(w, r, "public_check", publicCheckPage{}, none)
	}
	for count := 0; ; count++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) || count > 10 {
			return s.showAgain(w, r, "public_check", publicCheckPage{}, none)
		}
		if err != nil {
			return err
		}
		if part.FormName() != "file" {
			continue
		}
		document, err := s.checkDocument(r.Context(), part)
		if err != nil {
			return s.showAgain(w, r, "public_check", publicCheckPage{}, err)
		}
		w.Header().Set("Cache-Control", "no-store")
		return s.show(w, r, http.StatusOK, "public_check", publicCheckPage{Document: &document})
	}
}

// ownReceipt opens a receipt of the school's own log.
func (s *server) ownReceipt(receipt signinglog.Receipt) (signinglog.Entry, signinglog.Checkpoint, error) {
	verifier, err := note.NewVerifier(s.school.LogKey)
	if err != nil {
		return signinglog.Entry{}, signinglog.Checkpoint{}, err
	}
	return signinglog.CheckReceipt(receipt, verifier)
}

func (s *server) apiCheckDocument(ctx context.Context, in *Bytes) (*body[wire.CheckedDocument], error) {
	document, err := s.checkDocument(ctx, in.reader)
	if err != nil {
		return nil, err
	}
	out := wire.CheckedDocument{School: s.school.Name, Verdict: document.Word, More: document.More, Signatures: []wire.CheckedSignature{}}
	for _, c := range document.Signatures {
		signature := wire.CheckedSignature{Signer: c.Signer, Verdict: c.Word, Timestamp: c.Stamp, HandedOut: c.Held, Issuer: c.Issuer}
		if !c.At.IsZero() {
			at := c.At.UTC()
			signature.At = &at
		}
		if c.Logged {
			signature.Entry = &c.Entry
		}
		for _, report := range c.Reports {
			signature.LossReports = append(signature.LossReports, report.At.UTC())
		}
		out.Signatures = append(out.Signatures, signature)
	}
	return &body[wire.CheckedDocument]{out}, nil
}
