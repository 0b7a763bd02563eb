package desk

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"os"

	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/preview"
)

// api holds the calls of the pages. They are the desk's own and may change with it.
func (d *Desk) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/state", d.handle(d.getState))
	mux.HandleFunc("GET /api/words", d.handle(d.getSentences))
	mux.HandleFunc("POST /api/documents", d.handle(d.postDocument))
	mux.HandleFunc("GET /api/documents/{id}", d.handle(d.getDocument))
	mux.HandleFunc("POST /api/documents/{id}/close", d.handle(d.closeDocument))
	mux.HandleFunc("POST /api/documents/{id}/password", d.handle(d.postPassword))
	mux.HandleFunc("GET /api/documents/{id}/places", d.handle(d.getPlaces))
	mux.HandleFunc("GET /api/documents/{id}/covered", d.handle(d.getCovered))
	mux.HandleFunc("GET /api/documents/{id}/pages/{page}", d.getPage)
	mux.HandleFunc("GET /api/documents/{id}/signed", d.getSigned)
	mux.HandleFunc("GET /api/tokens", d.handle(d.getTokens))
	mux.HandleFunc("GET /api/images", d.handle(d.getImages))
	mux.HandleFunc("GET /api/images/{id}", d.getImage)
	mux.HandleFunc("POST /api/images", d.handle(d.postImage))
	mux.HandleFunc("POST /api/images/{id}/delete", d.handle(d.deleteImage))
	mux.HandleFunc("GET /api/documents/{id}/issue", d.handle(d.getIssue))
	mux.HandleFunc("POST /api/documents/{id}/prepare", d.handle(d.postPrepare))
	mux.HandleFunc("GET /api/template", d.handle(d.getTemplate))
	mux.HandleFunc("POST /api/template", d.handle(d.postTemplate))
	mux.HandleFunc("GET /api/presets", d.handle(d.getPresets))
	mux.HandleFunc("POST /api/presets", d.handle(d.postPreset))
	mux.HandleFunc("POST /api/presets/{id}/delete", d.handle(d.deletePreset))
	mux.HandleFunc("POST /api/sign", d.handle(d.postSign))
	mux.HandleFunc("GET /api/tasks/{id}", d.handle(d.getTask))
	mux.HandleFunc("POST /api/tasks/{id}/stop", d.handle(d.stopTask))
	mux.HandleFunc("GET /api/history", d.handle(d.getHistory))
	mux.HandleFunc("POST /api/outbox/send", d.handle(d.postOutbox))
	mux.HandleFunc("GET /api/sign-in", d.handle(d.getSignIn))
	mux.HandleFunc("POST /api/sign-in/claim", d.handle(d.postClaimSignIn))
	mux.HandleFunc("POST /api/sign-in/answer", d.handle(d.postAnswerSignIn))
	mux.HandleFunc("GET /api/waiting", d.handle(d.getWaiting))
	mux.HandleFunc("POST /api/waiting/open", d.handle(d.postOpenWaiting))
	mux.HandleFunc("GET /api/waiting/fetches", d.handle(d.getFetches))
	mux.HandleFunc("POST /api/waiting/decline", d.handle(d.postDeclineWaiting))
	mux.HandleFunc("POST /api/waiting/return", d.handle(d.postReturn))
	return mux
}

// problem is a refusal with a sentence of the desk's catalogue.
type problem struct {
	status int
	key    string
	params []string
}

func (p *problem) Error() string { return p.key }

func refusal(status int, key string, params ...string) error { return &problem{status, key, params} }

// failure is what a page gets in place of an answer.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// handle answers in JSON: what the call returns, or its error in a sentence.
func (d *Desk) handle(call func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path != "/api/documents" && r.URL.Path != "/api/images" {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		answer, err := call(r)
		if err != nil {
			d.fail(w, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

func (d *Desk) fail(w http.ResponseWriter, err error) {
	var p *problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		writeJSON(w, p.status, failure{p.key, d.say("error."+p.key, p.params...)})
	case errors.As(err, &tooLarge):
		d.refuse(w, http.StatusRequestEntityTooLarge, "too_large")
	case errors.Is(err, preview.ErrPassword):
		d.refuse(w, http.StatusUnprocessableEntity, "password")
	case errors.Is(err, preview.ErrTooSlow), errors.Is(err, preview.ErrTooLarge), errors.Is(err, preview.ErrCrashed):
		d.refuse(w, http.StatusUnprocessableEntity, "not_shown")
	case errors.Is(err, preview.ErrDamaged):
		d.refuse(w, http.StatusUnprocessableEntity, "damaged")
	case errors.Is(err, preview.ErrNoPage):
		d.refuse(w, http.StatusNotFound, "no_page")
	case errors.Is(err, os.ErrNotExist):
		d.refuse(w, http.StatusGone, "file_gone")
	default:
		code, message := d.explain(err)
		d.cfg.Agent.Logger.Warn("desk", "error", err)
		writeJSON(w, http.StatusUnprocessableEntity, failure{code, message})
	}
}

func (d *Desk) refuse(w http.ResponseWriter, status int, key string) {
	writeJSON(w, status, failure{key, d.say("error." + key)})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a page that is gone needs no answer
}

// read takes a request's JSON, strictly.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return refusal(http.StatusBadRequest, "request")
	}
	return nil
}

// state is what a page needs to begin.
type state struct {
	Language   string         `json:"language"`
	School     string         `json:"school"` // "" when not paired
	Person     string         `json:"person"`
	Standalone bool           `json:"standalone"`
	OutDir     string         `json:"out_dir"`
	Documents  []documentView `json:"documents"`
	Pending    int            `json:"pending"` // signatures that wait for the service
	Kinds      []kindView     `json:"kinds"`
	Levels     []string       `json:"levels"` // that can be reached
	Level      string         `json:"level"`  // the desk's
}

func (d *Desk) getState(r *http.Request) (any, error) {
	s := state{Language: d.cfg.Agent.Catalogue.Language, Standalone: d.cfg.Standalone, OutDir: d.outDir(), Documents: []documentView{}, Kinds: kindsView(),
		Levels: d.levels(), Level: cmp.Or(string(d.cfg.Level), string(signer.LevelBB))}
	pairing, err := agent.ReadPairing(d.cfg.Agent.Home)
	if err != nil {
		return nil, err
	}
	if pairing != nil {
		s.School, s.Person, s.Standalone = pairing.School, pairing.Person, false
	}
	for _, doc := range d.open() {
		s.Documents = append(s.Documents, d.view(r.Context(), doc, false))
	}
	if s.Pending, err = agent.CountPending(d.cfg.Agent.Home); err != nil {
		return nil, err
	}
	return s, nil
}
