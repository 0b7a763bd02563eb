package httpapi

import (
	"slices"

	"sokyso/custody"
)

// menuItem is an entry of the navigation.
type menuItem struct {
	Key     string // of its word in the catalogue
	Path    string
	Pages   []string             // names of the pages that belong to it
	Current bool                 // one of them is shown
	needs   []custody.Permission // one of which opens it; none = it is everybody's
	only    menuPlace            // where alone it is of use; 0 = everywhere
}

// menuPlace says where a menu is shown.
type menuPlace int

// The places. A school that is served alone is none of them.
const (
	atDepartment menuPlace = 1 << iota
	atSchool               // one of the department's
	atHome                 // signed in here, and not at the department
)

// menu is the navigation: what is wanted daily in a row, the rest by groups behind
// one word. On a phone all of it opens by one word.
type menu struct {
	Main []menuItem
	More []menuGroup
	Here string // word of the entry in More that is shown, "" when none is
}

type menuGroup struct {
	Key   string
	Items []menuItem
}

var mainMenu = []menuItem{
	{Key: "nav.home", Path: "/", Pages: []string{"home"}},
	{Key: "nav.schools", Path: "/schools", Pages: []string{"schools", "school_enter"}, needs: []custody.Permission{custody.ReadSchools}, only: atDepartment},
	{Key: "nav.tokens", Path: "/tokens", Pages: []string{"tokens", "token", "token_new", "retire"}, needs: []custody.Permission{custody.ReadRegister}},
	{Key: "nav.hand_overs", Path: "/hand-overs", Pages: []string{"hand_overs", "hand_over", "offer"}},
	{Key: "nav.documents", Path: "/documents", Pages: []string{"documents", "document", "document_new", "document_open", "document_end"}},
	{Key: "nav.incidents", Path: "/incidents", Pages: []string{"incidents", "incident", "alarms"}, needs: []custody.Permission{custody.ReadRegister}},
	{Key: "nav.papers", Path: "/papers", Pages: []string{"papers", "paper", "paper_new"}},
	{Key: "nav.log", Path: "/log", Pages: []string{"log", "entry"}},
	{Key: "nav.review", Path: "/review", Pages: []string{"review", "unlogged", "charts"}, needs: []custody.Permission{custody.ReviewLog}},
}

var moreMenu = []menuGroup{
	{Key: "nav.group_tokens", Items: []menuItem{
		{Key: "nav.checks", Path: "/checks", Pages: []string{"checks", "check", "check_new", "check_close"}},
		{Key: "nav.support", Path: "/support", Pages: []string{"support", "support_new", "support_request"}},
		{Key: "nav.certificates", Path: "/certificates", Pages: []string{"certificates"}, needs: []custody.Permission{custody.ReadRegister}},
		{Key: "nav.grants", Path: "/grants", Pages: []string{"grants"}, needs: []custody.Permission{custody.ReadRegister}},
	}},
	{Key: "nav.group_people", Items: []menuItem{
		{Key: "nav.people", Path: "/people", Pages: []string{"people", "person", "person_new", "end", "account_link_made"}, needs: []custody.Permission{custody.ReadRegister}},
		{Key: "nav.account_links", Path: "/account-links", Pages: []string{"account_links"}, needs: []custody.Permission{custody.RunRegister, custody.ConfirmReset}},
		{Key: "nav.delegations", Path: "/delegations", Pages: []string{"delegations", "delegation_end"}, needs: []custody.Permission{custody.ReadRegister}},
	}},
	{Key: "nav.group_system", Items: []menuItem{
		{Key: "nav.access", Path: "/access", Pages: []string{"access"}},
		{Key: "nav.department", Path: "/department", Pages: []string{"department"}, needs: []custody.Permission{custody.Administer}, only: atSchool},
		{Key: "nav.settings", Path: "/settings", Pages: []string{"settings"}, needs: []custody.Permission{custody.RunRegister}},
		{Key: "nav.background", Path: "/background", Pages: []string{"background"}, needs: []custody.Permission{custody.RunRegister}},
		{Key: "nav.program_keys", Path: "/program-keys", Pages: []string{"program_keys"}, needs: []custody.Permission{custody.Administer}},
		{Key: "nav.pairing", Path: "/pairing", Pages: []string{"pairing", "pairing_end"}, only: atHome},
		{Key: "nav.sessions", Path: "/sessions", Pages: []string{"sessions"}},
		{Key: "nav.second_factor", Path: "/second-factor", Pages: []string{"second_factor"}, only: atHome},
		{Key: "nav.passkeys", Path: "/passkeys", Pages: []string{"passkeys", "passkey_new"}, only: atHome},
		{Key: "nav.password", Path: "/password", Pages: []string{"password"}, only: atHome},
	}},
}

// menuPlace says where who sends a request is.
func (s *server) menuPlace(q *request) menuPlace {
	var place menuPlace
	if s.schools != nil {
		place |= atDepartment
	}
	if s.department != nil {
		place |= atSchool
	}
	if !q.visiting() {
		place |= atHome
	}
	return place
}

// menuOf is the navigation as somebody sees it on a page.
func menuOf(roles custody.Roles, page string, place menuPlace) menu {
	visible := func(items []menuItem) []menuItem {
		var shown []menuItem
		for _, item := range items {
			if item.needs != nil && !slices.ContainsFunc(item.needs, roles.May) {
				continue
			}
			if item.only != 0 && item.only&place == 0 {
				continue
			}
			item.Current = slices.Contains(item.Pages, page)
			shown = append(shown, item)
		}
		return shown
	}
	m := menu{Main: visible(mainMenu)}
	for _, group := range moreMenu {
		group.Items = visible(group.Items)
		if len(group.Items) == 0 {
			continue
		}
		for _, item := range group.Items {
			if item.Current {
				m.Here = item.Key
			}
		}
		m.More = append(m.More, group)
	}
	return m
}
