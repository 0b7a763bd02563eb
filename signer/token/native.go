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

// CK_ATTRIBUTE, packed like the above.
#ifdef _WIN32
#pragma pack(push, 1)
#endif
struct sokyso_attribute {
	ulong_t type;
	void *value;
	ulong_t length;
};
#ifdef _WIN32
#pragma pack(pop)
#endif

enum {
	ENTRY_SLOTS = 4, ENTRY_MECHANISMS = 7, ENTRY_SET_PIN = 11, ENTRY_LOGIN = 18, ENTRY_ATTRIBUTES = 24,
	ENTRY_FIND = 27, ENTRY_SIGN = 43
};
enum { MAX_ATTRIBUTES = 4 };

typedef ulong_t (*get_function_list_t)(struct sokyso_functions **);
typedef ulong_t (*slots_t)(byte_t present, ulong_t *slots, ulong_t *count);
typedef ulong_t (*mechanisms_t)(ulong_t slot, ulong_t *mechanisms, ulong_t *count);
typedef ulong_t (*attributes_t)(ulong_t session, ulong_t object, struct sokyso_attribute *list, ulong_t count);
typedef ulong_t (*login_t)(ulong_t session, ulong_t user, byte_t *pin, ulong_t pin_len);
typedef ulong_t (*set_pin_t)(ulong_t session, byte_t *old, ulong_t old_len, byte_t *fresh, ulong_t fresh_len);
typedef ulong_t (*find_t)(ulong_t session, ulong_t *objects, ulong_t max, ulong_t *count);
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

static ulong_t sokyso_set_pin(struct sokyso_functions *f, ulong_t session, byte_t *old, ulong_t old_len, byte_t *fresh, ulong_t fresh_len) {
	return ((set_pin_t)f->entry[ENTRY_SET_PIN])(session, old, old_len, fresh, fresh_len);
}

static ulong_t sokyso_find(struct sokyso_functions *f, ulong_t session, ulong_t *objects, ulong_t max, ulong_t *count) {
	return ((find_t)f->entry[ENTRY_FIND])(session, objects, max, count);
}

static ulong_t sokyso_slots(struct sokyso_functions *f, byte_t present, ulong_t *slots, ulong_t *count) {
	return ((slots_t)f->entry[ENTRY_SLOTS])(present, slots, count);
}

static ulong_t sokyso_mechanisms(struct sokyso_functions *f, ulong_t slot, ulong_t *mechanisms, ulong_t *count) {
	return ((mechanisms_t)f->entry[ENTRY_MECHANISMS])(slot, mechanisms, count);
}

// The values come to lie in room, one every stride bytes.
static ulong_t sokyso_attributes(struct sokyso_functions *f, ulong_t session, ulong_t object, ulong_t *types, ulong_t count,
		byte_t *room, ulong_t stride, ulong_t *lengths) {
	struct sokyso_attribute list[MAX_ATTRIBUTES];
	for (ulong_t i = 0; i < count; i++) {
		list[i].type = types[i];
		list[i].value = room + i * stride;
		list[i].length = stride;
	}
	ulong_t rv = ((attributes_t)f->entry[ENTRY_ATTRIBUTES])(session, object, list, count);
	for (ulong_t i = 0; i < count; i++) {
		lengths[i] = list[i].length;
	}
	return rv;
}

static ulong_t sokyso_sign(struct sokyso_functions *f, ulong_t session, byte_t *data, ulong_t data_len, byte_t *sig, ulong_t *sig_len) {
	return ((sign_t)f->entry[ENTRY_SIGN])(session, data, data_len, sig, sig_len);
}
*/
import "C"

import (
	"bytes"
	"errors"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// native calls functions of the module directly where github.com/miekg/pkcs11 does
// not do what is needed: its Login leaves a copy of the PIN in freed C memory and
// can't pass the null pointer that asks for the PIN pad; its Sign calls C_Sign
// twice, and some modules sign twice then; what it lists and reads it asks for
// twice too, first for the length, and each question costs a real token time; and
// it believes the lengths that it is told.
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
	return toError(C.sokyso_login(n.functions, C.ulong_t(session), C.ulong_t(user), first(pin), C.ulong_t(len(pin))))
}

// setPIN is C_SetPIN. With two nil PINs the token asks for both by itself.
func (n native) setPIN(session pkcs11.SessionHandle, old, fresh []byte) error {
	return toError(C.sokyso_set_pin(n.functions, C.ulong_t(session), first(old), C.ulong_t(len(old)), first(fresh), C.ulong_t(len(fresh))))
}

// first points to the bytes, nil when there are none.
func first(b []byte) *C.byte_t {
	if len(b) == 0 {
		return nil
	}
	return (*C.byte_t)(unsafe.Pointer(&b[0]))
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

// maxListed is for how many slots or mechanisms there is room.
const maxListed = 512

// slots is C_GetSlotList, of slots with a token or of all.
func (n native) slots(withToken bool) ([]uint, error) {
	list := make([]C.ulong_t, maxListed)
	count := C.ulong_t(len(list))
	var present C.byte_t
	if withToken {
		present = 1
	}
	return listed(list, &count, C.sokyso_slots(n.functions, present, &list[0], &count))
}

// objects is C_FindObjects.
func (n native) objects(session pkcs11.SessionHandle, most int) ([]pkcs11.ObjectHandle, error) {
	list := make([]C.ulong_t, most)
	var count C.ulong_t
	handles, err := listed(list, &count, C.sokyso_find(n.functions, C.ulong_t(session), &list[0], C.ulong_t(most), &count))
	var all []pkcs11.ObjectHandle
	for _, handle := range handles {
		all = append(all, pkcs11.ObjectHandle(handle))
	}
	return all, err
}

// mechanisms is C_GetMechanismList.
func (n native) mechanisms(slot uint) ([]uint, error) {
	list := make([]C.ulong_t, maxListed)
	count := C.ulong_t(len(list))
	return listed(list, &count, C.sokyso_mechanisms(n.functions, C.ulong_t(slot), &list[0], &count))
}

func listed(list []C.ulong_t, count *C.ulong_t, code C.ulong_t) ([]uint, error) {
	if err := toError(code); err != nil {
		return nil, err
	}
	if *count > C.ulong_t(len(list)) {
		return nil, pkcs11.Error(pkcs11.CKR_BUFFER_TOO_SMALL) // the module's own bounds were passed: nothing in the list counts
	}
	var all []uint
	for _, v := range list[:*count] {
		all = append(all, uint(v))
	}
	return all, nil
}

// maxAttribute is what there is room for in each attribute, in bytes.
const maxAttribute = 16 << 10

// attributes is C_GetAttributeValue for up to four attributes. It fails when the
// module has not told them all.
func (n native) attributes(session pkcs11.SessionHandle, object pkcs11.ObjectHandle, kinds []uint) ([][]byte, error) {
	types, lengths := make([]C.ulong_t, len(kinds)), make([]C.ulong_t, len(kinds))
	for i, kind := range kinds {
		types[i] = C.ulong_t(kind)
	}
	room := make([]byte, len(kinds)*maxAttribute)
	err := toError(C.sokyso_attributes(n.functions, C.ulong_t(session), C.ulong_t(object), &types[0], C.ulong_t(len(kinds)),
		(*C.byte_t)(unsafe.Pointer(&room[0])), maxAttribute, &lengths[0]))
	if err != nil {
		return nil, err
	}
	values := make([][]byte, 0, len(kinds))
	for i, length := range lengths {
		if length > maxAttribute {
			return nil, pkcs11.Error(pkcs11.CKR_BUFFER_TOO_SMALL)
		}
		values = append(values, bytes.Clone(room[i*maxAttribute:][:length]))
	}
	return values, nil
}

func toError(code C.ulong_t) error {
	if code == pkcs11.CKR_OK {
		return nil
	}
	return pkcs11.Error(code)
}
