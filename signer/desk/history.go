package desk

import (
	"net/http"
	"os"
	"path/filepath"

	"sokyso/plaintext"
	"sokyso/signer/agent"
)

// historyView is a line of the history. There says whether the file is still where it was put.
type historyView struct {
	agent.HistoryEntry
	Name    string `json:"name"`
	There   bool   `json:"there"`
	Receipt bool   `json:"receipt"`
}

// maxHistoryShown bounds the list; a search looks through all.
const maxHistoryShown = 200

// getHistory lists what was signed on this computer, the newest first, and what still waits for the service. The query
// q searches in names, numbers and summaries, with or without diacritics.
func (d *Desk) getHistory(r *http.Request) (any, error) {
	entries, err := agent.ReadHistory(d.cfg.Agent.Home)
	if err != nil {
		return nil, err
	}
	pending, err := agent.CountPending(d.cfg.Agent.Home)
	if err != nil {
		return nil, err
	}
	query := plaintext.Of(r.URL.Query().Get("q"))
	list := []historyView{}
	for _, entry := range entries {
		facts := entry.Document
		if query != "" && !plaintext.Contains(query, entry.Output, facts.Number+"/"+facts.Symbol, facts.Summary, facts.Kind) {
			continue
		}
		if len(list) == maxHistoryShown {
			break
		}
		v := historyView{HistoryEntry: entry, Name: filepath.Base(entry.Output)}
		_, err := os.Stat(entry.Output)
		v.There = err == nil
		_, err = os.Stat(agent.ReceiptPath(entry.Output))
		v.Receipt = err == nil
		list = append(list, v)
	}
	return map[string]any{"entries": list, "count": len(entries), "pending": pending}, nil
}

// postOutbox sends what waits for the service, as every start of the agent does.
func (d *Desk) postOutbox(r *http.Request) (any, error) {
	a, err := agent.Open(r.Context(), d.cfg.Agent)
	if err != nil {
		return nil, err
	}
	if err := a.Close(); err != nil {
		return nil, err
	}
	pending, err := agent.CountPending(d.cfg.Agent.Home)
	return map[string]any{"pending": pending}, err
}
