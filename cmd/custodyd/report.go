package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
)

// ReportCommand writes the report of a year.
type ReportCommand struct {
	Year   int    `required:"" help:"${help_report_year}" placeholder:"2026"`
	Output string `required:"" type:"path" short:"o" help:"${help_report_output}" placeholder:"FILE"`
	Force  bool   `help:"${help_backup_force}"`
}

// Run writes what the page of papers offers as a draft: its number is left to be written in,
// and nothing is issued. Who needs it issued and signed does that on the page.
func (c *ReportCommand) Run(ctx context.Context, p *program) error {
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(c.Output)), ".")
	if !slices.Contains([]string{"pdf", "xlsx", "csv"}, format) {
		return &usageError{p.say("report_format", map[string]string{"File": c.Output})}
	}
	if latest := time.Now().In(custody.SchoolZone).Year(); c.Year < 2000 || c.Year > latest {
		return &usageError{p.say("report_year", map[string]string{"Year": strconv.Itoa(c.Year), "Latest": strconv.Itoa(latest)})}
	}
	if _, err := os.Lstat(c.Output); err == nil && !c.Force {
		return p.fail("backup_exists", map[string]string{"File": c.Output})
	}
	register, _, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.write(ctx, p, register, format), register.Close())
}

func (c *ReportCommand) write(ctx context.Context, p *program, register *store.Store, format string) error {
	school, err := register.School(ctx)
	if err != nil {
		return err
	}
	report, err := register.PeriodReport(ctx, custody.SystemActor(school.ID), custody.Date(fmt.Sprintf("%04d-01-01", c.Year)), custody.Date(fmt.Sprintf("%04d-12-31", c.Year)))
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := httpapi.WriteReport(&content, format, report); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := renameio.WriteFile(c.Output, content.Bytes(), 0o600, renameio.WithTempDir(filepath.Dir(c.Output))); err != nil {
		cause := err
		var path *os.PathError
		var link *os.LinkError
		switch { // without the name of the temporary file
		case errors.As(err, &path):
			cause = path.Err
		case errors.As(err, &link):
			cause = link.Err
		}
		return p.fail("backup_unwritable", map[string]string{"File": c.Output, "Error": cause.Error()})
	}
	p.print("report_done", map[string]string{"School": school.Name, "Year": strconv.Itoa(c.Year), "File": c.Output})
	return nil
}
