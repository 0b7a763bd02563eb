package httpapi

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sokyso/custody"
)

func TestMenuMarksWhereOneIs(t *testing.T) {
	m := menuOf(custody.Roles{Admin: true}, "check_close", atHome)
	if m.Here != "nav.checks" {
		t.Errorf("a page of the checks stands under %q", m.Here)
	}
	for _, item := range m.Main {
		if item.Current {
			t.Errorf("%s is marked", item.Path)
		}
	}
	if m := menuOf(custody.Roles{Admin: true}, "token", atHome); m.Here != "" || !m.Main[1].Current || m.Main[0].Current {
		t.Errorf("a token's page: %+v", m)
	}
	if slices.ContainsFunc(mainMenu, func(i menuItem) bool { return i.Current }) {
		t.Error("one person's page marks everybody's menu")
	}
}

func TestMenuShowsOnlyWhatOneMayUse(t *testing.T) {
	m := menuOf(custody.Roles{}, "home", atHome)
	for _, items := range [][]menuItem{m.Main, m.More[0].Items, m.More[1].Items} {
		for _, item := range items {
			if item.needs != nil {
				t.Errorf("a custodian sees %s", item.Path)
			}
		}
	}
	if len(m.More) != 2 {
		t.Errorf("%d groups, one of them empty", len(m.More))
	}
}

// TestMenuNamesRealPages: a page that is renamed would lose its mark silently.
func TestMenuNamesRealPages(t *testing.T) {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	groups := append([]menuGroup{{Items: mainMenu}}, moreMenu...)
	for _, group := range groups {
		for _, item := range group.Items {
			for _, page := range item.Pages {
				if !slices.ContainsFunc(files, func(f string) bool { return strings.TrimSuffix(path.Base(f), ".html") == page }) {
					t.Errorf("%s: there is no page %q", item.Path, page)
				}
			}
		}
	}
}

func TestSubjectIsReadable(t *testing.T) {
	const before = "CN=Nguyễn Thị Mẫu,C=VN,1.2.840.113549.1.9.1=#"
	for in, want := range map[string]string{
		before + "0c0461406578": "CN=Nguyễn Thị Mẫu,C=VN,E-mail=a@ex",
		before + "160461406578": "CN=Nguyễn Thị Mẫu,C=VN,E-mail=a@ex",
		before + "0c09614065":   before + "0c09614065", // cut off
		before + "0c0":          before + "0c0",
	} {
		if got := readableSubject(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// What the guides say to find behind "Thêm" is there.
func TestGuidesFindTheirWay(t *testing.T) {
	words := readCatalogue(t, "vi")
	behind := map[string]bool{}
	for _, group := range moreMenu {
		for _, item := range group.Items {
			behind[words[item.Key]] = true
		}
	}
	files, err := filepath.Glob("../docs/huong-dan/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d guides, %v", len(files), err)
	}
	way := regexp.MustCompile(`\*\*` + regexp.QuoteMeta(words["nav.more"]) + ` → ([^*]+)\*\*`)
	found := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range way.FindAllStringSubmatch(string(content), -1) {
			found++
			if !behind[to[1]] {
				t.Errorf("%s looks for %q behind %q", file, to[1], words["nav.more"])
			}
		}
	}
	if found == 0 {
		t.Error("no guide opens the menu")
	}
}
