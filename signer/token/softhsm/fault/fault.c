// A PKCS#11 module that passes every call on to another one (SoftHSM) and makes
// it fail on order. MODULE is defined when it is built; the control file lies
// beside the module and is read anew at each call. fault.go tells what its lines
// mean. With a softhsm2.conf of its name beside it (fault.so, fault.conf), that one
// counts: copies of the module in folders of their own disturb one another nowhere.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t; // CK_ULONG, CK_RV
typedef unsigned char byte_t;

struct functions { byte_t major, minor; void *entry[68]; }; // CK_FUNCTION_LIST
struct token_info { byte_t text[96]; ulong_t flags, numbers[10]; byte_t rest[20]; }; // CK_TOKEN_INFO
struct session_info { ulong_t slot, state, flags, error; };                          // CK_SESSION_INFO
struct attribute { ulong_t type; void *value; ulong_t length; };

enum { INITIALIZE = 0, FINALIZE = 1, GET_INFO = 2, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, SET_PIN = 11, OPEN_SESSION = 12,
	CLOSE_SESSION = 13, GET_SESSION_INFO = 15, LOGIN = 18, LOGOUT = 19, GET_ATTRIBUTE_VALUE = 24, FIND_OBJECTS_INIT = 26,
	FIND_OBJECTS = 27, FIND_OBJECTS_FINAL = 28, SIGN_INIT = 42, SIGN = 43 };
enum { CKR_OK = 0, CKR_PIN_INCORRECT = 0xA0, CKR_PIN_LOCKED = 0xA4, CKR_USER_NOT_LOGGED_IN = 0x101 };
enum { CKF_PROTECTED_AUTHENTICATION_PATH = 0x100, CKF_COUNT_LOW = 0x10000, CKF_FINAL_TRY = 0x20000, CKF_LOCKED = 0x40000, CKF_TO_BE_CHANGED = 0x80000 };
enum { CKU_USER = 1, CKU_CONTEXT_SPECIFIC = 2, CKA_ALWAYS_AUTHENTICATE = 0x202 };

static struct functions *real;
static struct functions ours;
static byte_t last_pin[256]; // of the last login that succeeded
static ulong_t last_pin_length;
static int context_login; // a context-specific login since C_SignInit
static __thread int garbled; // the call under way is to answer nonsense

// beside is the path of a file with the module's name and another ending.
static const char *beside(const char *ending) {
	static __thread char path[PATH_MAX];
	Dl_info own;
	if (!dladdr((void *)beside, &own) || !own.dli_fname) abort();
	snprintf(path, sizeof path, "%s", own.dli_fname);
	char *dot = strrchr(path, '.');
	if (dot) *dot = 0;
	strncat(path, ending, sizeof path - strlen(path) - 1);
	return path;
}

#define REAL(index, ...) ((ulong_t(*)())real->entry[index])(__VA_ARGS__)

// wrong_pins reads (set < 0) or writes the count of wrong PINs, which outlives
// the process as a real token's counter does.
static int wrong_pins(int set) {
	int count = 0;
	FILE *file = fopen(beside(".control.wrong"), set < 0 ? "r" : "w");
	if (!file) return 0;
	if (set < 0) { if (fscanf(file, "%d", &count) != 1) count = 0; }
	else fprintf(file, "%d", count = set);
	fclose(file);
	return count;
}

// setting finds the line "key word" and copies what follows; -1 if there is none.
static int setting(const char *key, char *value, size_t size) {
	char line[256];
	int found = -1;
	FILE *file = fopen(beside(".control"), "r");
	while (file && found < 0 && fgets(line, sizeof line, file)) {
		size_t n = strlen(key);
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, key, n) == 0 && (line[n] == ' ' || line[n] == 0)) {
			found = 0;
			snprintf(value, size, "%s", line[n] ? line + n + 1 : "");
		}
	}
	if (file) fclose(file);
	return found;
}

static int number(const char *key, int otherwise) {
	char value[256];
	return setting(key, value, sizeof value) == 0 ? (int)strtol(value, NULL, 0) : otherwise;
}

// called counts the calls of this process, of this name and of all, and writes
// each to the file of calls.
static int called(const char *name, int *all) {
	static struct { const char *name; int count; } counts[32];
	static int total;
	int count = 0;
	*all = ++total;
	for (int i = 0; i < 32; i++) {
		if (!counts[i].name) counts[i].name = name;
		if (strcmp(counts[i].name, name) == 0) { count = ++counts[i].count; break; }
	}
	int fd = open(beside(".control.calls"), O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd >= 0) {
		char line[64];
		int n = snprintf(line, sizeof line, "%s\n", name);
		if (write(fd, line, n) != n) abort();
		close(fd);
	}
	return count;
}

// ordered finds what the line "key ..." orders for the call with this number: 1 if
// there is anything to do.
static int ordered(const char *key, int count, char *action, long *argument) {
	char order[256];
	int n = 0;
	if (setting(key, order, sizeof order) != 0) return 0;
	if (sscanf(order, "after %d %31s %li", &n, action, argument) >= 2) return count > n;
	if (sscanf(order, "at %d %31s %li", &n, action, argument) >= 2) return count == n;
	if (sscanf(order, "%31s %li", action, argument) < 1) return 0;
	return strcmp(action, "alternate") != 0 || count % 2;
}

// print writes size bytes to a descriptor as a chatty module would: first what
// looks like an answer of the worker.
static void print(FILE *file, long size) {
	fprintf(file, "{\"id\":1,\"signature\":\"AAAA\"}\n");
	for (long i = 0; i < size; i += 64) fprintf(file, "%063ld\n", i);
	fflush(file);
}

// fault does what the control file orders for this call: the value to return
// instead of making the call, or CKR_OK.
static ulong_t fault(const char *name) {
	char action[32] = "";
	long argument = 0;
	int all, count = called(name, &all);
	garbled = 0;
	if (!ordered(name, count, action, &argument) && !ordered("call", all, action, &argument)) return CKR_OK;
	if (strcmp(action, "return") == 0 || strcmp(action, "alternate") == 0) return (ulong_t)argument;
	if (strcmp(action, "delay") == 0) usleep(argument * 1000);
	if (strcmp(action, "hang") == 0) for (;;) sleep(3600);
	if (strcmp(action, "spin") == 0) for (volatile long i = 0;; i++);
	if (strcmp(action, "crash") == 0) *(volatile int *)8 = 1;
	if (strcmp(action, "exit") == 0) _exit((int)argument);
	if (strcmp(action, "print") == 0) print(stdout, argument);
	if (strcmp(action, "print-error") == 0) print(stderr, argument);
	if (strcmp(action, "garbage") == 0) garbled = 1;
	if (strcmp(action, "eat") == 0) for (;;) memset(malloc(16 << 20), 1, 16 << 20); // a crash once there is no more
	if (strcmp(action, "fork") == 0 && fork() == 0) { sleep(8); _exit(0); }
	return CKR_OK;
}

#define FAULT(name) do { ulong_t rv = fault(name); if (rv != CKR_OK) return rv; } while (0)

// A module that answers nonsense says CKR_OK to lengths that can't be and to bytes
// that mean nothing.
enum { NONSENSE = 0x7fffffff };

static ulong_t initialize(void *args) { FAULT("C_Initialize"); return REAL(INITIALIZE, args); }
static ulong_t finalize(void *reserved) { FAULT("C_Finalize"); return REAL(FINALIZE, reserved); }
static ulong_t get_mechanism_list(ulong_t slot, ulong_t *list, ulong_t *count) { FAULT("C_GetMechanismList"); return REAL(GET_MECHANISM_LIST, slot, list, count); }
static ulong_t close_session(ulong_t session) { FAULT("C_CloseSession"); return REAL(CLOSE_SESSION, session); }
static ulong_t logout(ulong_t session) { FAULT("C_Logout"); return REAL(LOGOUT, session); }
static ulong_t find_objects_init(ulong_t session, void *template, ulong_t count) { FAULT("C_FindObjectsInit"); return REAL(FIND_OBJECTS_INIT, session, template, count); }
static ulong_t find_objects_final(ulong_t session) { FAULT("C_FindObjectsFinal"); return REAL(FIND_OBJECTS_FINAL, session); }

static ulong_t get_info(byte_t *info) {
	FAULT("C_GetInfo");
	ulong_t rv = REAL(GET_INFO, info);
	if (garbled) memset(info, 0xff, 76); // to the end of libraryDescription
	return rv;
}

static ulong_t get_slot_list(byte_t present, ulong_t *list, ulong_t *count) {
	FAULT("C_GetSlotList");
	char ignored[256];
	if (setting("no-reader", ignored, sizeof ignored) == 0 || present && setting("no-token", ignored, sizeof ignored) == 0) {
		*count = 0;
		return CKR_OK;
	}
	ulong_t rv = REAL(GET_SLOT_LIST, (int)present, list, count);
	if (garbled) *count = NONSENSE;
	return rv;
}

static ulong_t open_session(ulong_t slot, ulong_t flags, void *app, void *notify, ulong_t *session) {
	FAULT("C_OpenSession");
	ulong_t rv = REAL(OPEN_SESSION, slot, flags, app, notify, session);
	if (garbled) *session = NONSENSE;
	return rv;
}

static ulong_t get_session_info(ulong_t session, struct session_info *info) {
	FAULT("C_GetSessionInfo");
	ulong_t rv = REAL(GET_SESSION_INFO, session, info);
	if (garbled) info->state = NONSENSE;
	return rv;
}

static ulong_t find_objects(ulong_t session, ulong_t *objects, ulong_t max, ulong_t *count) {
	FAULT("C_FindObjects");
	ulong_t rv = REAL(FIND_OBJECTS, session, objects, max, count);
	if (garbled) *count = NONSENSE;
	return rv;
}

// tells_lies: the module shows no count of wrong PINs, and refuses one with another
// code than the standard's.
static int tells_lies(void) {
	char ignored[256];
	return setting("pin-lies", ignored, sizeof ignored) == 0;
}

static ulong_t get_token_info(ulong_t slot, struct token_info *info) {
	FAULT("C_GetTokenInfo");
	ulong_t rv = REAL(GET_TOKEN_INFO, slot, info);
	char ignored[256], serial[17];
	int tries = number("pin-tries", 0);
	if (rv != CKR_OK) return rv;
	if (setting("serial", serial, sizeof serial) == 0) {
		memset(info->text + 80, ' ', 16);
		memcpy(info->text + 80, serial, strlen(serial));
	}
	if (tells_lies()) info->flags &= ~(ulong_t)(CKF_COUNT_LOW | CKF_FINAL_TRY | CKF_LOCKED);
	else if (tries > 0) {
		int left = tries - wrong_pins(-1);
		info->flags &= ~(ulong_t)(CKF_COUNT_LOW | CKF_FINAL_TRY | CKF_LOCKED);
		if (left < tries) info->flags |= CKF_COUNT_LOW;
		if (left == 1) info->flags |= CKF_FINAL_TRY;
		if (left <= 0) info->flags |= CKF_LOCKED;
	}
	if (setting("pin-pad", ignored, sizeof ignored) == 0) info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (setting("pin-to-be-changed", ignored, sizeof ignored) == 0) info->flags |= CKF_TO_BE_CHANGED;
	if (garbled) memset(info, 0xff, sizeof *info);
	return rv;
}

static ulong_t get_attribute_value(ulong_t session, ulong_t object, struct attribute *list, ulong_t count) {
	FAULT("C_GetAttributeValue");
	char ignored[256];
	ulong_t rv = REAL(GET_ATTRIBUTE_VALUE, session, object, list, count);
	for (ulong_t i = 0; garbled && i < count; i++) list[i].length = NONSENSE;
	if (setting("always-authenticate", ignored, sizeof ignored) != 0) return rv;
	for (ulong_t i = 0; rv == CKR_OK && i < count; i++)
		if (list[i].type == CKA_ALWAYS_AUTHENTICATE && list[i].value) *(byte_t *)list[i].value = 1;
	return rv;
}

// typed is what the person types on the PIN pad: the word with this number of the
// control file's line.
static ulong_t typed(int word, byte_t *pin) {
	char line[256], *rest = line, *found = NULL;
	if (setting("pin-pad", line, sizeof line) != 0) return 0;
	for (int i = 0; i <= word; i++) found = strtok_r(i ? NULL : line, " ", &rest);
	if (found) memcpy(pin, found, strlen(found));
	return found ? strlen(found) : 0;
}

// counted notes what became of a PIN, and is what the module answers.
static ulong_t counted(ulong_t rv) {
	int tries = number("pin-tries", 0);
	if (tries > 0 && (rv == CKR_OK || rv == CKR_PIN_INCORRECT)) wrong_pins(rv == CKR_OK ? 0 : wrong_pins(-1) + 1);
	if (rv != CKR_OK && tells_lies()) return (ulong_t)number("pin-lies", 5); // CKR_GENERAL_ERROR
	return rv;
}

static int locked(void) {
	int tries = number("pin-tries", 0);
	return tries > 0 && wrong_pins(-1) >= tries;
}

static ulong_t login(ulong_t session, ulong_t user, byte_t *pin, ulong_t length) {
	FAULT(user == CKU_CONTEXT_SPECIFIC ? "C_Login context" : "C_Login");
	byte_t pad[256];
	if (locked()) return counted(CKR_PIN_LOCKED);
	if (!pin) {
		pin = pad;
		if (!(length = typed(0, pad))) return 7; // CKR_ARGUMENTS_BAD
	}
	ulong_t rv;
	if (user == CKU_CONTEXT_SPECIFIC) {
		rv = length == last_pin_length && memcmp(pin, last_pin, length) == 0 ? CKR_OK : CKR_PIN_INCORRECT;
		context_login = rv == CKR_OK;
	} else {
		rv = REAL(LOGIN, session, user, pin, length);
		if (rv == CKR_OK && length <= sizeof last_pin) { memcpy(last_pin, pin, length); last_pin_length = length; }
	}
	return counted(rv);
}

static ulong_t set_pin(ulong_t session, byte_t *old, ulong_t old_length, byte_t *fresh, ulong_t fresh_length) {
	FAULT("C_SetPIN");
	byte_t pad[2][256];
	if (locked()) return counted(CKR_PIN_LOCKED);
	if (!old && !fresh) {
		old = pad[0], fresh = pad[1];
		if (!(old_length = typed(0, pad[0])) || !(fresh_length = typed(1, pad[1]))) return 7; // CKR_ARGUMENTS_BAD
	}
	return counted(REAL(SET_PIN, session, old, old_length, fresh, fresh_length));
}

static ulong_t sign_init(ulong_t session, void *mechanism, ulong_t key) {
	FAULT("C_SignInit");
	context_login = 0;
	return REAL(SIGN_INIT, session, mechanism, key);
}

static ulong_t sign(ulong_t session, byte_t *data, ulong_t length, byte_t *signature, ulong_t *signature_length) {
	char ignored[256];
	if (!signature) return REAL(SIGN, session, data, length, signature, signature_length); // asks for the length only
	FAULT("C_Sign");
	if (setting("always-authenticate", ignored, sizeof ignored) == 0 && !context_login) return CKR_USER_NOT_LOGGED_IN;
	ulong_t rv = REAL(SIGN, session, data, length, signature, signature_length);
	if (garbled && rv == CKR_OK) signature[*signature_length / 2] ^= 1; // the right length, and no signature
	*signature_length = (ulong_t)number("signature-length", (int)*signature_length);
	return rv;
}

ulong_t C_GetFunctionList(struct functions **list) {
	if (!real) {
		if (access(beside(".conf"), R_OK) == 0) setenv("SOFTHSM2_CONF", beside(".conf"), 1);
		void *module = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
		ulong_t (*get)(struct functions **) = module ? (ulong_t(*)(struct functions **))dlsym(module, "C_GetFunctionList") : NULL;
		if (!get || get(&real) != CKR_OK) return 5; // CKR_GENERAL_ERROR
		ours = *real;
		ours.entry[INITIALIZE] = initialize;
		ours.entry[FINALIZE] = finalize;
		ours.entry[GET_INFO] = get_info;
		ours.entry[SET_PIN] = set_pin;
		ours.entry[GET_SLOT_LIST] = get_slot_list;
		ours.entry[GET_TOKEN_INFO] = get_token_info;
		ours.entry[GET_MECHANISM_LIST] = get_mechanism_list;
		ours.entry[OPEN_SESSION] = open_session;
		ours.entry[CLOSE_SESSION] = close_session;
		ours.entry[GET_SESSION_INFO] = get_session_info;
		ours.entry[LOGIN] = login;
		ours.entry[LOGOUT] = logout;
		ours.entry[GET_ATTRIBUTE_VALUE] = get_attribute_value;
		ours.entry[FIND_OBJECTS_INIT] = find_objects_init;
		ours.entry[FIND_OBJECTS] = find_objects;
		ours.entry[FIND_OBJECTS_FINAL] = find_objects_final;
		ours.entry[SIGN_INIT] = sign_init;
		ours.entry[SIGN] = sign;
	}
	*list = &ours;
	return CKR_OK;
}
