// Package look is the style sheet that the custody site and the signing desk share: one quiet visual language of colours,
// type and controls, in light and in dark. Each adds what is its own. It knows no pages.
package look

import _ "embed"

// CSS is the sheet.
//
//go:embed look.css
var CSS []byte
