package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer/authority"
	"sokyso/signer/token/softhsm"
)

//go:embed documents/*.pdf
var documents embed.FS

// marker says that a folder is the demo's own and may be removed.
const marker = ".sokyso-demo"

// school is the whole of what the demo builds.
type school struct {
	dir       string
	lang      string
	lock      *os.File
	authority *authority.Authority
	roots     string // PEM file of the root certificate
	issuers   string // PEM file of the issuing and the root certificate
	tokens    *softhsm.Store
	service   *service
	members   []*member
	people    []string // the service's identifiers, in the order of members
	desks     []*desk  // nil for who holds no token
	clients   []*wire.Client
}

// buildSchool makes everything that has to be there before the story begins.
func buildSchool(ctx context.Context, flags Flags, n *narrator) (*school, error) {
	s := &school{dir: flags.Dir, lang: n.words.Tag, members: cast()}
	if err := s.claimFolder(); err != nil {
		return nil, err
	}
	for _, stage := range []struct {
		key string
		do  func(context.Context, Flags) error
	}{
		{"build.authority", s.buildAuthority},
		{"build.tokens", s.buildTokens},
		{"build.service", s.buildService},
		{"build.people", s.buildPeople},
		{"build.agents", s.buildAgents},
	} {
		n.say(stage.key, nil)
		if err := stage.do(ctx, flags); err != nil {
			return s, err
		}
	}
	return s, nil
}

// claimFolder makes the folder anew. One that the demo did not make is left
// alone, and so is one in which another demo still runs.
func (s *school) claimFolder() error {
	entries, err := os.ReadDir(s.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	case len(entries) > 0:
		if _, err := os.Stat(filepath.Join(s.dir, marker)); err != nil {
			return fmt.Errorf("%s is not empty and was not made by the demo: choose another folder with --dir", s.dir)
		}
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, marker), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("another demo is running in %s: stop it (Ctrl-C in its window) or choose another folder with --dir", s.dir)
	}
	s.lock = lock
	for _, entry := range entries {
		if entry.Name() != marker {
			if err := os.RemoveAll(filepath.Join(s.dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *school) close() {
	if s.service != nil {
		s.service.stop()
	}
	if s.authority != nil {
		s.authority.Close()
	}
	if s.lock != nil {
		s.lock.Close()
	}
}

func (s *school) buildAuthority(ctx context.Context, flags Flags) error {
	var err error
	s.authority, err = authority.New(authority.Config{Name: "Demo", Dir: filepath.Join(s.dir, "authority")})
	if err != nil {
		return err
	}
	s.roots, s.issuers = filepath.Join(s.dir, "root.pem"), filepath.Join(s.dir, "issuers.pem")
	var chain []byte
	for _, certificate := range s.authority.Chain() {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	if err := os.WriteFile(s.issuers, chain, 0o644); err != nil {
		return err
	}
	return os.WriteFile(s.roots, s.authority.RootPEM(), 0o644)
}

func (s *school) buildTokens(ctx context.Context, flags Flags) error {
	var err error
	s.tokens, err = softhsm.New(filepath.Join(s.dir, "tokens"))
	if err != nil {
		return err
	}
	s.desks = make([]*desk, len(s.members))
	for i, member := range s.members {
		if member.Token == nil {
			continue
		}
		subject := authority.Subject{
			CommonName: member.Name, Organization: "UBND tỉnh " + province, ParentUnit: schoolSuperior, OrganizationalUnit: "TRƯỜNG MẦM NON MINH THUẬN",
			Locality: province, Email: member.Username + "@minhthuan.example", Profile: authority.Person,
		}
		if member.Token.Kind == "seal" {
			subject.CommonName, subject.Profile = "TRƯỜNG MẦM NON MINH THUẬN", authority.Seal
		}
		created, err := s.tokens.Create(softhsm.Spec{Label: member.Token.Label, PIN: member.Token.PIN, SOPIN: "so-" + member.Token.PIN, Key: member.Token.Key, WithChain: true},
			func(public crypto.PublicKey) ([]*x509.Certificate, error) {
				leaf, err := s.authority.Issue(public, subject)
				if err != nil {
					return nil, err
				}
				return append([]*x509.Certificate{leaf}, s.authority.Chain()...), nil
			})
		if err != nil {
			return fmt.Errorf("token of %s: %w", member.Name, err)
		}
		folder := filepath.Join(s.dir, "desks", member.Role)
		if err := os.MkdirAll(filepath.Join(folder, "documents"), 0o700); err != nil {
			return err
		}
		locale := map[string]string{"vi": "vi_VN.UTF-8", "en": "en_US.UTF-8"}[s.lang]
		s.desks[i] = &desk{
			member: member, program: filepath.Join(flags.Bin, "signagent"), folder: filepath.Join(folder, "documents"),
			env:    append(s.tokens.Env(), "SOKYSO_HOME="+filepath.Join(folder, "agent"), "LC_ALL="+locale),
			module: s.tokens.Module(), roots: s.roots, serial: created.Serial, certificate: created.Certificate,
		}
		if err := os.WriteFile(filepath.Join(folder, "certificate.der"), created.Certificate.Raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *school) buildService(ctx context.Context, flags Flags) error {
	s.service = &service{program: filepath.Join(flags.Bin, "custodyd"), data: filepath.Join(s.dir, "custody"), issuers: s.issuers}
	if err := os.MkdirAll(s.service.data, 0o700); err != nil {
		return err
	}
	common := []string{"--data", s.service.data, "--lang", s.lang}
	if _, err := mustRun(ctx, nil, nil, s.service.program, append(common, "init",
		"--school-name", schoolName, "--school-code", schoolCode, "--superior", schoolSuperior, "--place", schoolPlace)...); err != nil {
		return err
	}
	first := s.members[admin]
	if _, err := mustRun(ctx, nil, []byte(first.Password+"\n"), s.service.program, append(common, "user", "add",
		"--username", first.Username, "--name", first.Name, "--admin", "--position", first.Position.Kind,
		"--title", first.Position.Title, "--password-file", "/dev/stdin")...); err != nil {
		return err
	}
	return s.service.start(ctx, flags.Listen, s.lang)
}

// buildPeople does what the admin does in the first week: people, positions,
// scopes, tokens.
func (s *school) buildPeople(ctx context.Context, flags Flags) error {
	s.clients = make([]*wire.Client, len(s.members))
	s.people = make([]string, len(s.members))
	me, err := s.signIn(ctx, admin)
	if err != nil {
		return err
	}
	s.people[admin] = me.PersonID
	register := s.clients[admin]
	for i, member := range s.members {
		if i == admin {
			continue
		}
		person, err := register.CreatePerson(ctx, wire.NewPerson{Name: member.Name, Email: member.Username + "@minhthuan.example",
			Username: member.Username})
		if err != nil {
			return fmt.Errorf("register %s: %w", member.Name, err)
		}
		if err := s.join(ctx, person.AccountLink.Path, member.Password); err != nil {
			return fmt.Errorf("account of %s: %w", member.Name, err)
		}
		s.people[i] = person.ID
		if err := register.AddPosition(ctx, person.ID, member.Position); err != nil {
			return fmt.Errorf("position of %s: %w", member.Name, err)
		}
		for _, scope := range member.Scopes {
			if err := register.AddScope(ctx, person.ID, scope); err != nil {
				return fmt.Errorf("scope of %s: %w", member.Name, err)
			}
		}
		if _, err := s.signIn(ctx, i); err != nil {
			return err
		}
	}
	for i, desk := range s.desks {
		if desk == nil {
			continue
		}
		certificate, err := os.ReadFile(filepath.Join(s.dir, "desks", desk.member.Role, "certificate.der"))
		if err != nil {
			return err
		}
		spec := wire.NewToken{Serial: desk.serial, Label: desk.member.Token.Label, Model: "SoftHSM v2",
			Kind: desk.member.Token.Kind, Certificate: certificate}
		if spec.Kind == "personal" {
			spec.Owner = s.people[i]
		}
		token, err := register.RegisterToken(ctx, spec)
		if err != nil {
			return fmt.Errorf("register token of %s: %w", desk.member.Name, err)
		}
		desk.tokenID = token.ID
	}
	return nil
}

// join sets somebody's password by their link, as they do in the browser.
func (s *school) join(ctx context.Context, path, password string) error {
	b, err := newBrowser(s.service.url, s.lang)
	if err != nil {
		return err
	}
	p, err := b.visit(ctx, path)
	if err != nil {
		return err
	}
	_, err = b.submit(ctx, p, path, map[string]string{"password": password, "again": password})
	return err
}

func (s *school) signIn(ctx context.Context, i int) (wire.Me, error) {
	client, err := wire.NewClient(wire.ClientConfig{URL: s.service.url, Language: s.lang})
	if err != nil {
		return wire.Me{}, err
	}
	me, err := client.SignIn(ctx, wire.SignIn{Username: s.members[i].Username, Password: s.members[i].Password})
	if err != nil {
		return wire.Me{}, fmt.Errorf("sign in %s: %w", s.members[i].Username, err)
	}
	s.clients[i] = client
	return me, nil
}

// buildAgents pairs an agent for each person who will hold a token, by the
// one-time code that the person sees on the service's page.
func (s *school) buildAgents(ctx context.Context, flags Flags) error {
	for i, desk := range s.desks {
		if desk == nil {
			continue
		}
		code, err := s.clients[i].CreatePairingCode(ctx)
		if err != nil {
			return fmt.Errorf("pairing code for %s: %w", desk.member.Name, err)
		}
		if _, err := mustRun(ctx, desk.env, nil, desk.program, "pair", s.service.url, code.Code); err != nil {
			return err
		}
	}
	return nil
}

// put lays a sample document on a desk and returns its path.
func (s *school) put(who int, name string) (string, error) {
	content, err := documents.ReadFile("documents/" + name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.desks[who].folder, name)
	return path, os.WriteFile(path, content, 0o644)
}

// vietnam is the zone of all times that the story tells.
var vietnam = time.FixedZone("+07", 7*3600)

// localTime writes a time as Vietnamese people do.
func localTime(t time.Time) string {
	return t.In(vietnam).Format("15:04:05 02/01/2006")
}
