package store_test

import (
	"sokyso/custody"
	"sokyso/custody/store"
)

// Reports, tracks and revocations in the test's own model of a token's life.

func (l *life) report(k *tokenLife, a custody.Actor) move {
	kind := custody.IncidentKinds[len(k.incidents)%len(custody.IncidentKinds)]
	i := &incidentLife{kind: kind, state: custody.IncidentOpen, reporter: a.Person, custodian: k.custodian, done: map[custody.StepKind]bool{}}
	m := move{may: manages(a) || k.concerns(a.Person), entries: 1}
	if a.Roles.Principal { // knows it now
		i.done[custody.StepPrincipalInformed] = true
		m.entries++
	}
	if k.revoked {
		i.done[custody.StepCertificateRevoked] = true
		m.entries++
	}
	var row store.IncidentRow
	m.run = func() (err error) {
		row, err = l.ReportIncident(ctx, a, store.NewIncident{Token: k.token.ID, Kind: kind, DiscoveredAt: l.Clock.Now(), Description: "không thấy nữa"})
		return err
	}
	m.then = func() {
		i.id = row.ID
		k.incidents = append(k.incidents, i)
	}
	return m
}

// revoke is what the revocation of the certificate makes of the open incidents, and
// how many entries it makes there.
func (k *tokenLife) revoke() (entries int64, then func()) {
	for _, i := range k.open() {
		if !i.any(custody.StepCertificateRevoked) {
			entries++
		}
	}
	return entries, func() {
		k.revoked = true
		for _, i := range k.open() {
			i.done[custody.StepCertificateRevoked] = true
		}
	}
}

// authorityRevokes: the service finds the certificate revoked.
func (l *life) authorityRevokes(k *tokenLife, a custody.Actor) move {
	if k.revoked {
		return move{none: true}
	}
	entries, then := k.revoke()
	moment := l.Clock.Now()
	return move{may: manages(a), entries: entries + 1, then: then,
		run: func() error {
			return l.SetRevocation(ctx, a, certificateHash(k.cert), &moment, "http://ca.example/crl")
		}}
}

// track takes a step of the first incident that can take it, or else of the latest.
func (l *life) track(k *tokenLife, a custody.Actor, kind custody.StepKind) move {
	if len(k.incidents) == 0 {
		return move{none: true}
	}
	latest := k.incidents[len(k.incidents)-1]
	for _, i := range append(k.open(), latest) {
		if m := l.stepOf(k, i, a, kind); m.may || i == latest {
			return m
		}
	}
	return move{none: true}
}

func (l *life) stepOf(k *tokenLife, i *incidentLife, a custody.Actor, kind custody.StepKind) move {
	m := move{entries: 1,
		run: func() error {
			_, err := l.RecordStep(ctx, a, i.id, l.paper(kind))
			return err
		},
		then: func() { i.done[kind] = true }}
	p := a.Person
	sees := manages(a) || p == i.reporter || p == i.custodian || p == k.custodian || p == k.token.Owner
	if !sees || i.state != custody.IncidentOpen || i.any(kind) {
		return m
	}
	gone := i.any(custody.StepDeviceReturned, custody.StepDeviceLost)
	begun := i.any(custody.StepRevocationAsked, custody.StepCertificateRevoked)
	switch kind {
	case custody.StepPrincipalInformed:
		m.may = true
	case custody.StepFound:
		m.may = i.missing() && !gone
	case custody.StepCleared:
		m.may = a.Roles.Principal && !i.missing() && !begun && !i.any(custody.StepRevocationNoticed)
		m.then = func() { i.state = custody.IncidentCleared }
	case custody.StepRevocationAsked:
		m.may = manages(a) && i.any(custody.StepPrincipalInformed) && !i.any(custody.StepCertificateRevoked)
	case custody.StepRevocationNoticed:
		m.may = manages(a) && begun
	case custody.StepCertificateRevoked:
		m.may = manages(a) && i.any(custody.StepRevocationNoticed)
		if !k.revoked && !l.Clock.Now().After(k.until) {
			entries, then := k.revoke()
			m.entries, m.then = entries+1, then
		}
	case custody.StepDeviceReturned:
		m.may = manages(a) && !i.missing() && !gone && i.any(custody.StepRevocationNoticed, custody.StepCertificateRevoked)
	case custody.StepDeviceLost:
		m.may = manages(a) && i.missing() && !gone && begun
	case custody.StepLessons:
		m.may = manages(a) && gone
	case custody.StepClosed:
		m.may = manages(a) && i.any(custody.StepPrincipalInformed) && begun && gone && i.any(custody.StepLessons) && !k.offer.open &&
			(k.revoked || l.Clock.Now().After(k.until))
		if !k.retired {
			m.entries++
		}
		m.then = func() { i.state, k.retired, k.custodian = custody.IncidentClosed, true, "" }
	}
	return m
}
