package httpapi

import (
	"net/http"

	"sokyso/custody"
	"sokyso/custody/store"
)

// homePage is what everybody sees first: what they hold, what waits for them.
type homePage struct {
	Tokens    []tokenCard
	HandOvers []store.HandOverRow // that the person may accept
	Offered   []store.HandOverRow // that the person offered
	Incidents []store.IncidentRow // open ones
}

// tokenCard is a token with what may be done about it.
type tokenCard struct {
	store.TokenRow
	ExpiresSoon bool
	Expired     bool
	MayOffer    bool
	MayTakeBack bool               // into the safe, for its custodian
	Open        custody.HandOverID // its open hand-over, if the person sees it
}

// soonDays before expiry a card says so.
const soonDays = 60

func (s *server) card(t store.TokenRow, open []store.HandOverRow) tokenCard {
	now := s.now()
	card := tokenCard{TokenRow: t, Expired: now.After(t.Certificate.NotAfter), MayOffer: t.State == custody.Held || t.State == custody.Blocked}
	card.ExpiresSoon = !card.Expired && now.AddDate(0, 0, soonDays).After(t.Certificate.NotAfter)
	for _, h := range open {
		if h.Token == t.ID && h.State == custody.Offered {
			card.Open, card.MayOffer = h.ID, false
		}
	}
	return card
}

// pageHome handles "GET /".
func (s *server) pageHome(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	tokens, err := s.store.TokensOf(r.Context(), actor)
	if err != nil {
		return err
	}
	open, err := s.store.HandOvers(r.Context(), actor)
	if err != nil {
		return err
	}
	incidents, err := s.store.Incidents(r.Context(), actor)
	if err != nil {
		return err
	}
	var page homePage
	for _, h := range open {
		if h.MayAccept {
			page.HandOvers = append(page.HandOvers, h)
		} else if h.State == custody.Offered {
			page.Offered = append(page.Offered, h)
		}
	}
	for _, t := range tokens {
		if t.Custodian != actor.Person {
			continue // offered to the person, and listed so
		}
		page.Tokens = append(page.Tokens, s.card(t, open))
	}
	for _, i := range incidents {
		if i.State == "open" {
			page.Incidents = append(page.Incidents, i)
		}
	}
	return s.show(w, r, http.StatusOK, "home", page)
}
