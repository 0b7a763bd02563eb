package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// The authority revokes a certificate; within minutes the service refuses it, and
// the log tells since when it knows.
func TestARevokedCertificateIsRefused(t *testing.T) {
	s := sqlite(t, httpapi.Config{Revocation: httpapi.RevocationSoft, PrivateAuthority: true})
	s.give()
	if _, err := s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT")); err != nil {
		t.Fatal(err)
	}
	if err := authorities().Revoke(s.deputy.cert.SerialNumber, 1, time.Date(2026, 10, 7, 2, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(6 * time.Minute) // past what is remembered
	_, err := s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT"))
	mustRefuse(t, err, http.StatusForbidden, wire.RefusedCertificateRevoked)
	_, err = s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT"))
	mustRefuse(t, err, http.StatusForbidden, wire.RefusedCertificateRevoked)
	if n := s.CheckLog().ByType["revocation"]; n != 1 {
		t.Errorf("the log has %d revocations, want 1", n)
	}
	if _, err := s.principal.agent.Grant(ctx, s.principal.request(newDocument("TB"), wire.ActApprove, "")); err != nil {
		t.Errorf("another certificate of the same authority: %v", err)
	}
}

// An authority that can't be reached (here: because addresses of this machine are
// not contacted) stops nobody, unless the school wants it so.
func TestAnUnreachableAuthority(t *testing.T) {
	for mode, stops := range map[httpapi.RevocationMode]bool{httpapi.RevocationOff: false, httpapi.RevocationSoft: false, httpapi.RevocationHard: true} {
		t.Run(string(mode), func(t *testing.T) {
			s := newSchool(t, storetest.Open(t, "sqlite"), httpapi.Config{Revocation: mode})
			s.give()
			key := s.client(wire.ClientConfig{Attempts: 1})
			if _, err := key.SignIn(ctx, wire.SignIn{Username: s.principal.username, Password: password}); err != nil {
				t.Fatal(err)
			}
			_, err := key.Grant(ctx, s.principal.request(newDocument("TB"), wire.ActApprove, ""))
			if !stops {
				if err != nil {
					t.Error(err)
				}
				return
			}
			problem := mustRefuse(t, err, http.StatusServiceUnavailable, wire.CodeUnavailable)
			if problem.Params["reason"] != "revocation_unknown" {
				t.Errorf("problem %+v", problem)
			}
		})
	}
}
