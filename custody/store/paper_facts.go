package store

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
)

// gathering is what the facts of a paper are gathered from. It reads everything:
// who may make papers has been asked before.
type gathering struct {
	ctx      context.Context
	store    *Store
	all      custody.Actor // sees the whole register
	school   custody.School
	settings custody.Settings
	people   map[custody.PersonID]PersonRow
	maker    custody.PersonID
	now      time.Time
	head     forms.Head
}

func (s *Store) gather(ctx context.Context, actor custody.Actor, n NewPaper) (*gathering, error) {
	g := &gathering{ctx: ctx, store: s, all: custody.SystemActor(actor.School), people: map[custody.PersonID]PersonRow{}, maker: actor.Person, now: s.now()}
	var err error
	if g.school, err = s.schoolByID(ctx, actor.School); err != nil {
		return nil, err
	}
	if g.settings, err = s.Settings(ctx, actor); err != nil {
		return nil, err
	}
	rows, err := s.people(ctx, g.all, "", nil)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		g.people[row.ID] = row
	}
	day, err := custody.ParseDate(string(n.Date))
	if err != nil {
		return nil, custody.Invalid("date", "%v", err)
	}
	if day == "" {
		day = custody.DateOf(g.now)
	}
	g.head = forms.Head{Superior: g.school.Superior, Issuer: g.school.Name, Place: g.school.Place, Date: day, Recipients: "Như trên\nLưu: VT"}
	g.head.SignerTitle, g.head.SignerName = "Hiệu trưởng", ""
	for _, row := range rows {
		for _, p := range row.Positions {
			if p.Kind == custody.Principal && p.InForce(day) {
				g.head.SignerTitle, g.head.SignerName = p.Title, row.Name
			}
		}
	}
	return g, nil
}

// facts gathers the facts of a kind of paper, and completes its subject.
func (g *gathering) facts(n NewPaper) (forms.Facts, PaperSubject, error) {
	switch n.Kind {
	case forms.HandOverMinutes:
		return g.handOver(n.HandOver)
	case forms.LossReport:
		return g.loss(n.Incident)
	case forms.RevocationRequest, forms.RecoveryRequest, forms.RenewalRequest, forms.DeviceMinutes, forms.LostDevice:
		return g.request(n)
	case forms.CheckMinutes:
		return g.check(n.Check)
	}
	return g.period(n)
}

// party is a person with the position of that day.
func (g *gathering) party(id custody.PersonID, day custody.Date) forms.Party {
	row := g.people[id]
	p := forms.Party{Name: row.Name}
	if position, ok := custody.PositionOn(row.Positions, day); ok {
		p.Title = position.Title
	}
	return p
}

// forSchool is a person who acts for the school, when the safe is one side: the
// principal where nobody is known.
func (g *gathering) forSchool(id string, day custody.Date) forms.Party {
	if p := g.party(custody.PersonID(id), day); p.Name != "" {
		return p
	}
	return forms.Party{Name: g.head.SignerName, Title: g.head.SignerTitle}
}

func (g *gathering) device(t TokenRow) forms.Device {
	return forms.Device{Kind: t.Kind, Label: t.Label, Model: t.Model, Serial: t.Serial, Certificate: certificateFacts(t.Certificate)}
}

// emailAddress is the attribute of RFC 2985 §5.2.1, which the subject of a school's
// certificate has.
var emailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

func certificateFacts(c custody.Certificate) forms.Certificate {
	out := forms.Certificate{Name: c.Subject, Serial: c.Serial, From: custody.DateOf(c.NotBefore), Until: custody.DateOf(c.NotAfter)}
	cert, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return out
	}
	if cert.Subject.CommonName != "" {
		out.Name = cert.Subject.CommonName
	}
	out.Issuer = cert.Issuer.CommonName
	if len(cert.EmailAddresses) > 0 {
		out.Email = cert.EmailAddresses[0]
	}
	for _, name := range cert.Subject.Names {
		if text, ok := name.Value.(string); ok && name.Type.Equal(emailAddress) && out.Email == "" {
			out.Email = text
		}
	}
	return out
}

func (g *gathering) handOver(id custody.HandOverID) (forms.Facts, PaperSubject, error) {
	row, err := g.store.HandOver(g.ctx, g.all, id)
	if err != nil {
		return nil, PaperSubject{}, err
	}
	if row.State != custody.Accepted && row.State != custody.Offered {
		return nil, PaperSubject{}, custody.Conflict(custody.ReasonNotAccepted)
	}
	token, err := g.store.Token(g.ctx, g.all, row.Token)
	if err != nil {
		return nil, PaperSubject{}, err
	}
	f := &forms.HandOver{Head: g.head, Return: row.Kind == custody.Return, At: row.OfferedAt, Where: g.school.Name, Permission: row.PermissionNumber, PermissionDate: row.PermissionDate,
		Reason: row.Reason, Device: g.device(token), Entries: count(row.OfferEntry), TemporaryUntil: row.Until, PermissionBy: row.PermissionSigner}
	if row.DecidedAt != nil {
		f.At = *row.DecidedAt
	}
	if row.Entry != row.OfferEntry {
		f.Entries += " và " + count(row.Entry)
	}
	f.Device.Condition, f.Device.Accessories = row.Condition, row.Accessories
	if row.PINChanged != nil {
		f.PINChanged = "no"
		if *row.PINChanged {
			f.PINChanged = "yes"
		}
	}
	day := custody.DateOf(f.At)
	f.Giver, f.Receiver = g.party(row.From, day), g.party(row.To, day)
	if row.Witness != "" {
		f.Witness = g.party(row.Witness, day)
	}
	if row.From == "" {
		f.Giver = g.forSchool(string(row.OfferedBy), day)
	}
	if row.To == "" {
		f.Receiver = g.forSchool(string(row.DecidedBy), day)
	} else {
		f.Scope = g.scope(row.To, day, token.Kind)
	}
	f.Recipients = "Bên giao, bên nhận\nLưu: VT"
	return f, PaperSubject{HandOver: id, Token: row.Token}, nil
}

// scope words what a person may sign on that day with a token of that kind.
func (g *gathering) scope(id custody.PersonID, day custody.Date, kind custody.TokenKind) string {
	var lines []string
	for _, scope := range g.people[id].Scopes {
		if scope.From > day || scope.Until != "" && scope.Until < day {
			continue
		}
		var acts []string
		for _, act := range scope.Acts {
			if act.OfSeal() == (kind == custody.Seal) {
				acts = append(acts, strings.ToLower(forms.ActName(act)))
			}
		}
		if len(acts) == 0 {
			continue
		}
		line := "Được " + strings.Join(acts, ", ")
		if kinds := strings.Join(scope.Kinds, ", "); kinds != "" && kinds != "*" {
			line += " trên các loại văn bản " + kinds
		}
		if scope.Paper != "" {
			line += " theo " + scope.Paper
		}
		lines = append(lines, line+".")
	}
	return strings.Join(lines, "\n")
}

func (g *gathering) loss(id custody.IncidentID) (forms.Facts, PaperSubject, error) {
	rows, err := g.store.incidents(g.ctx, g.all, nil, ` AND i.id = ?`, string(id))
	if err != nil {
		return nil, PaperSubject{}, err
	}
	if len(rows) == 0 {
		return nil, PaperSubject{}, custody.NotFound("incident")
	}
	row := rows[0]
	token, err := g.store.Token(g.ctx, g.all, row.Token)
	if err != nil {
		return nil, PaperSubject{}, err
	}
	reporter := g.people[row.Reporter]
	f := &forms.Loss{Head: g.head, Kind: row.Kind, To: "Hiệu trưởng " + g.school.Name + "\n" + g.settings.Value(custody.SettingRevokeTo), Reporter: g.party(row.Reporter, custody.DateOf(row.ReportedAt)),
		Phone: reporter.Phone, Email: reporter.Email, Device: g.device(token), DiscoveredAt: row.DiscoveredAt, Where: row.Place, ReportedAt: row.ReportedAt, Events: row.Description,
		ReportedEntry: row.Entry,
		Done:          "Đã khóa thiết bị trong hệ thống quản lý của nhà trường ngay khi báo cáo.", Asked: "Đề nghị thu hồi chứng thư chữ ký số và cấp lại thiết bị theo quy định."}
	if body := g.settings.Value(custody.SettingManagingBody); body != "" {
		f.To = "Hiệu trưởng " + g.school.Name + "\n" + body + "\n" + g.settings.Value(custody.SettingRevokeTo)
	}
	if row.PIN == custody.PINExposed || row.PIN == custody.PINSafe {
		f.PINExposed = string(row.PIN) // otherwise it is left to be ticked by hand
	}
	if row.LastUsedAt != nil {
		f.LastUse = row.LastUsedAt.In(custody.SchoolZone).Format("15:04 02/01/2006")
	} else {
		last, err := g.signed(` AND g.token_id = ? AND s.recorded_at <= ? ORDER BY s.recorded_at DESC LIMIT 1`, string(row.Token), at(row.DoubtSince()))
		if err != nil {
			return nil, PaperSubject{}, err
		}
		if len(last) > 0 {
			f.LastUse = last[0].At.In(custody.SchoolZone).Format("15:04 02/01/2006") + ", " + strings.TrimSpace(strings.ToLower(forms.ActName(custody.Act(last[0].Act)))+" văn bản "+last[0].Number)
		}
	}
	// The report lists what the incident's own page lists for review.
	doubtful, err := g.store.doubtful(g.ctx, g.all, row.Incident)
	if err != nil {
		return nil, PaperSubject{}, err
	}
	if len(doubtful) > maxAtRisk {
		doubtful, f.AtRiskMore = doubtful[:maxAtRisk], len(doubtful)-maxAtRisk
	}
	f.AtRisk = []forms.Signed{}
	for _, d := range doubtful {
		f.AtRisk = append(f.AtRisk, forms.Signed{At: d.SignedAt, Number: strings.TrimSuffix(d.Number+"/"+d.Symbol, "/"), Kind: d.Kind, Summary: d.Summary, Signer: d.SignerName, Act: string(d.Act)})
	}
	return f, PaperSubject{Incident: id, Token: row.Token}, nil
}

// maxAtRisk bounds the signatures that a report lists.
const maxAtRisk = 50

// request gathers forms 04 to 09. Where another body than the school manages the
// token directly, the paper is that body's: its number and its signer are left open.
func (g *gathering) request(n NewPaper) (forms.Facts, PaperSubject, error) {
	subject := n.PaperSubject
	if subject.Token == "" && subject.Incident != "" {
		rows, err := g.store.incidents(g.ctx, g.all, nil, ` AND i.id = ?`, string(subject.Incident))
		if err != nil {
			return nil, subject, err
		}
		if len(rows) == 0 {
			return nil, subject, custody.NotFound("incident")
		}
		subject.Token = rows[0].Token
	}
	token, err := g.store.Token(g.ctx, g.all, subject.Token)
	if err != nil {
		return nil, subject, err
	}
	incident, err := g.incidentOf(&subject)
	if err != nil {
		return nil, subject, err
	}
	head := g.head
	if body := g.settings.Value(custody.SettingManagingBody); body != "" && body != g.school.Name {
		head.Superior, head.Issuer, head.SignerTitle, head.SignerName = "", body, "Thủ trưởng cơ quan", ""
	}
	facts, err := g.letter(n.Kind, head, token, incident, &subject)
	if err == nil && n.Support != "" {
		err = g.support(n.Support, facts, subject.Token)
	}
	return facts, subject, err
}

// letter gathers one of forms 04 to 09.
func (g *gathering) letter(kind forms.Kind, head forms.Head, token TokenRow, incident *IncidentRow, subject *PaperSubject) (forms.Facts, error) {
	device := g.device(token)
	maker := g.people[g.maker]
	contact := forms.Contact{Party: g.party(g.maker, head.Date), Phone: maker.Phone, Email: maker.Email}
	contact.Unit = g.school.Name
	owner := g.people[token.Owner]
	email := device.Certificate.Email
	if email == "" {
		email = owner.Email
	}
	switch kind {
	case forms.RevocationRequest:
		f := &forms.Revocation{Head: head, To: g.settings.Value(custody.SettingRevokeTo), Contact: contact, Device: device, Subscriber: forms.Subscriber{Email: email}}
		if incident != nil {
			f.Reason = forms.IncidentName(incident.Kind) + ", phát hiện ngày " + incident.DiscoveredAt.In(custody.SchoolZone).Format("02/01/2006")
		}
		return f, nil
	case forms.RecoveryRequest:
		return &forms.Recovery{Head: head, To: g.settings.Value(custody.SettingRecoverTo), Contact: contact, Device: device, Email: email, Unit: g.school.Name}, nil
	case forms.RenewalRequest:
		return &forms.Renewal{Head: head, To: g.settings.Value(custody.SettingRenewTo), Contact: contact.Party, Phone: contact.Phone, Device: device, Email: email, Renew: "yes"}, nil
	case forms.DeviceMinutes:
		f := &forms.DeviceDelivery{Head: head, Day: head.Date, GiverBody: head.Issuer, Giver: contact.Party, ReceiverBody: g.settings.Value(custody.SettingRevokeTo), Device: device, RevokedOn: revokedOn(token)}
		f.Giver.Unit, f.Recipients = "", "Bên giao, bên nhận\nLưu: VT"
		return f, nil
	}
	f := &forms.DeviceLoss{Head: head, To: g.settings.Value(custody.SettingRevokeTo), Device: device, RevokedOn: revokedOn(token)}
	day := head.Date
	if incident != nil {
		f.LostOn, f.Where, f.Events = incident.DiscoveredAt.In(custody.SchoolZone).Format("15:04 02/01/2006"), incident.Place, incident.Description
		day = custody.DateOf(incident.DiscoveredAt)
	}
	switch {
	case incident != nil && incident.Custodian != "":
		f.Keeper = g.party(incident.Custodian, day)
	case token.Custodian != "":
		f.Keeper = g.party(token.Custodian, day)
	}
	letters, err := g.store.papers(g.ctx, g.all, &Page{Limit: 1}, ` AND p.token_id = ? AND p.kind = ?`, string(subject.Token), string(forms.RevocationRequest))
	if err != nil {
		return nil, err
	}
	if len(letters) > 0 {
		f.Request = paperName(letters[0]) + " ngày " + dayText(letters[0].Date)
	}
	return f, nil
}

// incidentOf is the incident named, or the latest open one of the token; nil = none.
func (g *gathering) incidentOf(subject *PaperSubject) (*IncidentRow, error) {
	condition, value := ` AND i.token_id = ? AND i.state = 'open'`, string(subject.Token)
	if subject.Incident != "" {
		condition, value = ` AND i.id = ?`, string(subject.Incident)
	}
	rows, err := g.store.incidents(g.ctx, g.all, nil, condition, value)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if subject.Incident != "" && rows[0].Token != subject.Token {
		return nil, custody.NotFound("incident")
	}
	subject.Incident = rows[0].ID
	return &rows[0], nil
}

func revokedOn(t TokenRow) custody.Date {
	if t.Certificate.RevokedAt == nil {
		return ""
	}
	return custody.DateOf(*t.Certificate.RevokedAt)
}

// paperName is number and symbol as documents name each other: 07/BB-MNHS.
func paperName(p PaperRow) string {
	if p.Symbol == "" {
		return ""
	}
	number := "……"
	if p.Number > 0 {
		number = forms.Number(p.Number)
	}
	return number + "/" + p.Symbol
}

func dayText(day custody.Date) string {
	t, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return ""
	}
	return t.Format("02/01/2006")
}
