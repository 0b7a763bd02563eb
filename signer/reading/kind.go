package reading

import (
	"strings"
	"unicode/utf8"
)

// kinds are the kinds of document of Decree 30/2020/NĐ-CP Art. 7 with the abbreviations of its Annex III, as they
// stand over a document.
var kinds = []struct{ code, title string }{
	{"NQ", "NGHỊ QUYẾT"}, {"QĐ", "QUYẾT ĐỊNH"}, {"CT", "CHỈ THỊ"}, {"QC", "QUY CHẾ"}, {"QyĐ", "QUY ĐỊNH"},
	{"TC", "THÔNG CÁO"}, {"TB", "THÔNG BÁO"}, {"HD", "HƯỚNG DẪN"}, {"CTr", "CHƯƠNG TRÌNH"}, {"KH", "KẾ HOẠCH"},
	{"PA", "PHƯƠNG ÁN"}, {"ĐA", "ĐỀ ÁN"}, {"DA", "DỰ ÁN"}, {"BC", "BÁO CÁO"}, {"BB", "BIÊN BẢN"}, {"TTr", "TỜ TRÌNH"},
	{"HĐ", "HỢP ĐỒNG"}, {"CĐ", "CÔNG ĐIỆN"}, {"BGN", "BẢN GHI NHỚ"}, {"BTT", "BẢN THỎA THUẬN"},
	{"GUQ", "GIẤY ỦY QUYỀN"}, {"GM", "GIẤY MỜI"}, {"GGT", "GIẤY GIỚI THIỆU"}, {"GNP", "GIẤY NGHỈ PHÉP"},
	{"PG", "PHIẾU GỬI"}, {"PC", "PHIẾU CHUYỂN"}, {"PB", "PHIẾU BÁO"},
}

// Kind is a kind of document.
type Kind struct {
	Code string // abbreviation of Annex III
	Name string // "Thông báo"
}

// Kinds are those of Decree 30/2020/NĐ-CP Art. 7, in its order.
func Kinds() []Kind {
	out := make([]Kind, len(kinds))
	for i, k := range kinds {
		first, size := utf8.DecodeRuneInString(k.title)
		out[i] = Kind{k.code, string(first) + strings.ToLower(k.title[size:])}
	}
	return out
}

// kindOfTitle is the abbreviation of a document's title, such as "THÔNG BÁO" or "QUYẾT ĐỊNH VỀ VIỆC …", "" for none,
// and how many bytes of it name the kind.
func kindOfTitle(title string) (code string, length int) {
	for _, k := range kinds {
		if begins(title, k.title) {
			return k.code, len(firstWords(title, len(strings.Fields(k.title))))
		}
	}
	return "", 0
}

// kindOfSymbol is the abbreviation that a symbol begins with ("TB" of "TB-MNMT"), "" where it names none, as that of a
// letter (công văn: "MNMT-VP").
func kindOfSymbol(symbol string) string {
	code, _, _ := strings.Cut(symbol, "-")
	for _, k := range kinds {
		if k.code == code {
			return code
		}
	}
	return ""
}
