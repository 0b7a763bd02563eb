//go:build !windows

package desk

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/zalando/go-keyring"
	"golang.org/x/crypto/chacha20poly1305"
)

// vault encrypts pictures with a key that lies in the keyring of the person's session: the Secret Service on Linux, the
// keychain on macOS. Where none answers, or not within a second, the content stays as it is: the file is then the
// person's alone by its rights (0600 in a folder of 0700), and the page says so.
type vault struct {
	mu   sync.Mutex
	key  []byte    // once it was had
	miss time.Time // when no keyring answered
}

const (
	vaultService = "sokyso"
	vaultUser    = "pictures"
	sealedMark   = "sokyso-picture-1\n" // before the nonce
	// keyringWait is how long a keyring may take; keyringAgain how long it is left alone after that.
	keyringWait  = time.Second
	keyringAgain = time.Minute
)

var (
	errNoKeyring = errors.New("no keyring answers")
	// errVaultLocked: a picture was encrypted, and the key can't be had now.
	errVaultLocked = errors.New("the keyring with the pictures' key does not answer")
)

// protection is what the page tells: keyring, or file.
func (v *vault) protection() string {
	if _, err := v.keyOf(); err != nil {
		return "file"
	}
	return "keyring"
}

// keyOf gets the key, or makes one.
func (v *vault) keyOf() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key != nil {
		return v.key, nil
	}
	if time.Since(v.miss) < keyringAgain || !sessionBus() {
		return nil, errNoKeyring
	}
	type answer struct {
		key []byte
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		key, err := keyInKeyring()
		answered <- answer{key, err}
	}()
	select {
	case a := <-answered:
		if a.err == nil {
			v.key = a.key
			return v.key, nil
		}
	case <-time.After(keyringWait): // it may be asking for a password, or hang
	}
	v.miss = time.Now()
	return nil, errNoKeyring
}

func keyInKeyring() ([]byte, error) {
	text, err := keyring.Get(vaultService, vaultUser)
	if err == nil {
		key, err := base64.StdEncoding.DecodeString(text)
		if err == nil && len(key) != chacha20poly1305.KeySize {
			err = errors.New("the key in the keyring has another length")
		}
		return key, err
	}
	if !errors.Is(err, keyring.ErrNotFound) {
		return nil, err
	}
	key := make([]byte, chacha20poly1305.KeySize)
	rand.Read(key)
	return key, keyring.Set(vaultService, vaultUser, base64.StdEncoding.EncodeToString(key))
}

// sessionBus says whether the session has a bus: without one the library would start one.
func sessionBus() bool {
	if runtime.GOOS == "darwin" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	folder := os.Getenv("XDG_RUNTIME_DIR")
	if folder == "" {
		folder = filepath.Join("/run/user", strconv.Itoa(os.Getuid()))
	}
	_, err := os.Stat(filepath.Join(folder, "bus"))
	return err == nil
}

func (v *vault) seal(content []byte) ([]byte, error) {
	key, err := v.keyOf()
	if err != nil {
		return content, nil
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(append([]byte(sealedMark), nonce...), nonce, content, []byte(sealedMark)), nil
}

func (v *vault) unseal(sealed []byte) ([]byte, error) {
	if len(sealed) < len(sealedMark) || string(sealed[:len(sealedMark)]) != sealedMark {
		return sealed, nil // kept when no keyring answered
	}
	key, err := v.keyOf()
	if err != nil {
		return nil, errVaultLocked
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	rest := sealed[len(sealedMark):]
	if len(rest) < aead.NonceSize() {
		return nil, errors.New("the picture is cut off")
	}
	return aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], []byte(sealedMark))
}
