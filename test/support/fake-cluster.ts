// A whole cluster in memory, as activities see one through their ports, and a way to run an
// activity of it as Temporal would.

import {
  ActivityCancellationDetails,
  ApplicationFailure,
  CancelledFailure,
} from '@temporalio/common';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';

import { createActivities } from '../../activities/index';
import type { ApiExtensionsObservation } from '../../domain/api-extensions';
import type { ClusterPorts } from '../../activities/ports';
import type { AscentActivities } from '../../domain/activity-contract';
import type { ClusterName, NodeName } from '../../domain/names';
import { evidence } from '../domain/simulation/support';
import { FakeClock } from './fake-clock';
import { FakeDriller } from './fake-driller';
import { FakeEtcd, FakeSnapshotStore } from './fake-etcd';
import { FakeHosts } from './fake-hosts';
import { FakeKube } from './fake-kube';

export const cluster = 'lab' as ClusterName;
export const nodeName = (text: string): NodeName => text as NodeName;

export const memberNames = ['cp-1', 'cp-2', 'cp-3'] as const;

/** Three members in 1.28.15, no nodes and no pods; tests add what they need. */
export class FakeCluster {
  readonly clock = new FakeClock();
  readonly kube = new FakeKube(this.clock);
  readonly hosts = new FakeHosts(this.kube);
  readonly etcd = new FakeEtcd();
  readonly store = new FakeSnapshotStore();
  readonly driller = new FakeDriller(this.clock);
  extensions: ApiExtensionsObservation = {
    admission: { kind: 'observed', items: [] },
    conversion: { kind: 'observed', items: [] },
    aggregated: { kind: 'observed', items: [] },
  };
  readonly ports: ClusterPorts = {
    kube: this.kube,
    members: this.hosts,
    extensions: { observe: () => Promise.resolve(this.extensions) },
    storedObjects: { observe: () => Promise.resolve({ uses: [], unlisted: [] }) },
    volumes: { observe: () => Promise.resolve({ uses: [], unlisted: [] }) },
    components: { observe: () => Promise.resolve({ options: [], unread: [] }) },
    addons: { observe: () => Promise.resolve({ workloads: [], unlisted: [] }) },
    simulation: { collect: () => Promise.resolve({ evidence: evidence({}), unread: [] }) },
    etcd: this.etcd,
    snapshots: this.store,
    verifier: this.etcd,
    comparer: this.etcd,
    driller: this.driller,
    controlPlane: this.hosts,
    nodes: this.hosts,
    clock: this.clock,
  };

  /** What its worker was told of its driver. */
  driver: 'none' | undefined;

  constructor() {
    this.setControlPlane('1.28.15');
  }

  /** Every member runs `version`, ready and healthy. */
  setControlPlane(version: string): this {
    for (const name of memberNames) this.hosts.addMember(name, version);
    return this;
  }
}

export interface RunOptions {
  /** What the attempt before heartbeated. */
  readonly heartbeatDetails?: unknown;
  readonly startToCloseTimeoutMs?: number;
  /** 0: the activity was scheduled without one, so nothing may be heartbeated. */
  readonly heartbeatTimeoutMs?: number;
  /** What its worker is connected to; without it, Temporal cannot be asked anything. */
  readonly temporal?: Client;
}

/** One attempt of an activity: its heartbeats, and ways to end it early. */
export class FakeAttempt {
  readonly heartbeats: unknown[] = [];
  onHeartbeat: ((details: unknown) => void) | undefined;
  private readonly environment: MockActivityEnvironment;

  constructor(options: RunOptions = {}) {
    this.environment = new MockActivityEnvironment(
      {
        heartbeatDetails: options.heartbeatDetails,
        startToCloseTimeoutMs: options.startToCloseTimeoutMs ?? 3_600_000,
        heartbeatTimeoutMs: options.heartbeatTimeoutMs ?? 60_000,
      },
      // Failures are what most of these tests are about; they need not be told twice.
      {
        logger: new DefaultLogger('ERROR'),
        ...(options.temporal === undefined ? {} : { client: options.temporal }),
      },
    );
    this.environment.on('heartbeat', (details: unknown) => {
      this.heartbeats.push(details);
      this.onHeartbeat?.(details);
    });
  }

  run<Name extends keyof AscentActivities>(
    fake: Pick<FakeCluster, 'ports' | 'driver'>,
    name: Name,
    input: Parameters<AscentActivities[Name]>[0],
  ): Promise<Awaited<ReturnType<AscentActivities[Name]>>> {
    const { ports, driver } = fake;
    const activities = createActivities({
      cluster,
      ports,
      ...(driver === undefined ? {} : { driver }),
    });
    type Result = Awaited<ReturnType<AscentActivities[Name]>>;
    const activity = activities[name] as unknown as (given: typeof input) => Promise<Result>;
    return this.environment.run<[typeof input], Result, typeof activity>(activity, input);
  }

  /** What a workflow's cancellation does. */
  cancel(): void {
    this.environment.cancel('CANCELLED');
  }

  /** What the end of the grace time of a worker's shutdown does. */
  shutDownWorker(): void {
    const details = new ActivityCancellationDetails({ workerShutdown: true });
    this.environment.cancel('WORKER_SHUTDOWN', details);
  }
}

/** One attempt that nobody disturbs. */
export function runOnce<Name extends keyof AscentActivities>(
  fake: Pick<FakeCluster, 'ports' | 'driver'>,
  name: Name,
  input: Parameters<AscentActivities[Name]>[0],
  options: RunOptions = {},
): Promise<Awaited<ReturnType<AscentActivities[Name]>>> {
  return new FakeAttempt(options).run(fake, name, input);
}

/** What an activity failed with, as Temporal would see it. */
export async function failureOf(run: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await run;
  } catch (error) {
    if (!(error instanceof Error)) throw new Error('thrown value is no Error', { cause: error });
    const { name, message } = error;
    if (error instanceof CancelledFailure) return { name, message, details: error.details };
    if (!(error instanceof ApplicationFailure)) return { name, message };
    const { type, nonRetryable, details, nextRetryDelay } = error;
    return {
      type,
      message,
      nonRetryable,
      details: details ?? [],
      ...(nextRetryDelay === undefined ? {} : { nextRetryDelay }),
    };
  }
  throw new Error('the activity did not fail');
}
