package desk_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sokyso/signer/agent"
	"sokyso/signer/desk"
	"sokyso/signer/reading"
)

// documentView and the others are the parts of the answers that tests look at.
type documentView struct {
	ID         string
	Name       string
	Pages      int
	Proposal   *reading.Proposal
	Signatures []agent.SignatureReport
	Warnings   []string
	Problem    *struct{ Code, Message string }
	Result     *agent.Result
}

type placesView struct {
	Places []struct {
		Page int        `json:"page"`
		Rect [4]float64 `json:"rect"`
		Why  string     `json:"why"`
	} `json:"places"`
}

type taskView struct {
	Over    bool
	Results []agent.Result
}

func (p *place) upload(name string, content []byte) documentView {
	p.t.Helper()
	status, answer := p.ask(http.MethodPost, "/api/documents", bytes.NewReader(content), func(r *http.Request) {
		r.Header.Set("Content-Disposition", `attachment; filename*=UTF-8''`+name)
	})
	return answered[documentView](p, "upload", status, answer)
}

// sign signs documents where they propose it and waits for the end.
func (p *place) sign(act, pin string, ids ...string) []agent.Result {
	p.t.Helper()
	tokens := get[struct {
		Tokens []struct {
			Serial       string
			Certificates []struct{ SHA256 string }
		}
	}](p, "/api/tokens")
	request := map[string]any{"act": act, "token": tokens.Tokens[0].Serial, "certificate": tokens.Tokens[0].Certificates[0].SHA256, "image": "", "pin": pin, "final_try": p.finalTry}
	var files []map[string]any
	for _, id := range ids {
		doc := get[documentView](p, "/api/documents/"+id)
		file := map[string]any{"id": id, "capacity": "", "place": nil, "document": map[string]string{}}
		if doc.Proposal != nil {
			file["document"] = map[string]string{"number": doc.Proposal.Number.Text, "symbol": doc.Proposal.Symbol.Text, "kind": doc.Proposal.Kind.Text, "summary": doc.Proposal.Summary.Text}
		}
		if places := get[placesView](p, "/api/documents/"+id+"/places?act="+act).Places; len(places) > 0 {
			file["place"] = map[string]any{"page": places[0].Page, "rect": places[0].Rect}
		}
		files = append(files, file)
	}
	request["files"] = files
	return p.ended(post[map[string]string](p, "/api/sign", request)["task"])
}

// ended waits for the end of a task.
func (p *place) ended(task string) []agent.Result {
	p.t.Helper()
	for range 1200 {
		if view := get[taskView](p, "/api/tasks/"+task); view.Over {
			return view.Results
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatal("the task does not end")
	return nil
}

// verify looks at a signed file with the agent's own verification.
func (p *place) verify(path string) agent.FileReport {
	p.t.Helper()
	return agent.Verification{Roots: p.roots, Offline: true, Catalogue: agent.NewCatalogue("vi")}.Verify(p.t.Context(), path)
}

func TestSignByPath(t *testing.T) {
	path := copied(t, "ke-hoach.pdf")
	p := sitDown(t, path)
	result := p.sign("approve", testPIN, "1")[0]
	if result.Status != agent.StatusSigned || filepath.Dir(result.Output) != filepath.Dir(path) {
		t.Fatalf("%+v", result)
	}
	report := p.verify(result.Output)
	if len(report.Signatures) != 1 || report.Signatures[0].Indication == "TOTAL-FAILED" || report.Signatures[0].Signer != "Nguyễn Thị Mẫu" {
		t.Errorf("%+v", report)
	}
	history := get[struct {
		Entries []struct {
			Output string
			There  bool
		}
		Count int
	}](p, "/api/history?q=chuyen+doi+so")
	if len(history.Entries) != 1 || history.Entries[0].Output != result.Output || !history.Entries[0].There {
		t.Errorf("history %+v", history)
	}
	if found := get[struct{ Entries []any }](p, "/api/history?q=khong+co"); len(found.Entries) != 0 {
		t.Errorf("a search for what is not there finds %v", found.Entries)
	}
}

func TestSignUploads(t *testing.T) {
	p := sitDown(t)
	var ids []string
	for _, name := range []string{"ke-hoach.pdf", "thong-bao.pdf", "quy-che-scan.pdf"} {
		content, err := os.ReadFile(sample(name))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.upload(name, content).ID)
	}
	for i, result := range p.sign("approve", testPIN, ids...) {
		if result.Status != agent.StatusSigned || filepath.Dir(result.Output) != p.out {
			t.Errorf("%d: %+v", i, result)
			continue
		}
		if status, content := p.ask("GET", "/api/documents/"+ids[i]+"/signed", nil); status != 200 || !bytes.HasPrefix(content, []byte("%PDF")) {
			t.Errorf("saving %s: %d", ids[i], status)
		}
	}
	if status, _ := p.ask("POST", "/api/documents/"+ids[0]+"/close", nil); status != 200 {
		t.Errorf("closing: %d", status)
	}
	if status, _ := p.ask("GET", "/api/documents/"+ids[0], nil); status != http.StatusNotFound {
		t.Errorf("a closed document answers %d", status)
	}
}

func TestWrongPIN(t *testing.T) {
	path := copied(t, "ke-hoach.pdf")
	p := sitDown(t, path)
	result := p.sign("approve", wrongPIN, "1")[0]
	if result.Code != "wrong_pin" || result.Output != "" {
		t.Fatalf("%+v", result)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v lie beside the file", entries, err)
	}
	tokens := get[struct {
		Tokens []struct {
			CountLow bool `json:"count_low"`
		}
	}](p, "/api/tokens")
	if !tokens.Tokens[0].CountLow {
		t.Error("the page is not told that a wrong PIN was tried")
	}
	if result := p.sign("approve", testPIN, "1")[0]; result.Status != agent.StatusSigned {
		t.Errorf("then %+v", result)
	}
}

// A token that does not say how many tries are left: after two refused PINs the person
// has to agree to a third.
func TestPINRefusedTwice(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"))
	for range 2 {
		if result := p.sign("approve", wrongPIN, "1")[0]; result.Code != "wrong_pin" {
			t.Fatalf("%+v", result)
		}
	}
	tokens := get[struct {
		Tokens []struct {
			Flags      string
			MaybeFinal bool `json:"maybe_final"`
		}
	}](p, "/api/tokens")
	if !tokens.Tokens[0].MaybeFinal || !strings.Contains(tokens.Tokens[0].Flags, "2") {
		t.Errorf("the page is not told: %+v", tokens)
	}
	if result := p.sign("approve", testPIN, "1")[0]; result.Code != "pin_maybe_final_try" {
		t.Errorf("without the person's word: %+v", result)
	}
	p.finalTry = true
	if result := p.sign("approve", testPIN, "1")[0]; result.Status != agent.StatusSigned {
		t.Errorf("with it: %+v", result)
	}
}

func TestPlaces(t *testing.T) {
	p := sitDown(t, copied(t, "thong-bao.pdf"))
	picture := get[placesView](p, "/api/documents/1/places?act=approve").Places
	seal := get[placesView](p, "/api/documents/1/places?act=issue&seal=36").Places
	stamp := get[placesView](p, "/api/documents/1/places?act=attachment").Places
	if len(picture) != 1 || len(seal) != 1 || len(stamp) != 1 {
		t.Fatalf("%v %v %v", picture, seal, stamp)
	}
	// The seal at its real size covers a third of the signature's picture at its left.
	covered := seal[0].Rect[0] + seal[0].Rect[2] - picture[0].Rect[0]
	if third := picture[0].Rect[2] / 3; covered < third-1 || covered > third+1 || seal[0].Rect[2] < 101 || seal[0].Rect[2] > 103 {
		t.Errorf("seal %v, picture %v", seal[0].Rect, picture[0].Rect)
	}
	if r := stamp[0].Rect; stamp[0].Page != 1 || r[0] < 300 || r[1] < 780 {
		t.Errorf("stamp %v", r)
	}
	for path, want := range map[string]bool{
		"/api/documents/1/covered?page=1&rect=90,430,60,30":   true,  // over the recipients
		"/api/documents/1/covered?page=1&rect=360,310,140,50": false, // in the gap
	} {
		if words := get[struct{ Words []string }](p, path).Words; (len(words) > 0) != want {
			t.Errorf("%s covers %v", path, words)
		}
	}
}

func TestWarnings(t *testing.T) {
	same := copied(t, "ke-hoach.pdf")
	p := sitDown(t, same, copied(t, "ke-hoach.pdf"), copied(t, "quy-che-scan.pdf"), copied(t, "encrypted-aes-256-password.pdf"), copied(t, "not-a-pdf.pdf"))
	has := func(id, warning string) bool {
		return strings.Contains(strings.Join(get[documentView](p, "/api/documents/"+id).Warnings, " "), warning)
	}
	if !has("1", "same_content") || has("3", "same_content") || !has("3", "scan") {
		t.Error("same content or a scan is not told")
	}
	for id, want := range map[string]string{"4": "password", "5": "damaged"} {
		if doc := get[documentView](p, "/api/documents/"+id); doc.Problem == nil || doc.Problem.Code != want || doc.Problem.Message == "" {
			t.Errorf("%s: %+v", doc.Name, doc.Problem)
		}
	}
	if opened := post[documentView](p, "/api/documents/4/password", map[string]string{"password": "falsch"}); opened.Problem == nil || opened.Problem.Code != "password" {
		t.Errorf("a wrong password: %+v", opened.Problem)
	}
	opened := post[documentView](p, "/api/documents/4/password", map[string]string{"password": "mật khẩu Nghĩa"})
	if opened.Problem != nil || opened.Pages == 0 || !has("4", "encrypted") {
		t.Errorf("the right password: %+v", opened)
	}
}

// TestUploadNames: a name from a page ends up as one file in the desk's own folder.
func TestUploadNames(t *testing.T) {
	p := sitDown(t)
	content, err := os.ReadFile(sample("ke-hoach.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"..%2F..%2Fetc%2Fpasswd":                           "passwd",
		"C%3A%5Ctemp%5Cx.pdf":                              "x.pdf",
		"%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E.pdf": "_img src=x onerror=alert(1)_.pdf",
		"":                                     "document.pdf",
		"a%00b.pdf":                            "a_b.pdf",
		strings.Repeat("%C3%A2", 300) + ".pdf": strings.Repeat("â", 98) + ".pdf",
	} {
		if doc := p.upload(name, content); doc.Name != want {
			t.Errorf("%s became %q, want %q", name, doc.Name, want)
		}
	}
	var outside []string
	err = filepath.WalkDir(filepath.Dir(p.home), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && bytes.HasSuffix([]byte(path), []byte("passwd")) && !strings.HasPrefix(path, filepath.Join(p.home, "desk")) {
			outside = append(outside, path)
		}
		return err
	})
	if err != nil || outside != nil {
		t.Errorf("%v outside, %v", outside, err)
	}
}

// TestTwoDesks: a second desk of the same person leaves the files of the first alone.
func TestTwoDesks(t *testing.T) {
	p := sitDown(t)
	content, err := os.ReadFile(sample("ke-hoach.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	doc := p.upload("ke-hoach.pdf", content)
	if _, err := desk.New(desk.Config{Agent: agent.Config{Home: p.home}}); err != nil {
		t.Fatal(err)
	}
	if status, answer := p.ask("GET", "/api/documents/"+doc.ID+"/pages/1?width=100", nil); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
}

// TestNoise: junk in every call is refused in words.
func TestNoise(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"))
	for _, test := range []struct {
		method, path, body string
	}{
		{"POST", "/api/sign", "{"}, {"POST", "/api/sign", `{"files":[],"act":"approve"}`}, {"POST", "/api/sign", `{"unknown":1}`},
		{"POST", "/api/sign", `{"files":[{"id":"99"}]}`}, {"POST", "/api/sign", `{"files":[{"id":"1"},{"id":"1"}]}`},
		{"POST", "/api/sign", `{"pin":"` + strings.Repeat("1", 2<<20) + `"}`},
		{"GET", "/api/documents/1/pages/0", ""}, {"GET", "/api/documents/1/pages/99999", ""}, {"GET", "/api/documents/1/pages/x", ""},
		{"GET", "/api/documents/x", ""}, {"GET", "/api/tasks/x", ""}, {"GET", "/api/images/..%2F..%2Fpairing", ""}, {"GET", "/api/images/0123456789abcdef", ""},
		{"POST", "/api/images", `{"kind":"signature","scan":"AAAA","try":true}`}, {"POST", "/api/images", `{"kind":"x"}`},
		{"GET", "/api/documents/1/covered?page=1&rect=a", ""}, {"GET", "/api/documents/1/signed", ""},
	} {
		status, content := p.ask(test.method, test.path, strings.NewReader(test.body))
		var failure struct{ Code, Message string }
		if err := json.Unmarshal(content, &failure); status < 400 || status >= 500 || err != nil || failure.Code == "" || failure.Message == "" {
			t.Errorf("%s %s: %d %s", test.method, test.path, status, content)
		}
	}
}

// TestScanIsGuessed: on a scan the place is guessed from the ink, on the page with the signature block, and said to be
// that.
func TestScanIsGuessed(t *testing.T) {
	p := sitDown(t, copied(t, "quy-che-scan.pdf"))
	doc := get[documentView](p, "/api/documents/1")
	for _, act := range []string{"approve", "issue"} {
		places := get[placesView](p, "/api/documents/1/places?act="+act).Places
		if len(places) != 1 || places[0].Why != "ink" || places[0].Page != doc.Pages {
			t.Fatalf("%s: %+v", act, places)
		}
		// The same document with text has its block here.
		if x, y := places[0].Rect[0]+places[0].Rect[2]/2, places[0].Rect[1]+places[0].Rect[3]/2; act == "approve" && (x < 230 || x > 330 || y < 240 || y > 345) {
			t.Errorf("the middle is at %.0f, %.0f", x, y)
		}
	}
	if places := get[placesView](p, "/api/documents/1/places?act=copy").Places; len(places) != 1 || places[0].Why != "stamp" {
		t.Errorf("copy: %+v", places)
	}
}
