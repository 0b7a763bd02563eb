package reading

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"sokyso/signer/preview"
)

// vocabulary is the words of a document that are whole, to mend those by that a tool spoilt.
type vocabulary struct {
	byLength map[int]map[string]bool // in small letters, by the number of characters
}

// common are words that titles, heads and names are made of.
const common = `hiệu trưởng phó chủ tịch giám đốc tổ thư ký kế toán văn giáo viên người lập bên đại diện trường mầm non
tiểu học trung cơ sở phổ thông ủy ban nhân dân xã phường tỉnh thành phố phòng sở giáo dục và đào tạo
nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý thị đức đình hữu ngọc
cộng hòa hội nghĩa việt nam độc lập tự do hạnh phúc`

func vocabularyOf(pages []preview.Words) *vocabulary {
	v := &vocabulary{byLength: map[int]map[string]bool{}}
	for _, word := range strings.Fields(common) {
		v.add(word)
	}
	for _, k := range kinds {
		for _, word := range strings.Fields(k.title) {
			v.add(word)
		}
	}
	for _, p := range pages {
		for _, w := range p.Words {
			if word := trimmed(w.Text); !spoilt(word) {
				v.add(word)
			}
		}
	}
	return v
}

func (v *vocabulary) add(word string) {
	word = norm.NFC.String(strings.ToLower(word))
	n := len([]rune(word))
	if n < 2 {
		return
	}
	if v.byLength[n] == nil {
		v.byLength[n] = map[string]bool{}
	}
	v.byLength[n][word] = true
}

func trimmed(word string) string { return strings.Trim(word, `.,;:!?()"'“”/-–`) }

// letters beyond ASCII that Vietnamese has, small.
const marked = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"

// wrong says which characters of a word can't be what the writer meant: letters that Vietnamese does not have, and
// small letters among capitals.
func wrong(word []rune) []bool {
	capitals, small := 0, 0
	for _, r := range word {
		if r < 0x80 && unicode.IsUpper(r) {
			capitals++
		}
		if r < 0x80 && unicode.IsLower(r) {
			small++
		}
	}
	out := make([]bool, len(word))
	for i, r := range word {
		switch {
		case r < 0x80 || strings.ContainsRune("–—…•“”‘’°²³€", r):
		case !strings.ContainsRune(marked, unicode.ToLower(r)):
			out[i] = true
		case capitals > 1 && small == 0 && unicode.IsLower(r) && i > 0:
			out[i] = true
		case small > 0 && unicode.IsUpper(r) && i > 0:
			out[i] = true
		}
	}
	return out
}

func spoilt(word string) bool {
	for _, bad := range wrong([]rune(word)) {
		if bad {
			return true
		}
	}
	return false
}

// mend puts whole words in the place of spoilt ones where just one of the vocabulary fits, and says whether any are
// left.
func (v *vocabulary) mend(text string) (mended string, doubtful bool) {
	words := strings.Fields(text)
	for i, word := range words {
		core := trimmed(word)
		if !spoilt(core) {
			continue
		}
		if whole, ok := v.fitting(core); ok {
			words[i] = strings.Replace(word, core, whole, 1)
			continue
		}
		doubtful = true
	}
	return strings.Join(words, " "), doubtful
}

// fitting is the one word of the vocabulary that agrees with a spoilt one in all whole letters, in its case.
func (v *vocabulary) fitting(spoilt string) (string, bool) {
	runes := []rune(norm.NFC.String(spoilt))
	bad := wrong(runes)
	found := ""
	for candidate := range v.byLength[len(runes)] {
		if !fits(runes, bad, []rune(candidate)) {
			continue
		}
		if found != "" {
			return "", false
		}
		found = candidate
	}
	if found == "" {
		return "", false
	}
	switch {
	case upper(spoilt) && len(runes) > 1:
		return strings.ToUpper(found), true
	case unicode.IsUpper(runes[0]):
		first := []rune(found)
		first[0] = unicode.ToUpper(first[0])
		return string(first), true
	}
	return found, true
}

func fits(runes []rune, bad []bool, candidate []rune) bool {
	for i, r := range runes {
		if bad[i] {
			if candidate[i] < 0x80 {
				return false // a plain letter is not what such tools lose
			}
			continue
		}
		if unicode.ToLower(r) != candidate[i] {
			return false
		}
	}
	return true
}
