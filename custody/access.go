package custody

import "slices"

// Role is what somebody is to the register, whatever they hold at the moment.
type Role string

// The roles. The first three come with a position; admins, reviewers and those who look for
// the department are made by an admin; a program has a key.
const (
	RolePrincipal  Role = "principal"
	RoleDeputy     Role = "deputy"
	RoleOfficeHead Role = "office_head"
	RoleAdmin      Role = "admin"
	RoleReviewer   Role = "reviewer"
	RoleDepartment Role = "department"
	RoleProgram    Role = "program" // its scopes narrow what it reads
)

// Permission is something that a role opens. What everybody may do is in none: see and do
// what is about oneself, report what one holds, sign what one is allowed to sign.
type Permission string

// The permissions.
const (
	ReadRegister Permission = "read_register" // people, tokens, custody, losses, checks, grants, papers: of all
	ReadLog      Permission = "read_log"      // every entry, and the log as a whole
	ReviewLog    Permission = "review_log"    // say of entries that they were seen, ask, flag, settle, end a review
	RunRegister  Permission = "run_register"  // people, tokens, hand-overs for others, losses, checks, links, settings
	ReadPapers   Permission = "read_papers"   // all official papers, and registers as files
	IssuePapers  Permission = "issue_papers"  // official papers
	ConfirmReset Permission = "confirm_reset" // as the second person of a forgotten password
	HeadOnly     Permission = "head_only"     // a loss's steps that the law asks of the head, doubtful signatures
	ReadSchools  Permission = "read_schools"  // at the department: the schools that let one read, and open them
	Administer   Permission = "administer"    // roles, programs' keys, erasure, an end at once, writing a token off
)

// Access is who may do what: one line for each permission, with the roles that have it.
// Every check in this program asks it, and docs/access.md is made of it. Rules that look at
// more than the role, such as whose token it is, come on top.
var Access = []struct {
	Permission Permission
	Roles      []Role
}{
	{ReadRegister, []Role{RolePrincipal, RoleAdmin, RoleReviewer, RoleDepartment, RoleProgram}},
	{ReadLog, []Role{RolePrincipal, RoleAdmin, RoleReviewer, RoleDepartment, RoleProgram}},
	{ReviewLog, []Role{RolePrincipal, RoleAdmin, RoleReviewer}},
	{RunRegister, []Role{RolePrincipal, RoleAdmin}},
	{ReadPapers, []Role{RolePrincipal, RoleOfficeHead, RoleAdmin, RoleReviewer, RoleDepartment, RoleProgram}},
	{IssuePapers, []Role{RolePrincipal, RoleAdmin, RoleOfficeHead}},
	{ConfirmReset, []Role{RolePrincipal, RoleDeputy}},
	{HeadOnly, []Role{RolePrincipal}},
	{ReadSchools, []Role{RoleDepartment}},
	{Administer, []Role{RoleAdmin}},
}

// RoleList are the roles in the order of tables.
var RoleList = []Role{RolePrincipal, RoleDeputy, RoleOfficeHead, RoleAdmin, RoleReviewer, RoleDepartment, RoleProgram}

// GivenRoles are those that an admin gives and ends.
var GivenRoles = []Role{RoleAdmin, RoleReviewer, RoleDepartment}

// Roles are what a person may do in the program today.
type Roles struct {
	Principal, Deputy, OfficeHead, Admin, Reviewer, Department, Program bool
}

// Has reports whether a role is among them.
func (r Roles) Has(role Role) bool {
	switch role {
	case RolePrincipal:
		return r.Principal
	case RoleDeputy:
		return r.Deputy
	case RoleOfficeHead:
		return r.OfficeHead
	case RoleAdmin:
		return r.Admin
	case RoleReviewer:
		return r.Reviewer
	case RoleDepartment:
		return r.Department
	case RoleProgram:
		return r.Program
	}
	return false
}

// May reports whether one of the roles opens it.
func (r Roles) May(p Permission) bool {
	for _, line := range Access {
		if line.Permission == p {
			return slices.ContainsFunc(line.Roles, r.Has)
		}
	}
	return false
}

// Names lists the roles in the words of the API.
func (r Roles) Names() []string {
	var names []string
	for _, role := range RoleList {
		if r.Has(role) {
			names = append(names, string(role))
		}
	}
	return names
}

// CanGiveRole decides who gives a role, and ends it.
func CanGiveRole(a Actor, role Role) error {
	switch {
	case !a.Roles.May(Administer):
		return Forbidden(ReasonAdminOnly)
	case !slices.Contains(GivenRoles, role):
		return Invalid("role", "role %.40q", string(role))
	}
	return nil
}

// CanEndRole: nobody ends their own rights as an admin, so that one is always left.
func CanEndRole(a Actor, role Role, of PersonID) error {
	if err := CanGiveRole(a, role); err != nil {
		return err
	}
	if role == RoleAdmin && a.Person == of {
		return Conflict(ReasonOwnRole)
	}
	return nil
}
