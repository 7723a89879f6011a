// The first process of a machine, which plays systemd: as `machine-init` it is PID 1, under the
// names `systemctl` and `systemd-run` it asks that one. What it knows of a unit file is its name and
// its command; it runs those that multi-user.target wants once a boot.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"ascent/toolchain/machine/version"
)

const socket = "/run/machine-init.sock"

func main() {
	switch filepath.Base(os.Args[0]) {
	case "systemctl":
		os.Exit(systemctl(os.Args[1:]))
	case "systemd-run":
		os.Exit(systemdRun(os.Args[1:]))
	}
	version.AnswerIfAsked("machine-init")
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "machine-init: this is the first process of a machine, and PID 1")
		os.Exit(1)
	}
	run()
}
