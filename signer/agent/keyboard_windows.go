package agent

import "golang.org/x/sys/windows"

var (
	user32            = windows.NewLazySystemDLL("user32.dll")
	getKeyState       = user32.NewProc("GetKeyState")
	getKeyboardLayout = user32.NewProc("GetKeyboardLayout")
)

// capsLock says whether Caps Lock is on (GetKeyState: the lowest bit).
func capsLock() bool {
	const capital = 0x14 // VK_CAPITAL
	if getKeyState.Find() != nil {
		return false
	}
	state, _, _ := getKeyState.Call(capital)
	return state&1 != 0
}

// vietnameseKeyboard says whether the layout in use is Windows's own Vietnamese one.
// Unikey and the like are not seen here, but by what they make of a PIN.
func vietnameseKeyboard() bool {
	const vietnamese = 0x042A // LANG_VIETNAMESE, SUBLANG_VIETNAMESE_VIETNAM
	if getKeyboardLayout.Find() != nil {
		return false
	}
	layout, _, _ := getKeyboardLayout.Call(0)
	return layout&0xFFFF == vietnamese
}
