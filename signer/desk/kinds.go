package desk

import "sokyso/signer/reading"

// kindView is a kind of document to choose from.
type kindView struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

func kindsView() []kindView {
	var out []kindView
	for _, k := range reading.Kinds() {
		out = append(out, kindView{k.Code, k.Name})
	}
	return out
}
