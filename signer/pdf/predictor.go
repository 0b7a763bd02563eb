package pdf

import (
	"bufio"
	"io"
)

// predict undoes the predictor that the parameters name (ISO 32000-2 §7.4.4.4).
func (f *File) predict(r io.Reader, params Dict, offset int64) (io.Reader, error) {
	predictor, err := f.parameter(params, "Predictor", 1)
	if err != nil || predictor <= 1 {
		return r, err
	}
	colors, err := f.parameter(params, "Colors", 1)
	if err != nil {
		return nil, err
	}
	bits, err := f.parameter(params, "BitsPerComponent", 8)
	if err != nil {
		return nil, err
	}
	columns, err := f.parameter(params, "Columns", 1)
	if err != nil {
		return nil, err
	}
	if colors < 1 || colors > 64 || bits < 1 || bits > 16 || columns < 1 || columns > 1<<20 {
		return nil, fail(KindDamaged, offset, "predictor with %d colors of %d bits in %d columns", colors, bits, columns)
	}
	p := &predictorReader{
		r: bufio.NewReader(r), pixel: max(1, colors*bits/8), tiff: predictor == 2,
		row: make([]byte, (colors*bits*columns+7)/8), offset: offset,
	}
	if p.tiff && bits != 8 {
		return nil, fail(KindUnsupported, offset, "TIFF predictor with %d bits", bits)
	}
	p.above = make([]byte, len(p.row))
	return p, nil
}

type predictorReader struct {
	r          *bufio.Reader
	row, above []byte
	out        []byte // the part of row not yet handed out
	pixel      int    // bytes per pixel
	tiff       bool
	offset     int64
}

func (p *predictorReader) Read(b []byte) (int, error) {
	if len(p.out) == 0 {
		if err := p.nextRow(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}

func (p *predictorReader) nextRow() error {
	p.row, p.above = p.above, p.row
	kind := byte(0)
	if !p.tiff {
		var err error
		if kind, err = p.r.ReadByte(); err != nil {
			return err
		}
	}
	n, err := io.ReadFull(p.r, p.row)
	if err == io.ErrUnexpectedEOF {
		clear(p.row[n:]) // a last row that is cut is decoded as far as it goes
	} else if err != nil {
		return err
	}
	if p.tiff {
		for i := p.pixel; i < len(p.row); i++ {
			p.row[i] += p.row[i-p.pixel]
		}
	} else if err := p.png(kind); err != nil {
		return err
	}
	p.out = p.row[:n]
	return nil
}

// png undoes one row (PNG specification §9).
func (p *predictorReader) png(kind byte) error {
	row, above, k := p.row, p.above, p.pixel
	switch kind {
	case 0:
	case 1: // sub
		for i := k; i < len(row); i++ {
			row[i] += row[i-k]
		}
	case 2: // up
		for i := range row {
			row[i] += above[i]
		}
	case 3: // average
		for i := range row {
			left := 0
			if i >= k {
				left = int(row[i-k])
			}
			row[i] += byte((left + int(above[i])) / 2)
		}
	case 4: // Paeth
		for i := range row {
			var left, corner int
			if i >= k {
				left, corner = int(row[i-k]), int(above[i-k])
			}
			row[i] += paeth(left, int(above[i]), corner)
		}
	default:
		return fail(KindDamaged, p.offset, "PNG predictor %d", kind)
	}
	return nil
}

func paeth(a, b, c int) byte {
	p := a + b - c
	pa, pb, pc := abs(p-a), abs(p-b), abs(p-c)
	if pa <= pb && pa <= pc {
		return byte(a)
	}
	if pb <= pc {
		return byte(b)
	}
	return byte(c)
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
