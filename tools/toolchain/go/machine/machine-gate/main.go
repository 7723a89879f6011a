// The way from this host's loopback into the network of a lab of machines, and the load balancer
// of its API servers. Reads a JSON document of rules on standard input.
// G1. It listens in one network namespace and dials in another: the listeners of `host` are opened
//     first and handed over to its second self, which nsenter starts in the switch's namespace. So
//     no address and no route of the host changes.
// G2. A connection goes to the first target that accepts it, beginning with another one each time:
//     a member that is down costs its clients a dial, not an error.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"ascent/toolchain/machine/version"
)

type rule struct {
	Listen  string   `json:"listen"`
	Targets []string `json:"targets"`
}

type rules struct {
	// The file of the switch's network namespace.
	Network string `json:"network"`
	Host    []rule `json:"host"`
	Inside  []rule `json:"inside"`
}

const (
	dialTimeout = time.Second
	// The first descriptor that a child is handed over, after the standard three.
	firstHanded = 3
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "machine-gate:", err)
	os.Exit(1)
}

func main() {
	version.AnswerIfAsked("machine-gate")
	var wanted rules
	if err := json.NewDecoder(os.Stdin).Decode(&wanted); err != nil {
		fail(fmt.Errorf("reading the rules: %w", err))
	}
	if len(os.Args) == 2 && os.Args[1] == "inside" {
		inside(wanted)
	} else {
		outside(wanted)
	}
}

func outside(wanted rules) {
	executable, err := os.Executable()
	if err != nil {
		fail(err)
	}
	document, err := json.Marshal(wanted)
	if err != nil {
		fail(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		fail(err)
	}
	child := exec.Command("nsenter", "--net="+wanted.Network, "--", executable, "inside")
	child.Stdin, child.Stdout, child.Stderr = read, os.Stdout, os.Stderr
	// Whoever ends this process ends both.
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	for _, rule := range wanted.Host {
		listener, err := net.Listen("tcp", rule.Listen)
		if err != nil {
			fail(err)
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			fail(err)
		}
		child.ExtraFiles = append(child.ExtraFiles, file)
	}
	if err := child.Start(); err != nil {
		fail(err)
	}
	if _, err := write.Write(document); err != nil {
		fail(err)
	}
	write.Close()
	fail(fmt.Errorf("its second self ended: %w", child.Wait()))
}

func inside(wanted rules) {
	for index, rule := range wanted.Host {
		file := os.NewFile(uintptr(firstHanded+index), rule.Listen)
		listener, err := net.FileListener(file)
		if err != nil {
			fail(fmt.Errorf("taking over %s: %w", rule.Listen, err))
		}
		go serve(listener, rule.Targets)
	}
	for _, rule := range wanted.Inside {
		listener, err := net.Listen("tcp", rule.Listen)
		if err != nil {
			fail(err)
		}
		go serve(listener, rule.Targets)
	}
	fmt.Println("machine-gate: ready")
	select {}
}

func serve(listener net.Listener, targets []string) {
	var turn atomic.Uint64
	for {
		client, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go join(client, targets, int(turn.Add(1)%uint64(len(targets))))
	}
}

func join(client net.Conn, targets []string, first int) {
	defer client.Close()
	target := dial(targets, first)
	if target == nil {
		return
	}
	defer target.Close()
	ended := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		io.Copy(to, from)
		to.(*net.TCPConn).CloseWrite()
		ended <- struct{}{}
	}
	go pass(target, client)
	go pass(client, target)
	<-ended
	<-ended
}

func dial(targets []string, first int) net.Conn {
	for offset := range targets {
		target, err := net.DialTimeout("tcp", targets[(first+offset)%len(targets)], dialTimeout)
		if err == nil {
			return target
		}
	}
	return nil
}
