//go:build linux

package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
)

func copyFile(t *testing.T, from, to string) string {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func mustOrder(t *testing.T, fault *softhsm.Fault, lines ...string) {
	t.Helper()
	if err := fault.Order(lines...); err != nil {
		t.Fatal(err)
	}
}

// Bad modules of every kind stand beside good ones: each is named with its reason,
// and the token, which two modules show, is there once.
func TestDiscoveryListsEachTokenOnce(t *testing.T) {
	good, crashes, hangs, blind := testToken(t), testToken(t), testToken(t), testToken(t)
	mustOrder(t, crashes, "C_GetTokenInfo crash")
	mustOrder(t, hangs, "C_OpenSession hang")
	mustOrder(t, blind, "C_FindObjects return 0x30")
	folder := filepath.Dir(good.Module())
	other := copyFile(t, good.Module(), filepath.Join(folder, "other.so"))
	copyFile(t, filepath.Join(folder, "fault.conf"), filepath.Join(folder, "other.conf"))
	text := filepath.Join(folder, "text.so")
	write(t, text, "not a library")

	config := Config{Catalogue: NewCatalogue(Vietnamese), TokenTimeout: 2 * time.Second}.withDefaults()
	var candidates []candidate
	for _, path := range []string{text, blind.Module(), crashes.Module(), good.Module(), hangs.Module(), other, filepath.Join(folder, "none.so")} {
		candidates = append(candidates, candidate{path, sourceKnown})
	}
	found := config.discovery(config.probeAll(context.Background(), candidates))
	codes := []string{"module_not_library", "", "module_crashed_probed", "", "module_hangs_probed", "", "module_not_found"}
	for i, module := range found.Modules {
		if module.Code != codes[i] || module.Code != "" && !strings.Contains(module.Message, module.Path) {
			t.Errorf("%s: code %q, want %q; %s", module.Path, module.Code, codes[i], module.Message)
		}
		if module.Code == "" && (module.Manufacturer != "SoftHSM" || module.Tokens != 1) {
			t.Errorf("%+v", module)
		}
	}
	if len(found.Tokens) != 1 || found.Code != "" {
		t.Fatalf("%d tokens, code %q", len(found.Tokens), found.Code)
	}
	// The one that can't read the certificates comes first, and is not the one to use.
	modules := found.Tokens[0].Modules
	if len(modules) != 3 || modules[0] != good.Module() || !slices.Contains(modules, other) || !slices.Contains(modules, blind.Module()) {
		t.Errorf("shown by %v", modules)
	}
	if len(found.Tokens[0].Certificates) != 1 || found.Tokens[0].Code != "" {
		t.Errorf("%+v", found.Tokens[0])
	}
}

func TestWhyThereIsNoToken(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "pcscd.comm")
	t.Setenv("PCSCLITE_CSOCK_NAME", socket)
	fault := testToken(t)
	config := Config{Module: fault.Module(), Catalogue: NewCatalogue(Vietnamese)}
	expect := func(orders, code string) {
		t.Helper()
		mustOrder(t, fault, orders)
		if found := Discover(context.Background(), config); found.Code != code || code != "" && !strings.Contains(found.Message, "Hãy") && !strings.Contains(found.Message, "hãy") {
			t.Errorf("%q: code %q, want %q; %s", orders, found.Code, code, found.Message)
		}
	}
	expect("", "")
	expect("no-token", "token_missing")
	expect("no-reader", "reader_service_stopped")
	expect("C_Initialize return 0x30", "reader_service_stopped") // what most modules do then
	expect("C_Initialize crash", "module_crashed_probed")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	expect("no-reader", "reader_missing")
	expect("C_Initialize return 0x30", "module_initialize")

	if os.Getuid() != 0 { // whom nothing is forbidden
		if err := os.Chmod(socket, 0); err != nil {
			t.Fatal(err)
		}
		expect("no-reader", "reader_service_forbidden")
	}
	config.Module = filepath.Join(t.TempDir(), "none.so")
	if found := Discover(context.Background(), config); found.Code != "module_not_found" {
		t.Errorf("%+v", found)
	}
}

// The module used last does not show the token that is wanted: another one does.
func TestTokenIsFoundInAnotherModule(t *testing.T) {
	d := newDesk(t, "a.pdf", "b.pdf")
	conf := filepath.Join(filepath.Dir(d.fault.Module()), "fault.conf")
	t.Setenv("SOFTHSM2_CONF", conf) // the real module shows what the fault module hides
	d.order(t, "no-token")
	if err := os.MkdirAll(d.config.Home, 0o700); err != nil {
		t.Fatal(err)
	}
	rememberModule(d.config.Home, d.fault.Module())
	d.config.Module = ""
	results := d.sign(t, func(b *Batch) { b.Token = tokens.created.Serial }, "a.pdf")
	if !results[0].Good() {
		t.Fatalf("%+v", results[0])
	}
	if last := remembered(d.config.Home); last == d.fault.Module() || last == "" {
		t.Errorf("remembered is %q", last)
	}
	results = d.sign(t, func(b *Batch) { b.Token = "00c0ffee" }, "b.pdf")
	if results[0].Code != "token_no_match" || !strings.Contains(results[0].Message, tokens.created.Serial) {
		t.Errorf("a token that is not there: %+v", results[0])
	}
	if results = d.sign(t, nil, "b.pdf"); !results[0].Good() {
		t.Errorf("the only token, unnamed: %+v", results[0])
	}
}

// A wrong PIN in one module is never tried in another.
func TestNoPINGoesASecondWay(t *testing.T) {
	for _, err := range []error{
		&token.LoginError{Err: &token.Error{Kind: token.ErrWrongPIN}}, &token.Error{Kind: token.ErrDevice},
		&token.SelectError{Matches: 2}, errors.New("x"),
	} {
		if elsewhere(err) {
			t.Errorf("after %v another module is tried", err)
		}
	}
	if !elsewhere(&token.SelectError{}) || !elsewhere(&token.LoadError{}) {
		t.Error("a token is never looked for elsewhere")
	}
}

func TestP11Kit(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{
		"user/switched-off.module":   "module:\n",
		"user/mine.module":           "# mine\n  module :  /opt/mine.so  \npriority: 5\n",
		"etc/mine.module":            "module: /opt/other.so\n",
		"share/switched-off.module":  "module: /opt/off.so\n",
		"share/card.module":          "module: card.so\ncritical: no\n",
		"share/nowhere.module":       "module: nowhere.so\n",
		"share/trust.module":         "module: /opt/trust.so\ntrust-policy: yes\n",
		"share/remote.module":        "module: /opt/remote.so\nremote: |ssh host p11-kit remote\n",
		"share/browser.module":       "module: /opt/browser.so\nenable-in: firefox, chromium\n",
		"share/signing.module":       "module: /opt/signing.so\nenable-in: firefox,signagent\n",
		"share/elsewhere.module":     "module: /opt/elsewhere.so\ndisable-in: signagent\n",
		"share/not-elsewhere.module": "module: /opt/not-elsewhere.so\ndisable-in: firefox\n",
		"share/readme.txt":           "module: /opt/readme.so\n",
		"lib/card.so":                "x",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, content)
	}
	k := p11Kit{lists: []string{folder + "/user", folder + "/etc", folder + "/share", folder + "/missing"}, libraries: []string{folder + "/missing", folder + "/lib"}}
	want := []string{folder + "/lib/card.so", "/opt/mine.so", "/opt/not-elsewhere.so", "/opt/signing.so"}
	if got := k.modules(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestInstalledCandidatesAreThereOnce(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "a.so"), "x")
	if err := os.Symlink("a.so", filepath.Join(folder, "b.so")); err != nil {
		t.Fatal(err)
	}
	var all []candidate
	for _, name := range []string{"none.so", "b.so", "a.so", "."} {
		all = append(all, candidate{filepath.Join(folder, name), sourceKnown})
	}
	if kept := installed(all); len(kept) != 1 || filepath.Base(kept[0].path) != "b.so" {
		t.Errorf("%v", kept)
	}
	for system, places := range modulePlaces {
		for _, name := range places.names {
			if strings.ContainsAny(name, `/\`) || filepath.Ext(name) == "" {
				t.Errorf("%s: %q is no file name", system, name)
			}
		}
	}
}
