package agent

import "golang.org/x/sys/windows"

// readerService says what keeps programs from the card readers: the service Smart
// Card, which modules speak to, does not run.
func readerService() error {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return nil // it can't be asked: nothing is known
	}
	defer windows.CloseServiceHandle(manager)
	service, err := windows.OpenService(manager, windows.StringToUTF16Ptr("SCardSvr"), windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return fail("reader_service_stopped", err)
	}
	defer windows.CloseServiceHandle(service)
	var status windows.SERVICE_STATUS
	if err := windows.QueryServiceStatus(service, &status); err != nil || status.CurrentState == windows.SERVICE_RUNNING {
		return nil
	}
	return fail("reader_service_stopped", nil)
}
