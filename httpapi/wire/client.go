package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

const (
	// maxAnswer bounds what is read of one answer: a page of 100 entries of 64 KiB
	// in base64 is the largest that the protocol has.
	maxAnswer = 16 << 20
	// defaultTimeout bounds one attempt when the context sets no earlier end.
	defaultTimeout = 30 * time.Second
)

// ClientConfig says where the service is and who asks.
type ClientConfig struct {
	// URL is the service's address with neither path nor query, as
	// "https://sokyso.example". Plain http is taken for loopback addresses only.
	URL string
	// APIKey is the key of a paired agent. Without it the client signs in by
	// [Client.SignIn] and keeps the session's cookie.
	APIKey string
	// Language of the sentences in problems: "vi" or "en". Default: the service's.
	Language string
	// AllowHTTP takes plain http to other machines too. Whoever sets it answers
	// for the network: passwords, the API key and grants go over it in the open.
	AllowHTTP bool
	// HTTP is used instead of the default transport. Redirects are never
	// followed: they would carry the API key elsewhere.
	HTTP http.RoundTripper
	// Timeout of one attempt. Default 30 s. The context bounds all attempts together.
	Timeout time.Duration
	// Attempts of an operation that may be repeated: all but those that sign in, or answer
	// with a code. Default 5: about five seconds of waiting in all.
	Attempts int
}

// Client speaks to the custody service. It is safe for concurrent use.
//
// Its errors are *Problem when the service refused, *UnreachableError when it
// could not be reached, *NonsenseError when what answered does not keep to the
// protocol, or the context's error.
type Client struct {
	base     *url.URL
	apiKey   string
	language string
	attempts int
	timeout  time.Duration
	http     *http.Client
}

// NewClient checks the configuration; it does not connect.
func NewClient(cfg ClientConfig) (*Client, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("service address %q: %w", cfg.URL, err)
	}
	switch {
	case base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.Hostname() == "":
		return nil, fmt.Errorf("service address %q: must begin with https:// and name a host", cfg.URL)
	case base.User != nil || base.RawQuery != "" || base.Fragment != "" || strings.Trim(base.Path, "/") != "":
		return nil, fmt.Errorf("service address %q: must end after the host and port", cfg.URL)
	case base.Scheme == "http" && !cfg.AllowHTTP && !isLoopback(base.Hostname()):
		return nil, fmt.Errorf("service address %q: %w", cfg.URL, ErrPlainHTTP)
	}
	base.Path = ""
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("cookie jar: %w", err)
	}
	c := &Client{
		base: base, apiKey: cfg.APIKey, language: cfg.Language, attempts: cfg.Attempts, timeout: cfg.Timeout,
		http: &http.Client{
			Jar: jar, Transport: cfg.HTTP,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if c.attempts <= 0 {
		c.attempts = 5
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	return c, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// URL returns the service's address.
func (c *Client) URL() string { return c.base.String() }

// call is one operation of the protocol.
type call struct {
	method  string
	path    string // with query
	body    any    // nil: none
	answer  any    // decoded into; nil: none is expected (204)
	text    *string
	key     string // Idempotency-Key
	repeats bool   // may be sent again: it takes effect once
}

func (c *Client) get(ctx context.Context, path string, query url.Values, answer any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, call{method: http.MethodGet, path: path, answer: answer, repeats: true})
}

func (c *Client) post(ctx context.Context, path string, body, answer any) error {
	return c.do(ctx, call{method: http.MethodPost, path: path, body: body, answer: answer})
}

// change sends what changes something under a key of its own: where no answer comes it is
// sent again, and takes effect once. What answers with a secret is sent by post: its answer
// is not given again, and asking anew does no harm; but [Client.CreatePerson] goes by it, since
// a second one would be there to stay. A service that is older than the keys
// carries out each repeat, so services are replaced before agents.
func (c *Client) change(ctx context.Context, path string, body, answer any) error {
	return c.do(ctx, call{method: http.MethodPost, path: path, body: body, answer: answer, key: rand.Text(), repeats: true})
}

// do sends the call until it is answered for good.
func (c *Client) do(ctx context.Context, op call) error {
	var body []byte
	if op.body != nil {
		var err error
		if body, err = json.Marshal(op.body); err != nil {
			return fmt.Errorf("encode request %s: %w", op.path, err)
		}
	}
	attempts := 1
	if op.repeats {
		attempts = c.attempts
	}
	for attempt := 1; ; attempt++ {
		wait, err := c.once(ctx, op, body)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if wait < 0 || attempt >= attempts {
			return err
		}
		if !sleep(ctx, pause(attempt, wait)) {
			return err
		}
	}
}

// once makes one attempt. The duration is negative when the error is final,
// otherwise the least time to wait before the next attempt, 0 if none was asked for.
func (c *Client) once(ctx context.Context, op call, body []byte) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, op.method, c.base.String()+op.path, reader)
	if err != nil {
		return -1, fmt.Errorf("request %s: %w", op.path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	if op.text != nil {
		req.Header.Set("Accept", "text/plain, application/problem+json")
	}
	if c.language != "" {
		req.Header.Set("Accept-Language", c.language)
	}
	if c.apiKey != "" {
		req.Header.Set("Authorization", "Bearer "+c.apiKey)
	}
	if op.key != "" {
		req.Header.Set(HeaderIdempotencyKey, op.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, &UnreachableError{URL: c.URL(), Err: withoutURL(err)}
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, &UnreachableError{URL: c.URL(), Err: fmt.Errorf("answer broken off: %w", err)}
	}
	return c.judge(op, resp, content)
}

// judge turns an answer that arrived whole into the operation's result.
func (c *Client) judge(op call, resp *http.Response, content []byte) (time.Duration, error) {
	nonsense := func(format string, args ...any) error {
		return &NonsenseError{URL: c.URL(), Operation: op.method + " " + op.path, Reason: fmt.Sprintf(format, args...)}
	}
	if len(content) > maxAnswer {
		return -1, nonsense("the answer is longer than %d bytes", maxAnswer)
	}
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		mediaType = ""
	}
	if resp.StatusCode >= 400 {
		wait, again := retryAfter(resp)
		if mediaType == "application/problem+json" {
			problem := &Problem{}
			if err := decode(content, problem); err == nil && problem.Code != "" && problem.Status == resp.StatusCode {
				return wait, problem
			}
		}
		if again { // something between here and the service answers for it
			return wait, &UnreachableError{URL: c.URL(), Err: errors.New("answered " + resp.Status)}
		}
		return -1, nonsense("status %s without a problem document", resp.Status)
	}
	switch {
	case op.text != nil && resp.StatusCode == http.StatusOK:
		if mediaType != "text/plain" {
			return -1, nonsense("content type %q, not text/plain", resp.Header.Get("Content-Type"))
		}
		*op.text = string(content)
		return 0, nil
	case op.answer == nil && resp.StatusCode == http.StatusNoContent && len(content) == 0:
		return 0, nil
	case op.answer != nil && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusCreated):
		if mediaType != "application/json" {
			return -1, nonsense("content type %q, not application/json", resp.Header.Get("Content-Type"))
		}
		if err := decode(content, op.answer); err != nil {
			return -1, nonsense("the answer can't be read: %v", err)
		}
		return 0, nil
	}
	return -1, nonsense("status %s", resp.Status)
}

// decode reads one JSON value and nothing after it. Fields that are not known
// here are passed over: the service may be newer.
func decode(content []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}

// withoutURL drops the method and address that net/http puts around its errors:
// UnreachableError names the service.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
