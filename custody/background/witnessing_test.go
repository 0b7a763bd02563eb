package background_test

import (
	"net/http/httptest"
	"testing"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/background"
	"sokyso/custody/signinglog"
	"sokyso/custody/store/storetest"
	"sokyso/custody/witness"
)

// outcome is that of the job's last run.
func (s *school) outcome(job string) string {
	s.TB.Helper()
	jobs, err := s.Jobs(ctx, s.admin)
	if err != nil {
		s.TB.Fatal(err)
	}
	for _, j := range jobs {
		if j.Name == job {
			return j.Outcome
		}
	}
	return ""
}

// The log's checkpoints are cosigned as it grows; a witness that forgot nothing refuses
// a log that is shorter than the one it saw, and the page of background work says so.
func TestWitnessesCosignTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		key, public, err := witness.GenerateKey("phong-giao-duc.example/nhan-chung")
		if err != nil {
			t.Fatal(err)
		}
		server, err := witness.NewServer(witness.ServerConfig{Key: key, Folder: t.TempDir(), Logs: []string{s.VKey}})
		if err != nil {
			t.Fatal(err)
		}
		running := httptest.NewServer(server)
		t.Cleanup(running.Close)
		w, err := witness.Parse(public + "@" + running.URL)
		if err != nil {
			t.Fatal(err)
		}
		jobs := func(r *background.Runner) []background.Job {
			return []background.Job{r.Witnessing([]*witness.Witness{w})}
		}
		verifier, err := cosignature.NewVerifierForCosignatureV1(public)
		if err != nil {
			t.Fatal(err)
		}
		log, err := note.NewVerifier(s.VKey)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.WitnessedCheckpoint(ctx, s.School.ID); err == nil {
			t.Error("witnessed before anybody was asked")
		}
		for round := range 3 {
			s.AddPerson("Vũ Thị Lan", custody.Staff)
			s.work(jobs)
			signed, err := s.WitnessedCheckpoint(ctx, s.School.ID)
			if err != nil {
				t.Fatal(err)
			}
			n, err := note.Open(signed, note.VerifierList(log, verifier))
			if err != nil || len(n.Sigs) != 2 {
				t.Fatalf("round %d: %v, %+v", round, err, n)
			}
			newest, err := s.Checkpoint(ctx, s.School.ID)
			if err != nil {
				t.Fatal(err)
			}
			want, err := signinglog.Open(newest, log)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := signinglog.Open(signed, log); err != nil || got != want {
				t.Errorf("round %d: %+v is witnessed, %+v the newest: %v", round, got, want, err)
			}
			s.Clock.Advance(time.Minute)
		}

		// Somebody has shown it a longer log under this key: this one is an old copy.
		signer, err := note.NewSigner(s.Config.LogKey)
		if err != nil {
			t.Fatal(err)
		}
		forked, err := witness.NewServer(witness.ServerConfig{Key: key, Folder: t.TempDir(), Logs: []string{s.VKey}})
		if err != nil {
			t.Fatal(err)
		}
		running.Config.Handler = forked
		longer, err := signinglog.Sign(signinglog.Checkpoint{Origin: signer.Name(), Size: 9999, Root: tlog.Hash{1}}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Cosign(ctx, 0, nil, longer); err != nil {
			t.Fatal(err)
		}
		s.AddPerson("Vũ Thị Lan", custody.Staff)
		s.work(jobs)
		if got := s.outcome(background.JobWitnesses); got != "witness_refused" {
			t.Errorf("outcome %q", got)
		}
		running.Close()
		s.Clock.Advance(2 * time.Minute)
		s.work(jobs)
		if got := s.outcome(background.JobWitnesses); got != "witness_unreachable" {
			t.Errorf("outcome %q", got)
		}
	})
}
