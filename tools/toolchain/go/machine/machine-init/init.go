package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long a unit that ended stays down: RestartSec of kubelet's own unit is 10 s, too long here.
const restartDelay = 2 * time.Second

// A unit that does not end on SIGTERM within this time is killed.
const stopTimeout = 20 * time.Second

const tick = 200 * time.Millisecond

// I1. Every child of this process is reaped by reap, and nothing else waits for one.
// I2. A unit is its main process alone: what a unit leaves behind stays, as with KillMode=process,
// so that containers outlive a restart of containerd.
type supervisor struct {
	lock  sync.Mutex
	units []*unit
	// Names by process number.
	transients map[int]string
}

type unit struct {
	spec
	isWanted  bool
	pid       int
	notBefore time.Time
}

func run() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	init := &supervisor{transients: map[int]string{}}
	for _, spec := range specs {
		init.units = append(init.units, &unit{spec: spec, isWanted: true})
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	go init.listen(listener)
	init.runEnabled()
	ticks := time.Tick(tick)
	for {
		init.reap()
		init.startWanted()
		select {
		case <-children:
		case <-ticks:
		}
	}
}

func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
		s.lock.Lock()
		if name, found := s.transients[pid]; found {
			log.Printf("%s ended: %s", name, describe(status))
			delete(s.transients, pid)
		}
		for _, unit := range s.units {
			if unit.pid == pid {
				log.Printf("%s ended: %s", unit.name, describe(status))
				unit.pid = 0
				unit.notBefore = time.Now().Add(restartDelay)
			}
		}
		s.lock.Unlock()
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

func (s *supervisor) startWanted() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, unit := range s.units {
		if unit.isWanted && unit.pid == 0 && time.Now().After(unit.notBefore) && unit.mayStart() {
			unit.start()
		}
	}
}

func (u *unit) start() {
	u.notBefore = time.Now().Add(restartDelay)
	command := u.command()
	output, err := os.OpenFile("/var/log/"+u.name+".log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		log.Printf("%s not started: %v", u.name, err)
		return
	}
	defer output.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		log.Printf("%s not started: %v", u.name, err)
		return
	}
	defer null.Close()
	pid, err := syscall.ForkExec(command[0], command, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + searchPath, "HOME=/root"},
		Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		log.Printf("%s not started: %v", u.name, err)
		return
	}
	log.Printf("%s started: %s", u.name, strings.Join(command, " "))
	u.pid = pid
}

func (s *supervisor) find(name string) *unit {
	for _, unit := range s.units {
		if unit.name == strings.TrimSuffix(name, ".service") {
			return unit
		}
	}
	return nil
}

func (s *supervisor) setWanted(unit *unit, isWanted bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	unit.isWanted = isWanted
	unit.notBefore = time.Time{}
}

// Waits until the main process has ended, which reap sees.
func (s *supervisor) stop(unit *unit) {
	s.setWanted(unit, false)
	signal := syscall.SIGTERM
	for deadline := time.Now().Add(stopTimeout); ; time.Sleep(tick / 4) {
		s.lock.Lock()
		pid := unit.pid
		if pid != 0 {
			syscall.Kill(pid, signal)
		}
		s.lock.Unlock()
		if pid == 0 {
			return
		}
		if time.Now().After(deadline) {
			signal = syscall.SIGKILL
		}
	}
}

func (s *supervisor) state(unit *unit) string {
	s.lock.Lock()
	defer s.lock.Unlock()
	switch {
	case unit.pid != 0:
		return "active"
	case unit.isWanted:
		return "activating"
	default:
		return "inactive"
	}
}
