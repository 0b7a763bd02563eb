package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/token"
)

func hexSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func write(t *testing.T, path string, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOutputNames(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, test := range []struct {
		job     Job
		present []string
		want    string // as shown to the person; "" = output_exists
	}{
		{Job{Input: "a.pdf"}, nil, "a.signed.pdf"},
		{Job{Input: "a.PDF"}, nil, "a.signed.PDF"},
		{Job{Input: "a"}, nil, "a.signed.pdf"},
		{Job{Input: "a.b.pdf"}, nil, "a.b.signed.pdf"},
		{Job{Input: "a.pdf"}, []string{"a.signed.pdf"}, "a.signed (2).pdf"},
		{Job{Input: "a.signed.pdf"}, []string{"a.signed.pdf"}, "a.signed (2).pdf"},
		{Job{Input: "a.signed (2).pdf"}, []string{"a.signed.pdf", "a.signed (2).pdf"}, "a.signed (3).pdf"},
		{Job{Input: ".signed.pdf"}, nil, ".signed.signed.pdf"},
		{Job{Input: "a.pdf"}, []string{"a.signed.pdf", "a.signed (2).pdf"}, "a.signed (3).pdf"},
		{Job{Input: "a.pdf"}, []string{"a.signed.pdf.receipt"}, "a.signed (2).pdf"},
		{Job{Input: "x/a.pdf", OutDir: "out"}, nil, "out/a.signed.pdf"},
		{Job{Input: "x/a.pdf"}, nil, "x/a.signed.pdf"},
		{Job{Input: "a.pdf", Output: "b.pdf"}, nil, "b.pdf"},
		{Job{Input: "a.pdf", Output: "t/zz/"}, nil, "t/zz"},
		{Job{Input: "a.pdf", Output: "t//zz"}, nil, "t/zz"},
		{Job{Input: "a.pdf", Output: "b.pdf"}, []string{"b.pdf"}, ""},
		{Job{Input: "a.pdf", Output: "b.pdf"}, []string{"b.pdf.receipt"}, ""},
		{Job{Input: "a.pdf", Output: "a.pdf"}, []string{"a.pdf"}, ""},
	} {
		for _, name := range test.present {
			write(t, name, "x")
		}
		place, err := targetOf(test.job)
		if err != nil {
			t.Fatal(err)
		}
		path, err := place.free()
		switch {
		case test.want == "" && signer.CodeOf(err) != signer.CodeOutputExists:
			t.Errorf("%+v: %q, %v", test.job, path, err)
		case test.want != "" && (err != nil || filepath.ToSlash(place.shown(path)) != test.want || !filepath.IsAbs(path)):
			t.Errorf("%+v: %q (%q) instead of %q, %v", test.job, place.shown(path), path, test.want, err)
		}
		for _, name := range test.present {
			os.Remove(name)
		}
	}
}

func TestPlacingNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	temp, path := filepath.Join(dir, "temp"), filepath.Join(dir, "path")
	write(t, temp, "new")
	write(t, path, "old")
	if err := signer.Place(temp, path); !errors.Is(err, signer.ErrExists) {
		t.Fatalf("%v", err)
	}
	if content, _ := os.ReadFile(path); string(content) != "old" {
		t.Errorf("overwritten with %q", content)
	}
	if err := createFile(path, []byte("new"), 0o600); !errors.Is(err, signer.ErrExists) {
		t.Errorf("%v", err)
	}
	// What an earlier attempt left under a known name is taken over, and removed where
	// the wanted name is taken too.
	temp = filepath.Join(dir, ".sokyso-1.tmp")
	for path, want := range map[string]string{path: "old", filepath.Join(dir, "free"): "new"} {
		write(t, temp, "half of it")
		if err := writeTempAs(temp, []byte("new"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := placeTemp(temp, path); errors.Is(err, signer.ErrExists) != (want == "old") {
			t.Errorf("%v", err)
		}
		if content, _ := os.ReadFile(path); string(content) != want {
			t.Errorf("%q", content)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".sokyso-*"))
	if len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

func TestOutputErrorsHaveTheirCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{diskFull, "disk_full"}, {quotaUsedUp, "disk_full"}, {readOnly, "no_permission"}, {syscall.EACCES, "no_permission"},
		{syscall.ENOENT, "not_found"}, {notFolder, "not_found"}, {syscall.EIO, "write_error"},
		{&signer.Error{Code: signer.CodeInputChanged}, "input_changed"},
		{&signer.Error{Code: signer.CodeWriteError, Err: diskFull}, "disk_full"},
	} {
		if got := explain(outputError(&os.PathError{Op: "write", Path: "/a/b", Err: test.err}, "/a/b"), "").code; got != test.want {
			t.Errorf("%v: %s instead of %s", test.err, got, test.want)
		}
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	home := t.TempDir()
	first, err := lockHome(t.Context(), home, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	waited := false
	if _, err := lockHome(t.Context(), home, 120*time.Millisecond, func() { waited = true }); codeOf(err) != "agent_busy" || !waited {
		t.Errorf("%v, waited: %v", err, waited)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lockHome(ctx, home, time.Minute, nil); codeOf(err) != "cancelled" {
		t.Errorf("%v", err)
	}
	first.Close()
	second, err := lockHome(t.Context(), home, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}

func TestPINFromFile(t *testing.T) {
	for _, test := range []struct{ content, want, code string }{
		{"123456", "123456", ""}, {"123456\n", "123456", ""}, {"123456\r\n", "123456", ""}, {" 12 34 \n", " 12 34 ", ""},
		{"123456\n\n", "123456\n", ""}, {"", "", "pin_empty"}, {"\n", "", "pin_empty"},
		{strings.Repeat("1", 255) + "\r\n", strings.Repeat("1", 255), ""}, {strings.Repeat("1", 256), "", "pin_too_long"},
		{strings.Repeat("1", 5000), "", "pin_too_long"},
	} {
		for name, ask := range map[string]func() ([]byte, error){
			"standard input": func() ([]byte, error) {
				return PINFromFile("/dev/stdin", strings.NewReader(test.content))(t.Context(), token.Info{})
			},
			"file": func() ([]byte, error) {
				path := filepath.Join(t.TempDir(), "pin")
				write(t, path, test.content)
				return PINFromFile(path, nil)(t.Context(), token.Info{})
			},
		} {
			pin, err := ask()
			if string(pin) != test.want || codeOf(err) != test.code {
				t.Errorf("%s %.20q: %.20q, %v", name, test.content, pin, err)
			}
		}
	}
	broken := io.MultiReader(strings.NewReader("12"), iotestError{})
	if _, err := readPIN(broken, "x"); codeOf(err) != "pin_file" {
		t.Errorf("%v", err)
	}
}

func TestPINKeyByKey(t *testing.T) {
	for _, test := range []struct{ keys, want, code string }{
		{"123456\r", "123456", ""}, {"123456\n", "123456", ""}, {"123456\x04", "123456", ""},
		{"129\x7f3\x08\x083\r", "13", ""}, {"99\x15123\r", "123", ""}, {"\x7f\x7f1\r", "1", ""}, {"ạ\x7f1\r", "1", ""},
		{"\r", "", "pin_empty"}, {"\x04", "", "pin_empty"}, {"12\x03", "", "cancelled"}, {"12", "", "pin_needed"},
		{strings.Repeat("1", 255) + "\r", strings.Repeat("1", 255), ""}, {strings.Repeat("1", 256), "", "pin_too_long"},
	} {
		if pin, err := readLine(strings.NewReader(test.keys)); string(pin) != test.want || codeOf(err) != test.code {
			t.Errorf("%.30q: %.30q, %v", test.keys, pin, err)
		}
	}
}

type iotestError struct{}

func (iotestError) Read([]byte) (int, error) { return 0, errors.New("pulled out") }

func TestTheFinalTryNeedsThePersonsWord(t *testing.T) {
	catalogue := NewCatalogue(Vietnamese)
	if words := FlagWords(catalogue, token.Flags{Initialized: true}); words != "" {
		t.Errorf("%q", words)
	}
	words := FlagWords(catalogue, token.Flags{Initialized: true, PINCountLow: true, PINFinalTry: true, PINToBeChanged: true})
	if !strings.Contains(words, "CHỈ CÒN MỘT LẦN THỬ") || strings.Contains(words, "đã có lần nhập sai") || !strings.Contains(words, "mã mặc định") {
		t.Errorf("%q", words)
	}
}

func TestBoxText(t *testing.T) {
	at := time.Date(2026, 10, 7, 2, 15, 30, 0, time.UTC)
	f := func(act string) facts {
		return facts{job: Job{Act: act, Document: wire.DocumentFacts{Number: "07", Symbol: "TB-MNHS"}}, signer: "Nguyễn Văn Nghĩa", school: "Trường Mầm non Hoa Sen", at: at}
	}
	const stamp = "2026-10-07T09:15:30+07:00"
	for _, test := range []struct {
		act   string
		image bool
		want  []string
	}{
		{wire.ActApprove, true, nil},
		{wire.ActIssue, true, nil},
		{wire.ActApprove, false, []string{"Ký bởi: Nguyễn Văn Nghĩa", "Thời gian ký: " + stamp}},
		{wire.ActIssue, false, []string{"Cơ quan: Trường Mầm non Hoa Sen", "Thời gian ký: " + stamp}},
		{wire.ActAttachment, false, []string{"07/TB-MNHS", stamp}},
		{wire.ActCopy, false, []string{"SAO Y", "Trường Mầm non Hoa Sen", stamp}},
	} {
		if got := boxText(f(test.act), test.image); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q", test.act, got)
		}
	}
}

func TestWhatStopsABatch(t *testing.T) {
	for _, test := range []struct {
		err            error
		refused, fatal bool
		code           string
	}{
		{&wire.UnreachableError{Err: io.EOF}, true, true, "service_unreachable"},
		{&wire.NonsenseError{}, true, true, "service_nonsense"},
		{&wire.Problem{Code: wire.RefusedOutOfScope}, true, false, "out_of_scope"},
		{&wire.Problem{Code: wire.RefusedTokenReported}, true, true, "token_reported"},
		{&wire.Problem{Code: "tomorrow's"}, true, false, "tomorrow's"},
		{&token.LoginError{Err: &token.Error{Kind: token.ErrWrongPIN}}, false, true, "wrong_pin"},
		{&token.Error{Kind: token.ErrTokenGone}, false, true, "token_gone"},
		{&signer.Error{Code: signer.CodeKeyFailed, Err: &token.Error{Kind: token.ErrTokenGone}}, false, true, "token_gone"},
		{&signer.Error{Code: signer.CodeNotPDF}, false, false, "not_pdf"},
		{context.Canceled, false, true, "cancelled"},
		{&signer.Error{Code: signer.CodeKeyFailed, Err: context.Canceled}, false, true, "cancelled"},
		{errors.New("?"), false, false, "internal"},
	} {
		e := explain(test.err, "a.pdf")
		if e.code != test.code || e.refused != test.refused || e.fatal != test.fatal {
			t.Errorf("%v: %+v", test.err, e)
		}
		for _, language := range []string{Vietnamese, English} {
			if _, text := NewCatalogue(language).Explain(test.err, "a.pdf"); text == "" || strings.HasPrefix(text, "service.") {
				t.Errorf("%v: %q", test.err, text)
			}
		}
	}
}

func TestRoots(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "roots.pem")
	if roots, err := LoadRoots(""); roots != nil || err != nil {
		t.Errorf("%v, %v", roots, err)
	}
	if _, err := LoadRoots(path); codeOf(err) != "roots_unreadable" {
		t.Errorf("%v", err)
	}
	write(t, path, "hello")
	if _, err := LoadRoots(path); codeOf(err) != "roots_empty" {
		t.Errorf("%v", err)
	}
	write(t, path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	if _, err := LoadRoots(path); codeOf(err) != "roots_unreadable" {
		t.Errorf("%v", err)
	}
}

func TestPairingFile(t *testing.T) {
	home, log := t.TempDir(), newTestLog(t)
	if p, err := ReadPairing(home); p != nil || err != nil {
		t.Fatalf("%v, %v", p, err)
	}
	pairing := &Pairing{URL: "https://so.example", APIKey: "k", LogKey: log.key, Person: "Trần Thị Hòa", PairedAt: noon}
	if err := pairing.write(home); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, pairingName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" { // there the folder's rights count
		t.Errorf("%v, %v", info.Mode(), err)
	}
	read, err := ReadPairing(home)
	if err != nil || *read != *pairing {
		t.Errorf("%+v, %v", read, err)
	}
	content, _ := os.ReadFile(path)
	for _, damaged := range [][]byte{nil, content[:20], bytes.Replace(content, []byte(log.key), []byte("x"), 1), bytes.Replace(content, []byte("https"), []byte("http"), 1)} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPairing(home); codeOf(err) != "pairing_damaged" {
			t.Errorf("%.30q: %v", damaged, err)
		}
	}
	for text, code := range map[string]string{
		"https://so.example/": "", "http://127.0.0.1:8421": "", "http://localhost:1": "", "http://so.example": "pair_insecure",
		"so.example": "pair_bad_url", "https://user:pw@so.example": "pair_bad_url", "https://so.example/path": "pair_bad_url", "": "pair_bad_url",
	} {
		if _, err := ServiceURL(text); codeOf(err) != code {
			t.Errorf("%q: %v", text, err)
		}
	}
}
