package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"syscall"
)

// A unit that is there until its process ends, as by `systemd-run --collect --unit=NAME COMMAND`.
type transient struct {
	Name        string
	Environment []string
	Command     []string
}

// R1. It is a child of PID 1, in PID 1's own control group and in a session of its own: neither the
// pod nor the login that asked for it takes it along. What is left of it when its process ends
// stays, unlike under systemd.
func (s *supervisor) run(request string) (int, string) {
	var unit transient
	if err := json.Unmarshal([]byte(request), &unit); err != nil {
		return 1, fmt.Sprintf("%v\n", err)
	}
	return s.start(unit)
}

func (s *supervisor) start(unit transient) (int, string) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 1, fmt.Sprintf("%v\n", err)
	}
	defer null.Close()
	// Held until it is noted: reap may have it before.
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, name := range s.transients {
		if name == unit.Name {
			return 1, fmt.Sprintf("Unit %s.service was already loaded.\n", name)
		}
	}
	pid, err := syscall.ForkExec(unit.Command[0], unit.Command, &syscall.ProcAttr{
		Dir:   "/",
		Env:   append([]string{"PATH=" + searchPath}, unit.Environment...),
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 1, fmt.Sprintf("Failed to start %s.service: %v\n", unit.Name, err)
	}
	log.Printf("%s started: %s", unit.Name, strings.Join(unit.Command, " "))
	s.transients[pid] = unit.Name
	return 0, ""
}

// Knows what Ascent says to it, and refuses everything else: kubelet asks for scopes.
func systemdRun(arguments []string) int {
	unit := transient{}
	for at, argument := range arguments {
		name, value, _ := strings.Cut(argument, "=")
		switch {
		case argument == "--quiet" || argument == "--collect":
		case name == "--unit":
			unit.Name = value
		case name == "--setenv":
			unit.Environment = append(unit.Environment, value)
		case strings.HasPrefix(argument, "-"):
			fmt.Fprintf(os.Stderr, "systemd-run: %s is not known here\n", argument)
			return 1
		default:
			unit.Command = arguments[at:]
		}
		if unit.Command != nil {
			break
		}
	}
	if unit.Name == "" || unit.Command == nil {
		fmt.Fprintln(os.Stderr, "systemd-run: give --unit and a command")
		return 1
	}
	request, err := json.Marshal(unit)
	if err != nil {
		fmt.Fprintln(os.Stderr, "systemd-run:", err)
		return 1
	}
	return ask("systemd-run", "run "+string(request), os.Stderr)
}
