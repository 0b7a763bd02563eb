package custody_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sokyso/custody"
)

// writeVariable has the test write docs/access.md instead of comparing it.
const writeVariable = "SOKYSO_WRITE_DOCS"

// TestAccessIsAsDocumented: docs/access.md is made of the table that the program checks by.
func TestAccessIsAsDocumented(t *testing.T) {
	const path = "../docs/access.md"
	var b strings.Builder
	b.WriteString(`# Who may do what

**Goal.** One table that the program checks every act by, that people read on the page "Ai được làm gì", and that stands here.

**Decision.** Roles open permissions (` + "`custody.Access`" + `; this file is made of it by ` + "`SOKYSO_WRITE_DOCS=1 go test ./custody -run Documented`" + `). A principal,
a deputy and an office head have theirs by position, on the days that it is in force. An admin gives and ends those of admins, reviewers and
who reads for the department on each person's page, each time an entry of the log (` + "`role_change`" + `) of which the person and the others are told; nobody ends their own, and the
last admin's account can't be ended. Who reads for the department signs in there where one service has many schools, else by an account at the
school; they and programs' keys only read, and a key's scopes narrow that (docs/accounts.md).

What everybody may do is not in the table: see and do what is about oneself, report what one holds, confirm what one receives. What somebody
may sign follows from position, scope and delegation (docs/custody.md). Rules that look at more than the role come on top: who made a
password link does not confirm it, a flag is settled by somebody else than whom it is about, what an actor may not see does not exist for them.

| |`)
	for _, role := range custody.RoleList {
		fmt.Fprintf(&b, " %s |", role)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(custody.RoleList)) + "\n")
	for _, line := range custody.Access {
		fmt.Fprintf(&b, "| `%s` |", line.Permission)
		for _, role := range custody.RoleList {
			mark := ""
			if slices.Contains(line.Roles, role) {
				mark = "yes"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteString("\n")
	}
	b.WriteString(`
| permission | opens |
|---|---|
`)
	for _, line := range [][2]string{
		{"read_register", "people, tokens, certificates, custody, hand-overs, losses, checks, grants: of all"},
		{"read_log", "every entry, tiles, export, charts"},
		{"review_log", "say of entries that they were seen, ask, flag, settle, end a review; signatures outside the log"},
		{"run_register", "people, tokens, hand-overs for others, losses, checks, links, settings, notices to share, work in the background"},
		{"read_papers", "read all official papers, take registers as files"},
		{"issue_papers", "official papers: draft, issue"},
		{"confirm_reset", "be the second person of a forgotten password"},
		{"head_only", "steps of a loss that the law asks of the head; say whether a doubtful signature is genuine"},
		{"read_schools", "at the department of a service of many schools: list the schools that let one read, and open them (docs/many-schools.md)"},
		{"administer", "roles, programs' keys, erasure, an end at once, writing a token off"},
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", line[0], line[1])
	}
	if os.Getenv(writeVariable) != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != b.String() {
		t.Errorf("docs/access.md is not the table: %s=1 go test ./custody -run Documented writes it (%v)", writeVariable, err)
	}
}

func TestRolesOpenOnlyTheirOwn(t *testing.T) {
	for _, line := range custody.Access {
		if (custody.Roles{}).May(line.Permission) {
			t.Errorf("%s is everybody's", line.Permission)
		}
		for _, role := range line.Roles {
			if !slices.Contains(custody.RoleList, role) {
				t.Errorf("%s: no role %q", line.Permission, role)
			}
		}
	}
	reads := []custody.Permission{custody.ReadRegister, custody.ReadLog, custody.ReadPapers}
	for _, roles := range []custody.Roles{{Department: true}, {Program: true}} {
		for _, line := range custody.Access {
			if roles.May(line.Permission) != (slices.Contains(reads, line.Permission) || roles.Department && line.Permission == custody.ReadSchools) {
				t.Errorf("%v: %s", roles.Names(), line.Permission)
			}
		}
	}
	if (custody.Roles{Admin: true, Principal: true}).May("no such permission") {
		t.Error("what is no permission is open")
	}
}

func TestWhoGivesRoles(t *testing.T) {
	admin, principal := custody.Actor{Person: "a", Roles: custody.Roles{Admin: true}}, custody.Actor{Person: "p", Roles: custody.Roles{Principal: true}}
	for _, c := range []struct {
		actor custody.Actor
		role  custody.Role
		of    custody.PersonID
		give  bool
		end   bool
	}{
		{admin, custody.RoleReviewer, "x", true, true}, {admin, custody.RoleAdmin, "x", true, true}, {admin, custody.RoleAdmin, "a", true, false},
		{admin, custody.RoleReviewer, "a", true, true}, {admin, custody.RolePrincipal, "x", false, false}, {admin, custody.RoleDepartment, "x", true, true}, {admin, custody.RoleProgram, "x", false, false},
		{principal, custody.RoleReviewer, "x", false, false},
	} {
		if err := custody.CanGiveRole(c.actor, c.role); (err == nil) != c.give {
			t.Errorf("%s gives %s: %v", c.actor.Person, c.role, err)
		}
		if err := custody.CanEndRole(c.actor, c.role, c.of); (err == nil) != c.end {
			t.Errorf("%s ends %s of %s: %v", c.actor.Person, c.role, c.of, err)
		}
	}
}
