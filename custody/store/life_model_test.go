package store_test

import (
	"errors"
	"slices"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// tokenLife is what the test itself knows of a token. It is written after design.md
// section 4 and docs/custody.md and asks none of the rules that it tests.
type tokenLife struct {
	token     custody.Token
	cert      []byte
	until     time.Time        // of the certificate
	custodian custody.PersonID // "" = the safe
	last      custody.PersonID // who had it last
	offer     offerLife        // the latest
	pin       custody.PINStep
	incidents []*incidentLife
	grants    []*grantLife

	writtenOff, retired, revoked bool
}

type offerLife struct {
	id           custody.HandOverID
	open         bool
	from, to, by custody.PersonID // "" = the safe
}

type incidentLife struct {
	id                  custody.IncidentID
	kind                custody.IncidentKind
	state               custody.IncidentState
	reporter, custodian custody.PersonID
	done                map[custody.StepKind]bool
}

type grantLife struct {
	row     store.GrantRow
	request custody.GrantRequest
	record  store.Record // zero = not signed yet
}

func (i *incidentLife) any(kinds ...custody.StepKind) bool {
	return slices.ContainsFunc(kinds, func(k custody.StepKind) bool { return i.done[k] })
}

// missing: nobody has the device.
func (i *incidentLife) missing() bool {
	return i.kind != custody.Suspected && !i.any(custody.StepFound, custody.StepDeviceReturned)
}

func (k *tokenLife) seal() bool { return k.token.Kind == custody.Seal }

func (k *tokenLife) open() []*incidentLife {
	return slices.DeleteFunc(slices.Clone(k.incidents), func(i *incidentLife) bool { return i.state != custody.IncidentOpen })
}

func (k *tokenLife) blocked() bool { return len(k.open()) > 0 || k.writtenOff }

func (k *tokenLife) state() custody.TokenState {
	asked, revoked := false, false
	for _, i := range k.open() {
		asked, revoked = asked || i.any(custody.StepRevocationAsked), revoked || i.any(custody.StepCertificateRevoked)
	}
	switch {
	case k.retired:
		return custody.Retired
	case revoked:
		return custody.Revoked
	case asked:
		return custody.RevocationAsked
	case k.blocked():
		return custody.Blocked
	case k.offer.open && k.offer.to == "":
		return custody.ReturnOffered
	case k.offer.open:
		return custody.HandedOver
	case k.pin == custody.PINStepLocked:
		return custody.PINLocked
	case k.pin == custody.PINStepAsked:
		return custody.RecoveryAsked
	case k.custodian != "":
		return custody.Held
	}
	return custody.InSafe
}

func (k *tokenLife) is(states ...custody.TokenState) bool { return slices.Contains(states, k.state()) }

// concerns: who is not one of the managers has to do with the token.
func (k *tokenLife) concerns(p custody.PersonID) bool {
	return p == k.custodian || p == k.token.Owner || k.offer.open && (p == k.offer.from || p == k.offer.to)
}

// move is what a step comes to when this person takes it now.
type move struct {
	none    bool // there is nothing to take it with
	may     bool
	entries int64 // of the log, when it is taken
	logged  bool  // refused, it is an entry as well
	run     func() error
	then    func()
}

// lifeStep is a step that the test takes; a rare one changes much for good.
type lifeStep struct {
	name string
	rare bool
	plan func(l *life, k *tokenLife, a custody.Actor) move
}

func manages(a custody.Actor) bool { return a.Roles.Admin || a.Roles.Principal }

func lifeSteps() []lifeStep {
	steps := []lifeStep{
		{"offer", false, (*life).offer}, {"offer back", false, (*life).offerBack}, {"accept", false, (*life).accept}, {"decline", false, (*life).decline},
		{"withdraw", false, (*life).withdraw}, {"lock PIN", true, (*life).lockPIN}, {"ask recovery", false, (*life).askRecovery}, {"recover", false, (*life).recoverPIN},
		{"grant", false, (*life).grant}, {"grant again", false, (*life).grantAgain}, {"record", false, (*life).record}, {"replace", false, (*life).replace},
		{"report", false, (*life).report}, {"write off", true, (*life).writeOff}, {"retire", true, (*life).retire}, {"authority revokes", true, (*life).authorityRevokes},
		{"end position", true, (*life).endPosition}, {"end position, writing off", true, (*life).endPositionWritingOff}, {"later", true, (*life).later},
	}
	for _, rule := range custody.StepRules {
		if rule.Kind != custody.StepAuthorityInformed { // changes nothing
			steps = append(steps, lifeStep{string(rule.Kind), false, func(l *life, k *tokenLife, a custody.Actor) move { return l.track(k, a, rule.Kind) }})
		}
	}
	return steps
}

func (l *life) offer(k *tokenLife, a custody.Actor) move {
	to := k.token.Owner
	if k.seal() { // round the people
		to = l.people[(slices.IndexFunc(l.people, func(p custody.Actor) bool { return p.Person == a.Person })+1+len(k.grants))%len(l.people)].Person
	}
	giver := a.Person == k.custodian || k.custodian == "" && manages(a)
	var row store.HandOverRow
	return move{may: giver && k.is(custody.InSafe, custody.Held) && to != a.Person && (k.custodian == "" || k.seal()) && (!k.seal() || l.positioned(to)), entries: 1,
		run: func() (err error) {
			row, err = l.OfferHandOver(ctx, a, store.NewHandOver{Token: k.token.ID, To: to, Reason: "thay người", PermissionNumber: "12/QĐ-MNHS", PermissionDate: "2026-09-01", PermissionSigner: "Hiệu trưởng"})
			return err
		},
		then: func() {
			k.offer = offerLife{id: row.ID, open: true, from: k.custodian, to: to, by: a.Person}
		}}
}

func (l *life) offerBack(k *tokenLife, a custody.Actor) move {
	var row store.HandOverRow
	return move{may: k.custodian != "" && (a.Person == k.custodian || manages(a)) && !k.offer.open && !k.retired, entries: 1,
		run: func() (err error) {
			row, err = l.OfferHandOver(ctx, a, store.NewHandOver{Token: k.token.ID, Reason: "nộp lại"})
			return err
		},
		then: func() { k.offer = offerLife{id: row.ID, open: true, from: k.custodian, by: a.Person} }}
}

// receives: who takes what is on offer, or does not.
func (k *tokenLife) receives(a custody.Actor) bool {
	if k.offer.to != "" {
		return a.Person == k.offer.to
	}
	return manages(a) && a.Person != k.offer.from && a.Person != k.offer.by
}

func (l *life) accept(k *tokenLife, a custody.Actor) move {
	return move{none: k.offer.id == "", may: k.offer.open && k.receives(a) && (k.offer.to == "" || !k.blocked()), entries: 1,
		run:  func() error { return second(l.AcceptHandOver(ctx, a, k.offer.id)) },
		then: func() { k.offer.open, k.custodian = false, k.offer.to }}
}

func (l *life) decline(k *tokenLife, a custody.Actor) move {
	return move{none: k.offer.id == "", may: k.offer.open && k.receives(a), entries: 1,
		run:  func() error { return second(l.DeclineHandOver(ctx, a, k.offer.id)) },
		then: func() { k.offer.open = false }}
}

func (l *life) withdraw(k *tokenLife, a custody.Actor) move {
	own := k.offer.from != "" && k.offer.by == k.offer.from
	return move{none: k.offer.id == "", may: k.offer.open && (own && a.Person == k.offer.from || !own && manages(a)), entries: 1,
		run:  func() error { return second(l.WithdrawHandOver(ctx, a, k.offer.id)) },
		then: func() { k.offer.open = false }}
}

func (l *life) lockPIN(k *tokenLife, a custody.Actor) move {
	return move{may: k.is(custody.InSafe, custody.Held) && (manages(a) || a.Person == k.custodian), entries: 1,
		run:  func() error { return l.LockPIN(ctx, a, k.token.ID, "sai năm lần") },
		then: func() { k.pin = custody.PINStepLocked }}
}

func (l *life) askRecovery(k *tokenLife, a custody.Actor) move {
	return move{may: k.is(custody.PINLocked) && manages(a), entries: 1,
		run:  func() error { return l.AskRecovery(ctx, a, k.token.ID, "06/MNHS", l.day(0)) },
		then: func() { k.pin = custody.PINStepAsked }}
}

func (l *life) recoverPIN(k *tokenLife, a custody.Actor) move {
	return move{may: k.is(custody.RecoveryAsked) && (manages(a) || a.Person == k.custodian), entries: 1,
		run:  func() error { return l.RecoverPIN(ctx, a, k.token.ID, "") },
		then: func() { k.pin = custody.PINStepRecovered }}
}

func (l *life) writeOff(k *tokenLife, a custody.Actor) move {
	return move{may: a.Roles.Admin && k.custodian != "", entries: 1,
		run:  func() error { return l.WriteOff(ctx, a, k.token.ID, "không nộp lại") },
		then: func() { k.writtenOff = true }}
}

func (l *life) retire(k *tokenLife, a custody.Actor) move {
	return move{may: manages(a) && !k.retired && !k.offer.open && (k.custodian == "" || k.blocked()), entries: 1,
		run: func() error {
			return l.Retire(ctx, a, store.NewRetirement{Token: k.token.ID, Kind: custody.RetiredBroken, Reason: "hỏng"})
		},
		then: func() { k.retired, k.custodian = true, "" }}
}

// replace registers another one beside a token that is out of use.
func (l *life) replace(k *tokenLife, a custody.Actor) move {
	return move{none: k != l.tokens[len(l.tokens)-1] || !k.retired || len(l.tokens) > 7 || !manages(a), may: true, entries: 1,
		run: func() error { return l.register(k.token.Kind) }, then: func() {}}
}

func (l *life) later(k *tokenLife, a custody.Actor) move {
	return move{may: true, run: func() error { l.Clock.Advance(20 * time.Minute); return nil }, then: func() {}}
}

func (l *life) endPosition(k *tokenLife, a custody.Actor) move           { return l.end(k, a, false) }
func (l *life) endPositionWritingOff(k *tokenLife, a custody.Actor) move { return l.end(k, a, true) }

// end ends the position of the deputy, or of the clerk, on the day before.
func (l *life) end(k *tokenLife, a custody.Actor, writeOff bool) move {
	leaver := l.deputy
	if k.seal() {
		leaver = l.clerk
	}
	var held []*tokenLife // neither blocked nor revoked
	for _, other := range l.tokens {
		closed := slices.ContainsFunc(other.incidents, func(i *incidentLife) bool { return i.state != custody.IncidentCleared })
		if other.custodian == leaver.Person && !closed && !other.writtenOff && !other.revoked {
			held = append(held, other)
		}
	}
	n := store.NewEnding{Ending: custody.Ending{Kind: custody.EndPosition, Person: leaver.Person, Position: l.positions[leaver.Person], Until: l.day(-1)}, Reason: "nghỉ việc"}
	if writeOff {
		n.WriteOffs = map[custody.TokenID]string{}
		for _, other := range held {
			n.WriteOffs[other.token.ID] = "không nộp lại"
		}
	}
	return move{may: a.Roles.Admin && !l.left[leaver.Person] && (writeOff || len(held) == 0), entries: 1 + int64(len(n.WriteOffs)),
		run: func() error { return l.End(ctx, a, n) },
		then: func() {
			l.left[leaver.Person] = true
			for _, other := range held {
				other.writtenOff = true
			}
		}}
}

func (l *life) positioned(p custody.PersonID) bool { return p != l.admin.Person && !l.left[p] }

// usable: design.md section 4 and Article 11: who holds it signs with it, and only
// while nothing speaks against the token or its certificate.
func (l *life) usable(k *tokenLife, a custody.Actor) bool {
	return k.custodian == a.Person && k.state() == custody.Held && !k.revoked && !l.Clock.Now().After(k.until) && l.positioned(a.Person)
}

func (l *life) grant(k *tokenLife, a custody.Actor) move {
	request := custody.GrantRequest{Request: randomHash()[:32], TokenSerial: k.token.Serial, Certificate: k.cert, SHA256In: randomHash(), Document: document, Act: custody.Initial}
	if k.seal() {
		request.Act = custody.Copy
	}
	var row store.GrantRow
	return move{may: l.usable(k, a), entries: 1, logged: true,
		run: func() (err error) {
			row, err = l.RequestGrant(ctx, a, request)
			return err
		},
		then: func() { k.grants = append(k.grants, &grantLife{row: row, request: request}) }}
}

// grantAgain sends a request again that has a grant.
func (l *life) grantAgain(k *tokenLife, a custody.Actor) move {
	g := k.granted(a.Person)
	if g == nil {
		return move{none: true}
	}
	return move{may: g.record.CMS != nil || l.usable(k, a), logged: true,
		run: func() error {
			row, err := l.RequestGrant(ctx, a, g.request)
			if err == nil && row.ID != g.row.ID {
				return errors.New("one request has two grants")
			}
			return err
		},
		then: func() {}}
}

// granted is a grant of the person's, an older one the more there are.
func (k *tokenLife) granted(p custody.PersonID) *grantLife {
	own := slices.DeleteFunc(slices.Clone(k.grants), func(g *grantLife) bool { return g.row.Person != p })
	if len(own) == 0 {
		return nil
	}
	return own[len(own)/2]
}

// record: what was signed is recorded however late; the same again is no entry.
func (l *life) record(k *tokenLife, a custody.Actor) move {
	g := k.granted(a.Person)
	if g == nil {
		return move{none: true}
	}
	signed, entries := g.record, int64(0)
	if signed.CMS == nil {
		signed, entries = record(), 1
		signed.SignedAt = l.Clock.Now()
	}
	return move{may: true, entries: entries,
		run:  func() error { return second(l.RecordSignature(ctx, a, g.row.ID, signed)) },
		then: func() { g.record = signed }}
}
