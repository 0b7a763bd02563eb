package custody

import "sokyso/custody/signinglog"

// noticeRule says who is told of entries of a type.
type noticeRule struct {
	kind   NoticeKind
	when   func(signinglog.Entry) bool // nil = always
	to     []Audience
	params []string // fields that the sentence needs, besides people
	urgent bool
	self   bool // who did it is told too: it may have been somebody else in their name
	quiet  bool // on the screen only
	daily  bool // once a day for the same token and code, however often it happens
}

// nobody stands for types that are told to nobody, on purpose.
var nobody = []noticeRule{}

func isReturn(e signinglog.Entry) bool   { return e.Fields["kind"] == string(Return) }
func isHandOver(e signinglog.Entry) bool { return !isReturn(e) }

func has(field string) func(signinglog.Entry) bool {
	return func(e signinglog.Entry) bool { return e.Fields[field] != "" }
}

func hasNo(field string) func(signinglog.Entry) bool {
	return func(e signinglog.Entry) bool { return e.Fields[field] == "" }
}

func ofKind(kind string) func(signinglog.Entry) bool {
	return func(e signinglog.Entry) bool { return e.Fields["kind"] == kind }
}

func isDismissal(e signinglog.Entry) bool { return e.Fields["outcome"] == string(AlarmDismissed) }

func ofStep(step PINStep) func(signinglog.Entry) bool {
	return func(e signinglog.Entry) bool { return e.Fields["step"] == string(step) }
}

func reviewStep(kind ReviewStepKind) func(signinglog.Entry) bool {
	return func(e signinglog.Entry) bool { return e.Fields["step"] == string(kind) }
}

// changesAccess: who gets into an account, or how, is another matter than before. Who
// was invited, and which link was withdrawn, its owner sees from the link.
func changesAccess(e signinglog.Entry) bool {
	switch AccountChangeKind(e.Fields["kind"]) {
	case AccountInvited, AccountLinkWithdrawn:
		return false
	}
	return !isProgramKey(e)
}

func isProgramKey(e signinglog.Entry) bool {
	kind := AccountChangeKind(e.Fields["kind"])
	return kind == ProgramKeyMade || kind == ProgramKeyEnded
}

// suspicious: a token is tried that its user must not have, or no longer.
func suspicious(e signinglog.Entry) bool {
	switch e.Fields["code"] {
	case RefusedTokenReported, RefusedNotCustodian, RefusedTokenRetired, RefusedTokenWrittenOff, RefusedCertificateRevoked:
		return e.Token() != ""
	}
	return false
}

var (
	bothSides = []Audience{TellGiver, TellReceiver}
	concerned = []Audience{TellCustodian, TellOwner, TellManagers}
)

// noticeTable says for each type of entry who hears of it. A test holds that every
// type stands here.
var noticeTable = map[signinglog.Type][]noticeRule{
	signinglog.TypeSchool: nobody,
	signinglog.TypePerson: {
		{kind: NoticePersonRegistered, to: []Audience{TellPerson}},
		{kind: NoticeAdminRegistered, when: has("admin"), to: []Audience{TellManagers}},
	},
	signinglog.TypePosition: {{kind: NoticePosition, to: []Audience{TellPerson, TellPrincipal}, params: []string{"title", "from", "until", "paper"}}},
	signinglog.TypeScope:    {{kind: NoticeScope, to: []Audience{TellPerson, TellPrincipal}, params: []string{"kinds", "from", "until", "paper"}}},
	// A delegation lends a scope; its paper stands in the register.
	signinglog.TypeDelegation:       {{kind: NoticeScope, to: []Audience{TellPerson, TellPrincipal}, params: []string{"kinds", "from", "until"}}},
	signinglog.TypeDelegationEnding: {{kind: NoticeScopeEnds, to: []Audience{TellPerson, TellManagers}, params: []string{"until"}}},
	signinglog.TypeCertificate:      {{kind: NoticeTokenChanged, to: concerned}},
	signinglog.TypePlacing:          nobody, // the register shows it
	signinglog.TypeToken:            {{kind: NoticeTokenRegistered, to: []Audience{TellOwner, TellManagers}}},
	signinglog.TypeOffer: {
		{kind: NoticeHandOverOffered, when: isHandOver, to: bothSides},
		{kind: NoticeReturnOffered, when: isReturn, to: []Audience{TellGiver, TellManagers}},
	},
	signinglog.TypeAcceptance: {
		{kind: NoticeHandOverAccepted, when: isHandOver, to: []Audience{TellGiver, TellReceiver, TellManagers, TellSchool}},
		{kind: NoticeReturnAccepted, when: isReturn, to: []Audience{TellGiver, TellManagers, TellSchool}},
	},
	signinglog.TypeDecline: {
		{kind: NoticeHandOverDeclined, when: isHandOver, to: []Audience{TellGiver, TellReceiver, TellManagers}},
		{kind: NoticeReturnDeclined, when: isReturn, to: []Audience{TellGiver, TellManagers}},
	},
	signinglog.TypeWithdrawal: {
		{kind: NoticeHandOverWithdrawn, when: isHandOver, to: bothSides},
		{kind: NoticeReturnWithdrawn, when: isReturn, to: []Audience{TellGiver, TellManagers}},
	},
	signinglog.TypeIncident:     {{kind: NoticeIncident, to: []Audience{TellCustodian, TellOwner, TellManagers, TellSchool}, params: []string{"kind"}, urgent: true}},
	signinglog.TypeIncidentStep: {{kind: NoticeIncidentStep, to: concerned, params: []string{"step", "done_at"}}},
	signinglog.TypeAlarm:        {{kind: NoticeAlarm, to: []Audience{TellManagers}, params: []string{"kind"}, urgent: true}},
	// One that blocked a token is told of as the incident that it became.
	signinglog.TypeAlarmDecision:   {{kind: NoticeAlarmDismissed, when: isDismissal, to: []Audience{TellManagers}, quiet: true}},
	signinglog.TypeSignatureReview: {{kind: NoticeSignatureReview, to: []Audience{TellPerson, TellManagers}, params: []string{"verdict"}}},
	signinglog.TypeRevocation: {
		{kind: NoticeRevoked, when: has("revoked_at"), to: []Audience{TellCustodian, TellOwner, TellManagers, TellSchool}, params: []string{"revoked_at", "source"}, urgent: true},
		{kind: NoticeRevocationLifted, when: hasNo("revoked_at"), to: concerned, params: []string{"source"}},
	},
	signinglog.TypeGrant:       nobody, // its signer asked for it and has the answer
	signinglog.TypeRefusal:     {{kind: NoticeRefusal, when: suspicious, to: concerned, params: []string{"code"}, urgent: true, daily: true}},
	signinglog.TypeAbandonment: nobody,
	signinglog.TypeSignature:   {{kind: NoticeAfterReport, when: has("after_report"), to: concerned, params: []string{"document_number", "document_symbol"}, urgent: true}},
	signinglog.TypePairing:     {{kind: NoticePairing, to: []Audience{TellPerson}, urgent: true, self: true}},
	signinglog.TypeUnpairing:   {{kind: NoticeUnpairing, to: []Audience{TellPerson}, self: true}},
	signinglog.TypeEnding: {
		{kind: NoticePositionEnds, when: ofKind("position"), to: []Audience{TellPerson, TellManagers}, params: []string{"until"}},
		{kind: NoticeScopeEnds, when: ofKind("scope"), to: []Audience{TellPerson, TellManagers}, params: []string{"until"}},
		{kind: NoticeAccountEnds, when: ofKind("account"), to: []Audience{TellPerson, TellManagers}, params: []string{"until"}},
	},
	signinglog.TypeSetting:        {{kind: NoticeSetting, to: []Audience{TellManagers}, params: []string{"name", "value"}}},
	signinglog.TypeSupportRequest: {{kind: NoticeSupportAsked, to: []Audience{TellPerson, TellManagers}, params: []string{"support", "kind"}}},
	signinglog.TypeSupportStep:    {{kind: NoticeSupportStep, to: []Audience{TellPerson, TellCustodian, TellManagers}, params: []string{"support", "state", "due_on", "addressee"}}},
	signinglog.TypeCheckOpening:   {{kind: NoticeCheckOpened, to: []Audience{TellChecked, TellManagers, TellSchool}, params: []string{"check", "kind", "due_on"}}},
	signinglog.TypeCheckStep: {
		{kind: NoticeCheckSeen, when: ofKind("seen"), to: []Audience{TellPerson}, params: []string{"check"}},
		{kind: NoticeCheckNotSeen, when: ofKind("not_witnessed"), to: []Audience{TellPerson, TellManagers}, params: []string{"check"}},
		{kind: NoticeCheckAbsent, when: ofKind("not_at_hand"), to: []Audience{TellManagers}, params: []string{"check"}},
		{kind: NoticeCheckExcused, when: ofKind("excused"), to: []Audience{TellPerson}, params: []string{"check"}},
	},
	signinglog.TypeCheckClosing: {{kind: NoticeCheckClosed, to: []Audience{TellManagers}, params: []string{"check", "proved", "seen", "missing", "excused"}}},
	signinglog.TypeConfirmation: {{kind: NoticeConfirmed, to: bothSides, params: []string{"side"}, quiet: true}},
	signinglog.TypePIN: {
		{kind: NoticePINLocked, when: ofStep(PINStepLocked), to: concerned},
		{kind: NoticeRecoveryAsked, when: ofStep(PINStepAsked), to: concerned, params: []string{"form_number", "form_on"}},
		{kind: NoticePINRecovered, when: ofStep(PINStepRecovered), to: concerned},
	},
	signinglog.TypeWriteOff:   {{kind: NoticeWrittenOff, to: []Audience{TellPerson, TellOwner, TellManagers, TellSchool}, urgent: true}},
	signinglog.TypeRetirement: {{kind: NoticeRetired, to: []Audience{TellPerson, TellOwner, TellManagers}, params: []string{"kind", "paper"}}},
	signinglog.TypeDocument:   {{kind: NoticeDocumentWaits, to: []Audience{TellPerson}, params: []string{"document_number", "document_symbol"}}},
	// What was looked through is told to nobody; what is asked and answered is, and what is found.
	signinglog.TypeLogReview: nobody,
	signinglog.TypeReviewStep: {
		{kind: NoticeReviewAsked, when: reviewStep(ReviewAsked), to: []Audience{TellPerson}, params: []string{"subject_entry"}},
		{kind: NoticeReviewAnswered, when: reviewStep(ReviewAnswered), to: []Audience{TellManagers}, params: []string{"subject_entry"}},
		{kind: NoticeReviewFlagged, when: reviewStep(ReviewFlagged), to: []Audience{TellPerson, TellManagers}, params: []string{"subject_entry"}},
		{kind: NoticeReviewSettled, when: reviewStep(ReviewSettled), to: []Audience{TellPerson, TellManagers}, params: []string{"subject_entry"}},
	},
	signinglog.TypeAccountChange: {
		{kind: NoticeResetAsked, when: ofKind(string(AccountResetAsked)), to: []Audience{TellConfirmers}, urgent: true},
		{kind: NoticeAccountChange, when: changesAccess, to: []Audience{TellPerson}, params: []string{"kind"}, urgent: true, self: true},
		{kind: NoticeAccountChange, when: isProgramKey, to: []Audience{TellManagers}, params: []string{"kind"}},
	},
	signinglog.TypeRoleChange: {
		{kind: NoticeRoleGiven, when: ofKind("given"), to: []Audience{TellPerson, TellManagers}, params: []string{"role"}, urgent: true},
		{kind: NoticeRoleEnded, when: ofKind("ended"), to: []Audience{TellPerson, TellManagers}, params: []string{"role"}},
	},
	// That they are let in is told by their role; when they came, the log and its page say.
	signinglog.TypeDepartmentChange: nobody,

	signinglog.TypeErasure:   nobody, // by who did it, or by the school's own setting
	signinglog.TypeKeyChange: {{kind: NoticeKeyChanged, to: []Audience{TellManagers}, urgent: true}},
	signinglog.TypeUnlogged:  {{kind: NoticeUnlogged, to: []Audience{TellPerson, TellOwner, TellManagers}, urgent: true}},
	// Papers are issued and filed by who needs them; what they are about is told itself.
	signinglog.TypePaper:       nobody,
	signinglog.TypeSignedPaper: nobody,
	// Its person is who has to sign next; a document that is done or withdrawn has none.
	signinglog.TypeDocumentStep: {{kind: NoticeDocumentWaits, when: func(e signinglog.Entry) bool { return e.Fields["step"] == "signed" }, to: []Audience{TellPerson}}},
	signinglog.TypePossession:   {{kind: NoticePossession, to: []Audience{TellManagers}, params: []string{"purpose"}, quiet: true}},
}
