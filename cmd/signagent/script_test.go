//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sokyso/signer/agent"
)

type schoolKey struct{}

func schoolOf(ts *testscript.TestScript) *school { return ts.Value(schoolKey{}).(*school) }

// scriptStatus runs a program and checks its exit status: status 3 signagent verify ...
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("use: status N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("status %d instead of %d", got, want)
	}
}

// scriptPerson sits down at another person's desk: person deputy.
func scriptPerson(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("use: person ROLE")
	}
	for _, variable := range schoolOf(ts).environment(args[0]) {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

// scriptService stops or starts the service: service stop.
func scriptService(ts *testscript.TestScript, neg bool, args []string) {
	s := schoolOf(ts)
	switch strings.Join(args, " ") {
	case "stop":
		s.stop()
	case "start":
		ts.Check(s.start())
	case "lose-token":
		ts.Check(s.reportLoss())
	case "renew":
		ts.Check(s.renew("principal"))
	case "open-check":
		ts.Check(s.openCheck())
	case "close-check":
		ts.Check(s.closeCheck())
	case "offer-return":
		id, err := s.offerReturn(ts.Getenv("TOKEN"))
		ts.Check(err)
		ts.Setenv("HAND_OVER", id)
	case "offer-again":
		id, err := s.offerAgain(ts.Getenv("TOKEN"))
		ts.Check(err)
		ts.Setenv("HAND_OVER", id)
	case "withdraw-return":
		ts.Check(s.withdrawReturn(ts.Getenv("HAND_OVER")))
	case "unpair":
		ts.Check(s.unpair("nghia"))
	default:
		ts.Fatalf("use: service stop|start|lose-token|renew|open-check|close-check|offer-return|offer-again|withdraw-return|unpair")
	}
}

// scriptEntries counts the log's entries of a type: entries signature 2.
func scriptEntries(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("use: entries TYPE COUNT")
	}
	entries, err := schoolOf(ts).entries(args[0])
	ts.Check(err)
	if strconv.Itoa(len(entries)) != args[1] {
		ts.Fatalf("%d entries of type %s instead of %s", len(entries), args[0], args[1])
	}
}

// scriptClean fails unless the folders hold no temporary file and the journal
// of the present person nothing unfinished.
func scriptClean(ts *testscript.TestScript, neg bool, args []string) {
	for _, folder := range append(args, ".") {
		left, err := filepath.Glob(filepath.Join(ts.MkAbs(folder), ".sokyso-*"))
		ts.Check(err)
		if len(left) > 0 {
			ts.Fatalf("left behind: %v", left)
		}
	}
	examination := agent.Examination{Config: agent.Config{Home: ts.Getenv("SOKYSO_HOME"), Module: "none"}}
	for _, check := range examination.Run(context.Background()).Checks {
		if check.Name == "journal" && check.Verdict != agent.VerdictOK {
			ts.Fatalf("journal: %s", check.Message)
		}
	}
}

// scriptCode sets CODE to a fresh pairing code: code nghia.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := schoolOf(ts).signIn(ctx, args[0])
	ts.Check(err)
	code, err := client.CreatePairingCode(ctx)
	ts.Check(err)
	ts.Setenv("CODE", code.Code)
}

// scriptTamper replaces the first occurrence of a text in a file: tamper FILE OLD NEW.
func scriptTamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("use: tamper FILE OLD NEW")
	}
	content, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	changed := strings.Replace(string(content), args[1], args[2], 1)
	if changed == string(content) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(changed), 0o600))
}
