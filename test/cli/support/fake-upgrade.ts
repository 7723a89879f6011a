// One upgrade behind the client's interface. It answers from the moment that it is given and
// refuses by the same rules as the real one; nothing here talks to Temporal.

import type { UpgradeClient } from '../../../cli/context';
import type {
  DrainEnd,
  DrainLook,
  DrainStart,
  Drill,
  PreflightSchedule,
  RollBackPreview,
  SnapshotBusy,
  SnapshotEnd,
  SnapshotSchedule,
  StartRefused,
  StartResult,
  UncordonResult,
  UpgradeSchedule,
} from '../../../client';
import {
  CommandRefusedError,
  TemporalUnreachableError,
  UpgradeEndedError,
  UpgradeNotFoundError,
} from '../../../client';
import { lookRefusals } from '../../../client/preflight-schedules';
import { schedulingRefusals } from '../../../client/snapshot-schedules';
import { judgeForce } from '../../../domain/drain/force';
import type {
  ClusterName,
  FindingKey,
  GateId,
  PlanDigest,
  SnapshotId,
} from '../../../domain/names';
import { whyNeverAcknowledged } from '../../../domain/preflight/acknowledgeable';
import { codeOfKey } from '../../../domain/preflight/identity';
import { routineJitterMs } from '../../../domain/snapshots/schedule';
import type { AuditEntry, CommandAccepted, CommandRefusal } from '../../../domain/status/control';
import type { Plan } from '../../../domain/plan/plan';
import type { ChangeRecord } from '../../../domain/record/record';
import type { UpgradeProgress, UpgradeResult } from '../../../domain/status/progress';
import { hopId, nodeName, poolName } from '../../support/builders';
import { nowMs } from './fake-terminal';
import { askedSnapshot, scheduledSnapshots } from './snapshot-fixtures';
import { drilled } from './drill-fixtures';
import { scheduledLooks } from './look-fixtures';
import { undoneReport } from './rollback-fixtures';
import { drainingLook, drainTrail, nodeDrained, nodeUncordoned } from './node-fixtures';

export interface FakeUpgradeOptions {
  readonly cluster: string;
  readonly plan: Plan;
  /** Where it stands; undefined: there is none. */
  readonly moment?: UpgradeProgress;
  /** What `watch` sees, one after the other; default: only the moment. */
  readonly moments?: readonly UpgradeProgress[];
  readonly refusal?: StartRefused;
  readonly schedules?: readonly UpgradeSchedule[];
  /** Why no snapshot is taken or removed. */
  readonly snapshot?: Extract<SnapshotEnd, { kind: 'failed' }> | SnapshotBusy;
  /** What takes snapshots again and again. */
  readonly snapshotSchedule?: SnapshotSchedule;
  /** What looks at the hop to come each day. */
  readonly preflightSchedule?: PreflightSchedule;
  readonly hasWorker?: boolean;
  /** Snapshots that are more than is to be kept. */
  readonly surplus?: readonly string[];
  /** What a rollback would undo; default: `undoneReport`. */
  readonly preview?: RollBackPreview;
  /** What came of trying one; default: `drilled`. */
  readonly drill?: Drill;
  /** What is recorded of it; undefined: there is no such upgrade. */
  readonly record?: ChangeRecord;
  /** What single nodes are told; default: they are drained at once. */
  readonly node?: FakeNode;
}

/** How a node outside of an upgrade behaves. */
export interface FakeNode {
  readonly start?: DrainStart;
  /** What is seen of its drain, one after the other. */
  readonly looks?: (node: string) => readonly DrainLook[];
  /** Undefined: the watching is interrupted before it ends. */
  readonly end?: DrainEnd;
  readonly uncordon?: UncordonResult;
}

export class FakeUpgrade implements UpgradeClient {
  readonly #options: FakeUpgradeOptions;
  /** What was asked, in order: the name of the method and its arguments. */
  readonly calls: (readonly unknown[])[] = [];
  isClosed = false;

  constructor(options: FakeUpgradeOptions) {
    this.#options = options;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  start: UpgradeClient['start'] = (spec, options) => {
    this.calls.push(['start', spec.cluster, options]);
    const { refusal, plan, moment } = this.#options;
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', refusal });
    const result: StartResult = {
      kind: moment === undefined ? 'started' : 'already-running',
      plan,
      workflowId: `upgrade/${spec.cluster}`,
      runId: '00000000-0000-4000-8000-000000000001',
    };
    return Promise.resolve(result);
  };

  pause: UpgradeClient['pause'] = (cluster, request) =>
    this.#answer(cluster, 'pause', request, ({ status }) =>
      status.paused === undefined
        ? 'nothing begins until it is resumed'
        : { code: 'already-paused' },
    );

  resume: UpgradeClient['resume'] = (cluster, request) =>
    this.#answer(cluster, 'resume', request, ({ status }) =>
      status.paused === undefined ? { code: 'not-paused' } : 'the upgrade goes on',
    );

  acknowledge: UpgradeClient['acknowledge'] = (cluster, request) =>
    this.#answer(
      cluster,
      'acknowledge',
      request,
      () => acknowledgeRefusalOf(request) ?? `${request.finding} blocks no hop`,
    );

  revokeAcknowledgement: UpgradeClient['revokeAcknowledgement'] = (cluster, request) =>
    this.#answer(cluster, 'revokeAcknowledgement', request, ({ status }) => {
      const known = (status.acknowledgements ?? []).map(({ finding }) => finding);
      const finding = request.finding as FindingKey;
      return known.includes(finding)
        ? `${finding} counts again from the next look at it on`
        : { code: 'acknowledgement-unknown', finding, known };
    });

  approve: UpgradeClient['approve'] = (cluster, request) =>
    this.#answer(
      cluster,
      'approve',
      request,
      (moment) => gateRefusal(moment, request) ?? `${request.gate} is approved`,
    );

  reject: UpgradeClient['reject'] = (cluster, request) =>
    this.#answer(
      cluster,
      'reject',
      request,
      (moment) => gateRefusal(moment, request) ?? 'the upgrade ends here',
    );

  rollBack: UpgradeClient['rollBack'] = (cluster, request) =>
    this.#answer(cluster, 'rollBack', request, ({ status }) =>
      status.rollBackTo?.hop === request.hop
        ? `${request.hop} is rolled back`
        : ({ code: 'rollback-unavailable', hop: hopId(request.hop), why: 'not-begun' } as const),
    );

  previewRollBack: UpgradeClient['previewRollBack'] = (cluster, options) => {
    this.calls.push(['previewRollBack', cluster, options]);
    return Promise.resolve(this.#options.preview ?? { kind: 'report', report: undoneReport });
  };

  changeRecord: UpgradeClient['changeRecord'] = (cluster, options) => {
    this.calls.push(['changeRecord', cluster, options]);
    const { record } = this.#options;
    if (record === undefined) return Promise.reject(new UpgradeNotFoundError(cluster));
    return Promise.resolve(record);
  };

  drill: UpgradeClient['drill'] = (cluster, options) => {
    this.calls.push(['drill', cluster, options]);
    return Promise.resolve(this.#options.drill ?? drilled);
  };

  confirmRollBack: UpgradeClient['confirmRollBack'] = (cluster, { report, ...request }) =>
    this.#answer(cluster, 'confirmRollBack', { ...request, report }, () =>
      undoneReport.digest.startsWith(report)
        ? `${request.hop} is rolled back`
        : ({ code: 'report-unknown', given: report } as const),
    );

  retryNode: UpgradeClient['retryNode'] = (cluster, request) =>
    this.#answerNode(cluster, 'retryNode', request, 'is tried again');

  skipNode: UpgradeClient['skipNode'] = (cluster, request) =>
    this.#answerNode(cluster, 'skipNode', request, 'is left as it is');

  quarantineNode: UpgradeClient['quarantineNode'] = (cluster, request) =>
    this.#answerNode(cluster, 'quarantineNode', request, 'stays cordoned');

  forcePods: UpgradeClient['forcePods'] = (cluster, request) =>
    this.#answer(cluster, 'forcePods', request, ({ status }) => {
      const gate = status.gates.find((one) => one.kind === 'node' && one.node === request.node);
      const node = nodeName(request.node);
      if (gate?.kind !== 'node') return { code: 'node-not-waiting', node, waiting: [] };
      const judged = judgeForce({ blockers: gate.blockers, pods: gate.pods ?? [] }, request.pods);
      if (judged.kind === 'forced') return `node ${node} is drained again`;
      const { problems, forceable } = judged;
      return { code: 'pods-not-forceable', node, problems, forceable };
    });

  setPool: UpgradeClient['setPool'] = (cluster, request) =>
    this.#answer(cluster, 'setPool', request, () => {
      const { plan } = this.#options;
      const steps = plan.hops.flatMap((hop) => hop.steps);
      const taken = steps.flatMap((step) => (step.kind === 'pool' ? [step.pool] : []));
      const pools = [...new Set(taken)];
      const pool = poolName(request.pool);
      if (!pools.includes(pool)) return { code: 'pool-unknown', pool, pools };
      return `pool ${pool} goes on with at most ${request.maxUnavailable} at once`;
    });

  drain: UpgradeClient['drain'] = (cluster, node, options) => {
    this.calls.push(['drain', cluster, node, options]);
    const workflowId = `drain/${cluster}/${node}`;
    return Promise.resolve(this.#options.node?.start ?? { kind: 'started', workflowId });
  };

  async *watchDrain(
    _cluster: string,
    node: string,
  ): AsyncGenerator<DrainLook, DrainEnd | undefined> {
    const behaviour = this.#options.node ?? {};
    const looks = behaviour.looks?.(node) ?? [drainingLook(node)];
    yield* looks;
    const last = looks.at(-1);
    const end = 'end' in behaviour ? behaviour.end : nodeDrained;
    if (end === undefined || last === undefined) return undefined;
    yield { status: { ...last.status, phase: 'ended', end }, blockers: [] };
    return end;
  }

  uncordon: UpgradeClient['uncordon'] = (cluster, node, options) => {
    this.calls.push(['uncordon', cluster, node, options]);
    return Promise.resolve(this.#options.node?.uncordon ?? { kind: 'ended', end: nodeUncordoned });
  };

  status: UpgradeClient['status'] = async (cluster) => (await this.progress(cluster)).status;

  progress: UpgradeClient['progress'] = (cluster) => {
    const { moment } = this.#options;
    if (moment === undefined || cluster !== this.#options.cluster) {
      return Promise.reject(new UpgradeNotFoundError(cluster));
    }
    return Promise.resolve(moment);
  };

  async *watch(cluster: string): AsyncGenerator<UpgradeProgress, UpgradeResult | undefined> {
    const last = await this.progress(cluster);
    const moments = this.#options.moments ?? [last];
    yield* moments;
    return moments.at(-1)?.status.result;
  }

  result: UpgradeClient['result'] = async (cluster) => {
    const { result } = await this.status(cluster);
    if (result === undefined) throw new Error('it runs');
    return result;
  };

  plan: UpgradeClient['plan'] = () => Promise.resolve(this.#options.plan);

  audit: UpgradeClient['audit'] = async (cluster, node) => {
    if (node !== undefined) return drainTrail(node);
    await this.progress(cluster);
    return auditTrail;
  };

  blockers: UpgradeClient['blockers'] = () => Promise.resolve([]);

  list: UpgradeClient['list'] = (options) => {
    this.calls.push(['list', options]);
    const { moment, cluster } = this.#options;
    if (moment === undefined) return Promise.resolve([]);
    const { status } = moment;
    return Promise.resolve([
      {
        cluster,
        workflowId: `upgrade/${cluster}`,
        runId: '00000000-0000-4000-8000-000000000001',
        state: status.result === undefined ? 'running' : 'ended',
        ...(status.result === undefined ? {} : { outcome: status.result.outcome }),
        from: '1.28.15',
        to: '1.30.14',
        phase: status.phase,
        ...(status.gates[0] === undefined ? {} : { waitingFor: status.gates[0].id }),
        startedAt: new Date(status.startedAtMs).toISOString(),
        ...(status.result === undefined ? {} : { endedAt: new Date(nowMs).toISOString() }),
      },
    ]);
  };

  schedule: UpgradeClient['schedule'] = (spec, options) => {
    this.calls.push(['schedule', spec.cluster, options]);
    return Promise.resolve({
      scheduleId: `upgrade-schedule/${spec.cluster}`,
      cluster: spec.cluster,
      timezone: options.when.timezone ?? 'UTC',
      nextTimes: ['2026-11-28T02:00:00.000Z'],
    });
  };

  unschedule: UpgradeClient['unschedule'] = (cluster) => {
    this.calls.push(['unschedule', cluster]);
    return Promise.resolve();
  };

  takeSnapshot: UpgradeClient['takeSnapshot'] = (cluster, { actor, reason }) => {
    const { snapshot } = this.#options;
    if (snapshot !== undefined) return Promise.resolve(snapshot);
    const taken = { ...askedSnapshot, cluster: cluster as ClusterName, actor, asked: { reason } };
    return Promise.resolve({ kind: 'taken', snapshot: taken });
  };

  pruneSnapshots: UpgradeClient['pruneSnapshots'] = (_cluster, { dryRun = false }) => {
    const { snapshot, surplus = [] } = this.#options;
    if (snapshot !== undefined) return Promise.resolve(snapshot);
    return Promise.resolve({
      kind: 'pruned',
      dryRun,
      location: '/snapshots',
      removed: surplus as readonly SnapshotId[],
      stay: 3,
    });
  };

  scheduleSnapshots: UpgradeClient['scheduleSnapshots'] = (cluster, { everyMs, keep, actor }) => {
    const kept = keep === undefined ? {} : { keep };
    const refusals = schedulingRefusals(cluster, { everyMs, ...kept });
    if (refusals.length > 0) return Promise.resolve({ kind: 'refused', refusals });
    const { snapshotSchedule: before, hasWorker = true } = this.#options;
    const next = new Date((Math.floor(nowMs / everyMs) + 1) * everyMs);
    const nextTimes = [next.toISOString()];
    const jitterMs = routineJitterMs(everyMs);
    const routine = { everyMs, jitterMs, ...kept, actor };
    const schedule = { ...scheduledSnapshots, cluster, ...routine, nextTimes };
    const isSame = before?.everyMs === everyMs && before.keep === keep;
    const change = before === undefined ? 'created' : isSame ? 'unchanged' : 'changed';
    return Promise.resolve({ kind: 'scheduled', change, schedule, hasWorker });
  };

  unscheduleSnapshots: UpgradeClient['unscheduleSnapshots'] = () =>
    Promise.resolve({
      kind: this.#options.snapshotSchedule === undefined ? 'none' : 'removed',
    });

  snapshotSchedule: UpgradeClient['snapshotSchedule'] = () =>
    Promise.resolve(this.#options.snapshotSchedule);

  schedulePreflight: UpgradeClient['schedulePreflight'] = (
    cluster,
    { at, zone = 'UTC', actor },
  ) => {
    const refusals = lookRefusals(cluster, { at, zone });
    if (refusals.length > 0) return Promise.resolve({ kind: 'refused', refusals });
    const { preflightSchedule: before, hasWorker = true } = this.#options;
    const schedule = { ...scheduledLooks, cluster, at, zone, actor };
    const isSame = before?.at === at && before.zone === zone;
    const change = before === undefined ? 'created' : isSame ? 'unchanged' : 'changed';
    return Promise.resolve({ kind: 'scheduled', change, schedule, hasWorker });
  };

  unschedulePreflight: UpgradeClient['unschedulePreflight'] = () =>
    Promise.resolve({
      kind: this.#options.preflightSchedule === undefined ? 'none' : 'removed',
    });

  preflightSchedule: UpgradeClient['preflightSchedule'] = () =>
    Promise.resolve(this.#options.preflightSchedule);

  schedules: UpgradeClient['schedules'] = () => Promise.resolve(this.#options.schedules ?? []);

  #answerNode(
    cluster: string,
    name: string,
    request: { readonly node: string },
    effect: string,
  ): Promise<CommandAccepted> {
    return this.#answer(cluster, name, request, ({ status }) => {
      const waiting = status.gates.flatMap((gate) => (gate.kind === 'node' ? [gate.node] : []));
      const node = waiting.find((one) => one === request.node);
      return node === undefined
        ? ({ code: 'node-not-waiting', node: nodeName(request.node), waiting } as const)
        : `node ${node} ${effect}`;
    });
  }

  async #answer(
    cluster: string,
    name: string,
    request: object,
    decide: (moment: UpgradeProgress) => string | CommandRefusal,
  ): Promise<CommandAccepted> {
    this.calls.push([name, cluster, request]);
    const moment = await this.progress(cluster);
    const { result } = moment.status;
    if (result !== undefined) throw new UpgradeEndedError(cluster, result.outcome, result);
    const decision = decide(moment);
    if (typeof decision !== 'string') throw new CommandRefusedError(decision);
    return { requestId: 'request-1', effect: decision };
  }
}

function acknowledgeRefusalOf(request: { readonly finding: string }): CommandRefusal | undefined {
  const finding = request.finding as FindingKey;
  const code = codeOfKey(finding);
  if (code === undefined) return { code: 'finding-unknown', finding };
  const why = whyNeverAcknowledged(code);
  return why === undefined ? undefined : { code: 'finding-not-acknowledgeable', finding, why };
}

function gateRefusal(
  { status }: UpgradeProgress,
  request: { readonly gate: string; readonly planDigest: string },
): CommandRefusal | undefined {
  const open = status.gates.filter(({ kind }) => kind !== 'node').map(({ id }) => id);
  const gate = request.gate as GateId;
  const given = request.planDigest as PlanDigest;
  if (!open.some((id) => id === gate)) return { code: 'gate-unknown', gate, open };
  if (given === status.planDigest) return undefined;
  if (status.planDigest === undefined) return { code: 'not-planned-yet' };
  return { code: 'digest-stale', given, current: status.planDigest };
}

const auditTrail: readonly AuditEntry[] = [
  {
    atMs: nowMs - 1_800_000,
    actor: 'ada@workstation',
    event: 'upgrade.started',
    text: 'ada@workstation started the upgrade from 1.28.15 to 1.30.14',
    requestId: 'request-0',
  },
  {
    atMs: nowMs - 60_000,
    actor: 'ada@workstation',
    event: 'command.pause',
    text: 'ada@workstation asked to pause (release day): nothing begins until it is resumed',
    requestId: 'request-1',
  },
];

/** A server that is away. */
export function unreachable(): Promise<never> {
  return Promise.reject(new TemporalUnreachableError('temporal.example:7233'));
}
