package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// Run registers a person with an account, and a position from today on. The account's owner
// sets the password, by the link that is printed. Only the first account of a school may get
// one by the command line: it is an admin's, and before it nobody could make a link.
func (c *UserAddCommand) Run(ctx context.Context, p *program) error {
	if (c.Position == "") != (c.Title == "") {
		return &usageError{p.say("position_and_title", nil)}
	}
	password := ""
	if c.PasswordFile != "" {
		var err error
		if password, err = p.password(c.PasswordFile); err != nil {
			return err
		}
	}
	return p.withSchool(ctx, func(register *store.Store, system custody.Actor) error {
		person, link, err := c.add(ctx, p, register, system, password)
		if err != nil {
			return err
		}
		if c.Position != "" {
			position := custody.Position{Kind: custody.PositionKind(c.Position), Title: c.Title, From: custody.DateOf(time.Now())}
			if err := register.AddPosition(ctx, system, person.ID, position); err != nil {
				return err
			}
		}
		p.print("user_added", map[string]string{"Name": person.Name, "Username": c.Username})
		if link == nil {
			return nil
		}
		address, err := c.address(p)
		if err != nil {
			return err
		}
		key := "user_link"
		if address == "" {
			key = "user_link_path"
		}
		p.print(key, map[string]string{"Name": person.Name, "Link": address + wire.JoinPath(link.Secret), "Days": strconv.Itoa(int(custody.AccountLinkLifetime.Hours() / 24))})
		return nil
	})
}

// add returns no link where the account got its password.
func (c *UserAddCommand) add(ctx context.Context, p *program, register *store.Store, system custody.Actor, password string) (custody.Person, *store.NewAccountLink, error) {
	n := store.NewPerson{Name: c.Name, Email: c.Email, Username: c.Username, Admin: c.Admin}
	if c.PasswordFile == "" {
		person, link, err := register.InvitePerson(ctx, system, n)
		return person, &link, err
	}
	people, err := register.People(ctx, system)
	if err != nil {
		return custody.Person{}, nil, err
	}
	if !c.Admin || slices.ContainsFunc(people, func(row store.PersonRow) bool { return row.Username != "" }) {
		return custody.Person{}, nil, p.fail("password_of_another", nil)
	}
	if n.PasswordHash, err = p.hash(ctx, register, password, c.Name, c.Username); err != nil {
		return custody.Person{}, nil, err
	}
	person, err := register.CreatePerson(ctx, system, n)
	return person, nil, err
}

// address is where the school is reached, "" where nobody has said so.
func (c *UserAddCommand) address(p *program) (string, error) {
	if c.PublicURL == "" || p.flags.School == "" {
		return strings.TrimRight(c.PublicURL, "/"), nil
	}
	base, err := url.Parse(c.PublicURL)
	if err != nil {
		return "", fmt.Errorf("public address: %w", err)
	}
	return strings.TrimRight(addressOf(base, p.flags.School), "/"), nil
}

// Run replaces a password.
func (c *UserPasswordCommand) Run(ctx context.Context, p *program) error {
	password, err := p.password(c.PasswordFile)
	if err != nil {
		return err
	}
	return p.withSchool(ctx, func(register *store.Store, system custody.Actor) error {
		account, err := register.AccountByUsername(ctx, system.School, c.Username)
		if errors.Is(err, custody.ErrNotFound) {
			return p.fail("no_account", map[string]string{"Username": c.Username})
		}
		if err != nil {
			return err
		}
		person, err := register.Person(ctx, system, account.PersonID)
		if err != nil {
			return err
		}
		hash, err := p.hash(ctx, register, password, person.Name, account.Username)
		if err != nil {
			return err
		}
		if err := register.SetPassword(ctx, system, account.PersonID, hash); err != nil {
			return err
		}
		p.print("password_set", map[string]string{"Username": account.Username})
		return nil
	})
}

// Run lists people with their accounts and positions.
func (c *UserListCommand) Run(ctx context.Context, p *program) error {
	return p.withSchool(ctx, func(register *store.Store, system custody.Actor) error {
		people, err := register.People(ctx, system)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.say("column_name", nil), p.say("column_username", nil), p.say("column_title", nil), p.say("column_admin", nil))
		for _, person := range people {
			title, admin := "", ""
			if position, ok := custody.PositionOn(person.Positions, custody.DateOf(time.Now())); ok {
				title = position.Title
			}
			if person.Admin {
				admin = p.say("yes", nil)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", person.Name, person.Username, title, admin)
		}
		return table.Flush()
	})
}

// withSchool opens the register for the service's own command line.
func (p *program) withSchool(ctx context.Context, work func(*store.Store, custody.Actor) error) error {
	register, err := p.open(ctx, store.Config{})
	if err != nil {
		return err
	}
	school, err := register.School(ctx)
	if err == nil {
		err = work(register, custody.SystemActor(school.ID))
	}
	return errors.Join(err, register.Close())
}

// hash is what the register keeps of a password, or why it takes another one.
func (p *program) hash(ctx context.Context, register *store.Store, password string, about ...string) (string, error) {
	school, err := register.School(ctx)
	if err != nil {
		return "", err
	}
	hash, err := httpapi.HashPassword(password, append(about, school.Name, school.Code)...)
	return hash, p.passwordRefused(err)
}

func (p *program) passwordRefused(err error) error {
	var refused *custody.Error
	if errors.As(err, &refused) && refused.Params["reason"] == "password_easy" {
		return p.fail("password_easy", nil)
	}
	if errors.Is(err, custody.ErrInvalid) {
		return p.fail("password_refused", map[string]string{"Min": strconv.Itoa(httpapi.MinPassword)})
	}
	return err
}

// password reads a password: the first line of a file, or typed in twice. It is
// never a flag: command lines are seen by other programs and kept in histories.
func (p *program) password(file string) (string, error) {
	switch {
	case file == "-" || file == "/dev/stdin":
		return firstLine(p.stdin)
	case file != "":
		opened, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("password file: %w", err)
		}
		defer opened.Close()
		return firstLine(opened)
	}
	terminal, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return "", &usageError{p.say("password_file_needed", nil)}
	}
	var typed [2]string
	for i, key := range []string{"password_prompt", "password_again"} {
		fmt.Fprint(p.stderr, p.say(key, nil))
		answer, err := term.ReadPassword(int(terminal.Fd()))
		fmt.Fprintln(p.stderr)
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		typed[i] = string(answer)
	}
	if typed[0] != typed[1] {
		return "", p.fail("password_differs", nil)
	}
	return typed[0], nil
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
