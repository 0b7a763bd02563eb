package desk

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// vault encrypts pictures for the person's Windows account.
type vault struct{}

// errVaultLocked does not occur: the account's key is there whenever the person is.
var errVaultLocked = errors.New("the key is not there")

func (v *vault) protection() string { return "account" }

// seal encrypts for the person's Windows account (DPAPI): another account of this computer, or somebody with the disk,
// can't read it.
func (v *vault) seal(content []byte) ([]byte, error) {
	return protected(content, func(in, out *windows.DataBlob) error {
		return windows.CryptProtectData(in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, out)
	})
}

func (v *vault) unseal(sealed []byte) ([]byte, error) {
	return protected(sealed, func(in, out *windows.DataBlob) error {
		return windows.CryptUnprotectData(in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, out)
	})
}

func protected(content []byte, call func(in, out *windows.DataBlob) error) ([]byte, error) {
	if len(content) == 0 {
		return nil, errors.New("nothing to protect")
	}
	in := windows.DataBlob{Size: uint32(len(content)), Data: &content[0]}
	var out windows.DataBlob
	if err := call(&in, &out); err != nil {
		return nil, err
	}
	defer windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data)))
	return append([]byte(nil), unsafe.Slice(out.Data, out.Size)...), nil
}
