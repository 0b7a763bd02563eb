package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// What a session holds: whose it is, and when the password was set that it began
// with (microseconds since 1970). A session of an older password is none.
const (
	sessionPerson   = "person"
	sessionPassword = "password_set"
)

// identify finds out who sends the request: by API key, else by session. That
// nobody is signed in is no error here; who needs an actor asks for it.
func (s *server) identify(next http.Handler) http.Handler {
	withSession := s.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state := requestOf(r.Context())
		via := custody.ViaPage
		if isAPI(r) {
			via = custody.ViaAPI
		}
		state.actor, state.me, state.authErr = s.sessionActor(r.Context(), via)
		if state.authErr == nil && state.visiting() && !visitorMay(r) {
			state.authErr = custody.Forbidden(custody.ReasonVisitReads)
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Get("Authorization")
		if header == "" || !isAPI(r) {
			withSession.ServeHTTP(w, r)
			return
		}
		state := requestOf(r.Context())
		key, ok := strings.CutPrefix(header, "Bearer ")
		if !ok || key == "" {
			state.authErr = errUnauthenticated
		} else if strings.HasPrefix(key, store.ProgramKeyPrefix) {
			state.actor, state.authErr = s.store.ActorByProgramKey(r.Context(), key)
		} else if state.actor, state.authErr = s.store.ActorByAPIKey(r.Context(), key); errors.Is(state.authErr, custody.ErrNotFound) {
			state.authErr = errUnauthenticated
		}
		if state.authErr == nil && state.actor.School != s.school.ID {
			state.actor, state.authErr = custody.Actor{}, errUnauthenticated // a key of another school on this database
		}
		// scs panics when a handler asks for a session that was never loaded.
		ctx, err := s.sessions.Load(r.Context(), "")
		if err != nil {
			s.answerError(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *server) sessionActor(ctx context.Context, via custody.Via) (custody.Actor, store.Me, error) {
	person := custody.PersonID(s.sessions.GetString(ctx, sessionPerson))
	if person == "" {
		return custody.Actor{}, store.Me{}, errUnauthenticated
	}
	// The true time, by which the cookie ends too.
	session, err := s.store.SessionAccount(ctx, s.school.ID, s.sessions.Token(ctx), agentKind(requestOf(ctx).agent), time.Now(), sessionIdle)
	if errors.Is(err, custody.ErrNotFound) || err == nil && (session.PersonID != person || session.ChangedAt.UnixMicro() != s.sessions.GetInt64(ctx, sessionPassword)) {
		err = errUnauthenticated
	}
	if err != nil {
		return custody.Actor{}, store.Me{}, err
	}
	actor, me, err := s.store.ActorOf(ctx, s.school.ID, person, via)
	if err != nil {
		return custody.Actor{}, store.Me{}, err
	}
	requestOf(ctx).session = session
	if session.Origin == custody.OriginDepartment {
		actor.Roles = custody.Roles{Department: actor.Roles.Department} // and no other that somebody may have given them
	}
	return actor, me, nil
}

// signedIn returns who sends the request, or why that is not known.
func (q *request) signedIn() (custody.Actor, error) {
	if q.authErr != nil {
		return custody.Actor{}, q.authErr
	}
	if q.actor.Person == "" && q.actor.Via != custody.ViaProgram {
		return custody.Actor{}, errUnauthenticated
	}
	return q.actor, nil
}

// signIn checks the password, and the code where the account has a second factor, and
// puts the person into a session.
func (s *server) signIn(ctx context.Context, username, password, code string, via custody.Via) (store.Me, custody.Actor, error) {
	account, err := s.account(ctx, username, password)
	if err != nil {
		return store.Me{}, custody.Actor{}, err
	}
	origin := custody.OriginFactor
	if err := s.checkFactor(ctx, account.PersonID, code); err == error(errFactorUnset) {
		origin = custody.OriginPassword
	} else if err != nil {
		return store.Me{}, custody.Actor{}, err
	}
	return s.signInAs(ctx, account, origin, via)
}

// signInAs puts the person of an account, who came in that way, into a session.
func (s *server) signInAs(ctx context.Context, account store.Account, origin custody.SessionOrigin, via custody.Via) (store.Me, custody.Actor, error) {
	actor, me, err := s.store.ActorOf(ctx, s.school.ID, account.PersonID, via)
	if err != nil {
		return store.Me{}, custody.Actor{}, err
	}
	if err := s.beginSession(ctx, account, origin); err != nil {
		return store.Me{}, custody.Actor{}, err
	}
	state := requestOf(ctx)
	state.actor, state.me, state.authErr = actor, me, nil
	return me, actor, nil
}
