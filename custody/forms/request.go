package forms

import (
	"fmt"
	"strings"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// Contact is who the authority talks to (forms 05 and 06, part 1). The identity
// number is personal: it stands on the paper and in no list.
type Contact struct {
	Party
	Identity       string       `json:"identity"`
	IdentityDate   custody.Date `json:"identity_date"`
	IdentityIssuer string       `json:"identity_issuer"`
	Phone          string       `json:"phone"`
	Email          string       `json:"email"`
	Address        string       `json:"address"` // where the device is taken back
}

func (c *Contact) inputs(address bool) []Input {
	in := []Input{{"contact_name", &c.Name, Line, true}, {"contact_title", &c.Title, Line, false}, {"contact_identity", &c.Identity, Line, false},
		{"contact_identity_date", (*string)(&c.IdentityDate), Day, false}, {"contact_identity_issuer", &c.IdentityIssuer, Line, false}, {"contact_phone", &c.Phone, Line, false}}
	if address {
		in = append(in, Input{"contact_email", &c.Email, Line, false}, Input{"contact_address", &c.Address, Line, false})
	}
	return in
}

func (c *Contact) blocks() []paper.Block {
	identity := "Số định danh cá nhân: " + orBlank(c.Identity) + "; ngày cấp: " + orBlank(shortDay(c.IdentityDate)) + "; nơi cấp: " + orBlank(c.IdentityIssuer) + "."
	return []paper.Block{c.text(), paper.Body(identity)}
}

// Subscriber is whose certificate it is.
type Subscriber struct {
	Identity       string       `json:"identity"` // personal certificates
	IdentityDate   custody.Date `json:"identity_date"`
	IdentityIssuer string       `json:"identity_issuer"`
	TaxCode        string       `json:"tax_code"`    // certificates of the organisation
	BudgetCode     string       `json:"budget_code"` // mã quan hệ ngân sách
	Email          string       `json:"email"`       // official
}

func (b *Subscriber) inputs(kind custody.TokenKind) []Input {
	email := Input{"subscriber_email", &b.Email, Line, false}
	if kind == custody.Seal {
		return []Input{{"tax_code", &b.TaxCode, Line, false}, {"budget_code", &b.BudgetCode, Line, false}, email}
	}
	return []Input{{"subscriber_identity", &b.Identity, Line, false}, {"subscriber_identity_date", (*string)(&b.IdentityDate), Day, false},
		{"subscriber_identity_issuer", &b.IdentityIssuer, Line, false}, email}
}

func (b *Subscriber) identity() string {
	return strings.Trim(strings.Join([]string{b.Identity, shortDay(b.IdentityDate), b.IdentityIssuer}, ", "), ", ")
}

// Revocation is form 05: the letter that asks for a certificate to be revoked.
type Revocation struct {
	Head
	To         string     `json:"to"`
	Contact    Contact    `json:"contact"`
	Device     Device     `json:"device"`
	Subscriber Subscriber `json:"subscriber"`
	Reason     string     `json:"reason"`
}

// Inputs implements Facts.
func (f *Revocation) Inputs() []Input {
	in := append([]Input{{"addressee", &f.To, Lines, true}, {"reason", &f.Reason, Lines, true}}, f.Contact.inputs(true)...)
	return f.inputs(append(in, f.Subscriber.inputs(f.Device.Kind)...)...)
}

func letter(h *Head, subject, to string) paper.Sheet {
	s := paper.Sheet{Head: h.head(), Blocks: []paper.Block{paper.Addressees{Word: "Kính gửi:", To: lines(to)}}}
	s.Head.Subject = "V/v " + subject
	return s
}

func (f *Revocation) sheet() paper.Sheet {
	s := letter(&f.Head, "đề nghị thu hồi chứng thư chữ ký số chuyên dùng công vụ", f.To)
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Body("Căn cứ Nghị định số 68/2024/NĐ-CP ngày 25 tháng 6 năm 2024 của Chính phủ quy định về chữ ký số chuyên dùng công vụ, " + f.Issuer +
		" đề nghị thu hồi chứng thư chữ ký số chuyên dùng công vụ như sau:"))
	add(paper.Heading("1. Đầu mối phối hợp thu hồi thiết bị lưu khóa bí mật"))
	add(f.Contact.blocks()...)
	add(paper.Body("Điện thoại: " + orBlank(f.Contact.Phone) + "; e-mail công vụ: " + orBlank(f.Contact.Email) + "; địa chỉ thu hồi thiết bị: " + orBlank(f.Contact.Address) + "."))
	add(paper.Heading("2. Danh sách chứng thư đề nghị thu hồi"))
	c := f.Device.Certificate
	add(paper.Table{Widths: []float64{10, 19, 20, 20, 16, 22, 20, 18.5, 19.5}, Size: 10, Align: "CLLLLLLLL",
		Header: []string{"STT", "Tên chứng thư", "Số định danh, ngày cấp, nơi cấp", "Mã số thuế", "Mã quan hệ ngân sách", "E-mail công vụ", "Số hiệu chứng thư", "Số hiệu thiết bị", "Lý do thu hồi"},
		Rows:   [][]string{{"1", c.Name, f.Subscriber.identity(), f.Subscriber.TaxCode, f.Subscriber.BudgetCode, f.Subscriber.Email, c.Serial, f.Device.Serial, f.Reason}}})
	add(paper.Body(f.Issuer+" chịu trách nhiệm về tính chính xác của các thông tin nêu trên./."), f.foot())
	return s
}

// Recovery is form 06: the letter that asks for a locked device to be recovered.
type Recovery struct {
	Head
	To      string  `json:"to"`
	Contact Contact `json:"contact"`
	Device  Device  `json:"device"`
	Email   string  `json:"email"` // of the subscriber
	Unit    string  `json:"unit"`  // where the subscriber works
	Reason  string  `json:"reason"`
}

// Inputs implements Facts.
func (f *Recovery) Inputs() []Input {
	return f.inputs(append([]Input{{"addressee", &f.To, Lines, true}, {"reason", &f.Reason, Line, false}, {"subscriber_unit", &f.Unit, Line, false}, {"subscriber_email", &f.Email, Line, false}}, f.Contact.inputs(false)...)...)
}

func (f *Recovery) sheet() paper.Sheet {
	s := letter(&f.Head, "đề nghị khôi phục thiết bị lưu khóa bí mật", f.To)
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Body("Căn cứ Nghị định số 68/2024/NĐ-CP ngày 25 tháng 6 năm 2024 của Chính phủ quy định về chữ ký số chuyên dùng công vụ, " + f.Issuer +
		" đề nghị khôi phục thiết bị lưu khóa bí mật như sau:"))
	add(paper.Heading("1. Người phối hợp"))
	add(f.Contact.blocks()...)
	add(paper.Body("Cơ quan, tổ chức: " + f.Issuer + "; điện thoại: " + orBlank(f.Contact.Phone) + "."))
	add(paper.Heading("2. Danh sách thiết bị đề nghị khôi phục"))
	add(paper.Table{Widths: []float64{10, 36, 40, 42, 37}, Align: "CLLLL",
		Header: []string{"STT", "Số hiệu thiết bị", "Thuê bao: tên chứng thư", "Cơ quan, tổ chức công tác", "E-mail công vụ"},
		Rows:   [][]string{{"1", f.Device.Serial, f.Device.Certificate.Name, f.Unit, f.Email}}})
	if f.Reason != "" {
		add(paper.Body("Lý do: " + strings.TrimRight(f.Reason, ". ") + "."))
	}
	add(paper.Body(f.Issuer+" chịu trách nhiệm về tính chính xác của các thông tin nêu trên./."), f.foot())
	return s
}

// Renewal is form 04: the letter that asks for a certificate to be renewed or changed.
type Renewal struct {
	Head
	To      string `json:"to"`
	Contact Party  `json:"contact"`
	Phone   string `json:"phone"`
	Device  Device `json:"device"`
	Email   string `json:"email"`
	Renew   string `json:"renew"` // yes or no: gia hạn
	Old     string `json:"old"`   // what changes
	New     string `json:"new"`
}

// Inputs implements Facts.
func (f *Renewal) Inputs() []Input {
	return f.inputs(Input{"addressee", &f.To, Lines, true}, Input{"renew", &f.Renew, YesNo, true}, Input{"change_old", &f.Old, Lines, false}, Input{"change_new", &f.New, Lines, false},
		Input{"subscriber_email", &f.Email, Line, false}, Input{"contact_name", &f.Contact.Name, Line, false}, Input{"contact_title", &f.Contact.Title, Line, false},
		Input{"contact_phone", &f.Phone, Line, false})
}

func (f *Renewal) sheet() paper.Sheet {
	subject := "gia hạn"
	changes := strings.TrimSpace(f.Old+f.New) != ""
	switch {
	case changes && f.Renew == "yes":
		subject = "gia hạn, thay đổi nội dung thông tin"
	case changes:
		subject = "thay đổi nội dung thông tin"
	}
	s := letter(&f.Head, "đề nghị "+subject+" chứng thư chữ ký số chuyên dùng công vụ", f.To)
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Body(fmt.Sprintf("Căn cứ Nghị định số 68/2024/NĐ-CP ngày 25 tháng 6 năm 2024 của Chính phủ quy định về chữ ký số chuyên dùng công vụ, %s đề nghị %s chứng thư chữ ký số chuyên dùng công vụ theo danh sách sau:", f.Issuer, subject)))
	mark := func(yes bool) string {
		if yes {
			return "x"
		}
		return ""
	}
	c := f.Device.Certificate
	add(paper.Table{Widths: []float64{10, 25, 27, 27, 25, 24, 12, 15}, Size: 10, Align: "CLLLLLCC",
		Header: []string{"STT", "Tên chứng thư", "Số hiệu chứng thư", "E-mail công vụ", "Thông tin cần thay đổi", "Thông tin mới", "Gia hạn", "Thay đổi"},
		Rows:   [][]string{{"1", c.Name, c.Serial, f.Email, f.Old, f.New, mark(f.Renew == "yes"), mark(changes)}}})
	add(paper.Body("Chứng thư hiện tại có hiệu lực từ ngày " + shortDay(c.From) + " đến ngày " + shortDay(c.Until) + "; số hiệu thiết bị: " + f.Device.Serial + "."))
	if f.Contact.Name != "" {
		add(paper.Body("Đầu mối liên hệ: " + plainName(f.Contact.Name) + "; chức vụ: " + orBlank(f.Contact.Title) + "; điện thoại: " + orBlank(f.Phone) + "."))
	}
	add(paper.Body(f.Issuer+" chịu trách nhiệm về tính chính xác của các thông tin nêu trên./."), f.foot())
	return s
}
