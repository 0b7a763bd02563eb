package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/httpapi/wire"
)

// accessPage is the table of who may do what.
type accessPage struct {
	Roles []custody.Role
	Lines []accessLine
}

type accessLine struct {
	Permission custody.Permission
	Cells      []accessCell
	Mine       bool
}

type accessCell struct {
	Role custody.Role
	Has  bool
}

// pageAccess handles "GET /access".
func (s *server) pageAccess(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page := accessPage{Roles: custody.RoleList}
	for _, line := range custody.Access {
		row := accessLine{Permission: line.Permission, Mine: actor.Roles.May(line.Permission)}
		for _, role := range custody.RoleList {
			row.Cells = append(row.Cells, accessCell{role, slices.Contains(line.Roles, role)})
		}
		page.Lines = append(page.Lines, row)
	}
	return s.show(w, r, http.StatusOK, "access", page)
}

// doGiveRole handles "POST /people/{id}/roles".
func (s *server) doGiveRole(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	person, role := custody.PersonID(chi.URLParam(r, "id")), custody.Role(r.PostFormValue("role"))
	if err := s.store.GiveRole(r.Context(), actor, person, role); err != nil {
		return err
	}
	return s.done(w, r, "/people/"+string(person), "role.given."+string(role), nil)
}

// doEndRole handles "POST /people/{id}/roles/end".
func (s *server) doEndRole(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	person, role := custody.PersonID(chi.URLParam(r, "id")), custody.Role(r.PostFormValue("role"))
	if err := s.store.EndRole(r.Context(), actor, person, role); err != nil {
		return err
	}
	return s.done(w, r, "/people/"+string(person), "role.ended."+string(role), nil)
}

func (s *server) apiGiveRole(ctx context.Context, actor custody.Actor, in *personInput[wire.RoleChange]) (*none, error) {
	return &none{}, s.store.GiveRole(ctx, actor, custody.PersonID(in.ID), custody.Role(in.Body.Role))
}

func (s *server) apiEndRole(ctx context.Context, actor custody.Actor, in *personInput[wire.RoleChange]) (*none, error) {
	return &none{}, s.store.EndRole(ctx, actor, custody.PersonID(in.ID), custody.Role(in.Body.Role))
}
