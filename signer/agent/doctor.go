package agent

import (
	"context"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Verdicts of the doctor.
const (
	VerdictOK   = "ok"
	VerdictWarn = "warn" // signing goes on, something wants a look
	VerdictFail = "fail" // signing with the service does not work until it is mended
)

// Check is one finding of the doctor. The message of one that is not ok says the
// next step.
type Check struct {
	// Name: program, module, readers, tokens, certificate, pairing, service, clock,
	// timestamp, disk, journal, batches, viewer or fonts.
	Name    string `json:"name"`
	Verdict string `json:"verdict"` // ok, warn or fail
	Code    string `json:"code"`    // "" when it is ok
	Message string `json:"message"`
}

// Examination is what the doctor is to look at.
type Examination struct {
	Config
	Version string // of this program
	Roots   *Roots // certificates' chains are looked at where these are given
	TSA     string // the clock is compared with its time where it is given
	// ViewerCache is the folder that keeps the compiled viewer of pages; "" = the
	// system names none.
	ViewerCache string
}

// Findings are the checks in the order in which they depend on each other, and what
// they were made on.
type Findings struct {
	Checks []Check `json:"checks"`

	at        time.Time
	config    Config
	version   string
	discovery Discovery
	pairing   *Pairing
	steps     map[step]int // jobs of the journal
}

// Failed says whether a check failed.
func (f Findings) Failed() bool {
	for _, check := range f.Checks {
		if check.Verdict == VerdictFail {
			return true
		}
	}
	return false
}

// Run looks at what signing needs. It takes no lock, logs in to no token, asks for no
// grant and leaves nothing behind: where files can be written is tried with one that
// is removed again.
func (e Examination) Run(ctx context.Context) Findings {
	e.Config = e.Config.withDefaults()
	d := &doctor{Examination: e, findings: Findings{Checks: []Check{}, at: e.Now(), config: e.Config, version: e.Version}}
	d.good("program", "version", e.Version, "system", runtime.GOOS+"/"+runtime.GOARCH)
	d.device(ctx)
	d.service(ctx)
	d.timestamp(ctx)
	d.disk()
	d.journal()
	d.batches()
	d.viewer()
	d.good("fonts") // they are part of the program: said because people look for them
	return d.findings
}

type doctor struct {
	Examination
	findings Findings
}

func (d *doctor) add(name, verdict, code, message string) {
	d.findings.Checks = append(d.findings.Checks, Check{name, verdict, code, message})
}

// good is a check that found nothing; params are those of its sentence.
func (d *doctor) good(name string, params ...string) {
	d.add(name, VerdictOK, "", d.Catalogue.Sentence("doctor."+name+"_ok", params...))
}

// bad is a check that failed with an error that has a sentence of its own.
func (d *doctor) bad(name string, err error) {
	code, message := d.Catalogue.Explain(err, "")
	d.add(name, VerdictFail, code, message)
}

// finding is a check with a sentence of the doctor's own.
func (d *doctor) finding(name, verdict, key string, params ...string) {
	d.add(name, verdict, key, d.Catalogue.Sentence("doctor."+key, params...))
}

// lowSpace and noSpace are the free bytes below which the doctor warns, and says that
// signing will fail: a signed file is as large as its input, and some are scans.
const (
	lowSpace = 500 << 20
	noSpace  = 50 << 20
)

// disk looks at the state folder, or at the one it will be made in.
func (d *doctor) disk() {
	folder, err := writable(d.Home)
	if err != nil {
		d.bad("disk", fail("home_unusable", err, "folder", folder))
		return
	}
	free, err := freeSpace(folder)
	megabytes := decimal(int64(free >> 20))
	switch {
	case err != nil:
		d.bad("disk", fail("home_unusable", err, "folder", folder))
	case free < noSpace:
		d.finding("disk", VerdictFail, "disk_full", "folder", folder, "megabytes", megabytes)
	case free < lowSpace:
		d.finding("disk", VerdictWarn, "disk_low", "folder", folder, "megabytes", megabytes)
	default:
		d.good("disk", "folder", folder, "megabytes", megabytes)
	}
}

// journal reads without a lock: at worst it sees an entry half written, which
// it takes for a torn tail.
func (d *doctor) journal() {
	jobs, err := peekJournal(d.Home)
	if err != nil {
		d.bad("journal", err)
		return
	}
	d.findings.steps = map[step]int{}
	for _, job := range jobs.order {
		d.findings.steps[job.Step]++
	}
	if waiting := len(jobs.unsettled()); waiting > 0 {
		d.finding("journal", VerdictWarn, "journal_pending", "count", strconv.Itoa(waiting))
		return
	}
	d.good("journal")
}

func (d *doctor) batches() {
	ids, err := batchIDs(d.Home)
	switch {
	case err != nil:
		d.bad("batches", err)
	case len(ids) > 0:
		d.finding("batches", VerdictWarn, "batches_unfinished", "count", strconv.Itoa(len(ids)))
	default:
		d.good("batches")
	}
}

// viewer looks whether the pages of documents are shown at once: compiling what
// shows them takes up to half a minute, so it is kept. Signing needs none of it.
func (d *doctor) viewer() {
	if d.ViewerCache == "" {
		d.finding("viewer", VerdictWarn, "viewer_no_folder")
		return
	}
	if _, err := writable(d.ViewerCache); err != nil {
		d.finding("viewer", VerdictWarn, "viewer_unwritable", "folder", d.ViewerCache)
		return
	}
	if compiled, err := filepath.Glob(filepath.Join(d.ViewerCache, "*", "*")); err != nil || len(compiled) == 0 {
		d.add("viewer", VerdictOK, "", d.Catalogue.Sentence("doctor.viewer_cold"))
		return
	}
	d.good("viewer", "folder", d.ViewerCache)
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// joined puts the parts that are not empty together.
func joined(parts ...string) string {
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}
