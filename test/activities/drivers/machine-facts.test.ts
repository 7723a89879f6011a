// What a machine tells of itself, behind a real sshd; its /etc and /var lie over the host's.

import { existsSync } from 'node:fs';
import { hostname } from 'node:os';

import type { MachineAddress } from '../../../activities/access';
import { createSshMachines } from '../../../activities/adapters/ssh-machines';
import { createKubeadmDriver } from '../../../activities/drivers/kubeadm-driver';
import { readFacts } from '../../../activities/drivers/machine-facts';
import { freePortBlock } from '../../../lab/free-ports';
import type { MemberName } from '../../../domain/names';
import type { ComponentFlags, MachineFacts } from '../../../domain/machine-observation';
import { version } from '../../support/builders';
import { describeAsRoot, SshServer } from '../../support/ssh-server';
import { never, refusalOf } from '../adapters/support/refusals';
import { aContext } from './support/programs';

jest.setTimeout(300_000);

const self = hostname().toLowerCase();
const asking = { askedAtMs: 1_000_000, answeredAtMs: 1_000_200 };
const bare = { space: [], components: [], automaticUpgrades: [] };

describe('what a machine tells', () => {
  it('is read line by line', () => {
    const text = [
      'space /var/lib/etcd / 2048',
      'memory 4',
      'swap 0',
      'cgroup 2',
      'runtime containerd 1.7.28',
      'images yes',
      'image kube-proxy:v1.29.15',
      'failSwapOn false',
      'failCgroupV1 true',
      'component kubelet',
      'flag kubelet v',
      'told kubeadm v',
      'told kubeadm pod-infra-container-image',
      'told owner v',
      'gate kubelet SeccompDefault',
      'plugin kube-apiserver NodeRestriction',
      'certificate Jan  1 00:16:41 1970 GMT',
      'automatic dnf-automatic.timer',
      'clock 1000150',
      'end',
      '',
    ].join('\n');
    const facts: MachineFacts = {
      space: [{ path: '/var/lib/etcd', mount: '/', freeBytes: 2_097_152 }],
      availableMemoryBytes: 4_096,
      swapBytes: 0,
      cgroup: 2,
      runtime: { name: 'containerd', version: version('1.7.28') },
      images: ['kube-proxy:v1.29.15'],
      failSwapOn: false,
      failCgroupV1: true,
      kubeadmFlags: ['pod-infra-container-image'],
      components: [
        { component: 'kubelet', flags: ['v'], gates: ['SeccompDefault'], plugins: [] },
        { component: 'kube-apiserver', flags: [], gates: [], plugins: ['NodeRestriction'] },
      ],
      kubeletCertificateSecondsLeft: 0,
      automaticUpgrades: ['dnf-automatic.timer'],
      clock: { aheadMs: 50, doubtMs: 100 },
    };
    expect(readFacts(text, asking)).toEqual(facts);
    expect(readFacts('end\n', asking)).toEqual(bare);
    expect(readFacts('runtime containerd \nend\n', asking)).toEqual(bare);
  });

  it.each([
    'memory 4\n',
    'memory much\nend\n',
    'space / / -\nend\n',
    'swap\nend\n',
    'cgroup 3\nend\n',
    'flag etcd v\nend\n',
    'image kube-proxy:v1.29.15\nend\n',
    'certificate soon\nend\n',
    'clock now\nend\n',
    'Welcome to this machine\nend\n',
    'constructor\nend\n',
    'end\nend\n',
  ])('is not believed when it is %j', (text) => {
    expect(readFacts(text, asking)).toBeUndefined();
  });
});

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
failSwapOn: false
featureGates:
  SeccompDefault: true
  "GracefulNodeShutdown": false
kind: KubeletConfiguration
`;

const manifest = `spec:
  containers:
  - command:
    - kube-apiserver
    - --cloud-provider=aws
    - --enable-admission-plugins=NodeRestriction
    - --disable-admission-plugins=SecurityContextDeny
    - --feature-gates=APISelfSubjectReview=true,APIListChunking=false
    - --profiling
`;

describeAsRoot('a machine that is asked', () => {
  let server: SshServer;

  beforeAll(async () => {
    server = await SshServer.start(['etc', 'var']);
  });

  afterAll(async () => server?.stop());

  const machines = (names: readonly string[] = [self]) => {
    const address = { host: '127.0.0.1', port: server.port };
    const named = Object.fromEntries(names.map((name) => [name, address]));
    const access = { ssh: server.access(), machines: named };
    return createSshMachines({ access, agentSocket: undefined });
  };
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    const shell = await machines().connect(self, never);
    const script = Object.entries(files)
      .map(([file, text]) => `mkdir -p "$(dirname ${file})"; cat > ${file} <<'END'\n${text}END\n`)
      .join('');
    const limits = { timeoutMs: 20_000, outputBytesMax: 1_024 };
    expect(await shell.run({ doing: 'writing', script, args: [], ...limits }, never)).toMatchObject(
      { code: 0 },
    );
    shell.close();
  };
  const look = async (names?: readonly string[]) => {
    const packages = { kind: 'binaries', directory: '/nowhere' } as const;
    const options = { access: { packages }, machines: machines(names), members: [] };
    const driver = createKubeadmDriver(options);
    return (await driver.controlPlane.machineFacts?.(never)) ?? [];
  };

  it('tells what it has, and the flags that stand in its files', async () => {
    await write({
      '/var/lib/kubelet/config.yaml': kubeletConfig,
      '/var/lib/kubelet/kubeadm-flags.env':
        'KUBELET_KUBEADM_ARGS="--pod-infra-container-image=registry.example/pause:3.9 --v=2"\n',
      '/etc/default/kubelet': 'KUBELET_EXTRA_ARGS=--feature-gates=TopologyManager=true\n',
      '/etc/kubernetes/manifests/kube-apiserver.yaml': manifest,
    });
    const [machine] = await look();
    if (machine?.kind !== 'observed') throw new Error(JSON.stringify(machine));
    const { facts } = machine;
    const components: readonly ComponentFlags[] = [
      {
        component: 'kubelet',
        flags: ['pod-infra-container-image', 'v', 'feature-gates'],
        gates: ['SeccompDefault', 'GracefulNodeShutdown', 'TopologyManager'],
        plugins: [],
      },
      {
        component: 'kube-apiserver',
        flags: [
          'cloud-provider',
          'enable-admission-plugins',
          'disable-admission-plugins',
          'feature-gates',
          'profiling',
        ],
        gates: ['APISelfSubjectReview', 'APIListChunking'],
        plugins: ['NodeRestriction', 'SecurityContextDeny'],
      },
    ];
    expect(facts).toMatchObject({ components, failSwapOn: false, releases: [] });
    expect(facts.space.map(({ path }) => path)).toEqual(expect.arrayContaining(['/']));
    expect(facts.space.every(({ freeBytes }) => freeBytes > 0)).toBe(true);
    expect(facts.availableMemoryBytes).toBeGreaterThan(0);
    const hasGroups = existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1;
    expect(facts.cgroup).toBe(hasGroups);
    // The same clock.
    expect(Math.abs(facts.clock?.aheadMs ?? Infinity)).toBeLessThanOrEqual(
      (facts.clock?.doubtMs ?? 0) + 1,
    );
  });

  it('that is away keeps nobody from knowing the releases of the others', async () => {
    const where = { host: '127.0.0.1', port: server.port };
    const nowhere = { host: '127.0.0.1', port: await freePortBlock(1) };
    const releases = (named: Readonly<Record<string, MachineAddress>>) => {
      const access = { ssh: server.access(), machines: named };
      const packages = { kind: 'binaries', directory: '/var/lib/releases' } as const;
      const reached = createSshMachines({ access, agentSocket: undefined });
      const options = { access: { packages }, machines: reached, members: [] };
      return createKubeadmDriver(options).controlPlane.availableVersions(never);
    };
    const programs = ['kubeadm', 'kubelet', 'kubectl'];
    const place = (program: string) => `/var/lib/releases/1.29.15/${program}`;
    await write(Object.fromEntries(programs.map((program) => [place(program), ''])));
    const shell = await machines().connect(self, never);
    const script = 'chmod 755 /var/lib/releases/*/*';
    const limits = { args: [], timeoutMs: 20_000, outputBytesMax: 1_024 };
    await shell.run({ doing: 'offering', script, ...limits }, never);
    shell.close();
    expect(await releases({ [self]: where, 'worker-9': nowhere })).toEqual(['1.29.15']);
    expect(await refusalOf(releases({ 'worker-9': nowhere }))).toMatchObject({
      code: 'unreachable',
    });
  });

  it('that is left out and a member leaves the control plane to be changed by hand', async () => {
    const packages = { kind: 'binaries', directory: '/nowhere' } as const;
    const members = [self as MemberName, 'cp-9' as MemberName];
    const { controlPlane } = createKubeadmDriver({
      access: { packages },
      machines: machines(),
      members,
    });
    expect(controlPlane).toMatchObject({ driver: 'kubeadm', drives: ['node', 'reboot', 'images'] });
    expect(controlPlane.changedAs).toBeUndefined();
    expect(await controlPlane.availableEtcdVersions(never)).toBeUndefined();
    const repair = controlPlane.repairEtcdMember('cp-9' as MemberName, aContext());
    expect(await refusalOf(repair)).toEqual({
      code: 'rejected',
      message:
        'the access file names no machine for some member: add them to driver.machines, or change' +
        ' the control plane by hand (docs/kubeadm.md)',
    });
  });

  it('that is another one is told beside those that answer', async () => {
    const seen = await look([self, 'worker-9']);
    expect(seen.map(({ kind, name }) => [name, kind])).toEqual([
      [self, 'observed'],
      ['worker-9', 'unobserved'],
    ]);
    expect(seen[1]).toMatchObject({
      problem: {
        code: 'unexpected',
        message: expect.stringContaining('is not machine worker-9') as string,
      },
    });
  });
});
