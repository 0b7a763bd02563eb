package worker

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"sokyso/signer/token"
)

// Operations of a request.
const (
	opLoad         = "load"
	opTokens       = "tokens"
	opOpen         = "open"
	opInfo         = "info"
	opCertificates = "certificates"
	opLogin        = "login"
	opSign         = "sign"
	opRSASchemes   = "rsa_schemes"
	opSurvey       = "survey"
	opChangePIN    = "change_pin"
)

// request is one line to the child. The PINs are no fields: see line.
type request struct {
	ID       uint64          `json:"id"`
	Op       string          `json:"op"`
	Module   string          `json:"module,omitempty"`
	Selector *token.Selector `json:"selector,omitempty"`
	// For sign.
	Certificate string `json:"certificate,omitempty"` // SHA-256 of it
	Digest      []byte `json:"digest,omitempty"`
	Hash        uint   `json:"hash,omitempty"` // crypto.Hash
	PSS         bool   `json:"pss,omitempty"`
	Salt        int    `json:"salt,omitempty"` // rsa.PSSOptions.SaltLength
}

// received is a request as the child reads it.
type received struct {
	request
	PIN    []byte `json:"pin"`
	NewPIN []byte `json:"new_pin"`
}

// pins are those of a request; fresh is the new one of a change.
type pins struct{ pin, fresh []byte }

// line is the request as a line of JSON. The PINs are put in by hand, since
// encoding/json would leave copies in a pooled buffer; the caller zeroes the line.
func (r request) line(given pins) ([]byte, error) {
	object, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	fields := []struct {
		name string
		pin  []byte
	}{{"pin", given.pin}, {"new_pin", given.fresh}}
	room := len(object) + len("\n")
	for _, f := range fields {
		if len(f.pin) > 0 {
			room += len(`,"":""`) + len(f.name) + base64.StdEncoding.EncodedLen(len(f.pin))
		}
	}
	line := append(make([]byte, 0, room), object[:len(object)-1]...)
	for _, f := range fields {
		if len(f.pin) > 0 {
			line = append(append(append(line, `,"`...), f.name...), `":"`...)
			line = base64.StdEncoding.AppendEncode(line, f.pin)
			line = append(line, '"')
		}
	}
	return append(line, '}', '\n'), nil
}

// response is one line from the child.
type response struct {
	ID           uint64            `json:"id"`
	Error        *wireError        `json:"error,omitempty"`
	Tokens       []token.Info      `json:"tokens,omitempty"`
	Info         *token.Info       `json:"info,omitempty"`
	Certificates []wireCertificate `json:"certificates,omitempty"`
	Signature    []byte            `json:"signature,omitempty"`
	Schemes      *token.RSASchemes `json:"schemes,omitempty"`
	Survey       *wireSurvey       `json:"survey,omitempty"`
}

type wireSurvey struct {
	Module  token.ModuleInfo `json:"module"`
	Readers int              `json:"readers"`
	Tokens  []wireListing    `json:"tokens,omitempty"`
}

type wireCertificate struct {
	DER    []byte `json:"der"`
	ID     []byte `json:"id,omitempty"`
	Label  string `json:"label,omitempty"`
	HasKey bool   `json:"has_key,omitempty"`
}

func toWire(certificates []token.Certificate) []wireCertificate {
	var all []wireCertificate
	for _, c := range certificates {
		all = append(all, wireCertificate{DER: c.X509.Raw, ID: c.ID, Label: c.Label, HasKey: c.HasKey})
	}
	return all
}

func fromWire(certificates []wireCertificate) ([]token.Certificate, error) {
	var all []token.Certificate
	for _, c := range certificates {
		parsed, err := x509.ParseCertificate(c.DER)
		if err != nil {
			return nil, fmt.Errorf("read certificate from worker: %w", err)
		}
		sum := sha256.Sum256(c.DER)
		all = append(all, token.Certificate{X509: parsed, ID: c.ID, Label: c.Label, SHA256: hex.EncodeToString(sum[:]), HasKey: c.HasKey})
	}
	return all, nil
}

// wireError carries an error of package token so that it comes out as the same
// type with the same sentinel.
type wireError struct {
	Text   string       `json:"text"`
	Code   string       `json:"code,omitempty"` // token.Code of an *Error
	Op     string       `json:"op,omitempty"`
	Return uint         `json:"return,omitempty"`
	Detail string       `json:"detail,omitempty"`
	Login  *token.Flags `json:"login,omitempty"` // a *LoginError's flags
	Load   *wireLoad    `json:"load,omitempty"`
	Select *wireSelect  `json:"select,omitempty"`
}

type wireLoad struct {
	Path   string           `json:"path"`
	Reason token.LoadReason `json:"reason"`
	Detail string           `json:"detail,omitempty"`
}

type wireSelect struct {
	Selector token.Selector `json:"selector"`
	Matches  int            `json:"matches"`
	Found    []wireListing  `json:"found,omitempty"`
}

type wireListing struct {
	Info         token.Info        `json:"info"`
	Certificates []wireCertificate `json:"certificates,omitempty"`
	Error        *wireError        `json:"error,omitempty"`
}

func listingsToWire(listings []token.Listing) []wireListing {
	var all []wireListing
	for _, l := range listings {
		all = append(all, wireListing{Info: l.Info, Certificates: toWire(l.Certificates), Error: errorToWire(l.Err)})
	}
	return all
}

func listingsFromWire(listings []wireListing) []token.Listing {
	var all []token.Listing
	for _, l := range listings {
		listing := token.Listing{Info: l.Info, Err: l.Error.err()}
		var err error
		if listing.Certificates, err = fromWire(l.Certificates); err != nil {
			listing.Err = err
		}
		all = append(all, listing)
	}
	return all
}

func errorToWire(err error) *wireError {
	if err == nil {
		return nil
	}
	wire := &wireError{Text: err.Error()}
	var load *token.LoadError
	var selection *token.SelectError
	var login *token.LoginError
	var failure *token.Error
	switch {
	case errors.As(err, &load):
		wire.Load = &wireLoad{Path: load.Path, Reason: load.Reason, Detail: load.Detail}
	case errors.As(err, &selection):
		wire.Select = &wireSelect{Selector: selection.Selector, Matches: selection.Matches, Found: listingsToWire(selection.Found)}
	case errors.As(err, &login):
		wire.Login = &login.Flags
		failure = login.Err
	default:
		errors.As(err, &failure)
	}
	if failure != nil {
		wire.Code, wire.Op, wire.Return, wire.Detail = token.Code(failure), failure.Op, failure.Return, failure.Detail
	}
	return wire
}

func (w *wireError) err() error {
	switch {
	case w == nil:
		return nil
	case w.Load != nil:
		return &token.LoadError{Path: w.Load.Path, Reason: w.Load.Reason, Detail: w.Load.Detail}
	case w.Select != nil:
		return &token.SelectError{Selector: w.Select.Selector, Matches: w.Select.Matches, Found: listingsFromWire(w.Select.Found)}
	}
	kind := token.Condition(w.Code)
	if kind == nil {
		return errors.New(w.Text)
	}
	failure := &token.Error{Op: w.Op, Return: w.Return, Kind: kind, Detail: w.Detail}
	if w.Login != nil {
		return &token.LoginError{Flags: *w.Login, Err: failure}
	}
	return failure
}
