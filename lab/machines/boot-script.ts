// The first thing that runs in a machine's new namespaces: builds its view of the file system, and
// becomes its first process. A shell script, because it is a list of mounts.
// B1. /usr and /etc are the host's with what is the machine's own laid over; everything else of its
//     disk is its own directory, so that it survives a power cut, and /run and /tmp do not.
// B2. Settings of the whole kernel are hidden behind files of the machine: its kubelet finds what
//     it wants and changes nothing of the host.

import type { Hierarchy } from './cgroups';

/** What kubelet demands of the kernel (its container manager, setupKernelTunables). */
const tunables = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
} as const satisfies Readonly<Record<string, string>>;

function mountGroups(hierarchies: readonly Hierarchy[]): readonly string[] {
  return hierarchies.flatMap(({ name, options }) => [
    `mkdir "$root/sys/fs/cgroup/${name}"`,
    `mount -t cgroup -o ${options} cgroup "$root/sys/fs/cgroup/${name}"`,
  ]);
}

function hideTunables(): readonly string[] {
  return Object.entries(tunables).flatMap(([name, value]) => {
    const file = `/run/tunables/${name.replaceAll('/', '.')}`;
    return [`echo ${value} > ${file}`, `mount --bind ${file} /proc/sys/${name}`];
  });
}

/** Arguments of the script: the machine's directory, its hostname, the directory of images. */
export function bootScript(hierarchies: readonly Hierarchy[]): string {
  return [
    'set -eu',
    'machine=$1 name=$2 images=$3 root=$machine/disk',
    'mount --bind "$root" "$root"',
    'for tree in usr etc; do',
    '  sides="upperdir=$machine/$tree,workdir=$machine/$tree.work"',
    '  mount -t overlay -o "lowerdir=/$tree,$sides" overlay "$root/$tree"',
    'done',
    'mount -t proc proc "$root/proc"',
    'mount -t sysfs sysfs "$root/sys"',
    'mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"',
    ...mountGroups(hierarchies),
    'mount --rbind /dev "$root/dev"',
    'mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"',
    'mount -t tmpfs tmpfs "$root/dev/shm"',
    'mount -t tmpfs -o mode=755 tmpfs "$root/run"',
    'mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"',
    'mount --bind "$images" "$root/opt/images"',
    'mount -o remount,bind,ro "$root/opt/images"',
    'cd "$root"',
    'pivot_root . .host',
    'cd /',
    'umount --lazy /.host',
    // Volumes that a pod mounts must reach the pods of others (mount propagation).
    'mount --make-rshared /',
    'hostname "$name"',
    // By the last one systemd tells that it is the first process (sd_booted(3)).
    'mkdir -p /run/tunables /run/sshd /run/systemd/system',
    ...hideTunables(),
    // Every boot has an id of its own, as on a machine with a kernel of its own.
    'cat /proc/sys/kernel/random/uuid > /run/boot-id',
    'mount --bind /run/boot-id /proc/sys/kernel/random/boot_id',
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables',
    'exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/local/bin/machine-init',
  ].join('\n');
}

/** Of the machine's own disk, made before its first boot. */
export const diskDirectories = [
  'usr',
  'etc',
  'proc',
  'sys',
  'dev',
  'run',
  'tmp',
  '.host',
  'root',
  'home',
  'mnt',
  'opt/images',
  'srv',
  'var/lib/containerd',
  'var/lib/kubelet',
  'var/lib/cni',
  'var/log',
  'var/tmp',
  'var/cache',
  'var/spool',
] as const;
