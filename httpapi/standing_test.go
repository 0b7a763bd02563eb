package httpapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

// TestStandingOfASignature: anybody's agent may ask about a document in hands, and
// gets what the log proves of it.
func TestStandingOfASignature(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		grant, record, receipt := s.deputy.sign(t, s, newDocument("KH"), wire.ActApprove, "KT")
		query := wire.StandingQuery{Certificate: grant.CertificateSHA256, Digest: record.ByteRangeDigest}
		st, err := s.officeHead.agent.Standing(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		if st.SignatureEntry == nil || *st.SignatureEntry != receipt.Index || st.Custody == nil || st.Custody.Person != s.deputy.name ||
			st.Custody.Entry != grant.CustodyEntry || st.Assignment == nil || st.Assignment.Paper != "25/QĐ-MNHS" || st.TokenKind != "personal" || st.Incidents == nil {
			t.Fatalf("%+v %+v %+v", st, st.Custody, st.Assignment)
		}
		types := map[int64]signinglog.Type{}
		for _, receipt := range st.Receipts {
			entry, _ := s.check(t, receipt)
			if receipt.Checkpoint != st.Checkpoint {
				t.Errorf("entry %d is proved against another checkpoint", receipt.Index)
			}
			types[receipt.Index] = entry.Type
		}
		if types[receipt.Index] != signinglog.TypeSignature || types[st.Custody.Entry] != signinglog.TypeAcceptance || types[st.Assignment.Entry] != signinglog.TypeScope {
			t.Errorf("receipts %v", types)
		}

		discovered := s.Clock.Now().Add(-time.Hour).UTC().Truncate(time.Second)
		if _, err := s.deputy.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.deputy.token.ID), Kind: "lost", DiscoveredAt: discovered,
			Description: "rơi trên xe buýt"}); err != nil {
			t.Fatal(err)
		}
		if st, err = s.officeHead.agent.Standing(ctx, query); err != nil {
			t.Fatal(err)
		}
		if len(st.Incidents) != 1 || st.Incidents[0].Kind != "lost" || !st.Incidents[0].DiscoveredAt.Equal(discovered) || st.Incidents[0].State != "open" {
			t.Errorf("incidents: %+v", st.Incidents)
		}
		for _, receipt := range st.Receipts {
			if strings.Contains(string(receipt.Entry), "xe buýt") {
				t.Error("the receipt tells what happened")
			}
		}

		outside, err := s.admin.agent.Standing(ctx, wire.StandingQuery{Certificate: grant.CertificateSHA256, Digest: randomHash(), At: s.Clock.Now()})
		if err != nil || outside.SignatureEntry != nil || outside.Custody == nil || len(outside.Incidents) != 1 || outside.Checkpoint == "" {
			t.Errorf("outside the log: %+v, %v", outside, err)
		}
		sum := sha256.Sum256([]byte("chứng thư của trường khác"))
		_, err = s.admin.agent.Standing(ctx, wire.StandingQuery{Certificate: hex.EncodeToString(sum[:]), Digest: record.ByteRangeDigest})
		mustRefuse(t, err, http.StatusNotFound, wire.CodeNotFound)
		_, err = s.admin.agent.Standing(ctx, wire.StandingQuery{Certificate: grant.CertificateSHA256, Digest: "7"})
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
		_, err = s.client(wire.ClientConfig{}).Standing(ctx, query)
		mustRefuse(t, err, http.StatusUnauthorized, wire.CodeUnauthenticated)
	})
}
