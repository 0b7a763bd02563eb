package signer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// keyCount counts how often a key is used, and does something then.
type keyCount struct {
	crypto.Signer
	n    atomic.Int32
	then func()
}

func (c *keyCount) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.n.Add(1)
	if c.then != nil {
		c.then()
	}
	return c.Signer.Sign(random, digest, opts)
}

// quick asks again at once, and gives up soon.
func quick() *signer.Stamping { return &signer.Stamping{Pause: time.Nanosecond} }

// at are options for a level with the world's services.
func (w *world) at(level signer.Level) signer.Options {
	return signer.Options{Level: level, TSA: w.authority.TSAURL(), Roots: w.roots, Stamping: quick(), Cache: &validation.Cache{}}
}

func (w *world) augment(t testing.TB, in []byte, opt signer.Options) []byte {
	t.Helper()
	d, err := signer.Augment(context.Background(), bytes.NewReader(in), opt)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := d.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), in) || d.Size() != int64(out.Len()) {
		t.Fatal("the output is not the input with updates")
	}
	return out.Bytes()
}

// levels are those of the signatures, time-stamps left out; all must be valid.
func (w *world) levels(t testing.TB, b []byte) string { return w.levelsOf(t, b, "") }

// levelsOf is levels of an encrypted file.
func (w *world) levelsOf(t testing.TB, b []byte, password pdf.Password) string {
	t.Helper()
	r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), validation.Options{Roots: w.roots, Offline: true, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range r.Signatures {
		if s.Indication != validation.TotalPassed {
			t.Errorf("field %s: %s %s %v", s.Field, s.Indication, s.SubIndication, s.Details)
		}
		if s.LaterChanges != validation.ChangesPermitted && s.LaterChanges != validation.ChangesNone {
			t.Errorf("field %s: later changes %s", s.Field, s.LaterChanges)
		}
		if s.Timestamp {
			list = append(list, "stamp")
		} else {
			list = append(list, s.Level)
		}
	}
	return strings.Join(list, " ")
}

func TestSignAtEachLevel(t *testing.T) {
	w := newWorld(t)
	for level, want := range map[signer.Level]struct {
		levels string
		stamps int // requests to the authority, the trial included
		growth int
	}{
		signer.LevelBT:   {"B-T", 2, 32 << 10},
		signer.LevelBLT:  {"B-LT", 2, 44 << 10},
		signer.LevelBLTA: {"B-LTA stamp", 3, 60 << 10},
	} {
		key := &keyCount{Signer: w.principal.key}
		in := sample(t, "quy-che.pdf")
		before := w.authority.Asked(authority.ServiceTSA)
		out, _ := w.sign(t, in, identity{key, w.principal.chain}, w.at(level))
		if n := key.n.Load(); n != 1 {
			t.Errorf("%s: the key was used %d times", level, n)
		}
		if n := w.authority.Asked(authority.ServiceTSA) - before; n != want.stamps {
			t.Errorf("%s: %d time-stamps were asked for, want %d", level, n, want.stamps)
		}
		if got := w.levels(t, out); got != want.levels {
			t.Errorf("%s: %s", level, got)
		}
		if n := len(out) - len(in); n > want.growth {
			t.Errorf("%s: %d bytes were added", level, n)
		}
	}
}

// TestTrialOncePerBatch: with what is remembered from the first signature, the others cost no trial and no OCSP.
func TestTrialOncePerBatch(t *testing.T) {
	w := newWorld(t)
	opt := w.at(signer.LevelBLT)
	stamps, answers := w.authority.Asked(authority.ServiceTSA), w.authority.Asked(authority.ServiceOCSP)
	for range 3 {
		w.sign(t, sample(t, "minimal.pdf"), w.deputy, opt)
	}
	if n := w.authority.Asked(authority.ServiceTSA) - stamps; n != 4 {
		t.Errorf("%d time-stamps for three signatures", n)
	}
	// One each about signer and time-stamping unit; the issuing CA is on the root's list.
	if n := w.authority.Asked(authority.ServiceOCSP) - answers; n != 2 {
		t.Errorf("%d OCSP answers for three signatures", n)
	}
}

func TestAugment(t *testing.T) {
	w := newWorld(t)
	first, _ := w.sign(t, sample(t, "quy-che.pdf"), w.principal, signer.Options{})
	both, _ := w.sign(t, first, w.seal, w.at(signer.LevelBT))
	for level, want := range map[signer.Level]string{
		signer.LevelBT: "B-T B-T stamp", signer.LevelBLT: "B-LT B-LT stamp", signer.LevelBLTA: "B-LTA B-LTA stamp stamp",
	} {
		if got := w.levels(t, w.augment(t, both, w.at(level))); got != want {
			t.Errorf("%s: %s, want %s", level, got, want)
		}
	}
	// One after the other, each on what the one before made, and the archive time-stamp again and again.
	file := both
	for i, step := range []struct {
		level signer.Level
		want  string
	}{
		{signer.LevelBT, "B-T B-T stamp"}, {signer.LevelBLT, "B-LT B-LT stamp"}, {"", "B-LTA B-LTA stamp stamp"},
		{"", "B-LTA B-LTA stamp stamp stamp"}, {signer.LevelBLTA, "B-LTA B-LTA stamp stamp stamp stamp"},
	} {
		before := len(file)
		file = w.augment(t, file, w.at(step.level))
		if got := w.levels(t, file); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
		// What is in the store already is not stored again.
		if n := len(file) - before; i > 2 && n > 16<<10 {
			t.Errorf("step %d: %d bytes were added", i, n)
		}
	}
	// A signature may still be added, and raised too.
	more, _ := w.sign(t, file, w.deputy, signer.Options{})
	if got, want := w.levels(t, w.augment(t, more, w.at(signer.LevelBLTA))), "B-LTA B-LTA stamp stamp stamp stamp B-LTA stamp stamp"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestAugmentAfterCertification: validation material and document time-stamps are allowed even where no changes are.
func TestAugmentAfterCertification(t *testing.T) {
	w := newWorld(t)
	for _, permissions := range []int{1, 2, 3} {
		opt := w.at(signer.LevelBT)
		opt.Certify = permissions
		in, _ := w.sign(t, sample(t, "thong-bao.pdf"), w.principal, opt)
		out := w.augment(t, in, w.at(signer.LevelBLTA))
		out = w.augment(t, out, w.at(signer.LevelBLTA))
		if got := w.levels(t, out); got != "B-LTA stamp stamp" {
			t.Errorf("P=%d: %s", permissions, got)
		}
	}
	opt := w.at(signer.LevelBLTA)
	opt.Certify = 1
	if out, _ := w.sign(t, sample(t, "thong-bao.pdf"), w.principal, opt); w.levels(t, out) != "B-LTA stamp" {
		t.Error("at once:", w.levels(t, out))
	}
}

func TestAugmentRefuses(t *testing.T) {
	w := newWorld(t)
	signed, _ := w.sign(t, sample(t, "minimal.pdf"), w.deputy, w.at(signer.LevelBLT))
	broken := bytes.Clone(signed)
	broken[bytes.Index(broken, []byte("/MediaBox"))+1] ^= 0x20
	other := w.at(signer.LevelBLTA)
	other.Roots = x509.NewCertPool()
	rootless := w.at(signer.LevelBLTA)
	rootless.Roots = nil
	for name, test := range map[string]struct {
		in   []byte
		opt  signer.Options
		code string
	}{
		"no signature":     {sample(t, "minimal.pdf"), w.at(signer.LevelBLTA), signer.CodeNoSignatures},
		"no PDF":           {[]byte("xyz"), w.at(signer.LevelBLTA), signer.CodeNotPDF},
		"altered":          {broken, w.at(signer.LevelBLTA), signer.CodeSignatureInvalid},
		"other roots":      {signed, other, signer.CodeSignatureInvalid},
		"no roots":         {signed, rootless, signer.CodeRootsMissing},
		"no authority":     {signed, signer.Options{Roots: w.roots}, signer.CodeLevelUnsupported},
		"level of signing": {signed, w.at(signer.LevelBB), signer.CodeLevelUnsupported},
		"has it":           {signed, w.at(signer.LevelBLT), signer.CodeLevelReached},
		"has more":         {signed, w.at(signer.LevelBT), signer.CodeLevelReached},
	} {
		d, err := signer.Augment(context.Background(), bytes.NewReader(test.in), test.opt)
		if d != nil || signer.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEarlierSignaturesAreStored: who signs at b-lt stores what shows the standing of those before too; when that can't be
// had, the own level is reached all the same and a note tells.
func TestEarlierSignaturesAreStored(t *testing.T) {
	w := trouble(t)
	others := trouble(t)
	roots := x509.NewCertPool()
	roots.AddCert(w.authority.Root())
	roots.AddCert(others.authority.Root())
	w.roots, others.roots = roots, roots
	first, _ := others.sign(t, sample(t, "minimal.pdf"), others.deputy, others.at(signer.LevelBT))
	second, _ := w.sign(t, first, w.deputy, w.at(signer.LevelBT))
	for level, want := range map[signer.Level]string{signer.LevelBLT: "B-LT B-LT B-LT", signer.LevelBLTA: "B-LTA B-LTA B-LTA stamp"} {
		third, d := w.sign(t, second, w.person(t), w.at(level))
		if got := w.levels(t, third); got != want || slices.Contains(d.Notes(), signer.NoteEarlierNotStored) {
			t.Errorf("%s: %s, want %s, notes %v", level, got, want, d.Notes())
		}
	}
	others.authority.Misbehave(authority.ServiceOCSP, authority.Down, -1)
	others.authority.Misbehave(authority.ServiceCRL, authority.Down, -1)
	third, d := w.sign(t, second, w.person(t), w.at(signer.LevelBLTA))
	if got, want := w.levels(t, third), "B-T B-LTA B-LTA stamp"; got != want || !slices.Contains(d.Notes(), signer.NoteEarlierNotStored) {
		t.Errorf("services of another authority down: %s, want %s, notes %v", got, want, d.Notes())
	}
	// One without a time-stamp has no proven time before the document time-stamp.
	plain, _ := others.sign(t, sample(t, "minimal.pdf"), others.deputy, signer.Options{})
	others.authority.Misbehave(authority.ServiceOCSP, "", 0)
	third, d = w.sign(t, plain, w.person(t), w.at(signer.LevelBLTA))
	if got, want := w.levels(t, third), "B-LTA B-LTA stamp"; got != want || len(d.Notes()) > 0 {
		t.Errorf("after b-b: %s, want %s, notes %v", got, want, d.Notes())
	}
}
