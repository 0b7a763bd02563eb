package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// byAgent is the actor as their paired computer.
func byAgent(a custody.Actor) custody.Actor {
	a.Key, a.Via = "key", custody.ViaAgent
	return a
}

// wait has a browser wait for a token.
func (s *school) wait(cookie string) store.OpenedSignIn {
	s.TB.Helper()
	opened, err := s.OpenSignIn(ctx, s.principal.School, store.NewSignIn{Cookie: cookie, Site: "https://sokyso.example", Device: "chrome/windows", Address: "192.0.2.7"})
	if err != nil {
		s.TB.Fatal(err)
	}
	return opened
}

// signed has the principal's token sign for a browser, and returns the number.
func (s *school) signed(cookie string) string {
	s.TB.Helper()
	opened := s.wait(cookie)
	claimed, err := s.ClaimSignIn(ctx, byAgent(s.principal), opened.Code, "A1001", certificateHash(s.principalCert))
	if err != nil {
		s.TB.Fatal(err)
	}
	number, err := s.AnswerSignIn(ctx, byAgent(s.principal), claimed.ID, []byte("cms of "+cookie))
	if err != nil {
		s.TB.Fatal(err)
	}
	return number
}

// wrong is a number that is not that one.
func wrong(number string) string {
	if number == "000000" {
		return "000001"
	}
	return "000000"
}

// TestTokenSignsABrowserIn: the browser that waits, and no other, once, with the number.
func TestTokenSignsABrowserIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		own, school := certificateHash(s.principalCert), s.principal.School
		opened := s.wait("cookie")
		if len(opened.Code) != 8 || s.Clock.Now().Add(custody.SignInLifetime).Sub(opened.Expires).Abs() > time.Second {
			t.Errorf("%+v at %v", opened, s.Clock.Now())
		}
		state := func(cookie string, want store.SignInState) {
			t.Helper()
			if got, err := s.SignInState(ctx, school, cookie); err != nil || got != want {
				t.Errorf("browser %s: %q, want %q: %v", cookie, got, want, err)
			}
		}
		state("cookie", store.SignInWaits)
		state("other", store.SignInEnded)
		if _, err := s.FinishSignIn(ctx, school, "cookie", "123456"); reason(err) != custody.ReasonSignInUnsigned {
			t.Errorf("before it was signed: %v", err)
		}
		if _, err := s.ClaimSignIn(ctx, s.principal, opened.Code, "A1001", own); reason(err) != custody.ReasonAgentOnly {
			t.Errorf("by no agent: %v", err)
		}
		if _, err := s.ClaimSignIn(ctx, byAgent(s.principal), "AAAAAAAA", "A1001", own); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a guessed code: %v", err)
		}
		foreign := byAgent(s.principal)
		foreign.School = "another school"
		if _, err := s.ClaimSignIn(ctx, foreign, opened.Code, "A1001", own); err == nil {
			t.Error("claimed from another school")
		}
		claimed, err := s.ClaimSignIn(ctx, byAgent(s.principal), opened.Code[:4]+"-"+opened.Code[4:], "A1001", own)
		if err != nil {
			t.Fatal(err)
		}
		if claimed.Person != s.principal.Person || claimed.Device != "chrome/windows" || claimed.Address != "192.0.2.7" || len(claimed.Nonce) != 64 {
			t.Errorf("%+v", claimed)
		}
		again, err := s.ClaimSignIn(ctx, byAgent(s.principal), opened.Code, "A1001", own)
		if err != nil || again != claimed {
			t.Errorf("asked again: %+v, %v", again, err)
		}
		if _, err := s.ClaimSignIn(ctx, byAgent(s.deputy), opened.Code, "A1002", certificateHash(s.deputyCert)); reason(err) != custody.ReasonSignInTaken {
			t.Errorf("taken by somebody else: %v", err)
		}
		if _, _, err := s.SignIn(ctx, byAgent(s.deputy), claimed.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("somebody else's: %v", err)
		}
		if _, err := s.AnswerSignIn(ctx, byAgent(s.deputy), claimed.ID, []byte("cms")); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("answered by somebody else: %v", err)
		}
		read, der, err := s.SignIn(ctx, byAgent(s.principal), claimed.ID)
		if err != nil || read != claimed || certificateHash(der) != own {
			t.Errorf("%+v, %v", read, err)
		}
		number, err := s.AnswerSignIn(ctx, byAgent(s.principal), claimed.ID, []byte("cms"))
		if err != nil || len(number) != 6 {
			t.Fatalf("%q, %v", number, err)
		}
		state("cookie", store.SignInSigned)
		if same, err := s.AnswerSignIn(ctx, byAgent(s.principal), claimed.ID, []byte("cms")); err != nil || same != number {
			t.Errorf("sent again: %q, %v", same, err)
		}
		if _, err := s.AnswerSignIn(ctx, byAgent(s.principal), claimed.ID, []byte("another")); !errors.Is(err, custody.ErrConflict) {
			t.Errorf("another signature: %v", err)
		}
		if _, err := s.ClaimSignIn(ctx, byAgent(s.principal), opened.Code, "A1001", own); reason(err) != custody.ReasonSignInTaken {
			t.Errorf("claimed after it was signed: %v", err)
		}
		if _, err := s.FinishSignIn(ctx, school, "other", number); reason(err) != custody.ReasonSignInEnded {
			t.Errorf("another browser: %v", err)
		}
		if _, err := s.FinishSignIn(ctx, school, "cookie", wrong(number)); reason(err) != custody.ReasonSignInNumber {
			t.Errorf("another number: %v", err)
		}
		if person, err := s.FinishSignIn(ctx, school, "cookie", number); err != nil || person != s.principal.Person {
			t.Errorf("signed in as %q: %v", person, err)
		}
		if _, err := s.FinishSignIn(ctx, school, "cookie", number); reason(err) != custody.ReasonSignInEnded {
			t.Errorf("a second time: %v", err)
		}
		var kept int
		if err := s.DB().Get(&kept, `SELECT COUNT(*) FROM token_sign_ins`); err != nil || kept != 0 {
			t.Errorf("%d rows are kept: %v", kept, err)
		}
	})
}

// TestSignInNumberIsNotGuessed: three numbers for a signature, however they come.
func TestSignInNumberIsNotGuessed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		number := s.signed("cookie")
		answers := make(chan error, 8)
		for range cap(answers) {
			go func() {
				_, err := s.FinishSignIn(ctx, s.principal.School, "cookie", wrong(number))
				answers <- err
			}()
		}
		counted := map[string]int{}
		for range cap(answers) {
			counted[reason(<-answers)]++
		}
		if counted[custody.ReasonSignInNumber] != custody.SignInTries-1 || counted[custody.ReasonSignInEnded] != cap(answers)-custody.SignInTries+1 {
			t.Errorf("%v", counted)
		}
		if _, err := s.FinishSignIn(ctx, s.principal.School, "cookie", number); reason(err) != custody.ReasonSignInEnded {
			t.Errorf("the right one after that: %v", err)
		}
		if state, err := s.SignInState(ctx, s.principal.School, "cookie"); err != nil || state != store.SignInEnded {
			t.Errorf("%q, %v", state, err)
		}
	})
}

// TestWhoMayNotSignInByToken: what stops a grant stops a sign-in, at each of its steps.
func TestWhoMayNotSignInByToken(t *testing.T) {
	lose := func(s *school) error {
		_, err := s.ReportIncident(ctx, s.principal, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "mất"})
		return err
	}
	for name, test := range map[string]struct {
		happen func(s *school) error
		want   string // code of the refusal, or of the error
	}{
		"reported lost": {lose, custody.RefusedTokenReported},
		"given back": {func(s *school) error {
			_, err := s.OfferHandOver(ctx, s.principal, store.NewHandOver{Token: s.principalToken.ID, Condition: "nguyên vẹn"})
			return err
		}, custody.RefusedTokenReturned},
		"certificate revoked": {func(s *school) error {
			at := s.Clock.Now().Add(-time.Minute)
			return s.SetRevocation(ctx, s.System, certificateHash(s.principalCert), &at, "CRL")
		}, custody.RefusedCertificateRevoked},
		// As End writes it for a day that has passed; to wait for the day would end the sign-in first.
		"account ended": {func(s *school) error {
			_, err := s.DB().Exec(fmt.Sprintf(`INSERT INTO endings (id, school_id, kind, person_id, until_on, entry_index, ended_at) VALUES ('e1', '%s', 'account', '%s', '2020-01-01', 9999, 0)`, s.principal.School, s.principal.Person))
			return err
		}, custody.CodeAccountEnded},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, r *storetest.Register) {
				s := handedOut(r)
				refused := func(step string, err error) {
					t.Helper()
					var told *custody.Error
					if refusalCode(err) != test.want && !(errors.As(err, &told) && told.Code == test.want) {
						t.Errorf("%s: %v, want %s", step, err, test.want)
					}
				}
				number := s.signed("signed")
				claimed, err := s.ClaimSignIn(ctx, byAgent(s.principal), s.wait("claimed").Code, "A1001", certificateHash(s.principalCert))
				if err != nil {
					t.Fatal(err)
				}
				waiting := s.wait("waiting")
				if err := test.happen(s); err != nil {
					t.Fatal(err)
				}
				_, err = s.ClaimSignIn(ctx, byAgent(s.principal), waiting.Code, "A1001", certificateHash(s.principalCert))
				refused("asked for after that", err)
				_, err = s.AnswerSignIn(ctx, byAgent(s.principal), claimed.ID, []byte("cms"))
				refused("signed after that", err)
				_, err = s.FinishSignIn(ctx, s.principal.School, "signed", number)
				refused("typed after that", err)
			})
		})
	}
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		for name, test := range map[string]struct {
			actor               custody.Actor
			serial, certificate string
		}{
			"the seal":              {s.officeHead, "B2001", certificateHash(s.sealCert)},
			"somebody else's token": {s.deputy, "A1001", certificateHash(s.principalCert)},
			"another certificate":   {s.principal, "A1001", certificateHash(s.deputyCert)},
			"no such token":         {s.principal, "A9999", certificateHash(s.principalCert)},
		} {
			if _, err := s.ClaimSignIn(ctx, byAgent(test.actor), s.wait(name).Code, test.serial, test.certificate); !errors.Is(err, custody.ErrForbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.Clock.Advance(10 * 365 * 24 * time.Hour)
		if _, err := s.ClaimSignIn(ctx, byAgent(s.principal), s.wait("years later").Code, "A1001", certificateHash(s.principalCert)); refusalCode(err) != custody.RefusedCertificateExpired {
			t.Errorf("with an expired certificate: %v", err)
		}
	})
}

// TestSignInsEndByThemselves: after five minutes nothing is taken, and nothing is kept; a
// browser waits for one at a time.
func TestSignInsEndByThemselves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		own := certificateHash(s.principalCert)
		number, waiting := s.signed("signed"), s.wait("waiting")
		claimed, err := s.ClaimSignIn(ctx, byAgent(s.principal), s.wait("claimed").Code, "A1001", own)
		if err != nil {
			t.Fatal(err)
		}
		rows := func(want int) {
			t.Helper()
			var kept int
			if err := s.DB().Get(&kept, `SELECT COUNT(*) FROM token_sign_ins`); err != nil || kept != want {
				t.Errorf("%d rows, want %d: %v", kept, want, err)
			}
		}
		rows(3)
		for range 20 {
			s.wait("again")
		}
		rows(4)
		s.Clock.Advance(custody.SignInLifetime)
		if _, err := s.FinishSignIn(ctx, s.principal.School, "signed", number); reason(err) != custody.ReasonSignInEnded {
			t.Errorf("typed too late: %v", err)
		}
		if _, err := s.ClaimSignIn(ctx, byAgent(s.principal), waiting.Code, "A1001", own); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("asked for too late: %v", err)
		}
		if _, err := s.AnswerSignIn(ctx, byAgent(s.principal), claimed.ID, []byte("cms")); reason(err) != custody.ReasonSignInEnded {
			t.Errorf("signed too late: %v", err)
		}
		s.wait("new")
		rows(1)
	})
}
