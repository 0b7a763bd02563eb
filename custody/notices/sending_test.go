package notices_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sokyso/custody"
	"sokyso/custody/notices"
	"sokyso/custody/notices/noticestest"
)

var ctx = context.Background()

func words(t *testing.T) *notices.Words {
	t.Helper()
	w, err := notices.LoadWords()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var entry = int64(41)

var loss = notices.Message{ID: "0199bc1e-6f00-7000-8000-000000000001", Name: "Trần Thị Hòa", To: "hoa@mnhs.example", Story: notices.Story{
	Kind: custody.NoticeIncident, Params: map[string]string{"actor": "a", "person": "b", "kind": "lost", "incident": "i-1"},
	Names: map[string]string{"actor": "Phạm Thu Hằng", "person": "Trần Thị Hòa"}, Token: "USB <ký> số A1002", Urgent: true, Entry: &entry, At: time.Date(2026, 11, 26, 3, 15, 0, 0, time.UTC)}}

func mailConfig(s *noticestest.MailServer, encryption notices.Encryption) notices.MailConfig {
	return notices.MailConfig{Server: s.Address, Encryption: encryption, From: "Sổ Ký Số <so-ky-so@mnhs.example>", School: "Trường Mầm non Hoa Sen",
		Link: "https://sokyso.example/", Language: "vi", Roots: s.Roots, Timeout: 5 * time.Second}
}

func send(t *testing.T, c notices.MailConfig, m notices.Message) error {
	t.Helper()
	mail, err := notices.NewMail(c, words(t))
	if err != nil {
		t.Fatal(err)
	}
	return mail.Send(ctx, m)
}

func code(err error) string {
	var failure *notices.Failure
	if !errors.As(err, &failure) {
		return ""
	}
	if failure.Permanent {
		return failure.Code + "!"
	}
	return failure.Code
}

// A mail goes out over each kind of connection, reads well in Vietnamese, and is the
// same mail when it is sent again.
func TestAMail(t *testing.T) {
	for _, encryption := range []notices.Encryption{notices.StartTLS, notices.TLS, notices.Clear} {
		t.Run(string(encryption), func(t *testing.T) {
			server := noticestest.StartMail(t, string(encryption), encryption != notices.Clear)
			c := mailConfig(server, encryption)
			if encryption != notices.Clear {
				c.User, c.Password = noticestest.User, noticestest.Password
			}
			for range 2 {
				if err := send(t, c, loss); err != nil {
					t.Fatal(err)
				}
			}
			letters := server.Letters()
			if len(letters) != 2 || letters[0].To != "hoa@mnhs.example" || letters[0].From != "so-ky-so@mnhs.example" {
				t.Fatalf("taken: %+v", letters)
			}
			header := letters[0].Message.Header
			if id := header.Get("Message-ID"); id != "<"+loss.ID+"@mnhs.example>" || id != letters[1].Message.Header.Get("Message-ID") {
				t.Errorf("Message-ID %s, then %s", id, letters[1].Message.Header.Get("Message-ID"))
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
			if err != nil || subject != "[Sổ Ký Số] KHẨN: Báo sự cố: “USB <ký> số A1002” đã bị khóa" {
				t.Errorf("subject %q: %v", subject, err)
			}
			if header.Get("Auto-Submitted") != "auto-generated" || header.Get("Importance") != "high" {
				t.Errorf("headers %v", header)
			}
			plain, html := parts(t, letters[0])
			for _, want := range []string{"Kính gửi Trần Thị Hòa,", "Phạm Thu Hằng báo USB “USB <ký> số A1002”: mất.", "Người giữ: Trần Thị Hòa.", "https://sokyso.example/loss/i-1", "không bao giờ hỏi mã PIN"} {
				if !strings.Contains(plain, want) {
					t.Errorf("the text lacks %q:\n%s", want, plain)
				}
			}
			if !strings.Contains(html, "USB &lt;ký&gt; số A1002") || !strings.Contains(html, `href="https://sokyso.example/loss/i-1"`) || strings.Contains(html, "<ký>") {
				t.Errorf("html:\n%s", html)
			}
		})
	}
}

func parts(t *testing.T, l noticestest.Letter) (plain, html string) {
	t.Helper()
	_, params, err := mime.ParseMediaType(l.Message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	reader := multipart.NewReader(l.Message.Body, params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return plain, html
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			html = string(content)
		} else {
			plain = string(content)
		}
	}
}

func TestWhatAMailServerMayAnswer(t *testing.T) {
	server := noticestest.StartMail(t, "starttls", true)
	c := mailConfig(server, notices.StartTLS)
	c.User, c.Password = noticestest.User, noticestest.Password
	refuse := func(status int) func(string) error {
		return func(string) error { return &smtp.SMTPError{Code: status, Message: "no"} }
	}
	for name, test := range map[string]struct {
		change func(*notices.MailConfig, *notices.Message)
		rcpt   func(string) error
		data   func() error
		want   string
	}{
		"a wrong password":            {change: func(c *notices.MailConfig, _ *notices.Message) { c.Password = "x" }, want: "mail_auth"},
		"a certificate of nobody":     {change: func(c *notices.MailConfig, _ *notices.Message) { c.Roots = nil }, want: "mail_tls"},
		"an unknown recipient":        {rcpt: refuse(550), want: "mail_address!"},
		"a full mailbox":              {rcpt: refuse(452), want: "mail_later"},
		"a message that is not taken": {data: func() error { return &smtp.SMTPError{Code: 554, Message: "spam"} }, want: "mail_refused!"},
		"not now":                     {data: func() error { return &smtp.SMTPError{Code: 451, Message: "later"} }, want: "mail_later"},
		"no address":                  {change: func(_ *notices.MailConfig, m *notices.Message) { m.To = "hoa" }, want: "mail_address!"},
		"an address with a header":    {change: func(_ *notices.MailConfig, m *notices.Message) { m.To = "hoa@x.example\r\nBcc: y@x.example" }, want: "mail_address!"},
		"nobody there": {change: func(c *notices.MailConfig, _ *notices.Message) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			c.Server = l.Addr().String()
			l.Close()
		}, want: "mail_unreachable"},
		"taken": {want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, m := c, loss
			if test.change != nil {
				test.change(&c, &m)
			}
			server.Refuse(test.rcpt)
			server.AfterData(test.data)
			if err := send(t, c, m); code(err) != test.want || (err == nil) != (test.want == "") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	plain := noticestest.StartMail(t, "none", false)
	if err := send(t, mailConfig(plain, notices.StartTLS), loss); code(err) != "mail_tls" {
		t.Errorf("a server without encryption: %v", err)
	}
}

func TestMailConfigurationsThatAreRefused(t *testing.T) {
	good := notices.MailConfig{Server: "mail.example", Encryption: notices.StartTLS, From: "a@b.example", Language: "vi"}
	if _, err := notices.NewMail(good, words(t)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*notices.MailConfig){
		"no host":             func(c *notices.MailConfig) { c.Server = ":587" },
		"a port of no number": func(c *notices.MailConfig) { c.Server = "mail.example:smtp" },
		"no encryption named": func(c *notices.MailConfig) { c.Encryption = "" },
		"no sender":           func(c *notices.MailConfig) { c.From = "so ky so" },
		"no password":         func(c *notices.MailConfig) { c.User = "u" },
		"password in clear":   func(c *notices.MailConfig) { c.User, c.Password, c.Encryption = "u", "p", notices.Clear },
	} {
		c := good
		change(&c)
		if _, err := notices.NewMail(c, words(t)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

var secret = []byte("0123456789abcdef0123")

func TestAWebhook(t *testing.T) {
	hook := noticestest.StartHook(t)
	c := notices.WebhookConfig{URL: hook.URL, Secret: secret, School: "MNHS", Link: "https://sokyso.example", Language: "vi", Roots: hook.Roots, Timeout: 500 * time.Millisecond}
	w, err := notices.NewWebhook(c, words(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Send(ctx, loss); err != nil {
		t.Fatal(err)
	}
	call := hook.Calls()[0]
	var event notices.Event
	if err := json.Unmarshal(call.Body, &event); err != nil {
		t.Fatal(err)
	}
	if event.ID != loss.ID || event.Kind != "incident" || !event.Urgent || *event.Entry != 41 || event.School != "MNHS" || event.Link != "https://sokyso.example/loss/i-1" ||
		!strings.Contains(event.Text, "Phạm Thu Hằng báo") {
		t.Errorf("event %+v", event)
	}
	signature := call.Header.Get(notices.HeaderSignature)
	if signature != notices.Signature(secret, call.Header.Get(notices.HeaderTimestamp), call.Body) || len(signature) != len("sha256=")+64 {
		t.Errorf("signature %q", signature)
	}
	if signature == notices.Signature([]byte("another secret 1234"), call.Header.Get(notices.HeaderTimestamp), call.Body) {
		t.Error("the signature does not depend on the secret")
	}

	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	status := func(code int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string
	}{
		"taken":    {status(200), ""},
		"gone":     {status(410), "webhook_refused!"},
		"too fast": {status(429), "webhook_later"},
		"broken":   {status(502), "webhook_later"},
		"sent on": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, "webhook_refused!"},
		"silent":  {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "webhook_unreachable"},
		"hung up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "webhook_unreachable"},
	} {
		hook.Answer(test.answer)
		err := w.Send(ctx, loss)
		if code(err) != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "/nhan") {
			t.Errorf("%s: the error tells the address: %v", name, err)
		}
	}
	if elsewhere > 0 {
		t.Error("a redirection was followed")
	}
	for _, address := range []string{"http://hook.example/x", "https://", "ftp://127.0.0.1/", "https://user:pass@hook.example/"} {
		c := c
		c.URL = address
		if _, err := notices.NewWebhook(c, words(t)); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
	c.Secret = []byte("short")
	if _, err := notices.NewWebhook(c, words(t)); err == nil {
		t.Error("a short secret is taken")
	}
}

func TestPausesGrowAndEnd(t *testing.T) {
	now := time.Now()
	var last, total time.Duration
	for attempts := 1; attempts <= notices.MaxAttempts; attempts++ {
		pause := notices.NextTry(now, attempts).Sub(now)
		if pause < 45*time.Second || pause > 450*time.Minute || attempts < 8 && pause <= last {
			t.Errorf("after %d attempts: %s", attempts, pause)
		}
		last = pause
		total += pause
	}
	if total < 20*time.Hour || total > 72*time.Hour {
		t.Errorf("given up after %s", total)
	}
}
