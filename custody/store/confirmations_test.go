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

// challenge asks for one by which the actor confirms a side of a hand-over.
func (s *school) challenge(actor custody.Actor, h store.HandOverRow, side custody.HandOverSide, serial string, cert []byte) (custody.Challenge, error) {
	return s.CreateHandOverChallenge(ctx, actor, h.ID, side, serial, certificateHash(cert), certificateHash(h.OfferLeaf[:]))
}

// confirm confirms a side as if it had signed: the store takes the caller's word
// that the CMS verifies.
func (s *school) confirm(actor custody.Actor, h store.HandOverRow, side custody.HandOverSide, serial string, cert []byte) {
	s.TB.Helper()
	c, err := s.challenge(actor, h, side, serial, cert)
	if err != nil {
		s.TB.Fatal(err)
	}
	changed := true
	if _, err := s.RecordConfirmation(ctx, actor, c, []byte("challenge "+c.ID), []byte("cms "+c.ID), store.Acceptance{PINChanged: &changed}); err != nil {
		s.TB.Fatal(err)
	}
}

// Both sides confirm with their own tokens; the receiver's signature is the
// acceptance, in the same transaction.
func TestBothSidesConfirmBySignature(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		clerk := r.AddPerson("Hoàng Thị Nga", custody.Staff)
		token, cert := s.AddToken("A1004", clerk.Person)
		// The receiver signs with the very token that is handed to them.
		offer, err := s.OfferHandOver(ctx, s.principal, store.NewHandOver{Token: token.ID, To: clerk.Person})
		if err != nil {
			t.Fatal(err)
		}
		if offer.ReasonKind != custody.NewCustody || offer.TokenSerial != "A1004" {
			t.Errorf("offered as %+v", offer)
		}
		s.confirm(s.principal, offer, custody.Giving, "A1001", s.principalCert)
		c, err := s.challenge(clerk, offer, custody.Receiving, "A1004", cert)
		if err != nil {
			t.Fatal(err)
		}
		changed := false
		receipt, err := s.RecordConfirmation(ctx, clerk, c, []byte("text"), []byte("cms"), store.Acceptance{PINChanged: &changed})
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.RecordConfirmation(ctx, clerk, c, []byte("text"), []byte("cms"), store.Acceptance{})
		if err != nil || again.Index != receipt.Index {
			t.Errorf("sent again: %d, %v", again.Index, err)
		}
		if _, err := s.RecordConfirmation(ctx, clerk, c, []byte("text"), []byte("another"), store.Acceptance{}); code(err) != custody.CodeSignatureConflict {
			t.Errorf("another signature: %v", err)
		}
		row, err := s.HandOver(ctx, clerk, offer.ID)
		if err != nil || row.State != custody.Accepted || row.Giving == nil || row.Receiving == nil || row.Receiving.Entry != receipt.Index ||
			row.PINChanged == nil || *row.PINChanged || row.DecidedBy != clerk.Person || row.Entry != receipt.Index+1 {
			t.Errorf("the hand-over is %+v, %v", row, err)
		}
		entry, _, err := signinglog.CheckReceipt(receipt, s.verifier())
		if err != nil || entry.Type != signinglog.TypeConfirmation || entry.Fields["side"] != "receiving" || entry.Fields["cms_sha256"] != certificateHash([]byte("cms")) ||
			entry.Fields["certificate"] != certificateHash(cert) || entry.Fields["minutes_sha256"] != certificateHash(offer.OfferLeaf[:]) {
			t.Errorf("entry %+v, %v", entry, err)
		}
		// A return is signed with the token that comes back.
		back, err := s.OfferHandOver(ctx, clerk, store.NewHandOver{Token: token.ID, Condition: "tốt"})
		if err != nil {
			t.Fatal(err)
		}
		s.confirm(clerk, back, custody.Giving, "A1004", cert)
		s.confirm(s.principal, back, custody.Receiving, "A1001", s.principalCert)
		if row, err := s.Token(ctx, s.admin, token.ID); err != nil || row.State != custody.InSafe {
			t.Errorf("after the return %+v, %v", row, err)
		}
		s.CheckLog()
	})
}

// Who may not confirm, and with what not, gets no challenge; and what has changed
// since the challenge was made is looked at again.
func TestWhoMayNotConfirm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		seal, err := s.OfferHandOver(ctx, s.officeHead, store.NewHandOver{Token: s.sealToken.ID, To: s.deputy.Person, PermissionNumber: "9/QĐ-MNHS", PermissionDate: s.day(0), PermissionSigner: "Hiệu trưởng"})
		if err != nil {
			t.Fatal(err)
		}
		try := func(actor custody.Actor, side custody.HandOverSide, serial string, cert []byte) error {
			_, err := s.challenge(actor, seal, side, serial, cert)
			return err
		}
		if err := try(s.officeHead, custody.Giving, "B2001", s.sealCert); reason(err) != custody.ReasonOwnToken {
			t.Errorf("by the seal: %v", err)
		}
		if err := try(s.deputy, custody.Receiving, "A1001", s.principalCert); reason(err) != custody.ReasonOwnToken {
			t.Errorf("by another's token: %v", err)
		}
		if err := try(s.deputy, custody.Receiving, "A1002", s.principalCert); refusalCode(err) != custody.RefusedCertificateUnknown {
			t.Errorf("by another's certificate: %v", err)
		}
		if err := try(s.deputy, custody.Giving, "A1002", s.deputyCert); reason(err) != custody.ReasonNotGiver {
			t.Errorf("the receiver for the giver: %v", err)
		}
		if err := try(s.principal, custody.Receiving, "A1001", s.principalCert); reason(err) != custody.ReasonNotReceiver {
			t.Errorf("the principal for the receiver: %v", err)
		}
		stranger := r.AddPerson("Bùi Văn Sơn", custody.Staff)
		if err := try(stranger, custody.Receiving, "A1002", s.deputyCert); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a stranger: %v", err)
		}
		c, err := s.challenge(s.deputy, seal, custody.Receiving, "A1002", s.deputyCert)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.RecordPossession(ctx, s.deputy, c, []byte("text"), []byte("cms")); code(err) != custody.CodeInvalid {
			t.Errorf("as a custody check: %v", err)
		}
		answer := func() error {
			_, err := s.RecordConfirmation(ctx, s.deputy, c, []byte("text"), []byte("cms"), store.Acceptance{})
			return err
		}
		if err := s.LockPIN(ctx, s.deputy, s.deputyToken.ID, ""); err != nil {
			t.Fatal(err)
		}
		if err := answer(); refusalCode(err) != custody.RefusedPINLocked {
			t.Errorf("with a locked PIN: %v", err)
		}
		if err := s.AskRecovery(ctx, s.admin, s.deputyToken.ID, "06/MNHS", s.day(0)); err != nil {
			t.Fatal(err)
		}
		if err := s.RecoverPIN(ctx, s.deputy, s.deputyToken.ID, ""); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(custody.ChallengeLifetime + time.Second)
		if err := answer(); code(err) != custody.CodeChallengeExpired {
			t.Errorf("too late: %v", err)
		}
		if c, err = s.challenge(s.deputy, seal, custody.Receiving, "A1002", s.deputyCert); err != nil {
			t.Fatal(err)
		}
		if _, err := s.WithdrawHandOver(ctx, s.officeHead, seal.ID); err != nil {
			t.Fatal(err)
		}
		if err := answer(); reason(err) != custody.ReasonHandOverDecided {
			t.Errorf("after it was withdrawn: %v", err)
		}
		if n := s.CheckLog().ByType["confirmation"]; n != 0 {
			t.Errorf("the log has %d confirmations", n)
		}
	})
}
