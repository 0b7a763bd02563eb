package desk

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/renameio/v2/maybe" // Windows: not at once, but a picture can be chosen again

	"sokyso/signer/ink"
)

// images keeps pictures of signatures and seals: on this computer only, in the person's own state folder, encrypted where
// the system offers it (vault).
type images struct {
	folder string
	vault  *vault
}

func (d *Desk) images() images { return images{filepath.Join(d.cfg.Agent.Home, "images"), &d.vault} }

// imageFacts is what is known of a picture.
type imageFacts struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Kind    ink.Kind  `json:"kind"`
	Width   int       `json:"width"` // pixels
	Height  int       `json:"height"`
	WidthMM float64   `json:"width_mm"` // the real width on paper
	Added   time.Time `json:"added"`
	// Broken is why it can't be shown: image_damaged or image_locked; nothing but ID is known then.
	Broken string `json:"broken,omitempty"`
}

// storedImage is a picture's file.
type storedImage struct {
	imageFacts
	PNG []byte `json:"png"`
}

const (
	maxImages      = 20
	maxImageUpload = 32 << 20
	imageSuffix    = ".picture"
)

// Real widths are between these, in millimetres.
const (
	minWidthMM = 5
	maxWidthMM = 120
)

var imageID = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (s images) list() ([]imageFacts, error) {
	entries, err := os.ReadDir(s.folder)
	if errors.Is(err, os.ErrNotExist) {
		return []imageFacts{}, nil
	}
	if err != nil {
		return nil, err
	}
	list := []imageFacts{}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), imageSuffix)
		if !ok {
			continue
		}
		stored, err := s.get(id)
		var p *problem
		if errors.As(err, &p) {
			list = append(list, imageFacts{ID: id, Broken: p.key})
			continue // one that can't be read does not hide the others
		}
		if err != nil {
			return nil, err
		}
		list = append(list, stored.imageFacts)
	}
	slices.SortFunc(list, func(a, b imageFacts) int { return a.Added.Compare(b.Added) })
	return list, nil
}

func (s images) path(id string) string { return filepath.Join(s.folder, id+imageSuffix) }

func (s images) get(id string) (storedImage, error) {
	var stored storedImage
	if !imageID.MatchString(id) {
		return stored, refusal(http.StatusNotFound, "no_image")
	}
	sealed, err := os.ReadFile(s.path(id))
	if errors.Is(err, os.ErrNotExist) {
		return stored, refusal(http.StatusNotFound, "no_image")
	}
	if err != nil {
		return stored, err
	}
	content, err := s.vault.unseal(sealed)
	if errors.Is(err, errVaultLocked) {
		return stored, refusal(http.StatusUnprocessableEntity, "image_locked")
	}
	if err == nil {
		err = json.Unmarshal(content, &stored)
	}
	if err != nil || stored.ID != id {
		return stored, refusal(http.StatusUnprocessableEntity, "image_damaged")
	}
	return stored, nil
}

// load is the picture as signer.Visible wants it.
func (s images) load(id string) ([]byte, error) {
	stored, err := s.get(id)
	return stored.PNG, err
}

func (s images) put(stored storedImage) error {
	content, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	sealed, err := s.vault.seal(content)
	if err != nil {
		return fmt.Errorf("keep picture: %w", err)
	}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	return maybe.WriteFile(s.path(stored.ID), sealed, 0o600)
}

func (d *Desk) getImages(*http.Request) (any, error) {
	list, err := d.images().list()
	return map[string]any{"images": list, "protection": d.vault.protection()}, err
}

func (d *Desk) getImage(w http.ResponseWriter, r *http.Request) {
	png, err := d.images().load(r.PathValue("id"))
	if err != nil {
		d.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(png)
}

// newImage is a scan or photo to lift a picture off. Try shows what it would become and keeps nothing.
type newImage struct {
	Name    string   `json:"name"`
	Kind    ink.Kind `json:"kind"`
	WidthMM float64  `json:"width_mm"`
	Scan    []byte   `json:"scan"` // base64 of PNG or JPEG
	Try     bool     `json:"try"`
}

// triedImage is the answer to a try.
type triedImage struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	PNG    string `json:"png"` // base64
}

func (d *Desk) postImage(r *http.Request) (any, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxImageUpload*4/3+4096)
	var given newImage
	if err := read(r, &given); err != nil {
		return nil, err
	}
	scan, err := ink.Decode(given.Scan)
	if err != nil {
		return nil, imageProblem(err)
	}
	lifted, err := ink.Lift(scan, given.Kind)
	if err != nil {
		return nil, imageProblem(err)
	}
	png, err := ink.Encode(lifted)
	if err != nil {
		return nil, err
	}
	size := lifted.Bounds().Size()
	if given.Try {
		return triedImage{size.X, size.Y, base64.StdEncoding.EncodeToString(png)}, nil
	}
	if given.WidthMM < minWidthMM || given.WidthMM > maxWidthMM {
		return nil, refusal(http.StatusBadRequest, "image_width", "min", fmt.Sprint(minWidthMM), "max", fmt.Sprint(maxWidthMM))
	}
	name := strings.TrimSpace(given.Name)
	if name == "" || utf8.RuneCountInString(name) > 60 {
		return nil, refusal(http.StatusBadRequest, "image_name")
	}
	list, err := d.images().list()
	if err != nil {
		return nil, err
	}
	if len(list) >= maxImages {
		return nil, refusal(http.StatusConflict, "too_many_images")
	}
	id := make([]byte, 8)
	rand.Read(id)
	stored := storedImage{imageFacts{ID: hex.EncodeToString(id), Name: name, Kind: given.Kind, Width: size.X, Height: size.Y, WidthMM: given.WidthMM, Added: d.cfg.Agent.Now().UTC()}, png}
	return stored.imageFacts, d.images().put(stored)
}

func imageProblem(err error) error {
	switch {
	case errors.Is(err, ink.ErrNoInk):
		return refusal(http.StatusUnprocessableEntity, "no_ink")
	case errors.Is(err, ink.ErrTooLarge):
		return refusal(http.StatusRequestEntityTooLarge, "image_too_large")
	case errors.Is(err, ink.ErrKind):
		return refusal(http.StatusBadRequest, "request")
	}
	return refusal(http.StatusUnprocessableEntity, "no_picture")
}

func (d *Desk) deleteImage(r *http.Request) (any, error) {
	id := r.PathValue("id")
	if _, err := d.images().get(id); err != nil {
		var p *problem
		if errors.As(err, &p) && p.key != "image_damaged" && p.key != "image_locked" {
			return nil, err
		}
	}
	return struct{}{}, os.Remove(d.images().path(id))
}
