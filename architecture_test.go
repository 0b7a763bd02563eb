package sokyso_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mayImport is the whole import graph of the module: a package not named here,
// or an import not named with it, fails. docs/layout.md tells why it is so.
var mayImport = map[string][]string{
	"plaintext":            {},
	"signer/pdf":           {},
	"signer/cms":           {},
	"signer/appearance":    {"signer/pdf"},
	"signer/validation":    {"signer/pdf", "signer/cms"},
	"signer":               {"signer/pdf", "signer/cms", "signer/appearance", "signer/validation"},
	"signer/preview":       {},
	"signer/reading":       {"signer/preview"},
	"signer/ink":           {},
	"signer/desk":          {"signer", "signer/agent", "signer/ink", "signer/preview", "signer/reading", "httpapi/look", "httpapi/wire", "plaintext"},
	"signer/tray":          {},
	"signer/token":         {},
	"signer/token/worker":  {"signer/token"},
	"signer/token/softhsm": {"signer/token"},
	"signer/authority":     {"signer/cms"},
	"signer/agent":         {"signer", "signer/cms", "signer/pdf", "signer/validation", "signer/token", "signer/token/worker", "httpapi/wire", "custody/paper", "custody/signinglog"},

	"custody/signinglog": {},
	"custody/paper":      {},
	"custody":            {"custody/signinglog"},
	"migrations":         {},
	"custody/forms":      {"custody", "custody/paper"},
	"custody/store":      {"custody", "custody/forms", "custody/signinglog", "migrations"},
	// What is told and sent; what is asked of authorities; who does it and when.
	"custody/notices":             {"custody"},
	"custody/notices/noticestest": {}, // a mail server and a webhook for tests
	"custody/revocation":          {},
	"custody/witness":             {"custody/signinglog"},
	"custody/background":          {"custody", "custody/notices", "custody/revocation", "custody/store", "custody/witness"},
	// Fresh registers for tests, on both databases; only tests import it.
	"custody/store/storetest": {"custody", "custody/store", "custody/signinglog", "migrations"},

	"httpapi/wire": {},
	"httpapi/look": {},
	// Writes what tests photograph; no program imports it.
	"httpapi/look/picture": {},
	"httpapi":              {"custody", "custody/forms", "custody/notices", "custody/revocation", "custody/store", "custody/signinglog", "httpapi/look", "httpapi/wire", "plaintext", "signer/pdf", "signer/validation"},

	"cmd/signagent": {"signer", "signer/agent", "signer/desk", "signer/preview", "signer/tray", "signer/validation", "signer/token/worker", "httpapi/wire", "custody/signinglog"},
	// The worker for 32-bit modules on Windows: nothing else is worth building twice.
	"cmd/tokenworker": {"signer/token/worker"},
	"cmd/custodyd":    {"custody", "custody/background", "custody/notices", "custody/revocation", "custody/store", "custody/signinglog", "custody/witness", "httpapi", "httpapi/wire", "migrations"},
	// The demo drives the two programs from outside and makes what surrounds them.
	"cmd/demo": {"signer/authority", "signer/token/softhsm", "httpapi/wire", "custody/signinglog"},
	// Load and harm from outside. It judges the log, so it links none of its code.
	"cmd/custodyload": {"signer/authority", "signer/cms", "httpapi/wire"},
}

// neverLinked holds what a program must not contain, however it would come in.
var neverLinked = map[string][]string{
	"cmd/signagent": {"database/sql", "html/template", "sokyso/custody/store", "sokyso/custody", "sokyso/httpapi"},
	"cmd/custodyd":  {"runtime/cgo", "github.com/miekg/pkcs11", "sokyso/signer", "sokyso/signer/token", "sokyso/signer/agent"},
}

func goList(t *testing.T, cgo string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestImportsGoDownOnly(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range goList(t, "1", "-f", `{{.ImportPath}}|{{join .Imports ","}}`, "./...") {
		path, imports, _ := strings.Cut(line, "|")
		name := strings.TrimPrefix(path, "sokyso/")
		if path == "sokyso" {
			continue // this test
		}
		seen[name] = true
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s has no place in the import graph: add it here and to docs/layout.md, or move its code", name)
			continue
		}
		for _, imported := range strings.Split(imports, ",") {
			internal, ours := strings.CutPrefix(imported, "sokyso/")
			if ours && !slices.Contains(allowed, internal) {
				t.Errorf("%s imports %s, which the layout does not allow", name, internal)
			}
			if name == "httpapi/wire" && strings.Contains(imported, ".") {
				t.Errorf("httpapi/wire imports %s: it may use the standard library only", imported)
			}
			if imported == "github.com/miekg/pkcs11" && !strings.HasPrefix(name, "signer/token") {
				t.Errorf("%s imports %s: only signer/token speaks PKCS#11", name, imported)
			}
		}
	}
	for name := range mayImport {
		if !seen[name] {
			t.Errorf("the import graph names %s, which does not exist", name)
		}
	}
}

func TestProgramsLinkOnlyWhatTheyMay(t *testing.T) {
	for program, never := range neverLinked {
		cgo := "1"
		if program == "cmd/custodyd" {
			cgo = "0" // it is built so; with cgo on, net and os/user would bring cgo in
		}
		deps := goList(t, cgo, "-deps", "./"+program)
		for _, path := range never {
			if slices.Contains(deps, path) {
				t.Errorf("%s links %s", program, path)
			}
		}
	}
}

func sourceFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin" || entry.Name() == "demo-school") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFilesAreNamedByNounAndReadInOneSitting(t *testing.T) {
	vague := regexp.MustCompile(`^(helpers?|utils?|common|misc|shared|base|stuff)(_test)?\.go$`)
	for _, path := range sourceFiles(t) {
		if vague.MatchString(filepath.Base(path)) {
			t.Errorf("%s: name the file by what it holds", path)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(content, []byte("\n")); lines > 600 {
			t.Errorf("%s has %d lines: split it by noun (at most 600, better below 400)", path, lines)
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, line := range goList(t, "1", "-f", `{{.ImportPath}}|{{.Doc}}|{{.Name}}`, "./...") {
		parts := strings.Split(line, "|")
		if parts[0] != "sokyso" && parts[1] == "" {
			t.Errorf("%s has no package comment", parts[0])
		}
	}
}

// TestNothingNamesTheMachine keeps paths of a developer's machine out of the tree.
func TestNothingNamesTheMachine(t *testing.T) {
	machine := regexp.MustCompile(`(?:^|[\s"'(=])(/work/|/home/[a-z]|/root/|/Users/)`)
	for _, path := range sourceFiles(t) {
		if path == "architecture_test.go" {
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(file)
		scanner.Buffer(nil, 1<<20)
		for line := 1; scanner.Scan(); line++ {
			if machine.MatchString(scanner.Text()) {
				t.Errorf("%s:%d names a path of one machine: %s", path, line, scanner.Text())
			}
		}
		file.Close()
	}
}
