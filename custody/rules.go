package custody

import (
	"slices"
	"strings"
	"time"
)

// DecideGrant gives leave for one signature (nil) or refuses it with a *Refusal.
// Of several reasons it names the one that helps most: first where the token is,
// then its certificate, then what is to be signed and by whom.
func DecideGrant(r GrantRequest, f GrantFacts, now time.Time) error {
	for _, check := range []func(GrantRequest, GrantFacts, time.Time) *Refusal{checkHolding, checkCertificate, checkCompetence} {
		if refusal := check(r, f, now); refusal != nil {
			return refusal
		}
	}
	return nil
}

func refuse(code string, params ...string) *Refusal {
	return &Refusal{Code: code, Params: withReason("", params)}
}

// checkHolding: this person holds this token now, and it is fit for use (the
// school's regulation: one custodian, report at once, return when not used).
func checkHolding(_ GrantRequest, f GrantFacts, _ time.Time) *Refusal {
	switch {
	case f.Token == nil:
		return refuse(RefusedTokenUnknown)
	case f.Retired:
		return refuse(RefusedTokenRetired)
	case f.Incident != nil:
		return refuse(RefusedTokenReported, "kind", string(f.Incident.Kind), "at", f.Incident.ReportedAt.UTC().Format(time.RFC3339))
	case f.WrittenOff:
		return refuse(RefusedTokenWrittenOff)
	case f.Custody != nil && f.Custody.Person == f.Person:
		if f.Offer != nil {
			return refuse(RefusedTokenReturned) // return offered, or given away
		}
		if f.PIN.Locked() {
			return refuse(RefusedPINLocked)
		}
		return nil
	case f.Offer != nil && f.Offer.To == f.Person && f.Person != "":
		return refuse(RefusedTokenNotAccepted)
	case f.Custody != nil:
		return refuse(RefusedNotCustodian)
	case f.Last != nil && f.Last.Person == f.Person:
		return refuse(RefusedTokenReturned)
	}
	return refuse(RefusedTokenInSafe)
}

// checkCertificate: the registered one, in its validity, not known to be revoked.
func checkCertificate(_ GrantRequest, f GrantFacts, now time.Time) *Refusal {
	i := slices.IndexFunc(f.Certificates, func(c Certificate) bool { return c.SHA256 == f.Requested })
	if i < 0 {
		return refuse(RefusedCertificateUnknown)
	}
	c := f.Certificates[i]
	switch {
	case c.RevokedAt != nil:
		return refuse(RefusedCertificateRevoked, "at", c.RevokedAt.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return refuse(RefusedCertificateExpired, "not_before", c.NotBefore.UTC().Format(time.RFC3339), "not_after", c.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkCompetence: the document is stated, the act fits the kind of token, and
// the person may sign it in this capacity (Decree 30/2020/NĐ-CP Art. 13); the
// seal signature issues only what somebody competent has signed (Art. 32-33).
func checkCompetence(r GrantRequest, f GrantFacts, now time.Time) *Refusal {
	today := DateOf(now)
	position, hasPosition := PositionOn(f.Positions, today)
	switch {
	case !r.Document.Stated():
		return refuse(RefusedDocumentUnstated)
	case r.Act.OfSeal() != (f.Token.Kind == Seal):
		return refuse(RefusedActNotAllowed, "act", string(r.Act), "token", string(f.Token.Kind))
	case !hasPosition:
		return refuse(RefusedNoPosition)
	case f.Token.Kind == Seal:
		if refusal := checkSeal(r, f, today); refusal != nil {
			return refusal
		}
		switch {
		case r.Act != Issue || f.Approval != nil:
			return nil
		case f.Approved != nil:
			return refuse(RefusedNoCompetentSignature, "approved_as", f.Approved.Title())
		default:
			return refuse(RefusedNoCompetentSignature)
		}
	case r.Act == Initial:
		if r.Capacity != None {
			return refuse(RefusedCapacity, "capacity", string(r.Capacity), "act", string(r.Act))
		}
		return nil
	}
	return checkApproval(position, r.Document.Kind, r.Capacity, f.Scopes, today)
}

// checkSeal: the office head uses the seal by position; who else holds it, under
// a written permission, needs a scope. A prefix always needs one.
func checkSeal(r GrantRequest, f GrantFacts, today Date) *Refusal {
	officeHead := RolesOn(f.Positions, nil, today).OfficeHead
	if officeHead && r.Capacity == None {
		return nil
	}
	return inScope(r.Act, r.Document.Kind, r.Capacity, f.Scopes, today)
}

// checkApproval: Art. 13 of Decree 30/2020/NĐ-CP. The head approves everything,
// also for a collective (TM.), as acting head under Q.; a deputy approves KT. within
// the assigned field, in charge in all of them; every other capacity stands on a
// paper, that is on a scope or a delegation that names it.
func checkApproval(position Position, document string, capacity Capacity, scopes []Scope, today Date) *Refusal {
	kind := position.Kind
	switch {
	case kind == Principal && (capacity == None || capacity == TM), byPosition(position, capacity):
		return nil
	case kind == Principal && capacity == KT, kind != Principal && capacity == None:
		return refuse(RefusedCapacity, "capacity", string(capacity), "position", string(kind))
	case kind != Principal && kind != Deputy && (capacity == KT || capacity == TM):
		return refuse(RefusedCapacity, "capacity", string(capacity), "position", string(kind))
	}
	return inScope(Approve, document, capacity, scopes, today)
}

// byPosition: the decision that put the person there is the paper of the capacity.
func byPosition(p Position, c Capacity) bool {
	return p.Kind == Principal && p.Acting == ActingHead && c == Q || p.Kind == Deputy && p.Acting == InCharge && c == KT
}

// inScope tells apart a capacity that no paper gives and a document outside, and
// says which paper is missing, or which has ended.
func inScope(act Act, document string, capacity Capacity, scopes []Scope, today Date) *Refusal {
	without := false
	params := []string{"capacity", string(capacity)}
	if capacity != None {
		params = append(params, "reason", "missing_"+strings.ToLower(string(capacity)))
	}
	for _, s := range scopes {
		if s.Covers(act, document, capacity, today) {
			return nil
		}
		if s.Covers(act, document, capacity, s.Until) && s.Until != "" && s.Until < today {
			params = []string{"capacity", string(capacity), "reason", ReasonPaperEnded, "paper", s.Paper, "until", string(s.Until)}
		}
		without = without || s.InForce(today) && slices.Contains(s.Acts, act) && s.coversKind(document)
	}
	if without {
		return refuse(RefusedCapacity, params...)
	}
	return refuse(RefusedOutOfScope, append(params, "act", string(act), "document_kind", document)...)
}

// ReasonPaperEnded: the paper that lent the capacity has ended; params paper, until.
const ReasonPaperEnded = "paper_ended"

// Authority returns the log's entry of the paper that lends a granted request its
// capacity: of a delegation or scope, or of the position held in an acting
// capacity. false = none was needed.
func Authority(r GrantRequest, f GrantFacts, now time.Time) (int64, bool) {
	today := DateOf(now)
	position, _ := PositionOn(f.Positions, today)
	switch {
	case r.Act == Initial,
		r.Act == Approve && position.Kind == Principal && (r.Capacity == None || r.Capacity == TM),
		r.Act.OfSeal() && r.Capacity == None && RolesOn(f.Positions, nil, today).OfficeHead:
		return 0, false
	case r.Act == Approve && byPosition(position, r.Capacity):
		return position.Entry, true
	}
	for _, s := range f.Scopes {
		if s.Covers(r.Act, r.Document.Kind, r.Capacity, today) {
			return s.Entry, true
		}
	}
	return 0, false
}

// Competent reports whether a person with these positions and scopes was
// competent to approve that kind of document on that day: the principal, or who
// may approve it in some capacity.
func Competent(document string, positions []Position, scopes []Scope, day Date) bool {
	position, ok := PositionOn(positions, day)
	if !ok {
		return false
	}
	for _, capacity := range Capacities {
		if checkApproval(position, document, capacity, scopes, day) == nil {
			return true
		}
	}
	return false
}

// Validate checks a scope's acts, kinds and capacities. Kinds are abbreviations
// without commas; those outside Annex III are allowed, since schools have papers
// of their own sector.
func (s Scope) Validate() error {
	if len(s.Acts) == 0 {
		return Invalid("acts", "no act")
	}
	for _, act := range s.Acts {
		if !act.Valid() {
			return Invalid("acts", "act %.40q", string(act))
		}
	}
	if len(s.Kinds) == 0 {
		return Invalid("kinds", "no kind of document")
	}
	for _, kind := range s.Kinds {
		if !validKind(kind) {
			return Invalid("kinds", "kind %.40q", kind)
		}
	}
	if len(s.Capacities) == 0 {
		return Invalid("capacities", "no capacity: an empty one stands for none")
	}
	for _, capacity := range s.Capacities {
		if !capacity.Valid() {
			return Invalid("capacities", "capacity %.40q", string(capacity))
		}
	}
	if s.Paper == "" {
		return Invalid("paper", "no paper: a scope stands on a decision or a delegation")
	}
	return nil
}

func validKind(kind string) bool {
	if kind == "" || len(kind) > 40 {
		return false
	}
	for _, r := range kind {
		if r == ',' || r <= ' ' {
			return false
		}
	}
	return true
}

// CanRegister allows the register's upkeep: people, positions, scopes, tokens,
// what is known of certificates.
func CanRegister(a Actor) error {
	if !a.Roles.May(RunRegister) {
		return Forbidden("")
	}
	return nil
}

// CanReport decides who may report a token lost, misplaced or suspected: who
// holds it, either side of an open offer, its owner, the principal, an admin. A
// report is never refused because of the token's state.
func CanReport(a Actor, f CustodyFacts) error {
	if a.Roles.May(RunRegister) {
		return nil
	}
	if a.Person != "" && (f.Custody != nil && f.Custody.Person == a.Person ||
		f.Offer != nil && (f.Offer.From == a.Person || f.Offer.To == a.Person) ||
		f.Token.Owner == a.Person) {
		return nil
	}
	return Forbidden("")
}
