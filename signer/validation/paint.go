package validation

import (
	"context"
	"math"

	"sokyso/signer/pdf"
)

// point is a place on a page, in default user space units.
type point struct{ x, y float64 }

// matrix is a transformation as PDF has it (ISO 32000-2 §8.3.3).
type matrix [6]float64

var identityMatrix = matrix{1, 0, 0, 1, 0, 0}

func (m matrix) apply(x, y float64) point {
	return point{m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]}
}

// times is m first, then n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// inverse answers false for a matrix that flattens everything.
func (m matrix) inverse() (matrix, bool) {
	det := m[0]*m[3] - m[1]*m[2]
	if math.Abs(det) < 1e-12 || math.IsNaN(det) || math.IsInf(det, 0) {
		return m, false
	}
	return matrix{
		m[3] / det, -m[1] / det, -m[2] / det, m[0] / det,
		(m[2]*m[5] - m[3]*m[4]) / det, (m[1]*m[4] - m[0]*m[5]) / det,
	}, true
}

// scale is about how much larger things become.
func (m matrix) scale() float64 { return math.Sqrt(math.Abs(m[0]*m[3] - m[1]*m[2])) }

// paint is what goes over a page: a filled shape, a thick line, or an image. It covers a point if nothing that was
// there before can be seen at that point any more.
type paint struct {
	kind   paintKind
	shapes [][]point // of a fill, or the lines
	even   bool      // even-odd rule
	width  float64   // of lines
	to     matrix    // from the page to the unit square of an image
	mask   *mask     // nil = everywhere
	clip   [4]float64

	opacity float64
}

// thin tells whether a line alone is too thin to hide a letter.
func (p *paint) thin() bool { return p.kind == paintLine && p.width < minimalLine }

type paintKind int

const (
	paintFill paintKind = iota
	paintLine
	paintImage
)

// mask says how much of an image can be seen through.
type mask struct {
	width, height, bits, stride int
	data                        []byte
	invert                      bool
}

// opaqueAt looks at the sample of the unit square, whose origin is at the lower left of the image.
func (m *mask) opaqueAt(x, y float64) bool {
	col, row := int(x*float64(m.width)), int((1-y)*float64(m.height))
	col, row = min(max(col, 0), m.width-1), min(max(row, 0), m.height-1)
	i := row*m.stride + col*m.bits/8
	if i >= len(m.data) {
		return true
	}
	v := m.data[i]
	if m.bits == 1 {
		v = -(v >> (7 - col%8) & 1) // 0 or 255
	}
	return (v >= 128) != m.invert
}

func (p *paint) covers(at point) bool {
	if at.x < p.clip[0] || at.x > p.clip[2] || at.y < p.clip[1] || at.y > p.clip[3] {
		return false
	}
	switch p.kind {
	case paintImage:
		u := p.to.apply(at.x, at.y)
		return u.x >= 0 && u.x <= 1 && u.y >= 0 && u.y <= 1 && (p.mask == nil || p.mask.opaqueAt(u.x, u.y))
	case paintLine:
		for _, line := range p.shapes {
			for i := 1; i < len(line); i++ {
				if distance(at, line[i-1], line[i]) <= p.width/2 {
					return true
				}
			}
		}
		return false
	}
	winding, crossings := 0, 0
	for _, shape := range p.shapes {
		for i, a := range shape {
			b := shape[(i+1)%len(shape)]
			if (a.y <= at.y) == (b.y <= at.y) || at.x >= a.x+(at.y-a.y)*(b.x-a.x)/(b.y-a.y) {
				continue
			}
			crossings++
			if a.y < b.y {
				winding++
			} else {
				winding--
			}
		}
	}
	return p.even && crossings%2 == 1 || !p.even && winding != 0
}

func distance(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = min(max(((p.x-a.x)*dx+(p.y-a.y)*dy)/l, 0), 1)
	}
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}

// letter is a character that is shown.
type letter struct {
	at    point   // its middle, about
	size  float64 // of the font, on the page
	text  string
	known bool // text is what it says
}

// canvas collects what a content stream paints within a region. All numbers are bounded by limits; what goes beyond
// sets tooMuch, and then nobody knows.
type canvas struct {
	file    *pdf.File
	region  [4]float64
	letters []letter
	paints  []paint
	shown   []letter // text in the order it is shown, wherever it is
	images  bool     // there is an image
	curves  bool     // there is a painted shape with curves
	areas   int      // filled shapes
	shaded  bool     // there are letters that may be areas
	fine    bool     // thin lines are kept too
	tooMuch bool
	steps   int
	all     *int // steps of all canvases of the file
	fonts   map[pdf.Ref]*font
}

// Limits of one page or appearance.
const (
	maxSteps       = 2_000_000 // operators and letters
	maxContent     = 16 << 20  // bytes of a content stream
	maxPaints      = 20_000
	maxLetters     = 200_000
	maxFormDepth   = 8
	maxMask        = 16 << 20
	maxGlyph       = 40.0 // units: larger letters of which nothing is known may be areas
	darkness       = 0.35 // of the brightest channel: what is darker hides a text though it mixes
	everywhere     = 1e9
	minimalLine    = 3.0 // units: thinner ones hide no letter
	visibleOpacity = 0.5
)

var wholePlane = [4]float64{-everywhere, -everywhere, everywhere, everywhere}

// canvas is a new one for drawing what stands in f.
func (s *changeSet) canvas(f *pdf.File, region [4]float64) *canvas {
	return &canvas{file: f, region: region, fonts: map[pdf.Ref]*font{}, all: &s.history.painted}
}

// graphics is the graphics state as far as it matters.
type graphics struct {
	ctm             matrix
	clip            [4]float64
	fill, stroke    float64 // opacity
	mixes           bool    // a blend mode that lets what is below shine through
	bright, line    float64 // the brightest channel of the colours of fills and of strokes
	width           float64
	font            *font
	size            float64
	charSpace, word float64
	stretch         float64
	leading, rise   float64
	hiddenText      bool
}

func (c *canvas) spend() bool {
	c.steps++
	*c.all++
	if c.steps > maxSteps || *c.all > maxPainted || len(c.paints) > maxPaints || len(c.letters)+len(c.shown) > maxLetters {
		c.tooMuch = true
	}
	return !c.tooMuch
}

// page draws the content of a page (ISO 32000-2 §7.7.3.3: an array of streams is one).
func (c *canvas) page(ctx context.Context, page pdf.Dict, resources pdf.Object) error {
	o, err := c.file.Resolve(page["Contents"])
	if err != nil || !c.spend() {
		c.tooMuch = true
		return ctx.Err()
	}
	list, ok := o.(pdf.Array)
	if !ok {
		list = pdf.Array{o}
	}
	var all []byte
	for _, o := range list {
		o, err := c.file.Resolve(o)
		s, ok := o.(*pdf.Stream)
		if err != nil || !ok {
			continue
		}
		data, err := c.file.DataUpTo(s, maxContent)
		if err != nil || len(all)+len(data) > maxContent {
			c.tooMuch = true
			return ctx.Err()
		}
		all = append(append(all, data...), '\n')
	}
	d, err := c.file.Dict(resources)
	if err != nil {
		c.tooMuch = true
		return ctx.Err()
	}
	return c.run(ctx, all, d, graphics{ctm: identityMatrix, clip: wholePlane, fill: 1, stroke: 1, width: 1, stretch: 1}, 0)
}

// appearance draws an appearance stream in a rectangle (ISO 32000-2 §12.5.5, algorithm 8).
func (c *canvas) appearance(ctx context.Context, form *pdf.Stream, rect [4]float64) error {
	g := graphics{ctm: identityMatrix, clip: rect, fill: 1, stroke: 1, width: 1, stretch: 1}
	m, box := c.matrix(form.Dict["Matrix"]), c.box(form.Dict["BBox"])
	around := transformed(m, box)
	if w, h := around[2]-around[0], around[3]-around[1]; w > 0 && h > 0 {
		sx, sy := (rect[2]-rect[0])/w, (rect[3]-rect[1])/h
		g.ctm = matrix{sx, 0, 0, sy, rect[0] - around[0]*sx, rect[1] - around[1]*sy}
	}
	return c.form(ctx, form, g, nil, 0)
}

func transformed(m matrix, box [4]float64) [4]float64 {
	out := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range []point{m.apply(box[0], box[1]), m.apply(box[2], box[1]), m.apply(box[0], box[3]), m.apply(box[2], box[3])} {
		out = [4]float64{min(out[0], p.x), min(out[1], p.y), max(out[2], p.x), max(out[3], p.y)}
	}
	return out
}

func intersect(a, b [4]float64) [4]float64 {
	return [4]float64{max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])}
}

func (c *canvas) numbers(o pdf.Object, n int) ([]float64, bool) {
	a, err := c.file.Array(o)
	if err != nil || len(a) < n {
		return nil, false
	}
	out := make([]float64, n)
	for i := range out {
		if out[i], err = c.file.Number(a[i]); err != nil {
			return nil, false
		}
	}
	return out, true
}

func (c *canvas) matrix(o pdf.Object) matrix {
	n, ok := c.numbers(o, 6)
	if !ok {
		return identityMatrix
	}
	return matrix(n)
}

func (c *canvas) box(o pdf.Object) [4]float64 {
	n, ok := c.numbers(o, 4)
	if !ok {
		return wholePlane
	}
	return [4]float64{min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3])}
}

// form draws a form XObject. outer are the resources of what draws it, for one that has none.
func (c *canvas) form(ctx context.Context, form *pdf.Stream, g graphics, outer pdf.Dict, depth int) error {
	if depth > maxFormDepth || !c.spend() {
		c.tooMuch = true
		return nil
	}
	data, err := c.file.DataUpTo(form, maxContent)
	if err != nil {
		c.tooMuch = true
		return ctx.Err()
	}
	resources, err := c.file.Dict(form.Dict["Resources"])
	if err != nil {
		c.tooMuch = true
		return ctx.Err()
	}
	if resources == nil {
		resources = outer
	}
	g.ctm = c.matrix(form.Dict["Matrix"]).times(g.ctm)
	g.clip = intersect(g.clip, transformed(g.ctm, c.box(form.Dict["BBox"])))
	return c.run(ctx, data, resources, g, depth)
}
