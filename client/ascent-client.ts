// The typed client of Ascent, for the CLI and for other services: start upgrades, follow them,
// answer them. It knows Temporal and the messages of the workflows, and nothing of clusters.

import type { Client } from '@temporalio/client';

import type { Blocker } from '../domain/blockers';
import type {
  AcknowledgeRequest,
  AuditEntry,
  Command,
  CommandAccepted,
  ForcePodsRequest,
  GateRequest,
  NodeRequest,
  Request,
  RevokeRequest,
  RollBackRequest,
  SetPoolRequest,
} from '../domain/status/control';
import type { DrainEnd, DrainLook } from '../domain/drain/node-drain';
import type { Plan } from '../domain/plan/plan';
import type { ChangeRecord } from '../domain/record/record';
import type { UpgradeProgress, UpgradeResult, UpgradeStatus } from '../domain/status/progress';
import type { PreflightSchedule } from '../domain/preflight/schedule';
import type { SnapshotSchedule } from '../domain/snapshots/schedule';
import type { UpgradeSpec } from '../domain/spec';
import { auditQuery, blockersQuery, planQuery } from '../workflows/messages';
import type { Session } from './calls';
import {
  callUpgrade,
  defaultCallTimeoutMs,
  explainedError,
  resultOf,
  upgradeHandle,
} from './calls';
import type { ChangeRecordOptions } from './change-record';
import { makeChangeRecord } from './change-record';
import { newRequestId, sendCommand } from './commands';
import type { ConnectOptions } from './connect';
import { connectTemporal } from './connect';
import { UpgradeNotFoundError } from './errors';
import type { WatchOptions } from './follow';
import type { ListOptions, UpgradeSummary } from './listing';
import { listUpgrades } from './listing';
import { type Drill, type DrillOptions, drillRollBack } from './drill';
import type { DrainOptions, DrainStart, UncordonOptions, UncordonResult } from './node-drains';
import { drainAudit, startDrain, uncordonNode, watchDrain } from './node-drains';
import { readProgress, readStatus } from './progress';
import type {
  PreflightScheduling,
  PreflightUnscheduling,
  SchedulePreflightOptions,
} from './preflight-schedules';
import {
  findPreflightSchedule,
  schedulePreflight,
  unschedulePreflight,
} from './preflight-schedules';
import type { PreviewOptions, RollBackPreview } from './roll-back-preview';
import { confirmRollBack, previewRollBack } from './roll-back-preview';
import type { ScheduleOptions, UpgradeSchedule } from './schedules';
import { createSchedule, deleteSchedule, listSchedules } from './schedules';
import type {
  PruneEnd,
  PruneSnapshotsOptions,
  SnapshotBusy,
  SnapshotEnd,
  TakeSnapshotOptions,
} from './snapshots';
import { pruneSnapshots, takeSnapshot } from './snapshots';
import type {
  ScheduleSnapshotsOptions,
  SnapshotScheduling,
  SnapshotUnscheduling,
} from './snapshot-schedules';
import { findSnapshotSchedule, scheduleSnapshots, unscheduleSnapshots } from './snapshot-schedules';
import type { StartOptions, StartResult } from './start';
import { startUpgrade } from './start';
import { isWorkflowNotFound } from './temporal-errors';
import { watchUpgrade } from './watch';

/**
 * A request as a caller gives it: names are plain strings, and the request id (the idempotency key,
 * at most 128 characters) is made up when it is left out.
 */
export type Asked<R extends Request> = {
  readonly [Key in keyof R as Exclude<Key, 'requestId'>]: R[Key] extends string ? string : R[Key];
} & { readonly requestId?: string };

export interface ConnectionOwner {
  readonly address?: string;
  readonly close?: () => Promise<void>;
  /** How long one question to an upgrade may take, in milliseconds; default 15 s. */
  readonly callTimeoutMs?: number | undefined;
}

/**
 * One connection to Temporal. Methods take the cluster's name, reject with AscentError (its `code`
 * tells what happened), and may be repeated: with the same request id a command counts once.
 */
export class AscentClient {
  readonly #session: Session;
  readonly #close: () => Promise<void>;

  /**
   * Around a Temporal client that somebody else has configured. `owner` tells what to call the
   * server in messages, and what `close` does; by default nothing is closed.
   */
  constructor(temporal: Client, owner: ConnectionOwner = {}) {
    this.#session = {
      client: temporal,
      address: owner.address ?? 'the given connection',
      callTimeoutMs: owner.callTimeoutMs ?? defaultCallTimeoutMs,
    };
    this.#close = owner.close ?? (() => Promise.resolve());
  }

  /**
   * Connects as the `temporal` command does: profile, environment, TLS and API key included.
   * Rejects with connection-invalid, temporal-unreachable or temporal-refused.
   */
  static async connect(options: ConnectOptions = {}): Promise<AscentClient> {
    const connection = await connectTemporal(options);
    return new AscentClient(connection.client, {
      ...connection,
      callTimeoutMs: options.callTimeoutMs,
    });
  }

  /** Closes the connection if `connect` made it. */
  close(): Promise<void> {
    return this.#close();
  }

  /**
   * Starts the upgrade, or joins the one that runs when its spec is the same. Answers when the plan
   * is made. Refusals (no plan, no worker, another upgrade) are values.
   */
  start(spec: UpgradeSpec, options: StartOptions): Promise<StartResult> {
    return startUpgrade(this.#session, spec, options);
  }

  /** Takes effect within one step, also in the middle of a drain. */
  pause(cluster: string, request: Asked<Request>): Promise<CommandAccepted> {
    return this.#send(cluster, 'pause', request);
  }

  resume(cluster: string, request: Asked<Request>): Promise<CommandAccepted> {
    return this.#send(cluster, 'resume', request);
  }

  /** Answers a gate; `planDigest` names the plan that was looked at. */
  approve(cluster: string, request: Asked<GateRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'approve', request);
  }

  /** Answers a gate by ending the upgrade where it is. */
  reject(cluster: string, request: Asked<GateRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'reject', request);
  }

  /** Returns the cluster to the snapshot from before the hop. */
  rollBack(cluster: string, request: Asked<RollBackRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'rollBack', request);
  }

  /**
   * What rolling a hop back would undo: objects by kind and namespace, nodes, expected time. Reads
   * only. That it cannot be told is a value.
   */
  previewRollBack(cluster: string, options?: PreviewOptions): Promise<RollBackPreview> {
    return previewRollBack(this.#session, cluster, options);
  }

  /**
   * Tries a rollback in a scratch space of the cluster's worker, and tells how long it took. The
   * cluster is not touched. That the way back does not work, or cannot be tried, is a value.
   */
  drill(cluster: string, options?: DrillOptions): Promise<Drill> {
    return drillRollBack(this.#session, cluster, options);
  }

  /**
   * As rollBack, after another look: refused when what it would undo is no longer what the report
   * says that was looked at. `report` is its digest, or the beginning of it.
   */
  confirmRollBack(
    cluster: string,
    request: Asked<RollBackRequest> & { readonly report: string },
  ): Promise<CommandAccepted> {
    const requestId = request.requestId ?? newRequestId();
    // As in #send: the upgrade checks each name that it is given.
    const asked = { ...request, requestId } as RollBackRequest & { readonly report: string };
    return confirmRollBack(this.#session, cluster, asked);
  }

  retryNode(cluster: string, request: Asked<NodeRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'retryNode', request);
  }

  skipNode(cluster: string, request: Asked<NodeRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'skipNode', request);
  }

  quarantineNode(cluster: string, request: Asked<NodeRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'quarantineNode', request);
  }

  /**
   * Drains a held node again and has these pods deleted past what keeps them, or removed when they
   * outlast their grace period: the last resort, for a named person, with a reason. Only pods that
   * the drain's blockers name; see `pods` of the node's gate.
   */
  forcePods(cluster: string, request: Asked<ForcePodsRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'forcePods', request);
  }

  /**
   * Changes how many nodes of the pool may be out of service at once, for the rest of the upgrade;
   * the plan and its digest stay. The same value again changes nothing.
   */
  setPool(cluster: string, request: Asked<SetPoolRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'setPool', request);
  }

  /**
   * Answers for a finding, by its key and the digest of what was seen, until a time: it blocks no
   * hop while it is the same. Refused for what nobody can answer for.
   */
  acknowledge(cluster: string, request: Asked<AcknowledgeRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'acknowledge', request);
  }

  /** Takes that back: the finding counts again from the next look at it on. */
  revokeAcknowledgement(cluster: string, request: Asked<RevokeRequest>): Promise<CommandAccepted> {
    return this.#send(cluster, 'revokeAcknowledgement', request);
  }

  /**
   * Drains a node as an upgrade does, and leaves it cordoned; joins a drain of it that runs.
   * Answers when it is cordoned. A node that an upgrade has in work is refused; refusals are
   * values.
   */
  drain(cluster: string, node: string, options: DrainOptions): Promise<DrainStart> {
    return startDrain(this.#session, { cluster, node }, options);
  }

  /** Yields where the drain of the node stands until it ends; as `watch` does for upgrades. */
  watchDrain(
    cluster: string,
    node: string,
    options: WatchOptions = {},
  ): AsyncGenerator<DrainLook, DrainEnd | undefined> {
    return watchDrain(this.#session, { cluster, node }, options);
  }

  /** Stops the drain of the node, if one runs, and undoes what Ascent cordoned; nothing else. */
  uncordon(cluster: string, node: string, options: UncordonOptions): Promise<UncordonResult> {
    return uncordonNode(this.#session, { cluster, node }, options);
  }

  /** Where the upgrade stands, as the root says it. */
  status(cluster: string): Promise<UpgradeStatus> {
    return readStatus(this.#session, cluster);
  }

  /** The status with what hop, pool, nodes and drains say now. */
  progress(cluster: string): Promise<UpgradeProgress> {
    return readProgress(this.#session, cluster);
  }

  /**
   * Yields the progress until the upgrade ends, through restarts of workers and of Temporal. The
   * last one has `status.result`, which is also the return value of the generator.
   */
  watch(
    cluster: string,
    options: WatchOptions = {},
  ): AsyncGenerator<UpgradeProgress, UpgradeResult | undefined> {
    return watchUpgrade(this.#session, cluster, options);
  }

  /** Waits for the end. Rejects with upgrade-failed when Temporal closed it without a result. */
  async result(cluster: string): Promise<UpgradeResult> {
    try {
      return await resultOf(upgradeHandle(this.#session, cluster), cluster);
    } catch (error) {
      if (isWorkflowNotFound(error)) throw new UpgradeNotFoundError(cluster, error);
      throw await explainedError(this.#session, error, 0);
    }
  }

  /** The plan as it is now; undefined until it is made. */
  async plan(cluster: string): Promise<Plan | undefined> {
    const plan = await callUpgrade(this.#session, cluster, (handle) => handle.query(planQuery));
    // A query cannot answer undefined in JSON: it comes as null.
    return plan ?? undefined;
  }

  /** Who did what to the upgrade, or to one node outside of one; oldest first. */
  audit(cluster: string, node?: string): Promise<readonly AuditEntry[]> {
    if (node !== undefined) return drainAudit(this.#session, { cluster, node });
    return callUpgrade(this.#session, cluster, (handle) => handle.query(auditQuery));
  }

  /** What keeps the plan from being made, or held nodes from being drained. */
  blockers(cluster: string): Promise<readonly Blocker[]> {
    return callUpgrade(this.#session, cluster, (handle) => handle.query(blockersQuery));
  }

  /**
   * The change record of the last upgrade, or of the one with that run: what was planned, asked,
   * decided, done and found, chained by hashes. What is not known any more is told in it.
   */
  changeRecord(cluster: string, options?: ChangeRecordOptions): Promise<ChangeRecord> {
    return makeChangeRecord(this.#session, cluster, options);
  }

  /** Upgrades known to Temporal, newest first; about a second behind. */
  list(options: ListOptions = {}): Promise<readonly UpgradeSummary[]> {
    return listUpgrades(this.#session, options);
  }

  /** Starts the upgrade later: once at a time, or by a cron expression with a time zone. */
  schedule(spec: UpgradeSpec, options: ScheduleOptions): Promise<UpgradeSchedule> {
    return createSchedule(this.#session, spec, options);
  }

  /** Removes the schedule of the cluster; an upgrade that it has started goes on. */
  unschedule(cluster: string): Promise<void> {
    return deleteSchedule(this.#session, cluster);
  }

  schedules(): Promise<readonly UpgradeSchedule[]> {
    return listSchedules(this.#session);
  }

  /** Takes a snapshot as a hop does, verified; answers with its record, or why there is none. */
  takeSnapshot(cluster: string, options: TakeSnapshotOptions): Promise<SnapshotEnd | SnapshotBusy> {
    return takeSnapshot(this.#session, cluster, options);
  }

  /** Removes the snapshots that are more than is to be kept, or tells which would go. */
  pruneSnapshots(
    cluster: string,
    options: PruneSnapshotsOptions,
  ): Promise<PruneEnd | SnapshotBusy> {
    return pruneSnapshots(this.#session, cluster, options);
  }

  /** Has snapshots taken every so often, or changes how often. A refusal is a value. */
  scheduleSnapshots(
    cluster: string,
    options: ScheduleSnapshotsOptions,
  ): Promise<SnapshotScheduling> {
    return scheduleSnapshots(this.#session, cluster, options);
  }

  /** None is taken by itself any more. That there was no schedule is a value. */
  unscheduleSnapshots(cluster: string): Promise<SnapshotUnscheduling> {
    return unscheduleSnapshots(this.#session, cluster);
  }

  /** How often snapshots are taken, and what came of the last time; undefined: by no schedule. */
  snapshotSchedule(cluster: string): Promise<SnapshotSchedule | undefined> {
    return findSnapshotSchedule(this.#session, cluster);
  }

  /** Has the hop to come looked at once a day while an upgrade is open. A refusal is a value. */
  schedulePreflight(
    cluster: string,
    options: SchedulePreflightOptions,
  ): Promise<PreflightScheduling> {
    return schedulePreflight(this.#session, cluster, options);
  }

  /** Nothing is looked at by itself any more. That there was no schedule is a value. */
  unschedulePreflight(cluster: string): Promise<PreflightUnscheduling> {
    return unschedulePreflight(this.#session, cluster);
  }

  /** When it is, and what differed the last time; undefined: by no schedule. */
  preflightSchedule(cluster: string): Promise<PreflightSchedule | undefined> {
    return findPreflightSchedule(this.#session, cluster);
  }

  #send<Name extends Command['name']>(
    cluster: string,
    name: Name,
    asked: Asked<Extract<Command, { name: Name }>['request']>,
  ): Promise<CommandAccepted> {
    // The brands of names say where a name comes from; the upgrade checks each one it is given.
    const request = { ...asked, requestId: asked.requestId ?? newRequestId() };
    return sendCommand(this.#session, cluster, { name, request } as unknown as Command);
  }
}
