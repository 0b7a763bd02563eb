package httpapi

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/digitorus/pkcs7"
	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// certificateLine is a certificate of a token with how it stands today.
type certificateLine struct {
	custody.Certificate
	TokenID    custody.TokenID
	TokenLabel string
	Holder     string // "" = in the safe
	State      custody.TokenState
	Current    bool // the token signs with it
	World      custody.World
	Issuer     string
	Chain      []string // names, the issuer first
	Standing   custody.Validity
	DaysLeft   int
}

// Over is how many days ago it ended.
func (l certificateLine) Over() int { return -l.DaysLeft }

func (s *server) certificateLine(t store.TokenRow, c custody.Certificate, settings custody.Settings) certificateLine {
	now := s.now()
	line := certificateLine{Certificate: c, TokenID: t.ID, TokenLabel: cmp.Or(t.Label, t.Serial), Holder: t.CustodianName, State: t.State,
		Current: c.SHA256 == t.Certificate.SHA256, World: custody.OtherWorld, DaysLeft: custody.DaysLeft(c, now), Standing: custody.ValidityOf(c, now, soonest(settings))}
	leaf, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return line // its subject says what there is
	}
	chain, err := x509.ParseCertificates(c.Chain)
	if err != nil {
		chain = nil
	}
	line.Issuer, line.World = leaf.Issuer.CommonName, custody.WorldOf(leaf, chain, s.roots)
	for _, issuer := range chain {
		line.Chain = append(line.Chain, issuer.Subject.CommonName)
	}
	return line
}

// soonest is the number of days before its end from which a certificate is shown as
// ending: the first reminder.
func soonest(settings custody.Settings) int {
	if days := settings.ReminderDays(); len(days) > 0 {
		return days[0]
	}
	return soonDays
}

// certificatesPage is the list of certificates.
type certificatesPage struct {
	Show      string // "", ending, over
	Search    string
	Lines     []certificateLine
	Proposals []store.CertificateProposal
	pager
}

// pageLength is how many rows a page of a list has.
const pageLength = 50

// pager cuts a list into pages.
type pager struct {
	Number, Pages, Found int
	Earlier, Later       string // addresses; "" = none
}

// cut returns a page of rows and the pager for it; the query is kept.
func cut[T any](rows []T, r *http.Request) ([]T, pager) {
	p := pager{Number: 1, Pages: max(1, (len(rows)+pageLength-1)/pageLength), Found: len(rows)}
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil {
		p.Number = min(max(n, 1), p.Pages)
	}
	address := func(n int) string {
		q := cloned(r.URL.Query())
		q.Set("page", strconv.Itoa(n))
		return r.URL.Path + "?" + q.Encode()
	}
	if p.Number > 1 {
		p.Earlier = address(p.Number - 1)
	}
	if p.Number < p.Pages {
		p.Later = address(p.Number + 1)
	}
	return rows[(p.Number-1)*pageLength : min(p.Number*pageLength, len(rows))], p
}

func cloned(q url.Values) url.Values {
	out := url.Values{}
	for name, values := range q {
		out[name] = slices.Clone(values)
	}
	return out
}

// certificates lists the certificates the actor may see, those that call for
// something first.
func (s *server) certificates(r *http.Request, actor custody.Actor, show, search string) ([]certificateLine, error) {
	tokens, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return nil, err
	}
	settings, err := s.store.Settings(r.Context(), actor)
	if err != nil {
		return nil, err
	}
	return s.certificateLines(tokens, settings, show, search), nil
}

func (s *server) certificateLines(tokens []store.TokenRow, settings custody.Settings, show, search string) []certificateLine {
	var lines []certificateLine
	for _, t := range tokens {
		for _, c := range t.Certificates {
			line := s.certificateLine(t, c, settings)
			switch {
			case show == "ending" && (line.Standing != custody.CertificateEnding || !line.Current),
				show == "over" && line.Standing != custody.CertificateExpired && line.Standing != custody.CertificateRevoked,
				!contains(search, line.Subject, line.TokenLabel, line.Serial, line.Holder, line.Issuer):
				continue
			}
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(lines, func(a, b certificateLine) int {
		return cmp.Or(boolRank(b.Current)-boolRank(a.Current), a.NotAfter.Compare(b.NotAfter))
	})
	return lines
}

// contains reports whether one of the texts holds what is searched for, without
// regard to case; an empty search finds everything.
func contains(search string, texts ...string) bool {
	search = strings.ToLower(strings.TrimSpace(search))
	return search == "" || slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), search) })
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pageCertificates handles "GET /certificates".
func (s *server) pageCertificates(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	q := r.URL.Query()
	page := certificatesPage{Show: q.Get("show"), Search: q.Get("q")}
	lines, err := s.certificates(r, actor, page.Show, page.Search)
	if err != nil {
		return err
	}
	if page.Proposals, err = s.store.CertificateProposals(r.Context(), actor); err != nil {
		return err
	}
	page.Lines, page.pager = cut(lines, r)
	return s.show(w, r, http.StatusOK, "certificates", page)
}

// doAddCertificate handles "POST /tokens/{id}/certificates": a file with the
// token's next certificate.
func (s *server) doAddCertificate(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := parseUpload(r); err != nil {
		return err
	}
	defer r.MultipartForm.RemoveAll()
	page, err := s.token(r, actor)
	if err != nil {
		return err
	}
	leaf, chain, err := uploadedCertificate(r)
	var added custody.Certificate
	if err == nil {
		added, err = s.store.AddCertificate(r.Context(), actor, store.NewCertificate{Token: page.ID, Certificate: leaf, Chain: chain})
	}
	if err != nil {
		page.Wrong = "certificate"
		return s.showAgain(w, r, "token", page, err)
	}
	return s.done(w, r, "/tokens/"+string(page.ID), "certificate.added", map[string]string{"Until": writtenDay(custody.DateOf(added.NotAfter))})
}

// doDecideCertificate handles "POST /certificates/proposals/{id}".
func (s *server) doDecideCertificate(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	confirm := r.PostFormValue("confirm") != ""
	if err := s.store.DecideCertificate(r.Context(), actor, chi.URLParam(r, "id"), confirm); err != nil {
		return err
	}
	if confirm {
		return s.done(w, r, "/certificates", "certificate.confirmed", nil)
	}
	return s.done(w, r, "/certificates", "certificate.dropped", nil)
}

func parseUpload(r *http.Request) error {
	err := r.ParseMultipartForm(2 * maxCertificate)
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return err
	}
	if err != nil {
		return invalid("form", err)
	}
	return nil
}

var errNoCertificate = errors.New("the file holds no certificate of a person or a school")

// ParseCertificates reads the certificate of a person or a school and its chain out
// of a file: DER, PEM (with its issuers), or PKCS#7 (.p7b, RFC 5652 §3) as either.
func ParseCertificates(content []byte) (*x509.Certificate, []*x509.Certificate, error) {
	var ders [][]byte
	rest := content
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" && block.Type != "PKCS7" && block.Type != "CMS" {
			return nil, nil, fmt.Errorf("the file holds a %s, not a certificate", block.Type)
		}
		ders = append(ders, block.Bytes)
	}
	if ders == nil {
		ders = [][]byte{content}
	}
	var all []*x509.Certificate
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err == nil {
			all = append(all, c)
			continue
		}
		bundle, bundleErr := pkcs7.Parse(der)
		if bundleErr != nil || len(bundle.Certificates) == 0 {
			return nil, nil, err
		}
		all = append(all, bundle.Certificates...)
	}
	if len(all) == 1 {
		return all[0], nil, nil // an authority's is refused with its own sentence
	}
	var leaf *x509.Certificate
	for _, c := range all {
		switch {
		case c.IsCA:
		case leaf == nil || bytes.Equal(leaf.Raw, c.Raw):
			leaf = c
		default:
			return nil, nil, errors.New("the file holds several certificates of persons or schools")
		}
	}
	if leaf == nil {
		return nil, nil, errNoCertificate
	}
	return leaf, custody.OrderChain(leaf, all), nil
}

// joinChain writes a chain as the register keeps it.
func joinChain(chain []*x509.Certificate) []byte {
	var out []byte
	for _, c := range chain {
		out = append(out, c.Raw...)
	}
	return out
}
