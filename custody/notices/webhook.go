package notices

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Headers of a call to the webhook.
const (
	HeaderDelivery  = "X-Sokyso-Delivery"  // the message's identifier, the same when it is sent again
	HeaderTimestamp = "X-Sokyso-Timestamp" // seconds since 1970, of this try
	HeaderSignature = "X-Sokyso-Signature" // see Signature
)

// minSecret is the least length of the webhook's secret, in bytes.
const minSecret = 16

// WebhookConfig says where the school's events are sent.
type WebhookConfig struct {
	URL      string // https; http to this machine only
	Secret   []byte // at least 16 bytes; never logged
	School   string // code: MNHS
	Link     string // address of the service
	Language string

	Roots   *x509.CertPool // of the webhook's server; nil = the system's
	Timeout time.Duration  // of one call; 0 = 10 s
}

// Webhook posts events as JSON to one address. It may be used concurrently.
type Webhook struct {
	config WebhookConfig
	words  *Words
	client *http.Client
}

// NewWebhook checks the configuration; it connects to nothing yet.
func NewWebhook(c WebhookConfig, words *Words) (*Webhook, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, errors.New("the webhook's address must begin with https:// and hold no password") // never with it: addresses of webhooks are secrets too
	}
	if len(c.Secret) < minSecret {
		return nil, fmt.Errorf("the webhook's secret has %d bytes, at least %d are needed", len(c.Secret), minSecret)
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	dialer := &net.Dialer{Timeout: c.Timeout / 2}
	return &Webhook{config: c, words: words, client: &http.Client{
		Timeout: c.Timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: c.Timeout / 2, MaxIdleConns: 2, IdleConnTimeout: time.Minute,
			TLSClientConfig: &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		},
		// What is sent goes to the configured address and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Event is the body of a call.
type Event struct {
	ID       string    `json:"id"`
	School   string    `json:"school"`
	Kind     string    `json:"kind"`
	Urgent   bool      `json:"urgent"`
	At       time.Time `json:"at"`
	Entry    *int64    `json:"entry,omitempty"` // log index
	Language string    `json:"language"`
	Title    string    `json:"title"`
	Text     string    `json:"text"`
	Next     string    `json:"next"`
	Link     string    `json:"link,omitempty"`
}

// Signature is what HeaderSignature must hold: sha256= and the HMAC-SHA256, in
// hexadecimal, of the timestamp, a full stop and the body. Who receives a call compares
// it and refuses old timestamps.
func Signature(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Send posts one message; only its ID and Story count. An error is a *[Failure].
func (w *Webhook) Send(ctx context.Context, message Message) error {
	c := w.config
	text := w.words.Tell(c.Language, message.Story)
	event := Event{ID: message.ID, School: c.School, Kind: string(message.Story.Kind), Urgent: message.Story.Urgent, At: message.Story.At.UTC(), Entry: message.Story.Entry,
		Language: c.Language, Title: text.Title, Text: text.Body, Next: text.Next}
	if c.Link != "" {
		event.Link = strings.TrimSuffix(c.Link, "/") + Path(message.Story)
	}
	body, err := json.Marshal(event)
	if err != nil {
		return &Failure{Code: CodeInternal, Err: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return &Failure{Code: CodeInternal, Err: errors.New("request to the webhook")}
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "sokyso")
	request.Header.Set(HeaderDelivery, message.ID)
	request.Header.Set(HeaderTimestamp, timestamp)
	request.Header.Set(HeaderSignature, Signature(c.Secret, timestamp, body))
	response, err := w.client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the address
		}
		return &Failure{Code: CodeWebhookUnreachable, Err: err}
	}
	defer response.Body.Close()
	io.CopyN(io.Discard, response.Body, 64<<10) // the status has said it all; a short body lets the connection be used again
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return &Failure{Code: CodeWebhookLater, Err: errors.New(response.Status)}
	default:
		return &Failure{Code: CodeWebhookRefused, Permanent: true, Err: errors.New(response.Status)}
	}
}
