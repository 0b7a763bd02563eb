package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

func hashes(t testing.TB, texts []string) []tlog.Hash {
	t.Helper()
	out := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) != tlog.HashSize {
			t.Fatalf("hash %q: %v", text, err)
		}
		out[i] = tlog.Hash(b)
	}
	return out
}

// A document goes its way: the principal approves, the office head seals; each
// receipt proves its entry, and the log only grows.
func TestAPaperIsApprovedAndSealed(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		paper := newDocument("KH")
		first, err := s.principal.agent.Checkpoint(ctx)
		if err != nil {
			t.Fatal(err)
		}
		grant, record, receipt := s.principal.sign(t, s, paper, wire.ActApprove, "")
		if grant.Signer != "Nguyễn Văn Nghĩa" || grant.Title != "Hiệu trưởng" || !grant.ExpiresAt.After(grant.GrantedAt) {
			t.Errorf("grant %+v", grant)
		}
		entry, _ := s.check(t, receipt)
		cmsHash := sha256.Sum256(record.CMS)
		for name, want := range map[string]string{
			"sha256_in": grant.SHA256In, "sha256_out": record.SHA256Out, "byte_range_digest": record.ByteRangeDigest,
			"cms_sha256": hex.EncodeToString(cmsHash[:]), "certificate": grant.CertificateSHA256, "act": "approve",
			"grant_entry": strconv.FormatInt(grant.Entry, 10), "custody_entry": strconv.FormatInt(grant.CustodyEntry, 10),
		} {
			if entry.Fields[name] != want {
				t.Errorf("entry field %s is %q, want %q", name, entry.Fields[name], want)
			}
		}
		if strings.Contains(string(receipt.Entry), "Nghĩa") || strings.Contains(string(receipt.Entry), "Kế hoạch") {
			t.Errorf("personal data stands in the entry itself: %s", receipt.Entry)
		}

		_, _, sealed := s.officeHead.sign(t, s, paper, wire.ActIssue, "")
		_, newest := s.check(t, sealed)

		verifier, err := note.NewVerifier(s.VKey)
		if err != nil {
			t.Fatal(err)
		}
		older, err := signinglog.Open([]byte(first), verifier)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := s.officeHead.agent.ConsistencyProof(ctx, older.Size, newest.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := signinglog.CheckConsistency(older, newest, hashes(t, proof.Hashes)); err != nil {
			t.Error(err)
		}
		inclusion, err := s.principal.agent.InclusionProof(ctx, receipt.Index, newest.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(hashes(t, inclusion.Hashes), newest.Size, newest.Root, receipt.Index, signinglog.LeafHash(receipt.Entry)); err != nil {
			t.Error(err)
		}
		s.CheckLog()
	})
}

// The input need not be an output of the log when it carries a signature of
// somebody competent that the log does not have (made before the school had it,
// say). A signature that the log has counts for its own output only.
func TestSealingRestsOnASignatureTheServiceVerifies(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		paper := newDocument("KH")
		s.deputy.sign(t, s, paper, wire.ActApprove, "KT")
		replayed := *paper
		replayed.hash = randomHash()
		_, err := s.officeHead.agent.Grant(ctx, s.officeHead.request(&replayed, wire.ActIssue, ""))
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedNoCompetentSignature)
		renamed := *paper
		renamed.facts.Number = "99"
		_, err = s.officeHead.agent.Grant(ctx, s.officeHead.request(&renamed, wire.ActIssue, ""))
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedNoCompetentSignature)
		if !strings.Contains(err.Error(), "KH 07/KH-MNHS") {
			t.Errorf("the refusal does not say what was approved: %v", err)
		}

		paper.hash = randomHash()
		outside, own := s.deputy.finish(t, s), sha256.Sum256(s.deputy.cert.Raw)
		paper.prior = []wire.PriorSignature{{Field: "Signature1", CMS: outside.CMS, ByteRangeDigest: outside.ByteRangeDigest, CertificateSHA256: hex.EncodeToString(own[:])}}

		forged := *paper
		forged.prior = slices.Clone(paper.prior)
		forged.prior[0].ByteRangeDigest = randomHash()
		_, err = s.officeHead.agent.Grant(ctx, s.officeHead.request(&forged, wire.ActIssue, ""))
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedNoCompetentSignature)

		// The deputy's own word for it: a signature by a key that is not registered,
		// said to be by the principal's certificate.
		sum := sha256.Sum256(s.principal.cert.Raw)
		key, cert := s.certify("Kẻ Giả Mạo", custody.Personal)
		stranger := member{key: key, cert: cert}
		fake := stranger.finish(t, s)
		forged.prior = []wire.PriorSignature{{Field: "Signature1", CMS: fake.CMS, ByteRangeDigest: fake.ByteRangeDigest, CertificateSHA256: hex.EncodeToString(sum[:]), CoversWholeFile: true}}
		_, err = s.officeHead.agent.Grant(ctx, s.officeHead.request(&forged, wire.ActIssue, ""))
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedNoCompetentSignature)

		if _, err := s.officeHead.agent.Grant(ctx, s.officeHead.request(paper, wire.ActIssue, "")); err != nil {
			t.Error(err)
		}
	})
}

func TestRequestsAndRecordsTakeEffectOnce(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		paper := newDocument("QĐ")
		request := s.principal.request(paper, wire.ActApprove, "")
		grant, err := s.principal.agent.Grant(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.principal.agent.Grant(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(grant, again); diff != "" {
			t.Errorf("the same request got another grant: %s", diff)
		}
		other := request
		other.SHA256In = randomHash()
		_, err = s.principal.agent.Grant(ctx, other)
		mustRefuse(t, err, http.StatusConflict, wire.CodeConflict)

		record := s.principal.finish(t, s)
		receipt, err := s.principal.agent.Record(ctx, grant.ID, record)
		if err != nil {
			t.Fatal(err)
		}
		s.deputy.sign(t, s, newDocument("TB"), wire.ActApprove, "KT") // the log goes on
		repeated, err := s.principal.agent.Record(ctx, grant.ID, record)
		if err != nil {
			t.Fatal(err)
		}
		if repeated.Index != receipt.Index || string(repeated.Entry) != string(receipt.Entry) {
			t.Errorf("recorded twice: entries %d and %d", receipt.Index, repeated.Index)
		}
		s.check(t, repeated)

		_, err = s.principal.agent.Record(ctx, grant.ID, s.principal.finish(t, s))
		mustRefuse(t, err, http.StatusConflict, wire.CodeSignatureConflict)
		err = s.principal.agent.Abandon(ctx, grant.ID, wire.Abandon{Reason: "cancelled"})
		mustRefuse(t, err, http.StatusConflict, wire.CodeConflict)
		if signed := s.CheckLog().ByType["signature"]; signed != 2 {
			t.Errorf("the log has %d signatures, want 2", signed)
		}
	})
}

// An agent that is offline for a while reports by itself: admins see what it has
// not reported once the set time is over.
func TestUnconfirmedGrantsShowAfterTheSetTime(t *testing.T) {
	s := sqlite(t, httpapi.Config{UnconfirmedAfter: time.Hour})
	s.give()
	if _, err := s.principal.agent.Grant(ctx, s.principal.request(newDocument("QĐ"), wire.ActApprove, "")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{custody.GrantLifetime + time.Minute, 0}, {time.Hour, 1}} {
		s.Clock.Advance(step.pass)
		if open, err := s.admin.agent.UnconfirmedGrants(ctx); err != nil || len(open) != step.want {
			t.Errorf("after another %v: %v, %v", step.pass, open, err)
		}
	}
}

func TestAnAbandonedGrantIsNoLongerUnconfirmed(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		grant, err := s.principal.agent.Grant(ctx, s.principal.request(newDocument("QĐ"), wire.ActApprove, ""))
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(custody.GrantLifetime + time.Minute)
		open, err := s.admin.agent.UnconfirmedGrants(ctx)
		if err != nil || len(open) != 1 || open[0].ID != grant.ID {
			t.Fatalf("unconfirmed: %v, %v", open, err)
		}
		for range 2 { // sent again after a lost answer
			if err := s.principal.agent.Abandon(ctx, grant.ID, wire.Abandon{Reason: "not_finished"}); err != nil {
				t.Fatal(err)
			}
		}
		if open, err = s.admin.agent.UnconfirmedGrants(ctx); err != nil || len(open) != 0 {
			t.Errorf("unconfirmed after abandoning: %v, %v", open, err)
		}
		err = s.principal.agent.Abandon(ctx, grant.ID, wire.Abandon{Reason: "just because"})
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
	})
}

// A signature that was made is made: it is taken after the grant expired.
func TestAFinishedSignatureIsTakenLate(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		grant, err := s.principal.agent.Grant(ctx, s.principal.request(newDocument("QĐ"), wire.ActApprove, ""))
		if err != nil {
			t.Fatal(err)
		}
		record := s.principal.finish(t, s)
		s.Clock.Advance(26 * time.Hour)
		receipt, err := s.principal.agent.Record(ctx, grant.ID, record)
		if err != nil {
			t.Fatal(err)
		}
		if entry, _ := s.check(t, receipt); entry.Fields["late"] != "true" {
			t.Errorf("not marked late: %v", entry.Fields)
		}
	})
}

// What is recorded is a signature by the granted certificate over the stated
// digest, or nothing.
func TestOnlyTheGrantedSignatureIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		grant, err := s.principal.agent.Grant(ctx, s.principal.request(newDocument("QĐ"), wire.ActApprove, ""))
		if err != nil {
			t.Fatal(err)
		}
		good, other := s.principal.finish(t, s), s.deputy.finish(t, s)
		for name, bad := range map[string]func(*wire.Record){
			"another digest":       func(r *wire.Record) { r.ByteRangeDigest = randomHash() },
			"another's signature":  func(r *wire.Record) { r.CMS, r.ByteRangeDigest = other.CMS, other.ByteRangeDigest },
			"one bit of it turned": func(r *wire.Record) { r.CMS = slices.Clone(r.CMS); r.CMS[len(r.CMS)-5] ^= 1 },
			"cut short":            func(r *wire.Record) { r.CMS = r.CMS[:len(r.CMS)-10] },
			"padded":               func(r *wire.Record) { r.CMS = append(slices.Clone(r.CMS), 0, 0) },
			"not a CMS":            func(r *wire.Record) { r.CMS = []byte("chữ ký") },
		} {
			record := good
			bad(&record)
			_, err := s.principal.agent.Record(ctx, grant.ID, record)
			if problem := mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid); t.Failed() {
				t.Log(name, problem)
			}
		}
		if n := s.CheckLog().ByType["signature"]; n != 0 {
			t.Fatalf("%d signatures recorded", n)
		}
		if _, err := s.principal.agent.Record(ctx, grant.ID, good); err != nil {
			t.Error(err)
		}
	})
}

// Every code of a refusal arrives, in both languages, and is an entry of the log.
func TestEveryRefusal(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		seen := map[string]bool{}
		refuse := func(m *member, request wire.GrantRequest, code string) {
			t.Helper()
			before := s.CheckLog().ByType["refusal"]
			_, err := m.agent.Grant(ctx, request)
			vietnamese := mustRefuse(t, err, http.StatusForbidden, code)
			if strings.Contains(vietnamese.Detail, "<no value>") {
				t.Errorf("%s: %s", code, vietnamese.Detail)
			}
			if after := s.CheckLog().ByType["refusal"]; after != before+1 {
				t.Errorf("%s: %d refusals in the log, want %d", code, after, before+1)
			}
			seen[code] = true
		}
		paper := newDocument("TB")
		unknown := s.principal.request(paper, wire.ActApprove, "")
		unknown.TokenSerial = "X9999"
		refuse(s.principal, unknown, wire.RefusedTokenUnknown)

		stolen := s.principal.request(paper, wire.ActApprove, "")
		refuse(s.deputy, stolen, wire.RefusedNotCustodian)

		_, foreign := s.certify("Người Khác", custody.Personal)
		swapped := s.principal.request(paper, wire.ActApprove, "")
		swapped.Certificate = foreign.Raw
		refuse(s.principal, swapped, wire.RefusedCertificateUnknown)

		refuse(s.principal, s.principal.request(paper, wire.ActIssue, ""), wire.RefusedActNotAllowed)
		refuse(s.officeHead, s.officeHead.request(paper, wire.ActApprove, ""), wire.RefusedActNotAllowed)
		refuse(s.officeHead, s.officeHead.request(paper, wire.ActIssue, ""), wire.RefusedNoCompetentSignature)
		refuse(s.deputy, s.deputy.request(newDocument("QC"), wire.ActApprove, "KT"), wire.RefusedOutOfScope)
		refuse(s.deputy, s.deputy.request(paper, wire.ActApprove, "TUQ"), wire.RefusedCapacity)
		refuse(s.principal, s.principal.request(&document{hash: randomHash(), facts: wire.DocumentFacts{Number: "1"}}, wire.ActApprove, ""), wire.RefusedDocumentUnstated)

		unemployed := s.member("Bùi Thị Lan", "lan", custody.Staff)
		s.equip(unemployed, "A1009", custody.Personal)
		unemployed.agent = s.pair(unemployed)
		refuse(unemployed, unemployed.request(paper, wire.ActApprove, ""), wire.RefusedTokenInSafe)
		offer, err := s.OfferHandOver(ctx, s.System, store.NewHandOver{Token: unemployed.token.ID, To: unemployed.actor.Person})
		if err != nil {
			t.Fatal(err)
		}
		refuse(unemployed, unemployed.request(paper, wire.ActApprove, ""), wire.RefusedTokenNotAccepted)
		if _, err := s.signIn(unemployed).AcceptHandOver(ctx, string(offer.ID)); err != nil {
			t.Fatal(err)
		}
		jobless := s.memberWithout("Đặng Văn Bình", "binh")
		s.equip(jobless, "A1010", custody.Personal)
		jobless.agent = s.pair(jobless)
		s.Give(jobless.token.ID, jobless.actor)
		refuse(jobless, jobless.request(paper, wire.ActApprove, ""), wire.RefusedNoPosition)

		revoked := s.Clock.Now()
		if err := s.SetRevocation(ctx, s.System, certificateHash(jobless), &revoked, "thử"); err != nil {
			t.Fatal(err)
		}
		refuse(jobless, jobless.request(paper, wire.ActApprove, ""), wire.RefusedCertificateRevoked)

		if err := unemployed.agent.StepPIN(ctx, string(unemployed.token.ID), wire.PINStep{Step: "locked"}); err != nil {
			t.Fatal(err)
		}
		refuse(unemployed, unemployed.request(paper, wire.ActApprove, ""), wire.RefusedPINLocked)
		if err := s.signIn(s.admin).WriteOff(ctx, string(unemployed.token.ID), wire.WriteOff{Reason: "không nộp lại"}); err != nil {
			t.Fatal(err)
		}
		refuse(unemployed, unemployed.request(paper, wire.ActApprove, ""), wire.RefusedTokenWrittenOff)
		if err := s.signIn(s.admin).Retire(ctx, string(unemployed.token.ID), wire.Retirement{Kind: "lost", Reason: "xác nhận thất lạc", Paper: "09/MNHS"}); err != nil {
			t.Fatal(err)
		}
		refuse(unemployed, unemployed.request(paper, wire.ActApprove, ""), wire.RefusedTokenRetired)

		if _, err := s.signIn(s.deputyTwo).OfferHandOver(ctx, wire.NewHandOver{TokenID: string(s.deputyTwo.token.ID), Reason: "nghỉ phép"}); err != nil {
			t.Fatal(err)
		}
		refuse(s.deputyTwo, s.deputyTwo.request(paper, wire.ActApprove, "KT"), wire.RefusedTokenReturned)

		if _, err := s.deputy.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.deputy.token.ID), Kind: "lost", DiscoveredAt: s.Clock.Now(), Description: "rơi trên đường"}); err != nil {
			t.Fatal(err)
		}
		refuse(s.deputy, s.deputy.request(paper, wire.ActApprove, "KT"), wire.RefusedTokenReported)

		s.Clock.Advance(6 * 365 * 24 * time.Hour)
		refuse(s.principal, s.principal.request(paper, wire.ActApprove, ""), wire.RefusedCertificateExpired)
		for _, code := range custody.RefusalCodes {
			if !seen[code] {
				t.Errorf("no test provokes %s", code)
			}
		}
	})
}

func (s *school) memberWithout(name, username string) *member {
	s.TB.Helper()
	person, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: name, Username: username, PasswordHash: passwordHash()})
	if err != nil {
		s.TB.Fatal(err)
	}
	return &member{actor: s.Actor(person.ID), name: name, username: username}
}

func certificateHash(m *member) string {
	sum := sha256.Sum256(m.cert.Raw)
	return hex.EncodeToString(sum[:])
}

func TestARefusalSpeaksTheLanguageAskedFor(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	request := s.principal.request(newDocument("TB"), wire.ActApprove, "")
	details := map[string]string{}
	for _, lang := range []string{"", "vi", "en", "en-US,vi;q=0.5", "fr"} {
		code, _, err := s.CreatePairingCode(ctx, s.principal.actor)
		if err != nil {
			t.Fatal(err)
		}
		paired, err := s.client(wire.ClientConfig{}).Pair(ctx, wire.Pair{Code: code, Device: "máy"})
		if err != nil {
			t.Fatal(err)
		}
		request.Request = uuid.NewString()
		_, err = s.client(wire.ClientConfig{APIKey: paired.APIKey, Language: lang}).Grant(ctx, request)
		details[lang] = mustRefuse(t, err, http.StatusForbidden, wire.RefusedTokenInSafe).Detail
	}
	if details[""] != details["vi"] || details["fr"] != details["vi"] || details["en"] != details["en-US,vi;q=0.5"] || details["en"] == details["vi"] {
		t.Errorf("details by language: %v", details)
	}
}
