// What is the machine's own from its first boot on: binaries, settings, host key. Nothing here
// knows of the cluster yet; kubeadm writes that.

import { constants } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { diskDirectories } from './boot-script';
import { imageTags } from './images';
import type { Machine, MachinesFile, MachinesLayout } from './machines-file';
import { network } from './machines-file';
import type { MachineBinaries } from './releases';
import { runHere } from './run-here';

export const podNetwork = '10.244.0.0/16';

/** CNI plugins of Debian's containernetworking-plugins. */
const cniPlugins = '/usr/lib/cni';

const containerdConfig = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageTags.pause}"
  # Without CAP_SYS_RESOURCE over the host no score may be lowered.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${cniPlugins}"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;

const sshdConfig = `HostKey /etc/ssh/machine_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
AuthorizedKeysFile .ssh/authorized_keys
Subsystem sftp /usr/lib/openssh/sftp-server
`;

/** Of a machine: registries and where they are mirrored, as containerd has it. */
export const mirrorsDirectory = '/etc/containerd/certs.d';

/**
 * What kubeadm (its util/runtime) and Ascent ask of crictl, by way of containerd's own client:
 * cri-tools has no module that could be built.
 */
const crictlShim = `#!/bin/sh
# crictl for kubeadm and Ascent, over ctr.
set -eu
verb=
while [ $# -gt 0 ]; do
  case $1 in
    -r | -i | -o | --template) shift 2 ;;
    -*) shift ;;
    ps | stop) verb=$1; shift; break ;;
    *) if [ -z "$verb" ]; then verb=$1; shift; else break; fi ;;
  esac
done
ctr() { command ctr --namespace k8s.io "$@"; }
case $verb in
  info) ctr version >/dev/null; echo '${imageTags.pause}' ;;
  inspecti) ctr images ls -q | grep -qxF -- "$1" ;;
  pull)
    # Where somebody has named a mirror, as containerd's own configuration would.
    if [ -d ${mirrorsDirectory} ]; then
      ctr images pull --hosts-dir ${mirrorsDirectory} "$1"
      exit
    fi
    ctr images ls -q | grep -qxF -- "$1" || { echo "$1: no registry here" >&2; exit 1; }
    ;;
  pods) ctr containers ls -q 'labels."io.cri-containerd.kind"==sandbox' ;;
  ps)
    filters=
    while [ $# -gt 0 ]; do
      case $1 in
        --label) filters="$filters,labels.\\"\${2%%=*}\\"==\\"\${2#*=}\\""; shift 2 ;;
        *) shift ;;
      esac
    done
    running=$(ctr tasks ls | awk '$3 == "RUNNING" { print $1 }')
    if [ -z "$running" ]; then exit 0; fi
    ctr containers ls -q "\${filters#,}" | grep -F "$running" || true
    ;;
  stop)
    while [ $# -gt 0 ]; do
      case $1 in
        --timeout) shift 2 ;;
        *) ctr tasks kill --all --signal SIGKILL "$1" || true; shift ;;
      esac
    done
    ;;
  stopp) ctr tasks kill --all --signal SIGKILL "$1" || true ;;
  rmp) ctr tasks delete --force "$1" || true; ctr containers delete "$1" ;;
  *) echo "crictl: $verb is not known here" >&2; exit 1 ;;
esac
`;

/** Of the machine's subnet, which the cluster gives it. */
export function cniConfig(podSubnet: string): string {
  const range = { subnet: podSubnet };
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[range]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

function hosts({ machines }: MachinesFile): string {
  const rows = machines.map(({ name, address }) => `${address} ${name}`);
  return ['127.0.0.1 localhost', ...rows, ''].join('\n');
}

export function machineDirectory(layout: MachinesLayout, machine: string): string {
  return path.join(layout.machines, machine);
}

const binaryPaths = {
  kubeadm: 'usr/bin/kubeadm',
  kubelet: 'usr/bin/kubelet',
  kubectl: 'usr/bin/kubectl',
} as const;

export async function copyProgram(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o755);
}

async function makeKey(file: string, comment: string): Promise<void> {
  await runHere({
    doing: `making the SSH key ${path.basename(file)}`,
    file: 'ssh-keygen',
    args: ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file],
  });
}

/** The key of the lab, which lets into every machine as root. */
export async function makeLabKey(layout: MachinesLayout, lab: string): Promise<void> {
  await mkdir(layout.ssh, { recursive: true, mode: 0o700 });
  await makeKey(path.join(layout.ssh, 'key'), `lab ${lab}`);
}

/** known_hosts of every machine, at the ports of the host's loopback. */
export async function writeKnownHosts(layout: MachinesLayout, lab: MachinesFile): Promise<void> {
  const lines = await Promise.all(
    lab.machines.map(async ({ name, ports }) => {
      const key = await readFile(path.join(layout.ssh, `${name}.pub`), 'utf8');
      return `[127.0.0.1]:${ports.ssh} ${key.split(' ').slice(0, 2).join(' ')}\n`;
    }),
  );
  await writeFile(path.join(layout.ssh, 'known_hosts'), lines.join(''), { mode: 0o600 });
}

/** Writes the machine's disk; the laid-over sides of /usr and /etc lie beside it. */
export async function layOutMachine(
  layout: MachinesLayout,
  lab: MachinesFile,
  machine: Machine,
  binaries: MachineBinaries,
): Promise<void> {
  const directory = machineDirectory(layout, machine.name);
  const at = (file: string): string => path.join(directory, file);
  const sides = ['usr', 'usr.work', 'etc', 'etc.work'];
  for (const each of [...diskDirectories.map((name) => `disk/${name}`), ...sides]) {
    await mkdir(at(each), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    await symlink(`usr/${name}`, at(`disk/${name}`));
  await symlink('/run', at('disk/var/run'));
  for (const [name, file] of Object.entries(binaryPaths)) {
    await copyProgram(binaries.of(name as keyof typeof binaryPaths), at(file));
  }
  await copyProgram(binaries.own('machine-init'), at('usr/local/bin/machine-init'));
  for (const name of ['systemctl', 'systemd-run']) {
    await symlink('machine-init', at(`usr/local/bin/${name}`));
  }
  await makeKey(path.join(layout.ssh, machine.name), machine.name);
  const readKey = (name: string): Promise<string> => readFile(path.join(layout.ssh, name), 'utf8');
  const files: readonly (readonly [string, string, number?])[] = [
    ['usr/local/bin/crictl', crictlShim, 0o755],
    ['etc/hostname', `${machine.name}\n`],
    ['etc/hosts', hosts(lab)],
    ['etc/machine-id', `${randomBytes(16).toString('hex')}\n`],
    // It names one, without which CoreDNS does not start; nobody answers there.
    ['etc/resolv.conf', `nameserver ${network.switch}\n`],
    ['etc/containerd/config.toml', containerdConfig],
    ['etc/default/kubelet', `KUBELET_EXTRA_ARGS="--node-ip=${machine.address}"\n`],
    ['etc/ssh/sshd_config', sshdConfig],
    ['etc/ssh/machine_key', await readKey(machine.name), 0o600],
    ['disk/root/.ssh/authorized_keys', await readKey('key.pub'), 0o600],
    ['disk/root/.profile', 'export KUBECONFIG=/etc/kubernetes/admin.conf\n'],
  ];
  for (const [file, text, mode = 0o644] of files) {
    await mkdir(path.dirname(at(file)), { recursive: true });
    await writeFile(at(file), text, { mode });
  }
  await mkdir(at('etc/cni/net.d'), { recursive: true });
  await chmod(at('disk/root'), 0o700);
}
