package httpapi_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sokyso/custody/store"
	"sokyso/httpapi"
)

// from sends what the visitor asks from an address and a browser.
type from struct {
	next           http.RoundTripper
	address, agent string
}

func (f *from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	r.Header.Set("User-Agent", f.agent)
	return f.next.RoundTrip(r)
}

const (
	chrome  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	android = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
)

func (s *school) visitorFrom(t *testing.T, address, agent string) (*visitor, *from) {
	t.Helper()
	v := s.visitor(t)
	f := &from{http.DefaultTransport, address, agent}
	v.http.Transport = f
	return v, f
}

// TestSignIns: a person sees where they are signed in, and ends one place or all others.
func TestSignIns(t *testing.T) {
	s := sqlite(t, httpapi.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	office, _ := s.visitorFrom(t, "113.161.10.20", chrome)
	phone, _ := s.visitorFrom(t, "27.72.5.6", android)
	third, _ := s.visitorFrom(t, "27.72.5.7", android)
	for _, v := range []*visitor{office, phone, third} {
		v.signIn(s.principal)
	}
	status, page := office.get("/sign-ins")
	for _, want := range []string{"Chrome · Windows", "Samsung Internet · Android", "113.161.10.20", "27.72.5.6", "Nơi bạn đang dùng"} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Fatalf("%d, without %q:\n%s", status, want, page)
		}
	}
	other, _ := s.visitorFrom(t, "113.161.10.20", chrome)
	other.signIn(s.deputy)
	ends := regexp.MustCompile(`action="(/sign-ins/[0-9a-f-]{36}/end)"`).FindAllStringSubmatch(page, -1)
	if len(ends) != 2 {
		t.Fatalf("%d places can be ended", len(ends))
	}
	if resp, _ := other.post(ends[0][1], nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else ended a session: %s", resp.Status)
	}
	if resp, _ := office.post(ends[0][1], nil); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("end: %s", resp.Status)
	}
	signedIn := func(v *visitor) bool {
		status, _ := v.get("/sign-ins")
		return status == http.StatusOK
	}
	if signedIn(phone) == signedIn(third) {
		t.Error("one of two was to be ended")
	}
	if resp, _ := office.post("/sign-ins/end-others", nil); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("end others: %s", resp.Status)
	}
	if signedIn(phone) || signedIn(third) || !signedIn(office) || !signedIn(other) {
		t.Error("others were to end, and no more")
	}

	// Who runs the register signs a person out; others can't.
	path := "/people/" + string(s.principal.actor.Person) + "/sign-ins/end"
	if resp, _ := other.post(path, nil); resp.StatusCode == http.StatusSeeOther || !signedIn(office) {
		t.Errorf("the deputy signed the principal out: %s", resp.Status)
	}
	admin, _ := s.visitorFrom(t, "113.161.10.20", chrome)
	admin.signIn(s.admin)
	if resp, _ := admin.post(path, nil); resp.StatusCode != http.StatusSeeOther || signedIn(office) || !signedIn(admin) {
		t.Errorf("the admin signs the principal out: %s", resp.Status)
	}
}

// TestAStolenSession: the cookie is worth nothing in another browser or another network, and
// after the attempt nothing at its own place either.
func TestAStolenSession(t *testing.T) {
	for name, thief := range map[string]from{
		"another network":   {address: "171.250.1.1", agent: chrome},
		"another browser":   {address: "113.161.10.20", agent: android},
		"IPv6 from nowhere": {address: "2001:db8::1", agent: chrome},
	} {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			owner, place := s.visitorFrom(t, "113.161.10.20", chrome)
			owner.signIn(s.principal)
			if status, _ := owner.get("/tokens"); status == http.StatusSeeOther {
				t.Fatal("the owner is not signed in")
			}
			place.address = "113.161.99.3" // the provider's next address
			if status, _ := owner.get("/"); status != http.StatusOK {
				t.Fatalf("within the same network: %d", status)
			}
			place.address, place.agent = thief.address, thief.agent
			if status, _ := owner.get("/"); status != http.StatusSeeOther {
				t.Errorf("stolen: %d", status)
			}
			if resp, _ := owner.post("/password", url.Values{"present": {"x"}}); !strings.HasPrefix(resp.Header.Get("Location"), "/sign-in") {
				t.Errorf("stolen, a form: %s to %q", resp.Status, resp.Header.Get("Location"))
			}
			place.address, place.agent = "113.161.10.20", chrome
			if status, _ := owner.get("/"); status != http.StatusSeeOther {
				t.Errorf("after the attempt: %d", status)
			}
		})
	}
}

// TestSignInsEnd by themselves: unused, and after a day's work.
func TestSignInsEnd(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	v := s.visitor(t)
	v.signIn(s.principal)
	for range 5 {
		s.Clock.Advance(store.SignInIdle - time.Minute)
		if status, _ := v.get("/"); status != http.StatusOK {
			t.Fatalf("used all the while: %d", status)
		}
	}
	s.Clock.Advance(store.SignInTime - 5*(store.SignInIdle-time.Minute))
	if status, _ := v.get("/"); status != http.StatusSeeOther {
		t.Errorf("after %v: %d", store.SignInTime, status)
	}
	v.signIn(s.principal)
	s.Clock.Advance(store.SignInIdle)
	if status, _ := v.get("/"); status != http.StatusSeeOther {
		t.Errorf("unused for %v: %d", store.SignInIdle, status)
	}
}
