package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

func certificateHash(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// TestPossession: only who holds the token proves it, once for a challenge, in
// time; a proof sent again has the same entry.
func TestPossession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		own := certificateHash(s.principalCert)
		ask := func(actor custody.Actor, serial, certificate string) (custody.Challenge, string) {
			t.Helper()
			c, err := s.CreateChallenge(ctx, actor, serial, certificate, custody.CustodyCheck)
			if err == nil {
				return c, ""
			}
			return c, refusalCode(err)
		}
		for name, test := range map[string]struct {
			actor               custody.Actor
			serial, certificate string
			want                string
		}{
			"somebody else's token":       {s.deputy, "A1001", own, custody.RefusedNotCustodian},
			"an admin, who holds nothing": {s.admin, "A1001", own, custody.RefusedNotCustodian},
			"another certificate":         {s.principal, "A1001", certificateHash(s.deputyCert), custody.RefusedCertificateUnknown},
			"no such token":               {s.principal, "A9999", own, custody.RefusedTokenUnknown},
		} {
			if _, code := ask(test.actor, test.serial, test.certificate); code != test.want {
				t.Errorf("%s: %q, want %q", name, code, test.want)
			}
		}
		if _, err := s.CreateChallenge(ctx, s.principal, "A1001", own, "hand_over"); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("another purpose: %v", err)
		}

		c, code := ask(s.principal, "A1001", own)
		if code != "" || len(c.Nonce) != 64 || c.ExpiresAt.Sub(c.IssuedAt) != custody.ChallengeLifetime {
			t.Fatalf("%q, %+v", code, c)
		}
		read, der, err := s.Challenge(ctx, s.principal, c.ID)
		if err != nil || read != c || certificateHash(der) != own {
			t.Errorf("%+v, %v", read, err)
		}
		if _, _, err := s.Challenge(ctx, s.deputy, c.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("somebody else's challenge: %v", err)
		}
		first, err := s.RecordPossession(ctx, s.principal, c, []byte("text"), []byte("cms"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.RecordPossession(ctx, s.principal, c, []byte("text"), []byte("cms"))
		if err != nil || again.Index != first.Index {
			t.Errorf("sent again: entry %d and %d, %v", first.Index, again.Index, err)
		}
		if _, err := s.RecordPossession(ctx, s.principal, c, []byte("text"), []byte("other")); !errors.Is(err, custody.ErrConflict) {
			t.Errorf("another proof for the same challenge: %v", err)
		}
		tokens, err := s.TokensOf(ctx, s.principal)
		if err != nil || len(tokens) != 1 || tokens[0].ProofEntry == nil || *tokens[0].ProofEntry != first.Index || tokens[0].ProvenAt == nil {
			t.Errorf("%+v, %v", tokens, err)
		}

		late, _ := ask(s.principal, "A1001", own)
		s.Clock.Advance(custody.ChallengeLifetime + time.Second)
		if _, err := s.RecordPossession(ctx, s.principal, late, []byte("text"), []byte("cms 2")); !errors.Is(err, custody.ErrConflict) {
			t.Errorf("after its time: %v", err)
		}
		open, _ := ask(s.principal, "A1001", own)
		if _, _, err := s.Challenge(ctx, s.principal, late.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("an expired challenge is kept: %v", err)
		}
		if _, err := s.ReportIncident(ctx, s.principal, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "mất"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.RecordPossession(ctx, s.principal, open, []byte("text"), []byte("cms 3")); refusalCode(err) != custody.RefusedTokenReported {
			t.Errorf("of a token that was reported meanwhile: %v", err)
		}
		if n := s.CheckLog().ByType["possession"]; n != 1 {
			t.Errorf("the log has %d proofs", n)
		}
	})
}
