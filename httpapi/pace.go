package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"sokyso/httpapi/wire"
)

// A body must come, and an answer be taken, at a pace, or its connection ends: who sends a
// byte a second holds a connection for seconds, not for as long as a request may last. The
// slowest line that a school has is a hundred times as fast.
const (
	paceFirst = 8 * time.Second // however little is sent
	paceRate  = 4 << 10         // bytes a second after that
	pacePiece = 16 << 10        // of an answer
)

func paceOf(bytes int64) time.Duration {
	return paceFirst + time.Duration(bytes)*time.Second/paceRate
}

// paced is the two directions of one request on its connection, whose own deadlines it moves.
// until is when the request ends at any pace.
type paced struct {
	http.ResponseWriter
	body    io.ReadCloser
	control *http.ResponseController
	until   time.Time
	taken   int64         // bytes of the body
	waited  time.Duration // for them
	ends    bool          // there is a body,
	whole   bool          // it was read to its end,
	cut     bool          // or it ended before
}

// errCut is a body that came too slowly, or whose sender went away.
var errCut = &failure{status: http.StatusBadRequest, code: wire.CodeInvalid, params: map[string]string{"field": "body", "reason": "request_cut"}}

// pace puts a pace onto a request and its answer. A writer that knows no deadlines, as in a
// test without a server, has none to move.
func pace(w http.ResponseWriter, r *http.Request, until time.Time) *paced {
	p := &paced{ResponseWriter: w, body: r.Body, control: http.NewResponseController(w), until: until}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body, p.ends = pacedBody{p}, true
	}
	p.writeWithin(0)
	return p
}

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *paced) sooner(at time.Time) time.Time {
	if at.After(p.until) {
		return p.until
	}
	return at
}

func (p *paced) writeWithin(bytes int) {
	// An error is of a connection that is gone, which shows when it is used.
	_ = p.control.SetWriteDeadline(p.sooner(time.Now().Add(paceOf(int64(bytes)))))
}

// Write implements http.ResponseWriter. What is long goes in pieces, each with its time: the
// system takes the first megabytes at once, whoever reads.
func (p *paced) Write(b []byte) (int, error) {
	written := 0
	for {
		piece := b[written:min(written+pacePiece, len(b))]
		p.writeWithin(len(piece))
		n, err := p.ResponseWriter.Write(piece)
		if written += n; err != nil || written == len(b) {
			return written, err
		}
	}
}

// answered gives what is still buffered its time, and the rest of a body that nobody read.
func (p *paced) answered() {
	p.writeWithin(0)
	if p.ends && !p.whole && !p.cut {
		_ = p.control.SetReadDeadline(p.sooner(time.Now().Add(paceFirst)))
	}
}

type pacedBody struct{ *paced }

// Read implements io.Reader. Time in which nobody reads is not the sender's.
func (b pacedBody) Read(into []byte) (int, error) {
	p := b.paced
	begin := time.Now()
	_ = p.control.SetReadDeadline(p.sooner(begin.Add(paceOf(p.taken) - p.waited)))
	n, err := p.body.Read(into)
	p.taken += int64(n)
	p.waited += time.Since(begin)
	switch {
	case errors.Is(err, io.EOF):
		p.whole = true
		// The server goes on looking whether the client is still there, while the request is
		// worked on: that is no slow body.
		_ = p.control.SetReadDeadline(p.until)
	case err != nil:
		p.cut = true // and the deadline stays: the rest is not waited for
		err = fmt.Errorf("%w: %w", errCut, err)
	}
	return n, err
}

// Close implements io.Closer.
func (b pacedBody) Close() error { return b.body.Close() }
