package reading

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first used: every start of the program would pay for it.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
