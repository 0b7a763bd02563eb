package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// apiMakeLink makes a link as the person's page does: an invitation as long as the account has
// no password, else a reset that a second person confirms. Nobody's password is set by the API.
func (s *server) apiMakeLink(ctx context.Context, actor custody.Actor, in *personInput[wire.NewAccountLink]) (*body[wire.AccountLink], error) {
	person := custody.PersonID(in.ID)
	made, kind := s.store.AskReset, custody.AccountResetAsked
	if in.Body.Kind == string(custody.AccountInvited) {
		kind = custody.AccountInvited
		made = func(ctx context.Context, actor custody.Actor, person custody.PersonID) (store.NewAccountLink, error) {
			return s.store.Invite(ctx, actor, person, in.Body.Username)
		}
	}
	link, err := made(ctx, actor, person)
	if err != nil {
		return nil, err
	}
	return &body[wire.AccountLink]{*s.wireNewLink(kind, person, link)}, nil
}

// wireNewLink is a link with its secret, for the one answer that has it.
func (s *server) wireNewLink(kind custody.AccountChangeKind, person custody.PersonID, link store.NewAccountLink) *wire.AccountLink {
	out := wire.AccountLink{ID: string(link.ID), Kind: string(kind), State: string(custody.LinkOpen), PersonID: string(person), Path: wire.JoinPath(link.Secret), ExpiresAt: link.Expires.UTC()}
	if kind == custody.AccountResetAsked {
		out.State = string(custody.LinkWaits)
	}
	if s.publicURL != "" {
		out.URL = s.publicURL + out.Path
	}
	return &out
}

func (s *server) apiAccountLinks(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.AccountLinks], error) {
	if !actor.Roles.May(custody.RunRegister) && !actor.Roles.May(custody.ConfirmReset) {
		return nil, custody.Forbidden("")
	}
	links, err := s.store.AccountLinks(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.AccountLinks{AccountLinks: make([]wire.AccountLink, len(links))}
	for i, l := range links {
		out.AccountLinks[i] = wire.AccountLink{ID: string(l.ID), Kind: string(l.Kind), State: string(l.State), PersonID: string(l.Person), MadeBy: string(l.MadeBy),
			MayConfirm: l.CanConfirm(actor) == nil, ExpiresAt: l.Expires.UTC()}
	}
	return &body[wire.AccountLinks]{out}, nil
}

type linkStep struct {
	ByID
	Body nothing
}

func (s *server) apiConfirmReset(ctx context.Context, actor custody.Actor, in *linkStep) (*none, error) {
	return &none{}, s.store.ConfirmReset(ctx, actor, custody.AccountLinkID(in.ID))
}

func (s *server) apiWithdrawLink(ctx context.Context, actor custody.Actor, in *linkStep) (*none, error) {
	return &none{}, s.store.WithdrawLink(ctx, actor, custody.AccountLinkID(in.ID))
}
