package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sokyso/custody/paper"
	"sokyso/signer"
	"sokyso/signer/validation"
)

// PrintedReport is the check of files as a paper for the file.
type PrintedReport struct {
	Verification
	School    string // "" = a line to write on
	Superior  string // body above the school, "" = none
	RootsFile string // as named on the command line
	Version   string // of the program
	Checked   time.Time
}

// Bounds of one paper; what is beyond is counted, and stands in the JSON.
const (
	maxPrintedSignatures = 200
	maxPrintedDetails    = 60 // of one step
	maxPrintedRoots      = 8
	maxPrintedFact       = 500 // characters
)

// Write makes the PDF, one paper for each file. The same facts give the same bytes.
func (r PrintedReport) Write(w io.Writer, files []FileReport) error {
	c := r.Catalogue
	p := paper.Paper{Language: c.Language, Name: c.Sentence("report.title"), At: r.Checked}
	for _, file := range files {
		p.Sheets = append(p.Sheets, r.sheet(file))
	}
	return p.Write(w)
}

// Save writes the PDF to path as a whole or not at all. It does not replace one of
// the files that were checked.
func (r PrintedReport) Save(path string, files []FileReport) error {
	if info, err := os.Stat(path); err == nil {
		for _, file := range files {
			if checked, err := os.Stat(file.File); err == nil && os.SameFile(info, checked) {
				return fail("report_is_input", nil, "file", path)
			}
		}
	}
	var b bytes.Buffer
	if err := r.Write(&b, files); err != nil {
		return err
	}
	if err := replaceFile(path, b.Bytes(), 0o644); err != nil {
		return fail("report_unwritable", err, "file", path, "reason", err.Error())
	}
	return nil
}

func (r PrintedReport) say(key string, params ...string) string {
	return r.Catalogue.Sentence("report."+key, params...)
}

func (r PrintedReport) sheet(f FileReport) paper.Sheet {
	c := r.Catalogue
	s := paper.Sheet{
		Head: paper.Head{Superior: strings.ToUpper(r.Superior), Issuer: strings.ToUpper(r.School), Nation: r.say("nation"), Motto: r.say("motto"),
			Place: r.Checked.In(signer.Vietnam).Format(r.say("date"))},
		Title: r.say("title"), About: r.say("about", "file", filepath.Base(f.File)),
	}
	signed := 0
	for _, signature := range f.Signatures {
		if !signature.Timestamp {
			signed++
		}
	}
	s.Blocks = append(s.Blocks,
		paper.Notice{Word: c.Sentence("conclusion.decision." + f.Conclusion.Decision), Text: f.Conclusion.Message},
		paper.Heading(r.say("document")),
		paper.Facts{{Name: r.say("file"), Value: filepath.Base(f.File)}, {Name: r.say("size"), Value: r.size(f.Size)}, {Name: "SHA-256", Value: f.SHA256},
			{Name: r.say("signatures"), Value: strconv.Itoa(signed)}, {Name: r.say("error"), Value: f.Error}})
	for i, signature := range f.Signatures {
		if i == maxPrintedSignatures {
			s.Blocks = append(s.Blocks, paper.Text(r.say("more_signatures", "count", strconv.Itoa(len(f.Signatures)-i))))
			break
		}
		s.Blocks = append(s.Blocks, r.signature(i+1, signature)...)
	}
	return r.checking(s, f)
}

func (r PrintedReport) size(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return r.say("bytes", "count", strconv.FormatInt(bytes, 10))
}

func (r PrintedReport) signature(number int, s SignatureReport) []paper.Block {
	c := r.Catalogue
	kind, who := "signature", "signer"
	if s.Timestamp {
		kind, who = "stamp", "stamper"
	}
	verdict := c.Sentence("verify.indication." + s.Indication)
	if s.SubIndication != "" {
		verdict += ". " + c.Sentence("sub."+s.SubIndication)
	}
	verdict += "\n(" + strings.TrimSpace(s.Indication+" "+s.SubIndication) + ")"
	claimed := ""
	if s.ClaimedTime != "" && !s.Timestamp {
		claimed = r.say("claimed", "time", s.ClaimedTime)
	}
	stamped := ""
	if s.TimestampTime != "" {
		stamped = r.say("stamped", "time", s.TimestampTime, "maker", s.TimestampMaker)
	}
	validity := ""
	if s.NotBefore != "" {
		validity = r.say("validity", "from", s.NotBefore, "until", s.NotAfter)
	}
	world := ""
	if s.World != "" {
		world = capital(c.Sentence("world." + s.World))
	}
	// As on the screen: of a document that was altered it is not said what it covers.
	altered := s.Indication == string(validation.TotalFailed) && s.LaterChanges == validation.ChangesNone
	reach := ""
	if s.Covers != "" && !altered {
		reach = capital(c.Sentence("verify.covers." + s.Covers))
	}
	changes := ""
	if s.Covers != "" && s.LaterChanges != "" && !altered {
		changes = capital(c.Sentence("verify.changes." + s.LaterChanges))
	}
	facts := paper.Facts{
		{Name: r.say("verdict"), Value: verdict}, {Name: r.say(who), Value: s.Signer}, {Name: r.say("issuer"), Value: s.Issuer},
		{Name: r.say("world"), Value: world}, {Name: r.say("certificate"), Value: s.CertificateSHA256}, {Name: r.say("in_force"), Value: validity},
		{Name: r.say("level"), Value: s.Level}, {Name: r.say("claimed_time"), Value: claimed}, {Name: r.say("stamp_time"), Value: stamped},
		{Name: r.say("covers"), Value: reach}, {Name: r.say("changes"), Value: changes},
	}
	messages := map[string][]string{}
	for _, d := range s.Details {
		messages[d.Code] = append(messages[d.Code], d.Message)
	}
	for i, fact := range facts {
		facts[i].Value = clip(fact.Value, maxPrintedFact)
	}
	table := paper.Table{Widths: []float64{24, 18, 58}, Header: []string{r.say("step"), r.say("outcome"), r.say("reasons")}}
	for _, step := range s.Steps {
		var reasons []string
		for _, code := range slices.Compact(slices.Clone(step.Details)) {
			reasons = append(reasons, messages[code]...)
			messages[code] = nil // told once, also where the code stands again
		}
		if len(reasons) > maxPrintedDetails {
			rest := len(reasons) - maxPrintedDetails
			reasons = append(reasons[:maxPrintedDetails], r.say("more_reasons", "count", strconv.Itoa(rest)))
		}
		switch {
		case len(reasons) > 0:
		case step.Outcome == StepPassed && step.Step == StepChanges:
			reasons = append(reasons, changes+".")
		case step.Outcome == StepPassed:
			reasons = append(reasons, r.say("passed."+step.Step))
		default:
			reasons = append(reasons, "-")
		}
		table.Rows = append(table.Rows, []string{c.Sentence("step." + step.Step), c.Sentence("step.outcome." + step.Outcome), strings.Join(reasons, "\n")})
	}
	return []paper.Block{paper.Heading(r.say(kind, "number", strconv.Itoa(number), "field", clip(s.Field, maxName))), facts, table}
}

// capital begins a sentence of the screen, which is part of a list there.
func capital(text string) string {
	text = strings.TrimSpace(text)
	if r, size := utf8.DecodeRuneInString(text); size > 0 {
		return string(unicode.ToUpper(r)) + text[size:]
	}
	return text
}

// checking says when and with what the file was checked.
func (r PrintedReport) checking(s paper.Sheet, f FileReport) paper.Sheet {
	at := ""
	if !r.At.IsZero() {
		at = formatTime(r.At)
	}
	facts := paper.Facts{{Name: r.say("checked_at"), Value: r.say("time", "time", formatTime(r.Checked))}, {Name: r.say("judged_at"), Value: r.say("time", "time", at)},
		{Name: r.say("program"), Value: "signagent " + r.Version}, {Name: r.say("roots"), Value: r.roots()}, {Name: r.say("revocation"), Value: r.revocation(f)},
		{Name: r.say("log"), Value: r.log()}}
	if at == "" {
		facts[1].Value = ""
	}
	s.Blocks = append(s.Blocks, paper.Heading(r.say("checking")), facts, paper.Text(r.say("note")),
		paper.Signing{Role: r.say("checker"), Hint: r.say("checker_hint")})
	return s
}

func (r PrintedReport) roots() string {
	if r.Roots == nil {
		return r.say("no_roots")
	}
	lines := []string{filepath.Base(r.RootsFile) + ":"}
	for i, root := range r.Roots.Anchors {
		if i == maxPrintedRoots {
			lines = append(lines, r.say("more_roots", "count", strconv.Itoa(len(r.Roots.Anchors)-i)))
			break
		}
		lines = append(lines, fmt.Sprintf("%s (SHA-256 %s)", Printable(root.Subject.CommonName), validation.CertificateSHA256(root)))
	}
	return strings.Join(lines, "\n")
}

// revocation lists where the answers about certificates came from.
func (r PrintedReport) revocation(f FileReport) string {
	var sources []string
	for _, s := range f.Signatures {
		for _, d := range s.Details {
			source := d.Params["source"]
			if source == validation.SourceFile || source == validation.SourceCMS {
				source = r.say("dss")
			}
			if source != "" && !slices.Contains(sources, source) && len(sources) < maxPrintedDetails {
				sources = append(sources, source)
			}
		}
	}
	if r.Offline {
		sources = append(sources, r.say("offline"))
	} else if len(sources) == 0 {
		sources = append(sources, r.say("no_revocation"))
	}
	return strings.Join(sources, "\n")
}

func (r PrintedReport) log() string {
	switch {
	case r.Register == nil || r.Offline:
		return r.say("log_not_asked")
	case r.Register.witness.seen:
		return r.say("log_asked", "url", r.Register.Pairing.URL, "size", decimal(r.Register.witness.last.Size))
	}
	return r.Register.Pairing.URL
}

// measure adds the file's size and SHA-256 to its report.
func (f *FileReport) measure(ctx context.Context, source signer.Source) error {
	digest := sha256.New()
	for at := int64(0); at < source.Size(); at += 1 << 20 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.Copy(digest, io.NewSectionReader(source, at, min(1<<20, source.Size()-at))); err != nil {
			return fmt.Errorf("read file: %w", err)
		}
	}
	f.Size, f.SHA256 = source.Size(), hex.EncodeToString(digest.Sum(nil))
	return nil
}
