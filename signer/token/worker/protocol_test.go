package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"sokyso/signer/token"
)

// Whatever goes wrong in the child reads the same in the parent.
func TestErrorsCrossTheWire(t *testing.T) {
	all := []error{
		&token.LoadError{Path: "/usr/lib/libviettel.so", Reason: token.LoadWrongArchitecture, Detail: "the module is 386, this program is amd64"},
		&token.SelectError{Selector: token.ByName("Con dấu"), Matches: 2, Found: []token.Listing{
			{Info: token.Info{Serial: "01", Label: "Con dấu"}}, {Info: token.Info{Serial: "02", Label: "Con dấu"}, Err: errors.New("can't be asked")}}},
		&token.LoginError{Flags: token.Flags{PINFinalTry: true}, Err: &token.Error{Op: "log in", Return: 0xA0, Kind: token.ErrWrongPIN}},
		fmt.Errorf("wrapped: %w", &token.Error{Op: "sign", Kind: token.ErrTokenGone, Detail: "the slot holds another token now"}),
		errors.New("something else"),
	}
	for _, code := range token.Codes() {
		if condition := token.Condition(code); condition != nil {
			all = append(all, &token.Error{Op: "sign", Return: 0x30, Kind: condition})
		}
	}
	for _, err := range all {
		line, failed := json.Marshal(errorToWire(err))
		if failed != nil {
			t.Fatal(failed)
		}
		var wire wireError
		if failed := json.Unmarshal(line, &wire); failed != nil {
			t.Fatal(failed)
		}
		back := wire.err()
		if token.Code(back) != token.Code(err) {
			t.Errorf("%v comes back as %v", err, back)
		}
		if !bytes.HasSuffix([]byte(err.Error()), []byte(back.Error())) {
			t.Errorf("%q comes back as %q", err, back)
		}
	}
	if errorToWire(nil) != nil || (*wireError)(nil).err() != nil {
		t.Error("no error becomes one")
	}
}

func TestRequestLineCarriesThePIN(t *testing.T) {
	for _, pin := range []string{"", "123456", "mật khẩu \"\\\n\x00"} {
		line, err := request{ID: 7, Op: opLogin}.line(pins{[]byte(pin), []byte(pin + pin)})
		if err != nil {
			t.Fatal(err)
		}
		var r received
		if err := json.Unmarshal(line, &r); err != nil || r.ID != 7 || r.Op != opLogin || string(r.PIN) != pin || string(r.NewPIN) != pin+pin {
			t.Errorf("PIN %q: %s, %v", pin, line, err)
		}
		if bytes.IndexByte(line, '\n') != len(line)-1 || cap(line) != len(line) && len(pin) > 0 {
			t.Errorf("PIN %q: not one line made at once (%d of %d bytes)", pin, len(line), cap(line))
		}
	}
}

// However the stream is cut up, the lines are the same, and the reader keeps
// nothing of them.
func TestLineReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for i, length := range rapid.SliceOfN(rapid.IntRange(0, 9000), 1, 8).Draw(t, "lengths") {
			stream = append(append(stream, bytes.Repeat([]byte{byte('a' + i)}, length)...), '\n')
		}
		stream = stream[:len(stream)-rapid.IntRange(0, 1).Draw(t, "cut off")]
		var source io.Reader = bytes.NewReader(stream)
		switch rapid.IntRange(0, 2).Draw(t, "cut") {
		case 0:
			source = iotest.OneByteReader(source)
		case 1:
			source = iotest.DataErrReader(source)
		}
		reader := newLineReader(source)
		want := bytes.Split(stream, []byte{'\n'})
		for i, line := range want[:len(want)-1] { // what follows the last end of line was cut off
			got, err := reader.next()
			if err != nil || !bytes.Equal(got, line) {
				t.Fatalf("line %d is %q, want %q; error %v", i, got, line, err)
			}
			if rest := reader.buffer[reader.filled:]; !bytes.Equal(rest, make([]byte, len(rest))) {
				t.Fatalf("after line %d the reader keeps %q", i, rest)
			}
		}
		if line, err := reader.next(); err != io.EOF {
			t.Fatalf("at the end: %q, %v", line, err)
		}
		if !bytes.Equal(reader.buffer, make([]byte, len(reader.buffer))) {
			t.Fatal("at the end the reader keeps something")
		}
	})
}

func TestLineReaderIsBounded(t *testing.T) {
	endless := io.LimitReader(zeros{}, 2*maxLine)
	if _, err := newLineReader(endless).next(); !errors.Is(err, errLineTooLong) {
		t.Errorf("a line without end: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
