package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// beParent starts a worker, makes it hang in C_Sign and waits to be killed.
func beParent(module, serial string) {
	ctx := context.Background()
	client, err := worker.Start(ctx, worker.Config{Module: module, Timeout: time.Hour})
	if err == nil {
		_, err = client.Open(ctx, token.Selector{TokenSerial: serial})
	}
	if err == nil {
		err = client.Login(ctx, []byte(pin))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	certificates, err := client.Certificates(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	fmt.Fprintln(os.Stderr, sign(client.Signer(certificates[0]), ""))
	os.Exit(1)
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, child)
		}
	}
	return children
}

func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestWorkerDiesWithItsParentInMidHang(t *testing.T) {
	order(t, "C_Sign hang")
	parent := exec.Command(os.Args[0], parentArgument, fault.Module(), created["seal"].Serial)
	parent.Stderr = os.Stderr
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the parent says %q, %v", line, err)
	}
	for calls(t, "C_Sign") == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	children := childrenOf(t, parent.Process.Pid)
	if len(children) != 1 || !running(children[0]) {
		t.Fatalf("the parent has children %v", children)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	for deadline := time.Now().Add(3 * time.Second); running(children[0]); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the worker outlives its parent")
		}
	}
}

// Without the kernel's help, the end of standard input is enough.
func TestEndOfInputEndsAHangingWorker(t *testing.T) {
	order(t, "C_Initialize hang")
	child := exec.Command(os.Args[0], worker.Argument)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(stdin, "{\"id\":1,\"op\":\"load\",\"module\":%q}\n", fault.Module()); err != nil {
		t.Fatal(err)
	}
	for calls(t, "C_Initialize") == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	stdin.Close()
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		_ = child.Process.Kill()
		t.Fatal("the worker does not end with its input")
	}
}
