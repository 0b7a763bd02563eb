package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/tabwriter"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/store"
)

// The files of a school, in the data folder for the first and in a folder of its own below
// schools for each other.
const (
	logKeyName    = "log.key"
	markName      = "log.mark"
	schoolsFolder = "schools"
)

// schoolName is what a school among several is called: a folder, and a label of a host name
// (RFC 1123).
var schoolName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// schoolFolder is where a school's key and mark lie; "" is the first.
func (p *program) schoolFolder(name string) string {
	if name == "" {
		return p.flags.Data
	}
	return filepath.Join(p.flags.Data, schoolsFolder, name)
}

// schoolConfig reads what a school has of its own.
func (p *program) schoolConfig(name string) (store.SchoolConfig, error) {
	folder := p.schoolFolder(name)
	file := filepath.Join(folder, logKeyName)
	key, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return store.SchoolConfig{}, p.fail("no_log_key", map[string]string{"File": file})
	}
	if err != nil {
		return store.SchoolConfig{}, fmt.Errorf("log key: %w", err)
	}
	return store.SchoolConfig{LogKey: strings.TrimSpace(string(key)), MarkFile: filepath.Join(folder, markName)}, nil
}

// schoolNames lists the folders of schools that have a key.
func (p *program) schoolNames() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(p.flags.Data, schoolsFolder))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("schools: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if !schoolName.MatchString(entry.Name()) {
			continue
		}
		if there, err := p.hasKey(entry.Name()); err != nil {
			return nil, err
		} else if there {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// hasKey reports whether there is a key of a school.
func (p *program) hasKey(name string) (bool, error) {
	_, err := os.Stat(filepath.Join(p.schoolFolder(name), logKeyName))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("schools: %w", err)
	}
	return true, nil
}

// addressOf is a school's address: its name before the host of the service's.
func addressOf(base *url.URL, name string) string {
	own := *base
	own.Host = name + "." + own.Host
	return own.String()
}

// Run lists the schools: those of which there is a key by name and address, others by log.
func (c *SchoolsCommand) Run(ctx context.Context, p *program) error {
	register, _, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.list(ctx, p, register), register.Close())
}

func (c *SchoolsCommand) list(ctx context.Context, p *program, register *store.Store) error {
	schools, err := register.Schools(ctx)
	if err != nil {
		return err
	}
	names, err := p.schoolNames()
	if err != nil {
		return err
	}
	_, base := p.config.source(settable(p.app)["public-url"])
	address, err := url.Parse(base)
	if err != nil {
		return fmt.Errorf("public address: %w", err)
	}
	named := map[string]string{p.originIn(""): "."}
	for _, name := range names {
		named[p.originIn(name)] = name
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, p.say("schools_head", nil))
	for _, school := range schools {
		size, err := register.LogSize(ctx, school.ID)
		if err != nil {
			return err
		}
		name, where := named[school.Origin], school.Origin
		switch {
		case name == "":
			name = p.say("schools_no_key", nil)
		case name == "." && base != "":
			where = base
		case base != "":
			where = addressOf(address, name)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\n", name, school.Code, school.Name, where, size)
	}
	return table.Flush()
}

// originIn is the name of the log whose key lies in a school's folder, "" where it does not.
func (p *program) originIn(name string) string {
	config, err := p.schoolConfig(name)
	if err != nil {
		return ""
	}
	signer, err := note.NewSigner(config.LogKey)
	if err != nil {
		return ""
	}
	return signer.Name()
}

// schoolOf is the register as a school's folder has it.
func (p *program) schoolOf(ctx context.Context, register *store.Store, name string) (*store.Store, custody.School, error) {
	config, err := p.schoolConfig(name)
	if err != nil {
		return nil, custody.School{}, err
	}
	own, err := register.Of(config)
	if err != nil {
		return nil, custody.School{}, err
	}
	school, err := own.School(ctx)
	if err != nil {
		return nil, custody.School{}, errors.Join(err, own.Close())
	}
	return own, school, nil
}
