package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sokyso/httpapi/wire"
	"sokyso/signer"
)

const (
	handOffFolder = "hand-off"
	handOffName   = "document.json"
	handOffSigned = "signed.pdf"
	maxHandOff    = 1 << 20
	// keepHandOff is how long a document that was sent back, or that nobody signed here, is remembered.
	keepHandOff = 30 * 24 * time.Hour
)

// What became of a document here.
const (
	HandOffSent    = "sent"    // the service has the signed file
	HandOffRefused = "refused" // it does not take it; the signed file stays where it was put
)

// HandOff is a document of the custody site that this computer has in hand. Its folder holds the file as it waits and,
// once signed, the signed file until the service has it.
type HandOff struct {
	Document  wire.Submission `json:"document"` // as it was fetched
	LogKey    string          `json:"log_key"`  // of the service it came from
	Input     string          `json:"input"`    // name of the file in the folder
	FetchedAt time.Time       `json:"fetched_at"`

	Output   string    `json:"output,omitempty"` // where the person has the signed file
	Entry    int64     `json:"entry,omitempty"`  // of the signature; 0 = not signed
	SignedAt time.Time `json:"signed_at,omitzero"`

	Ended   string `json:"ended,omitempty"`   // HandOffSent, HandOffRefused; "" = not yet
	Message string `json:"message,omitempty"` // why it was refused

	folder string
}

// Path is the file to be signed.
func (h *HandOff) Path() string { return filepath.Join(h.folder, h.Input) }

// Step is what the document waits for; nil when the service said nothing sensible.
func (h *HandOff) Step() *wire.RouteStep {
	if n := h.Document.Step; n >= 1 && n <= len(h.Document.Route) {
		return &h.Document.Route[n-1]
	}
	return nil
}

func (h *HandOff) write() error {
	content, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return fmt.Errorf("write hand-off: %w", err)
	}
	if err := replaceFile(filepath.Join(h.folder, handOffName), append(content, '\n'), 0o600); err != nil {
		return fail("home_unusable", err, "folder", h.folder)
	}
	return nil
}

func readHandOff(folder string) (*HandOff, error) {
	content, err := readBounded(filepath.Join(folder, handOffName), maxHandOff)
	if err != nil {
		return nil, err
	}
	h := &HandOff{folder: folder}
	if err := json.Unmarshal(content, h); err != nil {
		return nil, fmt.Errorf("read hand-off: %w", err)
	}
	return h, nil
}

// HandOffs lists what this computer has in hand or has sent, the newest first. A folder that can't be read, as a power
// cut while it was fetched leaves it, is passed over.
func HandOffs(home string) ([]*HandOff, error) {
	entries, err := os.ReadDir(filepath.Join(home, handOffFolder))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail("home_unusable", err, "folder", home)
	}
	var found []*HandOff
	for _, entry := range entries {
		if h, err := readHandOff(filepath.Join(home, handOffFolder, entry.Name())); err == nil {
			found = append(found, h)
		}
	}
	slices.SortFunc(found, func(a, b *HandOff) int { return b.FetchedAt.Compare(a.FetchedAt) })
	return found, nil
}

// ParseInvitation reads what a person or the operating system hands to "signagent open": an address sokyso:open?ticket=…,
// or the short code in its place. It comes from any web page, so nothing but the two forms is taken, and neither names
// a place to go to: the agent asks the service that it is paired with.
func ParseInvitation(text string) (wire.TradeTicket, error) {
	text = strings.TrimSpace(text)
	if rest, ok := cutScheme(text); ok {
		parsed, err := url.Parse("sokyso:" + rest)
		if err != nil {
			return wire.TradeTicket{}, fail("invitation_malformed", err)
		}
		verb := strings.Trim(parsed.Opaque+parsed.Host+parsed.Path, "/") // some systems add slashes
		ticket := parsed.Query().Get("ticket")
		if verb != "open" || len(ticket) > 2048 || !ticketForm.MatchString(ticket) {
			return wire.TradeTicket{}, fail("invitation_malformed", nil)
		}
		return wire.TradeTicket{Ticket: ticket}, nil
	}
	if ticketForm.MatchString(text) && len(text) <= 2048 {
		return wire.TradeTicket{Ticket: text}, nil
	}
	if code := strings.NewReplacer("-", "", " ", "").Replace(text); codeForm.MatchString(code) {
		return wire.TradeTicket{Code: code}, nil
	}
	return wire.TradeTicket{}, fail("invitation_malformed", nil)
}

var (
	ticketForm = regexp.MustCompile(`^[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{80,90}$`)
	codeForm   = regexp.MustCompile(`^[0-9A-Za-z]{8}$`)
)

func cutScheme(text string) (string, bool) {
	const scheme = "sokyso:"
	if len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
		return text[len(scheme):], true
	}
	return "", false
}

// Courier fetches documents from the service that the agent is paired with and brings signed ones back. It needs no
// lock of the state folder: what it does twice takes effect once.
type Courier struct {
	config  Config
	pairing *Pairing
	client  *wire.Client
}

// NewCourier needs a pairing.
func NewCourier(config Config) (*Courier, error) {
	config = config.withDefaults()
	pairing, err := ReadPairing(config.Home)
	if err != nil {
		return nil, err
	}
	if pairing == nil {
		return nil, fail("not_paired", nil)
	}
	client, err := wire.NewClient(wire.ClientConfig{URL: pairing.URL, APIKey: pairing.APIKey, Language: config.Catalogue.Language, HTTP: config.HTTP, Attempts: 2})
	if err != nil {
		return nil, fail("pairing_damaged", err, "file", pairingName)
	}
	return &Courier{config: config, pairing: pairing, client: client}, nil
}

// Waiting lists the documents that wait for the person's signature.
func (c *Courier) Waiting(ctx context.Context) ([]wire.Submission, error) {
	return c.client.Submissions(ctx, true)
}

// Trade trades a ticket or code for its document, which is in hand then.
func (c *Courier) Trade(ctx context.Context, invitation wire.TradeTicket) (wire.Submission, error) {
	return c.client.TradeTicket(ctx, invitation)
}

// TakeInHand takes a document of the list in hand.
func (c *Courier) TakeInHand(ctx context.Context, id string) (wire.Submission, error) {
	return c.client.FetchDocument(ctx, id)
}

// Decline says why a document is not signed.
func (c *Courier) Decline(ctx context.Context, id, reason string) error {
	_, err := c.client.DeclineDocument(ctx, id, wire.WhyNot{Reason: reason})
	return err
}

// Fetch brings the file of a document in hand into the state folder, telling how many bytes are there. A document that
// is there already, whole, is not fetched again.
func (c *Courier) Fetch(ctx context.Context, d wire.Submission, progress func(bytes int64)) (*HandOff, error) {
	folder := filepath.Join(c.config.Home, handOffFolder, fmt.Sprintf("%s-%d", safeID(d.ID), d.Step))
	h := &HandOff{Document: d, LogKey: c.pairing.LogKey, Input: documentName(d.Document.FileName), FetchedAt: c.config.Now().UTC(), folder: folder}
	if h.Step() == nil || d.ID == "" {
		return nil, &wire.NonsenseError{URL: c.client.URL(), Operation: "POST " + wire.PathTickets, Reason: "the document waits for nothing"}
	}
	if there, err := readHandOff(folder); err == nil && there.Document.SHA256 == d.SHA256 {
		if whole, err := holds(there.Path(), d.SHA256); err == nil && whole {
			return there, nil
		}
	}
	if err := makeFolder(folder); err != nil {
		return nil, fail("home_unusable", err, "folder", folder)
	}
	file, err := os.CreateTemp(folder, ".sokyso-*.tmp")
	if err != nil {
		return nil, fail("home_unusable", err, "folder", folder)
	}
	defer os.Remove(file.Name())
	err = c.client.DocumentBytes(ctx, d, &counted{file, 0, progress})
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if err := renameOver(file.Name(), h.Path()); err != nil {
		return nil, fail("home_unusable", err, "folder", folder)
	}
	if err := signer.SyncFolder(folder); err != nil {
		return nil, fail("home_unusable", err, "folder", folder)
	}
	return h, h.write()
}

// counted tells how much was written.
type counted struct {
	io.Writer
	n    int64
	tell func(int64)
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	if c.tell != nil {
		c.tell(c.n)
	}
	return n, err
}

// safeID is an identifier as a name of a folder: the service's word is not taken for it.
func safeID(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r == '-' {
			return r
		}
		return '_'
	}, id[:min(len(id), 64)])
}

// documentName is a name that any file system takes, of the one that the service tells.
func documentName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F || r == utf8.RuneError || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	stem := strings.Trim(strings.TrimSuffix(strings.TrimSuffix(name, ".PDF"), ".pdf"), ". ")
	for len(stem) > 120 {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	if stem == "" || stem == strings.TrimSuffix(handOffSigned, ".pdf") {
		stem = "van-ban"
	}
	return stem + ".pdf"
}

// noteHandOff writes down, for good, that a document in hand was signed, with a copy of the signed file. It comes
// before the job's end in the journal: a start after a crash comes here again.
func (a *Agent) noteHandOff(current *job) error {
	folder := filepath.Dir(current.Intent.Input)
	if filepath.Dir(folder) != filepath.Join(a.config.Home, handOffFolder) || current.Index == nil {
		return nil
	}
	h, err := readHandOff(folder)
	if err != nil {
		return fail("hand_off_lost", err, "file", current.Output)
	}
	if h.Entry != 0 || h.Document.SHA256 != current.Intent.SHA256In {
		return nil // noted before, or not the document that waits
	}
	signed := filepath.Join(folder, handOffSigned)
	if whole, err := holds(signed, current.Signature.SHA256Out); err != nil || !whole {
		err := keepCopy(current.Output, signed)
		if errors.Is(err, os.ErrNotExist) { // the person has moved it, after a crash that came just before
			h.Ended = HandOffRefused
			_, h.Message = a.config.Catalogue.Explain(fail("hand_off_lost", err, "file", current.Output), "")
		} else if err != nil {
			return fail("hand_off_lost", err, "file", current.Output)
		}
	}
	h.Output, h.Entry, h.SignedAt = current.Output, *current.Index, current.Signature.SignedAt
	if err := h.write(); err != nil {
		return err
	}
	a.step("after-hand-off")
	return nil
}

// keepCopy puts the content of a file under another name too.
func keepCopy(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	copied, err := os.CreateTemp(filepath.Dir(to), ".sokyso-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(copied.Name())
	_, err = io.Copy(copied, source)
	if err == nil {
		err = copied.Sync()
	}
	if err := errors.Join(err, copied.Close()); err != nil {
		return err
	}
	if err := renameOver(copied.Name(), to); err != nil {
		return err
	}
	return signer.SyncFolder(filepath.Dir(to))
}

// SendSigned brings back what was signed and is not with the service yet, the oldest first. It returns how many were
// sent and how many are left for another try; an error that a later try may mend is the last one's. What the service
// refuses for good is noted, with its sentence.
func (c *Courier) SendSigned(ctx context.Context, progress func(h *HandOff, bytes int64)) (sent, left int, err error) {
	all, err := HandOffs(c.config.Home)
	if err != nil {
		return 0, 0, err
	}
	slices.Reverse(all)
	var last error
	for _, h := range all {
		switch {
		case h.Entry == 0 || h.Ended != "":
			if c.config.Now().Sub(h.FetchedAt) > keepHandOff {
				if err := os.RemoveAll(h.folder); err != nil {
					c.config.Logger.Warn("remove hand-off", "folder", h.folder, "error", err)
				}
			}
			continue
		case h.LogKey != c.pairing.LogKey:
			left++ // of another school, that this agent was paired with
			continue
		}
		if err := c.sendOne(ctx, h, progress); err != nil {
			left, last = left+1, err
			c.config.Logger.Warn("send signed document", "document", h.Document.ID, "error", err)
			continue
		}
		if h.Ended == HandOffSent {
			sent++
		}
	}
	return sent, left, last
}

func (c *Courier) sendOne(ctx context.Context, h *HandOff, progress func(*HandOff, int64)) error {
	file, err := os.Open(filepath.Join(h.folder, handOffSigned))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	body := &readCounted{Reader: file}
	if progress != nil {
		body.tell = func(n int64) { progress(h, n) }
	}
	_, err = c.client.SendSigned(ctx, h.Document.ID, h.Entry, body, info.Size())
	var problem *wire.Problem
	switch {
	case err == nil:
		h.Ended = HandOffSent
	case errors.As(err, &problem) && !temporary(err):
		h.Ended, h.Message = HandOffRefused, problem.Detail
	default:
		return err
	}
	if err := h.write(); err != nil {
		return err
	}
	// The person has the signed file; these were for the way.
	for _, name := range []string{handOffSigned, h.Input} {
		if err := os.Remove(filepath.Join(h.folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			c.config.Logger.Warn("remove hand-off", "file", name, "error", err)
		}
	}
	return nil
}

// Forget removes a document that is not waiting any more and was not signed here.
func (c *Courier) Forget(h *HandOff) error {
	if h.Entry != 0 {
		return nil
	}
	return os.RemoveAll(h.folder)
}

type readCounted struct {
	io.Reader
	n    int64
	tell func(int64)
}

func (c *readCounted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	if c.tell != nil {
		c.tell(c.n)
	}
	return n, err
}
