// One upgrade under test: a scripted cluster, its workers, and what a person would say to it.

import {
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
  WithStartWorkflowOperation,
} from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';

import type {
  AcknowledgeRequest,
  AuditEntry,
  CommandAccepted,
  CommandRefusal,
  Gate,
  GateRequest,
  NodeRequest,
  Request,
  RollBackRequest,
  SetPoolRequest,
} from '../../domain/status/control';
import type { DrivenChange } from '../../domain/observation';
import type { GateId, HopId, NodeName, PlanDigest, PoolName } from '../../domain/names';
import type {
  NodeOutcome,
  UpgradePhase,
  UpgradeResult,
  UpgradeStatus,
} from '../../domain/status/progress';
import type { Finding } from '../../domain/preflight/findings';
import { evidenceDigest, findingKey } from '../../domain/preflight/identity';
import { refusalSentence } from '../../domain/status/sentences';
import type { MaxUnavailable, UpgradeSpec } from '../../domain/spec';
import type { RollBackTarget } from '../../domain/rollback/report';
import {
  drillWorkflowId,
  rollBackPreviewWorkflowId,
  upgradeWorkflowId,
} from '../../domain/workflow-ids';
import {
  acknowledgeUpdate,
  approveUpdate,
  auditQuery,
  forcePodsUpdate,
  pauseUpdate,
  type DrillRollBackInput,
  wayBackQuery,
  quarantineNodeUpdate,
  rejectUpdate,
  resumeUpdate,
  retryNodeUpdate,
  revokeAcknowledgementUpdate,
  rollBackUpdate,
  searchAttributes,
  setPoolUpdate,
  skipNodeUpdate,
  type StartAnswer,
  type StartRequest,
  startUpdate,
  statusQuery,
  type UpgradeClusterInput,
} from '../../workflows/messages';
import type { drillRollBack } from '../../workflows/drill-roll-back';
import type { previewRollBack } from '../../workflows/preview-roll-back';
import type { upgradeCluster } from '../../workflows/upgrade-cluster';
import { aCluster, aSpec, clusterName } from './builders';
import { until } from './lab-until';
import { refusalOfUpdate } from './update-refusals';
import { fetchHistories, type NamedHistory, saveHistories } from './workflow-histories';
import { withControlPlane, withDeployment } from './scripted-rollouts';
import { type ActivityName, ScriptedCluster } from './workflow-cluster';
import { withActivityWorker, type WorkerMode, type WorkflowServer } from './workflow-server';

export interface UpgradeOptions {
  readonly workerOptions: WorkerMode;
  /** On the default cluster of one member and three workers, to 1.30. */
  readonly spec?: Partial<UpgradeSpec>;
  readonly nodes?: number;
  readonly members?: number;
  /** Release that everything runs at the start. */
  readonly at?: string;
  readonly changedAs?: 'member';
  readonly drives?: readonly DrivenChange[];
  /** Pool whose nodes, all there are, a MachineDeployment replaces. */
  readonly replaced?: string;
  /** Members are replaced by other machines. */
  readonly replacesMembers?: true;
  /** False: nobody polls the cluster's task queue. */
  readonly hasActivityWorker?: boolean;
  readonly input?: Partial<UpgradeClusterInput>;
}

/** The scripted cluster answers at once; real ones, for which the default is, do not. */
const often = { everyMs: 50 };

let count = 0;

/** Runs the body with everything up; every history must replay at the end of the file. */
export async function withUpgrade(
  server: WorkflowServer,
  options: UpgradeOptions,
  body: (upgrade: UpgradeUnderTest) => Promise<void>,
): Promise<void> {
  count += 1;
  const name = clusterName(`c${count}`);
  const builder = aCluster(name)
    .withMembers(options.members ?? 1, options.at)
    .withNodes(options.nodes ?? 3, options.at);
  const { changedAs, drives, replaced } = options;
  const as = changedAs === undefined ? {} : { changedAs };
  const driven = drives === undefined ? {} : { drives };
  const plain = { ...builder.observation(), ...as, ...driven };
  const seen = options.replacesMembers === true ? withControlPlane(plain) : plain;
  const cluster = new ScriptedCluster(
    replaced === undefined ? seen : withDeployment(seen, replaced),
  );
  const spec = aSpec({
    cluster: name,
    hopSoakMs: 0,
    controlPlane: { memberTimeoutMs: 300_000, allowSingleMember: true },
    ...options.spec,
  });
  const { workerOptions, hasActivityWorker = true } = options;
  const taskQueue = await server.workflowQueue(workerOptions);
  const upgrade = new UpgradeUnderTest({ server, cluster, spec, taskQueue, options });
  const play = async (): Promise<void> => {
    try {
      await body(upgrade);
      // Without a cache every single task was a replay already.
      if (workerOptions.maxCachedWorkflows !== 0) await upgrade.replayAll();
    } finally {
      await upgrade.giveUp();
    }
  };
  if (!hasActivityWorker) return play();
  return withActivityWorker(server, name, cluster.activities(), play);
}

/** The refusal in the failure of an update; throws when the update was accepted. */
export function refusalIn(update: Promise<unknown>): Promise<CommandRefusal> {
  return refusalOfUpdate(update, refusalSentence);
}

/** Of every node, over all hops. */
export function outcomesOf(result: UpgradeResult): readonly NodeOutcome[] {
  if (result.outcome === 'blocked') throw new Error('blocked');
  return result.hops.flatMap((hop) => hop.nodes);
}

/** `worker-1 upgraded 10`: the same with the pods that were evicted. */
export function evictionsOf(result: UpgradeResult): readonly string[] {
  return outcomesOf(result).map(({ node, outcome, evicted }) => `${node} ${outcome} ${evicted}`);
}

export class UpgradeUnderTest {
  #isAsked = false;
  readonly cluster: ScriptedCluster;
  readonly spec: UpgradeSpec;
  readonly handle: WorkflowHandle<typeof upgradeCluster>;
  readonly #server: WorkflowServer;
  readonly #taskQueue: string;
  readonly #options: UpgradeOptions;
  #requests = 0;

  constructor(parts: {
    readonly server: WorkflowServer;
    readonly cluster: ScriptedCluster;
    readonly spec: UpgradeSpec;
    readonly taskQueue: string;
    readonly options: UpgradeOptions;
  }) {
    this.#server = parts.server;
    this.#taskQueue = parts.taskQueue;
    this.#options = parts.options;
    this.cluster = parts.cluster;
    this.spec = parts.spec;
    const { workflow } = parts.server.client;
    this.handle = workflow.getHandle(upgradeWorkflowId(parts.spec.cluster));
  }

  /** Update-with-start, as the client does it. */
  async start(request: Partial<StartRequest> = {}): Promise<StartAnswer> {
    const { workflow } = this.#server.client;
    this.#isAsked = true;
    const asked: StartRequest = { spec: this.spec, actor: 'ada', requestId: 'start-1', ...request };
    const startWorkflowOperation = new WithStartWorkflowOperation<typeof upgradeCluster>(
      'upgradeCluster',
      {
        workflowId: upgradeWorkflowId(this.spec.cluster),
        taskQueue: this.#taskQueue,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [{ ...asked, ...this.#options.input }],
      },
    );
    return workflow.executeUpdateWithStart(startUpdate, { args: [asked], startWorkflowOperation });
  }

  async wayBack(): Promise<RollBackTarget | undefined> {
    // A query cannot answer undefined in JSON: it comes as null.
    return (await this.handle.query(wayBackQuery)) ?? undefined;
  }

  status(): Promise<UpgradeStatus> {
    return this.handle.query(statusQuery);
  }

  /** Waits in real time; timers of the server do not move meanwhile. */
  async untilPhase(phase: UpgradePhase): Promise<UpgradeStatus> {
    await this.#untilAttribute(searchAttributes.phase, phase);
    return this.status();
  }

  /** Waits until an activity was done so many times, over all objects. */
  async untilDone(activity: ActivityName, times: number): Promise<void> {
    await until(
      `${activity} done ${times} times`,
      async () => (this.cluster.done(activity).length >= times ? true : undefined),
      often,
    );
  }

  /** Waits until a child was told to pause or to go on. */
  async untilTold(path: string): Promise<void> {
    await this.#untilSignalled(this.child(path), 'control', '');
  }

  /** Waits until a child was told a limit of its pool. */
  async untilLimited(path: string, maxUnavailable: number): Promise<void> {
    const words = `"maxUnavailable":${maxUnavailable}`;
    await this.#untilSignalled(this.child(path), 'control', words);
  }

  /** Waits until a pool knows that one of its nodes is held. */
  async untilPoolHolds(path: string): Promise<void> {
    await this.#untilSignalled(this.child(path), 'nodeReport', '"state":"held"');
  }

  /** Waits until the upgrade knows its way back: hops tell it beside their work. */
  async untilSnapshotTold(): Promise<void> {
    await this.#untilSignalled(this.handle, 'report', '"kind":"snapshot"');
  }

  /** Looks at the newest run only. */
  async #untilSignalled(
    handle: Pick<WorkflowHandle, 'workflowId' | 'fetchHistory'>,
    signalName: string,
    words: string,
  ): Promise<void> {
    await until(
      `${signalName} ${words} to ${handle.workflowId}`,
      async () => {
        const { events } = await handle.fetchHistory();
        const isHeard = (events ?? []).some((event) => {
          const signal = event.workflowExecutionSignaledEventAttributes;
          const [payload] = signal?.input?.payloads ?? [];
          const text = Buffer.from(payload?.data ?? []).toString('utf8');
          return signal?.signalName === signalName && text.includes(words);
        });
        return isHeard ? true : undefined;
      },
      often,
    );
  }

  /**
   * Waits until a workflow has acted on the ends of so many activities and children of its newest
   * run: what it has not begun by then it does not begin for them.
   */
  async untilActed(handle: WorkflowHandle, ends: number): Promise<void> {
    await until(
      `${handle.workflowId} acts on ${ends} ends`,
      async () => {
        const events = (await handle.fetchHistory()).events ?? [];
        const ended = events.filter(
          (event) =>
            event.activityTaskCompletedEventAttributes ??
            event.childWorkflowExecutionCompletedEventAttributes,
        );
        const last = ended[ends - 1];
        if (last === undefined) return undefined;
        const later = events.slice(events.indexOf(last));
        return later.some((event) => event.workflowTaskCompletedEventAttributes) || undefined;
      },
      often,
    );
  }

  /** Waits until the cancellation has come down to a child. */
  async untilCancelRequested(path: string): Promise<void> {
    await until(
      `cancellation of ${path}`,
      async () => {
        const { events } = await this.child(path).fetchHistory();
        const isAsked = (events ?? []).some(
          (event) => event.workflowExecutionCancelRequestedEventAttributes,
        );
        return isAsked ? true : undefined;
      },
      often,
    );
  }

  /** Waits until this gate is the first that is open. */
  async untilGate(id: string): Promise<{ readonly gate: Gate; readonly status: UpgradeStatus }> {
    await this.#untilAttribute(searchAttributes.waitingFor, id);
    const status = await this.status();
    const gate = status.gates.find((one) => one.id === id);
    if (gate === undefined) throw new Error(`${id} is not open: ${status.sentence}`);
    return { gate, status };
  }

  /**
   * Looks at search attributes, not at the query `status`: a worker without a cache loses tasks
   * when queries of the same run come all the time.
   */
  async #untilAttribute(key: (typeof searchAttributes)['phase'], value: string): Promise<void> {
    await until(
      `${key.name} ${value}`,
      async () => {
        const { typedSearchAttributes } = await this.handle.describe();
        return typedSearchAttributes.get(key) === value ? true : undefined;
      },
      often,
    );
  }

  audit(): Promise<readonly AuditEntry[]> {
    return this.handle.query(auditQuery);
  }

  /** Names of the events in the trail, without those of the first plan. */
  async events(): Promise<readonly string[]> {
    return (await this.audit()).map((entry) => entry.event);
  }

  result(): Promise<UpgradeResult> {
    return this.handle.result();
  }

  /** The same; time skips until it is there. Only where nothing is left to be said (C2). */
  resultAfterSoak(): Promise<UpgradeResult> {
    return this.#server.clock.skippingWhile(() => this.handle.result());
  }

  /** Skips so much time, and no more. */
  sleep(ms: number): Promise<void> {
    return this.#server.clock.skip(ms);
  }

  request(overrides: Partial<Request> = {}): Request {
    this.#requests += 1;
    return { requestId: `r-${this.#requests}`, actor: 'ada', reason: 'a test', ...overrides };
  }

  async gateRequest(gate: string, overrides: Partial<GateRequest> = {}): Promise<GateRequest> {
    const { planDigest } = await this.status();
    const digest = planDigest ?? ('none' as PlanDigest);
    return { ...this.request(), gate: gate as GateId, planDigest: digest, ...overrides };
  }

  #update<Argument>(
    definition: UpdateDefinition<CommandAccepted, [Argument]>,
    argument: Argument,
  ): Promise<CommandAccepted> {
    return this.handle.executeUpdate(definition, { args: [argument] });
  }

  pause(overrides?: Partial<Request>): Promise<CommandAccepted> {
    return this.#update(pauseUpdate, this.request(overrides));
  }

  resume(overrides?: Partial<Request>): Promise<CommandAccepted> {
    return this.#update(resumeUpdate, this.request(overrides));
  }

  async approve(gate: string, overrides?: Partial<GateRequest>): Promise<CommandAccepted> {
    return this.#update(approveUpdate, await this.gateRequest(gate, overrides));
  }

  async reject(gate: string, overrides?: Partial<GateRequest>): Promise<CommandAccepted> {
    return this.#update(rejectUpdate, await this.gateRequest(gate, overrides));
  }

  rollBack(hop: string, over: Partial<RollBackRequest> = {}): Promise<CommandAccepted> {
    const request: RollBackRequest = { ...this.request(), hop: hop as HopId, ...over };
    return this.#update(rollBackUpdate, request);
  }

  setPool(
    pool: string,
    maxUnavailable: MaxUnavailable,
    overrides?: Partial<Request>,
  ): Promise<CommandAccepted> {
    const change = { pool: pool as PoolName, maxUnavailable };
    const request: SetPoolRequest = { ...this.request(overrides), ...change };
    return this.#update(setPoolUpdate, request);
  }

  /** For an hour of the server's clock, where nothing else is said. */
  async acknowledge(
    finding: Finding,
    overrides: Partial<AcknowledgeRequest> = {},
  ): Promise<CommandAccepted> {
    const { atMs } = (await this.audit()).at(-1) ?? { atMs: 0 };
    const seen = { finding: findingKey(finding), digest: evidenceDigest(finding) };
    const request = { ...this.request(), ...seen, untilMs: atMs + 3_600_000, ...overrides };
    return this.#update(acknowledgeUpdate, request);
  }

  revoke(finding: Finding): Promise<CommandAccepted> {
    const request = { ...this.request(), finding: findingKey(finding) };
    return this.#update(revokeAcknowledgementUpdate, request);
  }

  node(kind: 'retry' | 'skip' | 'quarantine', node: string): Promise<CommandAccepted> {
    const request: NodeRequest = { ...this.request(), node: node as NodeName };
    const updates = {
      retry: retryNodeUpdate,
      skip: skipNodeUpdate,
      quarantine: quarantineNodeUpdate,
    };
    return this.#update(updates[kind], request);
  }

  /** Pods of the namespace `web`. */
  force(
    node: string,
    names: readonly string[],
    overrides?: Partial<Request>,
  ): Promise<CommandAccepted> {
    const pods = names.map((name) => ({ namespace: 'web', name }));
    const request = { ...this.request(overrides), node: node as NodeName, pods };
    return this.#update(forcePodsUpdate, request);
  }

  /** What a rollback to the snapshot would undo, asked as the client asks. */
  preview(
    target: RollBackTarget,
  ): Promise<WorkflowHandleWithFirstExecutionRunId<typeof previewRollBack>> {
    const { workflow } = this.#server.client;
    const { cluster } = this.spec;
    return workflow.start<typeof previewRollBack>('previewRollBack', {
      workflowId: rollBackPreviewWorkflowId(cluster),
      taskQueue: this.#taskQueue,
      workflowIdConflictPolicy: 'USE_EXISTING',
      args: [{ limits: { seconds: 60, keys: 1_000 }, ...target, cluster }],
    });
  }

  /** A rollback that is tried beside the cluster, asked as the client asks. */
  drill(
    input: Partial<DrillRollBackInput> = {},
  ): Promise<WorkflowHandleWithFirstExecutionRunId<typeof drillRollBack>> {
    const { cluster } = this.spec;
    return this.#server.client.workflow.start<typeof drillRollBack>('drillRollBack', {
      workflowId: drillWorkflowId(cluster),
      taskQueue: this.#taskQueue,
      args: [{ ...input, cluster }],
    });
  }

  /** Replays the latest preview, and keeps it as `record` does. */
  recordPreview(scenario: string): Promise<void> {
    return this.#recordLatest(rollBackPreviewWorkflowId(this.spec.cluster), scenario);
  }

  /** As recordPreview. */
  recordDrill(scenario: string): Promise<void> {
    return this.#recordLatest(drillWorkflowId(this.spec.cluster), scenario);
  }

  async #recordLatest(id: string, scenario: string): Promise<void> {
    const histories = await fetchHistories(this.#server.client, id);
    this.#server.replayAtEnd(histories);
    const isReplaying = this.#options.workerOptions.maxCachedWorkflows === 0;
    if (process.env['RECORD'] !== '1' || isReplaying) return;
    await saveHistories(scenario, histories);
  }

  /** Histories of the upgrade's every run and of all workflows below it. */
  histories(): Promise<readonly NamedHistory[]> {
    return fetchHistories(this.#server.client, this.handle.workflowId);
  }

  /** Keeps the histories for test/replay when RECORD=1 asks for it. */
  async record(scenario: string): Promise<void> {
    const isReplaying = this.#options.workerOptions.maxCachedWorkflows === 0;
    if (process.env['RECORD'] !== '1' || isReplaying) return;
    await saveHistories(scenario, await this.histories());
  }

  /** A child by its id below the upgrade's: `hop-1.29/workers/worker-1`. */
  child(path: string): WorkflowHandle {
    return this.#server.client.workflow.getHandle(`${this.handle.workflowId}/${path}`);
  }

  /** What a test asks for without an upgrade is replayed where it is recorded. */
  async replayAll(): Promise<void> {
    if (!this.#isAsked) return;
    this.#server.replayAtEnd(await this.histories());
  }

  /** Ends what a failed test left running, so that the next one has the server to itself. */
  async giveUp(): Promise<void> {
    const histories = await this.histories().catch(() => []);
    const { workflow } = this.#server.client;
    const ids = new Set(histories.map(({ workflowId }) => workflowId));
    const endings = [...ids].map((id) => workflow.getHandle(id).terminate('the test is over'));
    await Promise.allSettled(endings);
  }
}
