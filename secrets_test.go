package sokyso_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlantedSecretsAreFound plants one of each kind in a repository of its own. They are put
// together here, so that this file holds none.
func TestPlantedSecretsAreFound(t *testing.T) {
	scan, err := filepath.Abs("deploy/secrets")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	run := func(name string, args ...string) (string, error) {
		command := exec.Command(name, args...)
		command.Dir = folder
		out, err := command.CombinedOutput()
		return string(out), err
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := run("git", "add", name); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if out, err := run("git", "init", "-q"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	write("allow", "# none")
	write("clean.go", `log.Fatal("https://sokyso.example:8421/join", "skp_…", "postgres://$USER:$PASSWORD@db/x", "AKIA is how they begin")`)
	if out, err := run(scan, "allow"); err != nil {
		t.Errorf("a clean repository: %v: %s", err, out)
	}
	long := strings.Repeat("aB3", 20)
	planted := map[string]string{
		"private key":            "-----BEGIN EC " + "PRIVATE KEY-----",
		"age key":                "AGE-SECRET-" + "KEY-1" + strings.Repeat("QZ7", 10),
		"log key":                "key: PRIVATE+" + "KEY+sokyso/mnhs-1+0123abcd+" + long,
		"program key":            `Authorization: Bearer skp` + "_" + long,
		"AWS key":                "id=AK" + "IA" + strings.Repeat("Z", 16),
		"Google key":             "AI" + "za" + long[:35],
		"Google account":         `"private_key_` + `id": "` + strings.Repeat("0a", 20) + `"`,
		"GitHub token":           "gh" + "p_" + long[:36],
		"Slack token":            "xox" + "b-" + long,
		"JSON web token":         "ey" + "J" + long + ".ey" + "J" + long + "." + long,
		"password in an address": "postgres://sokyso:" + "bi-mat" + "@db.truong.example/sokyso",
		"password in a setting":  "POSTGRES_" + "PASSWORD=bi-mat-that",
	}
	for name, secret := range planted {
		write("planted.txt", "first line\n"+secret)
		out, err := run(scan, "allow")
		if err == nil || !strings.Contains(out, "planted.txt:2: "+name+"\n") {
			t.Errorf("%s is not found: %v: %s", name, err, out)
		}
		if strings.Contains(out, secret) {
			t.Errorf("%s is repeated: %s", name, out)
		}
	}
	write("planted.txt", "nothing")
	write("allow", "gone.go some text")
	if out, err := run(scan, "allow"); err == nil || !strings.Contains(out, "gone.go") {
		t.Errorf("what nothing needs is not told: %v: %s", err, out)
	}
}

// TestNoSecretIsCommitted looks at this repository.
func TestNoSecretIsCommitted(t *testing.T) {
	if _, err := os.Stat(".git"); err != nil {
		t.Skip("this is no clone")
	}
	if out, err := exec.Command("deploy/secrets").CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}
