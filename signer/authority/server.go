package authority

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"math/big"
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

// longExtension is under the arc for examples too.
var longExtension = asn1.ObjectIdentifier{2, 999, 1}

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
		a.serveList(w, r, ServiceRootCRL)
	case get && path == "/ca.crl":
		a.serveList(w, r, ServiceCRL)
	case r.Method == http.MethodPost && strings.TrimSuffix(path, "/") == "/ocsp":
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a.serveOCSP(w, r, body)
	case get && strings.HasPrefix(path, "/ocsp/"):
		request, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(path, "/ocsp/"))
		if err != nil {
			request = nil // answered as malformed
		}
		a.serveOCSP(w, r, request)
	case r.Method == http.MethodPost && path == "/tsa":
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		f := a.fault(ServiceTSA)
		if broken(w, r, f) {
			return
		}
		der, err := a.answerTimestamp(body, f)
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

func (a *Authority) serveList(w http.ResponseWriter, r *http.Request, s Service) {
	f := a.fault(s)
	if broken(w, r, f) {
		return
	}
	issuer, by := issuerIssuing, a.issuing
	if (s == ServiceRootCRL) != (f == OtherList) {
		issuer, by = issuerRoot, a.root
	}
	der, err := a.list(issuer, by, f)
	respond(w, "application/pkix-crl", der, err)
}

func (a *Authority) serveOCSP(w http.ResponseWriter, r *http.Request, request []byte) {
	f := a.fault(ServiceOCSP)
	if broken(w, r, f) {
		return
	}
	der, err := a.answerOCSP(request, f)
	respond(w, "application/ocsp-response", der, err)
}

// answerOCSP answers for certificates of the issuing CA: good, revoked, or
// unknown for a serial number that was never given out.
func (a *Authority) answerOCSP(der []byte, f Fault) ([]byte, error) {
	request, err := ocsp.ParseRequest(der)
	if err != nil || !request.HashAlgorithm.Available() {
		return ocsp.MalformedRequestErrorResponse, nil
	}
	if !a.isIssuing(request) {
		return ocsp.UnauthorizedErrorResponse, nil
	}
	now := a.now().UTC().Truncate(time.Second)
	responder := a.unit(&a.ocsp)
	answer := ocsp.Response{
		Status: ocsp.Unknown, SerialNumber: request.SerialNumber, IssuerHash: request.HashAlgorithm,
		ThisUpdate: now, NextUpdate: now.Add(listValidity), Certificate: responder.cert,
	}
	a.mu.Lock()
	if r := a.find(request.SerialNumber); r != nil && r.Issuer == issuerIssuing {
		answer.Status = ocsp.Good
		if r.RevokedAt != nil {
			answer.Status, answer.RevokedAt, answer.RevocationReason = ocsp.Revoked, *r.RevokedAt, r.Reason
		}
	}
	a.mu.Unlock()
	switch f {
	case Bare:
		answer.Certificate = nil
	case Direct:
		responder, answer.Certificate = a.issuing, nil
	case Unknown:
		answer.Status = ocsp.Unknown
	case Serial:
		answer.SerialNumber = new(big.Int).Add(request.SerialNumber, one)
	case Stale:
		answer.ThisUpdate, answer.NextUpdate = stale(now)
	case Forged:
		if responder, err = stranger(responder); err != nil {
			return nil, err
		}
	}
	return ocsp.CreateResponse(a.issuing.cert, responder.cert, answer, responder.key)
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
func (a *Authority) answerTimestamp(der []byte, f Fault) ([]byte, error) {
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
	unit := a.unit(&a.tsa)
	switch f {
	case Refuse:
		return refuse(timestamp.UnacceptedPolicy)
	case Busy:
		return refuse(timestamp.SystemFailure)
	case Nonce:
		token.Nonce = new(big.Int).Add(one, request.Nonce)
	case Imprint:
		token.HashedMessage = make([]byte, len(request.HashedMessage))
	case Ahead:
		token.Time = token.Time.Add(time.Hour)
	case Forged:
		if unit, err = stranger(unit); err != nil {
			return nil, err
		}
	case LongToken:
		token.ExtraExtensions = []pkix.Extension{{Id: longExtension, Value: make([]byte, 8<<10)}}
	}
	return token.CreateResponseWithOpts(unit.cert, unit.key, crypto.SHA256)
}
