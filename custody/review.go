package custody

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Point is why an entry of the log wants a look when the log is reviewed.
type Point string

// The points. Their order is that in which a review shows them.
const (
	PointAfterReport  Point = "after_report"  // recorded while a loss of the token was open
	PointDoubtful     Point = "doubtful"      // made in the window of a loss that was reported later
	PointUnlogged     Point = "unlogged"      // found in a document, and not in the log
	PointUnreported   Point = "unreported"    // leave was given, and nothing was heard of it
	PointRefused      Point = "refused"       // leave was asked for and refused
	PointSameInput    Point = "same_input"    // the same file was signed before
	PointClock        Point = "clock_off"     // the time that the computer stated can't be
	PointOutsideHours Point = "outside_hours" // by the settings of the school
	PointManyInDay    Point = "many_in_day"   // more of this person on that day than ever seems usual
	PointRareKind     Point = "rare_kind"     // a kind of document that this person hardly signs
	PointLate         Point = "late"          // its report came after the grant's time
	PointAbandoned    Point = "abandoned"     // leave was given and not used
	PointNearExpiry   Point = "near_expiry"   // the certificate was about to end
)

// Points lists them in their order.
var Points = []Point{PointAfterReport, PointDoubtful, PointUnlogged, PointUnreported, PointRefused, PointSameInput, PointClock, PointOutsideHours,
	PointManyInDay, PointRareKind, PointLate, PointAbandoned, PointNearExpiry}

// Valid reports whether it is one of Points.
func (p Point) Valid() bool { return slices.Contains(Points, p) }

// SignatureFacts are what the points of a signature follow from.
type SignatureFacts struct {
	Kind            string // of the document: a code of Decree 30/2020/NĐ-CP, Annex III
	GrantedAt       time.Time
	Late            bool
	AfterReport     bool
	ClockOff        bool
	Doubtful        bool
	SameInput       bool
	CertificateEnds time.Time
	OfDay           int // the person's signatures on that day, this one and those before it
	Habit           Habit
}

// Habit is how somebody has signed until now.
type Habit struct {
	Kinds map[string]int // signatures by kind of document
	Days  map[Date]int   // and by day, of days with any
}

// Bounds from which a habit tells anything: less is chance.
const (
	habitSignatures = 30 // signatures before a kind counts as rare
	habitDays       = 5  // days with signatures before a number counts as unusual
	usualInDay      = 10 // a number up to which nothing is unusual
	usualUnknown    = 30 // the same of somebody without a habit
	// rareShare: a kind that makes up less than one of so many signatures is rare.
	rareShare = 50
	// nearExpiry is how long before its end a certificate is about to end.
	nearExpiry = 30 * 24 * time.Hour
)

// MaxInDay is the largest number of signatures on a day that is usual: the mean of
// the days with signatures and three standard deviations.
func (h Habit) MaxInDay() int {
	if len(h.Days) < habitDays {
		return usualUnknown
	}
	sum, squares := 0.0, 0.0
	for _, n := range h.Days {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	days := float64(len(h.Days))
	mean := sum / days
	return max(usualInDay, int(math.Ceil(mean+3*math.Sqrt(max(0, squares/days-mean*mean)))))
}

// Rare reports whether somebody hardly signs documents of that kind.
func (h Habit) Rare(kind string) bool {
	signatures := 0
	for _, n := range h.Kinds {
		signatures += n
	}
	return kind != "" && signatures >= habitSignatures && h.Kinds[kind]*rareShare < signatures
}

// PointsOf names why a signature wants a look, in the order of Points.
func PointsOf(f SignatureFacts, settings Settings) []Point {
	var found []Point
	for _, p := range []struct {
		point Point
		is    bool
	}{
		{PointAfterReport, f.AfterReport},
		{PointDoubtful, f.Doubtful && !f.AfterReport},
		{PointSameInput, f.SameInput},
		{PointClock, f.ClockOff},
		{PointOutsideHours, !settings.WorkingHours(f.GrantedAt)},
		{PointManyInDay, f.OfDay > f.Habit.MaxInDay()},
		{PointRareKind, f.Habit.Rare(f.Kind)},
		{PointLate, f.Late},
		{PointNearExpiry, !f.CertificateEnds.IsZero() && f.CertificateEnds.Sub(f.GrantedAt) < nearExpiry},
	} {
		if p.is {
			found = append(found, p.point)
		}
	}
	return found
}

// ComparePoints orders what has a graver point, and more of them, first.
func ComparePoints(a, b []Point) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(slices.Index(Points, a[i]), slices.Index(Points, b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(b), len(a))
}

// ReviewStepKind is what was said of an entry.
type ReviewStepKind string

// The steps. After none, an entry is open.
const (
	ReviewSeen     ReviewStepKind = "seen"     // looked at, nothing to it
	ReviewAsked    ReviewStepKind = "asked"    // whose act it is was asked something
	ReviewAnswered ReviewStepKind = "answered" // and has answered
	ReviewFlagged  ReviewStepKind = "flagged"  // the token was used for something else than its purpose
	ReviewSettled  ReviewStepKind = "settled"  // what followed a flag
)

// Open reports whether somebody still has to do something after the step.
func (k ReviewStepKind) Open() bool { return k != ReviewSeen && k != ReviewSettled }

// reviewAfter lists, for each step, after which it may come; "" is none.
var reviewAfter = map[ReviewStepKind][]ReviewStepKind{
	ReviewSeen:     {"", ReviewAnswered},
	ReviewAsked:    {"", ReviewSeen, ReviewAnswered, ReviewSettled},
	ReviewAnswered: {ReviewAsked},
	ReviewFlagged:  {"", ReviewSeen, ReviewAsked, ReviewAnswered, ReviewSettled},
	ReviewSettled:  {ReviewFlagged},
}

// ReviewSteps lists the steps that the actor may take on an entry, whose act it is,
// after the last one.
func ReviewSteps(actor Actor, whose PersonID, last ReviewStepKind) []ReviewStepKind {
	var steps []ReviewStepKind
	for _, step := range []ReviewStepKind{ReviewSeen, ReviewAsked, ReviewAnswered, ReviewFlagged, ReviewSettled} {
		if CanStepReview(actor, whose, last, step) == nil {
			steps = append(steps, step)
		}
	}
	return steps
}

// CanStepReview decides a step of a review: who runs the register takes them, whose
// act the entry is answers. A flag is settled by somebody else than whom it is about.
func CanStepReview(actor Actor, whose PersonID, last, step ReviewStepKind) error {
	after, known := reviewAfter[step]
	own := actor.Person != "" && actor.Person == whose
	switch {
	case !known:
		return Invalid("step", "step %.40q", string(step))
	case step == ReviewAnswered && !own:
		return Forbidden(ReasonNotAsked)
	case step != ReviewAnswered && !actor.Roles.May(ReviewLog):
		return Forbidden(ReasonManagersOnly)
	case step == ReviewAsked && (whose == "" || own):
		return Conflict(ReasonNobodyToAsk)
	case step == ReviewSettled && own:
		return Forbidden(ReasonOwnFlag)
	case !slices.Contains(after, last):
		return Conflict(ReasonReviewStep, "step", string(step), "last", string(last))
	}
	return nil
}

// CanReviewLog decides who reviews the log: who runs the register.
func CanReviewLog(actor Actor) error {
	if !actor.Roles.May(ReviewLog) {
		return Forbidden(ReasonManagersOnly)
	}
	return nil
}
