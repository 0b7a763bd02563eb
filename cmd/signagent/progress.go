package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sokyso/signer/agent"
)

// progress tells on a terminal what is being done: of the first file each phase,
// after that one line that is written over, with the pace and the time left.
func (p *program) progress() func(agent.Progress) {
	if !p.onTerminal() {
		return nil
	}
	return func(progress agent.Progress) {
		switch {
		case progress.Phase != "done" && progress.Done == 0:
			fmt.Fprintln(p.stderr, p.say("sign.progress", "number", strconv.Itoa(progress.Number), "count", strconv.Itoa(progress.Count),
				"file", filepath.Base(progress.File), "phase", p.say("sign.phase."+progress.Phase)))
		case progress.Phase == "done" && progress.Count > 1:
			end := ""
			if progress.Done == progress.Count {
				end = "\n"
			}
			fmt.Fprint(p.stderr, "\r\x1b[K"+p.pace(progress)+end)
		}
	}
}

// pace is the line of a batch under way.
func (p *program) pace(progress agent.Progress) string {
	pace, left := "", ""
	if progress.Pace > 0 {
		pace = p.rate(progress.Pace)
		if progress.Done < progress.Count {
			left = p.duration(progress.Left)
		}
	}
	return p.say("sign.pace", "done", strconv.Itoa(progress.Done), "count", strconv.Itoa(progress.Count), "pace", pace, "left", left,
		"file", filepath.Base(progress.File))
}

// duration is a time to wait, in the unit that a person thinks in.
func (p *program) duration(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return p.say("sign.seconds", "n", strconv.Itoa(max(int(d.Round(time.Second).Seconds()), 1)))
	case d < 90*time.Minute:
		return p.say("sign.minutes", "n", strconv.Itoa(int(d.Round(time.Minute).Minutes())))
	}
	return p.say("sign.hours", "n", strconv.Itoa(int(d.Round(time.Hour).Hours())))
}

// rate is a number of files with one decimal, as the language writes it.
func (p *program) rate(perSecond float64) string {
	text := strconv.FormatFloat(perSecond, 'f', 1, 64)
	if p.catalogue.Language == agent.Vietnamese {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}
