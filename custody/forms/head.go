package forms

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// Head is what all papers have at their top and end.
type Head struct {
	Superior    string       `json:"superior"`   // body above the school
	Issuer      string       `json:"issuer"`     // the school, or the body that manages it directly
	Place       string       `json:"place"`      // of issue
	Number      string       `json:"number"`     // 07; "" = to be written in by hand
	Symbol      string       `json:"symbol"`     // BB-MNHS
	Date        custody.Date `json:"date"`       // of issue
	SignerTitle string       `json:"signer"`     // Hiệu trưởng
	SignerName  string       `json:"name"`       // with or without academic title
	Recipients  string       `json:"recipients"` // lines
}

// Top implements Facts for the papers that embed it.
func (h *Head) Top() *Head { return h }

func (h *Head) signerInputs() []Input {
	return []Input{{"signer_title", &h.SignerTitle, Line, true}, {"signer_name", &h.SignerName, Line, false}}
}

func (h *Head) inputs(more ...Input) []Input {
	return append(append(more, h.signerInputs()...), Input{"recipients", &h.Recipients, Lines, false})
}

const (
	nation = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
	motto  = "Độc lập - Tự do - Hạnh phúc"
)

// blank is room to write by hand.
const blank = "……"

func (h *Head) head() paper.Head {
	p := paper.Head{Superior: strings.ToUpper(h.Superior), Issuer: strings.ToUpper(h.Issuer), Nation: nation, Motto: motto, Place: placeAndDay(h.Place, h.Date)}
	if h.Symbol != "" {
		p.Number = "Số: " + orBlank(h.Number) + "/" + h.Symbol
	}
	return p
}

// registerHead has no number: a register is a book.
func (h *Head) registerHead() paper.Head {
	p := h.head()
	p.Number = ""
	return p
}

// name is the file's, for readers.
func (h *Head) name(s paper.Sheet) string {
	name := s.Title
	if s.About != "" {
		name += " - " + s.About
	}
	if name == "" {
		name = s.Head.Subject
	}
	if h.Symbol != "" {
		name += " - " + h.Number + "/" + h.Symbol
	}
	return name
}

// signing is the signer's block: a deputy signs KT. for the head (Decree 30, Article 13.1).
func (h *Head) signing() paper.Signing {
	return paper.Signing{Role: capitalRole(h.SignerTitle), Name: plainName(h.SignerName)}
}

func capitalRole(title string) string {
	role := strings.ToUpper(strings.TrimSpace(title))
	if role == "PHÓ HIỆU TRƯỞNG" {
		return "KT. HIỆU TRƯỞNG\n" + role
	}
	return role
}

func (h *Head) foot() paper.Foot {
	f := paper.Foot{Word: "Nơi nhận:", Signing: h.signing()}
	for _, line := range lines(h.Recipients) {
		f.Recipients = append(f.Recipients, "- "+strings.TrimLeft(strings.TrimRight(line, ".; "), "- ")+";")
	}
	if n := len(f.Recipients); n > 0 {
		f.Recipients[n-1] = strings.TrimSuffix(f.Recipients[n-1], ";") + "."
	}
	return f
}

func lines(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func orBlank(s string) string {
	if strings.TrimSpace(s) == "" {
		return blank
	}
	return s
}

// Number writes a document's number: below 10 with a leading zero (Annex I, section II.3).
func Number(n int) string { return fmt.Sprintf("%02d", n) }

func midnight(day custody.Date) (time.Time, error) {
	return time.ParseInLocation(time.DateOnly, string(day), custody.SchoolZone)
}

// placeAndDay is box 4: days below 10 and the months 1 and 2 have a leading zero.
func placeAndDay(place string, day custody.Date) string {
	return strings.TrimPrefix(strings.TrimSpace(place)+", ", ", ") + longDay(day)
}

func longDay(day custody.Date) string {
	t, err := midnight(day)
	if err != nil {
		return "ngày …… tháng …… năm ………"
	}
	month := fmt.Sprint(int(t.Month()))
	if t.Month() <= 2 {
		month = "0" + month
	}
	return fmt.Sprintf("ngày %02d tháng %s năm %d", t.Day(), month, t.Year())
}

// shortDay is 26/11/2026; "" stays "".
func shortDay(day custody.Date) string {
	t, err := midnight(day)
	if err != nil {
		return ""
	}
	return t.Format("02/01/2006")
}

// moment is 09 giờ 15 phút ngày 26 tháng 11 năm 2026.
func moment(t time.Time) string {
	if t.IsZero() {
		return "…… giờ …… phút, ngày …… tháng …… năm ………"
	}
	local := t.In(custody.SchoolZone)
	return fmt.Sprintf("%02d giờ %02d phút, %s", local.Hour(), local.Minute(), longDay(custody.DateOf(t)))
}

// shortMoment is 09:15 26/11/2026.
func shortMoment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(custody.SchoolZone).Format("15:04 02/01/2006")
}

// academic are titles that do not stand before a signer's name (Annex I, section
// II.7b); those of the armed forces and of teachers may.
var academic = regexp.MustCompile(`^(?i:(?:(?:GS|PGS|TSKH|TS|ThS|CN|KS|BS|CKI|CKII)\.?\s*)(?:[\s.,]+|$))+`)

func plainName(name string) string {
	name = strings.TrimSpace(name)
	if short := strings.TrimSpace(academic.ReplaceAllString(name, "")); short != "" {
		return short
	}
	return name
}
