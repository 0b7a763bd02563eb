package httpapi_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"sokyso/httpapi/wire"
)

// twice sends each change that the client gives a key to a second time and holds the answers
// against each other: whatever the tests of this package do by the API, they do so.
type twice struct {
	tb   testing.TB
	next http.RoundTripper
}

func (w *twice) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get(wire.HeaderIdempotencyKey) == "" || r.URL.Path == wire.PathGrants {
		return w.next.RoundTrip(r)
	}
	again := r.Clone(r.Context())
	resp, err := w.next.RoundTrip(r)
	if err != nil || resp.StatusCode >= 300 {
		return resp, err
	}
	first, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(first))
	if again.Body, err = r.GetBody(); err != nil {
		return nil, err
	}
	second, err := w.next.RoundTrip(again)
	if err != nil {
		return nil, err
	}
	defer second.Body.Close()
	answer, err := io.ReadAll(second.Body)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(first, []byte(`"/join/`)) { // shown once, as a code: see TestSecretsAreNotKept
		if second.StatusCode != http.StatusConflict || bytes.Contains(answer, []byte("/join/")) {
			w.tb.Errorf("%s %s sent again: %d %s", r.Method, r.URL.Path, second.StatusCode, answer)
		}
		return resp, nil
	}
	if r.URL.Path == wire.PathPeople { // a person without an account: the operation's answers are not kept
		return resp, nil
	}
	if second.StatusCode != resp.StatusCode || !bytes.Equal(answer, first) {
		w.tb.Errorf("%s %s sent again: %d %s\nthe first time: %d %s", r.Method, r.URL.Path, second.StatusCode, answer, resp.StatusCode, first)
	}
	return resp, nil
}
