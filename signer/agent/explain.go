package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"strings"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// explanation is a failure in the words of the catalogue.
type explanation struct {
	code   string // stable, as in JSON
	key    string // of the sentence
	params map[string]string
	// refused: the service, or the want of it, stands in the way.
	refused bool
	// fatal: the next file would fail alike, so the batch stops.
	fatal bool
}

// Explain gives the stable code of an error and its sentence. File is the file
// it is about, "" if none.
func (c *Catalogue) Explain(err error, file string) (code, message string) {
	e := explain(err, file)
	return e.code, c.explained(e)
}

func (c *Catalogue) explained(e explanation) string {
	if text, known := c.lookUp(e.key, e.params); known {
		return text
	}
	return c.Sentence("agent.internal", "reason", e.code)
}

func explain(err error, file string) explanation {
	var own *Error
	if errors.As(err, &own) {
		return explainOwn(own)
	}
	if e, ok := explainCertificates(err); ok {
		return e
	}
	if code := worker.Code(err); code != "" {
		return explainToken(code, err)
	}
	var problem *wire.Problem
	if errors.As(err, &problem) {
		return explainProblem(problem)
	}
	if e, ok := explainService(err); ok {
		return e
	}
	var failure *signer.Error
	if errors.As(err, &failure) && !(failure.Code == signer.CodeKeyFailed && errors.Is(err, context.Canceled)) {
		return explainSigner(failure, file)
	}
	if code := pdfCodes[pdf.KindOf(err)]; code != "" {
		return explainSigner(&signer.Error{Code: code, Err: err}, file)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return explanation{code: "cancelled", key: "agent.cancelled", fatal: true}
	}
	return explanation{code: "internal", key: "agent.internal", params: map[string]string{"reason": err.Error()}}
}

// pdfCodes are the codes of errors that package validation passes through.
var pdfCodes = map[pdf.Kind]string{
	pdf.KindEmpty: signer.CodeEmptyFile, pdf.KindNotPDF: signer.CodeNotPDF, pdf.KindTruncated: signer.CodeTruncated,
	pdf.KindDamaged: signer.CodeDamagedPDF, pdf.KindNoPages: signer.CodeNoPages,
	pdf.KindPasswordNeeded: signer.CodePasswordNeeded, pdf.KindWrongPassword: signer.CodeWrongPassword,
	pdf.KindRecipients: signer.CodeEncryptedForRecipients, pdf.KindEncryption: signer.CodeEncryptionUnsupported,
	pdf.KindTooComplex: signer.CodeTooComplex, pdf.KindRead: signer.CodeReadError, pdf.KindUnsupported: signer.CodeDamagedPDF,
}

func explainOwn(own *Error) explanation {
	e := explanation{code: own.Code, key: "agent." + own.Code, params: own.Params}
	switch own.Code {
	case "not_paired", "service_unreachable", "service_untrusted", "service_nonsense", "log_forked":
		e.refused, e.fatal = true, true
	case "no_permission_out":
		e.code = signer.CodeNoPermission
	case "no_folder_out":
		e.code = signer.CodeNotFound
	case "receipt_invalid", "pin_needed", "pin_empty", "pin_file", "pin_too_long", "pin_final_try", "module_missing",
		"pin_maybe_final_try", "pin_tries_damaged", "pin_same", "pin_characters", "pin_length", "pin_weak", "pin_mismatch",
		"token_missing", "reader_missing", "reader_service_stopped", "reader_service_forbidden", "module_crashed_probed", "module_hangs_probed",
		"home_unusable", "journal_damaged", "cancelled":
		e.fatal = true
	}
	return e
}

// explainToken: a token that failed once is left alone for the rest of the batch.
func explainToken(code string, err error) explanation {
	e := explanation{code: code, key: "token." + code, params: map[string]string{}, fatal: true}
	var login *token.LoginError
	if errors.As(err, &login) {
		if code == "device_error" { // some modules say this of a wrong PIN
			e.key = "token.login_failed"
		}
		for name, set := range map[string]bool{"locked": login.Flags.PINLocked, "final_try": login.Flags.PINFinalTry, "count_low": login.Flags.PINCountLow} {
			if set {
				e.params[name] = "true"
			}
		}
	}
	var named *tokenError
	if errors.As(err, &named) {
		e.params["label"] = named.info.Label
	}
	var load *token.LoadError
	if errors.As(err, &load) {
		e.params["module"], e.params["reason"] = load.Path, load.Detail
	}
	var selection *token.SelectError
	if errors.As(err, &selection) {
		explainSelection(&e, selection)
	}
	var failure *token.Error
	if errors.As(err, &failure) {
		e.params["reason"] = failure.Detail
	}
	return e
}

func explainSelection(e *explanation, selection *token.SelectError) {
	var found []string
	for _, listing := range selection.Found {
		found = append(found, listing.Info.Label+" ("+listing.Info.Serial+")")
	}
	e.params["found"] = strings.Join(found, ", ")
	e.params["wanted"] = selection.Selector.TokenLabel
	if e.params["wanted"] == "" {
		e.params["wanted"] = selection.Selector.TokenSerial
	}
	if e.params["wanted"] == "" {
		e.params["wanted"] = selection.Selector.CertSHA256
	}
	if len(found) == 0 {
		e.key = "token.token_missing"
	}
}

func explainProblem(problem *wire.Problem) explanation {
	e := explanation{code: problem.Code, key: "service." + problem.Code, params: map[string]string{}, refused: true}
	for name, value := range problem.Params {
		e.params[name] = value
	}
	if !serviceCodes[problem.Code] {
		e.key = "service.unknown"
		e.params["code"], e.params["reason"] = problem.Code, problem.Detail
	}
	if problem.Code == wire.CodeInvalid {
		for _, field := range problem.Fields {
			e.params["reason"] = strings.TrimSpace(field.Field + ": " + field.Message)
			break
		}
	}
	switch problem.Code {
	case wire.CodeUnauthenticated, wire.CodeKeyEnded, wire.CodeAccountEnded, wire.CodeInternal, wire.CodeUnavailable, wire.CodeRateLimited,
		wire.RefusedTokenUnknown, wire.RefusedTokenReported, wire.RefusedTokenRetired, wire.RefusedTokenReturned,
		wire.RefusedTokenInSafe, wire.RefusedTokenNotAccepted, wire.RefusedPINLocked, wire.RefusedTokenWrittenOff, wire.RefusedNotCustodian, wire.RefusedNoPosition,
		wire.RefusedCertificateUnknown, wire.RefusedCertificateExpired, wire.RefusedCertificateRevoked:
		e.fatal = true
	}
	return e
}

// serviceCodes are the codes with a sentence of their own.
var serviceCodes = func() map[string]bool {
	known := make(map[string]bool)
	for _, code := range []string{
		wire.CodeInvalid, wire.CodeUnauthenticated, wire.CodeForbidden, wire.CodeNotFound, wire.CodeConflict,
		wire.CodeTooLarge, wire.CodeRateLimited, wire.CodeInternal, wire.CodeUnavailable, wire.CodeWrongPassword, wire.CodeFactorNeeded, wire.CodeFactorWrong, wire.CodeFactorUnset,
		wire.CodePairingCode, wire.CodeKeyEnded, wire.CodeAccountEnded, wire.CodeGrantExpired, wire.CodeSignatureInvalid, wire.CodeSignatureConflict, wire.CodeChallengeExpired, wire.CodeRequestRunning, wire.CodeRequestDone,
		wire.RefusedNotCustodian, wire.RefusedTokenUnknown, wire.RefusedTokenInSafe, wire.RefusedTokenNotAccepted,
		wire.RefusedTokenReported, wire.RefusedTokenReturned, wire.RefusedTokenRetired, wire.RefusedPINLocked, wire.RefusedTokenWrittenOff, wire.RefusedCertificateUnknown,
		wire.RefusedCertificateExpired, wire.RefusedCertificateRevoked, wire.RefusedActNotAllowed, wire.RefusedOutOfScope,
		wire.RefusedCapacity, wire.RefusedNoCompetentSignature, wire.RefusedDocumentUnstated, wire.RefusedNoPosition,
	} {
		known[code] = true
	}
	return known
}()

// explainService: no answer, an answer that is no answer, or a server that is
// not who it says.
func explainService(err error) (explanation, bool) {
	var nonsense *wire.NonsenseError
	if errors.As(err, &nonsense) {
		return explainOwn(fail("service_nonsense", err, "url", nonsense.URL)), true
	}
	var unreachable *wire.UnreachableError
	if !errors.As(err, &unreachable) {
		return explanation{}, false
	}
	if errors.Is(err, context.Canceled) {
		return explanation{code: "cancelled", key: "agent.cancelled", fatal: true}, true
	}
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		chain     *tls.CertificateVerificationError
	)
	if errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &invalid) || errors.As(err, &chain) {
		return explainOwn(fail("service_untrusted", err, "url", unreachable.URL)), true
	}
	return explainOwn(fail("service_unreachable", err, "url", unreachable.URL)), true
}

func explainSigner(failure *signer.Error, file string) explanation {
	e := explanation{code: failure.Code, key: "signer." + failure.Code, params: map[string]string{"file": filepath.Base(file)}}
	for name, value := range failure.Params {
		e.params[name] = value
	}
	if path := failure.Params["path"]; path != "" {
		e.params["file"] = filepath.Base(path)
	}
	if failure.Err != nil {
		e.params["reason"] = failure.Err.Error()
	}
	if demand := failure.Params["demand"]; demand != "" {
		e.key += "." + demand
	}
	switch failure.Code {
	case signer.CodeCancelled, signer.CodeTimestampFailed, signer.CodeTimestampUntrusted, signer.CodeRootsMissing, signer.CodeDiskFull:
		e.fatal = true
	}
	return e
}

// temporary says whether asking the service again later may succeed: it did not
// answer, or said that it can't now.
func temporary(err error) bool {
	var problem *wire.Problem
	if errors.As(err, &problem) {
		switch problem.Code {
		case wire.CodeInternal, wire.CodeUnavailable, wire.CodeRateLimited, wire.CodeUnauthenticated, wire.CodeKeyEnded, wire.CodeAccountEnded:
			return true
		}
		return false
	}
	var unreachable *wire.UnreachableError
	return errors.As(err, &unreachable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
