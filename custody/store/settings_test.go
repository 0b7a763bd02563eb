package store_test

import (
	"errors"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store/storetest"
)

func TestSettings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		before, err := s.Settings(ctx, s.deputy)
		if err != nil || before.ReportWithin() != 24*time.Hour || before.DeviceWithin() != 5 {
			t.Fatalf("defaults: %v, %v", before, err)
		}
		if _, err := s.ChangeSettings(ctx, s.deputy, map[custody.SettingName]string{custody.SettingReportHours: "2"}); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a deputy sets: %v", err)
		}
		// One bad value: nothing is taken.
		_, err = s.ChangeSettings(ctx, s.admin, map[custody.SettingName]string{custody.SettingReportHours: "2", custody.SettingReminderDays: "soon"})
		var invalid *custody.Error
		if !errors.As(err, &invalid) || invalid.Params["field"] != string(custody.SettingReminderDays) {
			t.Errorf("a bad value: %v", err)
		}
		size := entriesOfType(t, s, signinglog.TypeSetting)
		after, err := s.ChangeSettings(ctx, s.principal, map[custody.SettingName]string{
			custody.SettingReportHours: " 2 ", custody.SettingReminderDays: "7;30", custody.SettingDeviceDays: "5", custody.SettingHolidays: "05/02/2027"})
		if err != nil || after.ReportWithin() != 2*time.Hour || len(after.ReminderDays()) != 2 || after.ReminderDays()[0] != 30 || after.WorkingDay("2027-02-05") {
			t.Errorf("changed: %v, %v", after, err)
		}
		// The unchanged one is no entry.
		if n := entriesOfType(t, s, signinglog.TypeSetting) - size; size != 0 || n != 3 {
			t.Errorf("%d entries before, %d after", size, n)
		}
		s.CheckLog()
	})
}

func entriesOfType(t *testing.T, s *school, kind signinglog.Type) int64 {
	t.Helper()
	report, err := s.VerifyLog(ctx, s.School.ID, s.VKey)
	if err != nil {
		t.Fatal(err)
	}
	return report.ByType[string(kind)]
}
