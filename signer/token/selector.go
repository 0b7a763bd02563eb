package token

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"
)

// Selector names one token. Fields that are empty do not narrow it down; the zero
// Selector takes the token if there is only one.
type Selector struct {
	TokenSerial string
	TokenLabel  string
	// CertSHA256 is the SHA-256 of a certificate on the token, in hex; colons,
	// blanks and upper case do not matter.
	CertSHA256 string
}

// ByName selects by what a person typed: a token with this serial, and if there
// is none, one with this label. It is the Selector with both fields the same.
func ByName(name string) Selector { return Selector{TokenSerial: name, TokenLabel: name} }

func (s Selector) String() string {
	var parts []string
	switch {
	case s.TokenSerial != "" && s.TokenSerial == s.TokenLabel:
		parts = append(parts, fmt.Sprintf("serial or label %q", s.TokenSerial))
	case s.TokenSerial != "":
		parts = append(parts, fmt.Sprintf("serial %q", s.TokenSerial))
	}
	if s.TokenLabel != "" && s.TokenLabel != s.TokenSerial {
		parts = append(parts, fmt.Sprintf("label %q", s.TokenLabel))
	}
	if s.CertSHA256 != "" {
		parts = append(parts, "certificate "+s.CertSHA256)
	}
	if parts == nil {
		return "any token"
	}
	return strings.Join(parts, ", ")
}

// Listing is a token that is there, with the certificates that it shows.
type Listing struct {
	Info         Info
	Certificates []Certificate
	// Err: why its certificates could not be listed, nil otherwise.
	Err error

	session pkcs11.SessionHandle // that they were listed in, while Open looks; 0 = none
}

// SelectError says that not exactly one token matches, and lists all there are.
type SelectError struct {
	Selector Selector
	Matches  int
	Found    []Listing
}

func (e *SelectError) Error() string {
	var b strings.Builder
	if e.Matches == 0 {
		fmt.Fprintf(&b, "no token matches %v", e.Selector)
	} else {
		fmt.Fprintf(&b, "%d tokens match %v", e.Matches, e.Selector)
	}
	if len(e.Found) == 0 {
		b.WriteString("; there is no token at all")
	}
	for _, found := range e.Found {
		fmt.Fprintf(&b, "; there is serial %s label %q", found.Info.Serial, found.Info.Label)
		for _, certificate := range found.Certificates {
			fmt.Fprintf(&b, " certificate %q (%s)", certificate.X509.Subject.CommonName, certificate.SHA256)
		}
		if found.Err != nil {
			fmt.Fprintf(&b, " (%v)", found.Err)
		}
	}
	return b.String()
}

// Open opens the one token that the selector names. When none or several match,
// the error is a *SelectError with a list of what there is; nothing is chosen by
// slot number or order. A certificate is looked for among those that a token
// shows without login. A token that shows none, and that serial or label name,
// is opened all the same: its certificates may show after Login, and it is then
// the caller who must find the wanted one.
func (m *Module) Open(selector Selector) (*Token, error) {
	const op = "open token"
	if err := m.check(op); err != nil {
		return nil, err
	}
	m.library.mu.RLock()
	defer m.library.mu.RUnlock()
	infos, err := m.library.list()
	if err != nil {
		return nil, err
	}
	var all []Listing
	for _, info := range infos {
		if !info.Flags.Initialized {
			continue
		}
		listing := m.library.look(info)
		if errors.Is(listing.Err, ErrTokenGone) {
			continue
		}
		all = append(all, listing)
	}
	matching := selector.Filter(all)
	var chosen Listing
	for i := range all {
		if len(matching) == 1 && all[i].Info.Slot == matching[0].Info.Slot {
			chosen = all[i]
		} else {
			all[i].close(m.library)
		}
	}
	if len(matching) != 1 {
		return nil, &SelectError{Selector: selector, Matches: len(matching), Found: all}
	}
	return m.openToken(chosen)
}

// Filter keeps the listings that the selector fits, in their order.
func (s Selector) Filter(all []Listing) []Listing {
	keep := func(from []Listing, wanted func(Listing) bool) []Listing {
		var kept []Listing
		for _, listing := range from {
			if wanted(listing) {
				kept = append(kept, listing)
			}
		}
		return kept
	}
	matching := all
	bySerial := func(l Listing) bool { return l.Info.Serial == s.TokenSerial }
	byLabel := func(l Listing) bool { return l.Info.Label == s.TokenLabel }
	switch {
	case s.TokenSerial != "" && s.TokenSerial == s.TokenLabel:
		if matching = keep(all, bySerial); len(matching) == 0 {
			matching = keep(all, byLabel)
		}
	default:
		if s.TokenSerial != "" {
			matching = keep(matching, bySerial)
		}
		if s.TokenLabel != "" {
			matching = keep(matching, byLabel)
		}
	}
	if s.CertSHA256 == "" {
		return matching
	}
	wanted := normalHex(s.CertSHA256)
	named := s.TokenSerial != "" || s.TokenLabel != ""
	return keep(matching, func(l Listing) bool {
		for _, certificate := range l.Certificates {
			if certificate.SHA256 == wanted {
				return true
			}
		}
		return named && len(l.Certificates) == 0 && l.Err == nil
	})
}

func normalHex(text string) string {
	return strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(text))
}
