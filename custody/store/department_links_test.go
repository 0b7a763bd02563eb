package store_test

import (
	"errors"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// departmentCame writes rows of each kind about somebody of a department that has its
// register elsewhere.
func departmentCame(s *school, must func(error)) {
	must(s.DepartmentCame(ctx, s.admin, custody.School{ID: "01890000-0000-7000-8000-000000000001", Code: "SGD"},
		store.DepartmentReader{Home: "01890000-0000-7000-8000-000000000002", Name: "Trịnh Thị Sở", Username: "so"}))
}

// service is a department and two schools on one register.
type service struct {
	*storetest.Register               // the department's
	officer             custody.Actor // reads for the department
	schools             []*member
}

type member struct {
	*store.Store
	custody.School
	admin custody.Actor
	vkey  string
}

func newService(t *testing.T, r *storetest.Register) *service {
	t.Helper()
	r.Config.Many = true
	r.Reopen()
	s := &service{Register: r}
	if _, err := r.CreatePerson(ctx, r.System, store.NewPerson{Name: "Quản trị ở sở", Username: "quantri", PasswordHash: "x", Admin: true}); err != nil {
		t.Fatal(err)
	}
	officer, err := r.CreatePerson(ctx, r.System, store.NewPerson{Name: "Trịnh Thị Sở", Email: "so@example.edu.vn", Username: "so", PasswordHash: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.GiveRole(ctx, r.System, officer.ID, custody.RoleDepartment); err != nil {
		t.Fatal(err)
	}
	s.officer = r.Actor(officer.ID)
	for _, code := range []string{"MNHS1", "THKD1"} {
		key, vkey, err := signinglog.GenerateKey("sokyso/" + code)
		if err != nil {
			t.Fatal(err)
		}
		own, err := r.Of(store.SchoolConfig{LogKey: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = own.Close() })
		made, err := own.CreateSchool(ctx, store.NewSchool{Name: "Trường " + code, Code: code, Further: true})
		if err != nil {
			t.Fatal(err)
		}
		admin, err := own.CreatePerson(ctx, custody.SystemActor(made.ID), store.NewPerson{Name: "Quản trị " + code, Username: "quantri", PasswordHash: "x", Admin: true})
		if err != nil {
			t.Fatal(err)
		}
		actor, _, err := own.ActorOf(ctx, made.ID, admin.ID, custody.ViaPage)
		if err != nil {
			t.Fatal(err)
		}
		s.schools = append(s.schools, &member{own, made, actor, vkey})
	}
	return s
}

// signedIn begins a session of the officer at the department.
func (s *service) signedIn(t *testing.T, cookie string, origin custody.SessionOrigin) store.OpenSession {
	t.Helper()
	now := s.Clock.Now()
	if err := s.BeginSession(ctx, s.School.ID, store.NewSession{Person: s.officer.Person, Cookie: cookie, Device: "chrome/windows", Agent: "Chrome", BeganAt: now,
		Expires: now.Add(12 * time.Hour), Origin: origin}); err != nil {
		t.Fatal(err)
	}
	session, err := s.SessionAccount(ctx, s.School.ID, cookie, "Chrome", now, 2*time.Hour)
	if err != nil || session.Origin != origin {
		t.Fatalf("%+v: %v", session, err)
	}
	return session
}

// browser is what a cookie at a school is kept as.
func browser(cookie string) string { return certificateHash([]byte(cookie)) }

func (s *service) ticket(at *member, session store.OpenSession, cookie string) (string, error) {
	return s.VisitTicket(ctx, store.NewVisit{Actor: s.Actor(s.officer.Person), Session: session.ID, Origin: session.Origin, School: at.ID, Browser: browser(cookie)})
}

// open has the officer open a school; the visit's cookie is named by the caller.
func (s *service) open(t *testing.T, at *member, session store.OpenSession, cookie string) error {
	t.Helper()
	ticket, err := s.ticket(at, session, "trình duyệt")
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	visit, err := at.Enter(ctx, at.ID, ticket, "trình duyệt", now, 2*time.Hour)
	if err != nil {
		return err
	}
	return at.BeginSession(ctx, at.ID, store.NewSession{Person: visit.Account.PersonID, Cookie: cookie, Agent: "Chrome", BeganAt: now, Expires: now.Add(custody.DepartmentVisitLifetime),
		Origin: custody.OriginDepartment, Home: visit.Session})
}

func (s *service) goesOn(at *member, cookie string) bool {
	_, err := at.SessionAccount(ctx, at.ID, cookie, "Chrome", s.Clock.Now(), 2*time.Hour)
	return err == nil
}

// TestTheDepartmentIsLetIn: an admin of a school lets in whom the department has read for
// it. What that makes is named in the school's log, signs in nowhere and does nothing else.
func TestTheDepartmentIsLetIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newService(t, r)
		one, two := s.schools[0], s.schools[1]
		clerk, err := r.CreatePerson(ctx, r.System, store.NewPerson{Name: "Người khác ở sở", Username: "khac", PasswordHash: "x"})
		if err != nil {
			t.Fatal(err)
		}
		readers, err := one.DepartmentReaders(ctx, one.admin, r.School.ID)
		if err != nil || len(readers) != 1 || readers[0].Home != s.officer.Person || readers[0].Name != "Trịnh Thị Sở" || readers[0].Username != "so" || !readers[0].Goes || readers[0].In {
			t.Fatalf("%+v: %v", readers, err)
		}
		if _, err := one.DepartmentReaders(ctx, custody.Actor{School: one.ID, Person: one.admin.Person, Roles: custody.Roles{Principal: true}}, r.School.ID); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a principal saw the department's people: %v", err)
		}
		for what, person := range map[string]custody.PersonID{"whom the department has not read": clerk.ID, "an admin of another school": two.admin.Person, "nobody": "x"} {
			if _, err := one.AdmitReader(ctx, one.admin, r.School, person); !errors.Is(err, custody.ErrNotFound) {
				t.Errorf("let in %s: %v", what, err)
			}
		}
		size := func(m *member) int64 {
			n, err := m.LogSize(ctx, m.ID)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := size(one)
		var local custody.PersonID
		for range 2 { // the second time changes nothing
			if local, err = one.AdmitReader(ctx, one.admin, r.School, s.officer.Person); err != nil {
				t.Fatal(err)
			}
		}
		if n := size(one) - before; n != 3 { // the person, who they are at the department, the role
			t.Errorf("%d entries", n)
		}
		row, err := one.Person(ctx, one.admin, local)
		if err != nil || row.Name != "Trịnh Thị Sở" || row.Email != "" || row.Username != store.Username("so@MNHS") {
			t.Errorf("%+v: %v", row, err)
		}
		log, err := one.Entries(ctx, one.admin, store.LogFilter{Type: string(signinglog.TypeDepartmentChange)})
		if err != nil || len(log.Entries) != 1 {
			t.Fatalf("%d entries: %v", len(log.Entries), err)
		}
		entry, err := signinglog.Parse(log.Entries[0].Bytes)
		if err != nil || entry.Fields["home_person"] != string(s.officer.Person) || entry.Fields["home_school"] != string(r.School.ID) || entry.Actor() != string(one.admin.Person) {
			t.Errorf("%v: %v", entry.Fields, err)
		}
		refused := func(what string, err error) {
			t.Helper()
			if reason(err) != custody.ReasonOfDepartment {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, _, err = one.CreatePairingCode(ctx, custody.Actor{School: one.ID, Person: local, Via: custody.ViaPage})
		refused("an agent", err)
		refused("made an admin", one.GiveRole(ctx, one.admin, local, custody.RoleAdmin))
		refused("a position", one.AddPosition(ctx, one.admin, local, custody.Position{Kind: custody.Principal, Title: "Hiệu trưởng", From: "2026-01-01"}))
		refused("a password", one.SetPassword(ctx, custody.SystemActor(one.ID), local, "x"))
		_, err = one.Invite(ctx, one.admin, local, "")
		refused("invited", err)
		_, err = one.AskReset(ctx, one.admin, local)
		refused("reset", err)
		_, err = one.RegisterToken(ctx, one.admin, store.NewToken{Serial: "X1", Label: "USB", Kind: custody.Personal, Owner: local, Certificate: storetest.Certificate(t, "USB")})
		refused("a token", err)
		for _, origin := range []custody.SessionOrigin{custody.OriginPassword, custody.OriginFactor, custody.OriginPasskey, custody.OriginToken, custody.OriginDepartment} {
			n := store.NewSession{Person: local, Cookie: "c", Agent: "Chrome", BeganAt: s.Clock.Now(), Expires: s.Clock.Now().Add(time.Hour), Origin: origin}
			if err := one.BeginSession(ctx, one.ID, n); !errors.Is(err, custody.ErrUnauthenticated) {
				t.Errorf("signed in by %s: %v", origin, err)
			}
		}
		if schools, err := r.SchoolsRead(ctx, s.officer); err != nil || len(schools) != 1 || schools[0].ID != one.ID || schools[0].Person != local || schools[0].Size != size(one) || schools[0].Unreviewed != size(one) {
			t.Errorf("%+v: %v", schools, err)
		}
		if _, err := r.SchoolsRead(ctx, r.Actor(clerk.ID)); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("somebody at the department without the role: %v", err)
		}
		// The school ends it, and lets them in again: the same person, the role anew.
		if err := one.EndRole(ctx, one.admin, local, custody.RoleDepartment); err != nil {
			t.Fatal(err)
		}
		if schools, err := r.SchoolsRead(ctx, s.officer); err != nil || len(schools) != 0 {
			t.Errorf("after the end: %+v: %v", schools, err)
		}
		if again, err := one.AdmitReader(ctx, one.admin, r.School, s.officer.Person); err != nil || again != local {
			t.Errorf("let in again as %s: %v", again, err)
		}
		for _, m := range s.schools {
			if report, err := m.VerifyLog(ctx, m.ID, m.vkey); err != nil {
				t.Errorf("%s: %+v, %v", m.Code, report, err)
			}
		}
	})
}

// TestTheWayFromTheDepartment: a ticket is good once, for a minute, at its school, in its
// browser; what is open ends with either role, either account or the session at home.
func TestTheWayFromTheDepartment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newService(t, r)
		one, two := s.schools[0], s.schools[1]
		local := map[*member]custody.PersonID{}
		for _, m := range s.schools {
			var err error
			if local[m], err = m.AdmitReader(ctx, m.admin, r.School, s.officer.Person); err != nil {
				t.Fatal(err)
			}
		}
		home := s.signedIn(t, "ở sở", custody.OriginPassword)
		ticket, err := s.ticket(one, home, "a")
		if err != nil || len(ticket) != 64 {
			t.Fatalf("%q: %v", ticket, err)
		}
		enter := func(m *member, ticket, cookie string) error {
			_, err := m.Enter(ctx, m.ID, ticket, cookie, s.Clock.Now(), 2*time.Hour)
			return err
		}
		refused := func(what string, err error) {
			t.Helper()
			if reason(err) != custody.ReasonVisitEnded {
				t.Errorf("%s: %v", what, err)
			}
		}
		refused("another browser", enter(one, ticket, "b"))
		refused("no browser", enter(one, ticket, ""))
		refused("another school", enter(two, ticket, "a"))
		refused("made up", enter(one, "x", "a"))
		if err := enter(one, ticket, "a"); err != nil {
			t.Fatal(err)
		}
		refused("twice", enter(one, ticket, "a"))
		late, err := s.ticket(one, home, "a")
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(custody.DepartmentTicketLifetime)
		refused("late", enter(one, late, "a"))
		if _, err := s.VisitTicket(ctx, store.NewVisit{Actor: s.officer, Session: home.ID, School: r.School.ID, Browser: browser("a")}); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("to the department itself: %v", err)
		}
		if _, err := s.VisitTicket(ctx, store.NewVisit{Actor: s.officer, Session: home.ID, School: one.ID, Browser: "a"}); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("for no browser: %v", err)
		}

		// What was open ends with each of these, and what is on its way is worth nothing.
		end := func(what string, end func() error) {
			t.Helper()
			s.Clock.Advance(time.Minute)
			if err := s.open(t, one, home, "phiên"); err != nil {
				t.Fatalf("before %s: %v", what, err)
			}
			way, err := s.ticket(one, home, "a")
			if err != nil {
				t.Fatal(err)
			}
			if !s.goesOn(one, "phiên") {
				t.Fatalf("before %s: not signed in", what)
			}
			if err := end(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if s.goesOn(one, "phiên") {
				t.Errorf("after %s the session goes on", what)
			}
			refused("after "+what, enter(one, way, "a"))
		}
		end("the school's end of the role", func() error { return one.EndRole(ctx, one.admin, local[one], custody.RoleDepartment) })
		if err := s.open(t, one, home, "x"); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("opened after the end: %v", err)
		}
		if _, err := one.AdmitReader(ctx, one.admin, r.School, s.officer.Person); err != nil {
			t.Fatal(err)
		}
		end("the department's end of the role", func() error { return r.EndRole(ctx, r.System, s.officer.Person, custody.RoleDepartment) })
		if err := r.GiveRole(ctx, r.System, s.officer.Person, custody.RoleDepartment); err != nil {
			t.Fatal(err)
		}
		end("signing out at the department", func() error { return r.EndSessionOf(ctx, "ở sở") })
		home = s.signedIn(t, "ở sở", custody.OriginPassword)
		end("a new password", func() error { return r.SetPassword(ctx, s.officer, s.officer.Person, "y") })
		home = s.signedIn(t, "ở sở", custody.OriginPassword)
		end("two idle hours at the department", func() error { s.Clock.Advance(2*time.Hour + time.Second); return nil })
		home = s.signedIn(t, "ở sở 1", custody.OriginPassword)
		s.Clock.Advance(90 * time.Minute) // in which nothing is done at the department
		if err := s.open(t, one, home, "phiên"); err != nil || !s.goesOn(one, "phiên") {
			t.Fatalf("before the department's is idle: %v", err)
		}
		s.Clock.Advance(31 * time.Minute)
		if s.goesOn(one, "phiên") {
			t.Error("goes on while the session at the department is over for being idle")
		}
		home = s.signedIn(t, "ở sở 2", custody.OriginPassword)

		// The list at the department has it, and ends it; nobody else does.
		if err := s.open(t, one, home, "phiên"); err != nil {
			t.Fatal(err)
		}
		listed, err := r.AccountSessions(ctx, s.officer, s.officer.Person, "ở sở 2", s.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		var visit store.AccountSession
		for _, session := range listed {
			if session.Origin == custody.OriginDepartment && session.School == one.Name {
				visit = session
			}
		}
		if visit.ID == "" {
			t.Fatalf("not listed at the department: %+v", listed)
		}
		if err := r.EndSession(ctx, custody.Actor{School: r.School.ID, Person: "other"}, visit.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("somebody else ended it: %v", err)
		}
		if atSchool, err := one.AccountSessions(ctx, one.admin, local[one], "", s.Clock.Now()); err != nil || len(atSchool) == 0 || atSchool[0].Origin != custody.OriginDepartment || atSchool[0].School != "" {
			t.Errorf("at the school: %+v, %v", atSchool, err)
		}
		if err := r.EndSession(ctx, s.officer, visit.ID); err != nil || s.goesOn(one, "phiên") {
			t.Errorf("ended from the department: %v", err)
		}
		if err := s.open(t, one, home, "phiên"); err != nil {
			t.Fatal(err)
		}
		if n, err := r.EndOtherSessions(ctx, s.officer, "ở sở 2"); err != nil || n == 0 || s.goesOn(one, "phiên") {
			t.Errorf("all others ended from the department: %d, %v", n, err)
		}
		end("the account's end at the school", func() error {
			return one.End(ctx, one.admin, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: local[one], Until: custody.DateOf(s.Clock.Now()).AddDays(-1)}, Reason: "thôi"})
		})
		if _, err := one.AdmitReader(ctx, one.admin, r.School, s.officer.Person); reason(err) != custody.ReasonReaderLeft {
			t.Errorf("let in whose account has ended: %v", err)
		}
		one = two
		end("the account's end at the department", func() error {
			return r.End(ctx, r.System, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: s.officer.Person, Until: custody.DateOf(s.Clock.Now()).AddDays(-1)}, Reason: "thôi"})
		})
		for _, m := range s.schools {
			if _, err := m.VerifyLog(ctx, m.ID, m.vkey); err != nil {
				t.Errorf("%s: %v", m.Code, err)
			}
		}
		s.CheckLog()
	})
}

// TestTheSchoolAsksForTwoFactors: also of whom the department sends.
func TestTheSchoolAsksForTwoFactors(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newService(t, r)
		one := s.schools[0]
		if _, err := one.AdmitReader(ctx, one.admin, r.School, s.officer.Person); err != nil {
			t.Fatal(err)
		}
		before, err := s.ticket(one, s.signedIn(t, "0", custody.OriginPassword), "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := one.ChangeSettings(ctx, one.admin, map[custody.SettingName]string{custody.SettingSecondFactor: "required"}); err != nil {
			t.Fatal(err)
		}
		if _, err := one.Enter(ctx, one.ID, before, "a", s.Clock.Now(), time.Hour); reason(err) != custody.ReasonVisitFactor {
			t.Errorf("on its way when the school began to ask: %v", err)
		}
		for origin, want := range map[custody.SessionOrigin]bool{custody.OriginPassword: false, custody.OriginFactor: true, custody.OriginPasskey: true, custody.OriginToken: true} {
			err := s.open(t, one, s.signedIn(t, string(origin), origin), "v"+string(origin))
			if want && err != nil || !want && reason(err) != custody.ReasonVisitFactor {
				t.Errorf("%s: %v", origin, err)
			}
		}
	})
}
