package desk_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// scan is a stroke on white paper, as a PNG.
func scan(t testing.TB) []byte {
	t.Helper()
	sheet := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0xF4
	}
	for x := 100; x < 300; x++ {
		for y := 140; y < 160; y++ {
			sheet.Set(x, y, color.RGBA{30, 30, 60, 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, sheet); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type imageView struct {
	ID      string
	Name    string
	Width   int
	Height  int
	WidthMM float64 `json:"width_mm"`
}

// TestImages: a picture is tried, kept, used in a signature, and deleted.
func TestImages(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"))
	given := map[string]any{"name": "Chữ ký", "kind": "signature", "width_mm": 40, "scan": scan(t), "try": true}
	tried := post[struct {
		Width, Height int
		PNG           []byte
	}](p, "/api/images", given)
	if lifted, err := png.Decode(bytes.NewReader(tried.PNG)); err != nil || lifted.Bounds().Dx() != tried.Width || tried.Width < 200 || tried.Width > 220 {
		t.Errorf("tried %d x %d, %v", tried.Width, tried.Height, err)
	}
	if list := get[struct{ Images []imageView }](p, "/api/images").Images; len(list) != 0 {
		t.Errorf("a try was kept: %v", list)
	}
	given["try"] = false
	kept := post[imageView](p, "/api/images", given)
	if list := get[struct{ Images []imageView }](p, "/api/images").Images; len(list) != 1 || list[0].ID != kept.ID || list[0].WidthMM != 40 {
		t.Errorf("kept %+v", list)
	}
	err := filepath.WalkDir(filepath.Join(p.home, "images"), func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, content := p.ask("GET", "/api/images/"+kept.ID, nil); status != 200 || !bytes.HasPrefix(content, []byte("\x89PNG")) {
		t.Errorf("shown with %d", status)
	}
	for _, width := range []float64{0, 4, 121} {
		given["width_mm"] = width
		status, content := p.ask("POST", "/api/images", encoded(t, given))
		if status != http.StatusBadRequest || !bytes.Contains(content, []byte("mm")) {
			t.Errorf("%g mm: %d %s", width, status, content)
		}
	}
	if status, _ := p.ask("POST", "/api/images/"+kept.ID+"/delete", nil); status != 200 {
		t.Errorf("deleting: %d", status)
	}
	if status, _ := p.ask("GET", "/api/images/"+kept.ID, nil); status != http.StatusNotFound {
		t.Errorf("a deleted picture answers %d", status)
	}
}

// TestImageOnThePage: from a photo to the box on the page and into the document, by hand in the browser.
func TestImageOnThePage(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"))
	photo := filepath.Join(t.TempDir(), "anh.png")
	if err := os.WriteFile(photo, scan(t), 0o600); err != nil {
		t.Fatal(err)
	}
	w := openWindow(t, p, 1366, 768)
	w.until("the box", `document.querySelector(".box")`)
	w.run(`document.querySelectorAll("#tabs .tab")[1].click()`)
	w.until("the pictures", `document.querySelector("#image-file")`)
	w.upload("#image-file", photo)
	w.until("the picture without the paper", `document.querySelector(".onpaper.large img")?.naturalWidth > 0`)
	w.look("lifted")
	w.run(`document.querySelector("form.card button[type=submit]").click()`)
	w.until("the kept picture", `document.querySelector(".pictures img")?.naturalWidth > 0`)
	w.look("kept")
	w.run(`document.querySelectorAll("#tabs .tab")[0].click()`)
	// It is asked for when the act is chosen anew; the box takes its proportions.
	w.run(`const a = document.querySelector("#act"); a.dispatchEvent(new Event("change"))`)
	w.until("the picture in the box", `document.querySelector(".box .ink")?.naturalWidth > 0`)
	w.look("placed")
	w.run(`document.querySelector("#sign").click()`)
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.keys(testPIN + "\r")
	w.until("the end", `document.querySelector(".results li.signed")`)
	w.keys("\r")
	w.until("the signed document", `document.querySelector(".panel .notice.good") && document.querySelector(".sheet > img:not(.ink)")?.complete`)
	time.Sleep(500 * time.Millisecond) // for the picture of the screen only
	w.look("signed")
	content, err := os.ReadFile(get[documentView](p, "/api/documents/1").Result.Output)
	if err != nil || !bytes.Contains(content, []byte("/SMask")) {
		t.Errorf("no transparent image in the document, %v", err)
	}
}

// TestHeavyFiles: ten thousand pages, and a page that unpacks to gigabytes, neither stop the desk nor fill it.
func TestHeavyFiles(t *testing.T) {
	var pages bytes.Buffer
	pages.WriteString("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 10000/MediaBox[0 0 595 842]/Kids[")
	for i := range 10000 {
		pages.WriteString(strconv.Itoa(i+3) + " 0 R ")
	}
	pages.WriteString("]>>endobj\n")
	for i := range 10000 {
		pages.WriteString(strconv.Itoa(i+3) + " 0 obj<</Type/Page/Parent 2 0 R>>endobj\n")
	}
	pages.WriteString("trailer<</Root 1 0 R>>\n")
	p := sitDown(t)
	doc := p.upload("nhieu-trang.pdf", pages.Bytes())
	look := get[documentView](p, "/api/documents/"+doc.ID)
	if look.Pages != 10000 || look.Problem != nil && look.Problem.Code == "damaged" {
		t.Errorf("%d pages, %+v", look.Pages, look.Problem)
	}
	if status, _ := p.ask("GET", "/api/documents/"+doc.ID+"/pages/9999?width=100", nil); status != 200 {
		t.Errorf("page 9999: %d", status)
	}
	bomb := p.upload("bom.pdf", bombPDF(t))
	start := time.Now()
	status, content := p.ask("GET", "/api/documents/"+bomb.ID+"/pages/1?width=800", nil)
	if status == 200 && !bytes.HasPrefix(content, []byte("\x89PNG")) || time.Since(start) > 90*time.Second {
		t.Errorf("a bomb: %d after %v", status, time.Since(start))
	}
	// Others are still shown.
	good, err := os.ReadFile(sample("ke-hoach.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	next := p.upload("ke-hoach.pdf", good)
	if status, _ := p.ask("GET", "/api/documents/"+next.ID+"/pages/1?width=300", nil); status != 200 {
		t.Errorf("the next document: %d", status)
	}
}
