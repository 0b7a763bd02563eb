package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func (s *server) apiPeople(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.People], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.PeoplePage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	out := wire.People{People: make([]wire.Person, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.People[i] = wirePerson(row)
	}
	return &body[wire.People]{out}, nil
}

// apiCreatePerson registers a person. An account gets no password from whoever makes it: the
// answer has the link by which its owner sets it.
func (s *server) apiCreatePerson(ctx context.Context, actor custody.Actor, in *body[wire.NewPerson]) (*body[wire.CreatedPerson], error) {
	person, link, err := s.createPerson(ctx, actor, in.Body)
	if err != nil {
		return nil, err
	}
	row, err := s.store.Person(ctx, actor, person.ID)
	if err != nil {
		return nil, err
	}
	out := wire.CreatedPerson{Person: wirePerson(row)}
	if link != nil {
		out.AccountLink = s.wireNewLink(custody.AccountInvited, person.ID, *link)
	}
	return &body[wire.CreatedPerson]{out}, nil
}

// createPerson registers a person, with an account and the link to it when there is a username.
func (s *server) createPerson(ctx context.Context, actor custody.Actor, in wire.NewPerson) (custody.Person, *store.NewAccountLink, error) {
	n := store.NewPerson{Name: in.Name, Email: in.Email, Phone: in.Phone, Username: in.Username, Admin: in.Admin}
	if n.Username == "" {
		person, err := s.store.CreatePerson(ctx, actor, n)
		return person, nil, err
	}
	person, link, err := s.store.InvitePerson(ctx, actor, n)
	return person, &link, err
}

type personInput[T any] struct {
	ByID
	Body T
}

func (s *server) apiAddPosition(ctx context.Context, actor custody.Actor, in *personInput[wire.NewPosition]) (*none, error) {
	position, err := domainPosition(in.Body)
	if err != nil {
		return nil, err
	}
	return &none{}, s.store.AddPosition(ctx, actor, custody.PersonID(in.ID), position)
}

func (s *server) apiAddScope(ctx context.Context, actor custody.Actor, in *personInput[wire.NewScope]) (*none, error) {
	person := custody.PersonID(in.ID)
	scope, err := domainScope(person, in.Body)
	if err != nil {
		return nil, err
	}
	return &none{}, s.store.AddScope(ctx, actor, person, scope)
}

func (s *server) apiEnd(ctx context.Context, actor custody.Actor, in *personInput[wire.NewEnding]) (*none, error) {
	until, err := custody.ParseDate(in.Body.Until)
	if err != nil {
		return nil, invalid("until", err)
	}
	writeOffs := map[custody.TokenID]string{}
	for _, w := range in.Body.WriteOffs {
		writeOffs[custody.TokenID(w.TokenID)] = w.Reason
	}
	return &none{}, s.store.End(ctx, actor, store.NewEnding{
		Ending: custody.Ending{Kind: custody.EndingKind(in.Body.Kind), Person: custody.PersonID(in.ID), Position: custody.PositionID(in.Body.PositionID),
			Scope: custody.ScopeID(in.Body.ScopeID), Until: until},
		Reason: in.Body.Reason, HoldingKnown: in.Body.HoldingKnown, WriteOffs: writeOffs,
	})
}
