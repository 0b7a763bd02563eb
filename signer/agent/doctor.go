package agent

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"sokyso/httpapi/wire"
)

// Check is one finding of the doctor.
type Check struct {
	Name    string `json:"name"` // module tokens pairing service clock journal
	OK      bool   `json:"ok"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// clockTolerance is how far the clock may be off before it is worth a word: the
// time of signing is the computer's.
const clockTolerance = 30 * time.Second

// Examine looks at what signing needs, without changing anything: it takes no
// lock, logs in to no token and asks for no grant.
func Examine(ctx context.Context, config Config) []Check {
	config = config.withDefaults()
	d := &doctor{config: config}
	d.device(ctx)
	d.service(ctx)
	d.journal()
	return d.checks
}

type doctor struct {
	config Config
	checks []Check
}

func (d *doctor) good(name string, params ...string) {
	d.checks = append(d.checks, Check{Name: name, OK: true, Message: d.config.Catalogue.Sentence("doctor."+name+"_ok", params...)})
}

func (d *doctor) bad(name string, err error) {
	code, message := d.config.Catalogue.Explain(err, "")
	d.checks = append(d.checks, Check{Name: name, Code: code, Message: message})
}

func (d *doctor) finding(name, key string, params ...string) {
	d.checks = append(d.checks, Check{Name: name, Code: key, Message: d.config.Catalogue.Sentence("doctor."+key, params...)})
}

func (d *doctor) device(ctx context.Context) {
	client, err := StartWorker(ctx, d.config)
	if err != nil {
		d.bad("module", err)
		return
	}
	defer client.Close()
	d.good("module", "module", client.Module())
	tokens, err := client.Tokens(ctx)
	if err != nil {
		d.bad("tokens", err)
		return
	}
	ready := 0
	for _, info := range tokens {
		if !info.Flags.Initialized {
			continue
		}
		ready++
		if words := FlagWords(d.config.Catalogue, info.Flags); words != "" {
			d.checks = append(d.checks, Check{Name: "tokens", OK: !info.Flags.PINLocked && !info.Flags.PINFinalTry,
				Message: d.config.Catalogue.Sentence("pin.flags", "label", info.Label, "flags", words)})
		}
	}
	if ready == 0 {
		d.checks = append(d.checks, Check{Name: "tokens", Code: "token_missing", Message: d.config.Catalogue.Sentence("tokens.none")})
		return
	}
	d.good("tokens", "count", strconv.Itoa(ready))
}

func (d *doctor) service(ctx context.Context) {
	pairing, err := ReadPairing(d.config.Home)
	if err == nil && pairing == nil {
		err = fail("not_paired", nil)
	}
	if err != nil {
		d.bad("pairing", err)
		return
	}
	clock := &clockReader{next: d.config.HTTP}
	client, err := wire.NewClient(wire.ClientConfig{URL: pairing.URL, APIKey: pairing.APIKey,
		Language: d.config.Catalogue.Language, HTTP: clock, Attempts: 2})
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
		d.finding("clock", "clock_unknown")
		return
	}
	off := d.config.Now().Sub(clock.at)
	seconds := decimal(int64(off.Abs().Round(time.Second) / time.Second))
	if off.Abs() > clockTolerance {
		d.finding("clock", "clock_off", "seconds", seconds)
		return
	}
	d.good("clock", "seconds", seconds)
}

// journal reads without a lock: at worst it sees an entry half written, which
// it takes for a torn tail.
func (d *doctor) journal() {
	waiting, err := peekJournal(d.config.Home)
	switch {
	case err != nil:
		d.bad("journal", err)
	case waiting > 0:
		d.finding("journal", "journal_pending", "count", decimal(int64(waiting)))
	default:
		d.good("journal")
	}
}

// clockReader notes the time that the service states in its answers.
type clockReader struct {
	next http.RoundTripper
	at   time.Time
}

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

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
