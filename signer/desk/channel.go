package desk

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sokyso/signer/agent"
)

// The channel is how another start of the program ("signagent open sokyso:…", the menu of a file manager) reaches the
// desk that is running: one call on the desk's own address, with a secret of this start that lies in the state folder,
// where only this person's programs read it. It is another secret than the pages': it opens documents and nothing else.
const (
	channelName = "desk-running.json"
	channelPath = "/channel/open"
	maxChannel  = 16 << 10 // bytes of the file and of a call
)

type channel struct {
	URL    string `json:"url"`
	Secret string `json:"secret"`
	PID    int    `json:"pid"`
}

// opening is what the channel takes: an invitation of the custody site, or files of this computer by their paths.
type opening struct {
	Invitation string   `json:"invitation,omitempty"`
	Files      []string `json:"files,omitempty"`
}

// Announce writes where the running desk is, after Listen, and returns what takes it back.
func (d *Desk) Announce() (withdraw func(), err error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	d.channelSecret = base64.RawURLEncoding.EncodeToString(secret)
	content, err := json.Marshal(channel{URL: "http://" + d.host, Secret: d.channelSecret, PID: os.Getpid()})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.cfg.Agent.Home, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(d.cfg.Agent.Home, channelName)
	file, err := os.CreateTemp(d.cfg.Agent.Home, ".sokyso-*.tmp") // 0600 from its first moment
	if err != nil {
		return nil, err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return nil, errors.Join(err, os.Remove(file.Name()))
	}
	return func() {
		if found, err := readChannel(d.cfg.Agent.Home); err == nil && found.Secret == d.channelSecret {
			_ = os.Remove(path) // a later desk's announcement stays
		}
	}, nil
}

func readChannel(home string) (channel, error) {
	file, err := os.Open(filepath.Join(home, channelName))
	if err != nil {
		return channel{}, err
	}
	defer file.Close()
	var c channel
	if err := json.NewDecoder(io.LimitReader(file, maxChannel)).Decode(&c); err != nil {
		return channel{}, err
	}
	at, err := url.Parse(c.URL)
	if err != nil || at.Scheme != "http" {
		return channel{}, fmt.Errorf("address %.60q of the running desk", c.URL)
	}
	if ip := net.ParseIP(at.Hostname()); ip == nil || !ip.IsLoopback() {
		return channel{}, fmt.Errorf("address %.60q of the running desk", c.URL)
	}
	return c, nil
}

// HandOver hands an invitation or files to the desk that is running for this state folder. False: none answers, and
// this program has to be the desk itself.
func HandOver(ctx context.Context, home, invitation string, files []string) (bool, error) {
	c, err := readChannel(home)
	if err != nil {
		return false, nil
	}
	body, err := json.Marshal(opening{invitation, files})
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+channelPath, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Secret)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{Proxy: nil}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return false, nil // it ended without taking its announcement back
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusUnauthorized, http.StatusMisdirectedRequest, http.StatusNotFound:
		return false, nil // another program has the port now
	}
	var told failure
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxChannel)).Decode(&told); err != nil || told.Message == "" {
		return false, fmt.Errorf("the running desk answers %s", resp.Status)
	}
	return true, errors.New(told.Message)
}

// postChannel opens what another start of the program was asked to open, and shows the desk.
func (d *Desk) postChannel(w http.ResponseWriter, r *http.Request) {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || d.channelSecret == "" || subtle.ConstantTimeCompare([]byte(given), []byte(d.channelSecret)) != 1 {
		d.refuse(w, http.StatusUnauthorized, "secret")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxChannel)
	var asked opening
	if err := read(r, &asked); err != nil {
		d.fail(w, err)
		return
	}
	for _, file := range asked.Files {
		if err := d.Open(file); err != nil {
			d.fail(w, err)
			return
		}
	}
	if asked.Invitation != "" {
		if err := d.Accept(context.WithoutCancel(r.Context()), asked.Invitation); err != nil {
			d.fail(w, err)
			return
		}
	}
	if d.cfg.Show != nil {
		d.cfg.Show(d.URL())
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

// Accept begins to fetch the document of an invitation; the page tells how far it is. The address of a browser that is
// to be signed in is kept for the page.
func (d *Desk) Accept(ctx context.Context, invitation string) error {
	if agent.IsSignIn(invitation) {
		return d.acceptSignIn(invitation)
	}
	_, err := d.beginFetch(ctx, openWaiting{Invitation: invitation})
	return err
}
