package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// points lists what a span says of entries, by their type.
func points(span store.ReviewSpan) []string {
	var all []string
	for _, item := range span.Items {
		all = append(all, fmt.Sprint(item.Type, item.Points, item.Last))
	}
	return all
}

func (s *school) review() store.ReviewSpan {
	s.TB.Helper()
	span, err := s.Review(ctx, s.admin)
	if err != nil {
		s.TB.Fatal(err)
	}
	return span
}

func TestReviewOfTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		// The certificates of these tests end years from now; it is a Wednesday morning.
		_, signed, _ := s.sign(s.principal, s.approval())
		if span := s.review(); span.Signatures != 1 || len(span.Items) != 0 || span.From != 0 || span.Until != span.Size {
			t.Fatalf("one usual signature: %d signatures, %v", span.Signatures, points(span))
		}
		s.must(s.FinishReview(ctx, s.admin, 0, s.review().Until, ""))

		// A refusal, a grant that is given back, one of which nothing is heard, the same
		// file again, at night.
		other := s.approval()
		other.TokenSerial = "B2001"
		if _, err := s.RequestGrant(ctx, s.deputy, other); err == nil {
			t.Fatal("a grant for somebody else's token")
		}
		back, err := s.RequestGrant(ctx, s.principal, s.approval())
		s.must(err)
		s.must(s.AbandonGrant(ctx, s.principal, back.ID, "wrong_pin"))
		_, err = s.RequestGrant(ctx, s.principal, s.approval())
		s.must(err)
		s.Clock.Advance(14 * time.Hour)
		again := s.approval()
		again.SHA256In = strings.Repeat("a", 64)
		s.sign(s.principal, again)
		twice := s.approval()
		twice.SHA256In = again.SHA256In
		s.sign(s.principal, twice)
		span := s.review()
		want := []string{"grant[unreported]", "refusal[refused]", "signature[same_input outside_hours]", "signature[outside_hours]", "abandonment[abandoned]"}
		if got := points(span); !slices.Equal(got, want) {
			t.Fatalf("%v\nwant %v", got, want)
		}
		if signed.SHA256Out == "" || span.Items[2].WhoseName == "" || span.Items[2].Whose != s.principal.Person {
			t.Errorf("%+v", span.Items[2])
		}

		// Who does not run the register has no review, and a question only of their own.
		if _, err := s.Review(ctx, s.deputy); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a deputy reviews: %v", err)
		}
		night := span.Items[2].Entry
		if err := s.StepReview(ctx, s.deputy, []int64{night}, custody.ReviewAnswered, "x"); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a deputy answers for the principal: %v", err)
		}
		if err := s.StepReview(ctx, s.admin, []int64{night}, custody.ReviewAsked, " "); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("a question without words: %v", err)
		}
		s.must(s.StepReview(ctx, s.admin, []int64{night}, custody.ReviewAsked, "Vì sao ký hai lần?"))
		if err := s.FinishReview(ctx, s.admin, span.From, span.Until, ""); reason(err) != custody.ReasonUnseen {
			t.Errorf("finished with entries that nobody has looked at: %v", err)
		}
		// All or none: the second has been asked about and can't be seen.
		if err := s.StepReview(ctx, s.admin, []int64{span.Items[0].Entry, night}, custody.ReviewSeen, ""); reason(err) != custody.ReasonReviewStep {
			t.Errorf("%v", err)
		}
		if got := s.review().Unseen(); got != 4 {
			t.Errorf("%d unseen after a step that was not taken", got)
		}
		for _, item := range span.Items {
			if item.Entry != night {
				s.must(s.StepReview(ctx, s.admin, []int64{item.Entry}, custody.ReviewSeen, ""))
			}
		}
		s.must(s.FinishReview(ctx, s.admin, span.From, span.Until, ""))
		if err := s.FinishReview(ctx, s.admin, span.From, span.Until, ""); reason(err) != custody.ReasonReviewMoved {
			t.Errorf("the same span twice: %v", err)
		}

		if questions, err := s.QuestionsTo(ctx, s.principal); err != nil || len(questions) != 1 || questions[0] != night {
			t.Errorf("asked of the principal: %v, %v", questions, err)
		}
		if waits, since, err := s.ReviewWaits(ctx, s.admin); err != nil || waits || since == nil {
			t.Errorf("waits right after a review: %v since %v, %v", waits, since, err)
		}
		// The question stays until it is answered and closed.
		if next := s.review(); len(next.Items) != 0 || len(next.Earlier) != 1 || next.Earlier[0].Entry != night || next.Earlier[0].Note != "Vì sao ký hai lần?" {
			t.Errorf("carried over: %v, %+v", points(next), next.Earlier)
		}
		s.must(s.StepReview(ctx, s.principal, []int64{night}, custody.ReviewAnswered, "Bản đầu thiếu trang"))
		own, err := s.EntryReview(ctx, s.principal, night)
		if err != nil || own.Last() != custody.ReviewAnswered || own.Steps[1].Note != "Bản đầu thiếu trang" {
			t.Errorf("the answer: %+v, %v", own, err)
		}
		if _, err := s.EntryReview(ctx, s.deputy, night); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a deputy reads the question to the principal: %v", err)
		}
		s.must(s.StepReview(ctx, s.admin, []int64{night}, custody.ReviewSeen, ""))
		if questions, err := s.QuestionsTo(ctx, s.principal); err != nil || len(questions) != 0 {
			t.Errorf("still asked: %v, %v", questions, err)
		}
		if next := s.review(); len(next.Earlier) != 0 {
			t.Errorf("still open: %+v", next.Earlier)
		}
		reviews, err := s.LogReviews(ctx, s.admin, 10)
		if err != nil || len(reviews) != 2 || reviews[0].Points != 5 || reviews[0].Unseen != 0 || reviews[0].From != reviews[1].Until {
			t.Errorf("%+v, %v", reviews, err)
		}
		s.CheckLog()
	})
}

func TestReviewSeesALossBackwards(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		used := s.Clock.Now()
		s.Clock.Advance(time.Hour)
		s.sign(s.principal, s.approval())
		s.Clock.Advance(time.Hour)
		_, err := s.ReportIncident(ctx, s.principal, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), LastUsedAt: used, Place: "phòng họp",
			Description: "không thấy", PIN: custody.PINSafe})
		s.must(err)
		if got := points(s.review()); len(got) != 1 || got[0] != "signature[doubtful]" {
			t.Errorf("%v", got)
		}
	})
}

func TestSkippedPartOfALog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		before := s.review()
		if err := s.SkipReview(ctx, s.admin, s.Clock.Now().AddDate(-1, 0, 0), "quá cũ"); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("nothing to skip: %v", err)
		}
		if err := s.SkipReview(ctx, s.admin, s.Clock.Now().Add(time.Minute), ""); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("without a reason: %v", err)
		}
		s.Clock.Advance(2 * time.Minute)
		s.must(s.SkipReview(ctx, s.admin, s.Clock.Now(), "đã rà soát trên giấy"))
		after := s.review()
		reviews, err := s.LogReviews(ctx, s.admin, 10)
		if err != nil || len(reviews) != 1 || !reviews[0].Skipped || reviews[0].Until != before.Size || after.From != before.Size || after.Signatures != 0 {
			t.Errorf("%+v, then from %d of %d, %v", reviews, after.From, after.Size, err)
		}
		s.CheckLog()
	})
}

func TestSignatureOutsideTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		_, logged, _ := s.sign(s.principal, s.approval())
		found := store.FoundSignature{Certificate: certificateHash(s.principalCert), ByteRangeDigest: logged.ByteRangeDigest, CMS: logged.CMS, Field: "Signature1", StatedAt: s.Clock.Now(),
			FileSHA256: strings.Repeat("c", 64), FileName: "giay-moi.pdf"}
		if got, err := s.FindSignature(ctx, s.admin, found); err != nil || got.Logged == 0 || got.Unlogged != 0 || got.New {
			t.Errorf("one of the log: %+v, %v", got, err)
		}
		found.ByteRangeDigest = strings.Repeat("d", 64)
		got, err := s.FindSignature(ctx, s.admin, found)
		if err != nil || got.Token != s.principalToken.ID || got.Logged != 0 || got.Unlogged == 0 || !got.New {
			t.Fatalf("one outside: %+v, %v", got, err)
		}
		if again, err := s.FindSignature(ctx, s.admin, found); err != nil || again.New || again.Unlogged != got.Unlogged {
			t.Errorf("found twice: %+v, %v", again, err)
		}
		if span := s.review(); len(span.Items) != 1 || span.Items[0].Points[0] != custody.PointUnlogged || span.Items[0].Whose != s.principal.Person || span.Items[0].Summary != "giay-moi.pdf" {
			t.Errorf("%+v", span.Items)
		}
		found.Certificate = strings.Repeat("e", 64)
		if got, err := s.FindSignature(ctx, s.admin, found); err != nil || got != (store.Found{}) {
			t.Errorf("somebody else's: %+v, %v", got, err)
		}
		if _, err := s.FindSignature(ctx, s.deputy, found); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a deputy: %v", err)
		}
		if n := entriesOfType(t, s, signinglog.TypeUnlogged); n != 1 {
			t.Errorf("%d entries", n)
		}
		s.CheckLog()
	})
}

// reviewed adds reviews of the log, what was said of an entry, and a signature that the
// log does not have.
func reviewed(s *school) {
	must := func(err error) {
		s.TB.Helper()
		if err != nil {
			s.TB.Fatal(err)
		}
	}
	_, err := s.FindSignature(ctx, s.admin, store.FoundSignature{Certificate: certificateHash(s.principalCert), ByteRangeDigest: strings.Repeat("7", 64), CMS: []byte("cms"), Field: "Signature1",
		StatedAt: s.Clock.Now(), FileSHA256: strings.Repeat("8", 64), FileName: "quyet-dinh.pdf"})
	must(err)
	entries, err := s.Entries(ctx, s.admin, store.LogFilter{Type: string(signinglog.TypeSignature), Limit: 500})
	must(err)
	oldest := entries.Entries[len(entries.Entries)-1].Index
	signer := custody.Actor{School: s.admin.School, Person: s.principal.Person, Roles: s.principal.Roles, Via: custody.ViaPage}
	parsed, err := signinglog.Parse(entries.Entries[len(entries.Entries)-1].Bytes)
	must(err)
	signer.Person = custody.PersonID(parsed.Actor())
	must(s.StepReview(ctx, s.admin, []int64{oldest}, custody.ReviewAsked, "Văn bản này ký để làm gì?"))
	must(s.StepReview(ctx, signer, []int64{oldest}, custody.ReviewAnswered, "Thông báo họp phụ huynh"))
	must(s.StepReview(ctx, s.admin, []int64{oldest}, custody.ReviewFlagged, "không thuộc việc của trường"))
	must(s.StepReview(ctx, s.admin, []int64{oldest}, custody.ReviewSettled, "đã nhắc nhở"))
	must(s.StepReview(ctx, s.admin, []int64{oldest - 1}, custody.ReviewSeen, ""))
	span, err := s.Review(ctx, s.admin)
	must(err)
	must(s.FinishReview(ctx, s.admin, span.From, span.Until, "rà soát tuần"))
	must(s.SkipReview(ctx, s.admin, s.Clock.Now().Add(time.Hour), "bắt đầu từ hôm nay"))
	gone := s.AddPerson("Mai Thị Cúc", custody.Staff)
	_, err = s.ErasePerson(ctx, s.admin, gone.Person, "theo đơn")
	must(err)
}
