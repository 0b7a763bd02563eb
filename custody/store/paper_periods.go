package store

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/forms"
)

// days are the bounds of a period: from its first moment to the first after it.
func bounds(p forms.Period) (from, until time.Time, err error) {
	if from, err = time.ParseInLocation(time.DateOnly, string(p.From), custody.SchoolZone); err != nil {
		return from, until, custody.Invalid("from", "%v", err)
	}
	if until, err = time.ParseInLocation(time.DateOnly, string(p.Until), custody.SchoolZone); err != nil {
		return from, until, custody.Invalid("until", "%v", err)
	}
	until = until.AddDate(0, 0, 1)
	switch {
	case !until.After(from):
		return from, until, custody.Invalid("until", "the period ends before it begins")
	case until.After(from.AddDate(maxPaperYears, 0, 1)):
		return from, until, custody.Conflict(custody.ReasonPeriodTooLong, "most", fmt.Sprint(maxPaperYears), "field", "until")
	}
	return from, until, nil
}

// period gathers registers and the report.
func (g *gathering) period(n NewPaper) (forms.Facts, PaperSubject, error) {
	if n.Kind == forms.DeviceRegister {
		f, err := g.deviceList()
		return f, PaperSubject{}, err
	}
	p := forms.Period{From: n.From, Until: n.Until}
	subject := PaperSubject{From: n.From, Until: n.Until}
	from, until, err := bounds(p)
	if err != nil {
		return nil, subject, err
	}
	var f forms.Facts
	switch n.Kind {
	case forms.HandOverRegister:
		var rows []forms.HandOverRow
		rows, err = g.handOverRows(from, until)
		f = &forms.HandOverList{Head: g.head, Period: p, Rows: rows}
	case forms.IncidentRegister:
		var rows []forms.IncidentRow
		rows, err = g.incidentRows(from, until)
		f = &forms.IncidentList{Head: g.head, Period: p, Rows: rows}
	case forms.SignatureRegister, forms.OutgoingRegister:
		f, err = g.signatureBook(n.Kind, p, from, until)
	default:
		f, err = g.report(p, from, until)
	}
	return f, subject, err
}

// signatureBook is a register of signatures with the part of the log that it is made of,
// up to its last line: so that it does not change by what is logged afterwards, also
// between its draft and its issue.
func (g *gathering) signatureBook(kind forms.Kind, p forms.Period, from, until time.Time) (forms.Facts, error) {
	condition, args := ` AND s.signed_at >= ? AND s.signed_at < ?`, []any{at(from), at(until)}
	if kind == forms.OutgoingRegister {
		condition, args = condition+` AND g.act = ?`, append(args, string(custody.Issue))
	}
	rows, entries, err := g.signedWithEntries(condition+` ORDER BY s.signed_at, s.entry_index LIMIT ?`, append(args, maxPaperRows+1)...)
	if err != nil {
		return nil, err
	}
	if len(rows) > maxPaperRows {
		return nil, custody.Conflict(custody.ReasonTooMany, "most", fmt.Sprint(maxPaperRows))
	}
	for i := range rows {
		rows[i].Entry = entries[i]
	}
	var log *forms.LogPoint
	if len(entries) > 0 {
		log = &forms.LogPoint{Origin: g.school.Origin, Size: slices.Max(entries) + 1}
		root, err := tlog.TreeHash(log.Size, storedHashes{ctx: g.ctx, q: g.store.reader, school: g.school.ID})
		if err != nil {
			return nil, fmt.Errorf("root of the log: %w", err)
		}
		log.Root = root.String()
	}
	if kind == forms.OutgoingRegister {
		return &forms.OutgoingList{Head: g.head, Period: p, Rows: rows, Log: log}, nil
	}
	return &forms.SignatureList{Head: g.head, Period: p, Rows: rows, Log: log}, nil
}

type signedRow struct {
	At       stamp  `db:"signed_at"`
	Number   string `db:"document_number"`
	Symbol   string `db:"document_symbol"`
	Kind     string `db:"document_kind"`
	Summary  string `db:"summary"`
	Signer   string `db:"signer"`
	Capacity string `db:"capacity"`
	Act      string `db:"act"`
	Cert     string `db:"certificate_sha256"`
	Late     bool   `db:"late"`
	After    bool   `db:"after_report"`
	Entry    int64  `db:"entry_index"`
}

// signed lists signatures of the log; the condition is of signatures s and grants g.
func (g *gathering) signed(condition string, args ...any) ([]forms.Signed, error) {
	rows, _, err := g.signedWithEntries(condition, args...)
	return rows, err
}

// signedWithEntries is signed with the entry of each.
func (g *gathering) signedWithEntries(condition string, args ...any) ([]forms.Signed, []int64, error) {
	var rows []signedRow
	if err := g.store.reader.list(g.ctx, &rows, `SELECT s.signed_at, g.document_number, g.document_symbol, g.document_kind, `+revealOf("s", "summary")+` AS summary, `+
		fmt.Sprintf(nameOf, "g.person_id")+` AS signer, g.capacity, g.act, g.certificate_sha256, s.late, s.after_report, s.entry_index
		FROM signatures s JOIN grants g ON g.id = s.grant_id WHERE s.school_id = ?`+condition, append([]any{string(g.school.ID)}, args...)...); err != nil {
		return nil, nil, fmt.Errorf("list signatures: %w", err)
	}
	serials := map[string]string{}
	out, entries := make([]forms.Signed, 0, len(rows)), make([]int64, 0, len(rows))
	for _, r := range rows {
		if _, ok := serials[r.Cert]; !ok {
			serial, err := g.certificateSerial(r.Cert)
			if err != nil {
				return nil, nil, err
			}
			serials[r.Cert] = serial
		}
		signed := forms.Signed{At: r.At.Time, Number: r.Number, Kind: r.Kind, Summary: r.Summary, Signer: r.Signer, Capacity: r.Capacity, Act: r.Act, Serial: serials[r.Cert], Result: "Đã ký"}
		if r.Symbol != "" {
			signed.Number += "/" + r.Symbol
		}
		var remarks []string
		if r.Late {
			remarks = append(remarks, "ghi muộn")
		}
		if r.After {
			remarks = append(remarks, "sau khi báo mất")
		}
		signed.Remark = strings.Join(remarks, "; ")
		out, entries = append(out, signed), append(entries, r.Entry)
	}
	return out, entries, nil
}

func (g *gathering) certificateSerial(sha256 string) (string, error) {
	var der []byte
	if err := g.store.reader.get(g.ctx, &der, `SELECT der FROM certificates WHERE school_id = ? AND sha256 = ?`, string(g.school.ID), sha256); err != nil {
		return "", fmt.Errorf("read certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return "", fmt.Errorf("read registered certificate %s: %w: %w", sha256, ErrDamaged, err)
	}
	return fmt.Sprintf("%x", cert.SerialNumber), nil
}

func (g *gathering) handOverRows(from, until time.Time) ([]forms.HandOverRow, error) {
	listed, err := g.store.handOvers(g.ctx, g.all, nil, ` AND h.offered_at >= ? AND h.offered_at < ?`, at(from), at(until))
	if err != nil {
		return nil, err
	}
	if len(listed) > maxPaperRows {
		return nil, custody.Conflict(custody.ReasonTooMany, "most", fmt.Sprint(maxPaperRows))
	}
	tokens, err := g.tokens()
	if err != nil {
		return nil, err
	}
	minutes, err := g.store.papers(g.ctx, g.all, &Page{Limit: maxPaperRows}, ` AND p.kind = ?`, string(forms.HandOverMinutes))
	if err != nil {
		return nil, err
	}
	numbers := map[custody.HandOverID]string{}
	for _, p := range minutes {
		if p.Replaced == "" && numbers[p.Subject.HandOver] == "" {
			numbers[p.Subject.HandOver] = paperName(p)
		}
	}
	const safe = "Nhà trường (tủ bảo quản)"
	rows := []forms.HandOverRow{}
	for _, h := range listed {
		row := forms.HandOverRow{At: h.OfferedAt, Serial: tokens[h.Token].Serial, Kind: tokens[h.Token].Kind, Giver: h.FromName, Receiver: h.ToName, Reason: h.Reason, Minutes: numbers[h.ID], Until: h.Until, Remark: handOverState(h.State)}
		if h.DecidedAt != nil {
			row.At = *h.DecidedAt
		}
		if h.From == "" {
			row.Giver = safe
		}
		if h.To == "" {
			row.Receiver = safe
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func handOverState(s custody.HandOverState) string {
	switch s {
	case custody.Offered:
		return "Chờ tiếp nhận"
	case custody.Accepted:
		return "Đã tiếp nhận"
	case custody.Declined:
		return "Không nhận"
	}
	return "Đã rút lại"
}

func (g *gathering) tokens() (map[custody.TokenID]TokenRow, error) {
	rows, err := g.store.Tokens(g.ctx, g.all)
	if err != nil {
		return nil, err
	}
	byID := map[custody.TokenID]TokenRow{}
	for _, t := range rows {
		byID[t.ID] = t
	}
	return byID, nil
}

func (g *gathering) incidentRows(from, until time.Time) ([]forms.IncidentRow, error) {
	listed, err := g.store.tracks(g.ctx, g.all, ` AND i.reported_at >= ? AND i.reported_at < ?`, at(from), at(until))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(listed, func(a, b TrackRow) int { return a.ReportedAt.Compare(b.ReportedAt) })
	tokens, err := g.tokens()
	if err != nil {
		return nil, err
	}
	papers, err := g.store.papers(g.ctx, g.all, &Page{Limit: maxPaperRows}, ` AND p.incident_id IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	rows := []forms.IncidentRow{}
	for _, i := range listed {
		token := tokens[i.Token]
		row := forms.IncidentRow{DiscoveredAt: i.DiscoveredAt, Reporter: i.ReporterName, Serial: token.Serial, Kind: i.Kind, ReportedAt: i.ReportedAt, Result: incidentState(i.State)}
		if token.Certificate.RevokedAt != nil && !token.Certificate.RevokedAt.Before(i.DiscoveredAt) {
			row.RevokedAt = *token.Certificate.RevokedAt
		}
		named := map[string]bool{} // papers that the track names
		for _, step := range i.Steps {
			at := step.DoneAt.In(custody.SchoolZone).Format("15:04 02/01/2006")
			paper := strings.TrimSuffix(at+", "+step.PaperNumber, ", ")
			switch step.Kind {
			case custody.StepRevocationAsked, custody.StepAuthorityInformed:
				row.Authority = strings.TrimPrefix(row.Authority+"; "+paper, "; ")
			case custody.StepDeviceReturned:
				row.Device = strings.TrimPrefix(row.Device+"; Mẫu 08: "+paper, "; ")
			case custody.StepDeviceLost:
				row.Device = strings.TrimPrefix(row.Device+"; Mẫu 09: "+paper, "; ")
			}
			named[step.PaperNumber] = step.PaperNumber != ""
		}
		for _, p := range papers {
			if named[paperName(p)] {
				continue
			}
			if p.Subject.Incident != i.ID || p.Replaced != "" {
				continue
			}
			name := paperName(p) + " " + dayText(p.Date)
			switch p.Kind {
			case forms.RevocationRequest:
				row.Authority = strings.TrimPrefix(row.Authority+"; "+name, "; ")
			case forms.DeviceMinutes:
				row.Device = strings.TrimPrefix(row.Device+"; Mẫu 08: "+name, "; ")
			case forms.LostDevice:
				row.Device = strings.TrimPrefix(row.Device+"; Mẫu 09: "+name, "; ")
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func incidentState(state string) string {
	switch state {
	case "open":
		return "Đang xử lý"
	case "cleared":
		return "Đã tìm thấy, được dùng lại"
	}
	return "Đã kết thúc"
}

func (g *gathering) deviceList() (forms.Facts, error) {
	rows, err := g.store.Tokens(g.ctx, g.all)
	if err != nil {
		return nil, err
	}
	if len(rows) > maxPaperRows {
		return nil, custody.Conflict(custody.ReasonTooMany, "most", fmt.Sprint(maxPaperRows))
	}
	f := &forms.DeviceList{Head: g.head, AsOf: custody.DateOf(g.now), Rows: []forms.DeviceRow{}}
	for _, t := range rows {
		row := forms.DeviceRow{Device: g.device(t), Subject: g.people[t.Owner].Name, Keeper: t.CustodianName, State: forms.StateName(t.State)}
		if t.Kind == custody.Seal {
			row.Subject = g.school.Name
		}
		if t.Certificate.RevokedAt != nil {
			row.State += ", chứng thư đã bị thu hồi"
		} else if t.Certificate.NotAfter.Before(g.now) {
			row.State += ", chứng thư đã hết hạn"
		}
		f.Rows = append(f.Rows, row)
	}
	return f, nil
}
