package validation

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// listenOn starts a server on another loopback address than 127.0.0.1.
func listenOn(t *testing.T, address string, h http.Handler) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err) // not on every system
	}
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// TestRedirectIntoPrivateNetwork: an address that may be asked sends on to one that may not, by number and by name.
// 127.0.0.1 stands for a public address here.
func TestRedirectIntoPrivateNetwork(t *testing.T) {
	asked := 0
	inner := listenOn(t, "127.0.0.2:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte("secret"))
	}))
	var to string
	outer := listenOn(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/direct" {
			_, _ = w.Write([]byte("public"))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	standIn := netip.MustParseAddr("127.0.0.1")
	client := newClient(func(a netip.Addr) bool { return a == standIn })
	opt := &Options{HTTP: client, AllowPrivate: true}
	if b, err := fetch(t.Context(), opt, outer.URL+"/direct", "", nil, 100); err != nil || string(b) != "public" {
		t.Fatalf("%q %v", b, err)
	}
	for _, to = range []string{inner.URL, outer.URL + "/again"} {
		if b, err := fetch(t.Context(), opt, outer.URL, "", nil, 100); err == nil {
			t.Errorf("%s: %q", to, b)
		} else if to == inner.URL && !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", to, err)
		}
	}
	for _, to = range []string{"file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/"} {
		if b, err := fetch(t.Context(), opt, outer.URL, "", nil, 100); err == nil || !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %q %v", to, b, err)
		}
	}
	if asked != 0 {
		t.Errorf("the private address was asked %d times", asked)
	}
	// The package's own client looks at the address that a name leads to.
	_, port, _ := net.SplitHostPort(outer.Listener.Addr().String())
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"} {
		_, err := fetch(t.Context(), &Options{}, "http://"+host+":"+port+"/direct", "", nil, 100)
		if err == nil || host != "2130706433" && !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if b, err := fetch(t.Context(), &Options{AllowPrivate: true}, outer.URL+"/direct", "", nil, 100); err != nil || string(b) != "public" {
		t.Errorf("with leave: %q %v", b, err)
	}
	if _, err := fetch(t.Context(), opt, outer.URL+"/direct", "", nil, 3); err == nil {
		t.Error("an answer that is too long was taken")
	}
}

// TestRequestsOfOneFile: a file does not make the network do any amount of work, and asks nobody twice who does not
// answer.
func TestRequestsOfOneFile(t *testing.T) {
	asked := 0
	s := listenOn(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		http.Error(w, "no", http.StatusServiceUnavailable)
	}))
	opt := &Options{AllowPrivate: true, network: &network{}}
	for range 5 {
		_, _ = fetch(t.Context(), opt, s.URL+"/same", "", nil, 100)
	}
	if asked != 1 {
		t.Errorf("the same was asked %d times", asked)
	}
	var err error
	for i := range 100 {
		_, err = fetch(t.Context(), opt, fmt.Sprint(s.URL, "/", i), "", nil, 100)
	}
	if asked != maxRequests || !errors.Is(err, errTooMany) {
		t.Errorf("%d requests, %v", asked, err)
	}
}
