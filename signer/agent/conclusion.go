package agent

import (
	"slices"
	"strconv"
	"strings"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// What a clerk does with a document that came in. A signature that is invalid or
// missing is a reason to refuse it and to tell the sender why; where the signature
// is not to blame, somebody has to be asked first.
const (
	Accept = "accept"
	Refuse = "refuse"
	Ask    = "ask"
)

// Conclusion is the one answer about a document. Reason is stable.
type Conclusion struct {
	Decision string `json:"decision"` // Accept, Refuse, Ask
	Reason   string `json:"reason"`
	Message  string `json:"message"` // for a person, one sentence or two
}

// Reasons of conclusions. Those of refusal come first, then those of asking, the
// weightiest first.
const (
	ReasonDamaged      = "damaged"       // no PDF, or none that can be read
	ReasonUnsigned     = "unsigned"      // nobody's signature
	ReasonAltered      = "altered"       // the signed bytes were changed
	ReasonAlteredLater = "altered_later" // changes that a signature forbids
	ReasonBroken       = "broken"        // a signature is not in order otherwise

	ReasonUnreadable   = "unreadable"   // a password is needed, and the like
	ReasonLoss         = "loss"         // the token was reported lost, perhaps before the signature
	ReasonContradicted = "contradicted" // the log and the file do not agree
	ReasonSuspicious   = "suspicious"   // changes that may mislead
	ReasonRevoked      = "revoked"
	ReasonExpired      = "expired"
	ReasonUntrusted    = "untrusted"   // no way to a trusted root
	ReasonUnknown      = "unknown"     // nobody knows whether it is revoked
	ReasonWeak         = "weak"        // old algorithms
	ReasonDoubtful     = "doubtful"    // anything else
	ReasonNotLogged    = "not_logged"  // of the school's own token, but not in its log
	ReasonNotChecked   = "not_checked" // revocation was not asked for

	ReasonValid = "valid"
)

// ConclusionReasons lists them with their decisions, for tests of catalogues.
var ConclusionReasons = []Conclusion{
	{Decision: Refuse, Reason: ReasonDamaged}, {Decision: Refuse, Reason: ReasonUnsigned}, {Decision: Refuse, Reason: ReasonAltered},
	{Decision: Refuse, Reason: ReasonAlteredLater}, {Decision: Refuse, Reason: ReasonBroken},
	{Decision: Ask, Reason: ReasonUnreadable}, {Decision: Ask, Reason: ReasonLoss}, {Decision: Ask, Reason: ReasonContradicted},
	{Decision: Ask, Reason: ReasonSuspicious}, {Decision: Ask, Reason: ReasonRevoked}, {Decision: Ask, Reason: ReasonExpired},
	{Decision: Ask, Reason: ReasonUntrusted}, {Decision: Ask, Reason: ReasonUnknown}, {Decision: Ask, Reason: ReasonWeak},
	{Decision: Ask, Reason: ReasonDoubtful}, {Decision: Ask, Reason: ReasonNotLogged}, {Decision: Ask, Reason: ReasonNotChecked},
	{Decision: Accept, Reason: ReasonValid},
}

// conclude draws the conclusion from what was found in the file.
func (v Verification) conclude(f FileReport) Conclusion {
	reason, signer := conclusionOf(f)
	i := slices.IndexFunc(ConclusionReasons, func(c Conclusion) bool { return c.Reason == reason })
	c := ConclusionReasons[i]
	var names []string
	for _, s := range f.Signatures {
		if !s.Timestamp && !slices.Contains(names, clip(s.Signer, maxName)) {
			names = append(names, clip(s.Signer, maxName))
		}
	}
	const most = 5 // names in one sentence
	count := strconv.Itoa(len(names))
	if len(names) > most {
		names = append(names[:most], "…")
	}
	c.Message = v.Catalogue.Sentence("conclusion."+reason, "signer", clip(signer, maxName), "signers", strings.Join(names, ", "), "count", count, "error", f.Error)
	return c
}

// maxName bounds a name in a sentence, in characters: it is what a certificate says.
const maxName = 120

// clip cuts a text to so many characters, and shows that it did.
func clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// damage are the codes of files that can't be what the sender meant to send.
var damage = []string{signer.CodeEmptyFile, signer.CodeNotPDF, signer.CodeTruncated, signer.CodeDamagedPDF, signer.CodeNoPages}

// conclusionOf is the weightiest reason, and whose signature gives it.
func conclusionOf(f FileReport) (reason, signer string) {
	switch {
	case f.Error != "" && slices.Contains(damage, f.ErrorCode):
		return ReasonDamaged, ""
	case f.Error != "":
		return ReasonUnreadable, ""
	case !slices.ContainsFunc(f.Signatures, func(s SignatureReport) bool { return !s.Timestamp }):
		return ReasonUnsigned, ""
	}
	order := func(reason string) int {
		return slices.IndexFunc(ConclusionReasons, func(c Conclusion) bool { return c.Reason == reason })
	}
	reason = ReasonValid
	for _, s := range f.Signatures {
		if own := s.reason(); order(own) < order(reason) {
			reason, signer = own, s.Signer
		}
	}
	return reason, signer
}

// reason is what the signature says for the document's conclusion.
func (s SignatureReport) reason() string {
	switch {
	case s.Indication == string(validation.TotalFailed) && s.SubIndication == validation.HashFailure:
		return ReasonAltered
	case s.Indication == string(validation.TotalFailed) && s.LaterChanges == validation.ChangesForbidden:
		return ReasonAlteredLater
	case s.Indication == string(validation.TotalFailed):
		return ReasonBroken
	case reportedLoss(s.Log):
		return ReasonLoss
	case s.Log != nil && s.Log.State == LogContradicted:
		return ReasonContradicted
	case s.Indication == string(validation.TotalPassed):
		return s.passedReason()
	case s.LaterChanges == validation.ChangesSuspicious:
		return ReasonSuspicious
	}
	if reason, ok := subReasons[s.SubIndication]; ok {
		return reason
	}
	return ReasonDoubtful
}

func (s SignatureReport) passedReason() string {
	has := func(code string) bool {
		return slices.ContainsFunc(s.Details, func(d DetailReport) bool { return d.Code == code })
	}
	switch {
	case has(DetailReceiptInvalid):
		return ReasonContradicted
	case s.Log != nil && s.Log.State == LogMissing:
		return ReasonNotLogged
	case has(validation.DetailRevocationSkipped):
		return ReasonNotChecked
	}
	return ReasonValid
}

var subReasons = map[string]string{
	validation.RevokedNoPOE: ReasonRevoked, validation.RevokedCANoPOE: ReasonRevoked, validation.OutOfBoundsNoPOE: ReasonExpired,
	validation.NoCertificateChainFound: ReasonUntrusted, validation.TryLater: ReasonUnknown, validation.CryptoConstraintsFailure: ReasonWeak,
}

// reportedLoss says whether a loss of the token may concern the signature.
func reportedLoss(log *LogReport) bool {
	return log != nil && slices.ContainsFunc(log.Incidents, func(x LogIncident) bool { return x.When != ReportedAfter })
}
