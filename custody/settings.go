package custody

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// SettingName names a setting of the school. Rules whose source gives no figure,
// or that differ from province to province, are settings.
type SettingName string

// The settings, with the form of their values.
const (
	SettingReportHours    SettingName = "report_hours"    // hours from noticing a loss to telling the authority
	SettingDeviceDays     SettingName = "device_days"     // working days from the notice of revocation to handing the device over
	SettingReminderDays   SettingName = "reminder_days"   // days before a certificate's end, falling: 90, 60, 30, 7
	SettingOfferDays      SettingName = "offer_days"      // days after which an unanswered hand-over is chased
	SettingManagingBody   SettingName = "managing_body"   // cơ quan, tổ chức quản lý trực tiếp; "" = the school
	SettingRevokeTo       SettingName = "revoke_to"       // who takes form 05 and the device
	SettingRenewTo        SettingName = "renew_to"        // who takes form 04
	SettingRecoverTo      SettingName = "recover_to"      // who takes form 06
	SettingWorkFrom       SettingName = "work_from"       // first minute of a working day: 07:00
	SettingWorkUntil      SettingName = "work_until"      // last: 17:30
	SettingHolidays       SettingName = "holidays"        // days off besides the fixed ones: 2027-02-05, 2027-02-08
	SettingCheckDay       SettingName = "check_day"       // day of the month on which a custody check opens; 0 = by hand only
	SettingNumberSeries   SettingName = "number_series"   // of outgoing documents: one, or by_kind
	SettingSecondFactor   SettingName = "second_factor"   // of confirmations by account: optional, or required
	SettingRetentionYears SettingName = "retention_years" // how long personal data of entries are kept; 0 = for good
)

// SettingGroup is the heading a setting stands under.
type SettingGroup string

// The groups.
const (
	GroupIncidents SettingGroup = "incidents"
	GroupReminders SettingGroup = "reminders"
	GroupPapers    SettingGroup = "papers"
	GroupReview    SettingGroup = "review"
)

// SettingRule is a setting's place, its value when nobody set another, and its form.
type SettingRule struct {
	Name    SettingName
	Group   SettingGroup
	Default string
	clean   func(string) (string, bool)
}

// maxSetting bounds a value, in characters.
const maxSetting = 500

// SettingRules lists all settings in the order of the page.
//
// Sources: five working days for the device are the provincial rules' on Decree
// 68/2024/NĐ-CP (Quyết định 165/2025/QĐ-UBND Ninh Bình, Article 10.6.c); no number
// of hours for the report was found, 24 is a recommendation. One series of numbers
// or several: Decree 30/2020/NĐ-CP, Article 15.
var SettingRules = []SettingRule{
	{SettingReportHours, GroupIncidents, "24", whole(1, 720)},
	{SettingDeviceDays, GroupIncidents, "5", whole(1, 60)},
	{SettingRevokeTo, GroupIncidents, "Cục Chứng thực số và Bảo mật thông tin, Ban Cơ yếu Chính phủ", line},
	{SettingRenewTo, GroupPapers, "Sở Khoa học và Công nghệ", line},
	{SettingRecoverTo, GroupPapers, "Sở Khoa học và Công nghệ", line},
	{SettingManagingBody, GroupPapers, "", line},
	{SettingNumberSeries, GroupPapers, "one", oneOf("one", "by_kind")},
	{SettingReminderDays, GroupReminders, "90, 60, 30, 7", fallingDays},
	{SettingOfferDays, GroupReminders, "3", whole(1, 90)},
	{SettingCheckDay, GroupReminders, "0", whole(0, 28)},
	{SettingSecondFactor, GroupReview, "optional", oneOf("optional", "required")},
	{SettingWorkFrom, GroupReview, "07:00", clock},
	{SettingWorkUntil, GroupReview, "17:30", clock},
	{SettingHolidays, GroupReview, "", days},
	{SettingRetentionYears, GroupReview, "0", retention},
}

// RuleOf finds a setting's rule.
func RuleOf(name SettingName) (SettingRule, bool) {
	i := slices.IndexFunc(SettingRules, func(r SettingRule) bool { return r.Name == name })
	if i < 0 {
		return SettingRule{}, false
	}
	return SettingRules[i], true
}

// Clean returns the value as it is kept, or an ErrInvalid that names the setting.
func (r SettingRule) Clean(value string) (string, error) {
	cleaned, ok := r.clean(strings.TrimSpace(value))
	if !ok || utf8.RuneCountInString(cleaned) > maxSetting {
		return "", Invalid(string(r.Name), "setting %s is %.80q", r.Name, value)
	}
	return cleaned, nil
}

func line(s string) (string, bool) { return strings.Join(strings.Fields(s), " "), true }

func whole(least, most int) func(string) (string, bool) {
	return func(s string) (string, bool) {
		n, err := strconv.Atoi(s)
		return strconv.Itoa(n), err == nil && least <= n && n <= most
	}
}

// retention: 0, or at least as long as a register of outgoing documents is kept.
func retention(s string) (string, bool) {
	if s == "0" {
		return s, true
	}
	return whole(20, 100)(s)
}

func oneOf(values ...string) func(string) (string, bool) {
	return func(s string) (string, bool) { return s, slices.Contains(values, s) }
}

func clock(s string) (string, bool) {
	t, err := time.Parse("15:04", s)
	return t.Format("15:04"), err == nil
}

func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

func fallingDays(s string) (string, bool) {
	var kept []int
	for _, field := range fields(s) {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 || n > 3650 {
			return "", false
		}
		kept = append(kept, n)
	}
	slices.Sort(kept)
	kept = slices.Compact(kept)
	slices.Reverse(kept)
	words := make([]string, len(kept))
	for i, n := range kept {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", "), 0 < len(kept) && len(kept) <= 10
}

// days takes days as people here write them, 05/02/2027, or as the log does.
func days(s string) (string, bool) {
	var kept []string
	for _, field := range fields(s) {
		for _, layout := range []string{time.DateOnly, "02/01/2006", "2/1/2006"} {
			if t, err := time.Parse(layout, field); err == nil {
				field = t.Format(time.DateOnly)
				break
			}
		}
		if _, err := ParseDate(field); err != nil {
			return "", false
		}
		kept = append(kept, field)
	}
	slices.Sort(kept)
	return strings.Join(slices.Compact(kept), ", "), true
}

// Settings are a school's settings, each as set or by default.
type Settings struct {
	values map[SettingName]string
}

// NewSettings takes the values that were set; what is missing or not of its form
// has the default.
func NewSettings(set map[SettingName]string) Settings {
	s := Settings{values: make(map[SettingName]string, len(SettingRules))}
	for _, rule := range SettingRules {
		s.values[rule.Name] = rule.Default
		if value, ok := set[rule.Name]; ok {
			if cleaned, err := rule.Clean(value); err == nil {
				s.values[rule.Name] = cleaned
			}
		}
	}
	return s
}

// Value returns a setting as text; "" for a name that is none.
func (s Settings) Value(name SettingName) string {
	if value, ok := s.values[name]; ok {
		return value
	}
	rule, _ := RuleOf(name)
	return rule.Default
}

func (s Settings) number(name SettingName) int {
	n, err := strconv.Atoi(s.Value(name))
	if err != nil {
		panic("custody: setting " + string(name) + " is no number") // NewSettings lets none in
	}
	return n
}

// ReportWithin is the time from noticing a loss to the report to the authority.
func (s Settings) ReportWithin() time.Duration {
	return time.Duration(s.number(SettingReportHours)) * time.Hour
}

// DeviceWithin is the number of working days from the notice of revocation to
// handing the device over.
func (s Settings) DeviceWithin() int { return s.number(SettingDeviceDays) }

// ReminderDays are the days before a certificate's end on which its custodian and
// the admins are reminded, the most first.
func (s Settings) ReminderDays() []int {
	var days []int
	for _, field := range fields(s.Value(SettingReminderDays)) {
		if n, err := strconv.Atoi(field); err == nil {
			days = append(days, n)
		}
	}
	return days
}

// OfferWithin is the time after which an unanswered hand-over is chased.
func (s Settings) OfferWithin() time.Duration {
	return time.Duration(s.number(SettingOfferDays)) * 24 * time.Hour
}

// CheckDay is the day of the month on which a custody check opens by itself; 0 = none.
func (s Settings) CheckDay() int { return s.number(SettingCheckDay) }

// RetentionYears is how long the personal data of entries are kept; 0 = for good.
func (s Settings) RetentionYears() int { return s.number(SettingRetentionYears) }

// fixedHolidays are the days off that fall on the same day each year (Labour Code
// 2019, Article 112). Those of the lunar calendar, the day before or after 2
// September, and days moved by decision are the setting holidays.
var fixedHolidays = []string{"01-01", "04-30", "05-01", "09-02"}

// WorkingDay reports whether people of the school work on that day: Monday to
// Friday, no holiday.
func (s Settings) WorkingDay(day Date) bool {
	t, err := time.Parse(time.DateOnly, string(day))
	if err != nil || t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		return false
	}
	return !slices.Contains(fixedHolidays, t.Format("01-02")) && !slices.Contains(fields(s.Value(SettingHolidays)), string(day))
}

// AddWorkingDays returns the n-th working day after that day.
func (s Settings) AddWorkingDays(day Date, n int) Date {
	t, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return day
	}
	for n > 0 {
		t = t.AddDate(0, 0, 1)
		if s.WorkingDay(Date(t.Format(time.DateOnly))) {
			n--
		}
	}
	return Date(t.Format(time.DateOnly))
}

// WorkingHours reports whether a moment lies in the school's working hours. A day
// whose end is before its beginning has none.
func (s Settings) WorkingHours(at time.Time) bool {
	local := at.In(SchoolZone)
	minute := local.Format("15:04")
	return s.WorkingDay(DateOf(at)) && s.Value(SettingWorkFrom) <= minute && minute < s.Value(SettingWorkUntil)
}

// CanSet reports whether the actor may change settings: who runs the register.
func CanSet(actor Actor) error {
	if !actor.Roles.May(RunRegister) {
		return Forbidden("")
	}
	return nil
}
