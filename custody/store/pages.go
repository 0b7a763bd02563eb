package store

// Page is a part of a list that goes by the order of the log. It is asked for by Limit and
// After, and the reading sets Next. A nil Page is the whole list.
//
// Pages go by entry, not by number: what is registered meanwhile shifts nothing, and each
// page is found by the index on the table's school and entry.
type Page struct {
	After *int64 // the entry of the last row of the page before; nil = from the beginning
	Limit int    // rows at most
	Next  *int64 // After of the page that follows; nil = there is none
}

// order ends a query whose rows are in the order of a column of entries.
func (p *Page) order(query string, args []any, column string, newestFirst bool) (string, []any) {
	beyond, order := " > ?", ""
	if newestFirst {
		beyond, order = " < ?", " DESC"
	}
	if p != nil && p.After != nil {
		query, args = query+" AND "+column+beyond, append(args, *p.After)
	}
	query += " ORDER BY " + column + order
	if p != nil {
		query, args = query+" LIMIT ?", append(args, p.Limit+1)
	}
	return query, args
}

// cut takes the row off that only tells whether there is more.
func cut[T any](p *Page, rows []T, entry func(*T) int64) []T {
	if p == nil || len(rows) <= p.Limit {
		return rows
	}
	rows = rows[:p.Limit]
	next := entry(&rows[p.Limit-1])
	p.Next = &next
	return rows
}
