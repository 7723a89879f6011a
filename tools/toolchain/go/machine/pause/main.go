// Holds the namespaces of a pod: reaps what is left to it and ends when it is told to. Asked for its
// version with -v it ends at once: the Job with which kubeadm looks whether a cluster works does so.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"ascent/toolchain/machine/version"
)

func main() {
	version.AnswerIfAsked("pause")
	if len(os.Args) == 2 && os.Args[1] == "-v" {
		fmt.Println("pause", version.Version)
		return
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
	}
}
