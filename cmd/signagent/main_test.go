//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sokyso/signer/preview"
	"sokyso/signer/token/worker"
)

// killVariable names the step after which a signagent of this test binary is
// ended by SIGKILL. The program itself knows no such variable.
const killVariable = "SIGNAGENT_TEST_KILL"

func TestMain(m *testing.M) {
	if os.Getenv(measured) != "" {
		os.Exit(measureChild(os.Args[1:]))
	}
	if serial := os.Getenv(bareVariable); serial != "" {
		if err := bare(serial); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	worker.RunIfAsked()
	preview.RunIfAsked()
	testscript.Main(withTemplate{m}, map[string]func(){"signagent": func() {
		if at := os.Getenv(killVariable); at != "" {
			testOnlyStep = func(step string) {
				if step == at {
					_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
					select {} // not one instruction further
				}
			}
		}
		main()
	}})
}

// withTemplate removes the template school after the tests.
type withTemplate struct{ m *testing.M }

func (w withTemplate) Run() int {
	defer removeTemplate()
	return w.m.Run()
}

func TestScripts(t *testing.T) {
	template(t) // made once, before the scripts run beside each other
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			s, err := newSchool(env.WorkDir)
			if err != nil {
				return err
			}
			env.Defer(s.close)
			env.Values[schoolKey{}] = s
			for _, variable := range s.environment("principal") {
				name, value, _ := strings.Cut(variable, "=")
				env.Setenv(name, value)
			}
			env.Setenv("URL", s.url)
			env.Setenv("PIN", s.pin("principal"))
			env.Setenv("ROOTS", template(nil).roots)
			env.Setenv("TSA", template(nil).authority.TSAURL())
			return writeInputs(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": scriptStatus, "person": scriptPerson, "service": scriptService, "entries": scriptEntries,
			"clean": scriptClean, "code": scriptCode, "tamper": scriptTamper,
			"troubled": scriptTroubled, "fault": scriptFault, "browser": scriptBrowser, "unreached": scriptUnreached, "follow": scriptFollow,
		},
	})
}
