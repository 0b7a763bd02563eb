//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// network is a namespace in which one replica lives, as on a machine of its own: behind a
// cable that can be pulled, when packets are lost and nobody is told.
type network struct {
	name          string
	cable         string // the end on this side
	inside, outer string // addresses
}

// newNetwork makes the namespace and its cable. Only root can.
func newNetwork() (*network, error) {
	number := os.Getpid() % 16000
	n := &network{name: fmt.Sprintf("sokyso-%d", number), cable: fmt.Sprintf("sokyso%d", number),
		outer: fmt.Sprintf("10.213.%d.%d", number/64, number%64*4+1), inside: fmt.Sprintf("10.213.%d.%d", number/64, number%64*4+2)}
	far := fmt.Sprintf("sokyso%dn", number)
	for _, command := range []string{
		"netns add " + n.name,
		"link add " + n.cable + " type veth peer name " + far,
		"link set " + far + " netns " + n.name,
		"addr add " + n.outer + "/30 dev " + n.cable,
		"link set " + n.cable + " up",
		"-n " + n.name + " addr add " + n.inside + "/30 dev " + far,
		"-n " + n.name + " link set " + far + " up",
		"-n " + n.name + " link set lo up",
	} {
		if err := ip(command); err != nil {
			n.remove()
			return nil, err
		}
	}
	return n, nil
}

// within is what a command line in the namespace begins with.
func (n *network) within() []string { return []string{"ip", "netns", "exec", n.name} }

func (n *network) pull() error { return ip("link set " + n.cable + " down") }
func (n *network) plug() error { return ip("link set " + n.cable + " up") }

func (n *network) remove() {
	_ = ip("link del " + n.cable)
	_ = ip("netns del " + n.name)
}

// ip runs the program of that name.
func ip(arguments string) error {
	if out, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w\n%s", arguments, err, out)
	}
	return nil
}
