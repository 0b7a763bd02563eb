package validation

import (
	"time"

	"sokyso/signer/pdf"
)

// What is wrong with a claimed time whose clock stood right: the parameter "fault" of [DetailClaimedZone].
const (
	ZoneLocalAsUTC = "local_as_utc" // the time of Vietnam, written as that of UTC
	ZoneUTCAsLocal = "utc_as_local" // the time of UTC, written as that of Vietnam
	ZoneReversed   = "reversed"     // the zone's sign is the wrong way round: -07:00 for +07:00
	ZoneMissing    = "missing"      // no zone is written: the time is that of Vietnam
)

// ZoneFaults lists every fault, for tests of catalogues.
var ZoneFaults = []string{ZoneLocalAsUTC, ZoneUTCAsLocal, ZoneReversed, ZoneMissing}

const (
	vietnamOffset = 7 * time.Hour
	// stampingDelay is how long after the claimed time a signature's time-stamp may be made. Some authorities answer
	// after two minutes and are asked three times.
	stampingDelay = 15 * time.Minute
)

// zoneFaults are the ways to write the time of Vietnam wrongly. Each is known by how far what was written is ahead of
// the true time, and by the zone that it was written with.
var zoneFaults = []struct {
	fault  string
	ahead  time.Duration
	offset time.Duration // of the zone that is written
	zoned  bool          // whether one is
}{
	{ZoneMissing, vietnamOffset, 0, false},
	{ZoneLocalAsUTC, vietnamOffset, 0, true},
	{ZoneUTCAsLocal, -vietnamOffset, vietnamOffset, true},
	{ZoneReversed, 2 * vietnamOffset, -vietnamOffset, true},
}

// claimedTime tells of a claimed time that can't be, and whether it is the fault of some programs that write the time of
// Vietnam into a field of UTC. It never changes the verdict: the claim proves nothing, right or wrong.
func (v *run) claimedTime() {
	s := &v.sig
	if v.ts != nil || s.ClaimedTime.IsZero() {
		return
	}
	// The closest witness comes first: the signature's own time-stamp, then the second claim, which is made at the same
	// moment as the first.
	if v.stamped != nil {
		if !v.zoneFault(v.stamped.at, stampingDelay, "timestamp") {
			v.after(v.stamped.at, "timestamp")
		}
		return
	}
	if t := v.cms.SigningTime; t != nil && v.dated && v.zoneFault(*t, clockSkew, "signing_time") {
		return
	}
	if proof := v.proofs.covering(s.Revision + 1); proof != nil {
		// It may have been made long after the signature, so that only one thing is certain.
		v.after(proof.at, "timestamp")
		return
	}
	v.after(v.opt.now(), "clock")
}

// zoneFault notes that the claimed time is a true one in the wrong zone. The claim is made at most delay before the true
// time, and not after it but for the difference of the clocks.
func (v *run) zoneFault(at time.Time, delay time.Duration, by string) bool {
	_, seconds := v.sig.ClaimedTime.Zone()
	for _, f := range zoneFaults {
		if v.zoned != f.zoned || time.Duration(seconds)*time.Second != f.offset {
			continue
		}
		right := v.sig.ClaimedTime.Add(-f.ahead)
		if late := at.Sub(right); late < -clockSkew || late > delay {
			continue
		}
		v.sig.note(DetailClaimedZone, "fault", f.fault, "claimed", v.sig.ClaimedTime.Format(time.RFC3339),
			"right", right.UTC().Format(time.RFC3339), "by", by)
		return true
	}
	return false
}

// after notes that the claimed time is later than one at which the signature was there.
func (v *run) after(at time.Time, by string) {
	if v.sig.ClaimedTime.After(at.Add(clockSkew)) {
		v.sig.note(DetailClaimedAfter, "claimed", v.sig.ClaimedTime.Format(time.RFC3339), "time", at.UTC().Format(time.RFC3339), "by", by)
	}
}

// readClaimed reads /M (ISO 32000-2 table 255).
func (v *run) readClaimed() {
	m, ok := v.c.dict["M"].(pdf.String)
	if !ok {
		return
	}
	if t, zoned, ok := parseDate(m.Text()); ok {
		v.sig.ClaimedTime, v.zoned, v.dated = t, zoned, true
	}
}
