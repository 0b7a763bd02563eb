package custody_test

import (
	"testing"
	"time"

	"sokyso/custody"
)

func TestSettingForms(t *testing.T) {
	for _, c := range []struct {
		name  custody.SettingName
		value string
		want  string // "!" = refused
	}{
		{custody.SettingReportHours, " 024 ", "24"},
		{custody.SettingReportHours, "0", "!"},
		{custody.SettingReportHours, "1e2", "!"},
		{custody.SettingReminderDays, "7, 30;90 30", "90, 30, 7"},
		{custody.SettingReminderDays, "", "!"},
		{custody.SettingReminderDays, "-1", "!"},
		{custody.SettingRevokeTo, "  Cục\n Chứng thực  số ", "Cục Chứng thực số"},
		{custody.SettingManagingBody, "", ""},
		{custody.SettingWorkFrom, "7:30", "07:30"},
		{custody.SettingWorkFrom, "25:00", "!"},
		{custody.SettingHolidays, "5/2/2027, 2027-02-04", "2027-02-04, 2027-02-05"},
		{custody.SettingHolidays, "31/02/2027", "!"},
		{custody.SettingCheckDay, "29", "!"},
		{custody.SettingNumberSeries, "by_kind", "by_kind"},
		{custody.SettingNumberSeries, "two", "!"},
		{custody.SettingRetentionYears, "0", "0"},
		{custody.SettingRetentionYears, "5", "!"},
	} {
		rule, ok := custody.RuleOf(c.name)
		if !ok {
			t.Fatalf("no setting %s", c.name)
		}
		got, err := rule.Clean(c.value)
		if err != nil {
			got = "!"
		}
		if got != c.want {
			t.Errorf("%s %q: %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

// Each default is a value that the setting takes, as it takes it.
func TestSettingDefaults(t *testing.T) {
	for _, rule := range custody.SettingRules {
		if got, err := rule.Clean(rule.Default); err != nil || got != rule.Default {
			t.Errorf("%s: default %q becomes %q, %v", rule.Name, rule.Default, got, err)
		}
	}
	s := custody.NewSettings(map[custody.SettingName]string{custody.SettingReportHours: "soon"})
	if s.ReportWithin() != 24*time.Hour {
		t.Errorf("a value that is none: %v", s.ReportWithin())
	}
	if (custody.Settings{}).DeviceWithin() != 5 {
		t.Error("settings without values have no defaults")
	}
}

func TestWorkingDays(t *testing.T) {
	s := custody.NewSettings(map[custody.SettingName]string{custody.SettingHolidays: "2026-09-01"})
	for _, c := range []struct {
		day  custody.Date
		n    int
		want custody.Date
	}{
		{"2026-11-26", 5, "2026-12-03"}, // a Thursday: over one weekend
		{"2026-11-27", 1, "2026-11-30"},
		{"2026-08-31", 1, "2026-09-03"}, // 1 September by decision, 2 September by law
		{"2026-12-31", 1, "2027-01-04"},
		{"2026-11-28", 0, "2026-11-28"},
	} {
		if got := s.AddWorkingDays(c.day, c.n); got != c.want {
			t.Errorf("%d working days after %s: %s, want %s", c.n, c.day, got, c.want)
		}
	}
	at := func(text string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04", text, custody.SchoolZone)
		if err != nil {
			t.Fatal(err)
		}
		return moment.UTC()
	}
	for text, want := range map[string]bool{"2026-11-26 07:00": true, "2026-11-26 17:30": false, "2026-11-26 06:59": false, "2026-11-28 09:00": false, "2026-09-01 09:00": false} {
		if s.WorkingHours(at(text)) != want {
			t.Errorf("working hours at %s: %v", text, !want)
		}
	}
}
