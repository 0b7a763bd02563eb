package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
)

// report gathers the numbers of a period. States and open items are those of today.
func (g *gathering) report(p forms.Period, from, until time.Time) (forms.Facts, error) {
	f := &forms.Report{Head: g.head, Period: p, AsOf: custody.DateOf(g.now), To: g.school.Superior}
	if f.To == "" {
		f.To = g.settings.Value(custody.SettingRenewTo)
	}
	tokens, err := g.store.Tokens(g.ctx, g.all)
	if err != nil {
		return nil, err
	}
	kinds := map[custody.TokenID]custody.TokenKind{}
	states := newTally()
	// Needs of the year after the period: of the next year, in a report of this one.
	horizon := until.AddDate(1, 0, 0)
	if least := g.now.AddDate(1, 0, 0); horizon.Before(least) {
		horizon = least
	}
	for _, t := range tokens {
		kinds[t.ID] = t.Kind
		states.add(forms.StateName(t.State), t.Kind, 1)
		if t.State == custody.Retired {
			continue
		}
		if t.Certificate.NotAfter.Before(horizon) {
			subject := g.people[t.Owner].Name
			if t.Kind == custody.Seal {
				subject = g.school.Name
			}
			f.Expiring = append(f.Expiring, forms.Expiry{Subject: subject, Serial: t.Serial, Until: custody.DateOf(t.Certificate.NotAfter), Keeper: t.CustodianName})
		}
		if t.Certificate.NotAfter.Before(g.now) {
			f.OpenCases = append(f.OpenCases, forms.OpenItem{What: "Chứng thư của thiết bị " + t.Serial + " đã hết hạn", Since: custody.DateOf(t.Certificate.NotAfter), Who: t.CustodianName})
		}
	}
	f.States = states.rows
	f.More = &forms.Details{Horizon: custody.DateOf(horizon.Add(-time.Second)), ReportHours: int(g.settings.ReportWithin() / time.Hour), DeviceDays: g.settings.DeviceWithin()}
	if err := g.reportMoves(f, kinds, from, until); err != nil {
		return nil, err
	}
	if err := g.reportSignatures(f, from, until); err != nil {
		return nil, err
	}
	if err := g.reportDetails(f, tokens, from, until); err != nil {
		return nil, err
	}
	return f, nil
}

// PeriodReport is the report of a period as the register has it now, for who reads papers:
// not numbered and not issued.
func (s *Store) PeriodReport(ctx context.Context, actor custody.Actor, from, until custody.Date) (*forms.Report, error) {
	if err := custody.CanReadPapers(actor); err != nil {
		return nil, err
	}
	n := NewPaper{Kind: forms.PeriodReport, PaperSubject: PaperSubject{From: from, Until: until}}
	g, err := s.gather(ctx, actor, n)
	if err != nil {
		return nil, err
	}
	facts, _, err := g.facts(n)
	if err != nil {
		return nil, err
	}
	report := facts.(*forms.Report)
	rule, _ := forms.RuleOf(forms.PeriodReport)
	report.Symbol = rule.Symbol(g.school.Code)
	return report, nil
}

func (g *gathering) reportMoves(f *forms.Report, kinds map[custody.TokenID]custody.TokenKind, from, until time.Time) error {
	moves, err := g.store.handOvers(g.ctx, g.all, nil, ` AND (h.state = 'offered' OR h.offered_at >= ? AND h.offered_at < ?)`, at(from), at(until))
	if err != nil {
		return err
	}
	counted := newTally("Bàn giao đã tiếp nhận", "Nộp trả đã nhận lại", "Chờ xác nhận", "Không nhận hoặc rút lại")
	for _, h := range moves {
		name := "Không nhận hoặc rút lại"
		switch {
		case h.State == custody.Offered:
			name = "Chờ xác nhận"
			f.OpenCases = append(f.OpenCases, forms.OpenItem{What: "Giao, nhận thiết bị " + h.TokenLabel + " chờ xác nhận", Since: custody.DateOf(h.OfferedAt), Who: h.ToName})
		case h.State == custody.Accepted && h.Kind == custody.Return:
			name = "Nộp trả đã nhận lại"
		case h.State == custody.Accepted:
			name = "Bàn giao đã tiếp nhận"
		}
		if !h.OfferedAt.Before(from) && h.OfferedAt.Before(until) {
			counted.add(name, kinds[h.Token], 1)
		}
	}
	f.HandOvers = counted.rows
	incidents, err := g.store.incidents(g.ctx, g.all, nil, ` AND (i.state = 'open' OR i.reported_at >= ? AND i.reported_at < ?)`, at(from), at(until))
	if err != nil {
		return err
	}
	counted = newTally(forms.IncidentName(custody.Lost), forms.IncidentName(custody.Misplaced), forms.IncidentName(custody.Suspected))
	for _, i := range incidents {
		if i.State == "open" {
			f.OpenCases = append(f.OpenCases, forms.OpenItem{What: "Sự cố (" + forms.IncidentName(i.Kind) + "), thiết bị " + i.TokenLabel + ", chưa kết thúc", Since: custody.DateOf(i.ReportedAt), Who: i.ReporterName})
		}
		if !i.ReportedAt.Before(from) && i.ReportedAt.Before(until) {
			counted.add(forms.IncidentName(i.Kind), kinds[i.Token], 1)
		}
	}
	f.Incidents = counted.rows
	return nil
}

func (g *gathering) reportSignatures(f *forms.Report, from, until time.Time) error {
	school := string(g.school.ID)
	var acts []struct {
		Act   string `db:"act"`
		Kind  string `db:"kind"`
		Count int    `db:"signatures"`
	}
	if err := g.store.reader.list(g.ctx, &acts, `SELECT g.act, t.kind, COUNT(*) AS signatures FROM signatures s JOIN grants g ON g.id = s.grant_id JOIN tokens t ON t.id = g.token_id
		WHERE s.school_id = ? AND s.signed_at >= ? AND s.signed_at < ? GROUP BY g.act, t.kind`, school, at(from), at(until)); err != nil {
		return fmt.Errorf("count signatures: %w", err)
	}
	counted := newTally()
	for _, act := range custody.Acts {
		counted.add(forms.ActName(act), custody.Personal, 0)
	}
	for _, a := range acts {
		counted.add(forms.ActName(custody.Act(a.Act)), custody.TokenKind(a.Kind), a.Count)
	}
	f.Acts = counted.rows
	for month := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, custody.SchoolZone); month.Before(until); month = month.AddDate(0, 1, 0) {
		begin, end := month, month.AddDate(0, 1, 0)
		if begin.Before(from) {
			begin = from
		}
		if end.After(until) {
			end = until
		}
		m := forms.Month{Month: month.Format("2006-01")}
		if err := g.store.reader.get(g.ctx, &m.Count, `SELECT COUNT(*) FROM signatures s WHERE s.school_id = ? AND s.signed_at >= ? AND s.signed_at < ?`, school, at(begin), at(end)); err != nil {
			return fmt.Errorf("count signatures: %w", err)
		}
		f.Months = append(f.Months, m)
	}
	if err := g.store.reader.get(g.ctx, &f.Refused, `SELECT COUNT(*) FROM log_entries WHERE school_id = ? AND entry_type = 'refusal' AND logged_at >= ? AND logged_at < ?`, school, at(from), at(until)); err != nil {
		return fmt.Errorf("count refusals: %w", err)
	}
	// Entries of today are still being made, while somebody looks at the preview.
	counting := until
	if today, err := time.ParseInLocation(time.DateOnly, string(custody.DateOf(g.now)), custody.SchoolZone); err == nil && today.Before(until) {
		counting = today
	}
	f.LogUntil = custody.DateOf(counting.Add(-time.Hour))
	if err := g.store.reader.get(g.ctx, &f.LogSize, `SELECT COUNT(*) FROM log_entries WHERE school_id = ? AND logged_at < ?`, school, at(counting)); err != nil {
		return fmt.Errorf("count entries: %w", err)
	}
	return nil
}

// tally counts by name and kind of token, in the order in which names come.
type tally struct{ rows []forms.Count }

func newTally(names ...string) *tally {
	t := &tally{rows: []forms.Count{}}
	for _, name := range names {
		t.rows = append(t.rows, forms.Count{Name: name})
	}
	return t
}

func (t *tally) add(name string, kind custody.TokenKind, n int) {
	for i := range t.rows {
		if t.rows[i].Name == name {
			if kind == custody.Seal {
				t.rows[i].Seal += n
			} else {
				t.rows[i].Personal += n
			}
			return
		}
	}
	t.rows = append(t.rows, forms.Count{Name: name})
	t.add(name, kind, n)
}
