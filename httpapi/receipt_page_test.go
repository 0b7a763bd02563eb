package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody/signinglog"
	"sokyso/httpapi"
)

// The browser itself finds out whether a receipt holds: of the first entry, of one in
// the middle and of the last, and that altered ones do not.
func TestReceiptInTheBrowser(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
	mustDo(t, err)
	signed, logged := s.logged(s.principal, plain)
	b := openBrowser(t, s, 360, 740)
	b.visit("/check")
	b.press(`a[href="/check/receipt"]`)
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(folder, name)
		mustDo(t, os.WriteFile(path, content, 0o600))
		return path
	}
	number := 0
	check := func(content []byte, pdf, key, want string) {
		t.Helper()
		number++
		b.do(chromedp.SetUploadFiles(chromedp.CSS("#receipt"), []string{file(fmt.Sprintf("%d.receipt", number), content)}))
		var files []string
		if pdf != "" {
			files = []string{pdf}
		}
		b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), files))
		b.fill("#key", key)
		b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("receipt-result").textContent = ""`), chromedp.Click(chromedp.CSS("#receipt-form button")))
		for range 100 {
			if text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.getElementById("receipt-result").textContent`)); err == nil && text != "" {
				if !strings.Contains(text, want) {
					t.Errorf("%d: %q, want %q", number, text, want)
				}
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Errorf("%d: no answer", number)
	}
	receiptOf := func(index int64) signinglog.Receipt {
		t.Helper()
		receipt, err := s.Receipt(ctx, s.admin.actor, index)
		mustDo(t, err)
		return receipt
	}
	text := func(r signinglog.Receipt) []byte {
		t.Helper()
		content, err := r.Marshal()
		mustDo(t, err)
		return content
	}
	good := receiptOf(logged.Index)
	for _, index := range []int64{0, 7, logged.Index} {
		check(text(receiptOf(index)), "", s.VKey, fmt.Sprintf("Biên nhận đúng: mục %d của nhật ký", index))
	}
	check(text(good), file("da-ky.pdf", signed), s.VKey, "đúng là tệp đã ký được ghi ở mục đó")
	b.shoot("receipt")
	check(text(good), file("khac.pdf", plain), s.VKey, "không phải tệp được ghi ở mục đó")

	altered := good
	altered.Entry = bytes.Replace(good.Entry, []byte("type signature"), []byte("type signaturf"), 1)
	check(text(altered), "", s.VKey, "không có trong nhật ký đã ký")
	moved := good
	moved.Index--
	check(text(moved), "", s.VKey, "không có trong nhật ký đã ký")
	check(bytes.Replace(text(good), []byte("\nsokyso/"), []byte("\nsokysu/"), 1), "", s.VKey, "không do nhật ký có khóa này ký")
	cut := strings.LastIndexByte(s.VKey, '+')
	other := sha256.Sum256([]byte("another key"))
	name, _, _ := strings.Cut(s.VKey, "+")
	key := append([]byte{1}, other[:]...)
	id := sha256.Sum256(append([]byte(name+"\n"), key...))
	check(text(good), "", fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(key)), "không do nhật ký có khóa này ký")
	check(text(good), "", s.VKey[:cut], "chưa đúng dạng")
	check([]byte("không phải biên nhận"), "", s.VKey, "không phải tệp biên nhận")
}
