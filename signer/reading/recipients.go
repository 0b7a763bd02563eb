package reading

import (
	"slices"
	"strings"
)

var recipientsForm = pattern(`^(?i:nơi nhận)\s*:?`)

// recipientsOf reads the list under "Nơi nhận" (box 9b), of the last page that has one.
func recipientsOf(pages []page) []Guess {
	for _, p := range slices.Backward(pages) {
		if list := p.recipients(); len(list) > 0 {
			return list
		}
	}
	return nil
}

func (p *page) recipients() []Guess {
	parts := p.parts()
	at := slices.IndexFunc(parts, func(t part) bool { return recipientsForm().MatchString(t.text) })
	if at < 0 {
		return nil
	}
	head := parts[at]
	var list []Guess
	bottom := head.Bottom
	for _, t := range parts[at+1:] {
		if t.Left > head.Left+40 || t.Right > p.width*0.6 || t.Top > bottom+1 {
			continue
		}
		if bottom-t.Top > 1.5*t.size {
			break
		}
		bottom = t.Bottom
		text, begins := strings.CutPrefix(t.text, "-")
		text = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(text, "–"), "+"))
		text = strings.TrimRight(text, ";. ")
		switch {
		case text == "" || rule(t.text):
		case begins || strings.HasPrefix(t.text, "–") || strings.HasPrefix(t.text, "+") || len(list) == 0:
			list = append(list, p.guess(text, t.Box))
		default: // goes on from the line above
			last := &list[len(list)-1]
			last.Text += " " + text
			last.Box = last.Box.Union(p.shown(t.Box))
		}
	}
	return list
}
