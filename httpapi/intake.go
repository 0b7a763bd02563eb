package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// Bounds of what request bodies hold in memory together, however many come at once. Bodies of
// people who are not signed in are small, but for the file of a public check, which has turns
// of its own.
const (
	maxStranger     = 32 << 10 // a body of somebody who is not signed in
	maxBodies       = 32 << 20 // bodies of all others together, files apart
	transfers       = 16       // files that stream into the register at a time, a chunk of each in memory
	transfersByOne  = 4        // of one person
	heldFiles       = 2        // files at a time that are read into memory whole, of people who are signed in
	intakePatience  = 15 * time.Second
	intakeComeAgain = 5 * time.Second
)

// FloodMemory is what requests may hold in memory together, however many come: for who sets
// a limit for the process, and for the test that floods it. A connection counts with what
// the server, TLS and two goroutines keep for it.
func FloodMemory(connections int) int64 {
	const chunk = 1 << 20
	// A signed paper is in memory twice while it goes into the register.
	return publicReaders*(maxPublicFile+chunk) + heldFiles*2*store.MaxSignedPaper + transfers*2*chunk + maxBodies + int64(connections)*(64<<10+maxStranger)
}

// intake is what is being taken in.
type intake struct {
	bodies    *semaphore.Weighted
	transfers chan struct{}
	held      chan struct{}

	mu      sync.Mutex
	persons map[custody.PersonID]int // transfers under way
}

func newIntake() *intake {
	return &intake{bodies: semaphore.NewWeighted(maxBodies), transfers: make(chan struct{}, transfers), held: make(chan struct{}, heldFiles), persons: map[custody.PersonID]int{}}
}

var errIntakeFull = &failure{status: http.StatusServiceUnavailable, code: wire.CodeUnavailable, params: map[string]string{"reason": "too_much_at_once"}, retry: intakeComeAgain}

// takeIn bounds bodies by who sends them; it stands after identify.
func (s *server) takeIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody || isPublicCheck(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		actor, err := requestOf(r.Context()).signedIn()
		if err != nil {
			// Whole, before anything is made of it: huma takes an error of a reader for ours.
			content, unread := io.ReadAll(io.LimitReader(r.Body, maxStranger+1))
			if unread == nil && len(content) > maxStranger {
				// Who names themselves is told what is the matter with that, a key that is
				// good no more or a register that can't be asked now: an agent that hears
				// "too large" does not come again.
				if unread = err; !namesItself(r) {
					unread = &http.MaxBytesError{Limit: maxStranger}
				}
			}
			if unread != nil {
				s.answerError(w, r, unread)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(content))
			next.ServeHTTP(w, r)
			return
		}
		release, err := s.intake.enter(r, actor)
		if err != nil {
			s.answerError(w, r, err)
			return
		}
		defer release()
		next.ServeHTTP(w, r)
	})
}

// namesItself tells whether a request has a key or a session with it, good or not.
func namesItself(r *http.Request) bool {
	_, err := r.Cookie(sessionCookie)
	return err == nil || r.Header.Get("Authorization") != ""
}

// enter waits until there is room for a body of somebody who is signed in.
func (i *intake) enter(r *http.Request, actor custody.Actor) (release func(), err error) {
	if isTransfer(r.URL.Path) {
		return i.enterFile(r, actor.Person)
	}
	weight := r.ContentLength
	if weight < 0 || weight > maxRequest {
		weight = maxRequest // it ends there
	}
	patient, cancel := context.WithTimeout(r.Context(), intakePatience)
	defer cancel()
	if err := i.bodies.Acquire(patient, weight); err != nil {
		return nil, errIntakeFull
	}
	return func() { i.bodies.Release(weight) }, nil
}

func (i *intake) enterFile(r *http.Request, person custody.PersonID) (release func(), err error) {
	if !i.count(person) {
		return nil, errIntakeFull
	}
	turn := i.transfers
	if isHeldWhole(r.URL.Path) {
		turn = i.held
	}
	if err := takeTurn(r.Context(), turn); err != nil {
		i.uncount(person)
		if errors.Is(err, errRateLimited) {
			err = errIntakeFull
		}
		return nil, err
	}
	return func() { <-turn; i.uncount(person) }, nil
}

func (i *intake) count(person custody.PersonID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.persons[person] >= transfersByOne {
		return false
	}
	i.persons[person]++
	return true
}

func (i *intake) uncount(person custody.PersonID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.persons[person]--; i.persons[person] <= 0 {
		delete(i.persons, person)
	}
}

// gathered is a file in memory, in pieces as it came: growing one slice would hold it twice.
type gathered struct {
	pieces [][]byte
	size   int64
}

const gatheredPiece = 1 << 20

// gather reads all of r. What is longer than most is a [http.MaxBytesError].
func gather(r io.Reader, most int64) (*gathered, error) {
	g := &gathered{}
	for {
		piece := make([]byte, gatheredPiece)
		n, err := io.ReadFull(r, piece)
		if g.size += int64(n); g.size > most {
			return nil, &http.MaxBytesError{Limit: most}
		}
		if n > 0 {
			g.pieces = append(g.pieces, piece[:n:n])
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return g, nil
		case err != nil:
			return nil, err
		}
	}
}

func (g *gathered) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, piece := range g.pieces {
		h.Write(piece)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// ReadAt implements io.ReaderAt.
func (g *gathered) ReadAt(into []byte, at int64) (int, error) {
	if at < 0 {
		return 0, errors.New("gathered: negative offset")
	}
	n := 0
	for n < len(into) && at+int64(n) < g.size {
		from := at + int64(n)
		n += copy(into[n:], g.pieces[from/gatheredPiece][from%gatheredPiece:])
	}
	if n < len(into) {
		return n, io.EOF
	}
	return n, nil
}
