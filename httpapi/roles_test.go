package httpapi_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sokyso/custody"
)

// TestReadersAreShownWhatTheyMayDo: a reviewer reads all and reviews, who reads for the
// department reads only; nowhere is either offered a form or a link that would be refused.
func TestReadersAreShownWhatTheyMayDo(t *testing.T) {
	for _, role := range []custody.Role{custody.RoleReviewer, custody.RoleDepartment} {
		t.Run(string(role), func(t *testing.T) {
			each(t, func(t *testing.T, s *school) { readerIsShown(t, s, role) })
		})
	}
}

func readerIsShown(t *testing.T, s *school, role custody.Role) {
	t.Helper()
	admin, deputy := s.visitor(t), s.visitor(t)
	admin.signIn(s.admin)
	deputy.signIn(s.deputy)
	person := "/people/" + string(s.deputy.actor.Person)
	if status, _ := deputy.get("/review"); status != http.StatusForbidden {
		t.Errorf("before: %d", status)
	}
	if status, _ := deputy.get("/access"); status != http.StatusOK {
		t.Errorf("the table: %d", status)
	}
	if resp, _ := deputy.post(person+"/roles", url.Values{"role": {"admin"}}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a deputy made herself an admin: %d", resp.StatusCode)
	}
	if resp, page := admin.post(person+"/roles", url.Values{"role": {string(role)}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("given: %d %s", resp.StatusCode, page)
	}
	if resp, page := admin.post(person+"/roles", url.Values{"role": {"principal"}}); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("made a principal: %d %s", resp.StatusCode, page)
	}
	link := regexp.MustCompile(`(?:href|action)="(/[^"?#]*)`)
	form := regexp.MustCompile(`<form method="post" action="(/[^"?#]*)"`)
	mine := regexp.MustCompile(`^/(log/|review|unlogged|language|sign-out|tokens/[^/]+/pin|hand-overs/)`)
	seen := map[string]bool{}
	pages := []string{"/", "/people", person, "/people/" + string(s.principal.actor.Person), "/tokens", "/certificates", "/incidents", "/grants", "/checks", "/alarms", "/delegations", "/review", "/unlogged", "/log", "/log/0", "/review/charts", "/access", "/support", "/papers"}
	review := []string{"/review", "/unlogged"}
	if role == custody.RoleDepartment {
		pages = slices.DeleteFunc(pages, func(page string) bool { return slices.Contains(review, page) })
		for _, page := range review {
			if status, _ := deputy.get(page); status != http.StatusForbidden {
				t.Errorf("%s: %d", page, status)
			}
		}
	}
	for i := 0; i < len(pages); i++ {
		status, page := deputy.get(pages[i])
		if status != http.StatusOK {
			t.Errorf("%s: %d", pages[i], status)
			continue
		}
		for _, found := range form.FindAllStringSubmatch(page, -1) {
			if !mine.MatchString(found[1]) {
				t.Errorf("%s offers to send %s", pages[i], found[1])
			}
		}
		for _, found := range link.FindAllStringSubmatch(page, -1) {
			where := found[1]
			if seen[where] || strings.HasPrefix(where, "/static") || strings.Contains(where, "/receipt") || strings.Contains(where, ".") {
				continue
			}
			seen[where] = true
			if strings.Contains(page, `method="post" action="`+where+`"`) {
				continue
			}
			if status, _ := deputy.get(where); status == http.StatusForbidden || status == http.StatusNotFound {
				t.Errorf("%s leads to %s: %d", pages[i], where, status)
			}
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d links", len(seen))
	}
	for _, path := range []string{person + "/positions", person + "/roles", "/people", "/tokens", "/settings", "/program-keys"} {
		if resp, _ := deputy.post(path, url.Values{"name": {"X"}, "role": {"admin"}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if _, page := admin.get("/log?type=role_change"); !strings.Contains(page, "Vai trò") {
		t.Error("no entry tells of it")
	}
	if resp, _ := admin.post(person+"/roles/end", url.Values{"role": {string(role)}}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("ended: %d", resp.StatusCode)
	}
	if status, _ := deputy.get("/review"); status != http.StatusForbidden {
		t.Errorf("after: %d", status)
	}
}
