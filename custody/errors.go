package custody

import (
	"errors"
	"fmt"
)

// Kinds of errors. Every error a person can do something about is an [*Error] or
// a [*Refusal]; anything else is a fault of the system.
var (
	ErrNotFound        = errors.New("not found")
	ErrConflict        = errors.New("conflict")
	ErrForbidden       = errors.New("forbidden")
	ErrInvalid         = errors.New("invalid")
	ErrUnauthenticated = errors.New("unauthenticated")
	ErrUnavailable     = errors.New("unavailable")
)

// Codes of errors. They are stable and the same as those of package
// httpapi/wire, which has a sentence for each in both languages.
const (
	CodeInvalid           = "invalid"
	CodeUnauthenticated   = "unauthenticated"
	CodeForbidden         = "forbidden"
	CodeNotFound          = "not_found"
	CodeConflict          = "conflict"
	CodeUnavailable       = "unavailable"
	CodePairingCode       = "pairing_code"
	CodeKeyEnded          = "key_ended"     // the agent's key was ended; param at
	CodeAccountEnded      = "account_ended" // the person's account was; param until
	CodeSignatureConflict = "signature_conflict"
	CodeChallengeExpired  = "challenge_expired"
	CodeRequestRunning    = "request_running" // the request of this key is being carried out
	CodeRequestDone       = "request_done"    // it was, and its answer is not kept; params what, entry
)

// Reasons are finer than codes: Params["reason"] of a conflict or a forbidden
// step says which. Each has a sentence of its own in the pages' catalogue.
const (
	ReasonFactorSet        = "factor_set"         // the account has a second factor already
	ReasonPasskeyMany      = "passkey_many"       // param most
	ReasonDuplicate        = "duplicate"          // param field: what is taken already
	ReasonHandOverOpen     = "hand_over_open"     // the token has an open offer
	ReasonHandOverDecided  = "hand_over_decided"  // somebody was faster; param state
	ReasonNotGiver         = "not_giver"          // only the custodian (from the safe: principal or admin) offers
	ReasonNotReceiver      = "not_receiver"       // only the receiver (into the safe: principal or admin) accepts
	ReasonSamePerson       = "same_person"        // nobody gives to or receives from themselves
	ReasonNeverLent        = "never_lent"         // personal tokens go between the safe and their owner only
	ReasonPermissionNeeded = "permission_needed"  // seal tokens: number and date of the written permission
	ReasonNoPosition       = "no_position"        // who is to get the seal holds no position today
	ReasonTokenReported    = "token_reported"     // blocked: it may only come back to the safe
	ReasonAlreadyInSafe    = "already_in_safe"    // nothing to return
	ReasonRequestReused    = "request_reused"     // the same request id with other content
	ReasonSchoolExists     = "school_exists"      // the register has one, or one of this code
	ReasonRoleOfAccount    = "role_of_account"    // the person was registered as an admin: the account is what ends
	ReasonOwnRole          = "own_role"           // an admin ends their own
	ReasonOfDepartment     = "of_department"      // somebody of the department's reads only
	ReasonReaderLeft       = "reader_left"        // their account at the school was ended
	ReasonVisitFactor      = "visit_factor"       // the school asks for a second factor
	ReasonVisitEnded       = "visit_ended"        // the leave to come from the department was used, is late or another browser's
	ReasonVisitReads       = "visit_reads"        // who comes from the department changes nothing
	ReasonWhichSchool      = "school_which"       // the register has several
	ReasonLogBehindMark    = "log_behind_mark"    // params mark, size
	ReasonLogForked        = "log_forked"         // params mark
	ReasonMarkUnwritable   = "mark_unwritable"    // the mark of the last change is not durable
	ReasonLogKey           = "log_key"            // the key is not the log's, or there is none
	ReasonInFuture         = "in_future"          // param field
	ReasonOwnerMustReceive = "owner_must_receive" // a personal token's receiver must be its owner
	ReasonReceiverLeft     = "receiver_left"      // the receiver's account has ended: they can't accept
	ReasonOnBehalf         = "on_behalf"          // who takes a token back for its custodian says why
	ReasonAdminOnly        = "admin_only"         // admins alone end positions, scopes and accounts
	ReasonEndsAlready      = "ends_already"       // it ends on that day or before; param until
	ReasonTooEarly         = "too_early"          // param field: a last day before there was anything to end
	ReasonLastAdmin        = "last_admin"         // nobody would be left to run the register
	ReasonHoldsTokens      = "holds_tokens"       // who ends it must say that they know
	ReasonTokenRetired     = "token_retired"      // nothing more is done with it
	ReasonSupportReported  = "support_reported"   // a reported token is revoked, not mended
	ReasonSupportNotLocked = "support_not_locked" // unlocking is asked for a token whose PIN is not reported locked
	ReasonSupportOpen      = "support_open"       // the same was asked for and is not done
	ReasonSupportClosed    = "support_closed"     // the request is done
	ReasonSupportStep      = "support_step"       // the request can't take this step now
	ReasonPastDay          = "past_day"           // param field: something becomes due on a day that has passed
	ReasonCheckOpen        = "check_open"         // another custody check is open
	ReasonCheckClosed      = "check_closed"       // its result is fixed
	ReasonCheckEmpty       = "check_empty"        // the school has no token to check
	ReasonCheckLarge       = "check_large"        // more tokens than one entry holds; param limit
	ReasonCheckDone        = "check_done"         // proven or seen already
	ReasonCheckProve       = "check_prove"        // who holds a token proves it by the agent
	ReasonCheckWitness     = "check_witness"      // two persons see it, neither its custodian
	ReasonCheckOwn         = "check_own"          // nobody excuses themselves

	ReasonStepFirst       = "step_first"       // params step, first: what must be recorded before
	ReasonStepDone        = "step_done"        // param step: it is recorded already
	ReasonStepTooLate     = "step_too_late"    // param step: the track is past it
	ReasonTrackEnded      = "track_ended"      // the incident is cleared or closed
	ReasonRevocationBegun = "revocation_begun" // what is to be revoked is not given back to use
	ReasonDeviceThere     = "device_there"     // the device is not missing
	ReasonPrincipalOnly   = "principal_only"   // the principal alone decides
	ReasonManagersOnly    = "managers_only"    // the principal or an admin does it
	ReasonByService       = "by_service"       // the service asks the authority by itself
	ReasonBeforeLoss      = "before_loss"      // param field: a moment before the loss was noticed
	ReasonPaperNeeded     = "paper_needed"     // param field: number and date of the step's paper
	ReasonNotReviewer     = "not_reviewer"     // its signer or the principal says whether a signature is genuine
	ReasonAlarmDecided    = "alarm_decided"    // somebody was faster; param alarm
	ReasonTooManyAlarms   = "too_many_alarms"  // more than AlarmsPerHour
	ReasonAfterDiscovery  = "after_discovery"  // param field: the last certain use lies after the loss was noticed

	ReasonRoute            = "route"              // who signs a document, and in which order, can't be so
	ReasonNoPDF            = "no_pdf"             // what was handed over is no PDF that can be read
	ReasonDocumentTooLarge = "document_too_large" // param limit, in megabytes
	ReasonDocumentDecided  = "document_decided"   // it does not wait any more; param document
	ReasonNotSigner        = "not_signer"         // it waits for somebody else
	ReasonNotSubmitter     = "not_submitter"      // only who submitted it, or who manages, withdraws it
	ReasonOtherSignature   = "other_signature"    // the file is not the signed form of what waits
	ReasonTicketUsed       = "ticket_used"        // a ticket opens once
	ReasonTicketExpired    = "ticket_expired"     // its minutes are over
	ReasonTicketForeign    = "ticket_foreign"     // it is for another person, computer or school
	ReasonTicketInvalid    = "ticket_invalid"     // altered, cut or mistyped
	ReasonAgentOnly        = "agent_only"         // only a paired computer takes a document in hand
	ReasonFileNotKept      = "file_not_kept"      // its bytes are not in the register (any more)

	ReasonNotWrittenOff  = "not_written_off"  // ends at once: each token still held comes back or is written off first
	ReasonStepNotAllowed = "step_not_allowed" // params token_state, token_step: not in the table of a token's life
	ReasonLastDayNeeded  = "last_day_needed"  // a temporary hand-over has a last day
	ReasonNotInSafe      = "not_in_safe"      // out of use goes what lies in the safe, or is blocked
	ReasonFormNeeded     = "form_needed"      // param field: number or date of the form
	ReasonOwnToken       = "own_token"        // a side confirms with their own personal token only
	ReasonConfirmed      = "confirmed"        // that side has confirmed with a signature already

	ReasonAccountGoesOn = "account_goes_on" // who can still sign in is not erased
	ReasonErasedAlready = "erased_already"  // nothing is left of the person

	ReasonLinkWaits       = "link_waits"        // a reset that nobody has confirmed yet
	ReasonLinkUsed        = "link_used"         // a link sets a password once
	ReasonLinkWithdrawn   = "link_withdrawn"    // it was ended, or a newer one was made
	ReasonLinkExpired     = "link_expired"      // its seven days are over
	ReasonLinkConfirmed   = "link_confirmed"    // somebody was faster
	ReasonSecondPerson    = "second_person"     // a reset is confirmed by somebody else than who made it
	ReasonProgramKeyEnded = "program_key_ended" // a program's key was ended, or its last day is over
	ReasonAccountOpen     = "account_open"      // it has a password: a forgotten one is reset
	ReasonAccountUnused   = "account_unused"    // it has no password yet: its owner is invited again

	ReasonSignInOwn      = "sign_in_own"      // one signs in with one's own personal token only
	ReasonSignInTaken    = "sign_in_taken"    // another agent has asked by its code, or it was signed
	ReasonSignInUnsigned = "sign_in_unsigned" // the token has not signed yet
	ReasonSignInNumber   = "sign_in_number"   // not the number that the agent shows; param left: tries
	ReasonSignInEnded    = "sign_in_ended"    // its minutes are over, it was used, or too many numbers were typed
	ReasonTooManySignIns = "too_many_sign_ins"

	ReasonTooManyViews = "too_many_views" // of the log, saved by one person
	ReasonNotAsked     = "not_asked"      // whose act an entry is answers what is asked about it
	ReasonNobodyToAsk  = "review_nobody"  // the entry is nobody's act, or that of who would ask
	ReasonOwnFlag      = "own_flag"       // what is flagged as somebody's is settled by another
	ReasonReviewStep   = "review_step"    // params step, last: not after what was said last
	ReasonReviewMoved  = "review_moved"   // somebody has reviewed the log in between
	ReasonUnseen       = "unseen"         // param unseen: how many entries nobody has looked at
)

// Error is an error that a person can do something about.
type Error struct {
	Kind   error             // one of the Err... above
	Code   string            // stable
	Params map[string]string // for the sentence; never secrets
	Err    error             // cause for the service's own log; may be nil
}

func (e *Error) Error() string {
	s := e.Code
	if reason := e.Params["reason"]; reason != "" {
		s += " (" + reason + ")"
	}
	if field := e.Params["field"]; field != "" {
		s += " " + field
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap yields the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Invalid says that a field is missing or malformed.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": field}, Err: fmt.Errorf(format, args...)}
}

// Conflict says that the state does not allow the step (any more).
func Conflict(reason string, params ...string) *Error {
	return &Error{Kind: ErrConflict, Code: CodeConflict, Params: withReason(reason, params)}
}

// Forbidden says that this person may not do it.
func Forbidden(reason string, params ...string) *Error {
	return &Error{Kind: ErrForbidden, Code: CodeForbidden, Params: withReason(reason, params)}
}

// NotFound says that there is no such thing, or none that this person may see.
func NotFound(what string) *Error {
	return &Error{Kind: ErrNotFound, Code: CodeNotFound, Params: map[string]string{"what": what}}
}

func withReason(reason string, params []string) map[string]string {
	m := make(map[string]string, 1+len(params)/2)
	if reason != "" {
		m["reason"] = reason
	}
	for i := 0; i+1 < len(params); i += 2 {
		m[params[i]] = params[i+1]
	}
	return m
}

// Refusal is a refused grant: its code is one of the Refused... constants.
type Refusal struct {
	Code   string
	Params map[string]string
}

func (r *Refusal) Error() string { return "grant refused: " + r.Code }

// Is makes a refusal an ErrForbidden.
func (r *Refusal) Is(target error) bool { return target == ErrForbidden }

// Codes of refused grants, the same as in package httpapi/wire.
const (
	RefusedNotCustodian         = "not_custodian"
	RefusedTokenUnknown         = "token_unknown"
	RefusedTokenInSafe          = "token_in_safe"
	RefusedTokenNotAccepted     = "token_not_accepted"
	RefusedTokenReported        = "token_reported"
	RefusedTokenReturned        = "token_returned"
	RefusedTokenRetired         = "token_retired"
	RefusedCertificateUnknown   = "certificate_unknown"
	RefusedCertificateExpired   = "certificate_expired"
	RefusedCertificateRevoked   = "certificate_revoked"
	RefusedActNotAllowed        = "act_not_allowed"
	RefusedOutOfScope           = "out_of_scope"
	RefusedCapacity             = "capacity_not_allowed"
	RefusedNoCompetentSignature = "no_competent_signature"
	RefusedDocumentUnstated     = "document_unstated"
	RefusedNoPosition           = "no_position"
	RefusedPINLocked            = "pin_locked"
	RefusedTokenWrittenOff      = "token_written_off"
)

// RefusalCodes lists all of them, for the catalogues' tests.
var RefusalCodes = []string{
	RefusedNotCustodian, RefusedTokenUnknown, RefusedTokenInSafe, RefusedTokenNotAccepted, RefusedTokenReported,
	RefusedTokenReturned, RefusedTokenRetired, RefusedCertificateUnknown, RefusedCertificateExpired,
	RefusedCertificateRevoked, RefusedActNotAllowed, RefusedOutOfScope, RefusedCapacity,
	RefusedNoCompetentSignature, RefusedDocumentUnstated, RefusedNoPosition, RefusedPINLocked, RefusedTokenWrittenOff,
}
