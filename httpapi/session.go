package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"sokyso/custody"
	"sokyso/custody/store"
)

const sessionCookie = "sokyso"

// A session ends by itself a working day after the sign-in, and when nobody has used it
// for as long as somebody may be away from a desk.
const (
	sessionLifetime = 12 * time.Hour
	sessionIdle     = 2 * time.Hour
)

// agentKind is what a browser calls itself without its versions: an update in the middle
// of the day ends no session, another browser with the same cookie does. At most 500 bytes
// are looked at.
func agentKind(userAgent string) string {
	userAgent = userAgent[:min(len(userAgent), 500)]
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == '_' {
			return -1
		}
		return r
	}, userAgent)
}

// deviceNames are words for browsers and systems, by what stands in User-Agent; the first
// that is found counts, since most call themselves by several names.
var deviceNames = [2][]struct{ mark, word string }{
	{{"coc_coc", "coc_coc"}, {"Edg", "edge"}, {"OPR/", "opera"}, {"SamsungBrowser", "samsung"}, {"Firefox", "firefox"}, {"FxiOS", "firefox"},
		{"Chrome", "chrome"}, {"CriOS", "chrome"}, {"Safari", "safari"}, {"Go-http-client", "program"}},
	{{"iPhone", "ios"}, {"iPad", "ios"}, {"Android", "android"}, {"Windows", "windows"}, {"Mac OS", "macos"}, {"CrOS", "chromeos"}, {"Linux", "linux"}},
}

// deviceOf names browser and system, as chrome/windows; "other" for what is not known.
func deviceOf(userAgent string) string {
	words := [2]string{"other", "other"}
	for i, names := range deviceNames {
		for _, name := range names {
			if strings.Contains(userAgent, name.mark) {
				words[i] = name.word
				break
			}
		}
	}
	return words[0] + "/" + words[1]
}

// beginSession signs an account in, which came in that way.
func (s *server) beginSession(ctx context.Context, account store.Account, origin custody.SessionOrigin) error {
	return s.begin(ctx, account, origin, "", sessionLifetime)
}

// begin gives the session a new name, since one that was planted before must be worth
// nothing, and makes it the account's. home is the session at the department that it ends
// with, "" for none.
func (s *server) begin(ctx context.Context, account store.Account, origin custody.SessionOrigin, home string, lifetime time.Duration) error {
	if old := s.sessions.Token(ctx); old != "" {
		if err := s.store.EndSessionOf(ctx, old); err != nil {
			return err
		}
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	agent, now := requestOf(ctx).agent, time.Now()
	if err := s.store.BeginSession(ctx, s.school.ID, store.NewSession{Person: account.PersonID, Cookie: s.sessions.Token(ctx), Device: deviceOf(agent), Agent: agentKind(agent),
		Address: middleware.GetClientIP(ctx), BeganAt: now, Expires: now.Add(lifetime), Origin: origin, Home: home}); err != nil {
		return err
	}
	s.sessions.Put(ctx, sessionPerson, string(account.PersonID))
	s.sessions.Put(ctx, sessionPassword, account.ChangedAt.UnixMicro())
	return nil
}

// endSession ends the session of the request.
func (s *server) endSession(ctx context.Context) error {
	if token := s.sessions.Token(ctx); token != "" {
		if err := s.store.EndSessionOf(ctx, token); err != nil {
			return err
		}
	}
	return s.sessions.Destroy(ctx)
}

// doSignOut handles "POST /sign-out".
func (s *server) doSignOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.endSession(r.Context()); err != nil {
		return err
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}
