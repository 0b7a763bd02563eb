package signer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sokyso/signer/pdf"
)

// Pages names pages of a document that is not known yet: ranges of numbers, or all.
type Pages struct {
	ranges [][2]int // first and last, counted from 1; 0 as last is the document's
}

// errPages says that a list of pages can't be understood.
var errPages = errors.New("pages are given like all or 1,3-5,8-")

// ParsePages reads "all", or numbers and ranges with commas between: "1,3-5,8-", where "8-" goes to the end.
func ParsePages(s string) (Pages, error) {
	if strings.TrimSpace(s) == "all" {
		return Pages{[][2]int{{1, 0}}}, nil
	}
	var p Pages
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.Atoi(first)
		b := a
		if err == nil && isRange {
			if b = 0; last != "" {
				b, err = strconv.Atoi(last)
			}
		}
		if err != nil || a < 1 || b < 0 || b > 0 && b < a || isRange && last == "0" {
			return Pages{}, fmt.Errorf("%w, not %q", errPages, s)
		}
		p.ranges = append(p.ranges, [2]int{a, b})
	}
	return p, nil
}

// MarshalText writes the pages as ParsePages reads them.
func (p Pages) MarshalText() ([]byte, error) {
	var parts []string
	for _, r := range p.ranges {
		switch part := strconv.Itoa(r[0]); {
		case r[1] == r[0]:
			parts = append(parts, part)
		case r[1] == 0:
			parts = append(parts, part+"-")
		default:
			parts = append(parts, part+"-"+strconv.Itoa(r[1]))
		}
	}
	return []byte(strings.Join(parts, ",")), nil
}

// UnmarshalText reads what MarshalText has written.
func (p *Pages) UnmarshalText(text []byte) error {
	*p = Pages{}
	if len(text) == 0 {
		return nil
	}
	var err error
	*p, err = ParsePages(string(text))
	return err
}

// Given tells whether pages were named.
func (p Pages) Given() bool { return len(p.ranges) > 0 }

// of answers the numbers of the pages of a document with count pages, in order, each once.
func (p Pages) of(count int) ([]int, error) {
	named := make([]bool, count+1)
	for _, r := range p.ranges {
		last := r[1]
		if last == 0 {
			last = max(count, r[0])
		}
		if last > count {
			return nil, fail(CodeBadBox, fmt.Errorf("page %d of %d", last, count), "page", strconv.Itoa(last), "pages", strconv.Itoa(count))
		}
		for n := r[0]; n <= last; n++ {
			named[n] = true
		}
	}
	var list []int
	for n, yes := range named {
		if yes {
			list = append(list, n)
		}
	}
	return list, nil
}

// spread finds out which page has the signature's field and which have marks.
func (p *Prepared) spread(t *target, v *Visible) (signature *Visible, marks map[int]bool, err error) {
	if v == nil || !v.Pages.Given() {
		return v, nil, nil
	}
	count, err := p.file.PageCount()
	if err != nil {
		return nil, nil, classify(fmt.Errorf("count pages: %w", err))
	}
	list, err := v.Pages.of(count)
	if err != nil {
		return nil, nil, err
	}
	if len(list) > 1 && !t.fresh {
		// To the signatures that are there, an annotation is a change that they do not allow.
		return nil, nil, fail(CodeMarksForbidden, errors.New("marks on pages: the document is signed already"))
	}
	at := *v
	at.Page, at.Pages = list[0], Pages{}
	marks = make(map[int]bool, len(list))
	for _, number := range list[1:] {
		marks[number] = true
	}
	return &at, marks, nil
}

// markFlags: print, not to be changed or moved, neither itself nor its text (ISO 32000-2 §12.5.3, table 167).
const markFlags = 4 | 64 | 128 | 512

// mark draws the picture on further pages: stamp annotations (ISO 32000-2 §12.5.6.12) in the update that the
// signature covers. They are no signatures. A signature field for each would be one too, but takes the token once for
// each page; one field with many widgets is what ISO 32000-2 §12.7.5.5 forbids.
func (d *draft) mark(pages map[int]bool, v *Visible, opt *Options) error {
	if len(pages) == 0 {
		return nil
	}
	done := map[pdf.Ref]bool{}
	number := 0
	for page, err := range d.file.Pages() {
		if err != nil {
			return fmt.Errorf("read pages: %w", err)
		}
		number++
		if page.Ref == (pdf.Ref{}) && (number == v.Page || pages[number]) {
			if page, err = d.objectPage(page, number); err != nil {
				return err
			}
		}
		wanted := number == v.Page || pages[number]
		if !wanted || done[page.Ref] {
			continue // or one page that the document shows twice
		}
		done[page.Ref] = true
		if number == v.Page {
			continue // it has the signature
		}
		at, err := placeOn(d.file, page, v.Rect)
		if err != nil {
			return onPage(err, number)
		}
		ap, err := d.draw(at, v)
		if err != nil {
			return err
		}
		stamp := pdf.Dict{
			"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Stamp"), "Rect": at.rect, "F": pdf.Integer(markFlags),
			"P": page.Ref, "AP": pdf.Dict{"N": ap},
		}
		// What a screen reader reads out, and a list of annotations shows.
		if words := strings.Join(slices.DeleteFunc([]string{opt.Reason, opt.Name}, func(s string) bool { return s == "" }), ": "); words != "" {
			stamp["Contents"] = text(words)
		}
		if err := d.appendAnnotation(page, d.u.Add(stamp)); err != nil {
			return err
		}
	}
	return nil
}

// onPage adds the number of the page to an error of placing a box.
func onPage(err error, number int) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeBadBox {
		e.Params["on"] = strconv.Itoa(number)
	}
	return err
}
