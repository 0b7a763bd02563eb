package authority

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/crypto/ocsp"
)

// maxRequest bounds OCSP and time-stamp requests, in bytes.
const maxRequest = 64 << 10

// policy is the time-stamping policy, under the arc for examples.
var policy = asn1.ObjectIdentifier{2, 999, 3161}

// ServeHTTP answers relying parties. It is no ServeMux: that would redirect OCSP
// requests whose base64 has two slashes in a row.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch path := r.URL.Path; {
	case get && path == "/root.crt":
		respond(w, "application/pkix-cert", a.root.cert.Raw, nil)
	case get && path == "/issuing.crt":
		respond(w, "application/pkix-cert", a.issuing.cert.Raw, nil)
	case get && path == "/root.crl":
		der, err := a.list(issuerRoot, a.root)
		respond(w, "application/pkix-crl", der, err)
	case get && path == "/ca.crl":
		der, err := a.list(issuerIssuing, a.issuing)
		respond(w, "application/pkix-crl", der, err)
	case r.Method == http.MethodPost && strings.TrimSuffix(path, "/") == "/ocsp":
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		der, err := a.answerOCSP(body)
		respond(w, "application/ocsp-response", der, err)
	case get && strings.HasPrefix(path, "/ocsp/"):
		request, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(path, "/ocsp/"))
		if err != nil {
			request = nil // answered as malformed
		}
		der, err := a.answerOCSP(request)
		respond(w, "application/ocsp-response", der, err)
	case r.Method == http.MethodPost && path == "/tsa":
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		der, err := a.answerTimestamp(body)
		respond(w, "application/timestamp-reply", der, err)
	case path == "/ocsp" || path == "/tsa":
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
	default:
		http.NotFound(w, r)
	}
}

func respond(w http.ResponseWriter, contentType string, der []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store") // a revocation shows at once
	w.Write(der)
}

// answerOCSP answers for certificates of the issuing CA: good, revoked, or
// unknown for a serial number that was never given out.
func (a *Authority) answerOCSP(der []byte) ([]byte, error) {
	request, err := ocsp.ParseRequest(der)
	if err != nil || !request.HashAlgorithm.Available() {
		return ocsp.MalformedRequestErrorResponse, nil
	}
	if !a.isIssuing(request) {
		return ocsp.UnauthorizedErrorResponse, nil
	}
	now := a.now().UTC().Truncate(time.Second)
	answer := ocsp.Response{
		Status: ocsp.Unknown, SerialNumber: request.SerialNumber, IssuerHash: request.HashAlgorithm,
		ThisUpdate: now, NextUpdate: now.Add(listValidity), Certificate: a.ocsp.cert,
	}
	a.mu.Lock()
	if r := a.find(request.SerialNumber); r != nil && r.Issuer == issuerIssuing {
		answer.Status = ocsp.Good
		if r.RevokedAt != nil {
			answer.Status, answer.RevokedAt, answer.RevocationReason = ocsp.Revoked, *r.RevokedAt, r.Reason
		}
	}
	a.mu.Unlock()
	return ocsp.CreateResponse(a.issuing.cert, a.ocsp.cert, answer, a.ocsp.key)
}

// isIssuing tells whether the request names the issuing CA, by the hashes of its
// name and key (RFC 6960 §4.1.1).
func (a *Authority) isIssuing(request *ocsp.Request) bool {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(a.issuing.cert.RawSubjectPublicKeyInfo, &info); err != nil {
		return false
	}
	hash := func(b []byte) []byte {
		h := request.HashAlgorithm.New()
		h.Write(b)
		return h.Sum(nil)
	}
	return bytes.Equal(hash(a.issuing.cert.RawSubject), request.IssuerNameHash) &&
		bytes.Equal(hash(info.Key.RightAlign()), request.IssuerKeyHash)
}

// answerTimestamp gives a token for the time now, accurate to a second.
func (a *Authority) answerTimestamp(der []byte) ([]byte, error) {
	refuse := func(why timestamp.FailureInfo) ([]byte, error) {
		return timestamp.CreateErrorResponse(timestamp.Rejection, why)
	}
	request, err := timestamp.ParseRequest(der)
	if err != nil {
		return refuse(timestamp.BadDataFormat)
	}
	accepted := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	if !slices.Contains(accepted, request.HashAlgorithm) || len(request.HashedMessage) != request.HashAlgorithm.Size() {
		return refuse(timestamp.BadAlgorithm)
	}
	if request.TSAPolicyOID != nil && !request.TSAPolicyOID.Equal(policy) {
		return refuse(timestamp.UnacceptedPolicy)
	}
	token := timestamp.Timestamp{
		HashAlgorithm: request.HashAlgorithm, HashedMessage: request.HashedMessage,
		Time: a.now().UTC().Truncate(time.Second), Accuracy: time.Second, Policy: policy, Nonce: request.Nonce,
		AddTSACertificate: request.Certificates,
	}
	if request.Certificates {
		token.Certificates = a.Chain()[:1]
	}
	return token.CreateResponseWithOpts(a.tsa.cert, a.tsa.key, crypto.SHA256)
}
