package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/agent"
)

type signCommand struct {
	Files        []string `arg:"" name:"file" help:"help_files"`
	Output       *string  `short:"o" placeholder:"OUT" help:"help_output"`
	OutDir       *string  `placeholder:"DIR" help:"help_out_dir"`
	Module       string   `placeholder:"SO" help:"help_module"`
	Token        string   `placeholder:"LABEL-OR-SERIAL" help:"help_token"`
	Cert         string   `placeholder:"SHA256" help:"help_cert"`
	PINFile      string   `name:"pin-file" placeholder:"F" help:"help_pin_file"`
	FinalTry     bool     `help:"help_final_try"`
	Standalone   bool     `help:"help_standalone"`
	PasswordFile string   `name:"password-file" placeholder:"F" help:"help_password_file"`

	Act      string `enum:"approve,initial,issue,attachment,copy" default:"approve" help:"help_act"`
	Capacity string `enum:"KT,TM,TL,TUQ,Q," default:"" placeholder:"KT" help:"help_capacity"`
	Number   string `placeholder:"07" help:"help_number"`
	Symbol   string `placeholder:"TB-MNHS" help:"help_symbol"`
	Kind     string `placeholder:"TB" help:"help_kind"`
	Summary  string `placeholder:"TEXT" help:"help_summary"`
	Purpose  string `placeholder:"TEXT" help:"help_purpose"`

	Level string `enum:"b-b,b-t,b-lt,b-lta" default:"b-b" help:"help_level"`
	TSA   string `name:"tsa" placeholder:"URL" help:"help_tsa"`
	stamping
	Roots  string `placeholder:"PEM" help:"help_roots"`
	Scheme string `enum:"pkcs1v15,pss,auto" default:"auto" help:"help_scheme"`
	Digest string `enum:"sha256,sha384,sha512," default:"" placeholder:"sha256|sha384|sha512" help:"help_digest"`

	Certify int    `enum:"0,1,2,3" default:"0" placeholder:"1|2|3" help:"help_certify"`
	Reason  string `placeholder:"TEXT" help:"help_reason"`

	placing
	Invisible bool   `help:"help_invisible"`
	Page      int    `placeholder:"N" help:"help_page"`
	Pages     string `placeholder:"all|1,3-5" help:"help_pages"`
	Rect      string `placeholder:"x,y,w,h" help:"help_rect"`
	Field     string `placeholder:"NAME" help:"help_field"`
	Image     string `placeholder:"PNG" help:"help_image"`
	QR        bool   `name:"qr" help:"help_qr"`

	SafeNames bool   `help:"help_safe_names"`
	Report    string `placeholder:"FILE.csv|FILE.pdf" help:"help_report"`
	JSON      bool   `name:"json" help:"help_json"`
}

// Run signs the files and prints what became of each.
func (c *signCommand) Run(p *program) error {
	if err := c.check(p); err != nil {
		return err
	}
	jobs, unusable := c.jobs(p)
	batch := agent.Batch{
		Jobs: jobs, OutDir: text(c.OutDir), Token: c.Token, Certificate: c.Cert, Standalone: c.Standalone,
		Level: signer.Level(c.Level), Certify: c.Certify, Reason: c.Reason, TSA: c.TSA, Stamping: c.stamping.options(),
		Field: c.Field, FinalTry: c.FinalTry, Code: c.QR,
		PIN: agent.PINFromTerminal(p.catalogue), Confirm: agent.ConfirmOnTerminal(p.catalogue), Warn: agent.WarnOnTerminal(p.stderr),
		Progress: p.progress(),
	}
	batch.SetAlgorithms(c.Scheme, c.Digest)
	if c.PINFile != "" {
		batch.PIN = agent.PINFromFile(c.PINFile, p.stdin)
	}
	var err error
	if batch.Visible, err = c.visible(p); err != nil {
		return err
	}
	if batch.Passwords, err = p.passwords(c.PasswordFile); err != nil {
		return p.printSigned(append(agent.FailAll(p.catalogue, batch.Jobs, err), unusable...), c.JSON, c.Report)
	}
	if c.Standalone && !c.JSON {
		fmt.Fprintln(p.stderr, p.say("standalone.warning"))
	}
	return p.printSigned(append(c.sign(p, batch), unusable...), c.JSON, c.Report)
}

// sign never fails as a whole: what stands in the way of all files is told of each.
func (c *signCommand) sign(p *program, batch agent.Batch) []agent.Result {
	var err error
	if batch.Roots, err = agent.LoadRoots(c.Roots); err != nil {
		return agent.FailAll(p.catalogue, batch.Jobs, err)
	}
	if err := batch.LoadImage(c.Image); err != nil {
		return agent.FailAll(p.catalogue, batch.Jobs, err)
	}
	a, err := p.open(c.Module)
	if err != nil {
		return agent.FailAll(p.catalogue, batch.Jobs, err)
	}
	defer a.Close()
	p.tellUnfinished(a, "resume.waiting")
	before := p.unfinished(a)
	unplaced := c.place(p, &batch)
	if len(batch.Jobs) == 0 {
		return unplaced
	}
	results := append(a.SignBatch(p.ctx, batch), unplaced...)
	if p.unfinished(a) > before {
		p.tellLeft(results)
	}
	return results
}

// jobs are the files, and those in folders; a folder that gives none is a result already.
func (c *signCommand) jobs(p *program) ([]agent.Job, []agent.Result) {
	jobs, unusable := agent.Expand(p.catalogue, c.Files, text(c.OutDir))
	for i := range jobs {
		job := &jobs[i]
		job.Output, job.SafeName, job.Act, job.Capacity = text(c.Output), c.SafeNames, c.Act, c.Capacity
		job.Document = wire.DocumentFacts{Number: c.Number, Symbol: c.Symbol, Kind: c.Kind, Summary: c.Summary, Purpose: c.Purpose}
	}
	return jobs, unusable
}

// text is the value of a flag, "" when it was not given.
func text(flag *string) string {
	if flag == nil {
		return ""
	}
	return *flag
}

// check finds flags that contradict each other. None is ever passed over in silence.
func (c *signCommand) check(p *program) error {
	placed := map[string]bool{"--page": c.Page != 0, "--pages": c.Pages != "", "--rect": c.Rect != "", "--image": c.Image != "", "--anchor": c.Anchor != "", "--preset": c.Preset != "", "--image-width": c.ImageWidth != 0}
	switch {
	case c.Anchor != "" && c.Preset != "":
		return p.misuse("two_places", "one", "--anchor", "other", "--preset")
	case c.wanted() && (c.Rect != "" || c.Pages != "" || c.Field != ""):
		return p.misuse("placed_twice")
	case c.Preset != "" && c.Page != 0:
		return p.misuse("two_places", "one", "--preset", "other", "--page")
	case c.ImageWidth != 0 && (!c.wanted() || c.Image == ""):
		return p.misuse("image_width")
	case c.ImageWidth != 0 && (c.ImageWidth < 5 || c.ImageWidth > 200):
		return p.misuse("image_width_range")
	case c.QR && c.Standalone:
		return p.misuse("qr_standalone")
	case c.QR && c.Rect == "" && c.Field == "" && !c.wanted():
		return p.misuse("qr_place")
	case c.Pages != "" && c.Page != 0:
		return p.misuse("pages_page", "flag", "--page")
	case c.Pages != "" && c.Field != "":
		return p.misuse("pages_page", "flag", "--field")
	case c.Pages != "" && c.Act != wire.ActInitial:
		return p.misuse("pages_act")
	case c.Page != 0 && c.Field != "" && c.Rect == "":
		return p.misuse("page_field")
	case c.Page < 0:
		return p.misuse("page")
	case c.PINFile == "/dev/stdin" && c.PasswordFile == "/dev/stdin":
		return p.misuse("stdin_both")
	case c.TSA != "" && c.Level == string(signer.LevelBB):
		return p.misuse("tsa")
	}
	if err := p.checkServices(c.Level, c.TSA, c.Roots); err != nil {
		return err
	}
	if err := p.checkStamping(c.stamping); err != nil {
		return err
	}
	for _, flag := range []string{"--page", "--pages", "--rect", "--image", "--anchor", "--preset"} {
		switch {
		case placed[flag] && c.Invisible:
			return p.misuse("invisible", "flag", flag)
		case placed[flag] && c.Rect == "" && c.Field == "" && !c.wanted():
			return p.misuse("rect_missing", "flag", flag)
		}
	}
	if err := p.checkReport(c.Report); err != nil {
		return err
	}
	if c.Output != nil && len(c.Files) == 1 {
		if info, err := os.Stat(c.Files[0]); err == nil && info.IsDir() {
			return p.misuse("output_many")
		}
	}
	return p.checkOutputs(c.Files, c.Output, c.OutDir)
}

// checkServices looks whether the flags name what a level above b-b needs.
func (p *program) checkServices(level, tsa, roots string) error {
	switch {
	case level != string(signer.LevelBB) && tsa == "":
		return p.misuse("tsa_missing", "level", level)
	case (level == string(signer.LevelBLT) || level == string(signer.LevelBLTA)) && roots == "":
		return p.misuse("roots_missing", "level", level)
	}
	return nil
}

// checkOutputs finds files and names of outputs that contradict each other.
func (p *program) checkOutputs(files []string, output, folder *string) error {
	switch {
	case output != nil && *output == "":
		return p.misuse("output_empty", "flag", "-o")
	case folder != nil && *folder == "":
		return p.misuse("output_empty", "flag", "--out-dir")
	case output != nil && folder != nil:
		return p.misuse("output_both")
	case output != nil && len(files) > 1:
		return p.misuse("output_many")
	}
	seen := map[string]bool{}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err == nil && seen[path] {
			return p.misuse("same_input", "file", file)
		}
		seen[path] = true
	}
	return nil
}

func (c *signCommand) visible(p *program) (*agent.Visible, error) {
	if c.Rect == "" && c.Image == "" {
		return nil, nil
	}
	visible := &agent.Visible{Page: max(c.Page, 1)}
	if c.Pages != "" {
		var err error
		if visible.Pages, err = signer.ParsePages(c.Pages); err != nil {
			return nil, p.misuse("pages")
		}
	}
	if c.Rect == "" {
		return visible, nil // the field's own place
	}
	numbers := strings.Split(c.Rect, ",")
	if len(numbers) != len(visible.Rect) {
		return nil, p.misuse("rect")
	}
	for i, number := range numbers {
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil {
			return nil, p.misuse("rect")
		}
		visible.Rect[i] = value
	}
	if visible.Rect[2] <= 0 || visible.Rect[3] <= 0 {
		return nil, p.misuse("rect")
	}
	return visible, nil
}

// printSigned tells what became of each file, and saves the table where it is asked for.
func (p *program) printSigned(results []agent.Result, asJSON bool, report string) error {
	signed := 0
	for _, result := range results {
		if result.Status == agent.StatusSigned {
			signed++
		}
		if !result.Good() {
			p.status = statusFailed
		}
	}
	if err := p.saveReport(report, results); err != nil {
		p.status = statusFailed
		_, message := p.catalogue.Explain(err, report)
		fmt.Fprintln(p.stderr, message)
	}
	if asJSON {
		return p.printJSON(map[string]any{"files": results})
	}
	for _, result := range results {
		key := map[string]string{agent.StatusSigned: "sign.done", agent.StatusRefused: "sign.refused", agent.StatusFailed: "sign.failed"}[result.Status]
		fmt.Fprintln(p.stdout, p.say(key, "file", result.Input, "output", result.Output, "entry", entryText(result.EntryIndex)))
		if result.Message != "" {
			fmt.Fprintln(p.stdout, "   "+result.Message)
		}
	}
	if len(results) > 1 {
		fmt.Fprintln(p.stdout, p.say("sign.summary", "signed", strconv.Itoa(signed), "count", strconv.Itoa(len(results))))
	}
	return nil
}
