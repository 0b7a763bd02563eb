package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// certificatesInput: a page covers limit tokens, of whose certificates those come that match.
type certificatesInput struct {
	Paged
	Show string `query:"show" enum:",ending,over" doc:"ending: expiring soon; over: expired or revoked"`
}

func (s *server) apiCertificates(ctx context.Context, actor custody.Actor, in *certificatesInput) (*body[wire.Certificates], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	tokens, err := s.store.TokensPage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	settings, err := s.store.Settings(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.Certificates{Certificates: []wire.Certificate{}, Next: next(page)}
	for _, line := range s.certificateLines(tokens, settings, in.Show, "") {
		out.Certificates = append(out.Certificates, wireCertificate(line))
	}
	return &body[wire.Certificates]{out}, nil
}

func wireCertificate(l certificateLine) wire.Certificate {
	out := wire.Certificate{SHA256: l.SHA256, TokenID: string(l.TokenID), Token: l.TokenLabel, Serial: l.Serial, Subject: l.Subject, Issuer: l.Issuer, World: string(l.World),
		NotBefore: l.NotBefore.UTC(), NotAfter: l.NotAfter.UTC(), DaysLeft: l.DaysLeft, Standing: string(l.Standing), Current: l.Current, Replaces: l.Replaces, Entry: l.Entry}
	if l.RevokedAt != nil {
		at := l.RevokedAt.UTC()
		out.RevokedAt = &at
	}
	return out
}

func (s *server) apiAddCertificate(ctx context.Context, actor custody.Actor, in *personInput[wire.NewCertificate]) (*body[wire.Certificate], error) {
	added, err := s.store.AddCertificate(ctx, actor, store.NewCertificate{Token: custody.TokenID(in.ID), Certificate: in.Body.Certificate, Chain: in.Body.Chain})
	if err != nil {
		return nil, err
	}
	token, err := s.store.Token(ctx, actor, custody.TokenID(in.ID))
	if err != nil {
		return nil, err
	}
	settings, err := s.store.Settings(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &body[wire.Certificate]{wireCertificate(s.certificateLine(token, added, settings))}, nil
}

func (s *server) apiProposeCertificate(ctx context.Context, actor custody.Actor, in *body[wire.ReadCertificate]) (*body[wire.Proposed], error) {
	known, err := s.store.ProposeCertificate(ctx, actor, in.Body.TokenSerial, store.NewCertificate{Certificate: in.Body.Certificate, Chain: in.Body.Chain})
	if err != nil {
		return nil, err
	}
	return &body[wire.Proposed]{wire.Proposed{Registered: known}}, nil
}

func (s *server) apiProposals(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Proposals], error) {
	rows, err := s.store.CertificateProposals(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.Proposals{Proposals: make([]wire.Proposal, len(rows))}
	for i, p := range rows {
		out.Proposals[i] = wire.Proposal{ID: p.ID, TokenID: string(p.Token), TokenSerial: p.TokenSerial, Person: p.PersonName, SHA256: p.Certificate.SHA256,
			Serial: p.Certificate.Serial, Subject: p.Certificate.Subject, NotAfter: p.Certificate.NotAfter.UTC(), ProposedAt: p.ProposedAt.UTC()}
	}
	return &body[wire.Proposals]{out}, nil
}

func (s *server) apiDecideProposal(ctx context.Context, actor custody.Actor, in *personInput[wire.Decision]) (*none, error) {
	return &none{}, s.store.DecideCertificate(ctx, actor, in.ID, in.Body.Confirm)
}

func (s *server) apiPlaceToken(ctx context.Context, actor custody.Actor, in *personInput[wire.NewPlace]) (*none, error) {
	return &none{}, s.store.PlaceToken(ctx, actor, custody.TokenID(in.ID), in.Body.Place)
}

func (s *server) apiTimeline(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.Timeline], error) {
	t, err := s.store.Timeline(ctx, actor, custody.TokenID(in.ID))
	if err != nil {
		return nil, err
	}
	out := wire.Timeline{Token: wireToken(t.TokenRow), Custodies: []wire.Held{}, Steps: []wire.Entry{}, More: t.More, Months: []wire.SignatureMonth{}}
	for _, c := range t.Custodies {
		held := wire.Held{PersonID: string(c.Person), Person: c.Name, Since: c.Since.UTC(), Entry: c.Entry}
		if c.Until != nil {
			until := c.Until.UTC()
			held.Until = &until
		}
		out.Custodies = append(out.Custodies, held)
	}
	for _, step := range t.Steps {
		out.Steps = append(out.Steps, wireEntry(step.LogRow))
	}
	for _, month := range t.Months {
		out.Months = append(out.Months, wire.SignatureMonth{Month: month.Month, Count: month.Count})
	}
	return &body[wire.Timeline]{out}, nil
}

type onInput struct {
	Paged
	On string `query:"on" maxLength:"10" doc:"a day, 2026-10-01"`
}

func (s *server) apiStaff(ctx context.Context, actor custody.Actor, in *onInput) (*body[wire.Staff], error) {
	on, err := custody.ParseDate(in.On)
	if err != nil {
		return nil, invalid("on", err)
	}
	if on == "" {
		on = custody.DateOf(s.now())
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.StaffPage(ctx, actor, on, page)
	if err != nil {
		return nil, err
	}
	out := wire.Staff{On: string(on), Staff: []wire.StaffMember{}, Next: next(page)}
	for _, row := range rows {
		member := wire.StaffMember{PersonID: string(row.ID), Name: row.Name, Positions: []wire.Position{}, Delegations: []wire.Delegation{}, Holds: []string{}}
		for _, p := range row.Today {
			member.Positions = append(member.Positions, wirePosition(p))
		}
		for _, d := range row.Delegated {
			member.Delegations = append(member.Delegations, wireDelegation(d))
		}
		for _, held := range row.Holds {
			member.Holds = append(member.Holds, held.Serial)
		}
		out.Staff = append(out.Staff, member)
	}
	return &body[wire.Staff]{out}, nil
}

func wireDelegation(d custody.Delegation) wire.Delegation {
	return wire.Delegation{ID: string(d.ID), GrantorID: string(d.Grantor), Grantor: d.GrantorName, DelegateID: string(d.Delegate), Delegate: d.DelegateName,
		Capacity: string(d.Capacity), Absence: d.Absence, Kinds: append([]string{}, d.Kinds...), From: string(d.From), Until: string(d.Until),
		PaperNumber: d.PaperNumber, PaperOn: string(d.PaperOn), PaperSigner: d.PaperSigner, Content: d.Content, Entry: d.Entry, EndedEntry: entryOrNil(d.Ended)}
}

func (s *server) apiDelegations(ctx context.Context, actor custody.Actor, in *onInput) (*body[wire.Delegations], error) {
	on, err := custody.ParseDate(in.On)
	if err != nil {
		return nil, invalid("on", err)
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := s.store.DelegationsPage(ctx, actor, on, page)
	if err != nil {
		return nil, err
	}
	out := wire.Delegations{Delegations: make([]wire.Delegation, len(list)), Next: next(page)}
	for i, d := range list {
		out.Delegations[i] = wireDelegation(d)
	}
	return &body[wire.Delegations]{out}, nil
}

func (s *server) apiDelegate(ctx context.Context, actor custody.Actor, in *body[wire.NewDelegation]) (*body[wire.Delegation], error) {
	b := in.Body
	d := custody.Delegation{Grantor: custody.PersonID(b.GrantorID), Delegate: custody.PersonID(b.DelegateID), Capacity: custody.Capacity(b.Capacity), Absence: b.Absence,
		Kinds: b.Kinds, PaperNumber: b.PaperNumber, PaperSigner: b.PaperSigner, Content: b.Content}
	for _, day := range []struct {
		field, text string
		into        *custody.Date
	}{{"from", b.From, &d.From}, {"until", b.Until, &d.Until}, {"paper_on", b.PaperOn, &d.PaperOn}} {
		var err error
		if *day.into, err = custody.ParseDate(day.text); err != nil {
			return nil, invalid(day.field, err)
		}
	}
	added, err := s.store.AddDelegation(ctx, actor, d)
	if err != nil {
		return nil, err
	}
	return &body[wire.Delegation]{wireDelegation(added)}, nil
}

func (s *server) apiEndDelegation(ctx context.Context, actor custody.Actor, in *personInput[wire.DelegationEnding]) (*none, error) {
	until, err := custody.ParseDate(in.Body.Until)
	if err != nil {
		return nil, invalid("until", err)
	}
	return &none{}, s.store.EndDelegation(ctx, actor, custody.DelegationID(in.ID), until, in.Body.Reason)
}
