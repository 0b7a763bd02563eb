package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
)

// pagesToRead are the pages that are read for who can't see them well, or uses keys alone:
// first of people who are not signed in, then of who runs the register.
func (g *guide) pagesToRead() (open, managed []string) {
	g.t.Helper()
	link, err := g.AskReset(ctx, g.admin.actor, g.officeHead.actor.Person)
	g.must(err)
	incident, err := g.ReportIncident(ctx, g.deputyTwo.actor, store.NewIncident{Token: g.deputyTwo.token.ID, Kind: custody.Misplaced, DiscoveredAt: g.Clock.Now(),
		Description: "Để trong ngăn kéo phòng hội đồng", PIN: custody.PINUnknown})
	g.must(err)
	g.must(g.RaiseAlarm(ctx, g.School.ID, store.NewAlarm{Kind: custody.Lost, Name: "Đỗ Thị Lan", Contact: "0900 000 004", Description: "Thấy một chiếc USB ở sân trường"}))
	check, err := g.OpenCheck(ctx, g.admin.actor, store.NewCheck{Kind: custody.MonthlyCheck, Due: "2026-10-30"})
	g.must(err)
	g.do(g.DeriveNotices(ctx, g.School.ID, nil))
	g.do(g.MakeProgramKey(ctx, g.admin.actor, "Phần mềm quản lý văn bản", "registers", "2027-08-31"))
	token, person := "/tokens/"+string(g.officeHead.token.ID), "/people/"+string(g.deputy.actor.Person)
	open = []string{"/sign-in", "/report-loss", "/report-loss/sent", "/check", g.check, "/check/receipt", "/join/" + link.Secret, "/khong-co"}
	managed = []string{"/", "/tokens", "/tokens/new", token, token + "/hand-over", token + "/hand-over?return=1", token + "/retire", "/hand-overs", "/hand-overs/" + string(g.offer.ID),
		"/documents", "/documents/new", "/documents/" + g.submitted.ID, "/incidents", "/incidents/" + string(incident.ID), "/alarms", "/papers", "/papers?token=" + string(g.officeHead.token.ID),
		"/log", fmt.Sprintf("/log/%d", g.approved.Index), "/log?type=refusal", "/review", "/review/charts", "/unlogged", "/checks", "/checks/new", "/checks/" + string(check.ID), "/checks/" + string(check.ID) + "/close",
		"/support", "/support/new", "/certificates", "/grants", "/people", "/people/new", person, person + "/end?kind=account", "/account-links", "/delegations",
		"/settings", "/background", "/program-keys", "/pairing", "/sessions", "/second-factor", "/password", "/notices", "/notices/share", "/loss", "/khong-co"}
	return open, managed
}

// TestPagesCanBeRead holds the pages to what a program can find of WCAG 2.2 AA, in both
// languages, by day and by night: names of fields, order of headings, headers of tables,
// contrast, focus. look/testdata/access.js says what it looks at.
func TestPagesCanBeRead(t *testing.T) {
	script, err := os.ReadFile("look/testdata/access.js")
	if err != nil {
		t.Fatal(err)
	}
	g := newGuide(t)
	g.do(g.AcceptHandOver(ctx, g.deputy.actor, g.offer.ID))
	g.day()
	open, managed := g.pagesToRead()
	english := onlyEnglish(t)
	found := map[string][]string{} // by what was found, where
	for _, scheme := range []string{"light", "dark"} {
		b := openBrowser(t, g.school, 1280, 900)
		b.night(scheme)
		read := func(path string) {
			t.Helper()
			b.visit(path)
			b.do(chromedp.KeyEvent("\t"))
			sentences, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](string(script)))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			for _, sentence := range append(sentences, b.strange(english)...) {
				found[sentence] = append(found[sentence], scheme+" "+path)
			}
		}
		for _, path := range open {
			read(path)
		}
		b.signIn(g.admin)
		for range 2 {
			for _, path := range managed {
				read(path)
			}
			b.visit("/")
			b.press("form[action='/language'] button")
		}
	}
	for _, sentence := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s\n\ton %s", sentence, strings.Join(found[sentence][:min(len(found[sentence]), 3)], ", "))
	}
}

// TestReadingFindsFaults: the script finds what it is there to find, on a page that has all
// of it, and nothing on one that has none.
func TestReadingFindsFaults(t *testing.T) {
	script, err := os.ReadFile("look/testdata/access.js")
	if err != nil {
		t.Fatal(err)
	}
	b := openBrowser(t, sqlite(t, httpapi.Config{}), 800, 600)
	read := func(name string) string {
		page, err := os.ReadFile("look/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		b.do(chromedp.Navigate("data:text/html;charset=utf-8," + url.PathEscape(string(page))))
		b.do(chromedp.KeyEvent("\t"))
		sentences, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](string(script)))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(sentences, "\n")
	}
	found := read("access-faults.html")
	for _, fault := range []string{"id twice stands 2 times", "aria-describedby names no element", "no name: <input", "no name: <button", "no alt", "a drawing without a name", "a choice without a question",
		"no landmarks", "nothing to skip to", "H4 after H1", "a table without headers", "1 cells under 2 headers", "an empty header", "no language", "another language without its mark",
		"contrast 1.61 of “pale”", "of “half there”", "of a placeholder", "of a field's edge", "focus does not show", "of the focus"} {
		if !strings.Contains(found, fault) {
			t.Errorf("does not find %q among\n%s", fault, found)
		}
	}
	if found := read("access-none.html"); found != "" {
		t.Errorf("finds on a page without faults:\n%s", found)
	}
}

// TestPagesFitANarrowScreen: at 320 pixels, which is what a page has that is enlarged four
// times on a computer (WCAG 1.4.10), nothing goes beyond the edge.
func TestPagesFitANarrowScreen(t *testing.T) {
	g := newGuide(t)
	g.do(g.AcceptHandOver(ctx, g.deputy.actor, g.offer.ID))
	g.day()
	open, managed := g.pagesToRead()
	b := openBrowser(t, g.school, 320, 640)
	for _, path := range open {
		b.visit(path)
	}
	b.signIn(g.admin)
	for _, path := range managed {
		b.visit(path)
	}
}

// onlyEnglish are the words of pages that the Vietnamese ones have not.
func onlyEnglish(t *testing.T) map[string]bool {
	t.Helper()
	catalogue := func(lang string) map[string]bool {
		content, err := os.ReadFile("locales/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var sentences map[string]string
		if err := json.Unmarshal(content, &sentences); err != nil {
			t.Fatal(err)
		}
		words := map[string]bool{}
		for _, sentence := range sentences {
			words[sentence] = true
		}
		return words
	}
	english := catalogue("en")
	for word := range catalogue("vi") {
		delete(english, word)
	}
	delete(english, "Tiếng Việt") // the way back
	return english
}

var isoDay = regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`)

// strange finds on a Vietnamese page English that was left over, and days as programs write them.
func (b *browser) strange(english map[string]bool) []string {
	b.t.Helper()
	texts, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`(() => {
		const texts = [], nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (document.documentElement.lang === "vi" && nodes.nextNode()) {
			const e = nodes.currentNode.parentElement;
			if (nodes.currentNode.data.trim() && !e.closest("script, style, code, pre, .hash, [lang=en]")) texts.push(nodes.currentNode.data.trim());
		}
		return texts;
	})()`))
	if err != nil {
		b.t.Fatal(err)
	}
	var found []string
	for _, text := range texts {
		if english[text] {
			found = append(found, "English on a Vietnamese page: "+text)
		}
		if isoDay.MatchString(text) {
			found = append(found, "a day as programs write it: "+text)
		}
	}
	return found
}

// night shows the pages in the light or the dark.
func (b *browser) night(scheme string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
	dark, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`matchMedia("(prefers-color-scheme: dark)").matches`))
	if err != nil || dark != (scheme == "dark") {
		b.t.Fatalf("%s is not shown: %v", scheme, err)
	}
}
