// Undoes one hop: returns its nodes to the old kubelet, restores etcd and the old control plane
// from the hop's snapshot, verifies, and puts the cordons right.
// R1. It cannot be cancelled; only while it waits for an answer can it be given up.
// R2. While the API answers, nodes return before the restore, so that no kubelet is ever newer than
//     an API server. When it does not answer, the restore comes first (docs/adr/0006).
// R3. After the restore the Node objects tell of the time of the snapshot: what this upgrade knows
//     of its nodes counts more (docs/concepts.md, R7).
// R4. A node that the hop does not take, or that a person has set aside, is not touched: that its
//     kubelet stays newer is told.
// R5. Around the restore the cluster is compared with the snapshot: what came of it is known only
//     from both looks (restore-looks.ts).
// R6. In a hop of two steps that has not ended its emulation, the old programs suffice: no node has
//     moved, and nothing is restored (leave-emulation.ts).

import {
  CancellationScope,
  defineQuery,
  isCancellation,
  patched,
  setHandler,
} from '@temporalio/workflow';

import type { RestoreResult } from '../domain/rollback-contract';
import { restoredQuarantineReason, rollBackCordonReason } from '../domain/drain/cordon-reasons';
import { boundedList } from '../domain/lists';
import type { ClusterName, NodeName, SnapshotId } from '../domain/names';
import { type NodeObservation, nodeNames, type Observation } from '../domain/observation';
import type { Hop, NodeChange, PoolStep } from '../domain/plan/plan';
import type { NotLooked, RestoreAccount, RestoreNote } from '../domain/rollback/account';
import { newerKubelets } from '../domain/rollback/kubelets';
import type { HopStatus, NodeOutcome } from '../domain/status/progress';
import { compareVersions } from '../domain/versions';
import { activity, apiProbeMs } from './activity-options';
import { failureOf } from './activity-failures';
import { type EmulationToLeave, leaveEmulation } from './leave-emulation';
import { runPool } from './pool-runs';
import { lookAfter, lookBefore, looksAround } from './restore-looks';
import {
  closeStepRun,
  GivenUp,
  type Limits,
  openStepRun,
  type StepProblem,
  type StepRun,
  stepStatus,
  takeStep,
} from './step-run';
import { taintsNodes, taintWaitingNodes } from './waiting-taints';

export interface RollBackHopInput {
  readonly cluster: ClusterName;
  /** First run id of the root. */
  readonly upgrade: string;
  readonly hop: Hop;
  readonly snapshotId: SnapshotId;
  /** Journal key of the restore: the same for every attempt of this upgrade. */
  readonly restoreId: string;
  /** Nodes that the hop has changed, or may have changed (R3). */
  readonly suspects: readonly NodeName[];
  /** Nodes that the hop left out: they are not verified. */
  readonly leftOut: readonly NodeName[];
  /** Set aside by a person: they stay as they are, cordoned. */
  readonly setAside: readonly NodeName[];
  readonly paused: boolean;
  /** What an earlier rollback of this upgrade saw before data moved; its workflow was lost. */
  readonly restoreNote?: RestoreNote | NotLooked;
  /** What the report has seen by which this rollback was confirmed; absent without a report. */
  readonly confirmed?: RestoreNote;
  /** Only where the old programs are to suffice (leave-emulation.ts): nothing is restored then. */
  readonly leaves?: EmulationToLeave;
  /** Changed limits of its pools; see domain/pool/pool-limits.ts. */
  readonly limits?: Limits;
}

export interface RollBackEnd {
  /** False: given up while it waited for an answer. */
  readonly isDone: boolean;
  readonly isRestored: boolean;
  /** The old programs run again, on the same data. */
  readonly keptData?: true;
  readonly nodes: readonly NodeOutcome[];
  readonly restore?: RestoreResult;
  /** Absent where it was given up, or began on an older release. */
  readonly account?: RestoreAccount;
  readonly seconds: number;
  readonly stepSeconds: Readonly<Record<string, number>>;
}

interface Back {
  readonly input: RollBackHopInput;
  readonly run: StepRun;
  readonly nodes: Map<NodeName, NodeOutcome>;
  restore: RestoreResult | undefined;
  /** Undefined until it is looked, and where the rollback began on an older release. */
  note: RestoreNote | NotLooked | undefined;
  account: RestoreAccount | undefined;
  keptData: boolean;
}

/** Returns the cluster to how it was before the hop. */
export async function rollBackHop(input: RollBackHopInput): Promise<RollBackEnd> {
  const startedAtMs = Date.now();
  const outer = CancellationScope.current();
  const back = openBack(input, () => outer.consideredCancelled);
  const isDone = await CancellationScope.nonCancellable(async () => {
    try {
      await returnCluster(back);
      return true;
    } catch (error) {
      if (error instanceof GivenUp) return false;
      throw error;
    }
  });
  await closeStepRun(back.run);
  const { restore, account, nodes, run } = back;
  return {
    isDone,
    isRestored: restore !== undefined,
    ...(back.keptData ? { keptData: true } : {}),
    nodes: [...nodes.values()],
    ...(restore === undefined ? {} : { restore }),
    ...(account === undefined ? {} : { account }),
    seconds: Math.round((Date.now() - startedAtMs) / 1_000),
    stepSeconds: run.stepSeconds,
  };
}

function openBack(input: RollBackHopInput, isGivenUp: () => boolean): Back {
  const { cluster, upgrade, paused, limits = {} } = input;
  const hop = input.hop.id;
  const run = openStepRun({ cluster, hop, upgrade, paused, limits, isGivenUp });
  setHandler(defineQuery<HopStatus>('status'), () => ({
    ...stepStatus(run),
    members: [],
  }));
  const nothing = { restore: undefined, note: undefined, account: undefined, keptData: false };
  return { input, run, nodes: new Map(), ...nothing };
}

async function returnCluster(back: Back): Promise<void> {
  const { run } = back;
  if (back.input.leaves !== undefined && (await leave(back, back.input.leaves))) return;
  const before = await probe(back);
  if (before !== undefined) await returnNodes(back, before);
  if (looksAround()) await noteBefore(back, before !== undefined);
  const isVerifiedNext = before !== undefined;
  await takeStep(run, { label: 'rollback restore', take: () => restore(back, isVerifiedNext) });
  await repairMembers(back);
  if (before === undefined) await returnNodes(back, undefined);
  await takeStep(run, { label: 'rollback verify', take: () => verify(back) });
  await takeStep(run, { label: 'rollback cordons', take: () => putCordonsRight(back) });
  if (back.note !== undefined) await countAfter(back, back.note);
}

/** R6. */
async function leave(back: Back, leaves: EmulationToLeave): Promise<boolean> {
  const { input, run } = back;
  if (!(await leaveEmulation({ run, hop: input.hop, leaves }))) return false;
  await takeStep(run, { label: 'rollback verify', take: () => verify(back) });
  back.keptData = true;
  return true;
}

/** R5. */
async function noteBefore(back: Back, isApiThere: boolean): Promise<void> {
  const { input, run } = back;
  const { cluster, snapshotId, restoreNote: known, confirmed } = input;
  const take = async (): Promise<undefined> => {
    back.note = await lookBefore({ run, cluster, snapshotId }, { known, confirmed, isApiThere });
  };
  await takeStep(run, { label: 'rollback note', take });
}

/** R5. */
async function countAfter(back: Back, note: RestoreNote | NotLooked): Promise<void> {
  const { input, run } = back;
  const { cluster, snapshotId } = input;
  const take = async (): Promise<undefined> => {
    back.account = await lookAfter({ run, cluster, snapshotId }, note);
  };
  await takeStep(run, { label: 'rollback count', take });
}

/** What the cluster looks like; undefined, and told, when it does not answer soon (R2). */
async function probe(back: Back): Promise<Observation | undefined> {
  let seen: Observation | undefined;
  const take = async (): Promise<undefined> => {
    try {
      seen = await observeNodes(back, 'does the API answer', apiProbeMs);
      tellStaying(back, seen);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const text =
        `the API does not answer (${failureOf(error).message}):` +
        ' etcd is restored first, newer kubelets return after it';
      back.run.line.report({ kind: 'note', event: 'rollback.restore-first', text });
    }
  };
  await takeStep(back.run, { label: 'rollback look', take });
  return seen;
}

/** R4. The patch is asked for only where there is such a node. */
function tellStaying({ input, run }: Back, observed: Observation): void {
  const { nodes, unreportedNodes = [] } = observed;
  const { hop, setAside } = input;
  const takes = poolNodes(hop).filter(({ name }) => !setAside.includes(name));
  const known = nodes.map(({ name, kubeletVersion: version }) => ({ name, version }));
  const unknown = unreportedNodes.map(({ name }) => ({ name, version: undefined }));
  const { staying } = newerKubelets([...known, ...unknown], { at: hop.from, takes });
  if (staying.length === 0 || !patched('2026-11-21-newer-kubelets')) return;
  const text =
    `kubelets newer than ${hop.from} that ${hop.id} does not return:` +
    ` ${boundedList(staying.map(({ name }) => name))}`;
  run.line.report({ kind: 'note', event: 'rollback.kubelets-stay', text });
}

function observeNodes({ input }: Back, summary: string, totalMs?: number): Promise<Observation> {
  const bound = totalMs === undefined ? {} : { totalMs };
  const call = activity(input.cluster, 'observeCluster', { summary, ...bound });
  return call({ cluster: input.cluster, of: 'nodes' });
}

/** R2. `seen`: from before the restore; without it the nodes are looked at now, see R3. */
async function returnNodes(back: Back, seen: Observation | undefined): Promise<void> {
  for (const step of back.input.hop.steps) {
    if (step.kind !== 'pool') continue;
    const take = async (attempt: number): Promise<StepProblem | undefined> => {
      const isFresh = seen !== undefined && attempt === 1;
      const now = isFresh ? seen : await observeNodes(back, `kubelets of pool ${step.pool}`);
      return returnPool(back, step, { now, trustsSuspects: seen === undefined });
    };
    await takeStep(back.run, { label: `rollback pool ${step.pool}`, take });
  }
}

async function returnPool(
  back: Back,
  step: PoolStep,
  look: { readonly now: Observation; readonly trustsSuspects: boolean },
): Promise<StepProblem | undefined> {
  const { input, nodes } = back;
  const there = nodeNames(look.now);
  const seen = byName(look.now);
  // On the way back nobody waits for a better moment, or for machines that start again.
  const { window: _window, reboot: _reboot, ...inOrder } = step;
  const changes = step.nodes.flatMap((change): readonly NodeChange[] => {
    const { name, zone, from } = change;
    if (!there.has(name) || input.setAside.includes(name) || nodes.has(name)) return [];
    const node = seen.get(name);
    // A kubelet that does not say its version may be the newer one.
    if (node === undefined) return [{ name, zone, from: change.to, to: from }];
    const isNewer = compareVersions(node.kubeletVersion, from) > 0;
    const isSuspect = look.trustsSuspects && input.suspects.includes(name);
    return isNewer || isSuspect
      ? [{ name, zone, from: isNewer ? node.kubeletVersion : change.to, to: from }]
      : [];
  });
  return runPool(back.run, {
    upgrade: input.upgrade,
    step: { ...inOrder, nodes: changes },
    hasCanary: false,
    verifyOnly: [],
    cordonReason: rollBackCordonReason(input.hop),
    onNodes: (ended) => {
      for (const outcome of ended) {
        if (outcome.outcome !== 'undone') nodes.set(outcome.node, outcome);
      }
    },
  });
}

function byName(observation: Observation): ReadonlyMap<NodeName, NodeObservation> {
  return new Map(observation.nodes.map((node) => [node.name, node]));
}

/** `isVerifiedNext`: no node returns before the verification. */
async function restore(back: Back, isVerifiedNext: boolean): Promise<undefined> {
  const { cluster, hop, snapshotId, restoreId } = back.input;
  const call = activity(cluster, 'restoreSnapshot', { summary: `restore ${snapshotId}` });
  const order = { cluster, snapshotId, kubeVersion: hop.from, restoreId };
  back.restore = await call(isVerifiedNext ? { ...order, isVerifiedNext } : order);
}

/** One step for each etcd member that the restore went on without: none of a healthy restore. */
async function repairMembers(back: Back): Promise<void> {
  const { cluster } = back.input;
  for (const { member, problem } of back.restore?.lost ?? []) {
    const text = `etcd is restored without ${member} (${problem}); it is removed and added again`;
    back.run.line.report({ kind: 'note', event: 'rollback.member-lost', text, member });
    const call = activity(cluster, 'repairEtcdMember', { summary: `bring etcd of ${member} back` });
    const take = async (): Promise<undefined> => void (await call({ cluster, member }));
    await takeStep(back.run, { label: `rollback repair ${member}`, take });
  }
}

async function verify(back: Back): Promise<undefined> {
  const { input, nodes } = back;
  const { cluster, hop } = input;
  // Older releases first looked which nodes there are.
  const isOneLook = patched('2026-11-22-verify-restored');
  const seen = isOneLook
    ? undefined
    : nodeNames(await observeNodes(back, 'nodes after the restore'));
  const isExpected = ({ name }: NodeChange): boolean => {
    if (seen?.has(name) === false) return false;
    if (isAside(back, name) || input.leftOut.includes(name)) return false;
    return nodes.get(name)?.outcome !== 'skipped';
  };
  const expected = poolNodes(hop).filter(isExpected);
  const call = activity(cluster, 'verifyCluster', { summary: `everything runs ${hop.from}` });
  await call({
    cluster,
    controlPlane: hop.from,
    nodes: expected.map(({ name, from }) => ({ name, version: from })),
    ...(isOneLook ? { isMissingFine: true } : {}),
  });
}

function poolNodes(hop: Hop): readonly NodeChange[] {
  return hop.steps.flatMap((step) => (step.kind === 'pool' ? step.nodes : []));
}

function isAside({ input, nodes }: Back, name: NodeName): boolean {
  return input.setAside.includes(name) || nodes.get(name)?.outcome === 'quarantined';
}

/** Our cordons go, except on nodes that were set aside: theirs come back (R3). */
async function putCordonsRight(back: Back): Promise<undefined> {
  const { cluster, hop } = back.input;
  const seen = byName(await observeNodes(back, 'cordons after the restore'));
  const changes = poolNodes(hop).map(async ({ name }) => {
    const cordon = seen.get(name)?.cordon.kind;
    if (cordon === 'none' && isAside(back, name)) {
      const call = activity(cluster, 'cordonNode', { summary: `cordon ${name}` });
      await call({
        cluster,
        node: name,
        reason: restoredQuarantineReason(hop.id),
      });
    } else if (cordon === 'ours' && !isAside(back, name)) {
      await activity(cluster, 'uncordonNode', { summary: `uncordon ${name}` })({
        cluster,
        node: name,
      });
    }
  });
  await Promise.all(changes);
  // The restore brings back no taint of this hop; one of a worker that died before may be left.
  if (taintsNodes()) await taintWaitingNodes({ cluster, hop: hop.id, line: back.run.line }, []);
}
