package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"sokyso/signer/desk"
	"sokyso/signer/preview"
)

// prepareCommand gives a draft its fields before the leader signs.
type prepareCommand struct {
	File         string  `arg:"" name:"file" help:"help_draft"`
	Output       *string `short:"o" placeholder:"OUT" help:"help_prepare_output"`
	SealWidth    float64 `placeholder:"MM" help:"help_seal_width"`
	NoSeal       bool    `help:"help_no_seal"`
	PasswordFile string  `name:"password-file" placeholder:"F" help:"help_password_file"`
	JSON         bool    `name:"json" help:"help_json"`
}

// preparedFile is the result in JSON.
type preparedFile struct {
	Input  string   `json:"input"`
	Output string   `json:"output"`
	Fields []string `json:"fields"`
}

// Run writes the prepared copy beside the draft, never over anything.
func (c *prepareCommand) Run(p *program) error {
	switch {
	case c.Output != nil && *c.Output == "":
		return p.misuse("output_empty", "flag", "-o")
	case c.SealWidth != 0 && (c.SealWidth < 5 || c.SealWidth > 200):
		return p.misuse("seal_width_range")
	case c.SealWidth != 0 && c.NoSeal:
		return p.misuse("two_places", "one", "--seal-width", "other", "--no-seal")
	}
	passwords, err := p.passwords(c.PasswordFile)
	if err != nil {
		return err
	}
	output := text(c.Output)
	if output == "" {
		extension := filepath.Ext(c.File)
		output = strings.TrimSuffix(c.File, extension) + ".prepared" + extension
	}
	viewer := preview.New(preview.Config{CacheDir: preview.CacheDir()})
	defer viewer.Close()
	draft := desk.Draft{Viewer: viewer, SealMM: c.SealWidth, WithoutSeal: c.NoSeal}
	fields, err := draft.Prepare(p.ctx, c.File, passwords.Given, output)
	if err != nil {
		_, message := p.catalogue.Explain(err, c.File)
		fmt.Fprintln(p.stderr, message)
		p.status = statusFailed
		return nil
	}
	names := make([]string, len(fields))
	labels := make([]string, len(fields))
	for i, f := range fields {
		names[i], labels[i] = f.Name, f.Label
	}
	if c.JSON {
		return p.printJSON(preparedFile{c.File, output, names})
	}
	fmt.Fprintln(p.stdout, p.say("prepare.done", "output", output, "fields", strings.Join(labels, ", ")))
	return nil
}
