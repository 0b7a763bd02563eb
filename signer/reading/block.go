package reading

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

var (
	// capacityForm is the prefix that a signature is made under (Annex I part II, 7a).
	capacityForm = pattern(`^(KT|TM|TL|TUQ|Q)\s*\.\s*`)
	// academic are titles before a name that Decree 30 does not want there (Annex I part II, 7b).
	academic = pattern(`^(?:(?:GS|PGS|TS|ThS|CN|BS|KS|NGƯT|NGND|Nhà giáo|Thầy|Cô|Ông|Bà)\.?\s*)+`)
	// hint is what forms print into the gap: "(Ký, ghi rõ họ tên)", "Đã ký".
	hint = pattern(`^\(?(?i:ký|đã ký|ký tên|ký và|ký,|chữ ký|đóng dấu)`)
)

// leaders are the titles that a school's documents are signed under.
var leaders = []string{"HIỆU TRƯỞNG", "PHÓ HIỆU TRƯỞNG", "CHỦ TỊCH", "PHÓ CHỦ TỊCH", "GIÁM ĐỐC", "PHÓ GIÁM ĐỐC", "TRƯỞNG BAN",
	"PHÓ TRƯỞNG BAN", "TỔ TRƯỞNG", "TỔ PHÓ", "CHỦ TỌA", "BÍ THƯ", "TRƯỞNG PHÒNG", "THỦ TRƯỞNG"}

func leaderTitle(text string) bool {
	text = capacityForm().ReplaceAllString(text, "")
	return slices.ContainsFunc(leaders, func(title string) bool { return begins(text, title) })
}

// Sizes of the picture of a handwritten signature, in points.
const (
	pictureWidth  = 150
	pictureHeight = 60
	leastHeight   = 24
	// deepest is how far below its title a name is looked for.
	deepest = 260
	// sideways is how far apart the middles of a block's lines may be.
	sideways = 60
)

// blocksOf finds the signature blocks of all pages, the likeliest first.
func blocksOf(pages []page) []Block {
	var blocks []Block
	for i := range pages {
		blocks = append(blocks, pages[i].blocks()...)
	}
	slices.SortStableFunc(blocks, func(a, b Block) int {
		if a.Leader != b.Leader {
			return cmp.Compare(boolRank(b.Leader), boolRank(a.Leader))
		}
		if (a.Name.Text == "") != (b.Name.Text == "") {
			return cmp.Compare(boolRank(a.Name.Text == ""), boolRank(b.Name.Text == ""))
		}
		if a.Page != b.Page {
			return cmp.Compare(b.Page, a.Page)
		}
		return cmp.Compare(a.Picture.Bottom, b.Picture.Bottom) // the lower first
	})
	return blocks
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// blocks finds titles and, under each, a gap and a name.
func (p *page) blocks() []Block {
	parts := p.parts()
	var blocks []Block
	for i, title := range parts {
		if !p.titles(title) {
			continue
		}
		below := p.below(title, parts[i+1:])
		if len(below) > 0 && p.titles(below[0]) && title.Bottom-below[0].Top < 1.2*title.size {
			continue // a line of a title that goes on
		}
		if b, ok := p.block(title, p.above(title, parts[:i]), below); ok {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// parts of the page from top to bottom.
func (p *page) parts() []part {
	var parts []part
	for _, l := range p.lines {
		parts = append(parts, l.parts...)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.Top, a.Top) })
	return parts
}

// titles says that a part can be a line of a signer's title: short, in capitals.
func (p *page) titles(t part) bool {
	if rule(t.text) || !upper(t.text) || motto(t.text) || t.Width() > 0.5*p.width || len(strings.Fields(t.text)) > 9 {
		return false
	}
	return capacityForm().MatchString(t.text) || leaderTitle(t.text) || signerTitle(t.text)
}

// signerTitles begin the titles of others who sign papers of a school.
var signerTitles = []string{"NGƯỜI", "THƯ KÝ", "KẾ TOÁN", "VĂN THƯ", "GIÁO VIÊN", "BÊN", "ĐẠI DIỆN", "CHỦ TRÌ", "THỦ QUỸ", "TRƯỞNG", "PHÓ", "BAN GIÁM HIỆU"}

func signerTitle(text string) bool {
	return slices.ContainsFunc(signerTitles, func(title string) bool { return begins(text, title) })
}

// column says whether two parts stand in one column: the narrower one's middle is within the wider, or near its middle.
func column(a, b part) bool {
	ax, _ := a.Center()
	bx, _ := b.Center()
	return ax-bx < sideways && bx-ax < sideways
}

// below are the parts under a title in its column, down to where a name can stand.
func (p *page) below(title part, parts []part) []part {
	var out []part
	for _, candidate := range parts {
		if candidate.Top <= title.Bottom+1 && title.Bottom-candidate.Top < deepest && column(title, candidate) {
			out = append(out, candidate)
		}
	}
	return out
}

// above is the title's first line, when it has two: "KT. HIỆU TRƯỞNG" over "PHÓ HIỆU TRƯỞNG".
func (p *page) above(title part, parts []part) *part {
	for i := len(parts) - 1; i >= 0; i-- {
		if candidate := parts[i]; candidate.Bottom >= title.Top-3 && column(title, candidate) {
			if candidate.Bottom-title.Top < 1.2*title.size && p.titles(candidate) {
				return &candidate
			}
			return nil
		}
	}
	return nil
}

func (p *page) block(title part, first *part, below []part) (Block, bool) {
	b := Block{Page: p.number, Title: p.guess(titleText(title.text), title.Box), Leader: leaderTitle(title.text)}
	for _, line := range []*part{first, &title} {
		if line == nil {
			continue
		}
		if m := capacityForm().FindStringSubmatch(line.text); m != nil && b.Capacity == "" {
			b.Capacity = m[1]
			b.Leader = true
		}
	}
	top, bottom := title.Bottom, 0.0
	for _, candidate := range below {
		if hint().MatchString(candidate.text) || rule(candidate.text) || strings.HasPrefix(candidate.text, "(") {
			top = min(top, candidate.Bottom)
			continue
		}
		name := academic().ReplaceAllString(candidate.text, "")
		if !personName(name) {
			return b, p.open(&b, title, top, candidate.Top)
		}
		b.Name = p.guess(name, candidate.Box)
		bottom = candidate.Top
		tx, _ := title.Center()
		nx, _ := candidate.Center()
		return b, p.place(&b, (tx+nx)/2, top, bottom)
	}
	// A title alone, with room under it: the name is still to be written, or will be in the picture.
	return b, p.open(&b, title, top, max(0.04*p.height, top-deepest))
}

// titleText is a title without its prefix. One of the leaders' is spelt as it should be, where its letters are spoilt.
func titleText(text string) string {
	text = strings.TrimSpace(capacityForm().ReplaceAllString(text, ""))
	for _, title := range leaders {
		if spoilt(text) && begins(text, title) {
			rest := strings.Fields(text)[len(strings.Fields(title)):]
			return strings.Join(append([]string{title}, rest...), " ")
		}
	}
	return text
}

// open places the picture under a title without a name, if there is room.
func (p *page) open(b *Block, title part, top, floor float64) bool {
	if top-floor < leastHeight+10 || !b.Leader {
		return false
	}
	x, _ := title.Center()
	return p.place(b, x, top, max(floor, top-pictureHeight-20))
}

// place puts the picture into the middle of the gap.
func (p *page) place(b *Block, x, top, bottom float64) bool {
	gap := top - bottom
	if gap < leastHeight/2 {
		return false
	}
	height := min(pictureHeight, max(gap-8, leastHeight))
	middle := (top + bottom) / 2
	free := around(x, middle, pictureWidth, gap).within(p.width, p.height)
	b.Gap = p.shown(free)
	b.Picture = p.shown(around(x, middle, pictureWidth, height).within(p.width, p.height))
	return true
}

// personName says that the text can be a person's full name: two to six words, each with one capital at its beginning.
func personName(text string) bool {
	words := strings.Fields(text)
	if len(words) < 2 || len(words) > 6 {
		return false
	}
	capitals := upper(text) // some write names in capitals
	for _, word := range words {
		for i, r := range []rune(word) {
			switch {
			case r < 0x80 && !unicode.IsLetter(r) || unicode.IsPunct(r) && i == 0:
				return false
			case i == 0 && !unicode.IsUpper(r):
				return false
			case i > 0 && r < 0x80 && unicode.IsUpper(r) && !capitals:
				return false
			}
		}
	}
	return !(capitals && (leaderTitle(text) || signerTitle(text)))
}
