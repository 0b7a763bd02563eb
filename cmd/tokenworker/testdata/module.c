// A PKCS#11 module for Windows with one reader and no token, for what does not need
// one: whether a module that misbehaves takes anything along. Its environment tells it
// what to do: SOKYSO_MODULE_ORDER is "CALL ACTION", SOKYSO_MODULE_LOG a file that each
// call adds a line to, with the number of the process.
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long CK_RV;
typedef unsigned long CK_ULONG;

#pragma pack(push, 1) // as on Windows only (PKCS#11 base, section 2)
struct function_list { unsigned char major, minor; void *entry[68]; };
struct info { unsigned char major, minor; char manufacturer[32]; CK_ULONG flags; char description[32]; unsigned char library_major, library_minor; };
#pragma pack(pop)

static void called(const char *name) {
	const char *log = getenv("SOKYSO_MODULE_LOG");
	if (log != NULL) {
		FILE *f = fopen(log, "a");
		if (f != NULL) {
			fprintf(f, "%lu %s\n", GetCurrentProcessId(), name);
			fclose(f);
		}
	}
	const char *order = getenv("SOKYSO_MODULE_ORDER");
	size_t length = strlen(name);
	if (order == NULL || strncmp(order, name, length) != 0 || order[length] != ' ')
		return;
	const char *action = order + length + 1;
	if (strcmp(action, "crash") == 0)
		*(volatile int *)8 = 1;
	if (strcmp(action, "hang") == 0)
		for (;;) Sleep(1000);
	if (strcmp(action, "spin") == 0)
		for (;;) ;
	if (strcmp(action, "exit") == 0)
		exit(3);
	if (strcmp(action, "print") == 0) {
		const char *line = "{\"id\":1,\"tokens\":[{\"serial\":\"forged\"}]}\n";
		DWORD written;
		printf("%s", line);
		fflush(stdout);
		WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), line, strlen(line), &written, NULL);
	}
	if (strcmp(action, "start") == 0) { // a process of its own that goes on
		STARTUPINFOA start = {sizeof start};
		PROCESS_INFORMATION made;
		char program[MAX_PATH], line[MAX_PATH + 16];
		GetModuleFileNameA(NULL, program, sizeof program);
		snprintf(line, sizeof line, "\"%s\" sleep", program);
		if (CreateProcessA(NULL, line, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &start, &made) && log != NULL) {
			FILE *f = fopen(log, "a");
			fprintf(f, "%lu started\n", made.dwProcessId);
			fclose(f);
		}
	}
}

static CK_RV unsupported(void) { return 0x54; } // CKR_FUNCTION_NOT_SUPPORTED

static CK_RV initialize(void *args) { called("C_Initialize"); return 0; }
static CK_RV finalize(void *reserved) { called("C_Finalize"); return 0; }

static CK_RV get_info(struct info *info) {
	called("C_GetInfo");
	memset(info, ' ', sizeof *info);
	info->major = 2; info->minor = 40;
	memcpy(info->manufacturer, "Sokyso test", 11);
	memcpy(info->description, "one reader", 10);
	info->flags = 0;
	info->library_major = sizeof(void *); info->library_minor = 0;
	return 0;
}

static CK_RV get_slot_list(unsigned char present, CK_ULONG *slots, CK_ULONG *count) {
	called("C_GetSlotList");
	if (!present && slots != NULL)
		slots[0] = 1;
	*count = present ? 0 : 1;
	return 0;
}

__declspec(dllexport) CK_RV C_GetFunctionList(struct function_list **list) {
	static struct function_list all;
	all.major = 2; all.minor = 40;
	for (int i = 0; i < 68; i++)
		all.entry[i] = (void *)unsupported;
	all.entry[0] = (void *)initialize;
	all.entry[1] = (void *)finalize;
	all.entry[2] = (void *)get_info;
	all.entry[3] = (void *)C_GetFunctionList;
	all.entry[4] = (void *)get_slot_list;
	*list = &all;
	return 0;
}
