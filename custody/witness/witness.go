package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Errors of a witness that was asked.
var (
	ErrMalformed = errors.New("malformed witness: want KEY@URL")
	// ErrAsked is wrapped by all errors of Cosign.
	ErrAsked = errors.New("ask witness")
	// ErrRefused: the witness does not know the log or its key, or holds that the log does
	// not extend what it saw.
	ErrRefused = errors.New("the witness refuses the checkpoint")
	// ErrAnswer: its answer is no cosignature of this checkpoint by its key.
	ErrAnswer = errors.New("the witness's answer is no cosignature")
)

// OtherSizeError: the witness has cosigned a checkpoint of another size last than the
// one that it was asked to go on from.
type OtherSizeError struct{ Size int64 }

func (e *OtherSizeError) Error() string {
	return fmt.Sprintf("the witness has cosigned %d entries last", e.Size)
}

const (
	askTimeout = 20 * time.Second
	maxAnswer  = 16 << 10
	// sizeType is the form of the answer that names another size.
	sizeType = "text/x.tlog.size"
)

// Witness is a witness of others, by its address.
type Witness struct {
	Name     string // of its key
	address  string
	verifier note.Verifier
	client   *http.Client
}

// Parse reads KEY@URL: the witness's verifier key as note has it (NAME+HASH+BASE64), and
// the prefix of its address, to which /add-checkpoint is added.
func Parse(text string) (*Witness, error) {
	key, address, ok := strings.Cut(text, "@")
	if !ok {
		return nil, ErrMalformed
	}
	where, err := url.Parse(address)
	if err != nil || where.Scheme != "https" && where.Scheme != "http" || where.Host == "" || where.User != nil || where.RawQuery != "" {
		return nil, fmt.Errorf("%w: address %.100q", ErrMalformed, address)
	}
	verifier, err := cosignature.NewVerifierForCosignatureV1(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return &Witness{Name: verifier.Name(), address: strings.TrimRight(address, "/") + "/add-checkpoint", verifier: verifier, client: &http.Client{Timeout: askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Cosign asks for a cosignature of a signed checkpoint. old is the size of the one that
// the witness cosigned last, proof that this one extends it (RFC 6962 §2.1.2; none for 0
// or the same size). It returns the verified line of the cosignature.
func (w *Witness) Cosign(ctx context.Context, old int64, proof []tlog.Hash, signed []byte) (string, error) {
	var body strings.Builder
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		body.WriteString(hash.String() + "\n")
	}
	body.WriteString("\n")
	body.Write(signed)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, strings.NewReader(body.String()))
	if err != nil {
		return "", fmt.Errorf("%w %s: %w", ErrAsked, w.Name, err)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("%w %s: %w", ErrAsked, w.Name, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return "", fmt.Errorf("%w %s: %w", ErrAsked, w.Name, err)
	case resp.StatusCode == http.StatusConflict && strings.HasPrefix(resp.Header.Get("Content-Type"), sizeType):
		size, err := strconv.ParseInt(strings.TrimSuffix(string(answer), "\n"), 10, 64)
		if err != nil || size < 0 {
			return "", fmt.Errorf("%w %s: %w: size %.20q", ErrAsked, w.Name, ErrAnswer, answer)
		}
		return "", fmt.Errorf("%w %s: %w", ErrAsked, w.Name, &OtherSizeError{size})
	case resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusUnprocessableEntity:
		return "", fmt.Errorf("%w %s: %w: %s", ErrAsked, w.Name, ErrRefused, resp.Status)
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%w %s: %s", ErrAsked, w.Name, resp.Status)
	}
	return w.line(signed, answer)
}

// line finds the witness's own line in its answer, which may have more.
func (w *Witness) line(signed, answer []byte) (string, error) {
	cosigned := append(bytes.Clone(signed), answer...)
	n, err := note.Open(cosigned, note.VerifierList(w.verifier))
	if err != nil || len(n.Sigs) == 0 {
		return "", fmt.Errorf("%w %s: %w: %w", ErrAsked, w.Name, ErrAnswer, err)
	}
	return fmt.Sprintf("— %s %s\n", n.Sigs[0].Name, n.Sigs[0].Base64), nil
}
