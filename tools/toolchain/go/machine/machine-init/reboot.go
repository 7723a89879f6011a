package main

import (
	"errors"
	"log"
	"os"
	"syscall"
	"time"
)

// What launches the machine takes this for a reboot and boots it again (lab/machines).
const rebootCode = 92

// What does not end on SIGTERM within this time is killed, by the kernel when PID 1 ends.
const endTimeout = 10 * time.Second

// Ends everything on the machine, and lets it boot again. Never returns.
func (s *supervisor) reboot() {
	log.Print("starts again")
	s.lock.Lock()
	for _, unit := range s.units {
		unit.isWanted = false
	}
	s.lock.Unlock()
	// -1 is everybody but PID 1 itself.
	syscall.Kill(-1, syscall.SIGTERM)
	for deadline := time.Now().Add(endTimeout); time.Now().Before(deadline); time.Sleep(tick / 4) {
		if errors.Is(syscall.Kill(-1, 0), syscall.ESRCH) {
			break
		}
	}
	os.Exit(rebootCode)
}
