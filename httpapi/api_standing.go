package httpapi

import (
	"context"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

type standingInput struct {
	Certificate string    `query:"certificate" required:"true" maxLength:"64" doc:"SHA-256 of the certificate's DER, hexadecimal"`
	Digest      string    `query:"digest" maxLength:"128" doc:"digest of the signature's ByteRange, hexadecimal"`
	SHA256      string    `query:"sha256" maxLength:"64" doc:"SHA-256 of the file that the signature made, hexadecimal; where digest is not given"`
	At          time.Time `query:"at" doc:"the time asked about where the log does not have the signature"`
}

func (s *server) apiStanding(ctx context.Context, actor custody.Actor, in *standingInput) (*body[wire.Standing], error) {
	st, err := s.store.Standing(ctx, actor, store.StandingQuery{Certificate: in.Certificate, ByteRangeDigest: in.Digest, SHA256Out: in.SHA256, At: in.At})
	if err != nil {
		return nil, err
	}
	return &body[wire.Standing]{wireStanding(st)}, nil
}

func wireStanding(st store.Standing) wire.Standing {
	out := wire.Standing{SignatureEntry: entryOrNil(st.Signature), TokenID: string(st.Token.ID), TokenSerial: st.Token.Serial, TokenKind: string(st.Token.Kind),
		Checkpoint: string(st.Checkpoint), Incidents: make([]wire.StandingReport, len(st.Incidents)), Receipts: make([]wire.Receipt, len(st.Receipts))}
	if c := st.Custody; c != nil {
		out.Custody = &wire.StandingCustody{PersonID: string(c.Person), Person: c.Name, Since: c.Since.UTC(), Entry: c.Entry, UntilEntry: entryOrNil(c.UntilEntry)}
		if c.Until != nil {
			until := c.Until.UTC()
			out.Custody.Until = &until
		}
	}
	if a := st.Assigned; a != nil {
		out.Assignment = &wire.StandingScope{Paper: a.Paper, From: string(a.From), Until: string(a.Until), Entry: a.Entry}
	}
	for i, x := range st.Incidents {
		out.Incidents[i] = wire.StandingReport{Kind: string(x.Kind), DiscoveredAt: x.DiscoveredAt.UTC(), ReportedAt: x.ReportedAt.UTC(), State: x.State, Entry: x.Entry}
	}
	for i, r := range st.Receipts {
		out.Receipts[i] = wireReceipt(r)
	}
	return out
}
