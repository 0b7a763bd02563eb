package httpapi

import (
	"errors"
	"io"
	"net/http"

	"sokyso/custody"
	"sokyso/custody/store"
)

// tokensPage is the list of tokens and certificates.
type tokensPage struct {
	Tokens []tokenCard
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
	var page tokensPage
	for _, row := range rows {
		page.Tokens = append(page.Tokens, s.managerCard(row, open, actor))
	}
	return s.show(w, r, http.StatusOK, "tokens", page)
}

// managerCard: from the safe, the principal and admins give out; into it, they take
// back for who is away or has left.
func (s *server) managerCard(row store.TokenRow, open []store.HandOverRow, actor custody.Actor) tokenCard {
	card := s.card(row, open)
	card.MayTakeBack = card.MayOffer && row.Custodian != "" && row.Custodian != actor.Person
	card.MayOffer = row.State == custody.InSafe || row.Custodian == actor.Person && card.MayOffer
	return card
}

// newTokenPage is the form that registers a token.
type newTokenPage struct {
	People                     []store.PersonRow
	Serial, Label, Model, Kind string
	Owner                      string
}

func (s *server) newToken(r *http.Request, actor custody.Actor) (newTokenPage, error) {
	people, _, err := s.people(r.Context(), actor)
	return newTokenPage{
		People: people, Serial: r.PostFormValue("serial"), Label: r.PostFormValue("label"), Model: r.PostFormValue("model"),
		Kind: r.PostFormValue("kind"), Owner: r.PostFormValue("owner"),
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
	if err := r.ParseMultipartForm(2 * maxCertificate); err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return err
		}
		return invalid("form", err)
	}
	defer r.MultipartForm.RemoveAll()
	page, err := s.newToken(r, actor)
	if err != nil {
		return err
	}
	certificate, err := uploadedCertificate(r)
	if err != nil {
		return s.showAgain(w, r, "token_new", page, err)
	}
	owner := custody.PersonID(page.Owner)
	if page.Kind == string(custody.Seal) {
		owner = ""
	}
	token, err := s.store.RegisterToken(r.Context(), actor, store.NewToken{
		Serial: page.Serial, Label: page.Label, Model: page.Model, Kind: custody.TokenKind(page.Kind), Certificate: certificate, Owner: owner,
	})
	if err != nil {
		return s.showAgain(w, r, "token_new", page, err)
	}
	return s.done(w, r, "/tokens", "token.created", map[string]string{"Token": token.Label})
}

func uploadedCertificate(r *http.Request) ([]byte, error) {
	unreadable := func(err error) error {
		return &failure{status: http.StatusUnprocessableEntity, code: "invalid", params: map[string]string{"field": "certificate", "reason": "certificate_file"}, err: err}
	}
	file, _, err := r.FormFile("certificate")
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCertificate+1))
	if err != nil || len(content) > maxCertificate {
		return nil, unreadable(err)
	}
	cert, err := ParseCertificate(content)
	if err != nil {
		return nil, unreadable(err)
	}
	return cert.Raw, nil
}

// pageGrants handles "GET /grants": leave that was given and never confirmed.
func (s *server) pageGrants(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rows, err := s.store.UnconfirmedGrants(r.Context(), actor, s.unconfirmedAfter)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "grants", rows)
}
