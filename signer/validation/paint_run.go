package validation

import (
	"context"
	"math"
	"strings"

	"sokyso/signer/pdf"
)

// path is being built (ISO 32000-2 §8.5.2), in units of the page.
type path struct {
	shapes [][]point
	curved bool
	last   point // in the user space of the operators
}

func (p *path) move(g *graphics, x, y float64) {
	p.last = point{x, y}
	p.shapes = append(p.shapes, []point{g.ctm.apply(x, y)})
}

func (p *path) line(g *graphics, x, y float64) {
	if len(p.shapes) == 0 {
		p.move(g, x, y)
		return
	}
	p.last = point{x, y}
	i := len(p.shapes) - 1
	p.shapes[i] = append(p.shapes[i], g.ctm.apply(x, y))
}

// curve is made of eight straight pieces.
func (p *path) curve(g *graphics, n [6]float64) {
	a := p.last
	p.curved = true
	for i := 1; i <= 8; i++ {
		t := float64(i) / 8
		u := 1 - t
		p.line(g, u*u*u*a.x+3*u*u*t*n[0]+3*u*t*t*n[2]+t*t*t*n[4], u*u*u*a.y+3*u*u*t*n[1]+3*u*t*t*n[3]+t*t*t*n[5])
	}
	p.last = point{n[4], n[5]}
}

func (p *path) box() [4]float64 {
	out := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, shape := range p.shapes {
		for _, q := range shape {
			out = [4]float64{min(out[0], q.x), min(out[1], q.y), max(out[2], q.x), max(out[3], q.y)}
		}
	}
	return out
}

// run goes through a content stream.
func (c *canvas) run(ctx context.Context, data []byte, resources pdf.Dict, g graphics, depth int) error {
	r := contentReader{b: data}
	var stack []graphics
	var p path
	var text, line matrix
	clipNext := false
	operands := make([]pdf.Object, 0, maxOperands)
	for {
		op, args := r.next(operands)
		if op == "" || !c.spend() {
			return ctx.Err()
		}
		if c.steps&0x3fff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var n [6]float64
		for i := range min(len(args), 6) {
			if v, ok := args[i].(pdf.Real); ok {
				n[i] = float64(v)
			}
		}
		switch op {
		case "q":
			if len(stack) < 512 {
				stack = append(stack, g)
			}
		case "Q":
			if len(stack) > 0 {
				g, stack = stack[len(stack)-1], stack[:len(stack)-1]
			}
		case "cm":
			g.ctm = matrix(n).times(g.ctm)
		case "w":
			g.width = n[0]
		case "gs":
			c.state(&g, resources, args)
		case "g", "rg", "k", "sc", "scn", "cs":
			g.bright = brightness(op, args, n)
		case "G", "RG", "K", "SC", "SCN", "CS":
			g.line = brightness(strings.ToLower(op), args, n)
		case "m":
			p.move(&g, n[0], n[1])
		case "l":
			p.line(&g, n[0], n[1])
		case "c":
			p.curve(&g, n)
		case "v":
			p.curve(&g, [6]float64{p.last.x, p.last.y, n[0], n[1], n[2], n[3]})
		case "y":
			p.curve(&g, [6]float64{n[0], n[1], n[2], n[3], n[2], n[3]})
		case "h":
			if i := len(p.shapes) - 1; i >= 0 {
				p.shapes[i] = append(p.shapes[i], p.shapes[i][0])
			}
		case "re":
			p.move(&g, n[0], n[1])
			p.line(&g, n[0]+n[2], n[1])
			p.line(&g, n[0]+n[2], n[1]+n[3])
			p.line(&g, n[0], n[1]+n[3])
			p.line(&g, n[0], n[1])
		case "W", "W*":
			clipNext = true
			continue
		case "S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "n":
			if op != "n" {
				c.draw(&g, &p, op)
			}
			if clipNext {
				g.clip = intersect(g.clip, p.box())
			}
			p, clipNext = path{}, false
		case "sh":
			c.add(paint{kind: paintFill, shapes: [][]point{{{-everywhere, -everywhere}, {everywhere, -everywhere}, {everywhere, everywhere}, {-everywhere, everywhere}}}, clip: g.clip}, &g, g.fill)
		case "BI":
			c.image(nil, &g)
		case "Do":
			if len(args) == 1 {
				if err := c.object(ctx, args[0], &g, resources, depth); err != nil {
					return err
				}
			}
		case "BT":
			text, line = identityMatrix, identityMatrix
		case "Tf":
			if len(args) == 2 {
				g.font, g.size = c.fontOf(resources, args[0]), n[1]
			}
		case "Tc":
			g.charSpace = n[0]
		case "Tw":
			g.word = n[0]
		case "Tz":
			g.stretch = n[0] / 100
		case "TL":
			g.leading = n[0]
		case "Ts":
			g.rise = n[0]
		case "Tr":
			g.hiddenText = n[0] == 3 || n[0] == 7
		case "Td", "TD":
			if op == "TD" {
				g.leading = -n[1]
			}
			line = matrix{1, 0, 0, 1, n[0], n[1]}.times(line)
			text = line
		case "Tm":
			text, line = matrix(n), matrix(n)
		case "T*":
			line = matrix{1, 0, 0, 1, 0, -g.leading}.times(line)
			text = line
		case "'", "\"", "Tj", "TJ":
			if op == "'" || op == "\"" {
				if op == "\"" {
					g.word, g.charSpace = n[0], n[1]
				}
				line = matrix{1, 0, 0, 1, 0, -g.leading}.times(line)
				text = line
			}
			if len(args) > 0 {
				c.show(&g, &text, args[len(args)-1])
			}
		}
	}
}

// brightness is that of the brightest channel of a colour, 0 if that is not known.
func brightness(op string, args []pdf.Object, n [6]float64) float64 {
	switch {
	case op == "g" && len(args) == 1:
		return n[0]
	case (op == "rg" || op == "sc" || op == "scn") && len(args) == 3:
		return max(n[0], n[1], n[2])
	case (op == "k" || op == "sc" || op == "scn") && len(args) == 4:
		return (1 - min(n[0], n[1], n[2])) * (1 - n[3])
	}
	return 0
}

// state reads a graphics state parameter dictionary.
func (c *canvas) state(g *graphics, resources pdf.Dict, args []pdf.Object) {
	d, ok := c.resource(resources, "ExtGState", args).(pdf.Dict)
	if !ok {
		return
	}
	if v, err := c.file.Number(d["ca"]); err == nil && d["ca"] != nil {
		g.fill = v
	}
	if v, err := c.file.Number(d["CA"]); err == nil && d["CA"] != nil {
		g.stroke = v
	}
	if v, err := c.file.Number(d["LW"]); err == nil && d["LW"] != nil {
		g.width = v
	}
	switch mode, _ := c.file.Resolve(d["BM"]); mode := mode.(type) {
	case pdf.Name:
		g.mixes = mode == "Multiply" || mode == "Darken"
	}
}

func (c *canvas) resource(resources pdf.Dict, kind pdf.Name, args []pdf.Object) pdf.Object {
	if len(args) == 0 {
		return nil
	}
	name, _ := args[0].(pdf.Name)
	list, err := c.file.Dict(resources[kind])
	if err != nil {
		return nil
	}
	o, err := c.file.Resolve(list[name])
	if err != nil {
		return nil
	}
	return o
}

// draw paints the path.
func (c *canvas) draw(g *graphics, p *path, op string) {
	c.curves = c.curves || p.curved
	switch op {
	case "f", "F", "f*", "B", "B*", "b", "b*":
		c.areas += len(p.shapes)
		c.add(paint{kind: paintFill, shapes: p.shapes, even: op[len(op)-1] == '*', clip: g.clip}, g, g.fill)
	}
	switch op {
	case "S", "s", "B", "B*", "b", "b*":
		if width := g.width * g.ctm.scale(); width >= minimalLine || c.fine {
			c.add(paint{kind: paintLine, shapes: p.shapes, width: width, clip: g.clip}, g, g.stroke)
		}
	}
}

// add keeps a paint that can hide something.
func (c *canvas) add(p paint, g *graphics, opacity float64) {
	p.clip, p.opacity = intersect(p.clip, c.region), min(opacity, 1)
	bright := g.bright
	if p.kind == paintLine {
		bright = g.line
	}
	mixes := g.mixes && (p.kind == paintImage || bright >= darkness)
	if mixes || !(p.opacity > 0) || p.clip[0] >= p.clip[2] || p.clip[1] >= p.clip[3] {
		return
	}
	c.paints = append(c.paints, p)
}

// object draws an XObject.
func (c *canvas) object(ctx context.Context, name pdf.Object, g *graphics, resources pdf.Dict, depth int) error {
	s, ok := c.resource(resources, "XObject", []pdf.Object{name}).(*pdf.Stream)
	if !ok {
		return nil
	}
	switch kind, _ := c.file.Resolve(s.Dict["Subtype"]); kind {
	case pdf.Name("Form"):
		return c.form(ctx, s, *g, resources, depth+1)
	case pdf.Name("Image"):
		c.image(s, g)
	}
	return nil
}

// image paints an image in the unit square; nil is one within the content.
func (c *canvas) image(s *pdf.Stream, g *graphics) {
	c.images = true
	to, ok := g.ctm.inverse()
	if !ok {
		return
	}
	p := paint{kind: paintImage, to: to, clip: g.clip}
	if s != nil {
		p.mask = c.maskOf(s)
	}
	c.add(p, g, g.fill)
}

// maskOf reads what an image lets through: a soft mask, a stencil mask, or the image itself if it is a stencil. nil
// when it has none or it can't be read; then the image counts as opaque.
func (c *canvas) maskOf(s *pdf.Stream) *mask {
	stencil := func(o pdf.Object) bool { v, err := c.file.Resolve(o); return err == nil && v == true }
	of, invert := s, true // a sample of 0 paints (ISO 32000-2 §8.9.6.2)
	if !stencil(s.Dict["ImageMask"]) {
		o, err := c.file.Resolve(s.Dict["SMask"])
		soft, ok := o.(*pdf.Stream)
		if err == nil && ok {
			of, invert = soft, false
		} else if o, err = c.file.Resolve(s.Dict["Mask"]); err == nil {
			if of, ok = o.(*pdf.Stream); !ok {
				return nil
			}
		} else {
			return nil
		}
	}
	size := func(key pdf.Name) int { n, _ := c.file.Integer(of.Dict[key]); return int(n) }
	m := &mask{width: size("Width"), height: size("Height"), bits: size("BitsPerComponent"), invert: invert}
	if stencil(of.Dict["ImageMask"]) {
		m.bits = 1
	}
	if decode, ok := c.numbers(of.Dict["Decode"], 2); ok && decode[0] > decode[1] {
		m.invert = !m.invert
	}
	if m.width <= 0 || m.height <= 0 || m.width > 1<<16 || m.height > 1<<16 || m.bits != 1 && m.bits != 8 {
		return nil
	}
	m.stride = (m.width*m.bits + 7) / 8
	data, err := c.file.DataUpTo(of, maxMask)
	if err != nil || len(data) < m.stride*m.height {
		return nil
	}
	m.data = data
	return m
}

// show places the characters of a string or of an array with distances.
func (c *canvas) show(g *graphics, text *matrix, o pdf.Object) {
	switch o := o.(type) {
	case pdf.Array:
		for _, part := range o {
			if v, ok := part.(pdf.Real); ok {
				*text = matrix{1, 0, 0, 1, -float64(v) / 1000 * g.size * g.stretch, 0}.times(*text)
			} else {
				c.show(g, text, part)
			}
		}
	case pdf.String:
		g.font.each(o, func(ch string, known bool, width float64, space bool) {
			if !c.spend() {
				return
			}
			m := matrix{g.size * g.stretch, 0, 0, g.size, 0, g.rise}.times(*text).times(g.ctm)
			l := letter{at: m.apply(width/2, 0.3), text: ch, known: known, size: m.scale()}
			if !g.hiddenText {
				c.shaded = c.shaded || g.font != nil && g.font.drawn || !known && m.scale() > maxGlyph || strings.ContainsFunc(ch, solid)
				c.shown = append(c.shown, l)
				if inside(l.at, intersect(g.clip, c.region)) {
					c.letters = append(c.letters, l)
				}
			}
			advance := width*g.size + g.charSpace
			if space {
				advance += g.word
			}
			*text = matrix{1, 0, 0, 1, advance * g.stretch, 0}.times(*text)
		})
	}
}

// solid tells whether the character is one of the blocks and squares that are all ink.
func solid(r rune) bool { return r >= 0x2580 && r <= 0x25ff }

func inside(p point, box [4]float64) bool {
	return p.x >= box[0] && p.x <= box[2] && p.y >= box[1] && p.y <= box[3]
}
