package custody

import (
	"errors"
	"testing"
)

// A reset is confirmed by somebody else than who made it and whom it is for, and never by
// two admins alone unless the principal is one side.
func TestWhoConfirmsAReset(t *testing.T) {
	admin, secondAdmin := Actor{Person: "a", Roles: Roles{Admin: true}}, Actor{Person: "b", Roles: Roles{Admin: true}}
	principal, deputy := Actor{Person: "p", Roles: Roles{Principal: true}}, Actor{Person: "d", Roles: Roles{Deputy: true}}
	clerk := Actor{Person: "c", Roles: Roles{OfficeHead: true}}
	ofClerk := AccountLink{Kind: AccountResetAsked, Person: "c", MadeBy: "a", State: LinkWaits}
	ofPrincipal := AccountLink{Kind: AccountResetAsked, Person: "p", MadeBy: "a", State: LinkWaits, OfHead: true}
	byPrincipal := AccountLink{Kind: AccountResetAsked, Person: "c", MadeBy: "p", State: LinkWaits, ByHead: true}
	bySystem := AccountLink{Kind: AccountResetAsked, Person: "c", State: LinkWaits}
	for _, c := range []struct {
		name string
		link AccountLink
		by   Actor
		ok   bool
	}{
		{"principal", ofClerk, principal, true},
		{"deputy", ofClerk, deputy, true},
		{"who made it", ofClerk, admin, false},
		{"whom it is for", ofClerk, clerk, false},
		{"a second admin", ofClerk, secondAdmin, false},
		{"nobody", bySystem, Actor{}, false},
		{"principal for themselves", ofPrincipal, principal, false},
		{"deputy for the principal", ofPrincipal, deputy, true},
		{"second admin for the principal", ofPrincipal, secondAdmin, true},
		{"admin for what the principal made", byPrincipal, admin, true},
		{"principal for what they made", byPrincipal, principal, false},
	} {
		err := c.link.CanConfirm(c.by)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	ofClerk.State = LinkOpen
	if err := ofClerk.CanConfirm(principal); !errors.Is(err, ErrConflict) {
		t.Errorf("confirmed twice: %v", err)
	}
	ofClerk.State, ofClerk.Kind = LinkWaits, AccountInvited
	if err := ofClerk.CanConfirm(principal); !errors.Is(err, ErrForbidden) {
		t.Errorf("an invitation: %v", err)
	}
}
