package main

import (
	"os"
	"strings"
)

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const kubeletConfig = "/var/lib/kubelet/config.yaml"

type spec struct {
	name     string
	command  func() []string
	mayStart func() bool
}

func always() bool { return true }

func fixed(words ...string) func() []string {
	return func() []string { return words }
}

var specs = []spec{
	{"containerd", fixed("/usr/bin/containerd"), always},
	{"ssh", fixed("/usr/sbin/sshd", "-D", "-e"), always},
	{"kubelet", kubelet, func() bool { return exists(kubeletConfig) }},
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// As kubeadm's drop-in for systemd has it (10-kubeadm.conf).
func kubelet() []string {
	command := []string{
		"/usr/bin/kubelet",
		"--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
		"--kubeconfig=/etc/kubernetes/kubelet.conf",
		"--config=" + kubeletConfig,
	}
	command = append(command, variable("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS")...)
	return append(command, variable("/etc/default/kubelet", "KUBELET_EXTRA_ARGS")...)
}

// The words of NAME="word word" in an environment file; none when there is no such file.
func variable(file, name string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	for _, line := range strings.Split(string(text), "\n") {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+"="); found {
			return strings.Fields(strings.Trim(value, `"'`))
		}
	}
	return nil
}
