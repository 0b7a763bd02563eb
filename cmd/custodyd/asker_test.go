package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// asked is what somebody saw who asked for a page again and again.
type asked struct {
	Took   []time.Duration // sorted
	Failed []string
}

// share is the time within which that share was answered.
func (a asked) share(of float64) time.Duration {
	if len(a.Took) == 0 {
		return time.Hour
	}
	return a.Took[min(len(a.Took)-1, int(of*float64(len(a.Took))))]
}

// ask is a program of its own, "asker FROM SECONDS URL...": every 100 ms it asks for each page
// by a connection that it makes from an address, until its time is over, and prints what it
// saw of each. It is apart from the test, whose own work would else be taken for the service's.
func ask() {
	var seconds float64
	if _, err := fmt.Sscan(os.Args[2], &seconds); err != nil {
		panic(err)
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(os.Args[1])}}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	all := make([]asked, len(os.Args)-3)
	for begin := time.Now(); time.Since(begin).Seconds() < seconds; time.Sleep(100 * time.Millisecond) {
		for i, url := range os.Args[3:] {
			start := time.Now()
			if err := take(client, url); err != nil {
				all[i].Failed = append(all[i].Failed, err.Error())
				continue
			}
			all[i].Took = append(all[i].Took, time.Since(start))
		}
	}
	for i := range all {
		slices.Sort(all[i].Took)
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		panic(err)
	}
	os.Exit(0)
}

func take(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// startAsker starts an asker; what it saw of each page comes when its time is over.
func startAsker(t *testing.T, from string, during time.Duration, urls ...string) <-chan []asked {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "asker")
	if err := os.Symlink(own, program); err != nil {
		t.Fatal(err)
	}
	out := make(chan []asked, 1)
	go func() {
		seen := make([]asked, len(urls))
		content, err := exec.Command(program, append([]string{from, fmt.Sprint(during.Seconds())}, urls...)...).Output()
		if err == nil {
			err = json.Unmarshal(content, &seen)
		}
		if err != nil {
			seen[0].Failed = append(seen[0].Failed, err.Error())
		}
		out <- seen
	}()
	return out
}
