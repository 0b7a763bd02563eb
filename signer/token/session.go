package token

import (
	"sync"

	"github.com/miekg/pkcs11"
)

// maxSessions is how many signatures may be in the making at once on one token.
// A smart card does one at a time anyway; more only waits inside the module.
const maxSessions = 4

// sessions is the small pool of one token's sessions. A session is used by one
// call at a time, and never again after an error: the operation may still be
// active in it, or the whole session may be dead.
type sessions struct {
	library *library
	slot    uint
	serial  string

	permits chan struct{} // one per session that may be open

	mu         sync.Mutex
	idle       []pkcs11.SessionHandle
	generation uint64 // grows with each session thrown away: object handles found before are not trusted
}

func newSessions(l *library, info Info) *sessions {
	limit := maxSessions
	if info.Sessions > 0 {
		limit = min(limit, int(info.Sessions))
	}
	return &sessions{library: l, slot: info.Slot, serial: info.Serial, permits: make(chan struct{}, limit)}
}

// open opens a session, if the slot still holds the token that it held first:
// another one may have been plugged in, and it must never see this one's PIN.
func (s *sessions) open() (pkcs11.SessionHandle, error) {
	info, err := s.library.info(s.slot)
	if err != nil {
		return 0, err
	}
	if info.Serial != s.serial {
		return 0, &Error{Op: "open session", Kind: ErrTokenGone, Detail: "the slot holds another token now"}
	}
	session, err := s.library.context.OpenSession(s.slot, pkcs11.CKF_SERIAL_SESSION)
	return session, fail("open session", err)
}

// with runs f in a session of its own. Any error of f costs the session.
func (s *sessions) with(f func(session pkcs11.SessionHandle, generation uint64) error) error {
	s.permits <- struct{}{}
	defer func() { <-s.permits }()

	s.mu.Lock()
	generation := s.generation
	var session pkcs11.SessionHandle
	found := len(s.idle) > 0
	if found {
		session = s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
	}
	s.mu.Unlock()
	if !found {
		var err error
		if session, err = s.open(); err != nil {
			return err
		}
	}
	if err := f(session, generation); err != nil {
		s.replace(session)
		return err
	}
	s.mu.Lock()
	s.idle = append(s.idle, session)
	s.mu.Unlock()
	return nil
}

// replace throws a session away. The new one is opened first: when the last
// session of a token closes, the token logs out (PKCS#11 v2.40 §5.6).
func (s *sessions) replace(old pkcs11.SessionHandle) {
	fresh, err := s.open()
	_ = s.library.context.CloseSession(old) // a dead one can't be closed; nothing follows from it
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	if err == nil {
		s.idle = append(s.idle, fresh)
	}
}

// drain waits for the calls under way and closes all sessions; logout runs in
// one of them first.
func (s *sessions) drain(logout func(pkcs11.SessionHandle)) {
	for range cap(s.permits) {
		s.permits <- struct{}{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) > 0 && logout != nil {
		logout(s.idle[0])
	}
	for _, session := range s.idle {
		_ = s.library.context.CloseSession(session)
	}
	s.idle = nil
	for range cap(s.permits) {
		<-s.permits
	}
}
