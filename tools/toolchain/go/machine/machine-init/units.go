package main

import (
	"os"
	"path/filepath"
	"strings"
)

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const kubeletConfig = "/var/lib/kubelet/config.yaml"

const etcdConfig = "/etc/etcd/etcd.yaml"

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
	{
		"etcd",
		fixed("/usr/local/bin/etcd", "--config-file="+etcdConfig),
		func() bool { return exists(etcdConfig) && !isHeld("etcd") },
	},
}

// Whether a drop-in of the unit has a condition `ConditionPathExists=!PATH` that does not hold.
// Nothing else of drop-ins is known.
func isHeld(name string) bool {
	files, _ := filepath.Glob("/etc/systemd/system/" + name + ".service.d/*.conf")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			path, found := strings.CutPrefix(line, "ConditionPathExists=!")
			if found && exists(path) {
				return true
			}
		}
	}
	return false
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
