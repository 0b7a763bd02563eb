package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func wirePaper(p store.PaperRow) wire.Paper {
	return wire.Paper{
		ID: string(p.ID), Kind: string(p.Kind), Number: p.Number, Symbol: p.Symbol, Date: string(p.Date), HandOverID: string(p.Subject.HandOver), IncidentID: string(p.Subject.Incident),
		TokenID: string(p.Subject.Token), CheckID: string(p.Subject.Check), From: string(p.Subject.From), Until: string(p.Subject.Until), IssuedBy: p.IssuedBy, IssuedAt: p.IssuedAt.UTC(), Entry: p.Entry,
		Replaces: string(p.Replaces), Replaced: string(p.Replaced), FileName: paperFileName(p, ""), Signed: []wire.SignedPaper{},
	}
}

func wireSignedPaper(g store.SignedPaperRow) wire.SignedPaper {
	return wire.SignedPaper{ID: string(g.ID), SHA256: g.SHA256, Size: g.Size, Signatures: g.Signatures, Signers: g.Signers, KeptBy: g.KeptBy, KeptAt: g.KeptAt.UTC(), Entry: g.Entry}
}

type papersInput struct {
	Paged
	Kind     string `query:"kind" maxLength:"40"`
	HandOver string `query:"hand_over" maxLength:"64"`
	Incident string `query:"incident" maxLength:"64"`
	Token    string `query:"token" maxLength:"64"`
	Check    string `query:"check" maxLength:"64"`
	From     string `query:"from" maxLength:"10" doc:"first day, 2026-01-01"`
	Until    string `query:"until" maxLength:"10" doc:"last day"`
}

func (s *server) apiPapers(ctx context.Context, actor custody.Actor, in *papersInput) (*body[wire.Papers], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	from, err := custody.ParseDate(in.From)
	if err != nil {
		return nil, invalid("from", err)
	}
	until, err := custody.ParseDate(in.Until)
	if err != nil {
		return nil, invalid("until", err)
	}
	rows, err := s.store.Papers(ctx, actor, store.PaperFilter{Kind: forms.Kind(in.Kind), HandOver: custody.HandOverID(in.HandOver), Incident: custody.IncidentID(in.Incident),
		Token: custody.TokenID(in.Token), Check: custody.CheckID(in.Check), From: from, Until: until, Page: page})
	if err != nil {
		return nil, err
	}
	out := wire.Papers{Papers: make([]wire.Paper, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.Papers[i] = wirePaper(row)
	}
	return &body[wire.Papers]{out}, nil
}

func domainPaper(in wire.NewPaper) (store.NewPaper, error) {
	n := store.NewPaper{Kind: forms.Kind(in.Kind), Number: in.Number, Symbol: in.Symbol, Inputs: in.Inputs, Replaces: custody.PaperID(in.Replaces), Seen: in.FactsSHA256,
		PaperSubject: store.PaperSubject{HandOver: custody.HandOverID(in.HandOverID), Incident: custody.IncidentID(in.IncidentID), Token: custody.TokenID(in.TokenID), Check: custody.CheckID(in.CheckID)}, Support: custody.SupportID(in.SupportID)}
	for _, day := range []struct {
		field, value string
		to           *custody.Date
	}{{"date", in.Date, &n.Date}, {"from", in.From, &n.From}, {"until", in.Until, &n.Until}} {
		parsed, err := custody.ParseDate(day.value)
		if err != nil {
			return n, invalid(day.field, err)
		}
		*day.to = parsed
	}
	return n, nil
}

func (s *server) apiIssuePaper(ctx context.Context, actor custody.Actor, in *body[wire.NewPaper]) (*body[wire.Paper], error) {
	n, err := domainPaper(in.Body)
	if err != nil {
		return nil, err
	}
	row, err := s.store.IssuePaper(ctx, actor, n)
	if err != nil {
		return nil, err
	}
	return &body[wire.Paper]{wirePaper(row)}, nil
}

func (s *server) apiDraftPaper(ctx context.Context, actor custody.Actor, in *body[wire.NewPaper]) (*body[wire.PaperDraft], error) {
	n, err := domainPaper(in.Body)
	if err != nil {
		return nil, err
	}
	draft, err := s.store.PaperDraft(ctx, actor, n)
	if err != nil {
		return nil, err
	}
	head := draft.Facts.Top()
	out := wire.PaperDraft{Number: draft.Number, Symbol: head.Symbol, Date: string(head.Date), FactsSHA256: draft.SHA256, Inputs: []wire.PaperInput{}}
	for _, input := range draft.Facts.Inputs() {
		out.Inputs = append(out.Inputs, wire.PaperInput{Name: input.Name, Value: *input.Value, Form: string(input.Form), Required: input.Required})
	}
	return &body[wire.PaperDraft]{out}, nil
}

// pdfAnswer streams a PDF.
func pdfAnswer(ctx context.Context, pdf []byte) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "application/pdf")
		if _, err := out.BodyWriter().Write(pdf); err != nil {
			requestOf(ctx).note("not_sent", err.Error())
		}
	}}
}

func (s *server) apiPreviewPaper(ctx context.Context, actor custody.Actor, in *body[wire.NewPaper]) (*huma.StreamResponse, error) {
	n, err := domainPaper(in.Body)
	if err != nil {
		return nil, err
	}
	draft, err := s.store.PaperDraft(ctx, actor, n)
	if err != nil {
		return nil, err
	}
	pdf, err := forms.PDF(draft.Facts)
	if err != nil {
		return nil, err
	}
	return pdfAnswer(ctx, pdf), nil
}

func (s *server) apiPaper(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.Paper], error) {
	row, err := s.store.Paper(ctx, actor, custody.PaperID(in.ID))
	if err != nil {
		return nil, err
	}
	signed, err := s.store.SignedPapers(ctx, actor, row.ID)
	if err != nil {
		return nil, err
	}
	out := wirePaper(row)
	for _, g := range signed {
		out.Signed = append(out.Signed, wireSignedPaper(g))
	}
	return &body[wire.Paper]{out}, nil
}

func (s *server) apiPaperFile(ctx context.Context, actor custody.Actor, in *ByID) (*huma.StreamResponse, error) {
	pdf, err := s.store.PaperPDF(ctx, actor, custody.PaperID(in.ID))
	if err != nil {
		return nil, err
	}
	return pdfAnswer(ctx, pdf), nil
}

type keepSignedInput struct {
	ByID
	Bytes
}

func (s *server) apiKeepSigned(ctx context.Context, actor custody.Actor, in *keepSignedInput) (*body[wire.SignedPaper], error) {
	row, err := s.keepSigned(ctx, actor, custody.PaperID(in.ID), in.reader)
	if err != nil {
		return nil, err
	}
	return &body[wire.SignedPaper]{wireSignedPaper(row)}, nil
}

type signedFileInput struct {
	ByID
	Signed string `query:"signed" required:"true" maxLength:"64" doc:"of the signed copy"`
}

func (s *server) apiSignedFile(ctx context.Context, actor custody.Actor, in *signedFileInput) (*huma.StreamResponse, error) {
	file, err := s.store.SignedPaper(ctx, actor, custody.PaperID(in.ID), custody.SignedPaperID(in.Signed))
	if err != nil {
		return nil, err
	}
	return pdfAnswer(ctx, file), nil
}
