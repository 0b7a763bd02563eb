package revocation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// request is one question to an address out of a certificate.
type request struct {
	address     string
	contentType string // of content; "" = GET
	content     []byte
	etag        string // of what is kept already
	modified    string
	limit       int64 // of the answer, in bytes
}

type response struct {
	body     []byte
	etag     string
	modified string
	same     bool // what is kept still holds (304)
}

func (c *Checker) fetch(ctx context.Context, q request) (response, error) {
	if !isWeb(q.address) {
		return response{}, errors.New("not an address of the web")
	}
	method := http.MethodGet
	if q.contentType != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, q.address, bytes.NewReader(q.content))
	if err != nil {
		return response{}, err
	}
	r.Header.Set("User-Agent", "sokyso")
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	if q.etag != "" {
		r.Header.Set("If-None-Match", q.etag)
	}
	if q.modified != "" {
		r.Header.Set("If-Modified-Since", q.modified)
	}
	got, err := c.http.Do(r)
	if err != nil {
		return response{}, err
	}
	defer got.Body.Close()
	if got.StatusCode == http.StatusNotModified && (q.etag != "" || q.modified != "") {
		return response{same: true}, nil
	}
	if got.StatusCode != http.StatusOK {
		return response{}, errors.New(got.Status)
	}
	body, err := io.ReadAll(io.LimitReader(got.Body, q.limit+1))
	if err != nil {
		return response{}, err
	}
	if int64(len(body)) > q.limit {
		return response{}, fmt.Errorf("the answer has more than %d bytes", q.limit)
	}
	return response{body: body, etag: got.Header.Get("ETag"), modified: got.Header.Get("Last-Modified")}, nil
}
