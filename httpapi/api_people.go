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

func (s *server) apiCreatePerson(ctx context.Context, actor custody.Actor, in *body[wire.NewPerson]) (*body[wire.Person], error) {
	person, err := s.createPerson(ctx, actor, in.Body)
	if err != nil {
		return nil, err
	}
	row, err := s.store.Person(ctx, actor, person.ID)
	if err != nil {
		return nil, err
	}
	return &body[wire.Person]{wirePerson(row)}, nil
}

// createPerson registers a person; the password's hash is the costly part, so it
// is made for those only who may register.
func (s *server) createPerson(ctx context.Context, actor custody.Actor, in wire.NewPerson) (custody.Person, error) {
	hash := ""
	if in.Username != "" || in.Password != "" {
		if !actor.Roles.May(custody.RunRegister) {
			return custody.Person{}, custody.Forbidden("")
		}
		if in.Username == "" {
			return custody.Person{}, invalid("username", nil)
		}
		var err error
		if hash, err = s.hashPassword(ctx, in.Password, in.Name, in.Username); err != nil {
			return custody.Person{}, err
		}
	}
	return s.store.CreatePerson(ctx, actor, store.NewPerson{
		Name: in.Name, Email: in.Email, Phone: in.Phone, Username: in.Username, PasswordHash: hash, Admin: in.Admin,
	})
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
