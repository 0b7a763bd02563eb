package signinglog

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Type says what an entry records.
type Type string

// The types of version 1. Their fields are in the package documentation.
const (
	TypeSchool      Type = "school"      // always entry 0
	TypePerson      Type = "person"      // a person was registered
	TypePosition    Type = "position"    // a person was given a position
	TypeScope       Type = "scope"       // a person may sign within a scope
	TypeToken       Type = "token"       // a token was registered with its certificate
	TypeOffer       Type = "offer"       // a hand-over or return was offered: the giver's signature
	TypeAcceptance  Type = "acceptance"  // it was accepted: the receiver's signature; custody begins or ends
	TypeDecline     Type = "decline"     // it was declined
	TypeWithdrawal  Type = "withdrawal"  // it was withdrawn by its giver
	TypeIncident    Type = "incident"    // loss, misplacement or suspicion was reported: the token is blocked
	TypeRevocation  Type = "revocation"  // a certificate is known to be revoked, or no longer
	TypeGrant       Type = "grant"       // leave for one signature
	TypeRefusal     Type = "refusal"     // leave was refused
	TypeAbandonment Type = "abandonment" // a grant was not used
	TypeSignature   Type = "signature"   // a finished signature
	TypePairing     Type = "pairing"     // an agent was paired with a person
	TypeUnpairing   Type = "unpairing"   // an agent's key was ended
	TypeEnding      Type = "ending"      // a position, a scope or an account ends before its last day
	TypePossession  Type = "possession"  // a person has proven to have a token and its PIN
	TypeSetting     Type = "setting"     // a setting of the school was changed

	TypeSupportRequest Type = "support_request" // the provider's help is asked for, for a token
	TypeSupportStep    Type = "support_step"    // it was sent, answered, solved, refused or withdrawn
	TypeCheckOpening   Type = "check_opening"   // a custody check begins, with the tokens to be checked
	TypeCheckStep      Type = "check_step"      // a token was seen, is not at hand, or its custodian is excused
	TypeCheckClosing   Type = "check_closing"   // the result of a custody check, token by token
	TypeCertificate    Type = "certificate"     // a token got another certificate, which follows the one before
	TypePlacing        Type = "placing"         // where a token is kept

	TypeIncidentStep    Type = "incident_step"    // a step of an incident's track
	TypeAlarm           Type = "alarm"            // somebody not signed in told of a loss: nothing is blocked by it
	TypeAlarmDecision   Type = "alarm_decision"   // an alarm was answered
	TypeSignatureReview Type = "signature_review" // a doubtful signature was said to be genuine, or not

	TypeDelegation       Type = "delegation"        // a paper by which the head has somebody sign
	TypeDelegationEnding Type = "delegation_ending" // it ends before its last day

	TypeDocument     Type = "document"      // a document was submitted to be signed by named people, in order
	TypeDocumentStep Type = "document_step" // what became of it: fetched, signed, declined, withdrawn
	TypePaper        Type = "paper"         // an official paper was issued
	TypeSignedPaper  Type = "signed_paper"  // a signed copy of a paper was kept

	TypeConfirmation Type = "confirmation" // a side confirmed a hand-over by the signature of their own token
	TypePIN          Type = "pin"          // a token's PIN was found locked, its recovery was asked, or it works again
	TypeWriteOff     Type = "write_off"    // a token that its custodian does not bring back: it is blocked
	TypeRetirement   Type = "retirement"   // a token goes out of use for good

	TypeLogReview  Type = "log_review"  // entries of the log were looked through
	TypeReviewStep Type = "review_step" // something was said of an entry: seen, asked, answered, flagged, settled
	TypeErasure    Type = "erasure"     // values of commitments were erased for good
	TypeKeyChange  Type = "key_change"  // from the next checkpoint on the log is signed with another key
	TypeUnlogged   Type = "unlogged"    // a signature was found that the log does not have

	TypeAccountChange Type = "account_change" // something was done with an account, or a program's key
	TypeRoleChange    Type = "role_change"    // an admin gave or ended a role

	TypeDepartmentChange Type = "department_change" // somebody of the department got a name at the school, or came
)

// Names of fields that several types have.
const (
	FieldActor       = "actor"  // who did it: a person's id, or SystemActor
	FieldVia         = "via"    // page, api, agent, cli
	FieldPerson      = "person" // whom it is about
	FieldToken       = "token"  // which token it is about
	FieldGiver       = "giver"
	FieldReceiver    = "receiver"
	FieldCertificate = "certificate" // SHA-256 of its DER
)

// SystemActor stands in FieldActor for the service's own command line.
const SystemActor = "system"

type valueCheck func(string) bool

type fieldRule struct {
	name     string
	check    valueCheck
	required bool
}

func must(name string, check valueCheck) fieldRule { return fieldRule{name, check, true} }
func may(name string, check valueCheck) fieldRule  { return fieldRule{name, check, false} }

func isText(string) bool   { return true } // checkValue has seen it
func isFlag(s string) bool { return s == "true" }
func isWord(s string) bool { return validName(s) }
func isDate(s string) bool {
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Format(time.DateOnly) == s
}
func isTime(s string) bool  { _, err := ParseTime(s); return err == nil }
func isActor(s string) bool { return s == SystemActor || isID(s) }

func isCount(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

// isID: a UUID in lower-case text (RFC 9562 §4).
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

var documentRules = []fieldRule{
	may("document_kind", isText), may("document_number", isText), may("document_symbol", isText),
	may("summary", IsCommitment), may("file_name", IsCommitment),
}

var actRules = []fieldRule{
	must("act", isWord), may("capacity", isText), must(FieldCertificate, isHash), must("sha256_in", isHash),
}

var handOverRules = []fieldRule{
	must("hand_over", isID), must("kind", isWord), must(FieldToken, isID), may(FieldGiver, isID), may(FieldReceiver, isID),
}

// rules holds the fields of each type of version 1, besides actor and via, which all have.
var rules = map[Type][]fieldRule{
	TypeSchool: {must("name", isText), must("code", isText), may("superior", isText), may("place", isText), must("log_key", isText)},
	TypePerson: {must(FieldPerson, isID), must("name", IsCommitment), may("email", IsCommitment), may("phone", IsCommitment), may("admin", isFlag)},
	TypePosition: {must(FieldPerson, isID), must("position", isID), must("kind", isWord), must("title", isText), must("from", isDate), may("until", isDate), may("paper", isText),
		may("field", isText), may("acting", isWord)},
	TypeScope: {must(FieldPerson, isID), must("scope", isID), must("acts", isText), must("kinds", isText), must("capacities", isText),
		must("from", isDate), may("until", isDate), may("paper", isText)},
	TypeToken: {must(FieldToken, isID), must("serial", isText), may("label", IsCommitment), may("model", isText), must("kind", isWord),
		may("owner", isID), must(FieldCertificate, isHash), may("chain_sha256", isHash), may("provider", isText)},
	TypeCertificate: {must(FieldToken, isID), must(FieldCertificate, isHash), must("replaces", isHash), may("chain_sha256", isHash), may("proposed_by", isID)},
	TypePlacing:     {must(FieldToken, isID), must("placing", isID), must("place", isText)},
	TypeDelegation: {must(FieldPerson, isID), must("grantor", isID), must("delegation", isID), must("capacity", isText), may("absence", isFlag), must("kinds", isText),
		must("from", isDate), may("until", isDate), must("paper_number", isText), must("paper_on", isDate), may("paper_signer", IsCommitment), may("content", IsCommitment)},
	TypeDelegationEnding: {must(FieldPerson, isID), must("ending", isID), must("delegation", isID), must("until", isDate), must("reason", IsCommitment)},
	TypeOffer: join(handOverRules, may("reason", IsCommitment), may("condition", IsCommitment), may("permission_number", isText), may("permission_on", isDate),
		may("permission_signer", IsCommitment), may("accessories", IsCommitment), may("reason_kind", isWord), may("since", isDate), may("until", isDate), may("witness", isID)),
	TypeAcceptance: join(handOverRules, must("offer", isCount),
		may("custody", isID),        // that begins; none when the token goes to the safe
		may("ends", isCount),        // entry of the custody that ends; none when it came from the safe
		may("pin_changed", isWord)), // yes or no; none where it was not said
	TypeDecline:    join(handOverRules, must("offer", isCount)),
	TypeWithdrawal: join(handOverRules, must("offer", isCount)),
	TypeIncident: {must("incident", isID), must("kind", isWord), must(FieldToken, isID), may(FieldPerson, isID), // its custodian
		must("discovered_at", isTime), may("last_used_at", isTime), may("pin_exposed", isFlag), may("pin", isWord), may("alarm", isID), // that it came from
		may("place", IsCommitment), must("description", IsCommitment)},
	TypeIncidentStep: {must("incident", isID), must("incident_entry", isCount), must("step", isWord), must("step_id", isID), must(FieldToken, isID), may(FieldPerson, isID), // its custodian
		must("done_at", isTime), may("paper_number", isText), may("paper_on", isDate), may("addressee", isText), may("revocation_entry", isCount), may("ends", isCount), may("note", IsCommitment)},
	TypeAlarm:         {must("alarm", isID), must("kind", isWord), must("name", IsCommitment), must("contact", IsCommitment), must("description", IsCommitment)},
	TypeAlarmDecision: {must("alarm", isID), must("alarm_entry", isCount), must("outcome", isWord), may("incident", isID), may(FieldToken, isID), may("reason", IsCommitment)},
	TypeSignatureReview: {must("review", isID), must("incident", isID), must("signature", isID), must("signature_entry", isCount), must(FieldToken, isID),
		must(FieldPerson, isID), must("verdict", isWord), may("note", IsCommitment)},
	TypeRevocation: {must(FieldCertificate, isHash), must(FieldToken, isID), may("revoked_at", isTime), must("source", isText)},
	TypeGrant: join(actRules, join(documentRules, must("grant", isID), must("request", isText), must(FieldToken, isID), must("custody_entry", isCount),
		must("expires_at", isTime), may("title", isText), may("purpose", IsCommitment),
		may("approval_entry", isCount), may("approval_certificate", isHash), may("approval_digest", isDigest), // an issue: what it rests on
		may("authority_entry", isCount))...), // the paper that lent the capacity
	TypeRefusal: join(actRules, join(documentRules, must("code", isWord), must("request", isText), may(FieldToken, isID), must("token_serial", isText),
		may("purpose", IsCommitment))...),
	TypeAbandonment: {must("grant", isID), must("grant_entry", isCount), must(FieldToken, isID), must("reason", isWord)},
	TypeSignature: join(actRules, join(documentRules, must("signature", isID), must("grant", isID), must("grant_entry", isCount), must("custody_entry", isCount),
		must(FieldToken, isID), must("sha256_out", isHash), must("byte_range_digest", isDigest), must("cms_sha256", isHash), must("level", isText),
		must("signature_field", isText), must("signed_at", isTime), may("late", isFlag), may("after_report", isFlag), may("clock_off", isFlag), must("signer", IsCommitment), may("title", isText),
		may("authority_entry", isCount))...),
	TypePairing:   {must(FieldPerson, isID), must("api_key", isID), must("key_sha256", isHash), must("device", IsCommitment)},
	TypeUnpairing: {must(FieldPerson, isID), must("api_key", isID), must("pairing_entry", isCount), may("device", IsCommitment)},
	TypeEnding: {must(FieldPerson, isID), must("ending", isID), must("kind", isWord), may("position", isID), may("scope", isID),
		must("until", isDate), must("reason", IsCommitment)},
	TypeSetting: {must("setting", isID), must("name", isWord), may("value", isText)},
	TypePaper: {must("paper_id", isID), must("kind", isWord), must("version", isCount), may("number", isCount), may("symbol", isText), must("dated", isDate),
		may(FieldToken, isID), may("hand_over", isID), may("incident", isID), may("check", isID), may("from", isDate), may("until", isDate), may("replaces_paper", isID),
		must("facts", IsCommitment), must("pdf", IsCommitment)}, // of their SHA-256 in hex
	TypeSignedPaper: {must("signed_paper", isID), must("paper_id", isID), must("paper_entry", isCount), may(FieldToken, isID), must("sha256", isHash), must("size", isCount),
		must("signatures", isCount), must("signers", IsCommitment)},
	TypeConfirmation: join(handOverRules, must("confirmation", isID), must("offer", isCount), must("side", isWord), must(FieldPerson, isID), must("signed_with", isID),
		must(FieldCertificate, isHash), must("minutes_sha256", isHash), must("challenge_sha256", isHash), must("cms_sha256", isHash)),
	TypePIN: {must("pin_step", isID), must(FieldToken, isID), may(FieldPerson, isID), // its custodian
		must("step", isWord), may("form_number", isText), may("form_on", isDate), may("note", IsCommitment)},
	TypeWriteOff: {must("write_off", isID), must(FieldToken, isID), must(FieldPerson, isID), must("custody_entry", isCount), must("reason", IsCommitment)},
	TypeRetirement: {must(FieldToken, isID), must("kind", isWord), may("paper", isText), may(FieldPerson, isID), // its custodian until then
		may("ends", isCount), must("reason", IsCommitment)},
	TypePossession: {must(FieldPerson, isID), must(FieldToken, isID), must("possession", isID), must(FieldCertificate, isHash), must("purpose", isWord),
		must("challenge_sha256", isHash), must("cms_sha256", isHash), must("custody_entry", isCount)},
	TypeSupportRequest: {must("support", isID), must(FieldToken, isID), may(FieldPerson, isID), must("kind", isWord), must("description", IsCommitment),
		may("present", IsCommitment), may("wanted", IsCommitment)}, // of a change: what the certificate says, and what it should
	TypeSupportStep: {must("support", isID), must("step", isID), must(FieldToken, isID), may(FieldPerson, isID), must("state", isWord), must("request_entry", isCount), may("addressee", isText),
		may("paper_number", isText), may("paper_on", isDate), may("due_on", isDate), may("note", IsCommitment)},
	TypeCheckOpening: {must("check", isID), must("kind", isWord), must("period", isText), must("due_on", isDate), must("items", isText), may("note", IsCommitment)},
	TypeCheckStep:    {must("check", isID), must("step", isID), must(FieldToken, isID), must("kind", isWord), may(FieldPerson, isID), may("reason", IsCommitment)},
	TypeCheckClosing: {must("check", isID), must("opening_entry", isCount), must("proved", isCount), must("seen", isCount), must("missing", isCount),
		must("excused", isCount), must("results", isText), may("conclusion", IsCommitment)},
	TypeDocument: join(documentRules, must("document", isID), must(FieldPerson, isID), must("route", isText), must("sha256_in", isHash), must("size", isCount),
		may("due", isDate), may("note", IsCommitment)),
	TypeLogReview: {must("review", isID), must("from_entry", isCount), must("until_entry", isCount), must("signatures", isCount), must("points", isCount), must("unseen", isCount),
		may("skipped", isFlag), may("note", IsCommitment)},
	TypeReviewStep: {must("review_step", isID), must("subject_entry", isCount), must("step", isWord), may(FieldPerson, isID), may(FieldToken, isID), may("note", IsCommitment)},
	TypeAccountChange: {must("account_change", isID), must("kind", isWord), may(FieldPerson, isID), may("subject", isID), may("secret_sha256", isHash), may("scopes", isText),
		may("expires_at", isTime), may("name", IsCommitment)}, // of a program's key
	TypeRoleChange:       {must("role_change", isID), must("kind", isWord), must("role", isWord), must(FieldPerson, isID), may("subject", isID)},
	TypeDepartmentChange: {must("department_change", isID), must("kind", isWord), must(FieldPerson, isID), must("home_school", isID), must("home_person", isID)},
	TypeErasure:          {must("erasure", isID), must("kind", isWord), may(FieldPerson, isID), may("before_entry", isCount), must("removed", isCount), may("reason", IsCommitment)},
	TypeKeyChange:        {must("old_key", isText), must("new_key", isText)},
	TypeUnlogged: {must("unlogged", isID), must(FieldToken, isID), may(FieldPerson, isID), must(FieldCertificate, isHash), must("byte_range_digest", isDigest), must("cms_sha256", isHash),
		must("file_sha256", isHash), must("signature_field", isText), may("stated_at", isTime), may("file_name", IsCommitment)},
	TypeDocumentStep: {must("document", isID), must("document_step", isID), must("step", isWord), must("number", isCount), may(FieldPerson, isID), may("api_key", isID),
		may("signature_entry", isCount), may("sha256_out", isHash), may("reason", IsCommitment)},
}

func join(a []fieldRule, b ...fieldRule) []fieldRule {
	return append(append([]fieldRule(nil), a...), b...)
}

// Types lists the types of version 1 in the order of their names.
func Types() []Type { return slices.Sorted(maps.Keys(rules)) }

// KnownType reports whether the type is one of version 1.
func KnownType(t Type) bool { _, ok := rules[t]; return ok }

// Check reports whether the entry has the fields of its type and no others, each
// in its form. A log is made of entries that pass it; readers of single receipts
// need not ask.
func (e Entry) Check() error {
	rulesOfType, ok := rules[e.Type]
	if !ok {
		return fmt.Errorf("%w: unknown type %q", ErrMalformedEntry, e.Type)
	}
	if !isID(e.School) {
		return fmt.Errorf("%w: school %.40q is not an id", ErrMalformedEntry, e.School)
	}
	known := 0
	for _, rule := range append([]fieldRule{must(FieldActor, isActor), must(FieldVia, isWord)}, rulesOfType...) {
		value := e.Fields[rule.name]
		switch {
		case value == "" && rule.required:
			return fmt.Errorf("%w: %s has no field %s", ErrMalformedEntry, e.Type, rule.name)
		case value != "" && !rule.check(value):
			return fmt.Errorf("%w: %s: field %s has the value %.80q", ErrMalformedEntry, e.Type, rule.name, value)
		case value != "":
			known++
		}
	}
	present := 0
	for _, value := range e.Fields {
		if value != "" {
			present++
		}
	}
	if known != present {
		return fmt.Errorf("%w: %s has fields that this version does not know", ErrMalformedEntry, e.Type)
	}
	return nil
}

// Actor returns the id of the person who did it; "" for the system.
func (e Entry) Actor() string {
	if actor := e.Fields[FieldActor]; actor != SystemActor {
		return actor
	}
	return ""
}

// Subject returns the id of the other person the entry is about: the person
// named, or the other side of a hand-over; "" when there is none but the actor.
func (e Entry) Subject() string {
	for _, name := range []string{FieldPerson, FieldReceiver, FieldGiver} {
		if id := e.Fields[name]; id != "" && id != e.Actor() {
			return id
		}
	}
	return ""
}

// Token returns the id of the token the entry is about; "" when it is about none.
func (e Entry) Token() string { return e.Fields[FieldToken] }
