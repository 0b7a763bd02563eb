package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// TestWrongUseInThePersonsLanguage: none of the library's English reaches a
// person who reads Vietnamese, and every form of it has its sentence.
func TestWrongUseInThePersonsLanguage(t *testing.T) {
	english := regexp.MustCompile(`expected|must be|unknown|unexpected|mean|bool|value|missing`)
	for args, want := range map[string]string{
		"sign a.pdf --act x":      `--act phải là một trong "approve", "initial", "issue", "attachment", "copy", không phải “x”`,
		"sign a.pdf --capacity x": `--capacity phải là một trong "KT", "TM", "TL", "TUQ", "Q", không phải`,
		"sign a.pdf --page x":     "--page cần một số nguyên, không phải “x”",
		"sign a.pdf --khong":      "không có tùy chọn --khong",
		"sign a.pdf --pag 1":      `Có thể bạn muốn dùng "--lang", "--page"`,
		"sign a.pdf -o":           "--output còn thiếu giá trị",
		"sign a.pdf --json=7":     "--json không nhận giá trị “7”",
		"sign a.pdf -o --json":    "--output còn thiếu giá trị",
		"sign":                    "còn thiếu <file> ...",
		"":                        "còn thiếu tên lệnh",
		"ky":                      "“ky” không dùng ở đây được",
		"pair a":                  "còn thiếu <code>",
		"pair a b c":              "“c” không dùng ở đây được",
	} {
		var out, errs bytes.Buffer
		status := Run(t.Context(), append([]string{"--lang", "vi"}, strings.Fields(args)...), nil, &out, &errs)
		if status != statusUse || out.Len() > 0 || !strings.Contains(errs.String(), want) || english.MatchString(errs.String()) {
			t.Errorf("%q: status %d, %s%s", args, status, out.String(), errs.String())
		}
	}
	for _, args := range []string{"--help", "sign --help", "pair --help", "verify --help"} {
		var out, errs bytes.Buffer
		status := Run(t.Context(), append([]string{"--lang", "vi"}, strings.Fields(args)...), nil, &out, &errs)
		if status != statusDone || regexp.MustCompile(`Usage|Arguments|Flags|Commands|Show|Run |<command>|\[flags\]`).MatchString(out.String()) ||
			!strings.Contains(out.String(), "Cách dùng: signagent") {
			t.Errorf("%q: status %d, %s%s", args, status, out.String(), errs.String())
		}
	}
}

// TestEveryFlagHasItsText: in both languages no name of a help text shows in its place.
func TestEveryFlagHasItsText(t *testing.T) {
	for _, lang := range []string{"vi", "en"} {
		commands := []string{"sign", "prepare", "issue", "serve", "augment", "verify", "tokens", "pair", "outbox", "doctor", ""}
		for _, command := range commands {
			var out, errs bytes.Buffer
			args := append(strings.Fields(command), "--lang", lang, "--help")
			if status := Run(t.Context(), args, nil, &out, &errs); status != statusDone || strings.Contains(out.String(), "help_") || out.Len() < 200 {
				t.Errorf("%v: status %d, %s%s", args, status, out.String(), errs.String())
			}
		}
	}
}
