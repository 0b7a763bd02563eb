package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

// TestLogAsTiles fetches the whole log as any reader of C2SP tlog-tiles would and
// recomputes it.
func TestLogAsTiles(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		for range 3 {
			s.deputy.sign(t, s, newDocument("KH"), wire.ActApprove, "KT")
		}
		cookie := s.cookieOf(s.principal)
		get := func(path, cookie string) (int, http.Header, []byte) {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if cookie != "" {
				request.Header.Set("Cookie", cookie)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			content, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return response.StatusCode, response.Header, content
		}
		files := fstest.MapFS{}
		_, _, signed := get(signinglog.CheckpointPath, "")
		files[signinglog.CheckpointPath] = &fstest.MapFile{Data: signed}
		verifier, err := note.NewVerifier(s.VKey)
		if err != nil {
			t.Fatal(err)
		}
		head, err := signinglog.Open(signed, verifier)
		if err != nil {
			t.Fatal(err)
		}
		width := int(head.Size)
		if width >= signinglog.TileWidth {
			t.Fatalf("%d entries: this test reads one tile", width)
		}
		hashes, entries := signinglog.TilePath(tlog.Tile{H: 8, L: 0, W: width}), signinglog.TilePath(tlog.Tile{H: 8, L: -1, W: width})
		status, header, content := get(hashes, "")
		if status != http.StatusOK || !strings.Contains(header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %v", hashes, status, header)
		}
		files[hashes] = &fstest.MapFile{Data: content}
		status, _, content = get(entries, cookie)
		if status != http.StatusOK {
			t.Errorf("%s: %d", entries, status)
		}
		files[entries] = &fstest.MapFile{Data: content}
		if c, err := signinglog.CheckTiles(files, verifier, nil); err != nil || c.Size != head.Size {
			t.Errorf("%v, %v", c, err)
		}
		// Entries hold the numbers of documents: they are not for everybody.
		for who, cookie := range map[string]string{"nobody": "", "a deputy": s.cookieOf(s.deputy)} {
			if status, _, content := get(entries, cookie); status != http.StatusUnauthorized && status != http.StatusForbidden || strings.Contains(string(content), "document_kind") {
				t.Errorf("%s reads entries: %d %.80s", who, status, content)
			}
		}
		for _, path := range []string{"tile/0/001", "tile/0/000", "tile/9/000", "tile/8/0/000", "tile/0/../0/000", "tile/", "tile/entries/x999/000"} {
			if status, _, _ := get(path, cookie); status != http.StatusNotFound {
				t.Errorf("%s: %d", path, status)
			}
		}
	})
}

// cookieOf signs a member in and returns the session's cookie.
func (s *school) cookieOf(m *member) string {
	s.TB.Helper()
	response, err := http.Post(s.server.URL+wire.PathSession, "application/json", strings.NewReader(`{"username":"`+m.username+`","password":"`+password+`"}`))
	if err != nil {
		s.TB.Fatal(err)
	}
	defer response.Body.Close()
	cookies := response.Cookies()
	if response.StatusCode/100 != 2 || len(cookies) == 0 {
		s.TB.Fatalf("sign in: %d", response.StatusCode)
	}
	return cookies[0].Name + "=" + cookies[0].Value
}
