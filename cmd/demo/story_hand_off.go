package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sokyso/httpapi/wire"
)

// handOff: the office head submits a document on the site; the principal opens it at the computer with the token, signs,
// and it is back without anybody carrying a file.
func (s *story) handOff(ctx context.Context) {
	submitted, err := s.submit(ctx)
	s.check(err, "check.submitted", map[string]any{"Name": s.members[officeHead].Name, "Entry": submitted.Entry})
	if err != nil {
		return
	}
	s.logged = append(s.logged, submitted.Entry)
	err = s.signWaiting(ctx, submitted)
	for deadline := time.Now().Add(30 * time.Second); err == nil && submitted.State != "signed"; {
		if submitted, err = s.clients[officeHead].Submission(ctx, submitted.ID); err == nil && time.Now().After(deadline) {
			err = fmt.Errorf("the document is %s on the site", submitted.State)
		}
		if err == nil && submitted.State != "signed" {
			err = pause(ctx)
		}
	}
	entry := int64(0)
	if err == nil && len(submitted.Route) == 1 && submitted.Route[0].SignatureEntry != nil {
		entry = *submitted.Route[0].SignatureEntry
		s.logged = append(s.logged, entry)
	}
	s.check(err, "check.handed_off", map[string]any{"Name": s.members[principal].Name, "Entry": entry})
}

func (s *story) submit(ctx context.Context) (wire.Submission, error) {
	content, err := documents.ReadFile("documents/ke-hoach.pdf")
	if err != nil {
		return wire.Submission{}, err
	}
	office := s.clients[officeHead]
	file, err := office.StageFile(ctx, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return wire.Submission{}, err
	}
	return office.Submit(ctx, wire.NewSubmission{File: file.ID, Note: "Kính trình ký trong ngày",
		Document: wire.DocumentFacts{Kind: "KH", Number: "23", Symbol: "KH-MNMT", Summary: "Kế hoạch chuyển đổi số tháng 12 năm 2026", FileName: "ke-hoach.pdf"},
		Route:    []wire.RouteStep{{PersonID: s.people[principal], Act: wire.ActApprove}}})
}

// signWaiting does at the principal's computer what a press on the site's page and on the desk's does.
func (s *story) signWaiting(ctx context.Context, submitted wire.Submission) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	own := s.clients[principal]
	pairings, err := own.MyPairings(ctx)
	if err != nil || len(pairings) == 0 {
		return fmt.Errorf("the principal's computers: %v, %w", pairings, err)
	}
	ticket, err := own.CreateTicket(ctx, submitted.ID, wire.NewTicket{Pairing: pairings[0].ID})
	if err != nil {
		return err
	}
	desk := s.desks[principal]
	opened, err := startDesk(ctx, desk, "open", "--no-open", "sokyso:open?ticket="+ticket.Ticket)
	if err != nil {
		return err
	}
	defer opened.close()
	var fetched struct {
		Fetches []struct {
			Over     bool
			Document string
			Problem  *struct{ Message string }
		}
	}
	for len(fetched.Fetches) == 0 || !fetched.Fetches[0].Over {
		if err := opened.ask(ctx, http.MethodGet, "/api/waiting/fetches", nil, &fetched); err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	if problem := fetched.Fetches[0].Problem; problem != nil {
		return fmt.Errorf("the document does not come: %s", problem.Message)
	}
	facts := submitted.Document
	var task struct{ Task string }
	if err := opened.ask(ctx, http.MethodPost, "/api/sign", map[string]any{
		"files": []map[string]any{{"id": fetched.Fetches[0].Document, "capacity": "",
			"document": map[string]string{"kind": facts.Kind, "number": facts.Number, "symbol": facts.Symbol, "summary": facts.Summary}}},
		"act": wire.ActApprove, "token": desk.serial, "certificate": "", "pin": desk.member.Token.PIN,
	}, &task); err != nil {
		return err
	}
	for {
		var view struct {
			Over    bool
			Results []struct{ Status, Message string }
		}
		if err := opened.ask(ctx, http.MethodGet, "/api/tasks/"+task.Task, nil, &view); err != nil {
			return err
		}
		if view.Over {
			if len(view.Results) != 1 || view.Results[0].Status != "signed" {
				return fmt.Errorf("the desk says %+v", view.Results)
			}
			return opened.sent(ctx)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// sent waits until the signed document is on the site again.
func (d *signingDesk) sent(ctx context.Context) error {
	for {
		var list struct {
			Returns []struct{ State, Message string }
		}
		if err := d.ask(ctx, http.MethodGet, "/api/waiting", nil, &list); err != nil {
			return err
		}
		if len(list.Returns) == 1 && list.Returns[0].State == "sent" {
			return nil
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("%w: %+v", err, list.Returns)
		}
	}
}

// ask calls the desk as its page does.
func (d *signingDesk) ask(ctx context.Context, method, path string, in, answer any) error {
	base, secret, _ := strings.Cut(d.url, "/#")
	content, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
