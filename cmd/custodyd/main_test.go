package main

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"asker": ask,
		"custodyd": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := takeCredentials(); err != nil {
				panic(err)
			}
			os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("LC_ALL", "C")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"tamper": tamper,
			"get":    get,
			"await":  await,
		},
	})
}

func readCatalogue(t *testing.T, lang string) map[string]string {
	t.Helper()
	content, err := locales.ReadFile("locales/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var sentences map[string]string
	if err := json.Unmarshal(content, &sentences); err != nil {
		t.Fatal(err)
	}
	return sentences
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	vi, en := readCatalogue(t, "vi"), readCatalogue(t, "en")
	placeholder := regexp.MustCompile(`\{\{\.[A-Za-z]+\}\}`)
	placeholders := func(text string) []string {
		names := placeholder.FindAllString(text, -1)
		slices.Sort(names)
		return slices.Compact(names)
	}
	for key, text := range vi {
		if strings.TrimSpace(text) == "" || strings.TrimSpace(en[key]) == "" {
			t.Errorf("%s: %q, %q", key, text, en[key])
		}
		if !slices.Equal(placeholders(text), placeholders(en[key])) {
			t.Errorf("%s: parameters %v in Vietnamese, %v in English", key, placeholders(text), placeholders(en[key]))
		}
	}
	for key := range en {
		if _, ok := vi[key]; !ok {
			t.Errorf("%s is not in Vietnamese", key)
		}
	}
}

func TestTheLanguageIsFoundBeforeTheFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  string
		want string
	}{
		{nil, "", "vi"}, {nil, "C.UTF-8", "vi"}, {nil, "en_US.UTF-8", "en"}, {nil, "vi_VN.UTF-8", "vi"},
		{[]string{"serve", "--lang", "en"}, "vi_VN.UTF-8", "en"}, {[]string{"--lang=vi", "serve"}, "en_US.UTF-8", "vi"}, {[]string{"--lang"}, "", "vi"},
	} {
		t.Setenv("LC_ALL", c.env)
		t.Setenv("LC_MESSAGES", "")
		t.Setenv("LANG", "")
		if got := languageOf(c.args); got != c.want {
			t.Errorf("%v with LC_ALL=%s: %s, want %s", c.args, c.env, got, c.want)
		}
	}
}

func TestALogsNameIsReadableAndItsOwn(t *testing.T) {
	form := regexp.MustCompile(`^sokyso/mnhs-[0-9a-f]{12}$`)
	a, b := originOf("MNHS"), originOf("MNHS")
	if !form.MatchString(a) || a == b {
		t.Errorf("%q, %q", a, b)
	}
	if odd := originOf("ĐĐ +"); !regexp.MustCompile(`^sokyso/[0-9a-f]{12}$`).MatchString(odd) {
		t.Errorf("%q", odd)
	}
}
