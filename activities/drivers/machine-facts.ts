// What machines tell of themselves, read strictly: a line that is not known is somebody else's
// output, and nothing of it is believed.

import {
  type ComponentFlags,
  type FreeSpace,
  type MachineFacts,
  type ToldComponent,
  toldComponents,
} from '../../domain/machine-observation';
import type { NodeName } from '../../domain/names';
import type { MachineObservation } from '../../domain/observation';
import { type KubeVersion, parseVersion } from '../../domain/versions';
import type { KubeadmPackages } from '../access';
import { forEachAtOnce } from '../at-once';
import { PortError } from '../ports';
import { problemOf } from '../problems';
import { releasesFrom } from './kubeadm-releases';
import { askedAtOnce } from './machine-ask';
import { machineFactsScript } from './machine-facts-script';
import type { Machines, MachineShell } from './machine-shell';

const askMs = 30_000;
const answerBytesMax = 256 * 1024;
const doing = 'looking at it';

/** Never throws for a machine that does not answer: that is told. */
export async function factsOfAll(
  machines: Machines,
  packages: KubeadmPackages,
  signal: AbortSignal,
): Promise<readonly MachineObservation[]> {
  const seen = new Map<string, MachineObservation>();
  await forEachAtOnce([...machines.names], askedAtOnce, async (machine) => {
    const name = machine as NodeName;
    try {
      const facts = await factsOf(machines, { machine, packages }, signal);
      seen.set(machine, { kind: 'observed', name, facts });
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      seen.set(machine, { kind: 'unobserved', name, problem: problemOf(error) });
    }
  });
  return machines.names.flatMap((name) => seen.get(name) ?? []);
}

async function factsOf(
  machines: Machines,
  { machine, packages }: { readonly machine: string; readonly packages: KubeadmPackages },
  signal: AbortSignal,
): Promise<MachineFacts> {
  const shell = await machines.connect(machine, signal);
  try {
    const facts = await ask(shell, machine, signal);
    const releases = await releasesOf(shell, { machine, packages }, signal);
    return releases === undefined ? facts : { ...facts, releases };
  } finally {
    shell.close();
  }
}

async function ask(
  shell: MachineShell,
  machine: string,
  signal: AbortSignal,
): Promise<MachineFacts> {
  const limits = { timeoutMs: askMs, outputBytesMax: answerBytesMax };
  const askedAtMs = Date.now();
  const script = { doing, script: machineFactsScript, args: [], ...limits };
  const { code, output, complaints } = await shell.run(script, signal);
  const facts = readFacts(output.toString('utf8'), { askedAtMs, answeredAtMs: Date.now() });
  if (facts !== undefined) return facts;
  const why = complaints.at(-1) ?? `it ended with ${code}`;
  throw new PortError('unexpected', `${doing}: machine ${machine} does not tell it whole: ${why}`);
}

/** Undefined where nobody can tell: a repository that is away is no reason to know nothing. */
async function releasesOf(
  shell: MachineShell,
  { machine, packages }: { readonly machine: string; readonly packages: KubeadmPackages },
  signal: AbortSignal,
): Promise<readonly KubeVersion[] | undefined> {
  try {
    return await releasesFrom(shell, { machine, packages }, signal);
  } catch (error) {
    if (error instanceof PortError && error.code === 'unexpected') return undefined;
    throw error;
  }
}

interface Draft {
  space: FreeSpace[];
  components: Map<ToldComponent, { flags: Set<string>; gates: Set<string>; plugins: Set<string> }>;
  automatic: string[];
  images: string[] | undefined;
  /** Flags of the kubelet, by whose file it has them from. */
  readonly told: Readonly<Record<'kubeadm' | 'owner', Set<string>>>;
  facts: Omit<MachineFacts, 'space' | 'components' | 'automaticUpgrades' | 'images'>;
  isWhole: boolean;
}

interface Asking {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

/** Undefined when it is not all that the script says, and nothing else. */
export function readFacts(text: string, asking: Asking): MachineFacts | undefined {
  const draft: Draft = {
    space: [],
    components: new Map(),
    automatic: [],
    images: undefined,
    told: { kubeadm: new Set(), owner: new Set() },
    facts: {},
    isWhole: false,
  };
  for (const line of text.split('\n').slice(0, -1)) {
    if (draft.isWhole || !readLine(line, draft, asking)) return undefined;
  }
  if (!draft.isWhole) return undefined;
  const kubeadmFlags = [...draft.told.kubeadm].filter((flag) => !draft.told.owner.has(flag));
  return {
    ...draft.facts,
    ...(kubeadmFlags.length === 0 ? {} : { kubeadmFlags }),
    space: draft.space,
    components: [...draft.components].map(([component, all]): ComponentFlags => {
      const { flags, gates, plugins } = all;
      return { component, flags: [...flags], gates: [...gates], plugins: [...plugins] };
    }),
    automaticUpgrades: draft.automatic,
    ...(draft.images === undefined ? {} : { images: draft.images }),
  };
}

/** False for a line that the script does not print. */
function readLine(line: string, draft: Draft, asking: Asking): boolean {
  const [name = '', first = '', ...others] = line.split(' ');
  return readers.get(name)?.({ first, others, draft, asking }) ?? false;
}

interface Line {
  readonly first: string;
  readonly others: readonly string[];
  readonly draft: Draft;
  readonly asking: Asking;
}

const kibibyte = 1_024;

const readersByName: Readonly<Record<string, (line: Line) => boolean>> = {
  space: ({ first: path, others: [mount = '', kilobytes = ''], draft }) => {
    draft.space.push({ path, mount, freeBytes: Number(kilobytes) * kibibyte });
    return isCount(kilobytes);
  },
  memory: ({ first, draft }) => {
    draft.facts = { ...draft.facts, availableMemoryBytes: Number(first) * kibibyte };
    return isCount(first);
  },
  swap: ({ first, draft }) => {
    draft.facts = { ...draft.facts, swapBytes: Number(first) * kibibyte };
    return isCount(first);
  },
  cgroup: ({ first, draft }) => {
    draft.facts = { ...draft.facts, cgroup: first === '1' ? 1 : 2 };
    return first === '1' || first === '2';
  },
  runtime: ({ first: name, others: [text = ''], draft }) => {
    const version = parseVersion(text);
    // One that does not tell its version is not known.
    if (version !== undefined) draft.facts = { ...draft.facts, runtime: { name, version } };
    return true;
  },
  failSwapOn: ({ first, draft }) => {
    draft.facts = { ...draft.facts, failSwapOn: first === 'true' };
    return true;
  },
  failCgroupV1: ({ first, draft }) => {
    draft.facts = { ...draft.facts, failCgroupV1: first === 'true' };
    return true;
  },
  images: ({ draft }) => {
    draft.images = [];
    return true;
  },
  image: ({ first, draft }) => draft.images !== undefined && draft.images.push(first) > 0,
  component: ({ first, draft }) => componentIn(draft, first) !== undefined,
  flag: ({ first, others: [flag = ''], draft }) => addTo(componentIn(draft, first)?.flags, flag),
  told: ({ first: whose, others: [flag = ''], draft: { told } }) =>
    (whose === 'kubeadm' || whose === 'owner') && told[whose].add(flag).size > 0,
  gate: ({ first, others: [gate = ''], draft }) => addTo(componentIn(draft, first)?.gates, gate),
  plugin: ({ first, others: [name = ''], draft }) =>
    addTo(componentIn(draft, first)?.plugins, name),
  certificate: ({ first, others, draft, asking }) => {
    const endsAtMs = Date.parse([first, ...others].join(' '));
    const left = Math.floor((endsAtMs - asking.answeredAtMs) / 1_000);
    draft.facts = { ...draft.facts, kubeletCertificateSecondsLeft: left };
    return Number.isFinite(endsAtMs);
  },
  automatic: ({ first, draft }) => draft.automatic.push(first) > 0,
  clock: ({ first, draft, asking: { askedAtMs, answeredAtMs } }) => {
    const doubtMs = Math.ceil((answeredAtMs - askedAtMs) / 2);
    const aheadMs = Number(first) - Math.round((askedAtMs + answeredAtMs) / 2);
    draft.facts = { ...draft.facts, clock: { aheadMs, doubtMs } };
    return isCount(first);
  },
  end: ({ draft }) => {
    draft.isWhole = true;
    return true;
  },
};

const readers = new Map(Object.entries(readersByName));

function isCount(text: string): boolean {
  return /^\d+$/.test(text);
}

function componentIn({ components }: Draft, text: string) {
  const component = toldComponents.find((one) => one === text);
  if (component === undefined) return undefined;
  const all = components.get(component) ?? {
    flags: new Set<string>(),
    gates: new Set<string>(),
    plugins: new Set<string>(),
  };
  components.set(component, all);
  return all;
}

function addTo(set: Set<string> | undefined, word: string): boolean {
  set?.add(word);
  return set !== undefined;
}
