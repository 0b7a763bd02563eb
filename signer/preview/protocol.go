package preview

// The pipes carry a line of JSON for each request and each answer, in turn.

const (
	opWarm    = "warm"
	opPages   = "pages"
	opWords   = "words"
	opPicture = "picture"
)

type request struct {
	Op   string `json:"op"`
	File File   `json:"file,omitzero"`
	Page int    `json:"page,omitempty"` // 1 is the first
	// Width is that of the picture, in pixels.
	Width int `json:"width,omitempty"`
}

type response struct {
	Code string `json:"code,omitempty"`
	Text string `json:"text,omitempty"`

	Count   int    `json:"count,omitempty"`
	Page    Page   `json:"page,omitzero"`
	Words   []Word `json:"words,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
	Picture []byte `json:"picture,omitempty"` // PNG
}

// File is a PDF on the disk.
type File struct {
	Path     string `json:"path"`
	Password string `json:"password,omitempty"` // "" for none
}

// Page is how a page looks from outside.
type Page struct {
	Number        int     `json:"number"` // 1 is the first
	Width, Height float64 // points, as a reader shows it
}

// Word is characters in a row without a space.
type Word struct {
	Text string `json:"t"`
	// The box around its ink.
	Left   float64 `json:"l"`
	Bottom float64 `json:"b"`
	Right  float64 `json:"r"`
	Top    float64 `json:"u"`
	// Base is where the line that it stands on crosses the page: a height, or for a word on its side the distance from
	// the left.
	Base float64 `json:"y"`
	// Size is the font's as it is shown, in points.
	Size float64 `json:"s"`
	Bold bool    `json:"w,omitempty"`
	// Italic includes oblique.
	Italic bool `json:"i,omitempty"`
	// Turn is how the word stands on the page as it is shown, counter-clockwise: 0, 90, 180 or 270 degrees, the
	// nearest.
	Turn int `json:"d,omitempty"`
}

// Words is the text of a page, in the order in which PDFium gives it, which is nearly that of reading.
type Words struct {
	Page  Page
	Words []Word
	// Cut says that there is more than MaxCharacters.
	Cut bool
}

// MaxCharacters bounds the text that is read of a page.
const MaxCharacters = 100_000

// Bounds of a picture's width, in pixels, and of all its pixels.
const (
	MinWidth  = 16
	MaxWidth  = 4096
	maxPixels = 32 << 20
)
