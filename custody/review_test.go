package custody

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// at is a moment in the school's zone: 7 October 2026 is a Wednesday.
func schoolTime(t *testing.T, written string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", written, SchoolZone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestPointsOfASignature(t *testing.T) {
	day := map[Date]int{"2026-10-01": 3, "2026-10-02": 4, "2026-10-05": 2, "2026-10-06": 3, "2026-09-30": 3}
	settled := Habit{Kinds: map[string]int{"TB": 60, "QĐ": 39, "GM": 1}, Days: day}
	usual := SignatureFacts{Kind: "TB", GrantedAt: schoolTime(t, "2026-10-07 09:00"), CertificateEnds: schoolTime(t, "2027-10-07 09:00"), OfDay: 1, Habit: settled}
	for name, test := range map[string]struct {
		change func(*SignatureFacts)
		want   []Point
	}{
		"usual":              {func(*SignatureFacts) {}, nil},
		"after a report":     {func(f *SignatureFacts) { f.AfterReport, f.Doubtful = true, true }, []Point{PointAfterReport}},
		"in its window":      {func(f *SignatureFacts) { f.Doubtful = true }, []Point{PointDoubtful}},
		"Sunday":             {func(f *SignatureFacts) { f.GrantedAt = schoolTime(t, "2026-10-11 09:00") }, []Point{PointOutsideHours}},
		"at night":           {func(f *SignatureFacts) { f.GrantedAt = schoolTime(t, "2026-10-07 22:30") }, []Point{PointOutsideHours}},
		"first of the day":   {func(f *SignatureFacts) { f.GrantedAt = schoolTime(t, "2026-10-07 07:00") }, nil},
		"ten in a day":       {func(f *SignatureFacts) { f.OfDay = 10 }, nil},
		"eleven in a day":    {func(f *SignatureFacts) { f.OfDay = 11 }, []Point{PointManyInDay}},
		"no habit, thirty":   {func(f *SignatureFacts) { f.OfDay, f.Habit = 30, Habit{} }, nil},
		"no habit, more":     {func(f *SignatureFacts) { f.OfDay, f.Habit = 31, Habit{} }, []Point{PointManyInDay}},
		"one in a hundred":   {func(f *SignatureFacts) { f.Kind = "GM" }, []Point{PointRareKind}},
		"never before":       {func(f *SignatureFacts) { f.Kind = "CV" }, []Point{PointRareKind}},
		"without a kind":     {func(f *SignatureFacts) { f.Kind = "" }, nil},
		"few before":         {func(f *SignatureFacts) { f.Kind, f.Habit.Kinds = "CV", map[string]int{"TB": 29} }, nil},
		"thirty days left":   {func(f *SignatureFacts) { f.CertificateEnds = f.GrantedAt.AddDate(0, 0, 30) }, nil},
		"less":               {func(f *SignatureFacts) { f.CertificateEnds = f.GrantedAt.AddDate(0, 0, 30).Add(-time.Second) }, []Point{PointNearExpiry}},
		"twice, late, clock": {func(f *SignatureFacts) { f.SameInput, f.Late, f.ClockOff = true, true, true }, []Point{PointSameInput, PointClock, PointLate}},
	} {
		facts := usual
		test.change(&facts)
		if got := PointsOf(facts, NewSettings(nil)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestAWideHabitAllowsMore(t *testing.T) {
	h := Habit{Days: map[Date]int{}}
	for i := range 20 {
		h.Days[Date(fmt.Sprintf("2026-09-%02d", i+1))] = 10 + 20*(i%2) // 10 and 30 in turn: mean 20, deviation 10
	}
	if got := h.MaxInDay(); got != 50 {
		t.Errorf("usual up to %d", got)
	}
}

func TestGraverPointsComeFirst(t *testing.T) {
	lists := [][]Point{{PointNearExpiry}, {PointOutsideHours}, {PointOutsideHours, PointRareKind}, {PointAfterReport}, {PointRefused}}
	slices.SortFunc(lists, ComparePoints)
	want := [][]Point{{PointAfterReport}, {PointRefused}, {PointOutsideHours, PointRareKind}, {PointOutsideHours}, {PointNearExpiry}}
	if fmt.Sprint(lists) != fmt.Sprint(want) {
		t.Errorf("%v", lists)
	}
}

func TestStepsOfAReview(t *testing.T) {
	admin := Actor{Person: "a", Roles: Roles{Admin: true}}
	signer := Actor{Person: "s"}
	for _, test := range []struct {
		actor Actor
		whose PersonID
		last  ReviewStepKind
		want  []ReviewStepKind
	}{
		{admin, "s", "", []ReviewStepKind{ReviewSeen, ReviewAsked, ReviewFlagged}},
		{admin, "", "", []ReviewStepKind{ReviewSeen, ReviewFlagged}},
		{admin, "a", "", []ReviewStepKind{ReviewSeen, ReviewFlagged}},
		{admin, "s", ReviewSeen, []ReviewStepKind{ReviewAsked, ReviewFlagged}},
		{admin, "s", ReviewAsked, []ReviewStepKind{ReviewFlagged}},
		{admin, "s", ReviewAnswered, []ReviewStepKind{ReviewSeen, ReviewAsked, ReviewFlagged}},
		{admin, "s", ReviewFlagged, []ReviewStepKind{ReviewSettled}},
		{admin, "a", ReviewFlagged, nil},
		{admin, "s", ReviewSettled, []ReviewStepKind{ReviewAsked, ReviewFlagged}},
		{signer, "s", ReviewAsked, []ReviewStepKind{ReviewAnswered}},
		{signer, "s", "", nil},
		{signer, "x", ReviewAsked, nil},
	} {
		if got := ReviewSteps(test.actor, test.whose, test.last); !slices.Equal(got, test.want) {
			t.Errorf("%s on an act of %q after %q: %v, want %v", test.actor.Person, test.whose, test.last, got, test.want)
		}
	}
	if err := CanStepReview(admin, "s", "", "burnt"); !errors.Is(err, ErrInvalid) {
		t.Errorf("%v", err)
	}
	if CanReviewLog(signer) == nil || CanReviewLog(admin) != nil {
		t.Error("who reviews")
	}
}
