package custody

import (
	"slices"
	"strings"
)

// ProgramScope is something that a program may do with a key of its own.
type ProgramScope string

// The scopes. Each reads; none changes the register.
const (
	ScopeLog       ProgramScope = "log"       // entries, receipts, proofs
	ScopeRegisters ProgramScope = "registers" // people, tokens, certificates, losses, checks, papers, register files
	ScopeWitness   ProgramScope = "witness"   // proofs, and holding the log against a checkpoint that was seen
)

// ProgramScopeList are all of them, in the order that pages show.
var ProgramScopeList = []ProgramScope{ScopeLog, ScopeRegisters, ScopeWitness}

// ProgramScopes are scopes with commas between, each once, in the order of ProgramScopeList.
type ProgramScopes string

// JoinScopes makes a list of what was chosen; an ErrInvalid when it is empty or names
// something that is no scope.
func JoinScopes(chosen []string) (ProgramScopes, error) {
	var names []string
	for _, scope := range ProgramScopeList {
		if slices.Contains(chosen, string(scope)) {
			names = append(names, string(scope))
		}
	}
	for _, name := range chosen {
		if !slices.Contains(names, name) {
			return "", Invalid("scopes", "scope %.40q", name)
		}
	}
	if len(names) == 0 {
		return "", Invalid("scopes", "no scope")
	}
	return ProgramScopes(strings.Join(names, ",")), nil
}

// List returns the scopes one by one.
func (s ProgramScopes) List() []ProgramScope {
	var list []ProgramScope
	for name := range strings.SplitSeq(string(s), ",") {
		if name != "" {
			list = append(list, ProgramScope(name))
		}
	}
	return list
}

// Has reports whether one of them is among the scopes.
func (s ProgramScopes) Has(any []ProgramScope) bool {
	return slices.ContainsFunc(s.List(), func(scope ProgramScope) bool { return slices.Contains(any, scope) })
}
