package signer_test

import (
	"bytes"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/validation"
)

func visible() *signer.Visible {
	return &signer.Visible{
		Page: 1, Rect: [4]float64{320, 80, 200, 60}, Border: true,
		Lines: []string{"Nguyễn Văn Nghĩa (Hiệu trưởng)", "Trường Mầm non Hoa Sen", "2026-10-07T09:15:30+07:00"},
	}
}

func TestSignSamples(t *testing.T) {
	w := newWorld(t)
	for _, name := range samples {
		t.Run(name, func(t *testing.T) {
			in := sample(t, name)
			for round, who := range []identity{w.principal, w.deputy, w.seal} {
				opt := signer.Options{Name: "Nguyễn Văn Nghĩa", Reason: "Ký duyệt", Location: "Đà Nẵng"}
				if round == 1 {
					opt.Visible = visible()
				}
				out, d := w.sign(t, in, who, opt)
				if !bytes.HasPrefix(out, in) {
					t.Fatal("the input is not a prefix of the output")
				}
				report := w.validate(t, out)
				if len(report.Signatures) != round+1 || report.Indication() != validation.TotalPassed {
					t.Fatalf("round %d: %d signatures, %s: %+v", round, len(report.Signatures), report.Indication(), report.Signatures)
				}
				for i, s := range report.Signatures {
					covers, changes := validation.CoversRevision, validation.ChangesPermitted
					if i == round {
						covers, changes = validation.CoversFile, validation.ChangesNone
					}
					if s.Covers != covers || s.LaterChanges != changes || s.Level != "B-B" {
						t.Errorf("round %d signature %d: %s %s %s %v", round, i, s.Covers, s.LaterChanges, s.Level, s.Details)
					}
				}
				last := report.Signatures[round]
				if last.Signer != who.chain[0].Subject.CommonName || last.Field != d.Field() || last.Reason != "Ký duyệt" || !last.ClaimedTime.Equal(d.SigningTime()) {
					t.Errorf("read back %+v", last)
				}
				in = out
			}
		})
	}
}

func TestSigningTimeKeepsItsZone(t *testing.T) {
	w := newWorld(t)
	at := time.Now().In(signer.Vietnam).Truncate(time.Second)
	out, _ := w.sign(t, sample(t, "minimal.pdf"), w.deputy, signer.Options{Now: func() time.Time { return at }})
	if want := at.Format("(D:20060102150405+07'00')"); !bytes.Contains(out, []byte(want)) {
		t.Errorf("no %s in the output", want)
	}
}
