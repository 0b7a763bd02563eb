package main

import (
	"fmt"
	"io"
	"strings"
)

// narrator tells the story: a heading for each step, a line for each thing that
// was checked. It counts what failed; nothing that failed is told as done.
type narrator struct {
	out    io.Writer
	words  *catalogue
	checks int
	failed int
}

func (n *narrator) say(key string, params map[string]any) {
	fmt.Fprintln(n.out, n.words.sentence(key, params))
}

// step opens a step of the story.
func (n *narrator) step(number int, key string) {
	fmt.Fprintf(n.out, "\n%d. %s\n", number, n.words.sentence(key, nil))
}

// check tells whether something is as it should be. The sentence is the same
// for both outcomes: the mark and the reason below it tell them apart.
func (n *narrator) check(err error, key string, params map[string]any) bool {
	n.checks++
	mark := "✓"
	if err != nil {
		n.failed++
		mark = "✗"
	}
	fmt.Fprintf(n.out, "   %s %s\n", mark, n.words.sentence(key, params))
	if err != nil {
		for _, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
			fmt.Fprintf(n.out, "       %s\n", line)
		}
	}
	return err == nil
}

// quote tells in the programs' own words what a user was told.
func (n *narrator) quote(text string) {
	if text = strings.TrimSpace(text); text != "" {
		fmt.Fprintf(n.out, "       “%s”\n", text)
	}
}
