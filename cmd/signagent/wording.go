package main

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// The flags' library speaks English only. Its errors are text without a type, so
// they are known by their form; what has no form here gets a general sentence.
var parseErrors = []struct {
	form *regexp.Regexp
	key  string
	is   []string // what the form's groups are called in the sentence
}{
	{regexp.MustCompile(`^(--\S+) must be one of (.*) but got "(.*)"$`), "enum", []string{"flag", "values", "value"}},
	{regexp.MustCompile(`^(--[^:]+): expected a valid \d+ bit u?int but got "(.*)"$`), "number", []string{"flag", "value"}},
	{regexp.MustCompile(`^(--[^:]+): (?:.*"EOL"|expected .* value but got)`), "value_missing", []string{"flag"}},
	{regexp.MustCompile(`^(--[^:]+): bool value .* but got "(.*)"$`), "no_value", []string{"flag", "value"}},
	{regexp.MustCompile(`^unknown flag (.+?)(?:, did you mean (?:one of )?(.*)\?)?$`), "unknown_flag", []string{"flag", "near"}},
	{regexp.MustCompile(`^unexpected argument (.+?)(?:, did you mean (?:one of )?(.*)\?)?$`), "unexpected", []string{"value", "near"}},
	{regexp.MustCompile(`^expected one of `), "command", nil},
	{regexp.MustCompile(`^expected "(.*)"$`), "missing", []string{"value"}},
	{regexp.MustCompile(`^missing positional arguments (.*)$`), "missing", []string{"value"}},
}

// parseError says in the person's language what is wrong with the arguments.
func (p *program) parseError(err error) string {
	text := strings.ReplaceAll(err.Error(), `,""`, "") // the empty value of an enum stands for its absence
	for _, e := range parseErrors {
		found := e.form.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		var params []string
		for i, name := range e.is {
			params = append(params, name, strings.ReplaceAll(found[i+1], `","`, `", "`))
		}
		return p.say("use.parse."+e.key, params...)
	}
	return p.say("use.parse.other", "reason", text)
}

// fillHelp puts the texts where the tags have their names. They are no variables of the library: it would go through all
// of them for each flag at each start, which took longer than all else that a start does.
func (p *program) fillHelp(node *kong.Node) error {
	texts := p.catalogue.Section("help")
	fill := func(help *string) {
		if name, ok := strings.CutPrefix(*help, "help_"); ok {
			*help = cmp.Or(texts[name], *help) // the name shows where a text is missing
		}
	}
	return kong.Visit(node, func(visited kong.Visitable, next kong.Next) error {
		switch visited := visited.(type) {
		case *kong.Node:
			fill(&visited.Help)
		case *kong.Value:
			fill(&visited.Help)
		case *kong.Flag:
			fill(&visited.Help)
		}
		return next(nil)
	})
}

// printHelp is the library's help with its own words in the person's language.
func (p *program) printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := p.fillHelp(ctx.Model.Node); err != nil {
		return fmt.Errorf("print help: %w", err)
	}
	if flag := ctx.Model.HelpFlag; flag != nil {
		flag.Help = p.say("help.help")
	}
	var text bytes.Buffer
	out := ctx.Stdout
	ctx.Stdout = &text
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = out
	if err != nil {
		return fmt.Errorf("print help: %w", err)
	}
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		rest, isUsage := strings.CutPrefix(line, "Usage: ")
		switch {
		case isUsage:
			rest = strings.NewReplacer("<command>", "<"+p.say("help.heading.command")+">", "[flags]", "["+p.say("help.heading.flag")+"]").Replace(rest)
			line = p.say("help.heading.usage") + " " + rest
		case line == "Arguments:":
			line = p.say("help.heading.arguments")
		case line == "Flags:":
			line = p.say("help.heading.flags")
		case line == "Commands:":
			line = p.say("help.heading.commands")
		case strings.HasPrefix(line, `Run "`):
			line = p.say("help.heading.more")
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return fmt.Errorf("print help: %w", err)
		}
	}
	return nil
}
