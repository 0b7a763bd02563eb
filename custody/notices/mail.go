package notices

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html/template"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// Encryption of the connection to the mail server.
type Encryption string

// The ways. With StartTLS a server that offers no encryption is refused, not trusted.
const (
	StartTLS Encryption = "starttls" // port 587 by habit
	TLS      Encryption = "tls"      // from the first byte; port 465 by habit
	Clear    Encryption = "none"     // a relay on this machine or in the server room
)

// MailConfig says which server takes the mail.
type MailConfig struct {
	Server     string // host or host:port
	Encryption Encryption
	User       string // "" = no sign-in
	Password   string // never logged
	From       string // "Sổ Ký Số <so-ky-so@truong.example>" or the address alone
	School     string // name, for the footer
	Link       string // address of the service: https://sokyso.example
	Language   string

	Roots   *x509.CertPool // of the mail server; nil = the system's
	Timeout time.Duration  // of one message; 0 = 20 s
}

// Mail sends messages by SMTP. It may be used concurrently.
type Mail struct {
	config MailConfig
	words  *Words
	host   string
	port   int
	from   *netmail.Address
	domain string // of Message-IDs
}

// NewMail checks the configuration; it connects to nothing yet.
func NewMail(c MailConfig, words *Words) (*Mail, error) {
	m := &Mail{config: c, words: words, host: c.Server}
	switch c.Encryption {
	case StartTLS:
		m.port = 587
	case TLS:
		m.port = 465
	case Clear:
		m.port = 25
	default:
		return nil, fmt.Errorf("encryption of mail %q is not starttls, tls or none", c.Encryption)
	}
	if host, port, err := net.SplitHostPort(c.Server); err == nil {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return nil, fmt.Errorf("mail server %q: port %q", c.Server, port)
		}
		m.host, m.port = host, int(number)
	}
	if m.host == "" {
		return nil, fmt.Errorf("mail server %q names no host", c.Server)
	}
	if (c.User == "") != (c.Password == "") {
		return nil, errors.New("signing in to the mail server takes a name and a password")
	}
	if c.User != "" && c.Encryption == Clear {
		return nil, errors.New("without encryption the mail server's password would be sent in clear")
	}
	var err error
	if m.from, err = netmail.ParseAddress(c.From); err != nil {
		return nil, fmt.Errorf("sender of mail %q: %w", c.From, err)
	}
	if m.from.Name == "" {
		m.from.Name = words.say(c.Language, "app", nil)
	}
	m.domain = m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	if m.config.Timeout == 0 {
		m.config.Timeout = 20 * time.Second
	}
	return m, nil
}

// Message is a story on its way to somebody.
type Message struct {
	ID    string // the same when it is sent again
	Name  string // of the recipient; "" = erased
	To    string // mail address
	Story Story
}

// Send sends one message. An error is a *[Failure]. When the connection breaks just
// after the server took the message, it may be sent again, with the same Message-ID.
func (m *Mail) Send(ctx context.Context, message Message) error {
	msg, err := m.compose(message)
	if err != nil {
		return err
	}
	client, err := m.client()
	if err != nil {
		return &Failure{Code: CodeInternal, Err: err}
	}
	if err := client.DialWithContext(ctx); err != nil {
		return dialFailure(err)
	}
	defer client.Close() // QUIT: whether it is answered changes nothing
	if err := client.Send(msg); err != nil && !msg.IsDelivered() {
		return sendFailure(err)
	}
	return nil
}

func (m *Mail) client() (*mail.Client, error) {
	options := []mail.Option{
		mail.WithPort(m.port), mail.WithTimeout(m.config.Timeout), mail.WithoutRset(), mail.WithoutNoop(),
		mail.WithTLSConfig(&tls.Config{ServerName: m.host, RootCAs: m.config.Roots, MinVersion: tls.VersionTLS12}),
	}
	switch m.config.Encryption {
	case StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case TLS:
		options = append(options, mail.WithSSL())
	case Clear:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.config.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.config.User), mail.WithPassword(m.config.Password))
	}
	return mail.NewClient(m.host, options...)
}

// htmlBody repeats the text: mail programs that show HTML only are common on phones.
var htmlBody = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="{{.Language}}"><body style="font-family:sans-serif;font-size:16px;line-height:1.5;color:#1b2a33">
<p>{{.Greeting}}</p>
<p><strong>{{.Text.Body}}</strong></p>
<p>{{.Text.Next}}</p>
{{with .Link}}<p><a href="{{.}}">{{$.Open}}</a></p>
{{end}}<p style="color:#52636d;font-size:14px">{{.Footer}}</p>
</body></html>
`))

func (m *Mail) compose(message Message) (*mail.Msg, error) {
	lang := m.config.Language
	text := m.words.Tell(lang, message.Story)
	msg := mail.NewMsg()
	msg.FromMailAddress(m.from)
	to, err := netmail.ParseAddress(message.To)
	if err != nil {
		return nil, &Failure{Code: CodeMailAddress, Permanent: true, Err: errors.New("the address can't be read")}
	}
	msg.ToMailAddress(&netmail.Address{Name: message.Name, Address: to.Address})
	subject := "[" + m.words.say(lang, "app", nil) + "] " + text.Title
	if message.Story.Urgent {
		subject = "[" + m.words.say(lang, "app", nil) + "] " + m.words.say(lang, "urgent", nil) + ": " + text.Title
		msg.SetImportance(mail.ImportanceHigh)
	}
	msg.Subject(subject)
	msg.SetMessageIDWithValue(message.ID + "@" + m.domain)
	msg.SetDateWithValue(message.Story.At) // of what happened; the same when sent again
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetUserAgent("sokyso")
	content := struct {
		Language, Greeting, Link, Open, Footer string
		Text                                   Text
	}{lang, m.words.say(lang, "greeting", map[string]string{"name": message.Name}), "", m.words.say(lang, "open", nil),
		m.words.say(lang, "footer", map[string]string{"school": m.config.School}), text}
	if m.config.Link != "" {
		content.Link = strings.TrimSuffix(m.config.Link, "/") + Path(message.Story)
	}
	plain := []string{content.Greeting, text.Body, text.Next}
	if content.Link != "" {
		plain = append(plain, content.Open+": "+content.Link)
	}
	var html bytes.Buffer
	if err := htmlBody.Execute(&html, content); err != nil {
		return nil, &Failure{Code: CodeInternal, Err: err}
	}
	msg.SetBodyString(mail.TypeTextPlain, strings.Join(append(plain, "-- ", content.Footer), "\n\n")+"\n")
	msg.AddAlternativeString(mail.TypeTextHTML, html.String())
	return msg, nil
}

func dialFailure(err error) error {
	var reply *textproto.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record), strings.Contains(err.Error(), "STARTTLS"):
		return &Failure{Code: CodeMailTLS, Err: err}
	case errors.As(err, &reply) && reply.Code >= 530 && reply.Code <= 538, errors.Is(err, mail.ErrNoSupportedAuthDiscovered):
		return &Failure{Code: CodeMailAuth, Err: err}
	case errors.As(err, &reply):
		return &Failure{Code: CodeMailLater, Err: err}
	}
	return &Failure{Code: CodeMailUnreachable, Err: err}
}

func sendFailure(err error) error {
	var refused *mail.SendError
	if !errors.As(err, &refused) {
		return &Failure{Code: CodeMailUnreachable, Err: err}
	}
	switch code := refused.ErrorCode(); {
	case code >= 500 && refused.Reason == mail.ErrSMTPRcptTo:
		return &Failure{Code: CodeMailAddress, Permanent: true, Err: err}
	case code >= 500:
		return &Failure{Code: CodeMailRefused, Permanent: true, Err: err}
	case code >= 400:
		return &Failure{Code: CodeMailLater, Err: err}
	}
	return &Failure{Code: CodeMailUnreachable, Err: err}
}
