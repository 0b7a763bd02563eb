package custody

import "strings"

// Act is what a signature is for.
type Act string

// The acts.
const (
	Approve    Act = "approve"    // ký duyệt
	Initial    Act = "initial"    // ký nháy
	Issue      Act = "issue"      // the school's seal signature (ký số của cơ quan)
	Attachment Act = "attachment" // văn bản kèm theo
	Copy       Act = "copy"       // sao y
)

// Acts lists them.
var Acts = []Act{Approve, Initial, Issue, Attachment, Copy}

// Valid reports whether it is one of them.
func (a Act) Valid() bool {
	for _, known := range Acts {
		if a == known {
			return true
		}
	}
	return false
}

// OfSeal reports whether the act is one of the school's seal signature; the
// others are personal (Decree 30/2020/NĐ-CP Art. 32-33 and Annex I).
func (a Act) OfSeal() bool { return a == Issue || a == Attachment || a == Copy }

// Capacity is the prefix a signature is made under (Decree 30/2020/NĐ-CP Art. 13).
type Capacity string

// The capacities.
const (
	None Capacity = ""
	KT   Capacity = "KT"  // ký thay: a deputy for the head
	TM   Capacity = "TM"  // thay mặt: on behalf of a collective
	TL   Capacity = "TL"  // thừa lệnh: by order
	TUQ  Capacity = "TUQ" // thừa ủy quyền: by authorisation
	Q    Capacity = "Q"   // quyền: acting head
)

// Capacities lists them.
var Capacities = []Capacity{None, KT, TM, TL, TUQ, Q}

// Valid reports whether it is one of them.
func (c Capacity) Valid() bool {
	for _, known := range Capacities {
		if c == known {
			return true
		}
	}
	return false
}

// DocumentKind is a kind of document with its abbreviation.
type DocumentKind struct {
	Abbreviation string
	Name         string
}

// DocumentKinds are the kinds of Decree 30/2020/NĐ-CP Art. 7 with the
// abbreviations of Annex III, the copies of Annex I part II, and CV, which the
// decree does not abbreviate but offices write.
var DocumentKinds = []DocumentKind{
	{"NQ", "Nghị quyết"}, {"QĐ", "Quyết định"}, {"CT", "Chỉ thị"}, {"QC", "Quy chế"}, {"QyĐ", "Quy định"},
	{"TC", "Thông cáo"}, {"TB", "Thông báo"}, {"HD", "Hướng dẫn"}, {"CTr", "Chương trình"}, {"KH", "Kế hoạch"},
	{"PA", "Phương án"}, {"ĐA", "Đề án"}, {"DA", "Dự án"}, {"BC", "Báo cáo"}, {"BB", "Biên bản"},
	{"TTr", "Tờ trình"}, {"HĐ", "Hợp đồng"}, {"CĐ", "Công điện"}, {"BGN", "Bản ghi nhớ"}, {"BTT", "Bản thỏa thuận"},
	{"GUQ", "Giấy ủy quyền"}, {"GM", "Giấy mời"}, {"GGT", "Giấy giới thiệu"}, {"GNP", "Giấy nghỉ phép"},
	{"PG", "Phiếu gửi"}, {"PC", "Phiếu chuyển"}, {"PB", "Phiếu báo"},
	{"SY", "Bản sao y"}, {"SL", "Bản sao lục"}, {"TrS", "Bản trích sao"},
	{"CV", "Công văn"},
}

// KindName returns the Vietnamese name of an abbreviation, "" when it is none.
func KindName(abbreviation string) string {
	for _, k := range DocumentKinds {
		if k.Abbreviation == abbreviation {
			return k.Name
		}
	}
	return ""
}

// Document says which document is signed (Decree 30/2020/NĐ-CP Annex I).
type Document struct {
	Number   string // "07"
	Symbol   string // "TB-MNHS"
	Kind     string // abbreviation
	Summary  string // trích yếu
	Purpose  string // what school business it serves
	FileName string // without its folder
}

// Stated reports whether the kind and the purpose (or summary) are said: the key
// is used for the school's business only, so each signature says which.
func (d Document) Stated() bool {
	return strings.TrimSpace(d.Kind) != "" && (strings.TrimSpace(d.Summary) != "" || strings.TrimSpace(d.Purpose) != "")
}

// Continues reports whether the document can be the one approved: of the same
// kind, with the same number and symbol where the approval stated them. In
// practice the office gives number and date after the head has signed.
func (d Document) Continues(approved Document) bool {
	return d.Kind == approved.Kind && (approved.Number == "" || d.Number == approved.Number) && (approved.Symbol == "" || d.Symbol == approved.Symbol)
}

// Title names the document as people do: "TB 07/TB-MNHS".
func (d Document) Title() string {
	return strings.TrimSpace(d.Kind + " " + strings.Trim(d.Number+"/"+d.Symbol, "/"))
}
