package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// departmentOf is what a command does at one school about who reads for the department.
type departmentOf struct {
	name   string // of the school's folder
	own    *store.Store
	school custody.School
	home   custody.School // the department
	system custody.Actor
}

// reader finds somebody by the name that they sign in by at the department; nil: whom the
// department does not have read for it and the school does not let in.
func (d departmentOf) reader(ctx context.Context, username string) (*store.DepartmentReader, error) {
	readers, err := d.own.DepartmentReaders(ctx, d.system, d.home.ID)
	if err != nil {
		return nil, err
	}
	for _, reader := range readers {
		if reader.Username == store.Username(username) {
			return &reader, nil
		}
	}
	return nil, nil
}

func (d departmentOf) noReader(p *program, username string) error {
	return p.fail("no_reader", map[string]string{"Username": username, "Department": d.home.Name})
}

// atSchools does something at the school that --school names, or at all: what is refused at
// one is told and keeps none of the others back. The error is the first.
func (p *program) atSchools(ctx context.Context, all bool, work func(departmentOf) error) error {
	names := []string{p.flags.School}
	switch {
	case all && p.flags.School != "" || !all && p.flags.School == "":
		return &usageError{p.say("department_where", nil)}
	case all:
		var err error
		if names, err = p.schoolNames(); err != nil {
			return err
		}
	}
	whole := *p
	whole.flags.School = ""
	register, err := whole.open(ctx, store.Config{Many: true})
	if err != nil {
		return err
	}
	home, err := register.School(ctx)
	if err != nil {
		return errors.Join(err, register.Close())
	}
	var refused error
	for _, name := range names {
		err := p.atSchool(ctx, register, name, home, work)
		if err != nil && refused != nil {
			fmt.Fprintln(p.stderr, name+": "+p.explain(err)) // the first is told at the end
		}
		refused = cmp.Or(refused, err)
	}
	return errors.Join(refused, register.Close())
}

func (p *program) atSchool(ctx context.Context, register *store.Store, name string, home custody.School, work func(departmentOf) error) error {
	own, school, err := p.schoolOf(ctx, register, name)
	if err != nil {
		return err
	}
	return errors.Join(work(departmentOf{name: name, own: own, school: school, home: home, system: custody.SystemActor(school.ID)}), own.Close())
}

// Run lets somebody of the department read: an entry of each school's log, done at the
// server.
func (c *DepartmentAddCommand) Run(ctx context.Context, p *program) error {
	return p.atSchools(ctx, c.All, func(d departmentOf) error {
		reader, err := d.reader(ctx, c.Username)
		if err == nil && reader == nil {
			err = d.noReader(p, c.Username)
		}
		if err != nil {
			return err
		}
		if _, err := d.own.AdmitReader(ctx, d.system, d.home, reader.Home); err != nil {
			return err
		}
		p.print("reader_added", map[string]string{"Name": reader.Name, "School": d.school.Name})
		return nil
	})
}

// Run ends that. Where they were not let in nothing is done; of all schools that is told
// of none.
func (c *DepartmentEndCommand) Run(ctx context.Context, p *program) error {
	return p.atSchools(ctx, c.All, func(d departmentOf) error {
		reader, err := d.reader(ctx, c.Username)
		if err == nil && reader == nil && !c.All {
			err = d.noReader(p, c.Username)
		}
		if err != nil || reader == nil || !reader.In {
			return err
		}
		if err := d.own.EndRole(ctx, d.system, reader.Local, custody.RoleDepartment); err != nil {
			return err
		}
		p.print("reader_ended", map[string]string{"Name": reader.Name, "School": d.school.Name})
		return nil
	})
}

// Run lists who reads for the department at one school, or at all, and when they came.
func (c *DepartmentListCommand) Run(ctx context.Context, p *program) error {
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, p.say("readers_head", nil))
	err := p.atSchools(ctx, c.All, func(d departmentOf) error {
		readers, err := d.own.DepartmentReaders(ctx, d.system, d.home.ID)
		for _, reader := range readers {
			in, came := p.say("reader_waits", nil), "–"
			if reader.In {
				in = p.say("yes", nil)
			}
			if reader.Came != nil {
				came = reader.Came.In(custody.SchoolZone).Format(time.DateTime)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", d.name, reader.Username, reader.Name, in, came)
		}
		return err
	})
	return errors.Join(err, table.Flush())
}
