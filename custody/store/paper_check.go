package store

import (
	"strings"

	"sokyso/custody"
	"sokyso/custody/forms"
)

// check gathers the minutes of a custody check. It must be closed: minutes of what is
// still open would be wrong the next day.
func (g *gathering) check(id custody.CheckID) (forms.Facts, PaperSubject, error) {
	row, err := g.store.Check(g.ctx, g.all, id)
	if err != nil {
		return nil, PaperSubject{}, err
	}
	if row.ClosedAt == nil {
		return nil, PaperSubject{}, custody.Conflict(custody.ReasonNotClosed)
	}
	f := &forms.Check{Head: g.head, Kind: row.Kind, Period: row.Period, OpenedAt: row.OpenedAt, ClosedAt: *row.ClosedAt, Due: row.Due, Where: g.school.Name,
		Opinion: row.Conclusion, Entries: count(row.Entry) + " và " + count(row.Closing), Secretary: g.party(g.maker, g.head.Date), Items: []forms.CheckedToken{}}
	var members []string
	for _, party := range []forms.Party{{Name: g.head.SignerName, Title: g.head.SignerTitle}, g.party(row.ClosedBy, g.head.Date), f.Secretary} {
		line := strings.TrimSuffix(party.Name+", "+party.Title, ", ")
		if party.Name != "" && (len(members) == 0 || members[len(members)-1] != line) {
			members = append(members, line)
		}
	}
	f.Members = strings.Join(members, "\n")
	for _, item := range row.Items {
		t := forms.CheckedToken{Serial: item.Serial, Label: item.Label, Kind: item.Kind, Keeper: item.CustodianName, Outcome: item.Outcome, Entry: item.Entry}
		if item.At != nil {
			t.At = *item.At
		}
		switch item.Outcome {
		case custody.CheckSeen:
			t.Remark = strings.Trim(item.SeenByName+", "+item.WitnessName, ", ")
		case custody.CheckExcused:
			t.Remark = item.Excuse
		case custody.CheckMissing:
			t.Remark = item.NotAtHand
		}
		f.Items = append(f.Items, t)
	}
	f.Recipients = "Các thành phần có tên trên\nLưu: VT"
	return f, PaperSubject{Check: id}, nil
}

// support proposes what a request to the provider says: who is to be talked to, the
// reason, what is to be changed.
func (g *gathering) support(id custody.SupportID, facts forms.Facts, token custody.TokenID) error {
	s, err := g.store.SupportFacts(g.ctx, g.all, id)
	if err != nil {
		return err
	}
	if s.Token.ID != token {
		return custody.NotFound("support")
	}
	asker := forms.Party{Name: s.Person.Name, Title: s.Title, Unit: g.school.Name}
	switch f := facts.(type) {
	case *forms.Recovery:
		f.To, f.Reason = orWord(s.Addressee, f.To), s.Request.Description
		if asker.Name != "" {
			f.Contact.Party, f.Contact.Phone, f.Contact.Email = asker, s.Person.Phone, s.Person.Email
		}
	case *forms.Renewal:
		f.To, f.Old, f.New = orWord(s.Addressee, f.To), s.Request.Present, s.Request.Wanted
		if s.Request.Kind == custody.SupportChange {
			f.Renew = "no"
		}
		if asker.Name != "" {
			f.Contact, f.Phone = asker, s.Person.Phone
		}
	}
	return nil
}

func orWord(word, otherwise string) string {
	if word == "" {
		return otherwise
	}
	return word
}
