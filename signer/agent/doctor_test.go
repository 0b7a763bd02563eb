//go:build linux

package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// verdicts are the findings of a name, as "verdict code".
func verdicts(f Findings, name string) []string {
	var all []string
	for _, check := range f.Checks {
		if check.Name == name {
			all = append(all, strings.TrimSpace(check.Verdict+" "+check.Code))
		}
	}
	return all
}

func wantVerdicts(t *testing.T, f Findings, want map[string][]string) {
	t.Helper()
	for name, verdict := range want {
		if got := verdicts(f, name); !slices.Equal(got, verdict) {
			t.Errorf("%s: %q, want %q: %+v", name, got, verdict, f.Checks)
		}
	}
	for _, check := range f.Checks {
		if check.Message == "" || strings.Contains(check.Message, "doctor.") || (check.Code == "") != (check.Verdict == VerdictOK) {
			t.Errorf("%+v", check)
		}
	}
}

func TestDoctorSeesTheToken(t *testing.T) {
	d := newDesk(t)
	authority := &Roots{Pool: x509.NewCertPool()}
	authority.Pool.AddCert(tokens.created.Chain[0])
	stranger := &Roots{Pool: x509.NewCertPool()}
	for name, c := range map[string]struct {
		orders []string
		change func(*Examination)
		want   map[string][]string
	}{
		"as it should be": {nil, func(e *Examination) { e.Roots = authority }, map[string][]string{
			"program": {"ok"}, "module": {"ok"}, "readers": {"ok"}, "tokens": {"ok"}, "certificate": {"warn certificate_expires", "ok"},
			"disk": {"ok"}, "journal": {"ok"}, "batches": {"ok"}, "pairing": {"fail not_paired"}}},
		"an unknown authority": {nil, func(e *Examination) { e.Roots = stranger }, map[string][]string{
			"certificate": {"warn certificate_expires", "fail chain_missing"}}},
		"a certificate that ended": {nil, func(e *Examination) { e.Now = func() time.Time { return time.Now().Add(48 * time.Hour) } }, map[string][]string{
			"certificate": {"fail certificate_expired"}}},
		"one of tomorrow": {nil, func(e *Examination) { e.Now = func() time.Time { return time.Now().Add(-48 * time.Hour) } }, map[string][]string{
			"certificate": {"fail certificate_early"}}},
		"no token":          {[]string{"no-token"}, nil, map[string][]string{"readers": {"ok"}, "tokens": {"fail token_missing"}, "certificate": nil}},
		"a factory PIN":     {[]string{"pin-to-be-changed"}, nil, map[string][]string{"tokens": {"ok", "warn pin_flags"}}},
		"a crashing module": {[]string{"C_GetSlotList crash"}, nil, map[string][]string{"module": {"fail module_crashed_probed"}, "tokens": nil}},
		"a file that is no module": {nil, func(e *Examination) { e.Module = "./doctor_test.go" }, map[string][]string{
			"module": {"fail module_not_library"}}},
	} {
		t.Run(name, func(t *testing.T) {
			d.order(t, c.orders...)
			e := Examination{Config: d.config}
			if c.change != nil {
				c.change(&e)
			}
			wantVerdicts(t, e.Run(t.Context()), c.want)
			calls := d.calls(t)
			if calls["C_Login"] > 0 {
				t.Error("the doctor logged in")
			}
		})
	}
}

func TestDoctorSeesALockedPIN(t *testing.T) {
	d := newDesk(t, "a.pdf")
	d.order(t, "pin-tries 1")
	wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"tokens": {"ok", "warn pin_flags"}})
	d.pin = "00000000"
	d.sign(t, func(b *Batch) { b.FinalTry = true }, "a.pdf")
	wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"tokens": {"ok", "fail pin_locked"}})
}

func TestDoctorSeesFolderAndJournal(t *testing.T) {
	d := newDesk(t, "a.pdf")
	// Nothing is there yet: it is not made by looking.
	wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"disk": {"ok"}, "journal": {"ok"}})
	if _, err := os.Stat(d.config.Home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the doctor made the state folder: %v", err)
	}
	if err := makeHome(d.config.Home); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(d.config.Home, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.append(journalEntry{Job: "a", Step: stepIntent, At: noon, Intent: &intent{Input: "a.pdf"}}); err != nil {
		t.Fatal(err)
	}
	j.close()
	wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"journal": {"warn journal_pending"}})
	if err := os.WriteFile(j.path, []byte("not a journal\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"journal": {"fail journal_damaged"}})
	file := filepath.Join(d.folder, "a.pdf") // a file where a folder should be
	d.config.Home = filepath.Join(file, "home")
	wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"disk": {"fail home_unusable"}})
}

func TestDoctorSeesTheClock(t *testing.T) {
	var off time.Duration
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte("{}"))
	}))
	defer server.Close()
	d := newDesk(t)
	pair(t, d, server.URL)
	for want, by := range map[string]time.Duration{"ok": 0, "warn clock_off": -2 * time.Minute, "fail clock_off": time.Hour} {
		off = by
		wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"service": {"ok"}, "clock": {want}})
	}
	wantVerdicts(t, Examination{Config: d.config, TSA: server.URL}.Run(t.Context()), map[string][]string{"timestamp": {"fail timestamp_failed"}})
	server.Close()
	wantVerdicts(t, Examination{Config: d.config}.Run(t.Context()), map[string][]string{"service": {"fail service_unreachable"}, "clock": nil})
}

const testAPIKey = "ak_7Qd2mVx91LpTz"

// pair writes a pairing into the desk's state folder.
func pair(t *testing.T, d *desk, url string) {
	t.Helper()
	if err := makeHome(d.config.Home); err != nil {
		t.Fatal(err)
	}
	p := &Pairing{URL: url, APIKey: testAPIKey, Device: "May-Hieu-Truong", School: "Trường Mầm non Hoa Sen", Code: "MNHS",
		LogKey: newTestLog(t).key, PersonID: "person-3141592", Person: "Trần Thị Hòa", PairedAt: noon}
	if err := p.write(d.config.Home); err != nil {
		t.Fatal(err)
	}
}

// TestSupportFileHoldsNoSecret looks for each secret in the file, as it is and in the
// ways it could be written.
func TestSupportFileHoldsNoSecret(t *testing.T) {
	d := newDesk(t, "Quyết định khen thưởng.pdf")
	person := filepath.Join(d.folder, "home", "tranthihoa")
	t.Setenv("HOME", person)
	d.config.Home = filepath.Join(person, ".config", "sokyso")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte("{}"))
	}))
	defer server.Close()
	pair(t, d, server.URL)
	d.order(t)
	for _, r := range d.sign(t, nil, "Quyết định khen thưởng.pdf") {
		if r.Status != StatusSigned {
			t.Fatalf("%+v", r)
		}
	}
	d.order(t, "C_GetSlotList print 200", "pin-to-be-changed") // a module could print anything; the label is in a sentence
	module := filepath.Join(person, "trinh-dieu-khien.so")
	if err := os.MkdirAll(person, 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, d.fault.Module(), module)
	findings := Examination{Config: Config{Home: d.config.Home, Module: d.fault.Module(), Catalogue: d.config.Catalogue}, Version: "1.2.3"}.Run(context.Background())
	elsewhere := Examination{Config: Config{Home: d.config.Home, Module: module, Catalogue: d.config.Catalogue}}.Run(context.Background())
	findings.discovery.Modules = append(findings.discovery.Modules, elsewhere.discovery.Modules...)
	findings.Checks = append(findings.Checks, elsewhere.Checks...)
	findings.Checks = append(findings.Checks, Check{"module", VerdictFail, "module_not_found", `C:\Users\nguyenvannghia\x.dll,/ho` + `me/nguyenvannghia/x.so`})

	path := filepath.Join(t.TempDir(), "ho-tro.txt")
	if err := findings.WriteSupport(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{
		"the PIN": testPIN, "the key of the pairing": testAPIKey, "the person": "Trần Thị Hòa", "the person's number": "person-3141592",
		"the device": "May-Hieu-Truong", "the holder of the certificate": "Nguyễn Văn Nghĩa", "the token's label": "“Hoa Sen”",
		"the token's serial": tokens.created.Serial, "a file's name": "Quyết định", "the account": "tranthihoa", "another account": "nguyenvannghia",
		"a folder": d.folder, "the computer": host,
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the file: %q\n%s", what, secret, text)
		}
	}
	// And it is of use all the same.
	for _, want := range []string{"program 1.2.3, linux/", "paired with " + server.URL, "SoftHSM", "ok   service", "journal ",
		"token …" + tokens.created.Serial[len(tokens.created.Serial)-4:], "by CA thử nghiệm"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the file:\n%s", want, text)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := findings.WriteSupport(path); codeOf(err) != "bundle_exists" {
		t.Errorf("written over: %v", err)
	}
	if err := findings.WriteSupport(filepath.Join(path, "x")); codeOf(err) != "bundle_write" {
		t.Errorf("written below a file: %v", err)
	}
}

// TestDoctorSeesTheViewer: what is wrong with the kept viewer is a note, since
// signing goes on without it.
func TestDoctorSeesTheViewer(t *testing.T) {
	d := newDesk(t)
	cache := filepath.Join(t.TempDir(), "cache")
	look := func(folder, want, words string) {
		t.Helper()
		findings := Examination{Config: Config{Home: d.config.Home, Module: "none", Catalogue: NewCatalogue(English)}, ViewerCache: folder}.Run(t.Context())
		wantVerdicts(t, findings, map[string][]string{"viewer": {want}, "fonts": {"ok"}})
		for _, check := range findings.Checks {
			if check.Name == "viewer" && !strings.Contains(check.Message, words) {
				t.Errorf("%q does not say %q", check.Message, words)
			}
		}
	}
	look("", "warn viewer_no_folder", "HOME")
	look(cache, "ok", "not compiled yet")
	if err := os.MkdirAll(filepath.Join(cache, "wazero"), 0o700); err != nil {
		t.Fatal(err)
	}
	look(cache, "ok", "not compiled yet")
	if err := os.WriteFile(filepath.Join(cache, "wazero", "code"), []byte{1}, 0o600); err != nil {
		t.Fatal(err)
	}
	look(cache, "ok", "at once")
	look(filepath.Join(cache, "wazero", "code"), "warn viewer_unwritable", "can’t be written")
}
