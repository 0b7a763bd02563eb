package signer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/digitorus/pdfsign/sign"

	"sokyso/signer"
)

// errPanic is what a panic of the peer becomes.
var errPanic = errors.New("panic")

// peerSign signs a file with github.com/digitorus/pdfsign: an approval signature, as ours is.
func peerSign(in, out string, who identity, said claim) (err error) {
	return peerSignAs(in, out, who, sign.SignDataSignature{
		CertType: sign.ApprovalSignature,
		Info:     sign.SignDataSignatureInfo{Name: said.name, Reason: said.reason, Date: time.Now()},
	})
}

func peerSignAs(in, out string, who identity, kind sign.SignDataSignature) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return sign.SignFile(in, out, sign.SignData{
		Signature: kind, Signer: who.key, DigestAlgorithm: crypto.SHA256,
		Certificate: who.chain[0], CertificateChains: [][]*x509.Certificate{who.chain},
	})
}

// ourSign signs a file with package signer.
func ourSign(in, out string, who identity, said claim) error {
	src, err := signer.OpenFile(in)
	if err != nil {
		return err
	}
	defer src.Close()
	d, err := signer.Sign(context.Background(), src, who.key, who.chain, signer.Options{Name: said.name, Reason: said.reason})
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := d.WriteTo(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// result is what became of one file.
type result struct {
	file   peerFile
	err    error
	faults map[string]string
}

// harmless: nothing was lost and the signature holds, though it may not be a PAdES one, or on no page.
func (r result) harmless() bool {
	for column := range r.faults {
		if column != colBaseline && column != colWidget {
			return false
		}
	}
	return r.err == nil
}

// side is one of the two signers and its results.
type side struct {
	name    string
	sign    func(in, out string, who identity, said claim) error
	mu      sync.Mutex
	results []result
}

// TestPeer signs the same files with pdfsign and with this package, and has both judged by other programs. Ours must
// be flawless; the peer's figures are printed with -v and stand in docs/why-not-pdfsign.md.
func TestPeer(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	files := peerFiles(t, w, dir)
	said := claim{"Trần Thị Hòa", "Ký duyệt (lần 1)"}
	ours, peer := &side{name: "sokyso", sign: ourSign}, &side{name: "pdfsign", sign: peerSign}
	t.Run("files", func(t *testing.T) {
		for i, file := range files {
			t.Run(file.group+"/"+file.name, func(t *testing.T) {
				t.Parallel()
				in := filepath.Join(dir, fmt.Sprintf("in%d.pdf", i))
				b, err := os.ReadFile(file.path)
				if err != nil {
					t.Fatal(err)
				}
				writeFile(t, in, b)
				before := sync.OnceValue(func() *facts { return look(t, w, in) })
				for _, s := range []*side{ours, peer} {
					out := filepath.Join(dir, fmt.Sprintf("%s%d.pdf", s.name, i))
					r := result{file: file, err: s.sign(in, out, w.seal, said)}
					if r.err == nil {
						r.faults = judge(t, w, file.name, in, out, before(), said)
					}
					s.mu.Lock()
					s.results = append(s.results, r)
					s.mu.Unlock()
					_ = os.Remove(out)
				}
			})
		}
	})
	for _, r := range ours.results {
		switch {
		case r.file.group == groupBroken && r.err == nil:
			t.Errorf("%s: signed, though it is broken", r.file.name)
		case r.file.group != groupBroken && r.err != nil:
			t.Errorf("%s %s: %v", r.file.group, r.file.name, r.err)
		}
		for _, column := range columns {
			if r.faults[column] != "" {
				t.Errorf("%s %s: %s: %s", r.file.group, r.file.name, column, r.faults[column])
			}
		}
	}
	t.Logf("signers beside each other\n%s", table(ours, peer))
	t.Logf("pdfsign, file by file\n%s", peer.list())
	if peer.flawless() {
		t.Error("pdfsign is flawless too: read docs/why-not-pdfsign.md again")
	}
}

func (s *side) flawless() bool {
	return !slices.ContainsFunc(s.results, func(r result) bool {
		return r.file.group != groupBroken && (r.err != nil || len(r.faults) > 0)
	})
}

// table counts for each group and signer: files, what became of them, and how many of the signed ones fail in each
// column.
func table(sides ...*side) string {
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "group\tsigner\tfiles\trefused\tpanic\tsigned\tgood\tharmless\tfailed:\t%s\n", strings.Join(columns, "\t"))
	for _, group := range groups {
		for _, s := range sides {
			var files, refused, panics, signed, good, harmless int
			failed := map[string]int{}
			for _, r := range s.results {
				if r.file.group != group {
					continue
				}
				files++
				switch {
				case errors.Is(r.err, errPanic):
					panics++
				case r.err != nil:
					refused++
				default:
					signed++
					if len(r.faults) == 0 {
						good++
					}
					if r.harmless() {
						harmless++
					}
					for column := range r.faults {
						failed[column]++
					}
				}
			}
			fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t", group, s.name, files, refused, panics, signed, good, harmless)
			for _, column := range columns {
				fmt.Fprintf(tw, "\t%d", failed[column])
			}
			fmt.Fprintln(tw)
		}
	}
	_ = tw.Flush()
	return b.String()
}

// list is one line for each file that went wrong.
func (s *side) list() string {
	var lines []string
	for _, r := range s.results {
		line := r.file.group + " " + r.file.name + ": "
		switch {
		case r.err != nil:
			line += firstLine(r.err.Error())
		case len(r.faults) > 0:
			var bad []string
			for _, column := range columns {
				if r.faults[column] != "" {
					bad = append(bad, column)
				}
			}
			line += strings.Join(bad, " ")
		default:
			continue
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
