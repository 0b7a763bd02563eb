//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// waitingBrowser is a browser at the school's page to sign in.
type waitingBrowser struct {
	http *http.Client
	base string
}

// newWaitingBrowser is one whose requests come from that address of this machine.
func newWaitingBrowser(base, address string) (*waitingBrowser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &waitingBrowser{base: base, http: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

func (b *waitingBrowser) send(method, path string, form url.Values) (int, string, error) {
	req, err := http.NewRequest(method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0")
	resp, err := b.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(content), err
}

var (
	codeOnPage  = regexp.MustCompile(`id="token-code">([0-9A-Z]{8})<`)
	sixOfNumber = regexp.MustCompile(`"number": "([0-9]{6})"`)
)

// scriptBrowser is the browser of a person who signs in by their token: "browser wait
// [ADDRESS]" opens the page and sets CODE, "browser type" types the number of the last
// --json output, "browser in" and "browser out" look whether it is signed in.
func scriptBrowser(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("use: browser wait [ADDRESS] | type | in | out")
	}
	s := schoolOf(ts)
	switch args[0] {
	case "wait":
		address := "127.0.0.1"
		if len(args) == 2 {
			address = args[1]
		}
		var err error
		s.browser, err = newWaitingBrowser(s.url, address)
		ts.Check(err)
		status, page, err := s.browser.send(http.MethodPost, "/sign-in/token", url.Values{})
		ts.Check(err)
		found := codeOnPage.FindStringSubmatch(page)
		if found == nil {
			ts.Fatalf("no code is shown: %d\n%s", status, page)
		}
		ts.Setenv("CODE", found[1])
	case "type":
		found := sixOfNumber.FindStringSubmatch(ts.ReadFile("stdout"))
		if found == nil {
			ts.Fatalf("no number in the output")
		}
		status, page, err := s.browser.send(http.MethodPost, "/sign-in/token/finish", url.Values{"number": {found[1]}})
		ts.Check(err)
		if status != http.StatusSeeOther {
			ts.Fatalf("the number is not taken: %d\n%s", status, page)
		}
	case "in", "out":
		status, _, err := s.browser.send(http.MethodGet, "/sessions", nil)
		ts.Check(err)
		if want := map[string]int{"in": http.StatusOK, "out": http.StatusSeeOther}[args[0]]; status != want {
			ts.Check(fmt.Errorf("the page answers %d, want %d", status, want))
		}
	default:
		ts.Fatalf("use: browser wait [ADDRESS] | type | in | out")
	}
}
