package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

const (
	// maxTransfer bounds a request that brings a file: the file, and the rest of its form.
	maxTransfer = custody.MaxDocument + 1<<20
	// transferTime bounds it: 50 MB at 1 Mbit/s.
	transferTime = 8 * time.Minute
	// headerWithin is where a PDF's header may stand (ISO 32000-2 annex H, as common readers take it).
	headerWithin = 1024
)

// isPublicCheck tells the request by which anybody sends a file.
func isPublicCheck(path string) bool { return path == "/check" || path == wire.PathCheckDocument }

// isTransfer tells the requests that carry a file one way or the other.
func isTransfer(path string) bool {
	switch {
	case path == "/documents/new", path == "/unlogged", path == wire.PathDocumentFiles, isPublicCheck(path):
		return true
	case strings.HasPrefix(path, "/papers/"), strings.HasPrefix(path, wire.PathPapers+"/"):
		return strings.Contains(path, "/signed")
	case strings.HasPrefix(path, "/documents/"), strings.HasPrefix(path, wire.PathDocuments+"/"):
		return strings.HasSuffix(path, "/file") || strings.HasSuffix(path, "/signed")
	}
	return false
}

// isHeldWhole tells those of them whose files are read into memory whole; the others stream.
func isHeldWhole(path string) bool {
	return path == "/unlogged" || strings.HasPrefix(path, "/papers/") || strings.HasPrefix(path, wire.PathPapers+"/")
}

// pdfFacts is what is told of a file without showing it.
type pdfFacts struct {
	store.StagedFile
	Pages int // 0 = not known: it is encrypted
}

func noPDF(err error) error {
	return &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "file", "reason": custody.ReasonNoPDF}, err: err}
}

// takePDF takes in a PDF a chunk at a time and looks whether it is one. What is none leaves nothing.
func (s *server) takePDF(ctx context.Context, actor custody.Actor, r io.Reader) (pdfFacts, error) {
	buffered := bufio.NewReaderSize(r, 4<<10)
	head, err := buffered.Peek(headerWithin)
	if err != nil && !errors.Is(err, io.EOF) {
		return pdfFacts{}, err
	}
	if !bytes.Contains(head, []byte("%PDF-")) {
		return pdfFacts{}, noPDF(errors.New("no header"))
	}
	staged, err := s.store.StageFile(ctx, actor, buffered)
	if err != nil {
		return pdfFacts{}, err
	}
	return s.pdfFacts(ctx, actor, staged)
}

func (s *server) pdfFacts(ctx context.Context, actor custody.Actor, staged store.StagedFile) (pdfFacts, error) {
	file, err := s.store.Staged(ctx, actor, staged.ID)
	if err != nil {
		return pdfFacts{}, err
	}
	opened, err := pdf.Open(file, file.Size)
	var pages int
	if err == nil {
		pages, err = opened.PageCount()
	}
	switch {
	case err == nil:
		return pdfFacts{staged, pages}, nil
	case pdf.IsKind(err, pdf.KindPasswordNeeded):
		return pdfFacts{StagedFile: staged}, nil // the signer has the password
	case pdf.IsKind(err, pdf.KindRead):
		return pdfFacts{}, err
	}
	return pdfFacts{}, noPDF(err)
}

// sendPDF sends a file to be saved, never to be shown inside this site.
func sendPDF(w http.ResponseWriter, file *store.DocumentFile) error {
	name := file.Name
	if name == "" {
		name = "van-ban.pdf" // its name was erased
	}
	if !strings.HasSuffix(strings.ToLower(name), ".pdf") {
		name += ".pdf"
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	return file.CopyTo(w)
}

// verdict is what is said of a signature in a file.
type verdict struct {
	Signer string
	Word   string // intact, broken, unclear
	Time   time.Time
	Stamp  bool // a time-stamp
}

// verdicts looks at the signatures of a document's file, one file at a time, without asking anybody else: whether each
// is intact and what it signs was left alone. Whose they are, and under which leave they were made, the log says.
func (s *server) verdicts(ctx context.Context, file *store.DocumentFile) ([]verdict, error) {
	select {
	case s.judging <- struct{}{}:
		defer func() { <-s.judging }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	report, err := validation.Validate(ctx, file, file.Size, validation.Options{Offline: true, Now: s.now})
	if err != nil {
		return nil, err
	}
	var list []verdict
	for _, signature := range report.Signatures {
		v := verdict{Signer: signature.Signer, Word: "unclear", Time: signature.ClaimedTime, Stamp: signature.Timestamp}
		switch {
		case signature.Indication == validation.TotalFailed:
			v.Word = "broken"
		case signature.LaterChanges == validation.ChangesNone || signature.LaterChanges == validation.ChangesPermitted:
			v.Word = "intact"
		}
		list = append(list, v)
	}
	return list, nil
}
