package validation

import (
	"context"
	"fmt"
	"strings"

	"sokyso/signer/pdf"
)

// maxTick is how many characters the mark in a check box or radio button takes.
const maxTick = 2

// maxAreas is how many filled areas the ground and the border of a text field take.
const maxAreas = 8

// compareShown holds what a field shows against its value: people read the appearance, programs the value. A font that
// lies about its own letters is not seen through; that takes looking at them.
func (s *changeSet) compareShown(ctx context.Context, o overlay) error {
	from, form, before := o.field, normal(s.new, o.dict), normal(s.old, o.before)
	suspicious := func(reason string) { s.suspicious(o.ref, ChangeFieldShown, reason) }
	if form == nil {
		if before != nil && s.alike(o.before["AS"], o.dict["AS"]) && !s.empty(from.wasValue) {
			suspicious("a field that was filled in shows nothing any more")
		}
		return nil
	}
	c, err := s.drawn(ctx, s.new, form)
	if err != nil {
		return err
	}
	switch {
	case c.tooMuch:
		suspicious("what a form field shows can't be read")
		return nil
	case c.images:
		suspicious("a form field was given an image to show")
	}
	if from.kind == "Btn" {
		switch {
		case from.flags&flagPushButton != 0:
			suspicious("a push button was given something else to show")
		case len(c.shown) > maxTick:
			suspicious("a button was given a text to show")
		}
		return nil
	}
	if c.curves || c.areas > maxAreas {
		suspicious("a form field was given a drawing to show")
	}
	if from.formatted || from.flags&flagPassword != 0 {
		return nil
	}
	// Who is asked to fill in more than there is room for sees the beginning.
	if len(c.letters) < len(c.shown) && (len(c.letters) == 0 || c.letters[0] != c.shown[0]) {
		suspicious("a form field hides the beginning of what it shows")
		return nil
	}
	said, err := s.said(from)
	if err != nil {
		return fmt.Errorf("read value of field %s: %w", show(o.ref), err)
	}
	for _, text := range said {
		if spells(c.shown, text) {
			return nil
		}
	}
	if from.kind == "Ch" && from.flags&flagCombo == 0 && s.lists(from, c.shown) {
		return nil
	}
	if before != nil && s.alike(from.wasValue, from.nowValue) {
		was, err := s.drawn(ctx, s.old, before)
		if err != nil {
			return err
		}
		if same(was.shown, c.shown) {
			return nil
		}
	}
	suspicious("a form field shows something else than its value")
	return nil
}

// drawn is an appearance in a square of one unit.
func (s *changeSet) drawn(ctx context.Context, f *pdf.File, form *pdf.Stream) (*canvas, error) {
	c := s.canvas(f, wholePlane)
	return c, c.appearance(ctx, form, [4]float64{0, 0, 1, 1})
}

// said are the texts that show a field's value. That of a choice may be shown as another text (ISO 32000-2 table 234).
func (s *changeSet) said(from *inherited) ([]string, error) {
	value, err := s.new.Resolve(from.nowValue)
	if err != nil {
		return nil, err
	}
	var out []string
	switch v := value.(type) {
	case nil:
		return []string{""}, nil
	case pdf.String:
		out = append(out, v.Text())
	case pdf.Name:
		out = append(out, string(v))
	case *pdf.Stream: // a long text (table 226)
		data, err := s.new.DataUpTo(v, maxContent)
		if err != nil {
			return nil, err
		}
		out = append(out, pdf.String(data).Text())
	}
	for _, option := range s.optionsOf(from) {
		if len(out) > 0 && option.export == out[0] {
			out = append(out, option.text)
		}
	}
	return out, nil
}

type option struct{ export, text string }

func (s *changeSet) optionsOf(from *inherited) []option {
	if from.kind != "Ch" {
		return nil
	}
	list, err := s.new.Array(from.options)
	if err != nil {
		return nil
	}
	var out []option
	for _, o := range list {
		o, err := s.new.Resolve(o)
		if err != nil {
			continue
		}
		switch o := o.(type) {
		case pdf.String:
			out = append(out, option{o.Text(), o.Text()})
		case pdf.Array:
			if len(o) == 2 {
				export, _ := s.new.String(o[0])
				text, _ := s.new.String(o[1])
				out = append(out, option{export.Text(), text.Text()})
			}
		}
	}
	return out
}

// lists tells whether a list box shows its options, or some that follow each other.
func (s *changeSet) lists(from *inherited, shown []letter) bool {
	options := s.optionsOf(from)
	for i := range options {
		text := ""
		for _, o := range options[i:] {
			text += o.text
			if spells(shown, text) {
				return true
			}
		}
	}
	return false
}

// spells tells whether the letters say the text. A letter of which nothing is known may stand for any but those of
// ASCII: each font of a form has a name for these, and digits are among them.
func spells(shown []letter, text string) bool {
	rest := []rune(squeeze(text))
	for _, l := range shown {
		if !l.known {
			if len(rest) == 0 || rest[0] < 0x80 {
				return false
			}
			rest = rest[1:]
			continue
		}
		for _, r := range squeeze(l.text) {
			if len(rest) == 0 || rest[0] != r {
				return false
			}
			rest = rest[1:]
		}
	}
	return len(rest) == 0
}

// same tells whether two appearances say the same, as far as that is known.
func same(a, b []letter) bool {
	var x, y strings.Builder
	for _, l := range a {
		if !l.known {
			return false
		}
		x.WriteString(l.text)
	}
	for _, l := range b {
		if !l.known {
			return false
		}
		y.WriteString(l.text)
	}
	return squeeze(x.String()) == squeeze(y.String())
}

// squeeze leaves out white space, which lines and combs add and take away.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '\u00a0' {
			return -1
		}
		return r
	}, s)
}
