package desk

import (
	"crypto/subtle"
	"embed"
	"io/fs"
	"net/http"
	"strings"

	"sokyso/httpapi/look"
)

//go:embed static locales
var files embed.FS

// policy lets the pages load from the desk itself only, and pictures that scripts make.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler answers pages and calls.
func (d *Desk) Handler() http.Handler {
	static, err := fs.Sub(files, "static")
	if err != nil {
		panic("desk: embedded pages: " + err.Error())
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(static))
	mux.HandleFunc("/look.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(look.CSS)
	})
	mux.Handle("/api/", d.withSecret(d.api()))
	mux.HandleFunc("POST "+channelPath, d.postChannel)
	return d.guarded(http.NewCrossOriginProtection().Handler(mux))
}

// guarded takes requests to this server's own name only: a page elsewhere whose name was made to point here (DNS
// rebinding) has another.
func (d *Desk) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Host != d.host {
			d.refuse(w, http.StatusMisdirectedRequest, "host")
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+d.host {
			d.refuse(w, http.StatusForbidden, "origin")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// withSecret lets only the page through that was opened by this program. A cookie would not do: other servers on this
// machine get it too, since cookies know no ports.
func (d *Desk) withSecret(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(d.secret)) != 1 {
			d.refuse(w, http.StatusUnauthorized, "secret")
			return
		}
		next.ServeHTTP(w, r)
	})
}
