package httpapi_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/httpapi/wire"
	"sokyso/signer/cms"
)

func (m *member) challenge(t testing.TB) wire.Challenge {
	t.Helper()
	c, err := m.agent.CreateChallenge(ctx, wire.NewChallenge{TokenSerial: m.token.Serial, CertificateSHA256: hashOf(m.cert.Raw), Purpose: wire.ProofCustodyCheck})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// prove signs a challenge's text with the member's key.
func (m *member) prove(t testing.TB, c wire.Challenge) wire.Possession {
	t.Helper()
	text, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	der, err := cms.SignPossession(rand.Reader, m.key, text, m.cert, "")
	if err != nil {
		t.Fatal(err)
	}
	return wire.Possession{CMS: der}
}

func hashOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// A custody check is a proof: by the custodian, with the registered key, for this
// challenge, in time; and it is nothing else.
func TestPossessionIsProven(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		c := s.principal.challenge(t)
		if c.PersonID != string(s.principal.actor.Person) || c.School != "MNHS" {
			t.Errorf("%+v", c)
		}
		proof := s.principal.prove(t, c)
		receipt, err := s.principal.agent.Prove(ctx, c.ID, proof)
		if err != nil {
			t.Fatal(err)
		}
		entry, _ := s.check(t, receipt)
		text, err := c.Text()
		if err != nil {
			t.Fatal(err)
		}
		for field, want := range map[string]string{"token": string(s.principal.token.ID), "person": c.PersonID, "purpose": "custody_check",
			"challenge_sha256": hashOf(text), "cms_sha256": hashOf(proof.CMS), "certificate": c.CertificateSHA256} {
			if entry.Fields[field] != want {
				t.Errorf("entry field %s is %q, want %q", field, entry.Fields[field], want)
			}
		}
		again, err := s.principal.agent.Prove(ctx, c.ID, proof)
		if err != nil || again.Index != receipt.Index {
			t.Errorf("sent again: %d, %v", again.Index, err)
		}

		refuse := func(what string, m *member, challenge string, p wire.Possession, status int, code string) {
			t.Helper()
			_, err := m.agent.Prove(ctx, challenge, p)
			if err == nil {
				t.Fatalf("%s passes", what)
			}
			mustRefuse(t, err, status, code)
		}
		next := s.principal.challenge(t)
		refuse("a replay for another challenge", s.principal, next.ID, proof, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)
		refuse("another person's answer", s.deputy, next.ID, s.deputy.prove(t, next), http.StatusNotFound, wire.CodeNotFound)
		refuse("another token's answer", s.principal, next.ID, s.deputy.prove(t, next), http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)
		document := s.principal.finish(t, s)
		refuse("a document's signature", s.principal, next.ID, wire.Possession{CMS: document.CMS}, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)

		// And the other way round: a proof is no document's signature.
		grant, err := s.principal.agent.Grant(ctx, s.principal.request(newDocument("QĐ"), wire.ActApprove, ""))
		if err != nil {
			t.Fatal(err)
		}
		record := document
		record.CMS, record.ByteRangeDigest = proof.CMS, hashOf(text)
		_, err = s.principal.agent.Record(ctx, grant.ID, record)
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)

		s.Clock.Advance(custody.ChallengeLifetime + time.Second)
		refuse("an answer after its time", s.principal, next.ID, s.principal.prove(t, next), http.StatusConflict, wire.CodeChallengeExpired)
		_, err = s.principal.agent.CreateChallenge(ctx, wire.NewChallenge{TokenSerial: s.deputy.token.Serial, CertificateSHA256: hashOf(s.deputy.cert.Raw), Purpose: wire.ProofCustodyCheck})
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedNotCustodian)
		if n := s.CheckLog().ByType["possession"]; n != 1 {
			t.Errorf("the log has %d proofs", n)
		}

		tokens, err := s.admin.agent.Tokens(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			proven := token.ID == string(s.principal.token.ID)
			if (token.ProofEntry != nil) != proven || proven && (*token.ProofEntry != receipt.Index || token.ProvenAt == nil) {
				t.Errorf("%s: proof %v at %v", token.Serial, token.ProofEntry, token.ProvenAt)
			}
		}
	})
}

// The canonical text is fixed: another program must come to the same bytes.
func TestChallengeText(t *testing.T) {
	at := time.Date(2026, 11, 25, 7, 30, 0, 0, time.UTC)
	c := wire.Challenge{ID: "c1", School: "MNHS", LogOrigin: "sokyso/mnhs", PersonID: "p1", TokenSerial: "A1001", CertificateSHA256: strings.Repeat("ab", 32),
		Purpose: wire.ProofCustodyCheck, Nonce: strings.Repeat("01", 32), IssuedAt: at, ExpiresAt: at.Add(10 * time.Minute)}
	text, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	want := "sokyso possession challenge 1\nid c1\nschool MNHS\nlog sokyso/mnhs\nperson p1\ntoken A1001\ncertificate " + strings.Repeat("ab", 32) +
		"\npurpose custody_check\nnonce " + strings.Repeat("01", 32) + "\nissued_at 2026-11-25T07:30:00.000000Z\nexpires_at 2026-11-25T07:40:00.000000Z\n"
	if string(text) != want {
		t.Errorf("%s", text)
	}
	c.TokenSerial = "A1001\ncertificate other"
	if _, err := c.Text(); err == nil {
		t.Error("a value with a line of its own is taken")
	}
}
