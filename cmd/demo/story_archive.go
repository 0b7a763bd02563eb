package main

import (
	"context"
	"fmt"
	"path/filepath"

	"sokyso/httpapi/wire"
)

// archive makes what must still be provable when certificates have expired and their services are gone: one document is
// signed so at once, another raised later, without a token. Each then shows everything by itself.
func (s *story) archive(ctx context.Context) {
	tsa := s.authority.TSAURL()
	order := signing{Act: wire.ActApprove, Number: "22", Symbol: "KH-MNMT", Kind: "KH", Level: "b-lta", TSA: tsa,
		Summary: "Kế hoạch chuyển đổi số năm học 2026 - 2027", Purpose: "Kế hoạch công tác, lưu trữ vĩnh viễn"}
	var plan signed
	var err error
	if order.File, err = s.put(principal, "ke-hoach.pdf"); err == nil {
		plan, err = s.desks[principal].mustSign(ctx, order)
	}
	s.told(err, "check.archive", s.members[principal].Name, "ke-hoach.pdf", plan)
	if err == nil {
		err = s.provable(ctx, s.desks[principal], plan.Output, 1)
	}
	s.check(err, "check.provable", map[string]any{"File": "ke-hoach.pdf"})

	// The service's notes stay beside the first file: raising signs nothing, so nothing is logged.
	raised := ""
	if err = fmt.Errorf("the document was not sealed"); s.quyChe.sealed.Output != "" {
		raised, err = s.desks[officeHead].raise(ctx, s.quyChe.sealed.Output, tsa)
	}
	if err == nil {
		err = prefix(s.quyChe.sealed.Output, raised)
	}
	s.check(err, "check.raised", map[string]any{"File": s.quyChe.title, "Output": filepath.Base(raised)})
	if err == nil {
		err = s.provable(ctx, s.desks[officeHead], raised, 2)
	}
	s.check(err, "check.provable", map[string]any{"File": s.quyChe.title})
}

// provable holds if so many signatures are at B-LTA and all time-stamps valid, as the file alone shows.
func (s *story) provable(ctx context.Context, d *desk, file string, count int) error {
	signatures, text, err := d.verify(ctx, file, "--offline")
	if err != nil {
		return err
	}
	archived := 0
	for _, got := range signatures {
		if got.Indication != "TOTAL-PASSED" {
			return fmt.Errorf("%+v", got)
		}
		if got.Level == "B-LTA" {
			archived++
		}
	}
	if archived != count || len(signatures) <= count {
		return fmt.Errorf("%d signatures at B-LTA instead of %d\n%s", archived, count, text)
	}
	return nil
}
