package agent

import (
	"errors"
	"io/fs"
	"net"
	"os"
)

// pcscSocket is where pcscd listens; pcsc-lite's own variable moves it.
func pcscSocket() string {
	if path := os.Getenv("PCSCLITE_CSOCK_NAME"); path != "" {
		return path
	}
	return "/run/pcscd/pcscd.comm"
}

// readerService says what keeps programs from the card readers: the daemon pcscd,
// which modules speak to, is not there or lets this user not in.
func readerService() error {
	connection, err := net.Dial("unix", pcscSocket())
	switch {
	case err == nil:
		return connection.Close()
	case errors.Is(err, fs.ErrPermission):
		return fail("reader_service_forbidden", err)
	}
	return fail("reader_service_stopped", err)
}
