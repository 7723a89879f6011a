// Random clusters, some beside each other on one control plane: what domain/simulation predicts of
// the drain of a window is compared with what the real scheduler and the Eviction API do.
// C1. Pods are compared by owner, as one that takes another's place has another name: of each
//     owner, how many more find no node than before. Nodes by name: drained, or not.
// C2. What is looked for is the bad news: a pod without a node, a node that does not drain.

import { openCluster } from '../../activities/adapters/open-cluster';
import type { SimulatedPod } from '../../domain/simulation/evidence';
import { Simulation, type WindowOutcome } from '../../domain/simulation/windows';
import { placeWords } from '../../domain/simulation/answers';
import type { NodeName } from '../../domain/names';
import type { Lab } from '../../lab/lab';
import { Random } from '../random';
import { leavingOf, ProofLab, type ProofPod, unschedulable } from './proof-lab';
import { type RandomCluster, randomCluster } from './random-cluster';

/** How often what was predicted came (`hits`), did not (`extra`), and came unpredicted. */
export interface Score {
  readonly hits: number;
  readonly extra: number;
  readonly missed: number;
}

export interface Miss {
  readonly seed: string;
  readonly what: string;
  readonly cause: 'other-pod-first' | 'placed-otherwise' | 'budget';
  readonly told: string;
}

export interface ProofReport {
  readonly clusters: number;
  readonly pods: Score & { readonly looked: number };
  readonly nodes: Score & { readonly looked: number };
  readonly misses: readonly Miss[];
}

const collectMs = 60_000;
/** Clusters on the control plane at a time: the scheduler compares all of fewer than 100 nodes. */
const besideEachOther = 5;

/** Plays the clusters of the seeds; `tell` hears of each, also of one that cannot be played. */
export async function proveSimulation(
  lab: Lab,
  seeds: readonly string[],
  tell: (line: string) => void,
): Promise<ProofReport> {
  const proof = await ProofLab.open(lab);
  const ports = openCluster(lab.access);
  const reports: ProofReport[] = [];
  try {
    for (let next = 0; next < seeds.length; next += besideEachOther) {
      const batch = seeds.slice(next, next + besideEachOther);
      const collect: Collect = () => ports.simulation.collect(AbortSignal.timeout(collectMs));
      const found = await play(batch, proof, collect).catch((error: unknown) => {
        // The others are worth playing all the same; that one is missing is told by the report.
        tell(`${batch.join(', ')}: not played: ${String(error)}`);
        return [];
      });
      for (const { seed, report } of found) {
        reports.push(report);
        tell(`${seed}: ${sentence(report)}`);
        for (const { what, cause, told } of report.misses) tell(`  ${what}: ${cause}; ${told}`);
      }
    }
  } finally {
    await ports.close();
    proof.close();
  }
  return reports.reduce(added, nothing);
}

/** Of both together; a proof that looked for nothing has proven nothing. */
export function precision({ pods, nodes }: Pick<ProofReport, 'pods' | 'nodes'>): number {
  const hits = pods.hits + nodes.hits;
  return hits / (hits + pods.extra + nodes.extra);
}

export function recall({ pods, nodes }: Pick<ProofReport, 'pods' | 'nodes'>): number {
  const hits = pods.hits + nodes.hits;
  return hits / (hits + pods.missed + nodes.missed);
}

function sentence({ pods, nodes }: ProofReport): string {
  const text = ({ hits, extra, missed, looked }: ProofReport['pods']): string =>
    `${looked} (${hits} stopped as predicted, ${extra} too many, ${missed} missed)`;
  return `pods ${text(pods)}, nodes ${text(nodes)}`;
}

const none = { hits: 0, extra: 0, missed: 0, looked: 0 };
const nothing: ProofReport = { clusters: 0, pods: none, nodes: none, misses: [] };

function added(a: ProofReport, b: ProofReport): ProofReport {
  const sum = (one: ProofReport['pods'], other: ProofReport['pods']) => ({
    hits: one.hits + other.hits,
    extra: one.extra + other.extra,
    missed: one.missed + other.missed,
    looked: one.looked + other.looked,
  });
  return {
    clusters: a.clusters + b.clusters,
    pods: sum(a.pods, b.pods),
    nodes: sum(a.nodes, b.nodes),
    misses: [...a.misses, ...b.misses],
  };
}

type Collect = () => Promise<{
  readonly evidence: ConstructorParameters<typeof Simulation>[0];
}>;

async function play(seeds: readonly string[], lab: ProofLab, collect: Collect) {
  const clusters = seeds.map((seed) => randomCluster(seed, new Random(seed)));
  try {
    await lab.make(clusters);
    const { evidence } = await collect();
    const drain = { emptyDirData: 'delete', unmanagedPods: 'evict' } as const;
    const simulation = new Simulation(evidence, { drain, missingDaemonSets: [] });
    const predicted = simulation.window({
      nodes: clusters.flatMap(({ window }) => window) as unknown as readonly NodeName[],
      budgets: 'obeyed',
      headroom: false,
    });
    const before = await lab.pods();
    await lab.drain(clusters);
    const after = await lab.pods();
    return seeds.map((seed, index) => {
      const { namespace, window } = clusters[index] as RandomCluster;
      const isOwn = ({ metadata }: ProofPod): boolean => metadata.namespace === namespace;
      const own = predicted.pods.filter(({ pod }) => pod.ref.namespace === namespace);
      const of = { seed, predicted: { ...predicted, pods: own } };
      const left = leavingOf(after.filter(isOwn), new Set(window));
      const nodes = compareNodes(of, window, left);
      const pods = comparePods(of, before.filter(isOwn), after.filter(isOwn));
      const misses = [...pods.misses, ...nodes.misses];
      return { seed, report: { clusters: 1, pods: pods.score, nodes: nodes.score, misses } };
    });
  } finally {
    await lab.clear(clusters);
  }
}

interface Prediction {
  readonly seed: string;
  readonly predicted: WindowOutcome;
}

function compareNodes(
  { seed, predicted }: Prediction,
  window: readonly string[],
  left: readonly ProofPod[],
) {
  const misses: Miss[] = [];
  const score = { ...none, looked: window.length };
  for (const name of window) {
    const outcome = predicted.nodes.find(({ node }) => node === name);
    const isBlocked = outcome?.kind === 'blocked';
    const there = left.filter(({ spec }) => spec.nodeName === name);
    const isKept = there.length > 0;
    if (isBlocked === isKept) {
      score.hits += Number(isKept);
      continue;
    }
    score[isBlocked ? 'extra' : 'missed'] += 1;
    const stops = outcome?.stops.map(({ pod, code }) => `${pod.name} ${code}`) ?? [];
    const seen = there.map(({ metadata }) => metadata.name);
    const told = `predicted ${stops.join(', ') || 'nothing'}, left ${seen.join(', ') || 'none'}`;
    misses.push({ seed, what: `node ${name}`, cause: 'budget', told });
  }
  return { score, misses };
}

/** C1. */
function comparePods(
  { seed, predicted }: Prediction,
  before: readonly ProofPod[],
  after: readonly ProofPod[],
) {
  const without = countsOf(before.filter(isWithout).map(ownerOf));
  const seen = countsOf(after.filter(isWithout).map(ownerOf));
  const told = countsOf(
    predicted.pods
      .filter(({ place }) => place.kind === 'none')
      .map(({ pod }) => simulatedOwner(pod)),
  );
  const score = { ...none, looked: predicted.pods.length };
  const apart: { readonly owner: string; readonly wanted: number; readonly got: number }[] = [];
  for (const owner of new Set([...seen.keys(), ...told.keys(), ...without.keys()])) {
    const had = without.get(owner) ?? 0;
    const [wanted, got] = [told, seen].map((counts) => (counts.get(owner) ?? 0) - had) as [
      number,
      number,
    ];
    score.hits += Math.max(0, Math.min(wanted, got));
    score.extra += Math.max(0, wanted - got);
    score.missed += Math.max(0, got - wanted);
    if (wanted !== got) apart.push({ owner, wanted, got });
  }
  const isSame = apart.reduce((sum, { wanted, got }) => sum + wanted - got, 0) === 0;
  const misses = apart.map(({ owner, wanted, got }): Miss => {
    const messages = after.filter((pod) => ownerOf(pod) === owner).map(unschedulable);
    const why = predicted.pods
      .filter(({ pod }) => simulatedOwner(pod) === owner)
      .map(({ place }) => placeWords(place));
    return {
      seed,
      what: owner,
      cause: isSame ? 'other-pod-first' : 'placed-otherwise',
      told:
        `predicted ${wanted} without a node, seen ${got}; predicted: ${why.join(' | ')};` +
        ` seen: ${messages.find((message) => message !== undefined) ?? 'placed'}`,
    };
  });
  return { score, misses };
}

function isWithout(pod: ProofPod): boolean {
  return unschedulable(pod) !== undefined;
}

function ownerOf({ metadata }: ProofPod): string {
  const owner = metadata.ownerReferences?.[0];
  return owner === undefined ? `Pod/${metadata.name}` : `${owner.kind}/${owner.name}`;
}

function simulatedOwner({ ref, controller }: SimulatedPod): string {
  return controller === undefined ? `Pod/${ref.name}` : `${controller.kind}/${controller.name}`;
}

function countsOf(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
