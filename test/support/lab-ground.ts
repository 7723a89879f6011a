// What an end-to-end test stands on: a lab, a Temporal server and workers, all real processes, in a
// directory and on ports of their own.
// G1. `close` ends all of it, also what has come up only half; call it in afterAll.
// G2. What a test run that was killed has left is ended by the next one.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Client } from '@temporalio/client';

import { openCluster } from '../../activities/adapters/open-cluster';
import { observeCluster } from '../../activities/observe';
import type { WorkerProcess } from '../../bin/demo/worker-process';
import { startWorker } from '../../bin/demo/worker-process';
import { AscentClient } from '../../client';
import type { TemporalConnection } from '../../client/connect';
import { connectTemporal } from '../../client/connect';
import type { ClusterName } from '../../domain/names';
import type { Observation } from '../../domain/observation';
import type { Lab } from '../../lab/lab';
import { labDown, labUp } from '../../lab/lab';
import { labLayout } from '../../lab/layout';
import { endProcess, identify } from '../../lab/process-identity';
import { killTemporal, temporalDown, temporalUp } from '../../lab/temporal-server';
import { LabKube } from './lab-kube';
import { until } from './lab-until';

export interface GroundShape {
  /** Of the lab and of the cluster. */
  readonly name: string;
  readonly members: number;
  readonly nodes: number;
  /** Of the demo's workloads; 0 for none. */
  readonly pods: number;
  /** Release that it is made with; default 1.28.15. */
  readonly version?: string;
  readonly etcdVersion?: string;
  /** Default 3. */
  readonly zones?: number;
}

const startVersion = '1.28.15';
const statePrefix = 'ascent-e2e-';
const observeTimeoutMs = 60_000;
const killMs = 5_000;
const tailLines = 12;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function endIn(stateDir: string): Promise<void> {
  await temporalDown({ stateDir });
  await labDown({ stateDir });
  await rm(stateDir, { recursive: true, force: true });
}

/** G2. The directory's name says whose it is. */
async function endLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${statePrefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    await endIn(path.join(tmpdir(), name));
  }
}

export class LabGround {
  readonly cluster: string;
  readonly stateDir: string;
  readonly client: AscentClient;
  /** For what Temporal knows and the client does not tell. */
  readonly temporal: Client;
  readonly #shape: GroundShape;
  readonly #connection: TemporalConnection;
  readonly #workers: WorkerProcess[] = [];
  #lab: Lab | undefined;
  #kube: LabKube | undefined;

  private constructor(shape: GroundShape, stateDir: string, connection: TemporalConnection) {
    this.#shape = shape;
    this.cluster = shape.name;
    this.stateDir = stateDir;
    this.#connection = connection;
    this.temporal = connection.client;
    this.client = new AscentClient(connection.client, { address: connection.address });
  }

  /** Temporal is up; the lab is not. */
  static async open(shape: GroundShape): Promise<LabGround> {
    await endLeftovers();
    const stateDir = await mkdtemp(path.join(tmpdir(), `${statePrefix}${process.pid}-`));
    try {
      const { address } = await temporalUp({ stateDir });
      return new LabGround(shape, stateDir, await connectTemporal({ address, env: {} }));
    } catch (error) {
      await endIn(stateDir);
      throw error;
    }
  }

  /** Every member serves, every node is Ready, every workload is available. */
  async bringUpLab(): Promise<void> {
    const { version = startVersion, ...shape } = this.#shape;
    const { stateDir } = this;
    const workloads = shape.pods === 0 ? 'none' : 'demo';
    this.#lab = await labUp({ ...shape, workloads, stateDir, version });
    this.#kube = await LabKube.open(labLayout(stateDir), this.#lab.apiUrl);
  }

  /** Of Temporal, for a command of its own. */
  get address(): string {
    return this.#connection.address;
  }

  get lab(): Lab {
    if (this.#lab === undefined) throw new Error('the lab is not up');
    return this.#lab;
  }

  get kube(): LabKube {
    if (this.#kube === undefined) throw new Error('the lab is not up');
    return this.#kube;
  }

  /** A process of its own, as in production; for the lab unless another access file is named. */
  async startWorker(
    other: { readonly cluster?: string; readonly accessFile?: string } = {},
  ): Promise<WorkerProcess> {
    const cluster = other.cluster ?? this.cluster;
    const worker = await startWorker(this.temporal, {
      stateDir: this.stateDir,
      cluster,
      accessFile: other.accessFile ?? this.lab.accessFile,
      temporalAddress: this.#connection.address,
      name: `worker-${cluster}`,
    });
    this.#workers.push(worker);
    return worker;
  }

  /** SIGKILL; returns when the process is gone. */
  async killWorker({ pid }: WorkerProcess): Promise<void> {
    const identity = identify(pid);
    if (identity === undefined) throw new Error('the worker is gone already');
    if (!(await endProcess(identity, killMs))) throw new Error(`worker ${pid} does not end`);
  }

  /** SIGKILL to Temporal, then a start on the same data. */
  async restartTemporal(): Promise<void> {
    await killTemporal({ stateDir: this.stateDir });
    await temporalUp({ stateDir: this.stateDir });
    await until('Temporal answers again', () => this.client.list());
  }

  /** The cluster past the engine: every member and node asked directly. */
  async observe(): Promise<Observation> {
    const ports = openCluster(this.lab.access);
    try {
      return await observeCluster({
        cluster: this.cluster as ClusterName,
        ports,
        signal: AbortSignal.timeout(observeTimeoutMs),
      });
    } finally {
      await ports.close();
    }
  }

  /** For a test that failed: where the upgrade stands and what the worker said last. */
  async diagnosis(): Promise<string> {
    const told = await this.client.progress(this.cluster).then(
      ({ status, nodes }) => [
        `upgrade: ${status.phase}: ${status.sentence}`,
        `hop: ${JSON.stringify(status.hop)}`,
        `gates: ${JSON.stringify(status.gates)}`,
        ...nodes.map((node) => `node: ${JSON.stringify(node)}`),
      ],
      (error: unknown) => [`upgrade: ${String(error)}`],
    );
    const log = path.join(labLayout(this.stateDir).logs, `worker-${this.cluster}.log`);
    const lines = await readFile(log, 'utf8').then(
      (text) => text.trimEnd().split('\n').slice(-tailLines),
      () => ['no log of a worker'],
    );
    return [...told, 'worker log:', ...lines].join('\n');
  }

  /** G1. */
  async close(): Promise<void> {
    try {
      await Promise.all(this.#workers.map((worker) => worker.stop()));
      this.#kube?.close();
      await this.#connection.close();
    } finally {
      await endIn(this.stateDir);
    }
  }
}
