package main

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"os/exec"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptFollow does what a parent's phone does: reads the QR code on a file's first page and
// opens the address. The page goes to stdout.
func scriptFollow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("use: follow FILE")
	}
	rendered, err := exec.Command("pdftoppm", "-png", "-r", "200", "-f", "1", "-singlefile", ts.MkAbs(args[0])).Output()
	ts.Check(err)
	page, err := png.Decode(bytes.NewReader(rendered))
	ts.Check(err)
	bitmap, err := gozxing.NewBinaryBitmapFromImage(page)
	ts.Check(err)
	code, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	ts.Check(err)
	answer, err := http.Get(code.GetText())
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n%s\n%s\n", code.GetText(), answer.Status, body)
}
