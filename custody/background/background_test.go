package background_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/background"
	"sokyso/custody/notices"
	"sokyso/custody/notices/noticestest"
	"sokyso/custody/revocation"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/signer/authority"
)

var ctx = context.Background()

// school is a register with people who have mail addresses, a mail server and a webhook.
type school struct {
	*storetest.Register
	mail *noticestest.MailServer
	hook *noticestest.Hook
	out  background.Outlets

	admin, principal, deputy custody.Actor
}

func newSchool(r *storetest.Register) *school {
	r.TB.Helper()
	s := &school{Register: r, mail: noticestest.StartMail(r.TB, "starttls", false), hook: noticestest.StartHook(r.TB)}
	s.admin, s.principal, s.deputy = s.person("Phạm Thu Hằng", "hang@mnhs.example", ""), s.person("Nguyễn Văn Nghĩa", "nghia@mnhs.example", custody.Principal), s.person("Trần Thị Hòa", "hoa@mnhs.example", custody.Deputy)
	words, err := notices.LoadWords()
	if err != nil {
		r.TB.Fatal(err)
	}
	mail, err := notices.NewMail(notices.MailConfig{Server: s.mail.Address, Encryption: notices.StartTLS, From: "so-ky-so@mnhs.example", School: r.School.Name, Language: "vi", Roots: s.mail.Roots, Timeout: 2 * time.Second}, words)
	if err != nil {
		r.TB.Fatal(err)
	}
	hook, err := notices.NewWebhook(notices.WebhookConfig{URL: s.hook.URL, Secret: []byte("0123456789abcdef"), School: "MNHS", Language: "vi", Roots: s.hook.Roots, Timeout: 2 * time.Second}, words)
	if err != nil {
		r.TB.Fatal(err)
	}
	s.out = background.Outlets{store.ChannelMail: mail, store.ChannelWebhook: hook}
	return s
}

func (s *school) person(name, email string, kind custody.PositionKind) custody.Actor {
	s.TB.Helper()
	p, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: name, Email: email, Admin: kind == ""})
	if err == nil && kind != "" {
		err = s.AddPosition(ctx, s.System, p.ID, custody.Position{Kind: kind, Title: string(kind), From: "2026-01-01"})
	}
	if err != nil {
		s.TB.Fatal(err)
	}
	return s.Actor(p.ID)
}

func (s *school) runner(name string) *background.Runner {
	return background.New(background.Config{Store: s.Store, School: s.School.ID, Holder: name, Now: s.Clock.Now})
}

// work runs jobs until none has anything to do.
func (s *school) work(jobs func(*background.Runner) []background.Job) {
	s.TB.Helper()
	r := s.runner("only")
	for _, job := range jobs(r) {
		if err := r.Once(ctx, job); err != nil {
			s.TB.Log(job.Name, err)
		}
	}
}

func (s *school) telling(r *background.Runner) []background.Job {
	return []background.Job{r.Deriving(s.out), r.Delivering(s.out)}
}

// subjects counts the mails by recipient and first words of the body's kind.
func (s *school) letters() map[string]int {
	got := map[string]int{}
	for _, l := range s.mail.Letters() {
		got[l.To+" "+l.Message.Header.Get("Message-ID")]++
	}
	return got
}

func (s *school) report(token custody.TokenID) {
	s.TB.Helper()
	if _, err := s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: token, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "rơi trên xe buýt"}); err != nil {
		s.TB.Fatal(err)
	}
}

// From the report of a loss to the mails of principal and admin and the call of the
// webhook.
func TestALossIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		token, _ := s.AddToken("A1002", s.deputy.Person)
		s.Give(token.ID, s.deputy)
		s.work(s.telling)
		before, calls := len(s.mail.Letters()), len(s.hook.Calls())
		s.report(token.ID)
		s.work(s.telling)
		letters := s.mail.Letters()[before:]
		if len(letters) != 2 || letters[0].To == letters[1].To || letters[0].To == "hoa@mnhs.example" || letters[1].To == "hoa@mnhs.example" {
			t.Errorf("%d mails: %+v", len(letters), letters)
		}
		if got := s.hook.Calls(); len(got) != calls+1 {
			t.Fatalf("%d calls of the webhook, want one more than %d", len(got), calls)
		}
		var event notices.Event
		if err := json.Unmarshal(s.hook.Calls()[calls].Body, &event); err != nil || event.Kind != "incident" || !strings.Contains(event.Text, "Trần Thị Hòa báo USB “USB ký số A1002”: mất") {
			t.Errorf("event %+v: %v", event, err)
		}
		s.work(s.telling)
		if len(s.mail.Letters()) != before+2 || len(s.hook.Calls()) != calls+1 {
			t.Error("something was sent again")
		}
		jobs, err := s.Jobs(ctx, s.admin)
		if err != nil || len(jobs) != 2 || jobs[0].Outcome != store.OutcomeOK {
			t.Errorf("jobs %+v: %v", jobs, err)
		}
		s.CheckLog()
	})
}

// dying is a way out whose service dies at a chosen moment of a message.
type dying struct {
	background.Sender
	die   func() // ends the service's context
	after bool   // once the message was taken, else before
	left  int    // messages until then
}

func (d *dying) Send(ctx context.Context, m notices.Message) error {
	if d.left--; d.left == 0 && !d.after {
		d.die()
		return ctx.Err()
	}
	err := d.Sender.Send(ctx, m)
	if d.left == 0 {
		d.die()
	}
	return err
}

// A service told to stop in the middle of sending loses nothing and doubles nothing:
// the next one goes on with the message that was not sent.
func TestStoppedWhileSending(t *testing.T) {
	for _, after := range []bool{false, true} {
		for left := 1; left <= 4; left++ {
			t.Run(fmt.Sprintf("after=%v message=%d", after, left), func(t *testing.T) {
				s := newSchool(storetest.Open(t, "sqlite"))
				token, _ := s.AddToken("A1002", s.deputy.Person)
				s.Give(token.ID, s.deputy)
				s.report(token.ID)
				stopping, stop := context.WithCancel(ctx)
				defer stop()
				out := background.Outlets{store.ChannelMail: &dying{Sender: s.out[store.ChannelMail], die: stop, after: after, left: left}}
				first := s.runner("first")
				if err := first.Once(stopping, first.Deriving(out)); err != nil {
					t.Fatal(err)
				}
				err := first.Once(stopping, first.Delivering(out))
				if err == nil || stopping.Err() == nil {
					t.Fatalf("not stopped: %v", err)
				}
				second := s.runner("second")
				if err := second.Once(ctx, second.Delivering(s.out)); err != nil {
					t.Fatal(err)
				}
				letters := s.letters()
				var want int
				if err := s.DB().Get(&want, `SELECT COUNT(*) FROM deliveries WHERE sent_at IS NOT NULL`); err != nil {
					t.Fatal(err)
				}
				if len(letters) != want || want < 12 {
					t.Errorf("%d different mails, %d are marked sent", len(letters), want)
				}
				if left, err := s.WaitingDeliveries(ctx, s.admin); err != nil || left != 0 {
					t.Errorf("%d are left: %v", left, err)
				}
				for letter, n := range letters {
					if n != 1 {
						t.Errorf("%s was sent %d times", letter, n)
					}
				}
			})
		}
	}
}

// A service that is killed between sending and marking repeats the message, with the
// same Message-ID, once its lease has run out; all others go out once.
func TestKilledBetweenSendingAndMarking(t *testing.T) {
	s := newSchool(storetest.Open(t, "sqlite"))
	token, _ := s.AddToken("A1002", s.deputy.Person)
	s.Give(token.ID, s.deputy)
	r := s.runner("killed")
	if err := r.Once(ctx, r.Deriving(s.out)); err != nil {
		t.Fatal(err)
	}
	claimed, err := s.ClaimDeliveries(ctx, s.School.ID, "killed", []store.Channel{store.ChannelMail}, 1, 5*time.Minute)
	if err != nil || len(claimed) != 1 {
		t.Fatal(len(claimed), err)
	}
	d := claimed[0]
	if err := s.out[store.ChannelMail].Send(ctx, notices.Message{ID: d.ID, Name: d.Name, To: d.Email, Story: background.StoryOf(d.Notice)}); err != nil {
		t.Fatal(err)
	}
	s.work(s.telling)
	if n := s.letters()[d.Email+" <"+d.ID+"@mnhs.example>"]; n != 1 {
		t.Errorf("sent %d times while the lease runs", n)
	}
	s.Clock.Advance(6 * time.Minute)
	s.work(s.telling)
	for letter, n := range s.letters() {
		if want := 1 + strings.Count(letter, d.ID); n != want {
			t.Errorf("%s was sent %d times, want %d", letter, n, want)
		}
	}
}

// A mail server that is down delays mails and gives none up before its time; one that
// refuses somebody for good is told to the admin.
func TestAMailServerInTrouble(t *testing.T) {
	s := newSchool(storetest.Open(t, "sqlite"))
	s.work(s.telling)
	token, _ := s.AddToken("A1002", s.deputy.Person)
	before := len(s.mail.Letters())
	s.mail.Refuse(func(to string) error {
		if strings.HasPrefix(to, "nghia") {
			return noticestest.Status(550)
		}
		return noticestest.Status(451)
	})
	s.work(s.telling)
	given, err := s.GivenUp(ctx, s.admin)
	if err != nil || len(given) != 1 || given[0].Name != "Nguyễn Văn Nghĩa" || given[0].LastError != notices.CodeMailAddress {
		t.Fatalf("given up %+v: %v", given, err)
	}
	for range notices.MaxAttempts - 2 {
		s.Clock.Advance(8 * time.Hour)
		s.work(s.telling)
	}
	if given, _ = s.GivenUp(ctx, s.admin); len(given) != 1 {
		t.Errorf("%d given up before their time", len(given))
	}
	for range 2 {
		s.Clock.Advance(8 * time.Hour)
		s.work(s.telling)
	}
	if given, _ = s.GivenUp(ctx, s.admin); len(given) != 3 {
		t.Errorf("%d given up, want all 3 of %s", len(given), token.Serial)
	}
	rows, err := s.Notices(ctx, s.admin, "")
	if err != nil || rows[0].Kind != custody.NoticeDeliveryGivenUp {
		t.Errorf("the admin is told %+v: %v", rows[0], err)
	}
	if len(s.mail.Letters()) != before {
		t.Error("something was taken")
	}
	s.mail.Refuse(nil)
	for _, d := range given {
		if err := s.RetryDelivery(ctx, s.admin, d.ID); err != nil {
			t.Error(err)
		}
	}
	s.work(s.telling)
	if n := len(s.mail.Letters()) - before; n != 3 {
		t.Errorf("%d mails after the retry", n)
	}
}

// Three services on one register: every job is done, everything is sent once, and the
// work goes on when one of them dies with the lease.
func TestServicesShareTheWork(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		var mu sync.Mutex
		running, most, runs := 0, 0, 0
		job := background.Job{Name: "test", Run: func(ctx context.Context) (int, error) {
			mu.Lock()
			running++
			runs++
			most = max(most, running)
			mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			mu.Lock()
			running--
			mu.Unlock()
			return 1, nil
		}}
		var group sync.WaitGroup
		for i := range 3 {
			group.Go(func() {
				r := s.runner(fmt.Sprint("service-", i))
				for range 15 {
					if err := r.Once(ctx, job); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if most != 1 || runs < 5 {
			t.Errorf("%d at a time, %d runs", most, runs)
		}
		if got, err := s.ClaimJob(ctx, s.School.ID, "test", "dead", time.Minute); err != nil || !got {
			t.Fatal(got, err)
		}
		alive := s.runner("alive")
		done := runs
		if err := alive.Once(ctx, job); err != nil || runs != done {
			t.Errorf("ran while another had the lease: %v", err)
		}
		s.Clock.Advance(61 * time.Second)
		if err := alive.Once(ctx, job); err != nil || runs != done+1 {
			t.Errorf("not taken over: %v", err)
		}
	})
}

// certified is a school whose token has a certificate of a real authority.
func certified(t *testing.T, r *storetest.Register) (*school, *authority.Authority, custody.Token, *x509.Certificate) {
	t.Helper()
	s := newSchool(r)
	a, err := authority.New(authority.Config{Name: "Thử nghiệm", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Issue(key.Public(), authority.Subject{CommonName: "Trần Thị Hòa", Profile: authority.Person})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.RegisterToken(ctx, s.System, store.NewToken{Serial: "A1002", Label: "USB của cô Hòa", Model: "SoftHSM v2", Kind: custody.Personal, Certificate: cert.Raw, Owner: s.deputy.Person})
	if err != nil {
		t.Fatal(err)
	}
	s.Give(token.ID, s.deputy)
	return s, a, token, cert
}

func (s *school) monitoring(r *background.Runner) []background.Job {
	checker := revocation.New(revocation.Config{AllowPrivate: true, Now: s.Clock.Now})
	return append([]background.Job{r.Monitoring(checker, 6*time.Hour, s.out)}, s.telling(r)...)
}

// The authority revokes a certificate that nobody here asked it to: the register knows,
// an incident is open, everybody concerned is told, and all of that once.
func TestARevocationThatNobodyAskedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s, a, token, cert := certified(t, r)
		s.work(s.monitoring)
		checks, err := s.RevocationChecks(ctx, s.admin)
		if err != nil || len(checks) != 1 || checks[0].Status != "good" || checks[0].Source != a.OCSPURL() {
			t.Fatalf("checks %+v: %v", checks, err)
		}
		asked := a.Asked(authority.ServiceOCSP)
		s.Clock.Advance(time.Hour)
		s.work(s.monitoring)
		if n := a.Asked(authority.ServiceOCSP); n != asked {
			t.Error("asked again before its time")
		}
		if err := a.Revoke(cert.SerialNumber, 4, s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			s.Clock.Advance(7 * time.Hour)
			s.work(s.monitoring)
		}
		incidents, err := s.Incidents(ctx, s.admin)
		if err != nil || len(incidents) != 1 || incidents[0].Kind != custody.Suspected || incidents[0].Token != token.ID || incidents[0].Reporter != "" {
			t.Fatalf("incidents %+v: %v", incidents, err)
		}
		told := map[custody.NoticeKind]int{}
		rows, err := s.Notices(ctx, s.deputy, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			told[row.Kind]++
		}
		if told[custody.NoticeRevoked] != 1 || told[custody.NoticeIncident] != 1 {
			t.Errorf("the custodian is told %v", told)
		}
		if report := s.CheckLog(); report.ByType["revocation"] != 1 || report.ByType["incident"] != 1 {
			t.Errorf("log %v", report.ByType)
		}
	})
}

// Reported here first: the revocation is what was asked for, and raises nothing.
func TestARevocationThatWasAskedFor(t *testing.T) {
	s, a, token, cert := certified(t, storetest.Open(t, "sqlite"))
	s.report(token.ID)
	if err := a.Revoke(cert.SerialNumber, 1, s.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(7 * time.Hour)
	s.work(s.monitoring)
	if report := s.CheckLog(); report.ByType["revocation"] != 1 || report.ByType["incident"] != 1 {
		t.Errorf("log %v", report.ByType)
	}
}

// An authority that is down is asked less and less often, and told to the admins after
// a day, once; nothing is blocked.
func TestAnAuthorityThatIsDown(t *testing.T) {
	s, a, _, _ := certified(t, storetest.Open(t, "sqlite"))
	a.Misbehave(authority.ServiceOCSP, authority.Down, -1)
	a.Misbehave(authority.ServiceCRL, authority.Down, -1)
	down := func() (n int) {
		t.Helper()
		rows, err := s.Notices(ctx, s.admin, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row.Kind == custody.NoticeAuthorityDown {
				n++
			}
		}
		return n
	}
	for range 23 * 6 {
		s.work(s.monitoring)
		s.Clock.Advance(10 * time.Minute)
	}
	if n := a.Asked(authority.ServiceOCSP); n < 5 || n > 20 {
		t.Errorf("asked %d times in a day", n)
	}
	if down() != 0 {
		t.Error("told on the first day")
	}
	for range 48 * 6 {
		s.work(s.monitoring)
		s.Clock.Advance(10 * time.Minute)
	}
	if n := down(); n != 1 {
		t.Errorf("told %d times", n)
	}
	a.Misbehave(authority.ServiceOCSP, authority.Down, 0)
	s.Clock.Advance(8 * time.Hour)
	s.work(s.monitoring)
	checks, err := s.RevocationChecks(ctx, s.admin)
	if err != nil || checks[0].Status != "good" || checks[0].UnknownSince != nil || checks[0].Failures != 0 {
		t.Errorf("checks %+v: %v", checks, err)
	}
}

// A certificate that comes to its end is told at each step, once, also when the pass
// runs every hour; a step that was missed is not told late.
func TestRemindersOfCertificates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		token, der := s.AddToken("A1002", s.deputy.Person)
		s.Give(token.ID, s.deputy)
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		reminding := func(r *background.Runner) []background.Job {
			return []background.Job{r.Reminding(s.out), r.Delivering(s.out)}
		}
		var got []string
		for _, left := range []int{100, 91, 90, 89, 61, 60, 29, 8, 7, 6, 0, -1, -2} {
			s.Clock.Advance(cert.NotAfter.AddDate(0, 0, -left).Add(-time.Minute).Sub(s.Clock.Now()))
			for range 3 {
				s.work(reminding)
				s.Clock.Advance(10 * time.Second)
			}
			rows, err := s.Notices(ctx, s.deputy, "")
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, row := range rows {
				if row.Kind == custody.NoticeCertificateExpires || row.Kind == custody.NoticeCertificateExpired {
					n++
				}
			}
			got = append(got, fmt.Sprint(left, ":", n))
		}
		if want := "100:0 91:0 90:1 89:1 61:1 60:2 29:3 8:3 7:4 6:4 0:4 -1:5 -2:5"; strings.Join(got, " ") != want {
			t.Errorf("days left and reminders so far\n got %s\nwant %s", strings.Join(got, " "), want)
		}
	})
}

// An offer that nobody answers is told after the school's number of days, and again.
func TestRemindersOfOffers(t *testing.T) {
	s := newSchool(storetest.Open(t, "sqlite"))
	token, _ := s.AddToken("A1002", s.deputy.Person)
	offer, err := s.OfferHandOver(ctx, s.admin, store.NewHandOver{Token: token.ID, To: s.deputy.Person, Reason: "giao mới", Condition: "nguyên vẹn"})
	if err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		t.Helper()
		if _, err := s.Remind(ctx, s.School.ID, nil); err != nil {
			t.Fatal(err)
		}
		rows, err := s.Notices(ctx, s.deputy, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row.Kind == custody.NoticeOfferWaits {
				n++
			}
		}
		return n
	}
	for day, want := range []int{0, 0, 0, 1, 1, 1, 2} {
		if n := count(); n != want {
			t.Errorf("day %d: %d reminders, want %d", day, n, want)
		}
		s.Clock.Advance(24 * time.Hour)
	}
	if _, err := s.AcceptHandOver(ctx, s.deputy, offer.ID); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(30 * 24 * time.Hour)
	if n := count(); n != 2 {
		t.Errorf("%d reminders of an offer that was accepted", n)
	}
}

// A loss that is not reported to the authority in the school's hours is chased each
// day, until it is done.
func TestADeadlineIsChased(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		token, _ := s.AddToken("A1002", s.deputy.Person)
		s.Give(token.ID, s.deputy)
		s.report(token.ID)
		chased := func() (n int) {
			t.Helper()
			for range 2 {
				if _, err := s.Remind(ctx, s.School.ID, nil); err != nil {
					t.Fatal(err)
				}
			}
			rows, err := s.Notices(ctx, s.admin, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if row.Kind == custody.NoticeDeadlineMissed {
					n++
				}
			}
			return n
		}
		for day, want := range []int{0, 1, 2, 3} {
			if n := chased(); n != want {
				t.Errorf("day %d: told %d times, want %d", day, n, want)
			}
			s.Clock.Advance(24*time.Hour + time.Minute)
		}
	})
}
