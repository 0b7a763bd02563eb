package reading

// Box is a place on a page, in points from its lower left corner.
type Box struct {
	Left   float64 `json:"left"`
	Bottom float64 `json:"bottom"`
	Right  float64 `json:"right"`
	Top    float64 `json:"top"`
}

// Width in points.
func (b Box) Width() float64 { return b.Right - b.Left }

// Height in points.
func (b Box) Height() float64 { return b.Top - b.Bottom }

// Center is the point in the middle.
func (b Box) Center() (x, y float64) { return (b.Left + b.Right) / 2, (b.Bottom + b.Top) / 2 }

// Rect is x, y, width and height, as signer.Visible wants it.
func (b Box) Rect() [4]float64 { return [4]float64{b.Left, b.Bottom, b.Width(), b.Height()} }

// Empty says that the box has no area.
func (b Box) Empty() bool { return b.Right <= b.Left || b.Top <= b.Bottom }

// Union is the smallest box that holds both; an empty one adds nothing.
func (b Box) Union(other Box) Box {
	switch {
	case b == Box{}:
		return other
	case other == Box{}:
		return b
	}
	return Box{min(b.Left, other.Left), min(b.Bottom, other.Bottom), max(b.Right, other.Right), max(b.Top, other.Top)}
}

// Overlaps says whether the boxes share area.
func (b Box) Overlaps(other Box) bool {
	return b.Left < other.Right && other.Left < b.Right && b.Bottom < other.Top && other.Bottom < b.Top
}

// around is a box of a size about a middle point.
func around(x, y, width, height float64) Box {
	return Box{x - width/2, y - height/2, x + width/2, y + height/2}
}

// within is the box shifted so that it lies within the page, as far as its size allows.
func (b Box) within(width, height float64) Box {
	dx := max(0, -b.Left) + min(0, width-b.Right)
	dy := max(0, -b.Bottom) + min(0, height-b.Top)
	return Box{b.Left + dx, b.Bottom + dy, b.Right + dx, b.Top + dy}
}

// turned is the box on a page of width and height (before) after a quarter turn counter-clockwise, times quarters.
func (b Box) turned(width, height float64, quarters int) Box {
	for range quarters & 3 {
		b = Box{Left: height - b.Top, Bottom: b.Left, Right: height - b.Bottom, Top: b.Right}
		width, height = height, width
	}
	return b
}
