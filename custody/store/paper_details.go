package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
)

// reportDetails gathers what a report says one by one: posts, cases with their times,
// checks, signatures by month and by kind of document.
func (g *gathering) reportDetails(f *forms.Report, tokens []TokenRow, from, until time.Time) error {
	g.reportPosts(f, tokens)
	if err := g.reportCases(f, tokens, from, until); err != nil {
		return err
	}
	checks, err := g.store.Checks(g.ctx, g.all)
	if err != nil {
		return err
	}
	f.More.Checks = []forms.CheckLine{}
	for _, c := range slices.Backward(checks) { // the oldest first
		if c.OpenedAt.Before(from) || !c.OpenedAt.Before(until) {
			continue
		}
		line := forms.CheckLine{Kind: c.Kind, OpenedAt: c.OpenedAt, Due: c.Due, Late: c.Late, Tokens: c.Counts.Total(), Proved: c.Counts.Proved, Seen: c.Counts.Seen,
			Excused: c.Counts.Excused, Missing: c.Counts.Left()}
		if c.ClosedAt != nil {
			line.ClosedAt, line.Late = *c.ClosedAt, custody.DateOf(*c.ClosedAt) > c.Due
		}
		f.More.Checks = append(f.More.Checks, line)
	}
	return g.reportKinds(f, from, until)
}

// reportPosts counts people by the weightiest position of today.
func (g *gathering) reportPosts(f *forms.Report, tokens []TokenRow) {
	holders := map[custody.PersonID]bool{}
	for _, t := range tokens {
		if t.Custodian != "" && t.State != custody.Retired {
			holders[t.Custodian] = true
		}
	}
	today := custody.DateOf(g.now)
	posts := []forms.Post{{Kind: custody.Principal}, {Kind: custody.Deputy}, {Kind: custody.OfficeHead}, {Kind: custody.Staff}}
	other := forms.Post{}
	for id, row := range g.people {
		post := &other
		if position, ok := custody.PositionOn(row.Positions, today); ok {
			if i := slices.IndexFunc(posts, func(p forms.Post) bool { return p.Kind == position.Kind }); i >= 0 {
				post = &posts[i]
			}
		} else if !holders[id] {
			continue // has left, or runs the register only
		}
		post.People++
		if holders[id] {
			post.Holders++
		}
	}
	if other.People > 0 {
		posts = append(posts, other)
	}
	f.More.Posts = posts
}

// reportCases lists the incidents of the period, and proposes what is needed next.
func (g *gathering) reportCases(f *forms.Report, tokens []TokenRow, from, until time.Time) error {
	tracks, err := g.store.tracks(g.ctx, g.all, ` AND i.reported_at >= ? AND i.reported_at < ?`, at(from), at(until))
	if err != nil {
		return err
	}
	slices.SortStableFunc(tracks, func(a, b TrackRow) int { return a.ReportedAt.Compare(b.ReportedAt) })
	if len(tracks) > maxPaperRows {
		return custody.Conflict(custody.ReasonTooMany, "most", fmt.Sprint(maxPaperRows))
	}
	serials := map[custody.TokenID]string{}
	for _, t := range tokens {
		serials[t.ID] = t.Serial
	}
	f.More.Cases = []forms.Case{}
	for _, track := range tracks {
		c := forms.Case{Kind: track.Kind, Serial: serials[track.Token], DiscoveredAt: track.DiscoveredAt, ReportedAt: track.ReportedAt, State: incidentState(track.State)}
		if step := track.Track.Step(custody.StepCertificateRevoked); step != nil {
			c.RevokedAt = step.DoneAt
		} else if step := track.Track.Step(custody.StepRevocationNoticed); step != nil {
			c.RevokedAt = step.DoneAt
		}
		for _, d := range track.Deadlines {
			met := forms.Met{Due: d.Due, Late: d.Late(g.now)}
			if d.Met != nil {
				met.At = *d.Met
			}
			switch d.Kind {
			case custody.DeadlineReport:
				c.Authority = met
			case custody.DeadlineDevice:
				met.Due = met.Due.Add(-time.Second) // within its last day
				c.Device = met
			}
		}
		f.More.Cases = append(f.More.Cases, c)
	}
	f.Needs = needs(f, tokens)
	return nil
}

// needs proposes what the school will need: who makes the report may change it.
func needs(f *forms.Report, tokens []TokenRow) string {
	lost := map[string]bool{}
	replace := 0
	for _, t := range tokens {
		if t.State == custody.Blocked || t.State == custody.RevocationAsked || t.State == custody.Revoked {
			lost[t.Serial] = true
			replace++
		}
	}
	renew := 0
	for _, e := range f.Expiring {
		if !lost[e.Serial] {
			renew++
		}
	}
	var parts []string
	if renew > 0 {
		parts = append(parts, "Gia hạn hoặc cấp mới chứng thư của "+forms.Number(renew)+" thiết bị nêu ở mục I.")
	}
	if replace > 0 {
		parts = append(parts, "Cấp thiết bị thay thế cho "+forms.Number(replace)+" thiết bị bị khóa hoặc bị thu hồi chứng thư.")
	}
	return strings.Join(parts, "\n")
}

// reportKinds counts signatures by month and act, and by kind of document.
func (g *gathering) reportKinds(f *forms.Report, from, until time.Time) error {
	school := string(g.school.ID)
	f.More.ByMonth = []forms.SignedMonth{}
	for _, m := range f.Months {
		begin, err := time.ParseInLocation("2006-01", m.Month, custody.SchoolZone)
		if err != nil {
			return fmt.Errorf("month of a report: %w", err)
		}
		end := begin.AddDate(0, 1, 0)
		if begin.Before(from) {
			begin = from
		}
		if end.After(until) {
			end = until
		}
		var acts []struct {
			Act   string `db:"act"`
			Count int    `db:"signatures"`
		}
		if err := g.store.reader.list(g.ctx, &acts, `SELECT g.act, COUNT(*) AS signatures FROM signatures s JOIN grants g ON g.id = s.grant_id
			WHERE s.school_id = ? AND s.signed_at >= ? AND s.signed_at < ? GROUP BY g.act`, school, at(begin), at(end)); err != nil {
			return fmt.Errorf("count signatures: %w", err)
		}
		month := forms.SignedMonth{Month: m.Month, Acts: make([]int, len(custody.Acts))}
		for _, a := range acts {
			if i := slices.Index(custody.Acts, custody.Act(a.Act)); i >= 0 {
				month.Acts[i] = a.Count
			}
		}
		f.More.ByMonth = append(f.More.ByMonth, month)
	}
	var kinds []struct {
		Name  string `db:"document_kind"`
		Kind  string `db:"kind"`
		Count int    `db:"signatures"`
	}
	if err := g.store.reader.list(g.ctx, &kinds, `SELECT g.document_kind, t.kind, COUNT(*) AS signatures FROM signatures s JOIN grants g ON g.id = s.grant_id JOIN tokens t ON t.id = g.token_id
		WHERE s.school_id = ? AND s.signed_at >= ? AND s.signed_at < ? GROUP BY g.document_kind, t.kind ORDER BY g.document_kind, t.kind`, school, at(from), at(until)); err != nil {
		return fmt.Errorf("count signatures: %w", err)
	}
	counted := newTally()
	for _, k := range kinds {
		name := orWord(custody.KindName(k.Name), orWord(k.Name, "Không ghi loại"))
		counted.add(name, custody.TokenKind(k.Kind), k.Count)
	}
	f.More.Kinds = counted.rows
	return nil
}
