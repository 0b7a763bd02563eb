package token

import "fmt"

// ModuleInfo is what a module says of itself (CK_INFO, PKCS#11 v2.40 §3.1). A
// vendor's module tells its vendor here, whatever its file is called.
type ModuleInfo struct {
	Manufacturer string `json:"manufacturer"`
	Description  string `json:"description"`
	Version      string `json:"version"`          // of the module, "2.6"
	Cryptoki     string `json:"cryptoki_version"` // of the interface, "2.40"
}

// Info asks the module what it is.
func (m *Module) Info() (ModuleInfo, error) {
	const op = "read module information"
	if err := m.check(op); err != nil {
		return ModuleInfo{}, err
	}
	m.library.mu.RLock()
	defer m.library.mu.RUnlock()
	info, err := m.library.context.GetInfo()
	if err != nil {
		return ModuleInfo{}, fail(op, err)
	}
	return ModuleInfo{
		Manufacturer: printable(info.ManufacturerID), Description: printable(info.LibraryDescription),
		Version:  fmt.Sprintf("%d.%d", info.LibraryVersion.Major, info.LibraryVersion.Minor),
		Cryptoki: fmt.Sprintf("%d.%d", info.CryptokiVersion.Major, info.CryptokiVersion.Minor),
	}, nil
}

// Survey is all that a module shows without login.
type Survey struct {
	Module  ModuleInfo
	Readers int       // slots, with a token or without
	Tokens  []Listing // initialised ones, in the order of their slots
}

// Survey looks at the module and at every token. A token that can't be asked for its
// certificates is listed with that error.
func (m *Module) Survey() (Survey, error) {
	var survey Survey
	var err error
	if survey.Module, err = m.Info(); err != nil {
		return Survey{}, err
	}
	m.library.mu.RLock()
	defer m.library.mu.RUnlock()
	slots, err := m.library.native.slots(false)
	if err != nil {
		return Survey{}, fail("list slots", err)
	}
	survey.Readers = len(slots)
	infos, err := m.library.list()
	if err != nil {
		return Survey{}, err
	}
	for _, info := range infos {
		if !info.Flags.Initialized {
			continue
		}
		listing := m.library.look(info)
		listing.close(m.library)
		survey.Tokens = append(survey.Tokens, listing)
	}
	return survey, nil
}
