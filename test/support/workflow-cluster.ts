// A cluster in memory, behind the activities: it does what it is asked, keeps a trace, and fails or
// waits where a test told it to. Plans come from the real planner over what the cluster is now.

import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';

import type {
  AdmitNodesInput,
  AdmittedNode,
  AscentActivities,
  CordonInput,
  CordonResult,
  DrainInput,
  DrainProgress,
  DrainResult,
  MemberUpgradeInput,
  PutBackInput,
  SnapshotRecord,
  TaintWaitingResult,
  UncordonInput,
  UncordonResult,
} from '../../domain/activity-contract';
import type { LostEtcdMember, RollBackPreviewInput } from '../../domain/rollback-contract';
import { cordonPurpose } from '../../domain/drain/cordon-reasons';
import type { FailureCode } from '../../domain/failures';
import type { PullImagesInput, PullImagesResult } from '../../domain/images-contract';
import type { PreflightReport } from '../../domain/preflight/findings';
import { lookedAhead, type LookedAhead, type LookMemory } from '../../domain/preflight/look-ahead';
import type { MemberName, NodeName, PodRef, SnapshotId } from '../../domain/names';
import type { MemberObservation, NodeObservation, Observation } from '../../domain/observation';
import type { StrandedPod } from '../../domain/rollback/account';
import type { DrillInput, DrillResult } from '../../domain/rollback/drill';
import type { ObjectGroup } from '../../domain/rollback/key-diff';
import type { AnchorDifference, Workloads } from '../../domain/rollback/key-tally';
import { newerKubelets } from '../../domain/rollback/kubelets';
import { type RollBackReport, rollBackReport } from '../../domain/rollback/report';
import { defaultReportLimits } from '../../domain/rollback/report-limits';
import type { Hop } from '../../domain/plan/plan';
import { planUpgrade } from '../../domain/plan/planner';
import { knownReleases } from '../../domain/plan/releases';
import type {
  ReplaceMembersInput,
  ReplaceMembersResult,
  RollOutInput,
  RollOutResult,
} from '../../domain/rollout-contract';
import type { SurgeEnd } from '../../domain/drain/surge';
import type { KubeVersion } from '../../domain/versions';
import { aMember, hopId, version } from './builders';
import { replacedName, rolledOut } from './scripted-rollouts';

export type ActivityName = keyof AscentActivities;

/** One line of the trace: `drainNode worker-1 begins`. */
export interface TraceLine {
  readonly activity: ActivityName;
  /** The node, the member with its component, the snapshot; empty for the whole cluster. */
  readonly object: string;
  readonly is: 'begun' | 'done' | 'failed' | 'cancelled';
}

/** An activity that a test keeps from ending. */
export interface Hold {
  /** Resolves when the activity has reached the hold. */
  readonly reached: Promise<void>;
  release(): void;
}

type Script =
  | { readonly kind: 'fail'; readonly failure: ApplicationFailure }
  | { readonly kind: 'hold'; readonly reach: () => void; readonly released: Promise<void> };

const anyObject = '*';

interface Stored {
  readonly record: SnapshotRecord;
  readonly nodes: ReadonlyMap<NodeName, NodeObservation>;
}

/** A terminal failure as the activities throw it. */
export function terminal(code: FailureCode, message: string, ...details: unknown[]) {
  return ApplicationFailure.nonRetryable(message, code, ...details);
}

function drillOf({ cluster, snapshotId }: DrillInput): DrillResult {
  const phases = [{ phase: 'fetch' as const, seconds: 1 }];
  const snapshot = {
    id: snapshotId ?? ('newest' as SnapshotId),
    takenAt: new Date(0).toISOString(),
    kubeVersion: version('1.28.15'),
    revision: 100,
  };
  const objects = { namespaces: 4, nodes: 3, secrets: 2 };
  return {
    kind: 'drilled',
    report: {
      schema: 'ascent.drill/v1',
      cluster,
      snapshot,
      members: 3,
      keys: 10,
      hashKv: '42',
      apiServer: { version: version('1.28.15'), objects },
      phases,
      rollbackSeconds: 1,
    },
  };
}

export class ScriptedCluster {
  readonly trace: TraceLine[] = [];
  /** Inputs of every call, by activity. */
  readonly calls: { readonly activity: ActivityName; readonly input: unknown }[] = [];
  /** Whether snapshots leave a way back on machines. */
  staged = false;
  /** Most nodes that were cordoned at the same time. */
  mostCordoned = 0;
  findings: PreflightReport['findings'] = [];
  /** Of the next gates before, between and after members; none when there is nothing left. */
  readonly memberFindings: PreflightReport['findings'][] = [];
  /** Members whose driver was never asked: there is nothing to put back. */
  readonly untouched = new Set<string>();
  leaders: { controllerManager?: string; scheduler?: string } = {
    controllerManager: 'cp-1',
    scheduler: 'cp-2',
  };
  /** Which nodes may begin; as many as there are places for, in the order of the plan. */
  admit = ({ waiting, free }: AdmitNodesInput): readonly AdmittedNode[] =>
    waiting.slice(0, free).map((node) => ({ node }));
  /** What comes of bringing images. */
  pullImages = ({ members, nodes }: PullImagesInput): PullImagesResult => {
    const machines = members.length + nodes.length;
    return { kind: 'present', machines, pulled: 2 * machines };
  };
  /** Names of nodes whose kubelet does not say its version. */
  readonly unreported = new Set<string>();
  /** What verifyNode finds broken since before the cordon. */
  readonly brokenBefore = new Map<string, readonly PodRef[]>();
  /** What drains of a node raised: told by a drain that ends well, else by endSurges. */
  readonly surges = new Map<string, readonly SurgeEnd[]>();
  /** What the next restores go on without, until it is repaired. */
  lostEtcd: readonly LostEtcdMember[] = [];
  /** Snapshots that are more than is to be kept. */
  surplus: readonly SnapshotId[] = [];
  /** Orders of previews, in their order. */
  readonly previews: RollBackPreviewInput[] = [];
  /** Nodes and volumes that the next restore forgets, or brings back. */
  anchors: readonly AnchorDifference[] = [];
  /** What is counted after a restore. */
  workloads: Workloads = { totals: [], differing: [], more: 0 };
  stranded: readonly StrandedPod[] = [];
  /** What was written since any snapshot. */
  written: readonly ObjectGroup[] = [];
  #members: ReadonlyMap<string, MemberObservation>;
  /** Nodes that carry the taint of those that wait for their upgrade. */
  tainted: readonly NodeName[] = [];
  readonly #nodes: Map<NodeName, NodeObservation>;
  readonly #scripts = new Map<string, Script[]>();
  readonly #snapshots = new Map<SnapshotId, Stored>();
  #base: Observation;
  /** Who leads etcd; nobody when undefined. */
  etcdLeader: string | undefined = 'etcd-1';

  constructor(observation: Observation) {
    this.#base = observation;
    this.#members = new Map(observation.members.map((member) => [member.name, member]));
    this.#nodes = new Map(observation.nodes.map((node) => [node.name, node]));
  }

  /** The next call for this object fails. `object` as in TraceLine. */
  fail(activity: ActivityName, object: string, failure: ApplicationFailure): void {
    this.#script(activity, object, { kind: 'fail', failure });
  }

  /** The next call fails, whatever its object. */
  failAny(activity: ActivityName, failure: ApplicationFailure): void {
    this.#script(activity, anyObject, { kind: 'fail', failure });
  }

  /** The next call for this object waits until it is released or cancelled. */
  hold(activity: ActivityName, object: string): Hold {
    const reached = deferred();
    const released = deferred();
    const script = { kind: 'hold', reach: reached.resolve, released: released.promise } as const;
    this.#script(activity, object, script);
    return { reached: reached.promise, release: released.resolve };
  }

  /** The next call waits, whatever its object. */
  holdAny(activity: ActivityName): Hold {
    return this.hold(activity, anyObject);
  }

  #script(activity: ActivityName, object: string, script: Script): void {
    const key = `${activity} ${object}`;
    this.#scripts.set(key, [...(this.#scripts.get(key) ?? []), script]);
  }

  observation(): Observation {
    const members = [...this.#members.values()];
    const isSilent = ({ name }: NodeObservation): boolean => this.unreported.has(name);
    const nodes = [...this.#nodes.values()];
    const silent = nodes.filter(isSilent).map(({ name }) => ({ name, reported: '' }));
    return {
      ...this.#base,
      members,
      nodes: nodes.filter((node) => !isSilent(node)),
      ...(silent.length === 0 ? {} : { unreportedNodes: silent }),
    };
  }

  removeNode(name: string): void {
    this.#nodes.delete(name as NodeName);
  }

  addNode(node: NodeObservation): void {
    this.#nodes.set(node.name, node);
  }

  changeNode(name: string, change: Partial<NodeObservation>): void {
    const node = this.#nodes.get(name as NodeName);
    if (node !== undefined) this.#nodes.set(node.name, { ...node, ...change });
  }

  /** Somebody else upgrades everything. */
  becomes(at: string): void {
    const names = [...this.#members.keys()];
    this.#members = new Map(names.map((name) => [name, aMember(name, at)]));
    for (const name of this.#nodes.keys()) this.changeNode(name, { kubeletVersion: version(at) });
  }

  /** Versions of everything: `cp-1 1.29.15/1.29.15`, `worker-1 1.29.15`, ` cordoned` where so. */
  versions(): readonly string[] {
    const members = [...this.#members.values()].map(({ name, apiServer, controllerManager }) => {
      const versions = [apiServer, controllerManager].map((one) =>
        one.kind === 'observed' ? one.version : 'unobserved',
      );
      return `${name} ${versions.join('/')}`;
    });
    const nodes = [...this.#nodes.values()].map(({ name, kubeletVersion, cordon }) => {
      return `${name} ${kubeletVersion}${cordon.kind === 'none' ? '' : ' cordoned'}`;
    });
    return [...members, ...nodes];
  }

  cordonReason(name: string): string | undefined {
    const cordon = this.#nodes.get(name as NodeName)?.cordon;
    return cordon?.kind === 'ours' ? cordon.reason : undefined;
  }

  /** Objects of one activity in the order in which they were done. */
  done(activity: ActivityName): readonly string[] {
    const lines = this.trace.filter((line) => line.activity === activity && line.is === 'done');
    return lines.map((line) => line.object);
  }

  /** What the activities of one worker do. */
  activities(): AscentActivities {
    const run = <Name extends ActivityName>(
      activity: Name,
      objectOf: (input: Parameters<AscentActivities[Name]>[0]) => string,
      act: (input: Parameters<AscentActivities[Name]>[0]) => unknown,
    ): AscentActivities[Name] => {
      const call = async (input: Parameters<AscentActivities[Name]>[0]): Promise<unknown> =>
        this.#perform({ activity, object: objectOf(input), input }, () => act(input));
      // `act` returns what the activity of that name returns: the table below is checked by hand.
      return call as unknown as AscentActivities[Name];
    };
    const whole = () => '';
    return {
      observeCluster: run('observeCluster', whole, () => this.observation()),
      planUpgrade: run('planUpgrade', whole, (input) =>
        planUpgrade({ ...input, observation: this.observation(), releases: knownReleases }),
      ),
      preflight: run('preflight', whole, () => ({
        schema: 'ascent.preflight/v1',
        findings: this.findings,
      })),
      lookAtHopToCome: run('lookAtHopToCome', whole, ({ before }) => this.#lookAhead(before)),
      takeSnapshot: run(
        'takeSnapshot',
        (input) => input.snapshotId,
        (input) => this.#takeSnapshot(input),
      ),
      pruneSnapshots: run('pruneSnapshots', whole, () => ({
        location: '/snapshots',
        removed: this.surplus,
        stay: this.#snapshots.size,
      })),
      findLeaders: run('findLeaders', whole, () => this.leaders),
      checkMembers: run('checkMembers', whole, () => ({
        schema: 'ascent.preflight/v1',
        findings: this.memberFindings.shift() ?? [],
      })),
      findEtcdLeader: run('findEtcdLeader', whole, () => ({ leader: this.etcdLeader })),
      upgradeEtcdMember: run(
        'upgradeEtcdMember',
        ({ member }) => member,
        ({ member, to }) => this.#changeEtcd(member, to),
      ),
      putBackEtcdMember: run(
        'putBackEtcdMember',
        ({ member }) => member,
        ({ member, failed, to }) =>
          this.untouched.has(member)
            ? { before: to, after: to, changed: false, seconds: 1 }
            : { ...this.#changeEtcd(member, to), before: failed, changed: true },
      ),
      putBackMember: run('putBackMember', memberObject, (input) => this.#putBack(input)),
      upgradeControlPlaneMember: run('upgradeControlPlaneMember', memberObject, (input) =>
        this.#upgradeMember(input),
      ),
      cordonNode: run(
        'cordonNode',
        (input) => input.node,
        (input) => this.#cordon(input),
      ),
      uncordonNode: run(
        'uncordonNode',
        (input) => input.node,
        (input) => this.#uncordon(input),
      ),
      taintWaitingNodes: run(
        'taintWaitingNodes',
        ({ waiting }) => waiting.join(' '),
        ({ waiting }) => this.#taint(waiting),
      ),
      admitNodes: run(
        'admitNodes',
        ({ pool }) => pool,
        (input) => ({ admitted: this.admit(input) }),
      ),
      drainNode: run(
        'drainNode',
        (input) => input.node,
        (input) => this.#drain(input),
      ),
      endSurges: run(
        'endSurges',
        (input) => input.node,
        ({ node }) => ({ ended: this.surges.get(node) ?? [] }),
      ),
      upgradeNode: run(
        'upgradeNode',
        (input) => input.node,
        ({ node, to }) => this.#upgradeNode(node, to),
      ),
      pullImages: run(
        'pullImages',
        ({ to, members, nodes }) => `${to}: ${[...members, ...nodes].join(' ')}`,
        (input) => this.pullImages(input),
      ),
      rollOutPool: run(
        'rollOutPool',
        ({ pool }) => pool,
        (input) => this.#rollOut(input),
      ),
      replaceMembers: run('replaceMembers', whole, (input) => this.#replaceMembers(input)),
      holdRollout: run(
        'holdRollout',
        ({ pool, reason }) => `${pool}: ${reason}`,
        () => ({ hold: 'placed' }),
      ),
      verifyNode: run(
        'verifyNode',
        (input) => input.node,
        ({ node, version }) => this.#verifyNode(node, version),
      ),
      verifyCluster: run('verifyCluster', whole, (input) => this.#verifyCluster(input)),
      restoreSnapshot: run(
        'restoreSnapshot',
        (input) => input.snapshotId,
        (input) => this.#restore(input.snapshotId, input.kubeVersion),
      ),
      noteBeforeRestore: run(
        'noteBeforeRestore',
        ({ snapshotId }) => snapshotId,
        () => ({ madeAtMs: 0, anchors: this.anchors }),
      ),
      countRestored: run(
        'countRestored',
        ({ snapshotId }) => snapshotId,
        () => ({
          workloads: this.workloads,
          anchors: [],
          stranded: { count: this.stranded.length, pods: this.stranded },
        }),
      ),
      unstageRestore: run('unstageRestore', whole, () => undefined),
      previewRollBack: run(
        'previewRollBack',
        ({ snapshotId }) => snapshotId,
        (input) => this.#preview(input),
      ),
      drillRollBack: run(
        'drillRollBack',
        ({ snapshotId }) => snapshotId ?? 'newest',
        (input) => drillOf(input),
      ),
      repairEtcdMember: run(
        'repairEtcdMember',
        ({ member }) => member,
        ({ member }) => {
          this.lostEtcd = this.lostEtcd.filter((one) => one.member !== member);
          return { changed: true, seconds: 1 };
        },
      ),
    };
  }

  /** Of the first hop of a plan, a day after the look before. */
  #lookAhead(before: LookMemory | undefined): LookedAhead {
    const [from, to] = [version('1.28.15'), version('1.29.15')];
    const hop: Hop = { id: hopId('hop-1.29'), from, to, approval: 'none', steps: [] };
    const nowMs = (before?.atMs ?? 0) + 86_400_000;
    return lookedAhead({ hop, findings: this.findings, nowMs, before });
  }

  async #perform(
    call: { readonly activity: ActivityName; readonly object: string; readonly input: unknown },
    act: () => unknown,
  ): Promise<unknown> {
    const { activity, object, input } = call;
    const note = (is: TraceLine['is']) => this.trace.push({ activity, object, is });
    this.calls.push({ activity, input });
    note('begun');
    try {
      await this.#followScript(activity, object);
      const result = act();
      note('done');
      return result;
    } catch (error) {
      note(error instanceof CancelledFailure ? 'cancelled' : 'failed');
      throw error;
    }
  }

  async #followScript(activity: ActivityName, object: string): Promise<void> {
    const script =
      this.#scripts.get(`${activity} ${object}`)?.shift() ??
      this.#scripts.get(`${activity} ${anyObject}`)?.shift();
    if (script === undefined) return;
    if (script.kind === 'fail') throw script.failure;
    const context = Context.current();
    const progress: DrainProgress = {
      evicted: 2,
      refusals: 1,
      remaining: 1,
      blockers: [],
      startedAtMs: 0,
    };
    const beat = setInterval(() => context.heartbeat(progress), 50);
    script.reach();
    try {
      await Promise.race([script.released, context.cancelled]);
    } catch {
      throw new CancelledFailure(`${activity} ${object} was cancelled`, [progress]);
    } finally {
      clearInterval(beat);
    }
  }

  #rollOut(input: RollOutInput): RollOutResult {
    const { gone, made, deployments, result } = rolledOut(this.observation(), input);
    for (const name of gone) this.#nodes.delete(name);
    for (const node of made) this.#nodes.set(node.name, node);
    this.#base = { ...this.#base, machineDeployments: deployments };
    return result;
  }

  #replaceMembers(input: ReplaceMembersInput): ReplaceMembersResult {
    const { from, to } = input;
    const { controlPlaneObject: object } = this.#base;
    const isThere = object?.version === to;
    const names = [...this.#members.keys()];
    const members = isThere
      ? (names as MemberName[])
      : names.map((one) => replacedName(one, input));
    this.#members = new Map(members.map((name) => [name, aMember(name, to)]));
    if (object !== undefined) {
      this.#base = { ...this.#base, controlPlaneObject: { ...object, version: to } };
    }
    const before = isThere ? to : from;
    return { before, after: to, changed: !isThere, seconds: 1, members };
  }

  #takeSnapshot(input: Parameters<AscentActivities['takeSnapshot']>[0]): SnapshotRecord {
    const { snapshotId, hop, asked, kubeVersion = '1.28.15' as KubeVersion } = input;
    const before = this.#snapshots.get(snapshotId);
    if (before !== undefined) return before.record;
    const record: SnapshotRecord = {
      id: snapshotId,
      ...(hop === undefined ? {} : { hop }),
      ...(asked === undefined ? {} : { asked }),
      kubeVersion,
      etcdVersion: '3.5.21',
      location: `/snapshots/${snapshotId}.db`,
      sha256: 'ab'.repeat(32),
      sizeBytes: 1_000,
      revision: 100,
      totalKeys: 10,
      takenAt: '2026-11-21T04:00:00Z',
      verified: { by: 'restore', hashKv: '1', keys: 10, seconds: 1 },
      ...(this.staged ? { staged: true } : {}),
    };
    this.#snapshots.set(snapshotId, { record, nodes: new Map(this.#nodes) });
    return record;
  }

  #upgradeMember({ member, component, to, emulates }: MemberUpgradeInput) {
    const seen = this.#members.get(member);
    if (seen === undefined) throw terminal('member-upgrade-failed', `no member ${member}`);
    const before = component === 'controllers' ? seen.controllerManager : seen.apiServer;
    const was = before.kind === 'observed' ? before.version : to;
    const next = aMember(member, to);
    const { controllerManager, scheduler } = next;
    const served = emulates === undefined ? {} : { emulates };
    const apiServer = { ...next.apiServer, ...served };
    const changes = {
      'kube-apiserver': { apiServer },
      controllers: { controllerManager, scheduler },
      member: { apiServer, controllerManager, scheduler },
    };
    this.#members = new Map(this.#members).set(member, { ...seen, ...changes[component] });
    return { before: was, after: to, changed: was !== to, seconds: 1 };
  }

  #changeEtcd(member: string, to: KubeVersion) {
    const { etcd } = this.#base;
    if (etcd.kind === 'unobserved') throw terminal('member-upgrade-failed', `no etcd ${member}`);
    const before = version(etcd.members.find(({ name }) => name === member)?.version ?? to);
    const members = etcd.members.map((one) =>
      one.name === member ? { ...one, version: to } : one,
    );
    this.#base = { ...this.#base, etcd: { ...etcd, members } };
    return { before, after: to, changed: before !== to, seconds: 1 };
  }

  #putBack({ member, component, failed, to, emulates }: PutBackInput) {
    if (this.untouched.has(member)) return { before: to, after: to, changed: false, seconds: 1 };
    const { cluster } = this.#base;
    const as = emulates === undefined ? {} : { emulates };
    this.#upgradeMember({ cluster, member, component, from: failed, to, ...as });
    return { before: failed, after: to, changed: true, seconds: 1 };
  }

  #node(name: NodeName): NodeObservation {
    const node = this.#nodes.get(name);
    if (node === undefined) throw terminal('node-missing', `node ${name} does not exist`);
    return node;
  }

  #cordon({ node: name, reason, over = [] }: CordonInput): CordonResult {
    const { cordon } = this.#node(name);
    if (cordon.kind === 'foreign') return { cordon: 'foreign' };
    if (cordon.kind === 'ours' && !over.includes(cordonPurpose(cordon.reason))) {
      return { cordon: 'already-ours', reason: cordon.reason };
    }
    this.changeNode(name, { cordon: { kind: 'ours', reason } });
    this.tainted = this.tainted.filter((one) => one !== name);
    const cordoned = [...this.#nodes.values()].filter((one) => one.cordon.kind !== 'none');
    this.mostCordoned = Math.max(this.mostCordoned, cordoned.length);
    return { cordon: 'placed' };
  }

  #taint(waiting: readonly NodeName[]): TaintWaitingResult {
    const before = this.tainted;
    this.tainted = waiting.filter((name) => this.#nodes.has(name));
    const isNew = (name: NodeName): boolean => !before.includes(name);
    const isOld = (name: NodeName): boolean => !this.tainted.includes(name);
    return { placed: this.tainted.filter(isNew).length, removed: before.filter(isOld).length };
  }

  #uncordon({ node: name, undoes }: UncordonInput): UncordonResult {
    const cordon = this.#nodes.get(name)?.cordon;
    if (cordon === undefined) return { uncordon: 'node-missing' };
    if (cordon.kind === 'none') return { uncordon: 'not-cordoned' };
    if (cordon.kind === 'foreign') return { uncordon: 'left-foreign' };
    const { reason } = cordon;
    const isUndone = (undoes ?? ['upgrade', 'quarantine', 'other']).includes(cordonPurpose(reason));
    if (!isUndone) return { uncordon: 'left-ours', reason };
    this.changeNode(name, { cordon: { kind: 'none' } });
    return { uncordon: 'removed', reason };
  }

  #drain({ node, force }: DrainInput): DrainResult {
    const forced = force === undefined ? {} : { forced: force };
    const surges = this.surges.get(node);
    const raised = surges === undefined ? {} : { surges };
    const { evictablePods: evicted } = this.#node(node);
    return { evicted, refusals: 0, seconds: 1, ...forced, ...raised };
  }

  #upgradeNode(name: NodeName, to: KubeVersion) {
    const before = this.#node(name).kubeletVersion;
    this.changeNode(name, { kubeletVersion: to });
    this.unreported.delete(name);
    return { before, after: to, changed: before !== to, seconds: 1 };
  }

  #verifyNode(name: NodeName, version: KubeVersion) {
    const node = this.#node(name);
    const brokenBefore = this.brokenBefore.get(name);
    if (node.ready && node.kubeletVersion === version)
      return { passes: 3, ...(brokenBefore === undefined ? {} : { brokenBefore }) };
    throw terminal('node-not-ready', `node ${name} is not Ready in ${version}`);
  }

  #verifyCluster(input: Parameters<AscentActivities['verifyCluster']>[0]) {
    const { controlPlane, emulates, nodes, isMissingFine = false } = input;
    const isAsked = ({ apiServer: seen }: MemberObservation): boolean =>
      seen.kind === 'observed' && seen.version === controlPlane && seen.emulates === emulates;
    const wrong = [
      ...[...this.#members.values()].filter((member) => !isAsked(member)),
      ...nodes.filter(({ name, version }) => {
        const node = this.#nodes.get(name);
        if (node === undefined) return !isMissingFine;
        return node.kubeletVersion !== version || !node.ready;
      }),
    ];
    if (wrong.length === 0) return { passes: 3, members: [] };
    const names = wrong.map(({ name }) => name).join(', ');
    throw terminal('verification-failed', `not as planned: ${names}`);
  }

  #preview(input: RollBackPreviewInput): RollBackReport {
    this.previews.push(input);
    const { cluster, hop, at, snapshotId: id, limits, cheapest } = input;
    const seen = [...this.#nodes.values()].map(({ name, kubeletVersion }) => ({
      name,
      version: kubeletVersion,
      told: { node: name, kubelet: `v${kubeletVersion}` },
    }));
    const newer = newerKubelets(seen, input);
    const nodes = newer.returning.map(({ seen: { told }, to }) => ({ ...told, to }));
    const staying = newer.staying.map(({ told }) => told);
    const left = { staying, moreStaying: 0, cheapest };
    const snapshot = { id, takenAt: new Date(0).toISOString(), revision: 100, keys: 10 };
    const objects = {
      groups: this.written,
      ...(this.anchors.length === 0 ? {} : { anchors: this.anchors }),
      comparedKeys: 10,
      seconds: 1,
      limits: limits ?? defaultReportLimits,
    };
    const facts = { cluster, hop, at, snapshot, objects, nodes, moreNodes: 0, ...left };
    return rollBackReport(facts, { atMs: Date.now(), members: this.#members.size });
  }

  /** Node objects go back in time, kubelets do not (the host has them). */
  #restore(id: SnapshotId, version: KubeVersion) {
    const stored = this.#snapshots.get(id);
    if (stored === undefined) throw terminal('snapshot-missing', `no snapshot ${id}`);
    this.#members = new Map(
      [...this.#members.keys()].map((name) => [name, aMember(name, version)]),
    );
    for (const [name, then] of stored.nodes) {
      const now = this.#nodes.get(name);
      this.#nodes.set(name, { ...then, ...(now && { kubeletVersion: now.kubeletVersion }) });
    }
    const { lostEtcd: lost } = this;
    return { seconds: 1, revision: 100, members: [], ...(lost.length === 0 ? {} : { lost }) };
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function memberObject({
  member,
  component,
}: Pick<MemberUpgradeInput, 'member' | 'component'>): string {
  return `${component} ${member}`;
}
