package httpapi

import (
	"io"
	"net/http"
	"slices"

	"sokyso/custody"
	"sokyso/custody/store"
)

// tokensPage is the list of tokens with its filters.
type tokensPage struct {
	Search, State, Kind string
	States              []custody.TokenState
	Tokens              []tokenCard
	All                 int // before the filters
	pager
}

// pageTokens handles "GET /tokens".
func (s *server) pageTokens(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rows, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return err
	}
	open, err := s.store.HandOvers(r.Context(), actor)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	page := tokensPage{Search: q.Get("q"), State: q.Get("state"), Kind: q.Get("kind"), All: len(rows),
		States: []custody.TokenState{custody.InSafe, custody.HandedOver, custody.Held, custody.ReturnOffered, custody.Blocked, custody.Retired}}
	rows = slices.DeleteFunc(rows, func(t store.TokenRow) bool {
		return page.State != "" && string(t.State) != page.State || page.Kind != "" && string(t.Kind) != page.Kind ||
			!contains(page.Search, t.Label, t.Serial, t.CustodianName, t.OwnerName, t.Model, t.Provider, t.Place)
	})
	rows, page.pager = cut(rows, r)
	for _, row := range rows {
		page.Tokens = append(page.Tokens, s.managerCard(row, open, actor))
	}
	return s.show(w, r, http.StatusOK, "tokens", page)
}

// managerCard: from the safe, the principal and admins give out; into it, they take
// back for who is away or has left.
func (s *server) managerCard(row store.TokenRow, open []store.HandOverRow, actor custody.Actor) tokenCard {
	card := s.card(row, open)
	if !actor.Roles.May(custody.RunRegister) { // who only reads
		card.MayOffer = card.MayOffer && row.Custodian == actor.Person
		return card
	}
	card.MayTakeBack = card.MayOffer && row.Custodian != "" && row.Custodian != actor.Person
	card.MayOffer = row.State == custody.InSafe || row.Custodian == actor.Person && card.MayOffer
	steps := custody.StepsFrom(row.State)
	card.MayRetire = card.Open == "" && slices.Contains(steps, custody.TokenRetire) && (row.Custodian == "" || row.State.Stopped())
	card.MayStepPIN = row.State == custody.PINLocked || row.State == custody.RecoveryAsked
	return card
}

// newTokenPage is the form that registers a token.
type newTokenPage struct {
	People                     []store.PersonRow
	Serial, Label, Model, Kind string
	Provider, Place            string
	Owner                      string
}

func (s *server) newToken(r *http.Request, actor custody.Actor) (newTokenPage, error) {
	people, _, err := s.people(r.Context(), actor)
	return newTokenPage{
		People: people, Serial: r.PostFormValue("serial"), Label: r.PostFormValue("label"), Model: r.PostFormValue("model"),
		Kind: r.PostFormValue("kind"), Owner: r.PostFormValue("owner"), Provider: r.PostFormValue("provider"), Place: r.PostFormValue("place"),
	}, err
}

// pageNewToken handles "GET /tokens/new".
func (s *server) pageNewToken(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.newToken(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "token_new", page)
}

// maxCertificate bounds an uploaded certificate, DER or PEM.
const maxCertificate = 64 << 10

// doNewToken handles "POST /tokens".
func (s *server) doNewToken(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := parseUpload(r); err != nil {
		return err
	}
	defer r.MultipartForm.RemoveAll()
	page, err := s.newToken(r, actor)
	if err != nil {
		return err
	}
	certificate, chain, err := uploadedCertificate(r)
	if err != nil {
		return s.showAgain(w, r, "token_new", page, err)
	}
	owner := custody.PersonID(page.Owner)
	if page.Kind == string(custody.Seal) {
		owner = ""
	}
	token, err := s.store.RegisterToken(r.Context(), actor, store.NewToken{
		Serial: page.Serial, Label: page.Label, Model: page.Model, Kind: custody.TokenKind(page.Kind), Certificate: certificate, Chain: chain, Owner: owner,
		Provider: page.Provider, Place: page.Place,
	})
	if err != nil {
		return s.showAgain(w, r, "token_new", page, err)
	}
	return s.done(w, r, "/tokens/"+string(token.ID), "token.created", map[string]string{"Token": token.Label})
}

// uploadedCertificate reads the certificate and its chain out of the form's file.
func uploadedCertificate(r *http.Request) (leaf, chain []byte, err error) {
	unreadable := func(err error) error {
		return &failure{status: http.StatusUnprocessableEntity, code: "invalid", params: map[string]string{"field": "certificate", "reason": "certificate_file"}, err: err}
	}
	file, _, err := r.FormFile("certificate")
	if err != nil {
		return nil, nil, unreadable(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCertificate+1))
	if err != nil || len(content) > maxCertificate {
		return nil, nil, unreadable(err)
	}
	cert, issuers, err := ParseCertificates(content)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	return cert.Raw, joinChain(issuers), nil
}

// pageGrants handles "GET /grants": leave that was given and never confirmed.
func (s *server) pageGrants(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rows, err := s.store.UnconfirmedGrants(r.Context(), actor, s.unconfirmedAfter)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "grants", rows)
}
