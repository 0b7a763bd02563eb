package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/notices"
	"sokyso/custody/store"
	"sokyso/httpapi/look"
	"sokyso/httpapi/wire"
)

//go:embed static
var staticFiles embed.FS

const styleFile = "static/style.css"

// pageWords are the functions of the templates.
func pageWords(words *catalogue, told *notices.Words, lang string) template.FuncMap {
	return template.FuncMap{
		// t "key" "Name" value ...: the sentence with its parameters.
		"t": func(key string, pairs ...any) (string, error) {
			params := map[string]string{}
			for i := 0; i+1 < len(pairs); i += 2 {
				params[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
			}
			text, ok := words.find(lang, key, params)
			if !ok {
				return "", fmt.Errorf("no sentence %q in %s", key, lang)
			}
			return text, nil
		},
		// name "kind" value: the name of a value of a fixed set, or the value itself.
		"name": func(set string, value any) string {
			if text, ok := words.find(lang, set+"."+fmt.Sprint(value), nil); ok {
				return text
			}
			return fmt.Sprint(value)
		},
		// returned type: how an entry of the type reads when it is about a return; ""
		// for types that never are.
		"returned": func(typ any) string {
			if text, ok := words.find(lang, "return_type."+fmt.Sprint(typ), nil); ok {
				return text
			}
			return ""
		},
		// outcome: why a job in the background failed.
		"outcome": func(code string) string {
			if text, ok := words.find(lang, "job_outcome."+code, nil); ok {
				return text
			}
			return told.Error(lang, code)
		},
		"time": func(at time.Time) string {
			if at.IsZero() {
				return ""
			}
			return localTime(at)
		},
		// month "2026-10" and percent part whole.
		"month": func(month string) string {
			year, number, _ := strings.Cut(month, "-")
			return number + "/" + year
		},
		"percent": func(part, whole int64) string { return fmt.Sprintf("%.1f", 100*float64(part)/float64(max(whole, 1))) },
		"clock":   func(at time.Time) string { return at.In(custody.SchoolZone).Format("15:04") },
		"day":     func(at time.Time) string { return at.In(custody.SchoolZone).Format(dateLayout) },
		"written": writtenDay,
		// wrong problem "field": whether the form was sent back because of that field.
		"wrong": func(p *wire.Problem, field string) bool { return p != nil && p.Params["field"] == field },
		// form: a step's form with what its template needs besides.
		"form": func(f *stepForm, incident custody.IncidentID, p *wire.Problem) map[string]any {
			return map[string]any{"Form": f, "Incident": incident, "Problem": p}
		},
		"has": func(values []string, value any) bool { return slices.Contains(values, fmt.Sprint(value)) },
		"date": func(d custody.Date) string {
			day, err := time.Parse(time.DateOnly, string(d))
			if err != nil {
				return ""
			}
			return day.Format(dateLayout)
		},
		// megabytes size: as people write it in the language, never 0.
		"megabytes": func(size int64) string {
			text := strconv.FormatFloat(max(float64(size)/1e6, 0.1), 'f', 1, 64)
			if lang == languages[0] {
				text = strings.Replace(text, ".", ",", 1)
			}
			return text
		},
		// document facts: kind, number and symbol as people say them, "Thông báo 09/TB-MNHS".
		"document": documentTitle,
		"subject":  readableSubject,
		"lang":     func() string { return lang },
		"other": func() string {
			if lang == languages[0] {
				return languages[1]
			}
			return languages[0]
		},
	}
}

// documentTitle says what a document is; "" when nothing is known of it.
func documentTitle(kind, number, symbol string) string {
	if name := custody.KindName(kind); name != "" {
		kind = name
	}
	return custody.Document{Kind: kind, Number: number, Symbol: symbol}.Title()
}

// emailOfSubject is the e-mail attribute as RFC 4514 writes it for programs: hexadecimal DER.
var emailOfSubject = regexp.MustCompile(`1\.2\.840\.113549\.1\.9\.1=#([0-9a-f]+)`)

// readableSubject writes a certificate's name with its e-mail address in letters.
func readableSubject(name string) string {
	return emailOfSubject.ReplaceAllStringFunc(name, func(attribute string) string {
		der, err := hex.DecodeString(emailOfSubject.FindStringSubmatch(attribute)[1])
		var email string
		if err == nil {
			_, err = asn1.Unmarshal(der, &email)
		}
		if err != nil {
			return attribute
		}
		return "E-mail=" + email
	})
}

// view is what the layout and every page get.
type view struct {
	Name     string // of the page
	Menu     menu
	Style    string
	School   custody.School
	Me       store.Me
	Roles    custody.Roles
	SignedIn bool
	Here     string        // path and query, for the language switch
	Unread   int           // notices
	Notice   string        // told once, after something was done
	Problem  *wire.Problem // why the form was not taken
	Alarms   int           // that wait for an answer, for who manages the register
	Visit    *visitNote    // of who comes from the department
	Passkey  *passkeyAsk   // what the page asks the browser for by its script
	Content  any
}

const sessionNotice = "notice"

// show renders a page into a buffer and then sends it: a template that fails
// leaves no half of a page.
func (s *server) show(w http.ResponseWriter, r *http.Request, status int, name string, content any) error {
	return s.render(w, r, status, name, nil, content)
}

// showAgain sends a form back with what was wrong. An error that no change of the
// form can mend is returned.
func (s *server) showAgain(w http.ResponseWriter, r *http.Request, name string, content any, err error) error {
	if errors.Is(err, errPasskeyAsked) {
		return s.show(w, r, http.StatusOK, name, content)
	}
	state := requestOf(r.Context())
	problem, _ := s.problemOf(err, state.language)
	switch problem.Status {
	case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusForbidden, http.StatusTooManyRequests:
	case http.StatusUnauthorized:
		// These are about what was typed; others send to the sign-in page.
		if !slices.Contains([]string{wire.CodeWrongPassword, wire.CodeAccountEnded, wire.CodeFactorNeeded, wire.CodeFactorWrong}, problem.Code) {
			return err
		}
	default:
		return err
	}
	state.code, state.err = problem.Code, err
	return s.render(w, r, problem.Status, name, &problem, content)
}

func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, problem *wire.Problem, content any) error {
	state := requestOf(r.Context())
	page, err := s.pages.page(state.language, name)
	if err != nil {
		return err
	}
	here := r.URL.RequestURI()
	if r.Method != http.MethodGet {
		here = "/"
	}
	v := view{
		Name: name, Menu: menuOf(state.actor.Roles, name, s.menuPlace(state)), Style: s.style, School: s.school, Me: state.me, Roles: state.actor.Roles, SignedIn: state.actor.Person != "",
		Here: here, Problem: problem, Content: content, Passkey: state.passkey,
	}
	if v.SignedIn {
		if state.visiting() && s.department != nil {
			v.Visit = &visitNote{Department: s.department.School.Name, Back: strings.TrimRight(s.department.URL, "/") + "/schools"}
		}
		if unread, err := s.store.UnreadNotices(r.Context(), state.actor); err == nil {
			v.Unread = unread
		} else {
			state.note("unread_unknown", err.Error()) // no reason to show no page
		}
		v.Notice = s.sessions.PopString(r.Context(), sessionNotice)
		alarms, err := s.store.OpenAlarms(r.Context(), state.actor)
		if err != nil {
			state.note("alarms_not_counted", err.Error()) // the page itself may be the one that tells of it
		}
		v.Alarms = alarms
	}
	var buffer bytes.Buffer
	if err := page.Execute(&buffer, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	if v.Passkey != nil {
		allowScript(w)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", state.language)
	w.WriteHeader(status)
	if _, err := w.Write(buffer.Bytes()); err != nil {
		state.note("not_sent", err.Error())
	}
	return nil
}

// done tells what was done on the next page, and goes there.
func (s *server) done(w http.ResponseWriter, r *http.Request, where, key string, params map[string]string) error {
	s.sessions.Put(r.Context(), sessionNotice, s.words.sentence(requestOf(r.Context()).language, key, params))
	http.Redirect(w, r, where, http.StatusSeeOther)
	return nil
}

// pageHandler shows or does something for somebody signed in.
type pageHandler func(s *server, w http.ResponseWriter, r *http.Request, actor custody.Actor) error

// page wraps a handler: who is not signed in is sent to sign in and comes back to
// what was asked for.
func page(handle pageHandler) http.HandlerFunc {
	return answer(func(s *server, w http.ResponseWriter, r *http.Request) {
		actor, err := requestOf(r.Context()).signedIn()
		if errors.Is(err, error(errUnauthenticated)) {
			where := "/sign-in"
			if r.Method == http.MethodGet && r.URL.Path != "/" {
				where += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			http.Redirect(w, r, where, http.StatusSeeOther)
			return
		}
		if err == nil {
			err = handle(s, w, r, actor)
		}
		if err != nil {
			s.errorPage(w, r, err)
		}
	})
}

// permitted wraps a handler of a page that needs a permission. The store refuses what must
// be refused; this keeps the pages themselves from who has no use for them.
func permitted(needs custody.Permission, handle pageHandler) http.HandlerFunc {
	return page(func(s *server, w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
		if !actor.Roles.May(needs) {
			return custody.Forbidden("")
		}
		return handle(s, w, r, actor)
	})
}

// open wraps a handler that needs nobody signed in.
func open(handle func(s *server, w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return answer(func(s *server, w http.ResponseWriter, r *http.Request) {
		if err := handle(s, w, r); err != nil {
			s.errorPage(w, r, err)
		}
	})
}

// errorPage tells an error in a page of its own.
func (s *server) errorPage(w http.ResponseWriter, r *http.Request, err error) {
	state := requestOf(r.Context())
	problem, retry := s.problemOf(err, state.language)
	state.code, state.err = problem.Code, err
	if retry > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(retry.Seconds())))
	}
	content := struct {
		Problem wire.Problem
		Request string
	}{problem, state.id}
	if err := s.render(w, r, problem.Status, "error", nil, content); err != nil {
		state.err = errors.Join(state.err, err)
		http.Error(w, problem.Title, problem.Status)
	}
}

// styleSheet is the look that is shared with the signing desk, and the site's own after it.
func styleSheet() ([]byte, error) {
	own, err := staticFiles.ReadFile(styleFile)
	return slices.Concat(look.CSS, own), err
}

// serveStyle sends the style sheet, to be kept: its address changes with it.
func (s *server) serveStyle(w http.ResponseWriter, r *http.Request) {
	style, err := styleSheet()
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	http.ServeContent(w, r, styleFile, time.Time{}, bytes.NewReader(style))
}

// serveScript sends a script, which browsers ask for again each time.
func serveScript(name string) http.HandlerFunc {
	return answer(func(s *server, w http.ResponseWriter, r *http.Request) {
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			s.errorPage(w, r, err)
			return
		}
		sum := sha256.Sum256(content)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	})
}

// localPath returns where to go after signing in: a path of this site, or "/".
func localPath(next string) string {
	parsed, err := url.Parse(next)
	if err != nil || parsed.Scheme != "" || parsed.Host != "" || !strings.HasPrefix(parsed.Path, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// people returns everybody by id, as far as the actor may see them.
func (s *server) people(ctx context.Context, actor custody.Actor) ([]store.PersonRow, map[custody.PersonID]string, error) {
	rows, err := s.store.People(ctx, actor)
	if err != nil {
		return nil, nil, err
	}
	names := make(map[custody.PersonID]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return rows, names, nil
}
