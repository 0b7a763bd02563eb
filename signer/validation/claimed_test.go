package validation_test

import (
	"crypto"
	"slices"
	"testing"
	"time"

	"sokyso/signer/validation"
)

// TestClaimedTime: what a claimed time in the wrong zone is known by, beside what only looks like it. The verdict is
// the same throughout.
func TestClaimedTime(t *testing.T) {
	root := newRoot(t, p256(t))
	who := identity{p256(t), nil}
	who.chain = append(who.chain, root.issue(t, who.key.Public(), nil))
	tsa := identity{p256(t), nil}
	tsa.chain = append(tsa.chain, root.issue(t, tsa.key.Public(), asTSA(t)))
	stamp := stamped(t, tsa, crypto.SHA256)

	now := time.Now().UTC().Truncate(time.Second)
	vietnam := time.FixedZone("", 7*3600)
	const zulu, offset, bare = "D:20060102150405Z", "D:20060102150405-07'00'", "D:20060102150405"
	signedAt := func(ahead time.Duration, zone *time.Location, form string) string {
		return "/M (" + now.Add(ahead).In(zone).Format(form) + ")"
	}
	zoneFault := func(fault, by string) []string { return []string{validation.DetailClaimedZone, fault, by} }
	after := func(by string) []string { return []string{validation.DetailClaimedAfter, "", by} }
	const h = time.Hour
	reversed := "/M (" + now.Add(7*h).Format("D:20060102150405") + "-07'00')"

	for name, test := range map[string]struct {
		m       string
		stamped bool
		second  time.Duration // the signing-time attribute, from now; 0 = none
		want    []string      // code, fault, by
	}{
		"right, UTC":                        {signedAt(0, time.UTC, zulu), true, 0, nil},
		"right, Vietnam":                    {signedAt(0, vietnam, offset), true, 0, nil},
		"right, stamped four minutes later": {signedAt(-4*time.Minute, vietnam, offset), true, 0, nil},
		"stamped days later":                {signedAt(-50*h, time.UTC, zulu), true, 0, nil},
		"Vietnam as UTC":                    {signedAt(7*h, time.UTC, zulu), true, 0, zoneFault(validation.ZoneLocalAsUTC, "timestamp")},
		"Vietnam as +00'00'":                {signedAt(7*h, time.FixedZone("", 0), offset), true, 0, zoneFault(validation.ZoneLocalAsUTC, "timestamp")},
		"Vietnam as UTC, slow authority":    {signedAt(7*h-6*time.Minute, time.UTC, zulu), true, 0, zoneFault(validation.ZoneLocalAsUTC, "timestamp")},
		"Vietnam without a zone":            {signedAt(7*h, time.UTC, bare), true, 0, zoneFault(validation.ZoneMissing, "timestamp")},
		"UTC as Vietnam":                    {signedAt(-7*h, vietnam, offset), true, 0, zoneFault(validation.ZoneUTCAsLocal, "timestamp")},
		"seven hours before, but in UTC":    {signedAt(-7*h, time.UTC, zulu), true, 0, nil},
		"the sign turned":                   {reversed, true, 0, zoneFault(validation.ZoneReversed, "timestamp")},
		"six hours ahead":                   {signedAt(6*h, time.UTC, zulu), true, 0, after("timestamp")},
		"seven hours ahead in Vietnam":      {signedAt(7*h, vietnam, offset), true, 0, after("timestamp")},
		"seven and a half ahead":            {signedAt(7*h+30*time.Minute, time.UTC, zulu), true, 0, after("timestamp")},
		"no time-stamp, right":              {signedAt(0, time.UTC, zulu), false, 0, nil},
		"no time-stamp, ahead":              {signedAt(7*h, time.UTC, zulu), false, 0, after("clock")},
		"two claims that agree":             {signedAt(-h, time.UTC, zulu), false, -h, nil},
		"two claims, /M as UTC":             {signedAt(0, time.UTC, zulu), false, -7 * h, zoneFault(validation.ZoneLocalAsUTC, "signing_time")},
		"two claims, an hour apart":         {signedAt(-h, time.UTC, zulu), false, -2 * h, nil},
		"no time at all":                    {"", false, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var file []byte
			if test.second != 0 {
				at := now.Add(test.second)
				file = signWith(letter(), "/SubFilter /adbe.pkcs7.detached "+test.m, func(signed []byte) []byte {
					return handmade{hash: crypto.SHA256, attributes: true, signingTime: &at}.sign(t, who, signed)
				})
			} else if test.stamped {
				file = signObjects(t, who, letter(), test.m, stamp)
			} else {
				file = signObjects(t, who, letter(), test.m, nil)
			}
			s := (&world{roots: root.pool()}).validate(t, file, offline).Signatures[0]
			if s.Indication != validation.TotalPassed {
				t.Fatalf("%s %s: %v", s.Indication, s.SubIndication, s.Details)
			}
			var found []string
			for _, d := range s.Details {
				if d.Code == validation.DetailClaimedZone || d.Code == validation.DetailClaimedAfter {
					found = append(found, d.Code, d.Params["fault"], d.Params["by"])
				}
				if d.Code == validation.DetailClaimedZone {
					right, err := time.Parse(time.RFC3339, d.Params["right"])
					if want := now.Add(test.second); err != nil || right.Sub(want).Abs() > stampingSlack {
						t.Errorf("right is %v, want about %v", d.Params["right"], want)
					}
				}
			}
			if !slices.Equal(found, test.want) {
				t.Errorf("%v instead of %v", found, test.want)
			}
		})
	}
}

// stampingSlack: one of the cases has a slow authority.
const stampingSlack = 7 * time.Minute
