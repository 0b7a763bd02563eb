package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sokyso/signer"
)

// TestSettleAfterACrash: where the bytes lie says how far the commit had come.
func TestSettleAfterACrash(t *testing.T) {
	const content = "signed"
	for name, test := range map[string]struct {
		temp, output    string // content; "" = not there
		explicit        bool
		recovered       bool
		want            string // name of the output
		missing, exists bool
	}{
		"only staged":                      {temp: content, want: "a.pdf"},
		"linked, temporary name there too": {temp: content, output: content, want: "a.pdf"},
		"renamed":                          {output: content, want: "a.pdf"},
		"the name was taken":               {temp: content, output: "somebody else's", want: "a (2).pdf"},
		"the name asked for was taken":     {temp: content, output: "somebody else's", explicit: true, exists: true},
		"the same at a later start":        {temp: content, output: "somebody else's", explicit: true, recovered: true, want: "a (2).pdf"},
		"neither":                          {missing: true},
		"a torn temporary file":            {temp: "sign", missing: true},
	} {
		dir := t.TempDir()
		current := &job{Output: filepath.Join(dir, "a.pdf"),
			Intent:    intent{Wanted: filepath.Join(dir, "a.pdf"), Explicit: test.explicit, Temp: filepath.Join(dir, ".sokyso-j.tmp")},
			Signature: finishedRecord{SHA256Out: hexSum([]byte(content))}}
		if test.temp != "" {
			write(t, current.Intent.Temp, test.temp)
		}
		if test.output != "" {
			write(t, current.Output, test.output)
		}
		a := &Agent{config: Config{}.withDefaults()}
		err := a.settle(current, test.recovered)
		output := current.Output
		switch {
		case test.missing != current.missing, current.placed != (test.want != ""), test.exists != (signer.CodeOf(err) == signer.CodeOutputExists):
			t.Errorf("%s: %v", name, err)
		case test.want != "":
			got, _ := os.ReadFile(output)
			if filepath.Base(output) != test.want || string(got) != content {
				t.Errorf("%s: %s holds %q", name, output, got)
			}
			if _, err := os.Lstat(current.Intent.Temp); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: the temporary file is still there", name)
			}
		}
		if test.output == "somebody else's" {
			if got, _ := os.ReadFile(filepath.Join(dir, "a.pdf")); string(got) != test.output {
				t.Errorf("%s: somebody's file now holds %q", name, got)
			}
		}
	}
}

func TestDriveThatIsUnpluggedIsNotLost(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	current := &job{Output: filepath.Join(gone, "a.pdf"), Intent: intent{Wanted: filepath.Join(gone, "a.pdf"), Temp: filepath.Join(gone, "t")},
		Signature: finishedRecord{SHA256Out: hexSum(nil)}}
	if err := (&Agent{}).settle(current, true); err == nil || current.missing || current.placed {
		t.Errorf("%v, %+v", err, current)
	}
}

// signedJob is an agent without a service, and a job of it that has come to
// "signed": its bytes lie in the temporary file.
func signedJob(t *testing.T, explicit bool) (*Agent, *job) {
	t.Helper()
	dir := t.TempDir()
	a := &Agent{config: Config{Home: filepath.Join(dir, "home")}.withDefaults()}
	a.journal = testJournal(t, a.config.Home)
	t.Cleanup(func() { a.journal.close() })
	output := filepath.Join(dir, "a.pdf")
	begin, made := entryOf("j", stepIntent), entryOf("j", stepSigned)
	begin.Intent = &intent{Input: filepath.Join(dir, "in.pdf"), Wanted: output, Output: output, Explicit: explicit, Temp: tempOf(output, "j")}
	made.Signature.SHA256Out = hexSum([]byte("signed"))
	mustAppend(t, a.journal, begin, made)
	write(t, begin.Intent.Temp, "signed")
	return a, a.journal.jobs["j"]
}

// TestPlacedBytesAreNeverTakenBack: the journal fails once the output has its
// name. The output stays, the job is not abandoned, the next start goes on.
func TestPlacedBytesAreNeverTakenBack(t *testing.T) {
	a, current := signedJob(t, true)
	a.journal.file.Close()
	if err := a.advance(t.Context(), nil, current, false); codeOf(err) != "home_unusable" {
		t.Errorf("%v", err)
	}
	if got, _ := os.ReadFile(current.Output); string(got) != "signed" || !current.placed || current.Step != stepSigned {
		t.Errorf("%q, %+v", got, current)
	}
	r := &run{Agent: a, batch: &Batch{}}
	if result, _ := r.signed(Result{}, current, target{wanted: current.Output}, fail("home_unusable", nil)); result.Status != StatusSigned || result.Good() {
		t.Errorf("%+v", result)
	}
	a.journal = testJournal(t, a.config.Home)
	if err := a.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found := a.Recovered(); len(found) != 1 || found[0].Err != nil || found[0].Moved || found[0].Output != current.Output {
		t.Errorf("%+v", found)
	}
	if step := a.journal.jobs["j"].Step; step != stepDone {
		t.Errorf("the journal says %s", step)
	}
}

// TestGivingUp: a signature is taken back in the run that made it when its name
// was taken, but only when its bytes are certainly gone.
func TestGivingUp(t *testing.T) {
	a, current := signedJob(t, true)
	write(t, current.Output, "somebody else's")
	if err := a.advance(t.Context(), nil, current, false); signer.CodeOf(err) != signer.CodeOutputExists || current.Step != stepAbandoned {
		t.Errorf("%v, %+v", err, current)
	}
	if _, err := os.Lstat(current.Intent.Temp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}

	a, current = signedJob(t, true)
	cause := &signer.Error{Code: signer.CodeDiskFull}
	// As on a drive that was pulled out: nobody knows what it holds.
	if err := os.Rename(current.Intent.Temp, current.Intent.Temp+"x"); err != nil {
		t.Fatal(err)
	}
	if err := a.giveUp(t.Context(), nil, current, cause); codeOf(err) != "not_placed" || current.Step != stepSigned {
		t.Errorf("%v, %+v", err, current)
	}
	if pending := a.Outbox(); len(pending) != 1 {
		t.Errorf("%+v", pending)
	}
	// The same command again: not signed a second time.
	if earlier := a.finishedEarlier(a.journal.list(), Job{Input: current.Intent.Input}, current.Intent.SHA256In, current.Intent.Wanted); earlier != current {
		t.Errorf("%+v", earlier)
	}
	write(t, current.Output, "signed")
	if err := a.giveUp(t.Context(), nil, current, cause); codeOf(err) != "not_placed" || current.Step != stepSigned {
		t.Errorf("%v, %+v", err, current)
	}
}

// TestDiscardLeavesWhatMayBeSigned: when the journal is in an unknown state it may
// say "signed"; nothing is cleaned up then.
func TestDiscardLeavesWhatMayBeSigned(t *testing.T) {
	a, current := signedJob(t, false)
	if err := a.discard(t.Context(), nil, current, "other", false); err == nil || current.Step != stepSigned {
		t.Errorf("a signed job was discarded: %v", err)
	}
	current.Step, a.journal.broken = stepIntent, errors.New("unknown state")
	if err := a.discard(t.Context(), nil, current, "other", false); err == nil {
		t.Error("discarded")
	}
	if got, _ := os.ReadFile(current.Intent.Temp); string(got) != "signed" {
		t.Errorf("%q", got)
	}
}
