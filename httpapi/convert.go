package httpapi

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// The conversions stand here by hand, field by field: what the domain learns is
// not published by accident.

func (s *server) wireSchool() wire.School {
	return wire.School{Name: s.school.Name, Code: s.school.Code, LogKey: s.school.LogKey, LogOrigin: s.school.Origin}
}

func (s *server) wireMe(actor custody.Actor, me store.Me) wire.Me {
	roles := actor.Roles.Names()
	if roles == nil {
		roles = []string{}
	}
	return wire.Me{PersonID: string(me.Person.ID), Name: me.Person.Name, Title: me.Title, Roles: roles, School: s.wireSchool()}
}

func wirePerson(p store.PersonRow) wire.Person {
	person := wire.Person{
		ID: string(p.ID), Name: p.Name, Email: p.Email, Username: p.Username, AccountUntil: string(p.AccountUntil), Admin: p.Admin, Roles: texts(p.Roles),
		Positions: []wire.Position{}, Scopes: []wire.Scope{},
	}
	for _, x := range p.Positions {
		person.Positions = append(person.Positions, wirePosition(x))
	}
	for _, x := range p.Scopes {
		person.Scopes = append(person.Scopes, wire.Scope{
			ID: string(x.ID), Acts: texts(x.Acts), Kinds: append([]string{}, x.Kinds...), Capacities: texts(x.Capacities), From: string(x.From), Until: string(x.Until), Paper: x.Paper,
			EndedEntry: entryOrNil(x.Ended),
		})
	}
	return person
}

func wirePosition(p custody.Position) wire.Position {
	return wire.Position{ID: string(p.ID), Kind: string(p.Kind), Title: p.Title, From: string(p.From), Until: string(p.Until), Paper: p.Paper,
		Field: p.Field, Acting: string(p.Acting), EndedEntry: entryOrNil(p.Ended)}
}

func entryOrNil(index int64) *int64 {
	if index == 0 {
		return nil
	}
	return &index
}

func wirePairings(rows []store.Pairing) wire.Pairings {
	out := wire.Pairings{Pairings: make([]wire.Pairing, len(rows))}
	for i, row := range rows {
		out.Pairings[i] = wire.Pairing{ID: string(row.ID), Device: row.Device, PairedAt: row.PairedAt.UTC(), LastUsedAt: row.LastUsed, Entry: row.Entry}
	}
	return out
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

func typed[T ~string](values []string) []T {
	out := make([]T, len(values))
	for i, v := range values {
		out[i] = T(v)
	}
	return out
}

func domainPosition(in wire.NewPosition) (custody.Position, error) {
	from, err := custody.ParseDate(in.From)
	if err != nil {
		return custody.Position{}, invalid("from", err)
	}
	until, err := custody.ParseDate(in.Until)
	if err != nil {
		return custody.Position{}, invalid("until", err)
	}
	return custody.Position{Kind: custody.PositionKind(in.Kind), Title: in.Title, From: from, Until: until, Paper: in.Paper,
		Field: in.Field, Acting: custody.Acting(in.Acting)}, nil
}

func domainScope(person custody.PersonID, in wire.NewScope) (custody.Scope, error) {
	from, err := custody.ParseDate(in.From)
	if err != nil {
		return custody.Scope{}, invalid("from", err)
	}
	until, err := custody.ParseDate(in.Until)
	if err != nil {
		return custody.Scope{}, invalid("until", err)
	}
	return custody.Scope{
		Person: person, Acts: typed[custody.Act](in.Acts), Kinds: in.Kinds, Capacities: typed[custody.Capacity](in.Capacities),
		From: from, Until: until, Paper: in.Paper,
	}, nil
}

func wireToken(t store.TokenRow) wire.Token {
	out := wire.Token{
		ID: string(t.ID), Serial: t.Serial, Label: t.Label, Model: t.Model, Provider: t.Provider, Place: t.Place, Kind: string(t.Kind), State: string(t.State),
		CustodianID: string(t.Custodian), Custodian: t.CustodianName, CertificateSHA256: t.Certificate.SHA256,
		CertificateSerial: t.Certificate.Serial, Subject: t.Certificate.Subject,
		NotBefore: t.Certificate.NotBefore.UTC(), NotAfter: t.Certificate.NotAfter.UTC(), Since: t.Since.UTC(),
		ProofEntry: t.ProofEntry, TemporaryTo: string(t.TemporaryTo),
	}
	if t.ProvenAt != nil {
		at := t.ProvenAt.UTC()
		out.ProvenAt = &at
	}
	return out
}

func wireTokens(rows []store.TokenRow) wire.Tokens {
	out := wire.Tokens{Tokens: make([]wire.Token, len(rows))}
	for i, row := range rows {
		out.Tokens[i] = wireToken(row)
	}
	return out
}

func wireHandOver(h store.HandOverRow) wire.HandOver {
	out := wire.HandOver{
		ID: string(h.ID), TokenID: string(h.Token), TokenLabel: h.TokenLabel, Kind: string(h.Kind), FromName: h.FromName, ToName: h.ToName,
		State: string(h.State), OfferedAt: h.OfferedAt.UTC(), Entry: h.Entry, MayAccept: h.MayAccept,
		TokenSerial: h.TokenSerial, FromID: string(h.From), ToID: string(h.To), OfferedByID: string(h.OfferedBy), OfferedByName: h.OfferedByName, DecidedByName: h.DecidedByName,
		ReasonKind: string(h.ReasonKind), Reason: h.Reason, Since: string(h.Since), Until: string(h.Until), WitnessName: h.WitnessName,
		Condition: h.Condition, Accessories: h.Accessories, PermissionNumber: h.PermissionNumber, PermissionDate: string(h.PermissionDate),
		PermissionSigner: h.PermissionSigner, PINChanged: h.PINChanged, OfferEntry: h.OfferEntry, OfferLeaf: base64.StdEncoding.EncodeToString(h.OfferLeaf[:]),
		Giving: wireConfirmation(h.Giving), Receiving: wireConfirmation(h.Receiving),
	}
	if h.DecidedAt != nil {
		at := h.DecidedAt.UTC()
		out.DecidedAt = &at
	}
	return out
}

func wireConfirmation(c *store.Confirmation) *wire.Confirmation {
	if c == nil {
		return nil
	}
	return &wire.Confirmation{CertificateSHA256: c.Certificate, ConfirmedAt: c.At.UTC(), Entry: c.Entry}
}

func wireHandOvers(rows []store.HandOverRow) wire.HandOvers {
	out := wire.HandOvers{HandOvers: make([]wire.HandOver, len(rows))}
	for i, row := range rows {
		out.HandOvers[i] = wireHandOver(row)
	}
	return out
}

func (s *server) wireGrant(g store.GrantRow) wire.Grant {
	page := ""
	if s.publicURL != "" {
		page = s.publicURL + fmt.Sprintf(wire.PathCheckSignature, g.ID)
	}
	return wire.Grant{
		CheckURL: page,
		ID:       string(g.ID), Request: g.Request, CertificateSHA256: g.CertificateSHA256, SHA256In: g.SHA256In, Act: string(g.Act),
		Capacity: string(g.Capacity), Signer: g.Signer, Title: g.Title, CustodyEntry: g.CustodyEntry, Entry: g.Entry,
		GrantedAt: g.GrantedAt.UTC(), ExpiresAt: g.ExpiresAt.UTC(),
	}
}

func wireReceipt(r signinglog.Receipt) wire.Receipt {
	return wire.Receipt{Index: r.Index, Entry: r.Entry, Proof: wireHashes(r.Proof), Checkpoint: string(r.Checkpoint)}
}

func wireHashes(hashes []tlog.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

func wireEntry(e store.LogRow) wire.Entry {
	return wire.Entry{
		Index: e.Index, Type: e.Type, At: e.At.UTC(), Bytes: e.Bytes,
		LeafHash: base64.StdEncoding.EncodeToString(e.LeafHash[:]), Reveals: e.Reveals,
	}
}
