package wire

import (
	"context"
	"maps"
	"net/url"
)

// wholeList fetches a list page by page. A service older than pages sends it whole.
func wholeList[Page, Item any](ctx context.Context, c *Client, path string, query url.Values, part func(*Page) (items []Item, next string)) ([]Item, error) {
	var list []Item
	asked := ""
	for {
		var page Page
		if err := c.get(ctx, path, query, &page); err != nil {
			return nil, err
		}
		items, next := part(&page)
		if list == nil {
			list = items
		} else {
			list = append(list, items...)
		}
		if next == "" {
			return list, nil
		}
		if next == asked {
			return nil, &NonsenseError{URL: c.URL(), Operation: "GET " + path, Reason: "a page names itself as the next"}
		}
		if query = maps.Clone(query); query == nil {
			query = url.Values{}
		}
		query.Set("cursor", next)
		asked = next
	}
}
