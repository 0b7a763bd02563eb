package httpapi

import (
	"net/http"
	"strings"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// serveCheckpoint handles "GET /checkpoint": the log as C2SP tlog-tiles begins here.
func (s *server) serveCheckpoint(w http.ResponseWriter, r *http.Request) {
	signed, err := s.store.Checkpoint(r.Context(), s.school.ID)
	if err != nil {
		s.answerError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	s.sendTile(w, r, "text/plain; charset=utf-8", signed)
}

// serveWitnessed handles "GET /checkpoint/witnessed": the newest checkpoint that witnesses
// have cosigned, with their lines (C2SP tlog-cosignature).
func (s *server) serveWitnessed(w http.ResponseWriter, r *http.Request) {
	note, err := s.store.WitnessedCheckpoint(r.Context(), s.school.ID)
	if err != nil {
		s.answerError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	s.sendTile(w, r, "text/plain; charset=utf-8", note)
}

// serveTile handles "GET /tile/*". Hashes are for anyone, entries for who manages
// the register. What a tile holds never changes, so it may be kept.
func (s *server) serveTile(w http.ResponseWriter, r *http.Request) {
	tile, err := signinglog.ParseTilePath(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		s.answerError(w, r, custody.NotFound("tile"))
		return
	}
	var content []byte
	keep := "public, max-age=31536000, immutable"
	if signinglog.IsEntries(tile) {
		keep = "private, max-age=31536000, immutable"
		var actor custody.Actor
		if actor, err = requestOf(r.Context()).signedIn(); err == nil {
			content, err = s.store.EntryTile(r.Context(), actor, tile)
		}
	} else {
		content, err = s.store.Tile(r.Context(), s.school.ID, tile)
	}
	if err != nil {
		s.answerError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", keep)
	s.sendTile(w, r, "application/octet-stream", content)
}

func (s *server) sendTile(w http.ResponseWriter, r *http.Request, kind string, content []byte) {
	w.Header().Set("Content-Type", kind)
	if _, err := w.Write(content); err != nil {
		requestOf(r.Context()).note("not_sent", err.Error())
	}
}
