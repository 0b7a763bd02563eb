package wire

import "fmt"

// Problem is an RFC 9457 problem document. Code is stable; Detail is a sentence
// for a person, in the language of the request, that says the next step.
type Problem struct {
	Type     string            `json:"type,omitempty"`
	Title    string            `json:"title,omitempty"`
	Status   int               `json:"status"`
	Detail   string            `json:"detail,omitempty"`
	Instance string            `json:"instance,omitempty"`
	Code     string            `json:"code"`
	Params   map[string]string `json:"params,omitempty"`
	Fields   []FieldProblem    `json:"errors,omitempty"`
}

// FieldProblem says what is wrong with one field of a request.
type FieldProblem struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *Problem) Error() string {
	return fmt.Sprintf("custody service: %s (%d): %s", p.Code, p.Status, p.Detail)
}

// Codes of problems that are no refusal of a grant.
const (
	CodeInvalid           = "invalid"         // 400/422: a field is missing or malformed
	CodeUnauthenticated   = "unauthenticated" // 401: not signed in, or the API key is no longer good
	CodeForbidden         = "forbidden"       // 403: signed in, but not allowed
	CodeNotFound          = "not_found"       // 404
	CodeConflict          = "conflict"        // 409: the state has changed meanwhile
	CodeTooLarge          = "too_large"       // 413
	CodeRateLimited       = "rate_limited"    // 429
	CodeInternal          = "internal"        // 500: generic text, logged
	CodeUnavailable       = "unavailable"     // 503: e.g. the log is behind its mark
	CodeFactorNeeded      = "factor_needed"   // 401: the account has a second factor, and no code came
	CodeFactorWrong       = "factor_wrong"    // 401: not its code, or one that was used
	CodeFactorUnset       = "factor_unset"    // 403: the school requires a second factor, and the account has none
	CodeWrongPassword     = "wrong_password"
	CodePairingCode       = "pairing_code"       // unknown, used or expired
	CodeKeyEnded          = "key_ended"          // 401: the API key was ended; param at
	CodeAccountEnded      = "account_ended"      // 401: the person's account was; param until
	CodeGrantExpired      = "grant_expired"      // never for a finished signature: that is taken late and marked
	CodeSignatureInvalid  = "signature_invalid"  // the CMS does not verify against certificate and digest
	CodeSignatureConflict = "signature_conflict" // the grant has another signature recorded
	CodeChallengeExpired  = "challenge_expired"  // the proof came too late: ask for another challenge
	CodeRequestRunning    = "request_running"    // 409: the request of this Idempotency-Key is being carried out: send it again after Retry-After
	CodeRequestDone       = "request_done"       // 409: it was carried out, and its answer is not kept; params what, entry
)

// Codes of refused grants (HTTP 403 with Problem.Code).
const (
	RefusedNotCustodian         = "not_custodian"
	RefusedTokenUnknown         = "token_unknown"
	RefusedTokenInSafe          = "token_in_safe"
	RefusedTokenNotAccepted     = "token_not_accepted" // handed over, not yet accepted
	RefusedTokenReported        = "token_reported"     // lost, misplaced or suspected; params kind, at
	RefusedTokenReturned        = "token_returned"     // returned, or its return offered
	RefusedTokenRetired         = "token_retired"
	RefusedCertificateUnknown   = "certificate_unknown" // not the registered one
	RefusedCertificateExpired   = "certificate_expired"
	RefusedCertificateRevoked   = "certificate_revoked"
	RefusedActNotAllowed        = "act_not_allowed" // this kind of token never makes this act
	RefusedOutOfScope           = "out_of_scope"    // kind or act not in the custodian's scope
	RefusedCapacity             = "capacity_not_allowed"
	RefusedNoCompetentSignature = "no_competent_signature" // issue: nobody competent has signed
	RefusedDocumentUnstated     = "document_unstated"      // kind or purpose missing
	RefusedNoPosition           = "no_position"            // the person holds no position today
	RefusedPINLocked            = "pin_locked"             // reported so, and not yet recovered
	RefusedTokenWrittenOff      = "token_written_off"      // its custodian left and did not bring it back
)
