package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

func samplePDF(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "testdata", "pdf", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// submit submits a PDF as a program does.
func (s *school) submit(by *wire.Client, content []byte, route ...wire.RouteStep) wire.Submission {
	s.TB.Helper()
	file, err := by.StageFile(ctx, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		s.TB.Fatal(err)
	}
	d, err := by.Submit(ctx, wire.NewSubmission{File: file.ID, Document: wire.DocumentFacts{Kind: "KH", Number: "21", Symbol: "KH-MNHS", Summary: "Kế hoạch năm học", FileName: "ke-hoach.pdf"},
		Note: "xin ký sớm", Due: "2026-10-30", Route: route})
	if err != nil {
		s.TB.Fatal(err)
	}
	return d
}

func step(m *member, act, capacity string) wire.RouteStep {
	return wire.RouteStep{PersonID: string(m.actor.Person), Act: act, Capacity: capacity}
}

// signs makes the signature of a document, and the bytes that stand for the signed file: to the service they are as
// good as any that hash to what the agent has recorded.
func (s *school) signs(m *member, d wire.Submission, content []byte) ([]byte, int64) {
	s.TB.Helper()
	planned := d.Route[d.Step-1]
	paper := &document{hash: d.SHA256, facts: d.Document}
	grant, err := m.agent.Grant(ctx, m.request(paper, planned.Act, planned.Capacity))
	if err != nil {
		s.TB.Fatal(err)
	}
	signed := append(bytes.Clone(content), fmt.Sprintf("\n%% %s\n", grant.ID)...)
	record := m.finish(s.TB, s)
	record.SHA256Out = sumOf(signed)
	receipt, err := m.agent.Record(ctx, grant.ID, record)
	if err != nil {
		s.TB.Fatal(err)
	}
	return signed, receipt.Index
}

// TestDocumentsOverTheAPI: submitted, opened by a ticket, signed, sent back; the next one gets it; done.
func TestDocumentsOverTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		content := samplePDF(t, "ke-hoach.pdf")
		d := s.submit(s.officeHead.agent, content, step(s.deputy, wire.ActInitial, ""), step(s.principal, wire.ActApprove, ""))
		if d.State != "waiting" || d.Pages != 1 || d.Step != 1 || d.MayHandle || d.SHA256 != sumOf(content) {
			t.Fatalf("%+v", d)
		}
		page := s.signIn(s.deputy)
		pairings, err := page.MyPairings(ctx)
		if err != nil || len(pairings) != 1 {
			t.Fatalf("%+v, %v", pairings, err)
		}
		_, err = s.deputy.agent.CreateTicket(ctx, d.ID, wire.NewTicket{Pairing: pairings[0].ID})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden) // a ticket is made in person
		ticket, err := page.CreateTicket(ctx, d.ID, wire.NewTicket{Pairing: pairings[0].ID})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.principal.agent.TradeTicket(ctx, wire.TradeTicket{Ticket: ticket.Ticket})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		if d, err = s.deputy.agent.TradeTicket(ctx, wire.TradeTicket{Ticket: ticket.Ticket}); err != nil || d.State != "in_hand" || !d.MayHandle {
			t.Fatalf("%+v, %v", d, err)
		}
		_, err = s.deputy.agent.TradeTicket(ctx, wire.TradeTicket{Ticket: ticket.Ticket})
		mustRefuse(t, err, http.StatusConflict, wire.CodeConflict)
		var fetched bytes.Buffer
		if err := s.deputy.agent.DocumentBytes(ctx, d, &fetched); err != nil || !bytes.Equal(fetched.Bytes(), content) {
			t.Fatalf("%d bytes, %v", fetched.Len(), err)
		}
		if err := s.deputyTwo.agent.DocumentBytes(ctx, d, io.Discard); err == nil {
			t.Error("somebody else has the file")
		}

		signed, entry := s.signs(s.deputy, d, content)
		// The upload is cut in the middle, twice, in two ways; then it comes whole, twice.
		half := int64(len(signed) / 2)
		if _, err := s.deputy.agent.SendSigned(ctx, d.ID, entry, io.MultiReader(bytes.NewReader(signed[:half]), iotest.ErrReader(errors.New("cut"))), int64(len(signed))); err == nil {
			t.Error("a cut upload is taken")
		}
		_, err = s.deputy.agent.SendSigned(ctx, d.ID, entry, bytes.NewReader(signed[:half]), half)
		if err == nil {
			t.Error("half a file is taken")
		}
		if again, err := s.deputy.agent.Submission(ctx, d.ID); err != nil || again.Step != 1 {
			t.Fatalf("%+v, %v", again, err)
		}
		for range 2 {
			if d, err = s.deputy.agent.SendSigned(ctx, d.ID, entry, bytes.NewReader(signed), int64(len(signed))); err != nil || d.Step != 2 || d.State != "waiting" {
				t.Fatalf("%+v, %v", d, err)
			}
		}

		waiting, err := s.principal.agent.Submissions(ctx, true)
		if err != nil || len(waiting) != 1 || waiting[0].SHA256 != sumOf(signed) {
			t.Fatalf("%+v, %v", waiting, err)
		}
		if d, err = s.principal.agent.FetchDocument(ctx, d.ID); err != nil || d.State != "in_hand" {
			t.Fatalf("%+v, %v", d, err)
		}
		fetched.Reset()
		if err := s.principal.agent.DocumentBytes(ctx, d, &fetched); err != nil || !bytes.Equal(fetched.Bytes(), signed) {
			t.Fatalf("%d bytes, %v", fetched.Len(), err)
		}
		approved, entry := s.signs(s.principal, d, signed)
		if d, err = s.principal.agent.SendSigned(ctx, d.ID, entry, bytes.NewReader(approved), int64(len(approved))); err != nil || d.State != "signed" || d.Step != 0 {
			t.Fatalf("%+v, %v", d, err)
		}
		if _, err := s.principal.agent.FetchDocument(ctx, d.ID); err == nil {
			t.Error("a signed document is taken in hand")
		}
		report := s.CheckLog()
		if report.ByType["document"] != 1 || report.ByType["document_step"] != 4 { // two fetched, two signed
			t.Errorf("%v", report.ByType)
		}
	})
}

// TestWhatIsNoPDF: refused with its reason, before it is kept.
func TestWhatIsNoPDF(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	agent := s.officeHead.agent
	for name, content := range map[string][]byte{
		"nothing": {}, "text": []byte("Đây không phải PDF"), "a picture": append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 4000)...),
		"header alone": []byte("%PDF-1.7\n"), "late header": append(make([]byte, 2000), "%PDF-1.7\n"...),
	} {
		_, err := agent.StageFile(ctx, bytes.NewReader(content), int64(len(content)))
		problem := mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
		if problem.Params["reason"] != custody.ReasonNoPDF {
			t.Errorf("%s: %+v", name, problem)
		}
	}
	size := int64(custody.MaxDocument + 1)
	_, err := agent.StageFile(ctx, io.LimitReader(io.MultiReader(strings.NewReader("%PDF-1.7\n"), zeros{}), size), size)
	problem := mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
	if problem.Params["reason"] != custody.ReasonDocumentTooLarge || !strings.Contains(problem.Detail, "50 MB") {
		t.Errorf("%+v", problem)
	}
	// The request itself has an end too.
	_, err = agent.StageFile(ctx, io.LimitReader(io.MultiReader(strings.NewReader("%PDF-1.7\n"), zeros{}), 2*size), 2*size)
	if err == nil {
		t.Error("100 MB are taken")
	}
	var files int
	if err := s.DB().Get(&files, `SELECT COUNT(*) FROM document_files`); err != nil || files > 2 { // those whose inside is no PDF are swept in a day
		t.Errorf("%d files are kept, %v", files, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestLargeDocumentInBoundedMemory: 50 MB in and out while the service's heap stays far below that.
func TestLargeDocumentInBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 50 MB")
	}
	s := sqlite(t, httpapi.Config{})
	s.give()
	content := samplePDF(t, "ke-hoach.pdf")
	// Behind the end of the file readers pass over what is no object; the cross-reference stays in the last kilobyte. The
	// file is made as it is read, so that the test holds none of it.
	tail, filler := content[bytes.LastIndex(content, []byte("startxref")):], int64(45<<20)
	size := int64(len(content)) + filler + int64(len(tail))
	large := func() io.Reader {
		return io.MultiReader(bytes.NewReader(content), io.LimitReader(spaces{}, filler), bytes.NewReader(tail))
	}
	most := uint64(0)
	done := make(chan struct{})
	sampled := make(chan struct{})
	// What is alive, not what waits to be collected: that grows with the machine's load.
	alive := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	runtime.GC()
	metrics.Read(alive)
	before := alive[0].Value.Uint64()
	go func() {
		defer close(sampled)
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				metrics.Read(alive)
				now := alive[0].Value.Uint64()
				most = max(most, now-min(now, before))
			}
		}
	}()
	file, err := s.officeHead.agent.StageFile(ctx, large(), size)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.officeHead.agent.Submit(ctx, wire.NewSubmission{File: file.ID, Document: wire.DocumentFacts{Kind: "KH", Summary: "x", FileName: "x.pdf"},
		Route: []wire.RouteStep{step(s.principal, wire.ActApprove, "")}})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	if err := s.principal.agent.DocumentBytes(ctx, d, sum); err != nil {
		t.Fatal(err)
	}
	close(done)
	<-sampled
	t.Logf("%d MB moved both ways, client and service together held %d MB more", size>>20, most>>20)
	if most > 30<<20 {
		t.Errorf("%d MB of memory for %d MB", most>>20, size>>20)
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestSubmittingOnThePage: by a form with a file, which is kept when the rest of the form was not right.
func TestSubmittingOnThePage(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.officeHead)
	send := func(fields map[string]string, file []byte) (*http.Response, string) {
		t.Helper()
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		if file != nil {
			part, err := w.CreateFormFile("file", `C:\Users\quân\ke-hoach.pdf`)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := part.Write(file); err != nil {
				t.Fatal(err)
			}
		}
		for name, value := range fields {
			if err := w.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		resp, err := v.http.Post(v.base+"/documents/new", w.FormDataContentType(), &form)
		if err != nil {
			t.Fatal(err)
		}
		_, body := v.read(resp)
		return resp, body
	}
	fields := map[string]string{"kind": "KH", "summary": "Kế hoạch <b>năm</b> học", "person_1": string(s.principal.actor.Person), "act_1": "approve", "due": "31/02/2026"}
	resp, body := send(fields, samplePDF(t, "ke-hoach.pdf"))
	if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Đã nhận tệp ke-hoach.pdf") || strings.Contains(body, "<b>năm") {
		t.Fatalf("%s\n%s", resp.Status, body)
	}
	_, id, _ := strings.Cut(body, `name="file_id" value="`)
	fields["file_id"], _, _ = strings.Cut(id, `"`)
	fields["file_name"], fields["due"] = "ke-hoach.pdf", "30/10/2026"
	resp, body = send(fields, nil)
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", resp.Status, body)
	}
	where := resp.Header.Get("Location")
	if status, body := v.get(where); status != http.StatusOK || !strings.Contains(body, "Đã trình. Văn bản đang chờ Nguyễn Văn Nghĩa ký.") || !strings.Contains(body, "1 trang") {
		t.Errorf("%d\n%s", status, body)
	}
	if resp, body := send(map[string]string{"kind": "KH", "summary": "x", "person_1": string(s.principal.actor.Person), "act_1": "approve"}, []byte("không phải")); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "không phải PDF") {
		t.Errorf("%s\n%s", resp.Status, body)
	}
	resp, err := v.http.Get(v.base + where + "/file")
	if err != nil {
		t.Fatal(err)
	}
	_, body = v.read(resp)
	if resp.Header.Get("Content-Type") != "application/pdf" || !strings.Contains(resp.Header.Get("Content-Disposition"), "attachment; filename=ke-hoach.pdf") || sumOf([]byte(body)) != sumOf(samplePDF(t, "ke-hoach.pdf")) {
		t.Errorf("%v", resp.Header)
	}
	stranger := s.visitor(t)
	stranger.signIn(s.deputyTwo)
	for _, path := range []string{where, where + "/file", where + "/decline"} {
		if status, _ := stranger.get(path); status != http.StatusNotFound {
			t.Errorf("%s: %d to somebody who has nothing to do with it", path, status)
		}
	}
}

// TestDocumentsInTheBrowser: the clerk submits, the signer finds it on a phone, opens it for the computer, sees it
// signed; another one is declined.
func TestDocumentsInTheBrowser(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	b := openBrowser(t, s, 390, 844)
	b.signIn(s.officeHead)
	b.visit("/documents")
	b.press(`a[href="/documents/new"]`)
	path, err := filepath.Abs(filepath.Join("..", "testdata", "pdf", "ke-hoach.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}))
	b.fill("#kind", "KH")
	b.fill("#summary", "Kế hoạch năm học 2026-2027")
	b.fill("#due", "30/10/2026")
	b.fill("#person_1", string(s.principal.actor.Person))
	b.fill("#person_2", string(s.officeHead.actor.Person))
	b.fill("#act_2", "issue")
	b.shoot("document_new")
	b.press("form.card button.big")
	b.mustSay("Đã trình. Văn bản đang chờ Nguyễn Văn Nghĩa ký.", "1 trang", "Chưa đến lượt")
	waiting, err := s.principal.agent.Submissions(ctx, true)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%+v, %v", waiting, err)
	}

	signer := openBrowser(t, s, 390, 844)
	signer.signIn(s.principal)
	signer.visit("/documents")
	signer.mustSay("Kế hoạch năm học 2026-2027", "Lê Minh Quân", "30/10/2026")
	signer.shoot("documents")
	signer.press(`a.button[href="/documents/` + waiting[0].ID + `"]`)
	signer.shoot("document")
	signer.press(`form[action$="/open"] button`)
	signer.shoot("document_open")
	address, err := chromedp.Run(signer.ctx, chromedp.Evaluate[string](`document.querySelector("#open-here").getAttribute("href")`))
	if err != nil || !strings.HasPrefix(address, "sokyso:open?ticket=") {
		t.Fatalf("%s, %v", address, err)
	}
	d, err := s.principal.agent.TradeTicket(ctx, wire.TradeTicket{Ticket: strings.TrimPrefix(address, "sokyso:open?ticket=")})
	if err != nil {
		t.Fatal(err)
	}
	signer.visit("/documents/" + d.ID)
	signer.mustSay("đang mở văn bản này trên máy “máy thử”")
	signed, entry := s.signs(s.principal, d, samplePDF(t, "ke-hoach.pdf"))
	if _, err := s.principal.agent.SendSigned(ctx, d.ID, entry, bytes.NewReader(signed), int64(len(signed))); err != nil {
		t.Fatal(err)
	}
	signer.visit("/documents")
	signer.mustSay("Không có văn bản nào chờ bạn ký.", "Đang chờ")
	b.visit("/documents")
	b.mustSay("Chờ bạn ký")
	b.press(`a.button[href="/documents/` + d.ID + `"]`)
	b.mustSay("Đã ký", "Đến lượt bạn ký")
	b.shoot("document_second")
	b.press(`a[href$="/decline"]`)
	b.shoot("document_decline")
	b.fill("#reason", "Sai thể thức ở trang 1")
	b.press("form.card button.big")
	b.mustSay("Đã ghi là không ký")
	b.visit("/documents/" + d.ID)
	b.mustSay("Sai thể thức ở trang 1", "Không được ký")
	b.visit("/log?type=document_step")
	b.mustSay("đã ký, tệp đã về", "không ký") // that the principal had it in hand is the principal's own
	s.CheckLog()
}
