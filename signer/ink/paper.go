package ink

import (
	"image"
	"slices"
)

const (
	// cells is into how many squares the longer side is parted to learn how the paper is lit there.
	cells = 24
	// lightest and darkest are where ink begins and where it covers all, as parts of the way from paper to black.
	lightest = 0.16
	darkest  = 0.42
)

// covers says for each pixel how much ink covers it, 0 to 255.
func covers(picture *image.NRGBA, kind Kind) []uint8 {
	paper := paperOf(picture)
	b := picture.Bounds()
	cover := make([]uint8, b.Dx()*b.Dy())
	for y := range b.Dy() {
		for x := range b.Dx() {
			i := picture.PixOffset(x, y)
			r, g, bl := paper.at(x, y)
			// What part of the paper's light is missing, by channel: ink takes some colours more than others.
			missing := [3]float64{1 - float64(picture.Pix[i])/r, 1 - float64(picture.Pix[i+1])/g, 1 - float64(picture.Pix[i+2])/bl}
			depth := max(missing[0], missing[1], missing[2])
			if kind == Seal {
				// A red seal takes green and blue and leaves red; black print around it takes all.
				depth = (missing[1]+missing[2])/2 - max(0, missing[0]-0.15)
			}
			cover[y*b.Dx()+x] = uint8(255 * ramp(depth))
		}
	}
	return cover
}

// ramp goes from nothing to all between lightest and darkest.
func ramp(depth float64) float64 {
	return min(1, max(0, (depth-lightest)/(darkest-lightest)))
}

// sheet is the paper's light, known at the middles of squares.
type sheet struct {
	size    float64 // of a square, in pixels
	columns int
	rows    int
	light   [][3]float64
}

// paperOf learns how light the paper is at each place: of a square's pixels, those that are light for it. Squares full
// of ink take after their neighbours.
func paperOf(picture *image.NRGBA) sheet {
	b := picture.Bounds()
	s := sheet{size: max(4, float64(max(b.Dx(), b.Dy()))/cells)}
	s.columns, s.rows = int(float64(b.Dx())/s.size)+1, int(float64(b.Dy())/s.size)+1
	s.light = make([][3]float64, s.columns*s.rows)
	for row := range s.rows {
		for column := range s.columns {
			box := image.Rect(int(float64(column)*s.size), int(float64(row)*s.size), int(float64(column+1)*s.size), int(float64(row+1)*s.size)).Intersect(b)
			s.light[row*s.columns+column] = lightOf(picture, box)
		}
	}
	s.smooth()
	return s
}

// lightOf is the light that a fifth of the square's pixels exceed, by channel; dim where there are no pixels.
func lightOf(picture *image.NRGBA, box image.Rectangle) [3]float64 {
	var out [3]float64
	if box.Empty() {
		return out
	}
	values := make([]uint8, 0, box.Dx()*box.Dy())
	for channel := range out {
		values = values[:0]
		for y := box.Min.Y; y < box.Max.Y; y++ {
			for x := box.Min.X; x < box.Max.X; x++ {
				values = append(values, picture.Pix[picture.PixOffset(x, y)+channel])
			}
		}
		slices.Sort(values)
		out[channel] = float64(values[len(values)*4/5])
	}
	return out
}

// smooth lets each square be at least nearly as light as those around it: light changes slowly over a sheet, ink does
// not. Afterwards no light is below what keeps divisions sane.
func (s *sheet) smooth() {
	for range 3 {
		next := slices.Clone(s.light)
		for row := range s.rows {
			for column := range s.columns {
				for channel := range 3 {
					best := s.light[row*s.columns+column][channel]
					for _, near := range [][2]int{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
						r, c := row+near[0], column+near[1]
						if r >= 0 && r < s.rows && c >= 0 && c < s.columns {
							best = max(best, 0.93*s.light[r*s.columns+c][channel])
						}
					}
					next[row*s.columns+column][channel] = best
				}
			}
		}
		s.light = next
	}
	for i := range s.light {
		for channel := range 3 {
			s.light[i][channel] = max(s.light[i][channel], 32)
		}
	}
}

// at is the paper's light at a pixel, between the squares' middles.
func (s *sheet) at(x, y int) (r, g, b float64) {
	fx, fy := float64(x)/s.size-0.5, float64(y)/s.size-0.5
	column, row := min(max(int(fx), 0), s.columns-1), min(max(int(fy), 0), s.rows-1)
	nextColumn, nextRow := min(column+1, s.columns-1), min(row+1, s.rows-1)
	tx, ty := min(max(fx-float64(column), 0), 1), min(max(fy-float64(row), 0), 1)
	var out [3]float64
	for channel := range out {
		top := s.light[row*s.columns+column][channel]*(1-tx) + s.light[row*s.columns+nextColumn][channel]*tx
		bottom := s.light[nextRow*s.columns+column][channel]*(1-tx) + s.light[nextRow*s.columns+nextColumn][channel]*tx
		out[channel] = top*(1-ty) + bottom*ty
	}
	return out[0], out[1], out[2]
}
