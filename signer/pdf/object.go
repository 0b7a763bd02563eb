package pdf

// Object is one of: nil (null), bool, Integer, Real, String, Name, Array, Dict, Ref, *Stream, and
// *Reserved when writing. Objects returned by a File are the caller's own: each call parses anew, so they
// may be changed.
type Object any

// Integer is a PDF integer.
type Integer int64

// Real is a PDF real number.
type Real float64

// String holds the decoded bytes of a string. Text decodes the text strings among them.
type String []byte

// Name is a name without its slash, #xx resolved. It need not be UTF-8.
type Name string

// Array is an array.
type Array []Object

// Dict is a dictionary. A key whose value is null is the same as an absent key and is never in a Dict
// that was read. Written with /Type first, then sorted by key.
type Dict map[Name]Object

// Ref is an indirect reference. The zero Ref refers to nothing.
type Ref struct {
	Number     uint32
	Generation uint16
}

// Stream is a stream object. One that was read holds only the place of its data: File.Data decodes it.
// For a new one set Data to the bytes as they shall stand in the file (already encoded if Dict has a Filter);
// Length is written from it.
type Stream struct {
	Dict Dict
	Data []byte

	file   *File        // where it was read, nil for a new one
	offset int64        // of the first byte of data
	inner  bool         // read while loading an object stream: Length must not need another one
	crypt  *objectCrypt // nil if the data is not encrypted
}

// Offset returns the file offset of the stream's first byte of data, -1 for a new one.
func (s *Stream) Offset() int64 {
	if s.file == nil {
		return -1
	}
	return s.offset
}

// Clone returns a shallow copy of the dictionary.
func (d Dict) Clone() Dict {
	c := make(Dict, len(d))
	for k, v := range d {
		c[k] = v
	}
	return c
}
