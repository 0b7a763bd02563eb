package desk

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2/maybe"

	"sokyso/httpapi/wire"
	"sokyso/plaintext"
	"sokyso/signer"
	"sokyso/signer/reading"
)

// preset is how a person signs a kind of document: place, size, picture, level, act and capacity. It is offered when a
// document of that kind is opened, and never taken without the person's word.
type preset struct {
	ID       string `json:"id"`
	Person   string `json:"person"` // "" = whoever sits at a desk that is not paired
	Kind     string `json:"kind"`   // abbreviation of Annex III, "" = a letter
	Act      string `json:"act"`
	Capacity string `json:"capacity"`
	Level    string `json:"level"` // "" = the desk's
	Image    string `json:"image"` // id of a picture, "" = none
	// Shift is how far the picture's middle is from the proposed place's, in points; with Absolute it is the rectangle's
	// lower left corner, on the page counted from the end (0 is the last).
	Absolute bool       `json:"absolute"`
	FromEnd  int        `json:"from_end"`
	Shift    [2]float64 `json:"shift"`
	Size     [2]float64 `json:"size"`
	Hidden   bool       `json:"hidden"` // nothing is shown on the page
	Saved    time.Time  `json:"saved"`
}

const (
	presetsName = "presets.json"
	maxPresets  = 200
	maxShift    = 2000 // points
)

var (
	presetActs       = []string{wire.ActApprove, wire.ActInitial, wire.ActIssue, wire.ActAttachment, wire.ActCopy}
	presetCapacities = []string{"", "KT", "TM", "TL", "TUQ", "Q"}
)

// readKept reads a file of settings in the state folder; what can't be read counts as nothing kept.
func (d *Desk) readKept(name string, into any) error {
	content, err := os.ReadFile(filepath.Join(d.cfg.Agent.Home, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		d.cfg.Agent.Logger.Warn("desk: settings can't be read", "file", name, "error", err)
	}
	return nil
}

func (d *Desk) keep(name string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.cfg.Agent.Home, 0o700); err != nil {
		return err
	}
	return maybe.WriteFile(filepath.Join(d.cfg.Agent.Home, name), content, 0o600)
}

// getPresets lists those of the person at the desk.
func (d *Desk) getPresets(*http.Request) (any, error) {
	var list []preset
	if err := d.readKept(presetsName, &list); err != nil {
		return nil, err
	}
	person := d.person()
	own := []preset{}
	for _, p := range list {
		if plaintext.Of(p.Person) == plaintext.Of(person) {
			own = append(own, p)
		}
	}
	return map[string]any{"presets": own}, nil
}

// postPreset keeps a preset, in place of the person's own for the same kind and act.
func (d *Desk) postPreset(r *http.Request) (any, error) {
	var p preset
	if err := read(r, &p); err != nil {
		return nil, err
	}
	fits := slices.Contains(presetActs, p.Act) && slices.Contains(presetCapacities, p.Capacity) && (p.Kind == "" || knownKind(p.Kind)) &&
		(p.Level == "" || slices.Contains(d.levels(), p.Level)) && p.FromEnd >= 0 && (p.Image == "" || imageID.MatchString(p.Image))
	for _, v := range []float64{p.Shift[0], p.Shift[1], p.Size[0], p.Size[1]} {
		fits = fits && v > -maxShift && v < maxShift // no number is neither
	}
	if !fits || !p.Hidden && (p.Size[0] <= 0 || p.Size[1] <= 0) {
		return nil, refusal(http.StatusBadRequest, "request")
	}
	id := make([]byte, 8)
	rand.Read(id)
	p.ID, p.Person, p.Saved = hex.EncodeToString(id), d.person(), d.cfg.Agent.Now().UTC()
	d.settings.Lock()
	defer d.settings.Unlock()
	var list []preset
	if err := d.readKept(presetsName, &list); err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(other preset) bool {
		return other.Kind == p.Kind && other.Act == p.Act && plaintext.Of(other.Person) == plaintext.Of(p.Person)
	})
	if len(list) >= maxPresets {
		return nil, refusal(http.StatusConflict, "too_many_presets")
	}
	list = append(list, p)
	slices.SortFunc(list, func(a, b preset) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Act, b.Act)) })
	return p, d.keep(presetsName, list)
}

func (d *Desk) deletePreset(r *http.Request) (any, error) {
	id := r.PathValue("id")
	d.settings.Lock()
	defer d.settings.Unlock()
	var list []preset
	if err := d.readKept(presetsName, &list); err != nil {
		return nil, err
	}
	left := slices.DeleteFunc(slices.Clone(list), func(p preset) bool { return p.ID == id })
	if len(left) == len(list) {
		return nil, refusal(http.StatusNotFound, "no_preset")
	}
	return struct{}{}, d.keep(presetsName, left)
}

func knownKind(code string) bool {
	return slices.ContainsFunc(reading.Kinds(), func(k reading.Kind) bool { return k.Code == code })
}

// levels are those that the desk can reach: with a time-stamping authority, and with roots.
func (d *Desk) levels() []string {
	levels := []string{string(signer.LevelBB)}
	if d.cfg.TSA != "" {
		levels = append(levels, string(signer.LevelBT))
		if d.cfg.Roots != nil {
			levels = append(levels, string(signer.LevelBLT), string(signer.LevelBLTA))
		}
	}
	return levels
}
