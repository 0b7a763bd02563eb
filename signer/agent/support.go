package agent

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"sokyso/signer"
)

// WriteSupport writes the findings into a new file, for whoever helps: text, UTF-8, one
// finding a line. It holds no secret, and nothing of a person that helping does not
// need: PINs and raw errors, which a module could have put one into, are not in the
// findings to begin with; the key of the pairing, names, the account, the computer's
// name and folders are masked, serial numbers but for their end. An existing file stays.
func (f Findings) WriteSupport(path string) error {
	var text bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("sokyso doctor 1")
	line("at %s", f.at.UTC().Format(time.RFC3339))
	line("program %s, %s/%s, %s, language %s", f.version, runtime.GOOS, runtime.GOARCH, runtime.Version(), f.config.Catalogue.Language)
	if f.pairing != nil {
		line("paired with %s since %s", f.pairing.URL, f.pairing.PairedAt.UTC().Format(time.DateOnly))
	} else {
		line("not paired")
	}
	line("")
	for _, check := range f.Checks {
		line("%-4s %-11s %-24s %s", check.Verdict, check.Name, check.Code, check.Message)
	}
	line("")
	for _, m := range f.discovery.Modules {
		line("module %s (%s): %s %s %s, cryptoki %s, %d readers, %d tokens", m.Path, m.Source, m.Manufacturer, m.Description, m.Version, m.Cryptoki,
			m.Readers, m.Tokens)
	}
	for _, t := range f.discovery.Tokens {
		line("token …%s: %s %s, flags %+v", ending(t.Serial), t.Manufacturer, t.Model, t.Flags)
		for _, c := range t.Certificates {
			line("  certificate %s… by %s, %s to %s, key %t", c.SHA256[:16], c.Issuer, c.NotBefore.UTC().Format(time.DateOnly),
				c.NotAfter.UTC().Format(time.DateOnly), c.HasKey)
		}
	}
	for _, step := range slices.Sorted(maps.Keys(f.steps)) {
		line("journal %s: %d", step, f.steps[step])
	}
	err := createFile(path, []byte(f.masked(text.String())), 0o600)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, signer.ErrExists):
		return fail("bundle_exists", err, "file", path)
	}
	return fail("bundle_write", err, "file", path)
}

// ending is the last of a serial number: enough to tell the tokens of a school apart
// with the device in hand.
func ending(serial string) string { return serial[max(0, len(serial)-4):] }

// others are folders of people whose names this program does not know.
var others = regexp.MustCompile(`(/home/|/Users/|[A-Za-z]:\\Users\\)[^/\\\s]+`)

// masked takes out of a text what is a person's or a secret.
func (f Findings) masked(text string) string {
	hidden := map[string]string{} // what is hidden: what stands for it
	hide := func(secret, with string) {
		if len(secret) > 2 { // shorter ones would cut up other words
			hidden[secret] = with
		}
	}
	if p := f.pairing; p != nil {
		hide(p.APIKey, "[key]")
		hide(p.PersonID, "[person]")
		hide(p.Person, "[person]")
		hide(p.Device, "[computer]")
	}
	for i, t := range f.discovery.Tokens {
		hide(t.Serial, "…"+ending(t.Serial))
		hide(t.Label, fmt.Sprintf("[token %d]", i+1))
		for _, c := range t.Certificates {
			hide(c.Subject, "[person]")
		}
	}
	if name, err := os.Hostname(); err == nil {
		hide(name, "[computer]")
	}
	home, err := os.UserHomeDir()
	if err == nil && filepath.Dir(home) != home {
		hide(home, "~")
	}
	if account, err := user.Current(); err == nil && account.Username != "root" { // root says nothing of a person
		_, name, found := strings.Cut(account.Username, `\`) // COMPUTER\name on Windows
		if !found {
			name = account.Username
		}
		hide(name, "[account]")
	}
	if f.config.Home != "" {
		hide(f.config.Home, "[state]")
	}
	if folder, err := os.Getwd(); err == nil && filepath.Dir(folder) != folder {
		hide(folder, ".")
	}
	secrets := slices.SortedFunc(maps.Keys(hidden), func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets { // the longest first: one may be part of another
		text = strings.ReplaceAll(text, secret, hidden[secret])
	}
	return others.ReplaceAllString(text, "${1}…")
}
