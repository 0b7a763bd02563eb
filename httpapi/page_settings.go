package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// settingsPage is the form of the school's settings, or what is about to change.
type settingsPage struct {
	Groups  []settingGroup
	Changes []settingChange // to be confirmed; none while the form is filled in
	History []settingChange // newest first
}

// settingGroup is a heading with its settings.
type settingGroup struct {
	Name   custody.SettingGroup
	Fields []settingField
}

// settingField is a setting as the form shows it.
type settingField struct {
	Name    custody.SettingName
	Value   string // as typed or in force; days as people write them
	Default string
	ByRule  bool // the value in force is the default
	Wrong   bool // what was typed is not of its form
	Numeric bool
	Long    bool     // an address or a list: more than one line
	Choices []string // the values that there are, when they are few
}

// settingChange is one change, made or about to be.
type settingChange struct {
	Name     custody.SettingName
	From, To string
	By       string // "" = the system, or not yet
	At       time.Time
	Entry    int64
}

// shownSettings is how many changes of the past the page shows; the log has all.
const shownSettings = 20

// settingForms says how settings are typed where it is not one line of text.
var settingForms = map[custody.SettingName]settingField{
	custody.SettingReportHours: {Numeric: true}, custody.SettingDeviceDays: {Numeric: true}, custody.SettingOfferDays: {Numeric: true},
	custody.SettingCheckDay: {Numeric: true}, custody.SettingRetentionYears: {Numeric: true},
	custody.SettingRevokeTo: {Long: true}, custody.SettingRenewTo: {Long: true}, custody.SettingRecoverTo: {Long: true}, custody.SettingManagingBody: {Long: true},
	custody.SettingHolidays: {Long: true}, custody.SettingNumberSeries: {Choices: []string{"one", "by_kind"}},
	custody.SettingSecondFactor: {Choices: []string{"optional", "required"}},
}

// settingWritten is a value as people write it.
func settingWritten(name custody.SettingName, value string) string {
	if name != custody.SettingHolidays || value == "" {
		return value
	}
	days := strings.Split(value, ", ")
	for i, day := range days {
		days[i] = writtenDay(day)
	}
	return strings.Join(days, ", ")
}

func (s *server) settings(r *http.Request, actor custody.Actor) (settingsPage, custody.Settings, error) {
	settings, err := s.store.Settings(r.Context(), actor)
	if err != nil {
		return settingsPage{}, settings, err
	}
	var page settingsPage
	for _, rule := range custody.SettingRules {
		field := settingForms[rule.Name]
		field.Name, field.Value, field.Default = rule.Name, settingWritten(rule.Name, settings.Value(rule.Name)), settingWritten(rule.Name, rule.Default)
		field.ByRule = settings.Value(rule.Name) == rule.Default
		if typed, ok := r.PostForm[string(rule.Name)]; ok {
			field.Value = typed[0]
		}
		i := slices.IndexFunc(page.Groups, func(g settingGroup) bool { return g.Name == rule.Group })
		if i < 0 {
			i, page.Groups = len(page.Groups), append(page.Groups, settingGroup{Name: rule.Group})
		}
		page.Groups[i].Fields = append(page.Groups[i].Fields, field)
	}
	page.History, err = s.settingHistory(r, actor)
	return page, settings, err
}

// settingHistory reads the changes from the log, each with the value before it.
func (s *server) settingHistory(r *http.Request, actor custody.Actor) ([]settingChange, error) {
	found, err := s.store.Entries(r.Context(), actor, store.LogFilter{Type: string(signinglog.TypeSetting), Limit: 200})
	if err != nil {
		return nil, err
	}
	_, names, err := s.people(r.Context(), actor)
	if err != nil {
		return nil, err
	}
	before := map[custody.SettingName]string{}
	for _, rule := range custody.SettingRules {
		before[rule.Name] = rule.Default
	}
	var all []settingChange
	for _, row := range slices.Backward(found.Entries) {
		entry, err := signinglog.Parse(row.Bytes)
		if err != nil {
			return nil, err
		}
		name := custody.SettingName(entry.Fields["name"])
		all = append(all, settingChange{Name: name, From: settingWritten(name, before[name]), To: settingWritten(name, entry.Fields["value"]),
			By: names[custody.PersonID(entry.Actor())], At: row.At, Entry: row.Index})
		before[name] = entry.Fields["value"]
	}
	slices.Reverse(all)
	return all[:min(len(all), shownSettings)], nil
}

// pageSettings handles "GET /settings".
func (s *server) pageSettings(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, _, err := s.settings(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "settings", page)
}

// doSettings handles "POST /settings": first it shows what would change, then,
// confirmed, it changes it.
func (s *server) doSettings(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := r.ParseForm(); err != nil {
		return invalid("form", err)
	}
	page, now, err := s.settings(r, actor)
	if err != nil {
		return err
	}
	if r.PostFormValue("change") != "" {
		return s.show(w, r, http.StatusOK, "settings", page)
	}
	values, wrong := map[custody.SettingName]string{}, error(nil)
	for g := range page.Groups {
		for f := range page.Groups[g].Fields {
			field := &page.Groups[g].Fields[f]
			rule, _ := custody.RuleOf(field.Name)
			value, err := rule.Clean(signinglog.CleanText(field.Value))
			if err != nil {
				field.Wrong = true
				if wrong == nil {
					wrong = err
				}
				continue
			}
			if value != now.Value(field.Name) {
				values[field.Name] = value
				page.Changes = append(page.Changes, settingChange{Name: field.Name, From: settingWritten(field.Name, now.Value(field.Name)), To: settingWritten(field.Name, value)})
			}
		}
	}
	if wrong == nil && len(values) == 0 {
		wrong = &failure{status: http.StatusUnprocessableEntity, code: "invalid", params: map[string]string{"reason": "nothing_changed"}}
	}
	if wrong != nil {
		page.Changes = nil
		return s.showAgain(w, r, "settings", page, wrong)
	}
	if r.PostFormValue("confirmed") == "" {
		return s.show(w, r, http.StatusOK, "settings", page)
	}
	if _, err := s.store.ChangeSettings(r.Context(), actor, values); err != nil {
		var known *custody.Error
		if errors.As(err, &known) {
			page.Changes = nil
		}
		return s.showAgain(w, r, "settings", page, err)
	}
	return s.done(w, r, "/settings", "settings.done", nil)
}
