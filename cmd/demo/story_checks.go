package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // to alter a copy of the database, as an intruder would

	"sokyso/httpapi/wire"
)

// refuse shows the three refusals that matter most, and that each leaves nothing.
func (s *story) refuse(ctx context.Context) {
	order := signing{Act: wire.ActIssue, Number: "21", Symbol: "KH-MNMT", Kind: "KH",
		Summary: "Kế hoạch chuyển đổi số tháng 12 năm 2026", Purpose: "Kế hoạch công tác"}
	refused := func(who int, key, status string, codes ...string) {
		var result signed
		var err error
		if order.File, err = s.put(who, "ke-hoach.pdf"); err == nil {
			result, err = s.desks[who].mustRefuse(ctx, order, status, codes...)
		}
		if s.check(err, key, map[string]any{"Name": s.members[who].Name}) {
			s.quote(result.Message)
		}
	}
	refused(officeHead, "check.no_competent", "refused", wire.RefusedNoCompetentSignature)

	order.Act, order.Capacity = wire.ActApprove, "KT"
	refused(deputyOne, "check.out_of_scope", "refused", wire.RefusedOutOfScope)

	order.PIN = "000000"
	refused(deputyTwo, "check.wrong_pin", "failed", "wrong_pin")
	order.PIN = ""
}

// verifyAll has the results judged by programs that others wrote, then by ours.
func (s *story) verifyAll(ctx context.Context) {
	nss := filepath.Join(s.dir, "nss")
	err := os.MkdirAll(nss, 0o700)
	if err == nil {
		_, err = mustRun(ctx, nil, nil, "certutil", "-N", "-d", "sql:"+nss, "--empty-password")
	}
	if err == nil {
		_, err = mustRun(ctx, nil, nil, "certutil", "-A", "-d", "sql:"+nss, "-n", "demo root", "-t", "CT,C,C", "-i", s.roots)
	}
	if err != nil {
		s.check(err, "check.nss", nil)
		return
	}
	for _, p := range []paper{s.quyChe, s.thongBao} {
		params := map[string]any{"File": p.title}
		file := p.sealed.Output
		if file == "" {
			s.check(fmt.Errorf("the document was not sealed"), "check.pdfsig", params)
			continue
		}
		s.check(s.pdfsig(ctx, nss, file), "check.pdfsig", params)
		_, err := mustRun(ctx, nil, nil, "qpdf", "--check", file)
		s.check(err, "check.qpdf", params)
		s.check(s.ownVerify(ctx, file), "check.verify", params)
		s.check(prefix(p.input, p.approved.Output, file), "check.prefix", params)
		s.check(s.receiptOffline(ctx, p), "check.receipt", params)
	}
}

// pdfsig asks poppler about both signatures; the last must cover all of the file.
func (s *story) pdfsig(ctx context.Context, nss, file string) error {
	got, err := mustRun(ctx, nil, nil, "pdfsig", "-nssdir", "sql:"+nss, file)
	if err != nil {
		return err
	}
	text := string(got.Stdout)
	blocks := strings.Split(text, "Signature #")
	switch {
	case len(blocks) != 3:
		return fmt.Errorf("pdfsig finds %d signatures instead of 2\n%s", len(blocks)-1, text)
	case strings.Count(text, "Signature is Valid") != 2:
		return fmt.Errorf("pdfsig does not call both signatures valid\n%s", text)
	case !strings.Contains(blocks[2], "Total document signed"):
		return fmt.Errorf("pdfsig: the last signature does not cover the document\n%s", text)
	case strings.Count(text, "ETSI.CAdES.detached") != 2:
		return fmt.Errorf("pdfsig names another type of signature\n%s", text)
	}
	return nil
}

func (s *story) ownVerify(ctx context.Context, file string) error {
	signatures, _, err := s.desks[officeHead].verify(ctx, file)
	if err != nil {
		return err
	}
	if len(signatures) != 2 {
		return fmt.Errorf("signagent verify finds %d signatures instead of 2", len(signatures))
	}
	for i, covers := range []string{"revision", "whole-file"} {
		got := signatures[i]
		if got.Indication != "TOTAL-PASSED" || got.Covers != covers || got.LaterChanges == "forbidden" || got.LaterChanges == "suspicious" {
			return fmt.Errorf("signature %d: %+v", i+1, got)
		}
	}
	return nil
}

// prefix holds if each file begins with all bytes of the one before it.
func prefix(files ...string) error {
	var before []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(content, before) {
			return fmt.Errorf("%s does not keep the bytes before it", file)
		}
		before = content
	}
	return nil
}

// receiptOffline checks the receipts beside both signed files, with no network.
func (s *story) receiptOffline(ctx context.Context, p paper) error {
	for _, result := range []struct {
		desk *desk
		signed
	}{{s.deskOf(p), p.approved}, {s.desks[officeHead], p.sealed}} {
		_, text, err := result.desk.verify(ctx, result.Output, "--offline")
		if err != nil {
			return err
		}
		if !strings.Contains(text, `"receipt_valid"`) || !strings.Contains(text, strconv.FormatInt(*result.EntryIndex, 10)) {
			return fmt.Errorf("no word of a valid receipt for entry %d\n%s", *result.EntryIndex, text)
		}
	}
	return nil
}

func (s *story) deskOf(p paper) *desk {
	if p.title == "thong-bao.pdf" {
		return s.desks[deputyOne]
	}
	return s.desks[principal]
}

// reportLoss has a deputy report the loss in the web form, as from a phone.
func (s *story) reportLoss(ctx context.Context) {
	loser := s.desks[deputyOne]
	var entry wire.Entry
	err := s.fillLossForm(ctx, loser)
	if err == nil {
		entry, err = s.lastEntry(ctx, "incident")
	}
	if s.check(err, "check.loss", map[string]any{"Name": loser.member.Name}) {
		s.logged = append(s.logged, entry.Index)
	}
	s.check(err, "check.loss_logged", map[string]any{"Entry": entry.Index, "At": localTime(entry.At)})

	order := signing{Act: wire.ActApprove, Capacity: "KT", Number: "08", Symbol: "TB-MNMT", Kind: "TB",
		Summary: "Thông báo họp", Purpose: "Thông báo đến giáo viên"}
	s.mustBeRefused(ctx, deputyOne, order, "check.loss_refused", wire.RefusedTokenReported)
}

func (s *story) mustBeRefused(ctx context.Context, who int, order signing, key string, codes ...string) {
	var result signed
	var err error
	if order.File == "" {
		order.File, err = s.put(who, "ke-hoach.pdf")
	}
	if err == nil {
		result, err = s.desks[who].mustRefuse(ctx, order, "refused", codes...)
	}
	if s.check(err, key, map[string]any{"Name": s.members[who].Name}) {
		s.quote(result.Message)
	}
}

func (s *story) lastEntry(ctx context.Context, kind string) (wire.Entry, error) {
	got, err := s.clients[admin].Entries(ctx, wire.EntriesQuery{Type: kind, Limit: 1})
	if err != nil {
		return wire.Entry{}, err
	}
	if len(got.Entries) == 0 {
		return wire.Entry{}, fmt.Errorf("the log has no entry of type %s", kind)
	}
	return got.Entries[0], nil
}

// returnSeal: the office head returns the seal token; from the offer on it signs nothing.
func (s *story) returnSeal(ctx context.Context) {
	seal := s.desks[officeHead]
	offered, err := s.clients[officeHead].OfferHandOver(ctx, wire.NewHandOver{TokenID: seal.tokenID,
		Reason: "Nộp trả khi nghỉ phép", PermissionNumber: "140/QĐ-MNMT", PermissionDate: time.Now().Format(time.DateOnly)})
	entry := offered.Entry
	if err == nil {
		var accepted wire.HandOver
		if accepted, err = s.clients[admin].AcceptHandOver(ctx, offered.ID); err == nil {
			entry = accepted.Entry
		}
	}
	if s.check(err, "check.returned", map[string]any{"Name": seal.member.Name, "Entry": entry}) {
		s.logged = append(s.logged, entry)
	}
	order := signing{Act: wire.ActIssue, Number: "137", Symbol: "QC-MNMT", Kind: "QC", Summary: "Quy chế", Purpose: "Ban hành quy chế của nhà trường"}
	if s.quyChe.approved.Output != "" {
		order.File = filepath.Join(seal.folder, filepath.Base(s.quyChe.approved.Output))
	}
	s.mustBeRefused(ctx, officeHead, order, "check.return_refused",
		wire.RefusedTokenReturned, wire.RefusedTokenInSafe, wire.RefusedNotCustodian)
}

var entryNumber = regexp.MustCompile(`\d+`)

// tamper alters one row in a copy of the database. The log of the school itself
// must be found whole, the copy must not, and the entry must be named.
func (s *story) tamper(ctx context.Context) {
	program, data := s.service.program, s.service.data
	_, err := mustRun(ctx, nil, nil, program, "--data", data, "--lang", s.lang, "log", "verify")
	s.check(err, "check.log_whole", nil)

	if s.thongBao.approved.EntryIndex == nil {
		s.check(fmt.Errorf("there is no signature to alter"), "check.tampered", map[string]any{"Entry": "-"})
		return
	}
	target := *s.thongBao.approved.EntryIndex
	got, err := s.verifyAlteredCopy(ctx, target)
	if err == nil && got.Status != 1 {
		err = fmt.Errorf("custodyd log verify ended with status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
	}
	told := strings.TrimSpace(string(got.Stdout) + got.Stderr)
	if err == nil {
		named := false
		for _, number := range entryNumber.FindAllString(told, -1) {
			named = named || number == strconv.FormatInt(target, 10)
		}
		if !named {
			err = fmt.Errorf("entry %d is not named: %s", target, told)
		}
	}
	if s.check(err, "check.tampered", map[string]any{"Entry": target}) {
		s.quote(told)
	}
}

func (s *story) verifyAlteredCopy(ctx context.Context, entry int64) (answer, error) {
	folder := filepath.Join(s.dir, "altered-copy")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return answer{}, err
	}
	database, err := sql.Open("sqlite", "file:"+filepath.Join(s.service.data, "custody.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return answer{}, err
	}
	defer database.Close()
	copied := filepath.Join(folder, "custody.db")
	if _, err := database.ExecContext(ctx, "VACUUM INTO ?", copied); err != nil {
		return answer{}, err
	}
	key, err := os.ReadFile(filepath.Join(s.service.data, "log.key"))
	if err != nil {
		return answer{}, err
	}
	if err := os.WriteFile(filepath.Join(folder, "log.key"), key, 0o600); err != nil {
		return answer{}, err
	}
	altered, err := sql.Open("sqlite", "file:"+copied)
	if err != nil {
		return answer{}, err
	}
	defer altered.Close()
	result, err := altered.ExecContext(ctx, "UPDATE signatures SET sha256_out = ? WHERE entry_index = ?", strings.Repeat("0", 64), entry)
	if err != nil {
		return answer{}, err
	}
	if rows, err := result.RowsAffected(); err != nil || rows != 1 {
		return answer{}, fmt.Errorf("altered %d rows instead of 1 (%v)", rows, err)
	}
	altered.Close()
	return runProgram(ctx, nil, nil, s.service.program, "--data", folder, "--lang", s.lang, "log", "verify")
}
