package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// open signs a member in on the service's pages.
func (s *story) open(ctx context.Context, m *member) (*browser, error) {
	b, err := newBrowser(s.service.url, s.lang)
	if err != nil {
		return nil, err
	}
	p, err := b.visit(ctx, "/sign-in")
	if err != nil {
		return nil, err
	}
	_, err = b.submit(ctx, p, "/sign-in", map[string]string{"username": m.Username, "password": m.Password})
	return b, err
}

// fillLossForm reports the loss as the custodian does on a phone: sign in, fill
// in the form, confirm.
func (s *story) fillLossForm(ctx context.Context, loser *desk) error {
	b, err := s.open(ctx, loser.member)
	if err != nil {
		return err
	}
	p, err := b.visit(ctx, "/loss")
	if err != nil {
		return err
	}
	now := time.Now().In(vietnam)
	p, err = b.submit(ctx, p, "/loss", map[string]string{
		"token": loser.tokenID, "kind": "lost", "place": "Trên đường từ trường về nhà",
		"discovered_at": now.Format("15:04"), "discovered_on": now.Format("02/01/2006"), "last_use": "log", "pin": "no",
		"description": "Rơi cùng chùm chìa khóa, đã quay lại tìm nhưng không thấy.",
	})
	if err != nil {
		return err
	}
	_, err = b.submit(ctx, p, "/loss", nil) // the page asks once more
	return err
}

// review opens the log as the admin does and looks for everything that was done
// today; then one entry's page.
func (s *story) review(ctx context.Context) {
	b, err := s.open(ctx, s.members[admin])
	listed := map[string]bool{}
	for path, pages := "/log", 0; err == nil && path != "" && pages < 50; pages++ {
		var p *page
		if p, err = b.visit(ctx, path); err != nil {
			break
		}
		path = p.next()
		for _, link := range p.links() {
			listed[link] = true
		}
	}
	if err == nil {
		var missing []string
		for _, index := range s.logged {
			if link := fmt.Sprintf("/log/%d", index); !listed[link] {
				missing = append(missing, link)
			}
		}
		if len(missing) > 0 {
			err = fmt.Errorf("the log page lacks %v", missing)
		}
	}
	s.check(err, "check.review", map[string]any{"Count": len(s.logged)})
	if err == nil {
		var p *page
		if p, err = b.visit(ctx, "/review"); err == nil && !strings.Contains(strings.Join(p.links(), " "), "point=refused") {
			err = errors.New("the review does not list what was refused")
		}
		s.check(err, "check.review_points", nil)
	}

	if err != nil || s.quyChe.approved.EntryIndex == nil {
		s.check(errors.New("the log page or the signature is missing"), "check.entry_page", map[string]any{"Entry": "-"})
		return
	}
	entry := *s.quyChe.approved.EntryIndex
	p, err := b.visit(ctx, fmt.Sprintf("/log/%d", entry))
	if err == nil && !strings.Contains(p.text(), s.quyChe.approved.SHA256Out) {
		err = fmt.Errorf("the page of entry %d does not name %s (%s)", entry, s.quyChe.approved.SHA256Out, filepath.Base(s.quyChe.approved.Output))
	}
	s.check(err, "check.entry_page", map[string]any{"Entry": entry})
}
