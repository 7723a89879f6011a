package main

import (
	"log"
	"os"
	"path/filepath"
	"strings"
)

const enabled = "/etc/systemd/system/multi-user.target.wants/*.service"

// Units of one command, of those who enabled them on the machine itself: those of the host, whose
// /etc lies below the machine's own, have nothing to do here.
const ownPrefix = "ascent-"

func (s *supervisor) runEnabled() {
	files, err := filepath.Glob(enabled)
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasPrefix(filepath.Base(file), ownPrefix) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			log.Printf("%s not started: %v", file, err)
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			if command, found := strings.CutPrefix(line, "ExecStart="); found {
				s.start(transient{Name: filepath.Base(file), Command: strings.Fields(command)})
			}
		}
	}
}
