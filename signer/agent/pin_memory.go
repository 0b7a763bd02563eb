package agent

import (
	"os"
	"unsafe"
)

// newSecret is an empty slice with room for a PIN, alone on its page of memory, which
// is kept from swap and core files as far as the system allows; wipe ends it. Room
// is never exceeded: a slice that grew would leave a copy behind.
func newSecret() []byte {
	page := os.Getpagesize()
	room := make([]byte, 2*page)
	from := (page - int(uintptr(unsafe.Pointer(&room[0]))%uintptr(page))) % page
	secret := room[from : from+page : from+page]
	_ = lockMemory(secret) // a system that allows no locked memory still signs
	return secret[:0]
}

// keepSecret moves a PIN to a place of its own and zeroes where it was.
func keepSecret(pin []byte) []byte {
	secret := append(newSecret(), pin...) // no longer than maxPIN
	wipe(pin)
	return secret
}

// wipe zeroes a PIN with all the room that it was given.
func wipe(secret []byte) {
	secret = secret[:cap(secret)]
	clear(secret)
	if len(secret) > 0 {
		_ = unlockMemory(secret)
	}
}
