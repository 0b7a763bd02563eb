package agent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, file := range []string{
		"tuan/b.pdf", "tuan/a.PDF", "tuan/ghi-chu.txt", "tuan/.an.pdf", "tuan/.an/c.pdf", "tuan/duoi/d.pdf",
		"tuan/b.signed.pdf", "tuan/b.signed (2).pdf", "tuan/duyet.signed.pdf", "tuan/ra/e.pdf", "rieng.txt", "rong/x.txt",
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		paths  []string
		outDir string
		want   []Job
		failed map[string]string
	}{
		"a folder": {[]string{"tuan"}, "", []Job{{Input: "tuan/a.PDF"}, {Input: "tuan/b.pdf"}, {Input: "tuan/duoi/d.pdf"},
			{Input: "tuan/duyet.signed.pdf"}, {Input: "tuan/ra/e.pdf"}}, nil},
		"outputs inside it": {[]string{"tuan"}, "tuan/ra", []Job{{Input: "tuan/a.PDF", OutDir: "tuan/ra"}, {Input: "tuan/b.pdf", OutDir: "tuan/ra"},
			{Input: "tuan/duoi/d.pdf", OutDir: "tuan/ra/duoi"}, {Input: "tuan/duyet.signed.pdf", OutDir: "tuan/ra"}}, nil},
		"named, whatever it is": {[]string{"rieng.txt", "tuan/b.signed.pdf", "khong-co.pdf"}, "ra",
			[]Job{{Input: "rieng.txt", OutDir: "ra"}, {Input: "tuan/b.signed.pdf", OutDir: "ra"}, {Input: "khong-co.pdf", OutDir: "ra"}}, nil},
		"twice":            {[]string{"tuan/duoi/d.pdf", "tuan/duoi"}, "", []Job{{Input: "tuan/duoi/d.pdf"}}, map[string]string{"tuan/duoi": "folder_empty"}},
		"nothing to sign":  {[]string{"rong"}, "", nil, map[string]string{"rong": "folder_empty"}},
		"one of them good": {[]string{"rong", "tuan/duoi"}, "", []Job{{Input: "tuan/duoi/d.pdf"}}, map[string]string{"rong": "folder_empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			jobs, failed := Expand(NewCatalogue(Vietnamese), test.paths, test.outDir)
			for i := range jobs { // written with slashes here, whatever the system has
				jobs[i].Input, jobs[i].OutDir = filepath.ToSlash(jobs[i].Input), filepath.ToSlash(jobs[i].OutDir)
			}
			if diff := cmp.Diff(test.want, jobs, cmp.AllowUnexported(Job{})); diff != "" {
				t.Error(diff)
			}
			if len(failed) != len(test.failed) {
				t.Errorf("%+v", failed)
			}
			for _, result := range failed {
				if result.Code != test.failed[result.Input] || result.Message == "" {
					t.Errorf("%+v", result)
				}
			}
		})
	}
}
