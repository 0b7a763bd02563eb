package token

/*
#include <stdlib.h>

typedef unsigned char byte_t;
typedef unsigned long ulong_t; // CK_ULONG and CK_RV

// CK_FUNCTION_LIST of PKCS#11 v2.x: a CK_VERSION, then 68 function pointers in
// the order of the standard. It is packed on Windows only (PKCS#11 base §2).
#ifdef _WIN32
#pragma pack(push, 1)
#endif
struct sokyso_functions {
	byte_t major, minor;
	void *entry[68];
};
#ifdef _WIN32
#pragma pack(pop)
#endif

enum { ENTRY_LOGIN = 18, ENTRY_SIGN = 43 };

typedef ulong_t (*get_function_list_t)(struct sokyso_functions **);
typedef ulong_t (*login_t)(ulong_t session, ulong_t user, byte_t *pin, ulong_t pin_len);
typedef ulong_t (*sign_t)(ulong_t session, byte_t *data, ulong_t data_len, byte_t *sig, ulong_t *sig_len);

static struct sokyso_functions *sokyso_functions_of(void *get_function_list) {
	struct sokyso_functions *list = NULL;
	if (((get_function_list_t)get_function_list)(&list) != 0) {
		return NULL;
	}
	return list;
}

static ulong_t sokyso_login(struct sokyso_functions *f, ulong_t session, ulong_t user, byte_t *pin, ulong_t pin_len) {
	return ((login_t)f->entry[ENTRY_LOGIN])(session, user, pin, pin_len);
}

static ulong_t sokyso_sign(struct sokyso_functions *f, ulong_t session, byte_t *data, ulong_t data_len, byte_t *sig, ulong_t *sig_len) {
	return ((sign_t)f->entry[ENTRY_SIGN])(session, data, data_len, sig, sig_len);
}
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// native calls two functions of the module directly where github.com/miekg/pkcs11
// does not do what is needed: its Login leaves a copy of the PIN in freed C memory
// and can't pass the null pointer that asks for the PIN pad; its Sign calls C_Sign
// twice, and some modules sign twice then.
type native struct{ functions *C.struct_sokyso_functions }

// maxSignature bounds what C_Sign may write: RSA-8192, and room to spare.
const maxSignature = 2048

var errNoFunctions = errors.New("C_GetFunctionList fails")

func newNative(getFunctionList unsafe.Pointer) (native, error) {
	functions := C.sokyso_functions_of(getFunctionList)
	if functions == nil {
		return native{}, errNoFunctions
	}
	return native{functions}, nil
}

// login is C_Login. A nil PIN is passed as a null pointer: the token asks for the
// PIN by itself. The module reads the caller's bytes: no copy is made here.
func (n native) login(session pkcs11.SessionHandle, user uint, pin []byte) error {
	var first *C.byte_t
	if len(pin) > 0 {
		first = (*C.byte_t)(unsafe.Pointer(&pin[0]))
	}
	return toError(C.sokyso_login(n.functions, C.ulong_t(session), C.ulong_t(user), first, C.ulong_t(len(pin))))
}

// sign is C_Sign, called once with room for the whole signature.
func (n native) sign(session pkcs11.SessionHandle, data []byte) ([]byte, error) {
	signature := make([]byte, maxSignature)
	length := C.ulong_t(len(signature))
	err := toError(C.sokyso_sign(n.functions, C.ulong_t(session),
		(*C.byte_t)(unsafe.Pointer(&data[0])), C.ulong_t(len(data)),
		(*C.byte_t)(unsafe.Pointer(&signature[0])), &length))
	if err != nil {
		return nil, err
	}
	if length > maxSignature {
		return nil, &Error{Op: "sign", Kind: ErrDevice, Detail: "module answers with an impossible length"}
	}
	return signature[:length], nil
}

func toError(code C.ulong_t) error {
	if code == pkcs11.CKR_OK {
		return nil
	}
	return pkcs11.Error(code)
}
