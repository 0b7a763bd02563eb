package signer

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// The codes of Error. They are stable: catalogues have a sentence for each.
const (
	CodeNotPDF                 = "not_pdf"
	CodeEmptyFile              = "empty_file"
	CodeTruncated              = "truncated"
	CodeDamagedPDF             = "damaged_pdf"
	CodePasswordNeeded         = "password_needed"
	CodeWrongPassword          = "wrong_password"
	CodeEncryptedForRecipients = "encrypted_for_recipients"
	CodeEncryptionUnsupported  = "encryption_unsupported"
	CodeNoPages                = "no_pages"
	CodeIsFolder               = "is_folder"
	CodeNotFound               = "not_found"
	CodeNoPermission           = "no_permission"
	CodeDiskFull               = "disk_full"
	CodeOutputExists           = "output_exists"
	CodeCertificateExpired     = "certificate_expired"
	CodeCertificateNotYetValid = "certificate_not_yet_valid"
	CodeCertificateUnusable    = "certificate_unusable"
	CodeWeakKey                = "weak_key"
	CodeKeyMismatch            = "key_mismatch"
	CodeLevelUnsupported       = "level_unsupported"
	CodeSigningForbidden       = "signing_forbidden"
	CodeVisibleForbidden       = "visible_forbidden"
	CodeFieldTaken             = "field_taken"
	CodeFieldLocked            = "field_locked"
	CodeFieldDemands           = "field_demands"
	CodeCertifyForbidden       = "certify_forbidden"
	CodeMarksForbidden         = "marks_forbidden"
	CodeUnsupportedAlgorithm   = "unsupported_algorithm"
	CodeFieldNotFound          = "field_not_found"
	CodeBadBox                 = "bad_box"
	CodeBoxHides               = "box_hides"
	CodeBadImage               = "bad_image"
	CodeBadText                = "bad_text"
	CodeSelfCheckFailed        = "self_check_failed"
	CodeTooComplex             = "too_complex"
	CodeKeyFailed              = "key_failed"
	CodeTimestampFailed        = "timestamp_failed"
	CodeTimestampUntrusted     = "timestamp_untrusted"
	CodeRootsMissing           = "roots_missing"
	CodeCertificateRevoked     = "certificate_revoked"
	CodeRevocationUnknown      = "revocation_unknown"
	CodeNoSignatures           = "no_signatures"
	CodeSignatureInvalid       = "signature_invalid"
	CodeLevelReached           = "level_reached"
	CodeInputChanged           = "input_changed"
	CodeReadError              = "read_error"
	CodeWriteError             = "write_error"
	CodeCancelled              = "cancelled"

	CodeEntryNotFound = "entry_not_found"
	CodeEntryTaken    = "entry_taken"
	CodeEntryTooSmall = "entry_too_small"
	CodeFieldsTooLate = "fields_too_late"
	CodeFieldsPresent = "fields_present"
)

// Codes lists every code, for tests of catalogues.
var Codes = []string{
	CodeNotPDF, CodeEmptyFile, CodeTruncated, CodeDamagedPDF, CodePasswordNeeded, CodeWrongPassword,
	CodeEncryptedForRecipients, CodeEncryptionUnsupported, CodeNoPages, CodeIsFolder, CodeNotFound,
	CodeNoPermission, CodeDiskFull, CodeOutputExists, CodeCertificateExpired, CodeCertificateNotYetValid,
	CodeCertificateUnusable, CodeWeakKey, CodeKeyMismatch, CodeLevelUnsupported, CodeSigningForbidden, CodeVisibleForbidden,
	CodeFieldTaken, CodeFieldLocked, CodeFieldDemands, CodeCertifyForbidden, CodeMarksForbidden, CodeUnsupportedAlgorithm,
	CodeFieldNotFound, CodeBadBox, CodeBoxHides, CodeBadImage, CodeBadText, CodeSelfCheckFailed, CodeTooComplex, CodeKeyFailed,
	CodeTimestampFailed, CodeTimestampUntrusted, CodeRootsMissing, CodeCertificateRevoked, CodeRevocationUnknown,
	CodeNoSignatures, CodeSignatureInvalid, CodeLevelReached, CodeInputChanged, CodeReadError, CodeWriteError, CodeCancelled,
	CodeEntryNotFound, CodeEntryTaken, CodeEntryTooSmall, CodeFieldsTooLate, CodeFieldsPresent,
}

// Error is every error of this package. Params are values for the sentence that belongs to the code.
type Error struct {
	Code   string
	Err    error
	Params map[string]string
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return e.Code + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// ErrExists is wrapped when the output is there already.
var ErrExists = errors.New("output exists")

// CodeOf answers the code of an error of this package, "" for any other.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// fail builds an Error; params are pairs of name and value.
func fail(code string, err error, params ...string) *Error {
	e := &Error{Code: code, Err: err}
	if len(params) > 1 {
		e.Params = make(map[string]string, len(params)/2)
		for i := 0; i+1 < len(params); i += 2 {
			e.Params[params[i]] = params[i+1]
		}
	}
	return e
}

var pdfCodes = map[pdf.Kind]string{
	pdf.KindEmpty: CodeEmptyFile, pdf.KindNotPDF: CodeNotPDF, pdf.KindTruncated: CodeTruncated,
	pdf.KindDamaged: CodeDamagedPDF, pdf.KindNoPages: CodeNoPages,
	pdf.KindPasswordNeeded: CodePasswordNeeded, pdf.KindWrongPassword: CodeWrongPassword,
	pdf.KindRecipients: CodeEncryptedForRecipients, pdf.KindEncryption: CodeEncryptionUnsupported,
	pdf.KindTooComplex: CodeTooComplex, pdf.KindRead: CodeReadError, pdf.KindUnsupported: CodeDamagedPDF,
}

// classify gives the code to an error of reading a PDF.
func classify(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if cancelled(err) {
		return fail(CodeCancelled, err)
	}
	code, ok := pdfCodes[pdf.KindOf(err)]
	if !ok {
		code = CodeReadError
	}
	return fail(code, err)
}

// drawing gives the code to an error of package appearance.
func drawing(err error) *Error {
	if g, ok := errors.AsType[*appearance.GlyphError](err); ok {
		return fail(CodeBadText, err, "character", string(g.Rune))
	}
	switch {
	case errors.Is(err, appearance.ErrImage):
		return fail(CodeBadImage, err)
	case errors.Is(err, appearance.ErrTooSmall), errors.Is(err, appearance.ErrBox):
		return fail(CodeBadBox, err)
	}
	return fail(CodeBadText, err)
}

// reading gives the code to an error of the operating system on the input, writing to one on the output.
func reading(err error, path string) *Error { return system(err, path, CodeReadError) }

func writing(err error, path string) *Error { return system(err, path, CodeWriteError) }

func system(err error, path, other string) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	code := other
	switch {
	case cancelled(err):
		code = CodeCancelled
	case errors.Is(err, fs.ErrNotExist):
		code = CodeNotFound
	case errors.Is(err, ErrExists), errors.Is(err, fs.ErrExist):
		code = CodeOutputExists
	case errors.Is(err, fs.ErrPermission), readOnly(err):
		code = CodeNoPermission
	case diskFull(err):
		code = CodeDiskFull
	case isFolder(err):
		code = CodeIsFolder
	}
	return fail(code, err, "path", path)
}

func cancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded)
}
