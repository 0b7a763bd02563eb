//go:build linux

package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// reader is a person who turns the pages of the log in a browser.
type reader struct {
	school   *school
	username string
	client   *http.Client
	think    time.Duration
	measure  *measurements
}

func newReader(s *school, username string, machine int, think time.Duration, m *measurements) (*reader, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &reader{school: s, username: username, think: think, measure: m,
		client: &http.Client{Jar: jar, Transport: s.tls.transport(machine), Timeout: 30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// signIn opens the session.
func (r *reader) signIn(ctx context.Context) error {
	form := strings.NewReader(url.Values{"username": {r.username}, "password": {password}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.school.url+"/sign-in", form)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("sign in as %s: %s", r.username, resp.Status)
	}
	return nil
}

var (
	olderLink = regexp.MustCompile(`href="(/log\?[^"]*from=[^"]*)" rel="next"`)
	entryLink = regexp.MustCompile(`href="(/log/[0-9]+)"`)
)

// read turns pages until stop ends: the newest, older ones, one entry, one type's.
func (r *reader) read(stop context.Context) {
	path, last := "/log", ""
	for sleep(stop, time.Duration(rand.Int64N(int64(2*r.think)+1))) {
		page, err := r.open(stop, path)
		if err == nil {
			last = page
		}
		path = r.next(last)
	}
}

// next chooses where the person goes from a page.
func (r *reader) next(page string) string {
	switch chance := rand.IntN(10); {
	case chance < 4:
		if found := olderLink.FindStringSubmatch(page); found != nil {
			return html.UnescapeString(found[1])
		}
	case chance < 7:
		if found := entryLink.FindAllStringSubmatch(page, -1); found != nil {
			return found[rand.IntN(len(found))][1]
		}
	case chance < 8:
		return "/log?type=signature"
	}
	return "/log"
}

func (r *reader) open(stop context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(stop, http.MethodGet, r.school.url+path, nil)
	if err != nil {
		return "", err
	}
	began := time.Now()
	resp, err := r.client.Do(req)
	var content []byte
	if err == nil {
		content, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %d", resp.StatusCode)
	}
	if stop.Err() != nil {
		return "", stop.Err() // broken off by the end of the run
	}
	r.measure.add(kindPage, time.Since(began), err)
	return string(content), err
}
