package custody

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sokyso/custody/signinglog"
)

// NoticeID identifies a notice: a UUID as the other identifiers.
type NoticeID string

// NoticeKind says what a notice tells. There is a sentence for each in both
// languages (package custody/notices).
type NoticeKind string

// The kinds of notices about what has happened, in the order of noticeTable.
const (
	NoticeHandOverOffered   NoticeKind = "hand_over_offered"
	NoticeHandOverAccepted  NoticeKind = "hand_over_accepted"
	NoticeHandOverDeclined  NoticeKind = "hand_over_declined"
	NoticeHandOverWithdrawn NoticeKind = "hand_over_withdrawn"
	NoticeReturnOffered     NoticeKind = "return_offered"
	NoticeReturnAccepted    NoticeKind = "return_accepted"
	NoticeReturnDeclined    NoticeKind = "return_declined"
	NoticeReturnWithdrawn   NoticeKind = "return_withdrawn"
	NoticeIncident          NoticeKind = "incident"
	NoticeRevoked           NoticeKind = "certificate_revoked"
	NoticeRevocationLifted  NoticeKind = "revocation_lifted"
	NoticeTokenRegistered   NoticeKind = "token_registered"
	NoticePersonRegistered  NoticeKind = "person_registered"
	NoticeAdminRegistered   NoticeKind = "admin_registered"
	NoticePosition          NoticeKind = "position_given"
	NoticeScope             NoticeKind = "scope_given"
	NoticePositionEnds      NoticeKind = "position_ends"
	NoticeScopeEnds         NoticeKind = "scope_ends"
	NoticeAccountEnds       NoticeKind = "account_ends"
	NoticePairing           NoticeKind = "pairing"
	NoticeUnpairing         NoticeKind = "unpairing"
	NoticePossession        NoticeKind = "possession"
	NoticeSetting           NoticeKind = "setting_changed"
	NoticeRefusal           NoticeKind = "suspicious_refusal"
	NoticeAfterReport       NoticeKind = "signature_after_report"
	NoticeSupportAsked      NoticeKind = "support_asked"
	NoticeSupportStep       NoticeKind = "support_step"        // params state, due_on, addressee
	NoticeConfirmed         NoticeKind = "hand_over_confirmed" // param side: a side signed the minutes
	NoticePINLocked         NoticeKind = "pin_locked"
	NoticeRecoveryAsked     NoticeKind = "recovery_asked" // params form_number, form_on
	NoticePINRecovered      NoticeKind = "pin_recovered"
	NoticeWrittenOff        NoticeKind = "token_written_off"
	NoticeRetired           NoticeKind = "token_retired"  // params kind, paper
	NoticeCheckOpened       NoticeKind = "check_opened"   // params kind, due_on
	NoticeCheckSeen         NoticeKind = "check_seen"     // to who is to see a token too
	NoticeCheckNotSeen      NoticeKind = "check_not_seen" // to who had seen it
	NoticeCheckAbsent       NoticeKind = "check_absent"   // a custodian has a token not at hand
	NoticeCheckExcused      NoticeKind = "check_excused"  // to that custodian
	NoticeCheckClosed       NoticeKind = "check_closed"   // params proved, seen, missing, excused
	NoticeIncidentStep      NoticeKind = "incident_step"  // params step, done_at
	NoticeAlarm             NoticeKind = "alarm"          // param kind: somebody not signed in told of a loss
	NoticeAlarmDismissed    NoticeKind = "alarm_dismissed"
	NoticeSignatureReview   NoticeKind = "signature_review" // param verdict
	NoticeDocumentWaits     NoticeKind = "document_waits"   // to who is to sign next; params document_number, document_symbol
	NoticeReviewAsked       NoticeKind = "review_asked"     // of reviews: param subject_entry
	NoticeReviewAnswered    NoticeKind = "review_answered"
	NoticeReviewFlagged     NoticeKind = "review_flagged"
	NoticeReviewSettled     NoticeKind = "review_settled"
	NoticeUnlogged          NoticeKind = "unlogged_signature"
	NoticeKeyChanged        NoticeKind = "key_changed"
	NoticeResetAsked        NoticeKind = "reset_asked"
	NoticeAccountChange     NoticeKind = "account_change" // param kind: an AccountChangeKind
	NoticeRoleGiven         NoticeKind = "role_given"     // param role
	NoticeRoleEnded         NoticeKind = "role_ended"
	NoticeTokenChanged      NoticeKind = "token_changed" // any other entry about a token
)

// The kinds of notices about what becomes due, and about the service itself.
const (
	NoticeCertificateExpires NoticeKind = "certificate_expires" // params days, until
	NoticeCertificateExpired NoticeKind = "certificate_expired" // param until
	NoticeOfferWaits         NoticeKind = "offer_waits"         // params days, giver, receiver
	NoticeCheckWaits         NoticeKind = "check_waits"         // params check, due_on
	NoticeCheckWitnessWaits  NoticeKind = "check_witness_waits" // params check, due_on, person
	NoticeSupportLate        NoticeKind = "support_late"        // params support, state, due_on
	NoticeHandOverOverdue    NoticeKind = "hand_over_overdue"   // params days, until, giver, receiver
	NoticeDeadlineMissed     NoticeKind = "deadline_missed"     // params kind, since
	NoticeAuthorityDown      NoticeKind = "authority_down"      // params since, source
	NoticeDeliveryGivenUp    NoticeKind = "delivery_given_up"   // params channel, error
)

// Notice is what one recipient is told of one thing.
type Notice struct {
	ID        NoticeID
	Origin    string   // what it was derived of: entry/41, certificate/HASH/30
	Recipient PersonID // "" = the school as a whole: its chat group, its webhook
	Kind      NoticeKind
	Token     TokenID // "" = about none
	// Params are words, days, times and identifiers of people, by the names that the
	// sentences use. Names of people are looked up when it is shown, so that who was
	// erased is erased here too.
	Params map[string]string
	Urgent bool
	Quiet  bool   // on the screen only
	Entry  *int64 // log index; nil for what became due
	At     time.Time
}

// PersonParams are the params that hold identifiers of people.
var PersonParams = []string{signinglog.FieldActor, signinglog.FieldPerson, signinglog.FieldGiver, signinglog.FieldReceiver}

// placeParams name the thing whose page a notice leads to.
var placeParams = []string{"hand_over", "incident", "support", "check", "document"}

// Audience is a part that people have in an entry or in something due.
type Audience string

// The audiences.
const (
	TellPerson    Audience = "person"    // whom the entry is about
	TellGiver     Audience = "giver"     // of a hand-over
	TellReceiver  Audience = "receiver"  // of a hand-over
	TellCustodian Audience = "custodian" // who holds the token, or held it until this entry
	TellOwner     Audience = "owner"     // whose name the certificate bears
	TellPrincipal Audience = "principal"
	TellManagers  Audience = "managers" // the principal and admins
	// TellConfirmers: who may be the second person of a forgotten password, and who runs the
	// register; not whose account it is.
	TellConfirmers Audience = "confirmers"
	TellChecked    Audience = "checked" // who holds a token of the custody check
	TellSchool     Audience = "school"  // the chat group and the webhook
)

// NoticeFacts is who has a part in what is told.
type NoticeFacts struct {
	Custodians []PersonID // of the token, at the time of the entry
	Owner      PersonID
	Principals []PersonID // today, with an account that goes on
	Managers   []PersonID
	Confirmers []PersonID // principal, deputies and managers

	checked []PersonID // of the entry that opens a custody check; NoticesOf reads them
}

func (f NoticeFacts) members(a Audience, fields map[string]string) []PersonID {
	switch a {
	case TellPerson, TellGiver, TellReceiver:
		return []PersonID{PersonID(fields[string(a)])}
	case TellCustodian:
		return f.Custodians
	case TellOwner:
		return []PersonID{f.Owner}
	case TellPrincipal:
		return f.Principals
	case TellManagers:
		return f.Managers
	case TellConfirmers:
		return slices.DeleteFunc(slices.Clone(f.Confirmers), func(id PersonID) bool { return string(id) == fields[signinglog.FieldPerson] })
	case TellChecked:
		return f.checked
	}
	return nil
}

// Address makes one notice of n for each member of the audiences but the one who
// did it, who knows; self tells that one too. Nobody is told twice.
func (n Notice) Address(to []Audience, self bool, f NoticeFacts) []Notice {
	var all []Notice
	told := map[PersonID]bool{"": true}
	if actor := PersonID(n.Params[signinglog.FieldActor]); !self {
		told[actor] = true
	}
	for _, a := range to {
		if a == TellSchool {
			all = append(all, n)
			continue
		}
		for _, id := range f.members(a, n.Params) {
			if told[id] {
				continue
			}
			told[id] = true
			n.Recipient = id
			all = append(all, n)
			n.Recipient = ""
		}
	}
	return all
}

// NoticesOf derives what is to be told of an entry, to whom. An entry of a type that
// this version does not know is told to the custodian of its token.
func NoticesOf(index int64, e signinglog.Entry, f NoticeFacts) []Notice {
	rules, known := noticeTable[e.Type]
	if !known {
		rules = []noticeRule{{kind: NoticeTokenChanged, to: []Audience{TellCustodian, TellOwner}, when: func(e signinglog.Entry) bool { return e.Token() != "" }}}
	}
	f.checked = checkedBy(e)
	var all []Notice
	for _, rule := range rules {
		if rule.when != nil && !rule.when(e) {
			continue
		}
		n := Notice{Origin: fmt.Sprintf("entry/%d", index), Kind: rule.kind, Token: TokenID(e.Token()), Urgent: rule.urgent, Quiet: rule.quiet,
			Params: map[string]string{"type": string(e.Type)}, Entry: &index, At: e.At}
		if rule.daily {
			n.Origin = fmt.Sprintf("%s/%s/%s/%s", e.Type, e.Token(), e.Fields["code"], DateOf(e.At))
		}
		for _, name := range slices.Concat(PersonParams, placeParams, rule.params) {
			if value := e.Fields[name]; value != "" && value != signinglog.SystemActor && !signinglog.IsCommitment(value) {
				n.Params[name] = value
			}
		}
		all = append(all, n.Address(rule.to, rule.self, f)...)
	}
	for i := range all {
		all[i].Params = maps.Clone(all[i].Params)
	}
	return all
}

// checkedBy lists who held a token when a custody check of it was opened.
func checkedBy(e signinglog.Entry) []PersonID {
	items, err := ParseCheckItems(e.Fields["items"])
	if err != nil || e.Type != signinglog.TypeCheckOpening {
		return nil
	}
	var all []PersonID
	for _, item := range items {
		all = append(all, item.Custodian)
	}
	return all
}
