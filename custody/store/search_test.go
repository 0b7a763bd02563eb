package store_test

import (
	"fmt"
	"strings"
	"testing"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

func TestSearchOfTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		_, _, receipt := s.sign(s.principal, s.approval())
		find := func(actor custody.Actor, f store.LogFilter, words string) []int64 {
			t.Helper()
			f.Match = func(texts []string) bool { return strings.Contains(strings.ToLower(strings.Join(texts, " ")), words) }
			page, err := s.Entries(ctx, actor, f)
			s.must(err)
			var found []int64
			for _, row := range page.Entries {
				found = append(found, row.Index)
			}
			return found
		}
		signatures := store.LogFilter{Type: string(signinglog.TypeSignature)}
		for _, words := range []string{strings.ToLower(document.Summary), "nguyễn văn nghĩa", "a1001", strings.ToLower(document.Number + "/" + document.Symbol)} {
			if got := find(s.admin, signatures, words); len(got) != 1 || got[0] != receipt.Index {
				t.Errorf("%q: %v", words, got)
			}
		}
		if got := find(s.admin, store.LogFilter{}, "không có chữ này"); got != nil {
			t.Errorf("words that stand nowhere: %v", got)
		}
		// Nobody learns by searching what they may not read.
		if got := find(s.deputy, store.LogFilter{}, "nguyễn văn nghĩa"); got != nil {
			t.Errorf("a deputy finds the principal's entries: %v", got)
		}
		all := find(s.admin, store.LogFilter{Limit: 500}, "")
		first := find(s.admin, store.LogFilter{Limit: 3}, "")
		next := first[2] - 1
		if rest := find(s.admin, store.LogFilter{Limit: 500, From: &next}, ""); len(first) != 3 || len(first)+len(rest) != len(all) {
			t.Errorf("%d, then %d, of %d", len(first), len(rest), len(all))
		}

		for _, name := range []string{"Tuần này", "Tuần này", "Con dấu"} {
			s.must(s.SaveView(ctx, s.admin, name, "type=signature"))
		}
		views, err := s.SavedViews(ctx, s.admin)
		if err != nil || len(views) != 2 || views[0].Name != "Con dấu" {
			t.Fatalf("%+v, %v", views, err)
		}
		s.must(s.DropView(ctx, s.deputy, views[0].ID)) // not theirs: nothing happens
		s.must(s.DropView(ctx, s.admin, views[1].ID))
		if views, err = s.SavedViews(ctx, s.admin); err != nil || len(views) != 1 {
			t.Errorf("%+v, %v", views, err)
		}
		if others, err := s.SavedViews(ctx, s.deputy); err != nil || len(others) != 0 {
			t.Errorf("somebody else's: %+v, %v", others, err)
		}
		for i := range 29 {
			s.must(s.SaveView(ctx, s.admin, fmt.Sprint("cách xem ", i), ""))
		}
		if err := s.SaveView(ctx, s.admin, "một nữa", ""); reason(err) != custody.ReasonTooManyViews {
			t.Errorf("the thirty-first: %v", err)
		}
	})
}
