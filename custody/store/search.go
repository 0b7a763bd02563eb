package store

import (
	"context"
	"fmt"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// searchDepth bounds the entries that are read for a page of a search, searchPart how
// many at a time: the values of their commitments are no index, so that erasing one
// leaves nothing to be found.
const (
	searchDepth = 20_000
	searchPart  = 2_000
)

// search looks entries through by their texts. Where it ends before the log does, Next
// says from where to go on, also when it has found nothing.
func (s *Store) search(ctx context.Context, actor custody.Actor, f LogFilter, h headRow, from int64, limit int) (LogPage, error) {
	page := LogPage{Size: h.Size}
	names, err := s.searchNames(ctx, actor)
	if err != nil {
		return page, err
	}
	var found []logEntryRow
	for page.Read < searchDepth && len(found) <= limit {
		query, args := entriesQuery(actor, f, from)
		var rows []logEntryRow
		if err := s.reader.list(ctx, &rows, query, append(args, searchPart)...); err != nil {
			return page, fmt.Errorf("search the log: %w", err)
		}
		if len(rows) == 0 {
			break
		}
		last := rows[len(rows)-1].Index
		reveals, err := s.revealsOf(ctx, actor.School, last, rows[0].Index)
		if err != nil {
			return page, err
		}
		for _, row := range rows {
			texts, err := searchTexts(row, reveals[row.Index], names)
			if err != nil {
				return page, err
			}
			if f.Match(texts) {
				found = append(found, row)
			}
		}
		page.Read += int64(len(rows))
		from = last - 1
		if len(rows) < searchPart || from < 0 {
			from = -1
			break
		}
	}
	switch {
	case len(found) > limit:
		next := found[limit].Index
		page.Next, found = &next, found[:limit]
	case page.Read >= searchDepth && from >= 0:
		page.Next = &from
	}
	page.Entries, err = s.withReveals(ctx, actor.School, found)
	return page, err
}

// searchNames are the names of people and tokens that the actor may see, by identifier.
func (s *Store) searchNames(ctx context.Context, actor custody.Actor) (map[string]string, error) {
	people, err := s.People(ctx, actor)
	if err != nil {
		return nil, err
	}
	tokens, err := s.Tokens(ctx, actor)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(people)+len(tokens))
	for _, person := range people {
		names[string(person.ID)] = person.Name
	}
	for _, token := range tokens {
		names[string(token.ID)] = token.Label + " " + token.Serial
	}
	return names, nil
}

// revealsOf reads the values of a run of entries.
func (s *Store) revealsOf(ctx context.Context, school custody.SchoolID, first, last int64) (map[int64][]string, error) {
	var rows []revealRow
	if err := s.reader.list(ctx, &rows, `SELECT entry_index, field, salt, value FROM reveals WHERE school_id = ? AND entry_index >= ? AND entry_index <= ?`, string(school), first, last); err != nil {
		return nil, fmt.Errorf("read reveals: %w", err)
	}
	values := map[int64][]string{}
	for _, row := range rows {
		values[row.Index] = append(values[row.Index], row.Value)
	}
	return values, nil
}

// searchTexts are what an entry says that people search for.
func searchTexts(row logEntryRow, values []string, names map[string]string) ([]string, error) {
	e, err := signinglog.Parse(row.Bytes)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", row.Index, err)
	}
	texts := values
	for _, field := range []string{"title", "document_kind", "paper", "paper_number", "addressee", "place", "token_serial", "serial", "symbol"} {
		if value := e.Fields[field]; value != "" && !signinglog.IsCommitment(value) {
			texts = append(texts, value)
		}
	}
	if kind := custody.KindName(e.Fields["document_kind"]); kind != "" {
		texts = append(texts, kind)
	}
	if number, symbol := e.Fields["document_number"], e.Fields["document_symbol"]; number != "" || symbol != "" {
		texts = append(texts, number+"/"+symbol)
	}
	for _, field := range []string{signinglog.FieldActor, signinglog.FieldPerson, signinglog.FieldGiver, signinglog.FieldReceiver, signinglog.FieldToken, "owner", "witness", "grantor"} {
		if name := names[e.Fields[field]]; name != "" {
			texts = append(texts, name)
		}
	}
	return texts, nil
}
