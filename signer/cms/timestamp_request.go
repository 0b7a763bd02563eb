package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxResponse bounds the answer of a time-stamping authority, in bytes. A token
// with its chain takes 3 to 10 KB.
const maxResponse = 1 << 20

// RefusedError is the answer of a time-stamping authority that gave no token
// (PKIStatusInfo, RFC 3161 §2.4.2).
type RefusedError struct {
	Status  int    // PKIStatus: 2 rejection, 3 waiting, ...
	Text    string // the authority's own words, may be empty
	Failure int    // number of the first PKIFailureInfo bit, -1 if none
}

// StatusError is an HTTP status other than 200 in the place of an answer.
type StatusError struct{ Code int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("%v: HTTP status %d %s", ErrTimestamp, e.Code, http.StatusText(e.Code))
}

func (e *StatusError) Unwrap() error { return ErrTimestamp }

// failures are the bits of PKIFailureInfo that RFC 3161 §2.4.2 names.
var failures = map[int]string{
	0: "unrecognized algorithm", 2: "bad request", 5: "bad data format", 14: "time source not available",
	15: "policy not supported", 16: "extension not supported", 17: "additional information not available", 25: "system failure",
}

func (e *RefusedError) Error() string {
	s := fmt.Sprintf("time-stamping authority refused (status %d", e.Status)
	if name, ok := failures[e.Failure]; ok {
		s += ", " + name
	}
	if e.Text != "" {
		s += fmt.Sprintf(", %q", e.Text)
	}
	return s + ")"
}

// RequestTimestamp asks the authority at url for a token over digest, made with
// hash (RFC 3161 §3.4). The deadline is that of ctx: public authorities take
// from tenths of a second to minutes. The token that comes back has been
// verified: signature, certificate, imprint, nonce. There is one try. A nil
// client is http.DefaultClient.
//
// Errors: those of the network as they are, *RefusedError if the authority
// says no, *StatusError if it does not speak RFC 3161 at all, ErrTimestamp and what Timestamp.Verify returns for a bad answer.
func RequestTimestamp(ctx context.Context, client *http.Client, url string, hash crypto.Hash, digest []byte) (*Timestamp, error) {
	ts, err := requestTimestamp(ctx, client, url, hash, digest)
	if err != nil {
		return nil, fmt.Errorf("request time-stamp from %s: %w", url, err)
	}
	return ts, nil
}

func requestTimestamp(ctx context.Context, client *http.Client, url string, hash crypto.Hash, digest []byte) (*Timestamp, error) {
	if _, known := hashIDs[hash]; !known || weakHash(hash) || len(digest) != hash.Size() {
		return nil, fmt.Errorf("%w: digest of %d bytes with %v", ErrUnsupported, len(digest), hash)
	}
	// 63 bits: some authorities keep the nonce in a signed 64-bit integer.
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	query, err := encodeTimestampRequest(hash, digest, nonce)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/timestamp-query")
	request.Header.Set("Accept", "application/timestamp-reply")
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, &StatusError{Code: response.StatusCode}
	}
	if len(body) > maxResponse {
		return nil, fmt.Errorf("%w: answer of more than %d bytes", ErrTimestamp, maxResponse)
	}
	token, err := parseTimestampResponse(body)
	if err != nil {
		return nil, err
	}
	ts, err := ParseTimestamp(token)
	if err != nil {
		return nil, err
	}
	if ts.Nonce == nil || ts.Nonce.Cmp(nonce) != 0 {
		return nil, fmt.Errorf("%w: nonce is not the one sent", ErrTimestamp)
	}
	if ts.Hash != hash {
		return nil, fmt.Errorf("%w: imprint made with %v instead of %v", ErrTimestamp, ts.Hash, hash)
	}
	return ts, ts.Verify(digest)
}

// encodeTimestampRequest writes TimeStampReq (RFC 3161 §2.4.1) and asks for the
// authority's certificate.
func encodeTimestampRequest(hash crypto.Hash, digest []byte, nonce *big.Int) ([]byte, error) {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					addOID(b, hashIDs[hash])
					b.AddASN1NULL() // old authorities insist on it
				})
				b.AddASN1OctetString(digest)
			})
			b.AddASN1BigInt(nonce)
			b.AddASN1Boolean(true)
		})
	})
}

// parseTimestampResponse takes the token out of TimeStampResp (RFC 3161 §2.4.2).
func parseTimestampResponse(body []byte) ([]byte, error) {
	top := &sequence{rest: body}
	answer, err := top.want(asn1.SEQUENCE, "time-stamp response")
	if err != nil {
		return nil, err
	}
	fields := answer.children(top.depth)
	info, err := fields.want(asn1.SEQUENCE, "status")
	if err != nil {
		return nil, err
	}
	refused, err := parseStatus(info.children(fields.depth))
	if err != nil {
		return nil, err
	}
	if refused.Status > 1 { // 0 granted, 1 granted with modifications
		return nil, refused
	}
	token, err := fields.want(asn1.SEQUENCE, "time-stamp token")
	if err != nil {
		return nil, err
	}
	return token.raw, nil
}

func parseStatus(fields *sequence) (*RefusedError, error) {
	status := &RefusedError{Failure: -1}
	number, err := fields.want(asn1.INTEGER, "status")
	if err != nil {
		return nil, err
	}
	if status.Status, err = smallInteger(number); err != nil {
		return nil, err
	}
	for !fields.empty() {
		e, err := fields.next()
		if err != nil {
			return nil, err
		}
		switch e.tag {
		case asn1.SEQUENCE:
			var lines []string
			for texts := e.children(fields.depth); !texts.empty(); {
				text, err := texts.next()
				if err != nil {
					return nil, err
				}
				lines = append(lines, strings.ToValidUTF8(string(text.content), "\uFFFD"))
			}
			status.Text = strings.Join(lines, " ")
		case asn1.BIT_STRING:
			status.Failure = firstBit(e.content)
		}
	}
	return status, nil
}

// firstBit is the number of the first bit set in the contents of a BIT STRING,
// or -1.
func firstBit(content []byte) int {
	for i := 8; i < 8*len(content); i++ { // the first octet counts unused bits
		if content[i/8]&(0x80>>(i%8)) != 0 {
			return i - 8
		}
	}
	return -1
}
