package forms

import (
	"sokyso/custody"
	"sokyso/custody/paper"
)

// Party is a person on a paper.
type Party struct {
	Name  string `json:"name"` // "" = to be written in by hand
	Title string `json:"title"`
	Unit  string `json:"unit"`
}

func (p Party) text(more ...string) paper.Body {
	text := "Họ và tên: " + orBlank(plainName(p.Name)) + "; chức vụ: " + orBlank(p.Title)
	if p.Unit != "" {
		text += "; bộ phận, đơn vị: " + p.Unit
	}
	for _, part := range more {
		if part != "" {
			text += "; " + part
		}
	}
	return paper.Body(text + ".")
}

// Device is a token with its certificate, as papers name it.
type Device struct {
	Kind        custody.TokenKind `json:"kind"`
	Label       string            `json:"label"`
	Model       string            `json:"model"`
	Serial      string            `json:"serial"`
	Certificate Certificate       `json:"certificate"`
	Condition   string            `json:"condition"`
	Accessories string            `json:"accessories"`
}

// Certificate is what papers say of a certificate.
type Certificate struct {
	Name   string       `json:"name"`   // of its subject
	Serial string       `json:"serial"` // as the certificate has it, hexadecimal
	Issuer string       `json:"issuer"`
	Email  string       `json:"email"`
	From   custody.Date `json:"from"`
	Until  custody.Date `json:"until"`
}

func (c Certificate) validity() string { return shortDay(c.From) + " - " + shortDay(c.Until) }

func kindName(k custody.TokenKind) string {
	if k == custody.Seal {
		return "Cơ quan"
	}
	return "Cá nhân"
}

func typeName(d Device) string {
	name := "USB ký số"
	if d.Model != "" {
		name += " (" + d.Model + ")"
	}
	return name
}

// facts are the device as a table of two columns.
func (d Device) facts(more ...paper.Fact) paper.Facts {
	f := paper.Facts{{Name: "Loại thiết bị", Value: typeName(d) + ", " + lowerKind(d.Kind)}, {Name: "Số hiệu thiết bị", Value: d.Serial},
		{Name: "Tên chứng thư", Value: d.Certificate.Name}, {Name: "Số hiệu chứng thư", Value: d.Certificate.Serial},
		{Name: "Tổ chức cấp chứng thư", Value: d.Certificate.Issuer}, {Name: "Hiệu lực từ - đến", Value: d.Certificate.validity()}}
	return append(f, more...)
}

func lowerKind(k custody.TokenKind) string {
	if k == custody.Seal {
		return "của cơ quan (nhà trường)"
	}
	return "của cá nhân"
}
