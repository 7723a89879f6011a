// The part of the preflight that was seen on machines themselves. Nothing is said where no driver
// reaches any; what a machine that was reached did not tell is said (O3).

import { boundedList } from '../lists';
import { formatDuration } from '../durations';
import type { ComponentFlags, MachineFacts } from '../machine-observation';
import type { NodeName } from '../names';
import type { MachineObservation, Problem } from '../observation';
import { compareVersions, minorOf } from '../versions';
import type { KubeVersion } from '../versions';
import { cgroupV1Of } from '../knowledge/lookups';
import { shippedKnowledge } from '../knowledge/shipped';
import type { PreflightFacts } from './preflight-cluster';
import type { Finding } from './findings';
import {
  aboutOption,
  areGatesKnown,
  type GoneOption,
  goneOptions,
  takenOutFlags,
} from './removed-options';
import { containerdMinimums } from './runtime-minimums';

const mebibyte = 1024 * 1024;

/** An upgrade writes new images, copies of manifests and of etcd's data, and logs. */
const neededBytes: Readonly<Record<string, number>> = {
  '/': 1024 * mebibyte,
  '/var/lib/containerd': 2048 * mebibyte,
  '/var/lib/kubelet': 1024 * mebibyte,
  '/var/lib/etcd': 1024 * mebibyte,
};
/** Below this part of what is needed, steps are known to fail. */
const blockingPart = 0.25;
const neededMemoryBytes = 256 * mebibyte;
/** Tokens and certificates are not yet valid; leases are taken from who holds them. */
const clockBlocksMs = 60_000;
const clockWarnsMs = 5_000;
const certificateReserveMs = 7 * 86_400_000;

type Said = Omit<Finding, 'object'>;

export function machineFindings({ observation, hop, planned }: PreflightFacts): readonly Finding[] {
  const { machines = [] } = observation;
  return machines.flatMap((machine) => {
    const object = { kind: 'node', name: machine.name } as const;
    return saidOf(machine, { hop, pathMs: planned?.pathMs ?? 0 }).map((said) => ({
      ...said,
      object,
    }));
  });
}

interface Asked {
  readonly hop: PreflightFacts['hop'];
  readonly pathMs: number;
}

function saidOf(machine: MachineObservation, asked: Asked): readonly Said[] {
  if (machine.kind === 'unobserved') return [unobserved(machine.name, machine.problem)];
  const { facts } = machine;
  const { hop } = asked;
  return [
    ...spaceFindings(facts),
    ...memoryFindings(facts),
    ...cgroupFindings(facts, hop.to),
    ...runtimeFindings(facts, hop.to),
    ...facts.components.flatMap((one) => optionFindings(one, hop, facts)),
    ...clockFindings(facts),
    ...certificateFindings(facts, asked.pathMs),
    ...upgradeFindings(facts),
    ...releaseFindings(facts, hop.to),
    ...imageFindings(facts, hop.to),
    ...untoldFindings(facts, hop.to),
  ];
}

function unobserved(name: NodeName, { code, message }: Problem): Said {
  return {
    code: 'machine-unobserved',
    severity: 'blocks',
    message: `its machine could not be asked: ${message}`,
    remedy: `see that the worker reaches machine ${name} as root, as its steps will`,
    evidence: { problem: code },
  };
}

/** One for each file system: that of the directory which needs the most. */
function spaceFindings({ space }: MachineFacts): readonly Said[] {
  const largest = new Map<string, { path: string; freeBytes: number; needed: number }>();
  for (const { path, mount, freeBytes } of space) {
    const needed = neededBytes[path] ?? 0;
    if (needed > (largest.get(mount)?.needed ?? 0)) largest.set(mount, { path, freeBytes, needed });
  }
  return [...largest.values()]
    .filter(({ freeBytes, needed }) => freeBytes < needed)
    .map(({ path, freeBytes, needed }) => ({
      code: 'machine-disk-low',
      severity: freeBytes < needed * blockingPart ? 'blocks' : 'warns',
      message:
        `${path} has ${sizeText(freeBytes)} free,` + ` and an upgrade may need ${sizeText(needed)}`,
      remedy: 'free some space there: images that nothing uses, old logs, old packages',
      about: path,
      figures: { freeBytes, neededBytes: needed },
    }));
}

function sizeText(bytes: number): string {
  return `${Math.floor(bytes / mebibyte)} MiB`;
}

function memoryFindings({
  availableMemoryBytes: free = Infinity,
  swapBytes = 0,
  failSwapOn = true,
}: MachineFacts): readonly Said[] {
  const said: Said[] = [];
  if (free < neededMemoryBytes) {
    said.push({
      code: 'machine-memory-low',
      severity: 'warns',
      message: `it has ${sizeText(free)} of memory left: old and new programs may not fit together`,
      remedy: 'find out what takes it; pods without a limit come first',
      figures: { freeBytes: free },
    });
  }
  if (swapBytes > 0 && failSwapOn) {
    said.push({
      code: 'machine-swap-on',
      severity: 'blocks',
      message: `${sizeText(swapBytes)} of swap are on, and its kubelet does not start with swap`,
      remedy: 'swapoff -a and take it out of /etc/fstab, or set failSwapOn: false for the kubelet',
      figures: { swapBytes },
    });
  }
  return said;
}

function cgroupFindings({ cgroup, failCgroupV1 }: MachineFacts, to: KubeVersion): readonly Said[] {
  const minor = minorOf(to);
  const said = cgroup === 1 ? cgroupV1Of(shippedKnowledge, minor) : undefined;
  if (said === undefined) return [];
  const fails = failCgroupV1 ?? said.state === 'refused';
  return [
    {
      code: 'cgroup-v1',
      severity: fails ? 'blocks' : 'warns',
      message: fails
        ? `it has control groups of version 1, and its kubelet of ${minor} does not start with them`
        : `it has control groups of version 1, which ${said.maintainedSince} and later only keep`,
      remedy: 'move it to an operating system with version 2, or set failCgroupV1: false for now',
    },
  ];
}

function runtimeFindings({ runtime }: MachineFacts, to: KubeVersion): readonly Said[] {
  if (runtime?.name !== 'containerd') return [];
  const minimums = containerdMinimums(minorOf(to));
  const { version } = runtime;
  const ofSeries = minimums.find((one) => minorOf(one) === minorOf(version));
  const [oldest] = minimums;
  const isBelowAll = oldest !== undefined && compareVersions(version, oldest) < 0;
  const isOld = ofSeries === undefined ? isBelowAll : compareVersions(version, ofSeries) < 0;
  if (!isOld) return [];
  return [
    {
      code: 'container-runtime-old',
      severity: ofSeries === undefined ? 'blocks' : 'warns',
      message: `it runs containerd ${version}; ${minorOf(to)} wants ${minimums.join(' or ')}`,
      remedy: 'upgrade containerd there first, one drained node at a time',
      evidence: { version, wanted: minimums },
    },
  ];
}

function optionFindings(
  told: ComponentFlags,
  hop: PreflightFacts['hop'],
  { kubeadmFlags = [] }: MachineFacts,
): readonly Said[] {
  return goneOptions(told, hop).map((gone) =>
    isTakenOut(gone, kubeadmFlags) ? takenOutFinding(gone) : removedFinding(gone),
  );
}

/** What stands elsewhere as well is somebody's own: nobody takes it out for them. */
function isTakenOut(
  { component, minor, flag = '' }: GoneOption,
  kubeadmFlags: readonly string[],
): boolean {
  const known = takenOutFlags.some((one) => one.minor === minor && one.flag === flag);
  return component === 'kubelet' && known && kubeadmFlags.includes(flag);
}

function takenOutFinding(gone: GoneOption): Said {
  return {
    code: 'flag-removed',
    severity: 'notes',
    message:
      `its kubelet is told the ${gone.what} by kubeadm-flags.env, which ${gone.minor} does not` +
      ' know: it is taken out there before the kubelet changes',
    remedy: 'nothing; what else reads that file has to do without the flag',
    about: aboutOption(gone),
    evidence: { minor: gone.minor },
  };
}

function removedFinding(gone: GoneOption): Said {
  const { code, component, minor, what } = gone;
  const where =
    component === 'kubelet'
      ? `${kubeletMap[code]}/var/lib/kubelet/config.yaml,` +
        ' kubeadm-flags.env and /etc/default/kubelet'
      : `the ConfigMap kubeadm-config and /etc/kubernetes/manifests/${component}.yaml`;
  return {
    code,
    severity: 'blocks',
    message:
      `its ${component} is told the ${what},` + ` which ${minor} does not know: it would not start`,
    remedy: `take it out of ${where}`,
    about: aboutOption(gone),
    evidence: { minor },
  };
}

/** The ConfigMap has no flags. */
const kubeletMap = {
  'flag-removed': '',
  'gate-removed': 'the ConfigMap kubelet-config, ',
} as const;

function clockFindings({ clock }: MachineFacts): readonly Said[] {
  if (clock === undefined) return [];
  const offMs = Math.max(0, Math.abs(clock.aheadMs) - clock.doubtMs);
  if (offMs < clockWarnsMs) return [];
  const way = clock.aheadMs > 0 ? 'ahead of' : 'behind';
  return [
    {
      code: 'clock-skewed',
      severity: offMs < clockBlocksMs ? 'warns' : 'blocks',
      message: `its clock is ${formatDuration(offMs)} ${way} that of the worker`,
      remedy: 'see that both have their time from the same source (chrony, systemd-timesyncd)',
      figures: { aheadMs: clock.aheadMs },
    },
  ];
}

function certificateFindings(
  { kubeletCertificateSecondsLeft: seconds }: MachineFacts,
  pathMs: number,
): readonly Said[] {
  if (seconds === undefined || seconds * 1_000 > pathMs + certificateReserveMs) return [];
  const when = seconds <= 0 ? 'has expired' : `expires in ${formatDuration(seconds * 1_000)}`;
  return [
    {
      code: 'certificate-expires',
      severity: seconds <= 0 ? 'blocks' : 'warns',
      message: `the certificate that its kubelet shows API servers ${when}`,
      remedy: 'see why the kubelet does not renew it: rotateCertificates, and pending requests',
      about: 'kubelet',
      figures: { secondsLeft: seconds },
    },
  ];
}

function upgradeFindings({ automaticUpgrades }: MachineFacts): readonly Said[] {
  if (automaticUpgrades.length === 0) return [];
  return [
    {
      code: 'automatic-upgrades',
      severity: 'warns',
      message: `packages are upgraded there without being asked: ${automaticUpgrades.join(', ')}`,
      remedy: 'stop it for the time of the upgrade, or hold kubeadm, kubelet, kubectl, containerd',
      evidence: { by: automaticUpgrades },
    },
  ];
}

function releaseFindings({ releases }: MachineFacts, to: KubeVersion): readonly Said[] {
  if (releases === undefined || releases.includes(to)) return [];
  return [
    {
      code: 'machine-release-missing',
      severity: 'blocks',
      message: `${to} cannot be had there; ${releaseText(releases)}`,
      remedy: 'bring it within reach of the machine: see driver.packages of the access file',
      evidence: { release: to },
    },
  ];
}

function releaseText(releases: readonly KubeVersion[]): string {
  return releases.length === 0 ? 'no release can' : `what can: ${boundedList(releases)}`;
}

/** Every machine runs this one; the kubelet pulls it when its DaemonSet changes. */
function imageFindings({ images }: MachineFacts, to: KubeVersion): readonly Said[] {
  const image = `kube-proxy:v${to}`;
  if (images === undefined || images.includes(image)) return [];
  return [
    {
      code: 'image-absent',
      severity: 'notes',
      message: `${image} is not there yet: it will be pulled during the hop`,
      remedy: 'nothing, where its registry is within reach; else pull it before',
      evidence: { image },
    },
  ];
}

const factNames = {
  availableMemoryBytes: 'memory',
  swapBytes: 'swap',
  cgroup: 'control groups',
  runtime: 'its container runtime',
  clock: 'its clock',
  kubeletCertificateSecondsLeft: 'its certificate',
  images: 'its images',
  releases: 'its releases',
} as const satisfies Partial<Record<keyof MachineFacts, string>>;

function untoldFindings(facts: MachineFacts, to: KubeVersion): readonly Said[] {
  const names = Object.keys(factNames) as (keyof typeof factNames)[];
  const minor = minorOf(to);
  const untold = [
    ...(facts.space.length === 0 ? ['free space'] : []),
    ...names.filter((name) => facts[name] === undefined).map((name) => factNames[name]),
    ...(facts.components.some(({ component }) => component === 'kubelet') ? [] : ['kubelet flags']),
    ...(areGatesKnown(minor) ? [] : [`feature gates that ${minor} removed`]),
  ];
  if (untold.length === 0) return [];
  return [
    {
      code: 'machine-facts-missing',
      severity: 'warns',
      message: `this could not be looked into: ${untold.join(', ')}`,
      remedy: 'look into it by hand; what is needed on machines is in docs/kubeadm.md',
      evidence: { untold },
    },
  ];
}
