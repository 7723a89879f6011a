import { evaluatePreflight } from '../../../domain/preflight/preflight';
import type { Finding } from '../../../domain/preflight/findings';
import type { MachineFacts } from '../../../domain/machine-observation';
import type { NodeName } from '../../../domain/names';
import type { MachineObservation } from '../../../domain/observation';
import { aCluster, version } from '../../support/builders';
import { told } from '../support/told-findings';

const name = 'worker-1' as NodeName;
const mebibyte = 1024 * 1024;
const day = 86_400;

const fit: MachineFacts = {
  space: [{ path: '/', mount: '/', freeBytes: 50_000 * mebibyte }],
  availableMemoryBytes: 900 * mebibyte,
  swapBytes: 0,
  cgroup: 2,
  runtime: { name: 'containerd', version: version('1.7.28') },
  components: [{ component: 'kubelet', flags: ['v'], gates: [], plugins: [] }],
  clock: { aheadMs: 20, doubtMs: 40 },
  kubeletCertificateSecondsLeft: 300 * day,
  automaticUpgrades: [],
  images: ['kube-proxy:v1.29.15'],
  releases: [version('1.29.15')],
};

function foundOn(machine: MachineObservation, to = '1.29.15', from = '1.28.15', pathMs = 0) {
  const observation = aCluster()
    .withMembers(3, from)
    .with({ machines: [machine] })
    .observation();
  const { findings } = evaluatePreflight({
    observation,
    hop: { from: version(from), to: version(to) },
    planned: { hopMs: 0, pathMs },
  });
  return findings
    .filter(({ object }) => object.kind === 'node')
    .map(({ code, severity, message }) => [code, severity, message] as const);
}

const found = (other: Partial<MachineFacts>, ...hop: readonly [to?: string, from?: string]) =>
  foundOn({ kind: 'observed', name, facts: { ...fit, ...other } }, ...hop);

/** As if the machine did not tell it. */
function without(...keys: readonly (keyof MachineFacts)[]): MachineFacts {
  const kept = Object.entries(fit).filter(([key]) => !keys.some((one) => one === key));
  return Object.fromEntries(kept) as unknown as MachineFacts;
}

type Said = readonly [Finding['code'], Finding['severity'], string];

describe('the preflight of machines', () => {
  it('finds nothing on one that is fit', () => {
    expect(found({})).toEqual([]);
  });

  it('finds nothing where no driver reaches any, or nothing is planned', () => {
    const hop = { from: version('1.28.15'), to: version('1.29.15') };
    const observation = aCluster().withMembers(3, '1.28.15').observation();
    expect(evaluatePreflight({ observation, hop }).findings).toEqual([]);
    const machines = [{ kind: 'observed', name, facts: fit }] as const;
    const seen = { ...observation, machines };
    expect(evaluatePreflight({ observation: seen, hop }).findings).toEqual([]);
  });

  it('says which one could not be asked, and what to do', () => {
    const machine = {
      kind: 'unobserved',
      name,
      problem: { code: 'unreachable', message: 'machine worker-1: nobody answers' },
    } as const;
    const observation = aCluster()
      .with({ machines: [machine] })
      .observation();
    const hop = { from: version('1.28.15'), to: version('1.29.15') };
    expect(told(evaluatePreflight({ observation, hop }).findings)).toContainEqual({
      code: 'machine-unobserved',
      severity: 'blocks',
      object: { kind: 'node', name },
      message: 'its machine could not be asked: machine worker-1: nobody answers',
      remedy: 'see that the worker reaches machine worker-1 as root, as its steps will',
    });
  });

  const space = (path: string, free: number, mount = path) => ({
    path,
    mount,
    freeBytes: free * mebibyte,
  });
  const disk = (path: string, free: number, needed: number): string =>
    `${path} has ${free} MiB free, and an upgrade may need ${needed} MiB`;

  it.each<{ readonly of: string; readonly facts: Partial<MachineFacts>; readonly said: Said[] }>([
    {
      of: 'each file system once, by what needs the most of it',
      facts: {
        space: [
          space('/', 900),
          space('/var/lib/containerd', 900, '/'),
          space('/var/lib/kubelet', 900, '/'),
          space('/var/lib/etcd', 200),
          space('/srv', 0),
        ],
      },
      said: [
        ['machine-disk-low', 'blocks', disk('/var/lib/etcd', 200, 1024)],
        ['machine-disk-low', 'warns', disk('/var/lib/containerd', 900, 2048)],
      ],
    },
    {
      of: 'little memory',
      facts: { availableMemoryBytes: 255 * mebibyte },
      said: [
        [
          'machine-memory-low',
          'warns',
          'it has 255 MiB of memory left: old and new programs may not fit together',
        ],
      ],
    },
    {
      of: 'swap that its kubelet does not bear',
      facts: { swapBytes: 512 * mebibyte },
      said: [
        [
          'machine-swap-on',
          'blocks',
          '512 MiB of swap are on, and its kubelet does not start with swap',
        ],
      ],
    },
    { of: 'swap that it bears', facts: { swapBytes: 1, failSwapOn: false }, said: [] },
    {
      of: 'a containerd below the one of its series',
      facts: { runtime: { name: 'containerd', version: version('1.7.2') } },
      said: [
        ['container-runtime-old', 'warns', 'it runs containerd 1.7.2; 1.29 wants 1.6.27 or 1.7.11'],
      ],
    },
    {
      of: 'a containerd below every series',
      facts: { runtime: { name: 'containerd', version: version('1.5.18') } },
      said: [
        [
          'container-runtime-old',
          'blocks',
          'it runs containerd 1.5.18; 1.29 wants 1.6.27 or 1.7.11',
        ],
      ],
    },
    {
      of: 'a containerd above every series, and another runtime',
      facts: { runtime: { name: 'containerd', version: version('2.2.0') } },
      said: [],
    },
    { of: 'cri-o', facts: { runtime: { name: 'cri-o', version: version('1.1.0') } }, said: [] },
    {
      of: 'a clock that is ahead',
      facts: { clock: { aheadMs: 9_000, doubtMs: 1_000 } },
      said: [['clock-skewed', 'warns', 'its clock is 8 s ahead of that of the worker']],
    },
    {
      of: 'a clock that is far behind',
      facts: { clock: { aheadMs: -121_000, doubtMs: 1_000 } },
      said: [['clock-skewed', 'blocks', 'its clock is 2 min behind that of the worker']],
    },
    {
      of: 'a certificate that ends soon',
      facts: { kubeletCertificateSecondsLeft: 2 * day },
      said: [
        [
          'certificate-expires',
          'warns',
          'the certificate that its kubelet shows API servers expires in 2 d',
        ],
      ],
    },
    {
      of: 'a certificate that has ended',
      facts: { kubeletCertificateSecondsLeft: -1 },
      said: [
        [
          'certificate-expires',
          'blocks',
          'the certificate that its kubelet shows API servers has expired',
        ],
      ],
    },
    {
      of: 'what upgrades packages',
      facts: { automaticUpgrades: ['apt-daily-upgrade.timer'] },
      said: [
        [
          'automatic-upgrades',
          'warns',
          'packages are upgraded there without being asked: apt-daily-upgrade.timer',
        ],
      ],
    },
    {
      of: 'a release that is out of reach',
      facts: { releases: [version('1.28.15')] },
      said: [
        ['machine-release-missing', 'blocks', '1.29.15 cannot be had there; what can: 1.28.15'],
      ],
    },
    {
      of: 'no release within reach',
      facts: { releases: [] },
      said: [['machine-release-missing', 'blocks', '1.29.15 cannot be had there; no release can']],
    },
    {
      of: 'an image that is not there',
      facts: { images: [] },
      said: [
        [
          'image-absent',
          'notes',
          'kube-proxy:v1.29.15 is not there yet: it will be pulled during the hop',
        ],
      ],
    },
  ])('tells $of', ({ facts, said }) => {
    expect(found(facts)).toEqual(said);
  });

  const ready = (to: string): Partial<MachineFacts> => ({
    images: [`kube-proxy:v${to}`],
    releases: [version(to)],
    runtime: { name: 'containerd', version: version('2.2.1') },
  });

  it.each<{
    readonly to: string;
    readonly from: string;
    readonly fails?: boolean;
    readonly severity?: Finding['severity'];
  }>([
    { from: '1.29.15', to: '1.30.14' },
    { from: '1.30.14', to: '1.31.14', severity: 'warns' },
    { from: '1.30.14', to: '1.31.14', fails: true, severity: 'blocks' },
    { from: '1.34.8', to: '1.35.5', severity: 'blocks' },
    { from: '1.34.8', to: '1.35.5', fails: false, severity: 'warns' },
  ])('tells control groups of version 1 before $to, failCgroupV1 $fails', (row) => {
    const { from, to, fails, severity } = row;
    const own = fails === undefined ? {} : { failCgroupV1: fails };
    const said = found({ ...ready(to), cgroup: 1, ...own }, to, from)
      .filter(([code]) => code === 'cgroup-v1')
      .map(([, how]) => how);
    expect(said).toEqual(severity === undefined ? [] : [severity]);
  });

  it('tells flags, gates and plugins that the minors on the way removed', () => {
    const components = [
      {
        component: 'kubelet',
        flags: ['iptables-drop-bit', 'v'],
        gates: ['SeccompDefault', 'GracefulNodeShutdown', 'CSIMigrationRBD'],
        plugins: [],
      },
      {
        component: 'kube-apiserver',
        flags: ['cloud-provider', 'iptables-drop-bit'],
        gates: [],
        plugins: ['NodeRestriction', 'SecurityContextDeny', 'PersistentVolumeLabel'],
      },
    ] as const;
    const why = 'which 1.31 does not know: it would not start';
    expect(found({ ...ready('1.31.14'), components }, '1.31.14', '1.30.14')).toEqual([
      [
        'flag-removed',
        'blocks',
        `its kube-apiserver is told the plugin PersistentVolumeLabel, ${why}`,
      ],
      ['flag-removed', 'blocks', `its kubelet is told the flag --iptables-drop-bit, ${why}`],
      ['gate-removed', 'blocks', `its kubelet is told the feature gate CSIMigrationRBD, ${why}`],
    ]);
  });

  it.each([
    {
      kubeadmFlags: ['pod-infra-container-image', 'v'],
      severity: 'notes',
      message:
        'its kubelet is told the flag --pod-infra-container-image by kubeadm-flags.env, which' +
        ' 1.35 does not know: it is taken out there before the kubelet changes',
    },
    {
      kubeadmFlags: undefined,
      severity: 'blocks',
      message:
        'its kubelet is told the flag --pod-infra-container-image, which 1.35 does not know: it' +
        ' would not start',
    },
  ])('what kubeadm has written and takes out $severity', ({ kubeadmFlags, severity, message }) => {
    const flags = ['pod-infra-container-image', 'v'];
    const kubelet = { component: 'kubelet', flags, gates: [], plugins: [] } as const;
    const own = kubeadmFlags === undefined ? {} : { kubeadmFlags };
    const facts = { ...ready('1.35.5'), components: [kubelet], ...own };
    const said = found(facts, '1.35.5', '1.34.8').filter(([code]) => code === 'flag-removed');
    expect(said).toEqual([['flag-removed', severity, message]]);
    expect(found({ ...facts, ...ready('1.34.8') }, '1.34.8', '1.33.13')).not.toContainEqual(
      expect.arrayContaining(['flag-removed']),
    );
  });

  it('tells what it was not told', () => {
    const facts = {
      ...without(
        'availableMemoryBytes',
        'swapBytes',
        'cgroup',
        'runtime',
        'clock',
        'kubeletCertificateSecondsLeft',
        'images',
        'releases',
      ),
      space: [],
      components: [],
    };
    const said = (others: string): readonly Said[] => [
      ['machine-facts-missing', 'warns', `this could not be looked into: ${others}`],
    ];
    const all =
      'free space, memory, swap, control groups, its container runtime, its clock,' +
      ' its certificate, its images, its releases, kubelet flags';
    expect(foundOn({ kind: 'observed', name, facts })).toEqual(said(all));
    expect(found(ready('1.34.8'), '1.34.8', '1.33.12')).toEqual([]);
    const later = {
      ...ready('1.38.0'),
      runtime: { name: 'containerd', version: version('1.6.0') },
    };
    expect(found(later, '1.38.0', '1.37.0')).toEqual(said('feature gates that 1.38 removed'));
  });

  it('takes certificates against the planned end of the path', () => {
    const facts = { ...fit, kubeletCertificateSecondsLeft: 20 * day };
    const machine = { kind: 'observed', name, facts } as const;
    expect(foundOn(machine, '1.29.15', '1.28.15', 30 * day * 1_000)).toHaveLength(1);
    expect(foundOn(machine, '1.29.15', '1.28.15', 10 * day * 1_000)).toEqual([]);
  });
});
