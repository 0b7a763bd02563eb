package httpapi

import (
	"strconv"

	"sokyso/custody/store"
)

// Paged is what lists that come in pages are asked with (exported because huma looks at
// exported embedded fields only).
type Paged struct {
	Cursor string `query:"cursor" maxLength:"20" doc:"next of the page before; without it the list begins"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"100" doc:"of what one page covers"`
}

// page is the page asked for.
func (p Paged) page() (*store.Page, error) {
	page := &store.Page{Limit: p.Limit}
	if p.Cursor == "" {
		return page, nil
	}
	after, err := strconv.ParseInt(p.Cursor, 10, 64)
	if err != nil || after < 0 {
		return nil, invalid("cursor", err)
	}
	page.After = &after
	return page, nil
}

// next is the cursor of the page that follows; "" = there is none.
func next(page *store.Page) string {
	if page.Next == nil {
		return ""
	}
	return strconv.FormatInt(*page.Next, 10)
}
