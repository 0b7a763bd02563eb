package desk_test

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/signer"
	"sokyso/signer/agent"
)

// signedAs signs a file with the place's token, standing in for the leader; it answers where the signed file is.
func (p *place) signedAs(act string, path string) string {
	p.t.Helper()
	if err := p.desk.Open(path); err != nil {
		p.t.Fatal(err)
	}
	documents := get[struct{ Documents []documentView }](p, "/api/state").Documents
	result := p.sign(act, testPIN, documents[len(documents)-1].ID)[0]
	if result.Status != agent.StatusSigned {
		p.t.Fatalf("%+v", result)
	}
	return result.Output
}

// TestIssueOnThePage: a draft is prepared with one press, the leader signs; then the clerk finds number and date
// proposed, the seal at its place, and issues it with one press and the PIN.
func TestIssueOnThePage(t *testing.T) {
	p := sitDown(t, copied(t, "du-thao.pdf"))
	w := openWindow(t, p, 1366, 768)
	w.until("the offer to prepare", `document.querySelector("#prepare")`)
	w.until("the page's picture", `document.querySelector(".sheet > img:not(.ink)")?.complete`)
	w.look("draft")
	w.keep("chuan-bi")
	w.run(`document.querySelector("#prepare").click()`)
	w.until("the prepared draft", `document.querySelector(".panel .file")?.innerText.includes("du-thao.prepared.pdf") && document.querySelector("#fact-kind")`)
	w.until("no second offer", `!document.querySelector("#prepare")`)
	w.look("prepared")
	w.run(`document.querySelector("#sign").click()`)
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.keys(testPIN + "\r")
	w.until("the leader's signature", `document.querySelector(".results li.signed")`)

	documents := get[struct{ Documents []documentView }](p, "/api/state").Documents
	if len(documents) != 2 || documents[1].Result == nil {
		t.Fatalf("%+v", documents)
	}
	signed := documents[1].Result.Output
	for _, d := range documents {
		post[struct{}](p, "/api/documents/"+d.ID+"/close", struct{}{})
	}
	if err := p.desk.Open(signed); err != nil {
		t.Fatal(err)
	}
	w.do(chromedp.Navigate("about:blank"))
	w.do(chromedp.Navigate(p.desk.URL()))
	w.until("number and date", `document.querySelector("#act")?.value === "issue" && document.querySelector("#fact-number")?.value === "01" && document.querySelector("#issue-date")?.value`)
	w.until("the texts on the page", `[...document.querySelectorAll(".sheet .entry")].some(e => e.innerText.trim() === "01")`)
	today := time.Now().In(signer.Vietnam)
	if value, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.querySelector("#issue-date").value`)); err != nil || value != today.Format(time.DateOnly) {
		t.Errorf("date %q, %v", value, err)
	}
	w.until("the seal's field", `document.querySelector(".box") && document.body.innerText.includes("ô chữ ký có sẵn")`)
	w.until("the page's picture", `document.querySelector(".sheet > img:not(.ink)")?.complete`)
	w.look("to issue")
	w.keep("phat-hanh")
	w.do(chromedp.EmulateViewport(390, 844))
	w.width = 390
	w.look("to issue on a phone")
	w.do(chromedp.EmulateViewport(1366, 768))
	w.width = 1366
	w.run(`const n = document.querySelector("#fact-number"); n.value = "7"; n.dispatchEvent(new Event("input"))`)
	w.until("the number with its zero", `[...document.querySelectorAll(".sheet .entry")].some(e => e.innerText.trim() === "07")`)
	w.run(`document.querySelector("#sign").click()`)
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	if !strings.Contains(w.text(), "ngày "+today.Format("02/01/2006")) {
		t.Errorf("the sentence does not tell the date: %s", w.text())
	}
	w.look("asked to issue")
	w.keys(testPIN + "\r")
	w.until("the end", `document.querySelector(".results li.signed")`)
	w.keys("\r")
	w.until("the issued document", `!document.querySelector("dialog[open]") && document.querySelector(".panel .notice.good")`)
	w.until("its picture", `document.querySelector(".sheet > img:not(.ink)")?.complete`)
	w.look("issued")

	result := get[struct{ Documents []documentView }](p, "/api/state").Documents[0].Result
	if result == nil || result.Status != agent.StatusSigned {
		t.Fatalf("%+v", result)
	}
	if history := get[struct{ Entries []agent.HistoryEntry }](p, "/api/history").Entries; len(history) != 2 || history[0].Document.Number != "07" || history[0].Act != "issue" {
		t.Errorf("history %+v", history)
	}
	report := p.verify(result.Output)
	if len(report.Signatures) != 2 {
		t.Fatalf("%+v", report)
	}
	changes := map[string]int{}
	for _, s := range report.Signatures {
		changes[s.LaterChanges]++
	}
	if changes["permitted"] != 1 || changes["none"] != 1 {
		t.Errorf("%+v", report.Signatures)
	}
	text, err := exec.Command("pdftotext", "-layout", result.Output, "-").Output()
	if err != nil || !strings.Contains(string(text), "07") || !strings.Contains(string(text), today.Format("02")) {
		t.Errorf("%s, %v", text, err)
	}
	// The next one is proposed the next number.
	if err := p.desk.Open(signed); err != nil {
		t.Fatal(err)
	}
	next := get[issueView](p, "/api/documents/4/issue?kind=TB")
	if next.Number != "08" || next.Last != "07" || next.State != "ready" {
		t.Errorf("%+v", next)
	}
}

type issueView struct{ State, Message, Number, Date, Last, Symbol string }

// TestIssueStates: what can't be issued says what to do, and nothing is signed.
func TestIssueStates(t *testing.T) {
	p := sitDown(t)
	if err := p.desk.Open(copied(t, "du-thao-cham.pdf")); err != nil {
		t.Fatal(err)
	}
	made := post[documentView](p, "/api/documents/1/prepare", struct{}{})
	open := get[struct {
		Documents []struct{ ID, Path string }
	}](p, "/api/state").Documents
	prepared := open[1].Path
	status, answer := p.ask(http.MethodPost, "/api/documents/"+made.ID+"/prepare", encoded(t, struct{}{}))
	if status == http.StatusOK || !strings.Contains(string(answer), "fields_present") {
		t.Errorf("prepared twice: %d %s", status, answer)
	}
	files := map[string]string{
		"unsigned":   prepared,
		"ready":      p.signedAs("approve", prepared),
		"unprepared": p.signedAs("approve", copied(t, "du-thao-cham.pdf")),
		"printed":    p.signedAs("approve", copied(t, "ke-hoach.pdf")),
		"unreadable": p.signedAs("approve", copied(t, "quy-che-scan.pdf")),
	}
	ids := map[string]string{}
	for state, path := range files {
		if err := p.desk.Open(path); err != nil {
			t.Fatal(err)
		}
		documents := get[struct{ Documents []documentView }](p, "/api/state").Documents
		ids[state] = documents[len(documents)-1].ID
		got := get[issueView](p, "/api/documents/"+ids[state]+"/issue?kind=KH")
		if got.State != state || (got.Message == "") != (state == "ready") {
			t.Errorf("%s: %+v", state, got)
		}
	}
	for name, test := range map[string]struct{ state, number, date, want string }{
		"unsigned":          {"unsigned", "07", "2026-11-26", "issue_unsigned"},
		"without fields":    {"unprepared", "07", "2026-11-26", "issue_unprepared"},
		"another number":    {"printed", "22", "2026-11-20", "issue_other_number"},
		"another date":      {"printed", "21", "2026-11-21", "issue_other_date"},
		"no number":         {"ready", "", "2026-11-26", "issue_number_missing"},
		"a number of words": {"ready", "7/TB", "2026-11-26", "issue_number"},
		"no date":           {"ready", "07", "", "issue_date_missing"},
		"no such day":       {"ready", "07", "2026-02-30", "issue_date"},
	} {
		status, answer := p.ask(http.MethodPost, "/api/sign", encoded(t, map[string]any{
			"act": "issue", "token": "x", "certificate": "", "image": "", "pin": testPIN, "final_try": false, "level": "",
			"files": []any{map[string]any{"id": ids[test.state], "document": map[string]any{}, "capacity": "", "place": nil, "issue": map[string]string{"number": test.number, "date": test.date}}},
		}))
		if status == http.StatusOK || !strings.Contains(string(answer), `"`+test.want+`"`) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}
