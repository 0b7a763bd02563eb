package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
)

// public serves the school at a name that passkeys can be of, and returns it.
func (s *school) public() string {
	s.TB.Helper()
	address, err := url.Parse(s.server.URL)
	if err != nil {
		s.TB.Fatal(err)
	}
	public := "http://localhost:" + address.Port()
	handler, err := httpapi.New(httpapi.Config{Store: s.Store, Now: s.Clock.Now, Revocation: httpapi.RevocationOff, PublicURL: public})
	if err != nil {
		s.TB.Fatal(err)
	}
	s.server.Config.Handler = handler
	return public
}

// The sign-in page puts a question of a passkey that only the same browser answers, once and
// in time. Nothing is written when it is put.
func TestPasskeyInTheNameField(t *testing.T) {
	for _, database := range storetest.Databases() {
		t.Run(database, func(t *testing.T) {
			s := newSchool(t, storetest.Open(t, database), httpapi.Config{})
			public := s.public()
			newVisitor := func() *visitor {
				v := s.visitor(t)
				v.base = public
				return v
			}
			owner, d := newVisitor(), newDevice(t)
			d.origin = public
			owner.signIn(s.deputy)
			owner.addPasskey(d)
			rows := func() (n int) {
				t.Helper()
				if err := s.DB().Get(&n, `SELECT COUNT(*) FROM passkey_challenges`); err != nil {
					t.Fatal(err)
				}
				return n
			}
			before, v := rows(), newVisitor()
			resp, err := v.http.Get(public + "/sign-in")
			if err != nil {
				t.Fatal(err)
			}
			policy, cookies := resp.Header.Get("Content-Security-Policy"), resp.Cookies()
			_, page := v.read(resp)
			if !strings.HasSuffix(policy, "; script-src "+public+"/static/passkey_field.js; require-trusted-types-for 'script'; trusted-types 'none'") || strings.Count(page, "<script") != 1 ||
				!strings.Contains(page, `autocomplete="username webauthn"`) || !strings.Contains(page, `integrity="sha256-`) {
				t.Errorf("%s\n%s", policy, page)
			}
			if len(cookies) != 1 || cookies[0].Name != "sokyso_asked" || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || len(cookies[0].Value) < 26 {
				t.Errorf("cookies %v", cookies)
			}
			if o := optionsOf(t, page); o.Verification != "required" || o.RPID != "localhost" || len(o.Allowed) != 0 {
				t.Errorf("asked %+v", o)
			}
			if now := rows(); now != before {
				t.Errorf("a look at the page left %d rows", now-before)
			}
			enter := func(v *visitor, answer string) (int, string) {
				t.Helper()
				resp, page := v.post("/sign-in/passkey/field", url.Values{"passkey": {answer}, "next": {"/hand-overs"}})
				if resp.StatusCode == http.StatusSeeOther && resp.Header.Get("Location") != "/hand-overs" {
					t.Errorf("goes to %q", resp.Header.Get("Location"))
				}
				return resp.StatusCode, page
			}
			good := d.get(page)
			// Not before the question's own browser answered: another one, and one with no cookie.
			for _, other := range []*visitor{newVisitor(), newVisitor()} {
				if status, page := enter(other, good); status != http.StatusOK || !strings.Contains(page, `data-kind="get"`) {
					t.Errorf("another browser: %d\n%s", status, page)
				}
				other.out("another browser's question")
				other.get("/sign-in")
			}
			if status, page := enter(v, good); status != http.StatusSeeOther {
				t.Fatalf("the answer: %d\n%s", status, page)
			}
			if status, page := v.get("/hand-overs"); status != http.StatusOK || !strings.Contains(page, s.deputy.name) {
				t.Errorf("signed in as somebody else: %d", status)
			}
			// Again, as from a copied request: asked anew, and the passkey is not taken for copied.
			v.post("/sign-out", nil)
			if status, _ := enter(v, good); status != http.StatusOK {
				t.Errorf("the answer again: %d", status)
			}
			v.out("the answer again")
			if keys, err := s.Passkeys(ctx, s.School.ID, s.deputy.actor.Person); err != nil || len(keys) != 1 {
				t.Errorf("after the answer again: %v, %v", keys, err)
			}

			for what, c := range map[string]struct {
				change func(challenge []byte, forged *device)
				status int
			}{
				"a changed question":        {func(q []byte, _ *device) { q[9] ^= 1 }, http.StatusOK},
				"a later time":              {func(q []byte, _ *device) { q[6]++ }, http.StatusOK},
				"another sum":               {func(q []byte, _ *device) { q[len(q)-1] ^= 1 }, http.StatusOK},
				"another key":               {func(_ []byte, f *device) { f.key = newDevice(t).key }, http.StatusUnauthorized},
				"another origin":            {func(_ []byte, f *device) { f.origin = "https://sokyso.example" }, http.StatusUnauthorized},
				"nobody verified":           {func(_ []byte, f *device) { f.flags = 0x01 }, http.StatusUnauthorized},
				"a credential of nobody":    {func(_ []byte, f *device) { f.id = []byte("không của ai") }, http.StatusUnauthorized},
				"too late":                  {func([]byte, *device) { s.Clock.Advance(store.PasskeyQuestionLifetime) }, http.StatusOK},
				"a question that was bound": {func(q []byte, _ *device) { copy(q, make([]byte, 8)) }, http.StatusOK},
			} {
				s.Clock.Advance(2 * time.Minute)
				v, forged := newVisitor(), *d
				_, page := v.get("/sign-in")
				question, err := base64.RawURLEncoding.DecodeString(optionsOf(t, page).Challenge)
				if err != nil {
					t.Fatal(err)
				}
				c.change(question, &forged)
				forged.count++
				if status, page := enter(v, forged.sign(base64.RawURLEncoding.EncodeToString(question))); status != c.status {
					t.Errorf("%s: %d\n%s", what, status, page)
				}
				v.out(what)
			}
			for _, junk := range []string{"", "{}", "null", strings.Repeat("{", 1000)} {
				if status, _ := enter(newVisitor(), junk); status != http.StatusUnauthorized {
					t.Errorf("%.20q: %d", junk, status)
				}
			}

			// The page of another address of the same service asks for nothing.
			elsewhere := s.visitor(t)
			if _, page := elsewhere.get("/sign-in"); strings.Contains(page, "<script") || strings.Contains(page, "webauthn") {
				t.Errorf("at another address:\n%s", page)
			}
			s.CheckLog()
		})
	}
}
