; The installer for Windows: for one person, without administrator's rights. It adds no
; certificate to any store, changes no PATH, and takes away all that it brought.
; makensis -DVERSION=0.1.20261125.2331 -DPROGRAMS=bin\windows -DOUTPUT=...
Unicode true
Target amd64-unicode
SetCompressor /SOLID lzma
ManifestDPIAware true
RequestExecutionLevel user

!include MUI2.nsh
!include FileFunc.nsh

!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Sokyso"
!define MENU "Software\Classes\SystemFileAssociations\.pdf\shell\sokyso"
!define SCHEME "Software\Classes\sokyso"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"

Name "Sổ Ký Số"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Programs\Sokyso"
InstallDirRegKey HKCU "${KEY}" "InstallLocation"
BrandingText "Sổ Ký Số ${VERSION}"
VIProductVersion "${VERSION}"
VIAddVersionKey /LANG=0 "ProductName" "Sổ Ký Số"
VIAddVersionKey /LANG=0 "FileDescription" "Sổ Ký Số"
VIAddVersionKey /LANG=0 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "LegalCopyright" "Apache-2.0"

!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "Vietnamese" ; first: it is taken where Windows speaks neither
!insertmacro MUI_LANGUAGE "English"

LangString SIGN ${LANG_VIETNAMESE} "Ký bằng Sổ Ký Số"
LangString SIGN ${LANG_ENGLISH} "Sign with Sổ Ký Số"
LangString OPENS ${LANG_VIETNAMESE} "URL:Văn bản chờ ký của trường"
LangString OPENS ${LANG_ENGLISH} "URL:Document of the school's site"
LangString AGENT ${LANG_VIETNAMESE} "Phần mềm ký"
LangString AGENT ${LANG_ENGLISH} "Signing program"
LangString AGENT_TEXT ${LANG_VIETNAMESE} "Phần mềm ký số văn bản PDF bằng USB ký số. Không thêm chứng thư nào vào máy."
LangString AGENT_TEXT ${LANG_ENGLISH} "Signs PDF documents with a USB token. It adds no certificate to this computer."
LangString MENU_NAME ${LANG_VIETNAMESE} "“Ký bằng Sổ Ký Số” khi bấm chuột phải vào tệp PDF"
LangString MENU_NAME ${LANG_ENGLISH} "“Sign with Sổ Ký Số” in the menu of PDF files"
LangString MENU_TEXT ${LANG_VIETNAMESE} "Bấm chuột phải vào tệp PDF rồi chọn “Ký bằng Sổ Ký Số”. Windows 11: trong “Hiển thị thêm tùy chọn”."
LangString MENU_TEXT ${LANG_ENGLISH} "Right-click a PDF file. On Windows 11 it is under “Show more options”."
LangString LOGON_NAME ${LANG_VIETNAMESE} "Gửi chữ ký còn chờ mỗi khi mở máy"
LangString LOGON_NAME ${LANG_ENGLISH} "Send what is pending at each start of the computer"
LangString LOGON_TEXT ${LANG_VIETNAMESE} "Chữ ký làm khi mất mạng được báo về sổ của trường mỗi khi đăng nhập Windows, không cần mở phần mềm ký."
LangString LOGON_TEXT ${LANG_ENGLISH} "Signatures made while the network was down are reported to the school's log at each logon, without opening the program."
LangString RUNNING ${LANG_VIETNAMESE} "Phần mềm ký đang chạy. Hãy đóng các cửa sổ của nó rồi bấm Thử lại."
LangString RUNNING ${LANG_ENGLISH} "The signing program is running. Close its windows, then press Retry."

; A program that runs can't be replaced or removed: better said before than half done.
!macro NOT_RUNNING
	try:
	IfFileExists "$INSTDIR\signagent.exe" 0 free
	ClearErrors
	FileOpen $0 "$INSTDIR\signagent.exe" a
	IfErrors 0 close
	MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(RUNNING)" /SD IDCANCEL IDRETRY try
	SetErrorLevel 2
	Quit
	close:
	FileClose $0
	free:
!macroend

Section "$(AGENT)" AgentSection
	SectionIn RO
	!insertmacro NOT_RUNNING
	SetOutPath "$INSTDIR"
	File "${PROGRAMS}/signagent.exe"
	File "${PROGRAMS}/tokenworker32.exe"
	File "/oname=LICENSE.txt" "LICENSE"
	WriteUninstaller "$INSTDIR\uninstall.exe"
	CreateShortcut "$SMPROGRAMS\Sổ Ký Số.lnk" "$INSTDIR\signagent.exe" "serve"
	; Addresses of the school's site that begin with sokyso: open the document in the agent. What follows -- is never an option.
	WriteRegStr HKCU "${SCHEME}" "" "$(OPENS)"
	WriteRegStr HKCU "${SCHEME}" "URL Protocol" ""
	WriteRegStr HKCU "${SCHEME}\shell\open\command" "" '"$INSTDIR\signagent.exe" open -- "%1"'
	WriteRegStr HKCU "${KEY}" "DisplayName" "Sổ Ký Số"
	WriteRegStr HKCU "${KEY}" "DisplayVersion" "${VERSION}"
	WriteRegStr HKCU "${KEY}" "DisplayIcon" "$INSTDIR\signagent.exe"
	WriteRegStr HKCU "${KEY}" "InstallLocation" "$INSTDIR"
	WriteRegStr HKCU "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
	WriteRegStr HKCU "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
	WriteRegDWORD HKCU "${KEY}" "NoModify" 1
	WriteRegDWORD HKCU "${KEY}" "NoRepair" 1
	${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
	WriteRegDWORD HKCU "${KEY}" "EstimatedSize" $0
	; What an earlier installation had and this one does not choose.
	DeleteRegKey HKCU "${MENU}"
	DeleteRegValue HKCU "${RUN}" "Sokyso"
SectionEnd

Section "$(MENU_NAME)" MenuSection
	WriteRegStr HKCU "${MENU}" "" "$(SIGN)"
	WriteRegStr HKCU "${MENU}" "Icon" "$INSTDIR\signagent.exe"
	WriteRegStr HKCU "${MENU}\command" "" '"$INSTDIR\signagent.exe" serve "%1"'
SectionEnd

Section /o "$(LOGON_NAME)" LogonSection
	WriteRegStr HKCU "${RUN}" "Sokyso" '"$INSTDIR\signagent.exe" outbox'
SectionEnd

!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
!insertmacro MUI_DESCRIPTION_TEXT ${AgentSection} "$(AGENT_TEXT)"
!insertmacro MUI_DESCRIPTION_TEXT ${MenuSection} "$(MENU_TEXT)"
!insertmacro MUI_DESCRIPTION_TEXT ${LogonSection} "$(LOGON_TEXT)"
!insertmacro MUI_FUNCTION_DESCRIPTION_END

; The person's pairing and journal in %AppData%\sokyso stay: signatures that have not
; been reported yet are in there.
Section "Uninstall"
	!insertmacro NOT_RUNNING
	DeleteRegKey HKCU "${SCHEME}"
	DeleteRegKey HKCU "${MENU}"
	DeleteRegKey /ifempty HKCU "Software\Classes\SystemFileAssociations\.pdf\shell"
	DeleteRegKey /ifempty HKCU "Software\Classes\SystemFileAssociations\.pdf"
	DeleteRegValue HKCU "${RUN}" "Sokyso"
	DeleteRegKey HKCU "${KEY}"
	Delete "$SMPROGRAMS\Sổ Ký Số.lnk"
	Delete "$INSTDIR\signagent.exe"
	Delete "$INSTDIR\tokenworker32.exe"
	Delete "$INSTDIR\LICENSE.txt"
	Delete "$INSTDIR\uninstall.exe"
	RMDir "$INSTDIR" ; only when nothing else is in it
SectionEnd
