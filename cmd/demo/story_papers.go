package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sokyso/httpapi/wire"
)

// minutes issues the minutes of a hand-over on the register, has the PDF judged by qpdf, signed by the principal with
// the token, and kept.
func (s *story) minutes(ctx context.Context) {
	params := map[string]any{"File": "-", "Entry": "-"}
	paper, file, err := s.issueMinutes(ctx)
	if err == nil {
		params["File"], params["Entry"] = filepath.Base(file), paper.Entry
		s.logged = append(s.logged, paper.Entry)
	}
	s.check(err, "check.minutes", params)
	if err != nil {
		return
	}
	result, err := s.desks[principal].mustSign(ctx, signing{File: file, Act: wire.ActApprove, Kind: "BB",
		Number: fmt.Sprintf("%02d", paper.Number), Symbol: paper.Symbol, Summary: "Biên bản bàn giao USB dấu nhà trường", Purpose: "Lưu hồ sơ bàn giao"})
	var kept wire.SignedPaper
	if err == nil {
		s.logged = append(s.logged, *result.EntryIndex)
		kept, err = s.keep(ctx, paper.ID, result.Output)
	}
	if err == nil {
		s.logged = append(s.logged, kept.Entry)
		if kept.Signatures != 1 || kept.SHA256 != result.SHA256Out || !strings.Contains(kept.Signers, s.members[principal].Name) {
			err = fmt.Errorf("kept: %+v", kept)
		}
	}
	s.check(err, "check.minutes_kept", map[string]any{"Name": s.members[principal].Name, "Entry": kept.Entry})
}

func (s *story) issueMinutes(ctx context.Context) (wire.Paper, string, error) {
	if s.sealHandOver == "" {
		return wire.Paper{}, "", fmt.Errorf("the seal was not handed over")
	}
	order := wire.NewPaper{Kind: "hand_over_minutes", HandOverID: s.sealHandOver}
	draft, err := s.clients[admin].DraftPaper(ctx, order)
	if err != nil {
		return wire.Paper{}, "", err
	}
	order.Number, order.FactsSHA256 = draft.Number, draft.FactsSHA256 // what was seen is what is issued
	paper, err := s.clients[admin].IssuePaper(ctx, order)
	if err != nil {
		return wire.Paper{}, "", err
	}
	b, err := s.open(ctx, s.members[admin])
	if err != nil {
		return paper, "", err
	}
	content, err := b.download(ctx, "/papers/"+paper.ID+"/file")
	if err != nil {
		return paper, "", err
	}
	file := filepath.Join(s.desks[principal].folder, paper.FileName)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return paper, "", err
	}
	_, err = mustRun(ctx, nil, nil, "qpdf", "--check", file)
	return paper, file, err
}

func (s *story) keep(ctx context.Context, paper, file string) (wire.SignedPaper, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return wire.SignedPaper{}, err
	}
	return s.clients[admin].KeepSignedPaper(ctx, paper, bytes.NewReader(content), int64(len(content)))
}

// custodyCheck: the admin asks whether everybody still has their token, and each token answers.
func (s *story) custodyCheck(ctx context.Context) {
	check, err := s.clients[admin].OpenCheck(ctx, wire.NewCheck{Kind: "monthly", Due: time.Now().In(vietnam).AddDate(0, 0, 3).Format(time.DateOnly)})
	if err != nil {
		s.check(err, "check.proved", map[string]any{"Count": "-", "Entry": "-"})
		return
	}
	s.logged = append(s.logged, check.Entry)
	for _, desk := range s.desks {
		if desk != nil && err == nil {
			_, err = mustRun(ctx, desk.env, []byte(desk.member.Token.PIN+"\n"), desk.program, "prove", "--json",
				"--module", desk.module, "--token", desk.serial, "--pin-file", "/dev/stdin")
		}
	}
	if err == nil {
		check, err = s.clients[admin].CloseCheck(ctx, check.ID, wire.CloseCheck{})
	}
	if err == nil {
		s.logged = append(s.logged, check.Closing)
		if check.Proved != 4 || check.Missing != 0 || check.Open != 0 {
			err = fmt.Errorf("proved %d, missing %d, open %d", check.Proved, check.Missing, check.Open)
		}
	}
	s.check(err, "check.proved", map[string]any{"Count": check.Proved, "Entry": check.Closing})
}

// track follows the lost token: the principal knows, revocation is asked for, the authority revokes, and the service
// believes nobody but the authority's own answer.
func (s *story) track(ctx context.Context) {
	loser, chief := s.desks[deputyOne], s.clients[principal]
	incident, err := s.openIncident(ctx, loser.tokenID)
	today := time.Now().In(vietnam).Format(time.DateOnly)
	for _, step := range []wire.NewIncidentStep{
		{Step: "principal_informed"},
		{Step: "revocation_asked", PaperNumber: "141/MNMT-VP", PaperDate: today, Addressee: "Cơ quan cấp chứng thư số"},
	} {
		if err == nil {
			incident, err = chief.RecordStep(ctx, incident.ID, step)
		}
	}
	s.check(err, "check.revocation_asked", map[string]any{"Name": s.members[principal].Name})
	if err != nil {
		return
	}
	var answer wire.AuthorityAnswer
	if err = s.authority.Revoke(loser.certificate.SerialNumber, 1, time.Time{}); err == nil {
		answer, err = chief.AskAuthority(ctx, incident.ID)
	}
	entry := int64(0)
	if err == nil {
		for _, step := range answer.Track.Steps {
			if step.Step == "certificate_revoked" && step.By == "" {
				entry = step.Entry
			}
		}
		if answer.Status != "revoked" || entry == 0 {
			err = fmt.Errorf("the authority's answer: %+v", answer)
		} else {
			s.logged = append(s.logged, entry)
		}
	}
	s.check(err, "check.revoked", map[string]any{"Source": answer.Source, "Entry": entry})
}

func (s *story) openIncident(ctx context.Context, token string) (wire.IncidentTrack, error) {
	incidents, err := s.clients[principal].Incidents(ctx)
	if err != nil {
		return wire.IncidentTrack{}, err
	}
	for _, i := range incidents {
		if i.TokenID == token && i.State == "open" {
			return s.clients[principal].IncidentTrack(ctx, i.ID)
		}
	}
	return wire.IncidentTrack{}, fmt.Errorf("no open incident of token %s", token)
}
