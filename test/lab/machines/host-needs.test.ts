import { checkHost, hostPrograms, missingPackages } from '../../../lab/machines/host-needs';
import type { Host } from '../../../lab/machines/host-needs';
import { hierarchiesIn } from '../../../lab/machines/cgroups';

const able: Host = {
  platform: 'linux',
  isRoot: true,
  isThere: () => true,
  hasCgroupV1: true,
  refused: [],
};

it('lets a host be that has everything', () => {
  expect(() => {
    checkHost(able);
  }).not.toThrow();
});

it('names all that is missing at once, and says so plainly without root', () => {
  const isThere = (file: string): boolean => !/containerd|ctr|sshd/.test(file);
  expect(() => {
    checkHost({ ...able, isRoot: false, isThere, hasCgroupV1: false });
  }).toThrow(
    expect.objectContaining({
      code: 'lab-unsupported',
      message:
        'a lab of machines cannot run here; it needs root: machines are made of namespaces, ' +
        'mounts and control groups; control groups of version 1 below /sys/fs/cgroup; the Debian ' +
        'packages containerd openssh-server',
      problems: [
        'root: machines are made of namespaces, mounts and control groups',
        'control groups of version 1 below /sys/fs/cgroup',
        'the Debian packages containerd openssh-server',
      ],
    }),
  );
});

it('names what root is refused here', () => {
  const refused = ['the right to make namespaces and to mount in them'];
  expect(() => {
    checkHost({ ...able, refused });
  }).toThrow(
    expect.objectContaining({
      message:
        'a lab of machines cannot run here; it needs the right to make namespaces and to mount in' +
        ' them',
      problems: refused,
    }),
  );
});

it('refuses another system than Linux', () => {
  expect(() => {
    checkHost({ ...able, platform: 'darwin' });
  }).toThrow('it needs Linux; this is darwin');
});

it('names each package once', () => {
  const packages = missingPackages(() => false);
  expect(packages).toEqual([...new Set(hostPrograms.map((program) => program.package))]);
});

it('reads the hierarchies of cgroup v1, named ones too, and passes over v2', () => {
  const text = '10:name=systemd:/\n9:cpu,cpuacct:/a/b\n3:memory:/\n0::/user.slice\n';
  expect(hierarchiesIn(text)).toEqual([
    { name: 'systemd', options: 'none,name=systemd', own: '/' },
    { name: 'cpu,cpuacct', options: 'cpu,cpuacct', own: '/a/b' },
    { name: 'memory', options: 'memory', own: '/' },
  ]);
});
