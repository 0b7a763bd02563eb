package agent

import (
	"context"
	"crypto"
	"crypto/rand"
	"net/http"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer/cms"
)

const (
	// clockTolerance is how far the clock may be off before it is worth a word: the
	// time of signing is the computer's.
	clockTolerance = 30 * time.Second
	// clockLimit is from when on signatures would carry a wrong time.
	clockLimit = 5 * time.Minute
	// timestampPatience bounds the one request for a time-stamp.
	timestampPatience = 20 * time.Second
)

func (d *doctor) service(ctx context.Context) {
	pairing, err := ReadPairing(d.Home)
	if err == nil && pairing == nil {
		err = fail("not_paired", nil)
	}
	if err != nil {
		d.bad("pairing", err)
		return
	}
	d.findings.pairing = pairing
	clock := &clockReader{next: d.HTTP}
	client, err := wire.NewClient(wire.ClientConfig{URL: pairing.URL, APIKey: pairing.APIKey,
		Language: d.Catalogue.Language, HTTP: clock, Attempts: 2})
	if err != nil {
		d.bad("pairing", err)
		return
	}
	if err := client.Health(ctx); err != nil {
		d.bad("service", err)
		return
	}
	d.good("service", "url", pairing.URL)
	if _, err := client.Me(ctx); err != nil {
		d.bad("pairing", err)
	} else {
		d.good("pairing", "school", pairing.School, "name", pairing.Person)
	}
	if clock.at.IsZero() {
		d.finding("clock", VerdictWarn, "clock_unknown")
		return
	}
	d.clock("clock", clock.at)
}

// clock compares this computer's time with another's.
func (d *doctor) clock(name string, at time.Time) {
	off := d.Now().Sub(at).Abs()
	seconds := decimal(int64(off.Round(time.Second) / time.Second))
	switch {
	case off > clockLimit:
		d.finding(name, VerdictFail, name+"_off", "seconds", seconds)
	case off > clockTolerance:
		d.finding(name, VerdictWarn, name+"_off", "seconds", seconds)
	default:
		d.good(name, "seconds", seconds)
	}
}

// timestamp asks the time-stamp service for one, over a number that means nothing.
func (d *doctor) timestamp(ctx context.Context) {
	if d.TSA == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timestampPatience)
	defer cancel()
	digest := make([]byte, crypto.SHA256.Size())
	rand.Read(digest)
	stamp, err := cms.RequestTimestamp(ctx, nil, d.TSA, crypto.SHA256, digest)
	if err != nil {
		d.finding("timestamp", VerdictFail, "timestamp_failed", "url", d.TSA)
		return
	}
	d.clock("timestamp", stamp.GenTime)
}

// clockReader notes the time that the service states in its answers.
type clockReader struct {
	next http.RoundTripper
	at   time.Time
}

// RoundTrip implements http.RoundTripper.
func (c *clockReader) RoundTrip(request *http.Request) (*http.Response, error) {
	next := c.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(request)
	if err == nil {
		if at, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			c.at = at
		}
	}
	return response, err
}
