package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody/signinglog"
	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// Verification says how files are checked.
type Verification struct {
	Roots     *Roots        // nil = nothing is trusted, at best INDETERMINATE
	At        time.Time     // zero = now
	Offline   bool          // no network
	LogKey    note.Verifier // checks receipts; nil = they are named as unchecked
	Receipt   string        // path of the receipt; "" = the one beside each file
	Register  *Register     // of the paired service; nil = it is not asked
	Measure   bool          // the size and SHA-256 of each file too
	Passwords *Passwords    // of encrypted files; nil = only those that need none are read
	Catalogue *Catalogue
	Now       func() time.Time // nil = time.Now

	Cache          *validation.Cache // shared by files checked against the same roots; nil = one for each file
	PrivateIssuers bool              // see validation.Options
}

// FileReport is what is found in one file. The JSON form is part of the command
// line's contract.
type FileReport struct {
	File       string            `json:"file"`
	Signatures []SignatureReport `json:"signatures"`
	Error      string            `json:"error,omitempty"`      // for a person; the file can't be read
	ErrorCode  string            `json:"error_code,omitempty"` // stable
	Conclusion Conclusion        `json:"conclusion"`

	Size   int64  `json:"size,omitempty"`   // bytes; with Verification.Measure
	SHA256 string `json:"sha256,omitempty"` // hex
}

// SignatureReport is the verdict on one signature.
type SignatureReport struct {
	Field             string         `json:"field"`
	Indication        string         `json:"indication"`
	SubIndication     string         `json:"sub_indication"`
	Signer            string         `json:"signer"`
	CertificateSHA256 string         `json:"certificate_sha256"`
	Level             string         `json:"level"`
	ClaimedTime       string         `json:"claimed_time"` // RFC 3339, "" when there is none
	BestTime          string         `json:"best_time"`
	Covers            string         `json:"covers"`
	LaterChanges      string         `json:"later_changes"`
	Details           []DetailReport `json:"details"`

	Timestamp      bool         `json:"timestamp,omitempty"`       // a document time-stamp, nobody's signature
	Issuer         string       `json:"issuer,omitempty"`          // of the certificate
	World          string       `json:"world,omitempty"`           // WorldGovernment ...; "" when no root is reached
	NotBefore      string       `json:"not_before,omitempty"`      // RFC 3339, of the certificate
	NotAfter       string       `json:"not_after,omitempty"`       //
	TimestampTime  string       `json:"timestamp_time,omitempty"`  // that a time-stamp proves
	TimestampMaker string       `json:"timestamp_maker,omitempty"` //
	Steps          []StepReport `json:"steps"`                     // the chain of reasons
	Log            *LogReport   `json:"log,omitempty"`             // what the paired service's log says
}

// DetailReport is one finding with its sentence.
type DetailReport struct {
	Code    string            `json:"code"`
	Params  map[string]string `json:"params,omitempty"`
	Message string            `json:"message"`
}

// Indication is the worst of the file's indications; a file that can't be read
// or has no signature is INDETERMINATE.
func (f FileReport) Indication() validation.Indication {
	worst := validation.TotalPassed
	if f.Error != "" || len(f.Signatures) == 0 {
		worst = validation.Indeterminate
	}
	for _, s := range f.Signatures {
		switch validation.Indication(s.Indication) {
		case validation.TotalFailed:
			return validation.TotalFailed
		case validation.TotalPassed:
		default:
			worst = validation.Indeterminate
		}
	}
	return worst
}

// Status is the exit status of the command line for this file: 0 all
// TOTAL-PASSED, 3 any TOTAL-FAILED, 4 otherwise.
func (f FileReport) Status() int {
	switch f.Indication() {
	case validation.TotalPassed:
		return 0
	case validation.TotalFailed:
		return 3
	}
	return 4
}

// Verify checks one file and the receipt beside it.
func (v Verification) Verify(ctx context.Context, path string) FileReport {
	report := FileReport{File: path, Signatures: []SignatureReport{}}
	source, err := signer.OpenFile(path)
	if err == nil {
		defer source.Close()
		if v.Measure {
			err = report.measure(ctx, source)
		}
	}
	if err == nil {
		var found *validation.Report
		err = v.Passwords.open(ctx, path, func(password pdf.Password) error {
			options := v.options()
			options.Password = password
			var err error
			found, err = validation.Validate(ctx, source, source.Size(), options)
			return err
		})
		if err == nil {
			report.Signatures = v.signatures(ctx, found, source, path)
			report.Conclusion = v.conclude(report)
			return report
		}
	}
	report.ErrorCode, report.Error = v.Catalogue.Explain(err, path)
	report.Conclusion = v.conclude(report)
	return report
}

func (v Verification) options() validation.Options {
	options := validation.Options{At: v.At, Offline: v.Offline, Now: v.Now, Cache: v.Cache, PrivateIssuers: v.PrivateIssuers}
	if v.Roots != nil {
		options.Roots, options.Intermediates = v.Roots.Pool, v.Roots.Intermediates
		// Addresses of revocation lists stand in certificates that lead to roots
		// which this person named: a school's own CA may well be inside its network.
		options.AllowPrivate = true
	}
	return options
}

func (v Verification) signatures(ctx context.Context, found *validation.Report, source signer.Source, path string) []SignatureReport {
	receipt := v.receiptDetail(found, source, path)
	reports := make([]SignatureReport, 0, len(found.Signatures))
	for i := range found.Signatures {
		s := &found.Signatures[i]
		report := SignatureReport{
			Field: s.Field, Indication: string(s.Indication), SubIndication: s.SubIndication, Signer: s.Signer,
			CertificateSHA256: s.CertificateSHA256, Level: s.Level, ClaimedTime: formatTime(s.ClaimedTime),
			BestTime: formatTime(s.BestTime), Covers: s.Covers, LaterChanges: s.LaterChanges, Details: []DetailReport{},
		}
		for _, d := range s.Details {
			report.Details = append(report.Details, v.detail(d.Code, d.Params))
		}
		receipted := false
		if receipt != nil && receipt.signature == i {
			report.Details = append(report.Details, v.detail(receipt.code, receipt.params))
			receipted = receipt.code == DetailReceiptValid
		}
		if !v.Offline {
			report.Log = v.Register.ask(ctx, v.Catalogue, source, found, i)
			report.Details = append(report.Details, v.logDetails(report.Log, receipted)...)
		}
		report.describe(s)
		report.Steps = stepsOf(report)
		reports = append(reports, report)
	}
	return reports
}

func (v Verification) detail(code string, params map[string]string) DetailReport {
	values := params
	if kind := params["kind"]; kind != "" {
		values = maps.Clone(params)
		values["what"] = v.Catalogue.text("change."+kind, nil)
	}
	return DetailReport{Code: code, Params: params, Message: v.Catalogue.text("detail."+code, values)}
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// Codes of details about the receipt beside a file.
const (
	DetailReceiptValid     = "receipt_valid"   // entry, at, school
	DetailReceiptInvalid   = "receipt_invalid" // reason
	DetailReceiptUnchecked = "receipt_unchecked"
)

// receiptFinding belongs to the signature that the receipt is for.
type receiptFinding struct {
	signature int
	code      string
	params    map[string]string
}

// receiptDetail checks the receipt that is named, or the one beside the file, if there is one: that the
// log's key signed it, that its entry is in the log, and that the entry is about
// a signature of this file. Without a fitting signature the last one bears it.
func (v Verification) receiptDetail(found *validation.Report, source io.ReaderAt, path string) *receiptFinding {
	if v.Receipt == "" {
		path += receiptSuffix
	} else {
		path = v.Receipt
	}
	receipt, err := readReceipt(path)
	if v.Receipt == "" && errors.Is(err, os.ErrNotExist) || len(found.Signatures) == 0 {
		return nil
	}
	finding := &receiptFinding{signature: len(found.Signatures) - 1, params: map[string]string{}}
	invalid := func(err error) *receiptFinding {
		finding.code, finding.params["reason"] = DetailReceiptInvalid, err.Error()
		return finding
	}
	if err != nil {
		return invalid(err)
	}
	if v.LogKey == nil {
		finding.code = DetailReceiptUnchecked
		return finding
	}
	entry, _, err := signinglog.CheckReceipt(receipt, v.LogKey)
	if err != nil {
		return invalid(err)
	}
	if entry.Type != signinglog.TypeSignature {
		return invalid(fmt.Errorf("entry %d is no signature", receipt.Index))
	}
	for i := range found.Signatures {
		if entryNames(entry, &found.Signatures[i]) {
			finding.signature = i
			same, err := wasOutput(source, found, i, entry.Fields["sha256_out"])
			if err != nil {
				return invalid(err)
			}
			if !same {
				return invalid(errors.New("the file was another when it was signed"))
			}
			finding.code = DetailReceiptValid
			finding.params["entry"], finding.params["at"] = strconv.FormatInt(receipt.Index, 10), entry.At.Format(time.RFC3339)
			return finding
		}
	}
	return invalid(fmt.Errorf("entry %d is about another signature", receipt.Index))
}

// entryNames says whether the entry is about this very signature.
func entryNames(entry signinglog.Entry, s *validation.Signature) bool {
	cms := sha256.Sum256(s.CMS)
	return len(s.CMS) > 0 && entry.Fields["cms_sha256"] == hex.EncodeToString(cms[:]) &&
		entry.Fields["byte_range_digest"] == hex.EncodeToString(s.ByteRangeDigest) &&
		entry.Fields[signinglog.FieldCertificate] == s.CertificateSHA256
}

// wasOutput says whether the file, up to the end of a signature's ByteRange or of a
// later revision, has that SHA-256: the levels above b-t add revisions of their
// own to the one that is signed.
func wasOutput(source io.ReaderAt, found *validation.Report, signature int, sha256Hex string) (bool, error) {
	byteRange := found.Signatures[signature].ByteRange
	ends := []int64{byteRange[2] + byteRange[3]}
	for _, end := range found.Revisions {
		if end > ends[len(ends)-1] {
			ends = append(ends, end)
		}
	}
	digest, at := sha256.New(), int64(0)
	for _, end := range ends {
		if _, err := io.Copy(digest, io.NewSectionReader(source, at, end-at)); err != nil {
			return false, fmt.Errorf("read the signed revision: %w", err)
		}
		if hex.EncodeToString(digest.Sum(nil)) == sha256Hex {
			return true, nil
		}
		at = end
	}
	return false, nil
}

// LogVerifier reads a log key from a file or a text, else takes the paired one;
// nil when there is none.
func LogVerifier(home, given string) (note.Verifier, error) {
	if given == "" && home == "" {
		return nil, nil
	}
	if given == "" {
		pairing, err := ReadPairing(home)
		if err != nil || pairing == nil {
			return nil, err
		}
		return pairing.verifier()
	}
	if content, err := readBounded(given, 4096); err == nil {
		given = string(content)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(given))
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	return verifier, nil
}
