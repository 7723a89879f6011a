// What the demo stands on: the lab, Temporal and a worker, started side by side and stopped in the
// opposite order.
// G1. Whatever fails or is interrupted while it comes up, nothing is left running.

import type { ClusterAccess } from '../../activities/access';
import { connectTemporal } from '../../client/connect';
import { labDown, labStatus, labUp } from '../../lab/lab';
import type { Lab } from '../../lab/lab';
import { ownLab } from '../../lab/lab-owner';
import type { LetGo } from '../../lab/lab-owner';
import { defaultStateDir } from '../../lab/layout';
import { temporalDown, temporalUp } from '../../lab/temporal-server';
import type { TemporalServer } from '../../lab/temporal-server';
import { startWorker } from './worker-process';
import type { WorkerOptions, WorkerProcess } from './worker-process';

export interface GroundOptions {
  /** Name of the lab and of the cluster; default `demo`. */
  readonly name?: string;
  /** Where the lab keeps its state; default: the labs' usual place. */
  readonly stateDir?: string;
  readonly members?: number;
  readonly nodes?: number;
  /** `none`: an empty cluster, for who brings workloads along. */
  readonly workloads?: 'demo' | 'none';
  /** Ctrl-C. */
  readonly signal?: AbortSignal;
}

type Tell = (text: string) => void;

export interface Ground {
  readonly cluster: string;
  readonly stateDir: string;
  readonly access: ClusterAccess;
  readonly accessFile: string;
  readonly kubeconfig: string;
  readonly temporalAddress: string;
  readonly temporalUi: string;
  readonly worker: WorkerProcess;
  /** `labUp`, `temporalUp` (with the worker), in seconds. */
  readonly timings: Readonly<Record<string, number>>;
  /** Safe to repeat. */
  tearDown(): Promise<void>;
  /** Leaves it running: the next demo may end it. */
  letGo(): Promise<void>;
}

const startVersion = '1.28.15';

/** An earlier demo that was kept, or killed, makes room for this one; see ownLab for a living. */
async function clear(stateDir: string, tell: Tell): Promise<void> {
  const state = await labStatus({ stateDir });
  if (state.kind === 'absent') return;
  tell(`ending the demo that was left in ${stateDir}`);
  await temporalDown({ stateDir });
  await labDown({ stateDir });
}

async function endLab(stateDir: string, letGo: LetGo): Promise<void> {
  try {
    await labDown({ stateDir });
  } finally {
    await letGo();
  }
}

async function timed<Value>(
  work: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly seconds: number }> {
  const startedAt = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - startedAt) / 1_000 };
}

/** Both may be left half up by an interruption: both are awaited before anything is decided. */
async function bringUpBoth(
  options: GroundOptions,
  tell: Tell,
  stateDir: string,
): Promise<readonly [{ value: Lab; seconds: number }, { value: TemporalServer; seconds: number }]> {
  const { signal } = options;
  const shape = {
    name: options.name ?? 'demo',
    stateDir,
    version: startVersion,
    ...(options.members === undefined ? {} : { members: options.members }),
    ...(options.nodes === undefined ? {} : { nodes: options.nodes }),
    ...(options.workloads === undefined ? {} : { workloads: options.workloads }),
  };
  let told = '';
  const onProgress = ({ text, seconds }: { text: string; seconds: number }): void => {
    if (text === told) return;
    told = text;
    tell(`${seconds.toFixed(1).padStart(6)} s  ${text}`);
  };
  const [lab, temporal] = await Promise.allSettled([
    timed(() => labUp({ ...shape, onProgress, ...(signal === undefined ? {} : { signal }) })),
    timed(() => temporalUp({ stateDir, ...(signal === undefined ? {} : { signal }) })),
  ]);
  if (lab.status === 'rejected') throw lab.reason;
  if (temporal.status === 'rejected') throw temporal.reason;
  return [lab.value, temporal.value];
}

async function startWorkerOn(options: WorkerOptions): Promise<WorkerProcess> {
  const connection = await connectTemporal({ address: options.temporalAddress, env: {} });
  try {
    return await startWorker(connection.client, options);
  } finally {
    await connection.close();
  }
}

/** Brings everything up from binaries that are installed already. */
export async function bringUp(options: GroundOptions, tell: Tell): Promise<Ground> {
  const stateDir = options.stateDir ?? defaultStateDir(options.name ?? 'demo');
  const letGo = await ownLab(stateDir);
  let worker: WorkerProcess | undefined;
  const tearDown = async (): Promise<void> => {
    // The lab's end ends whatever the others could not: it is reached whatever they do.
    try {
      await worker?.stop();
      await temporalDown({ stateDir });
    } finally {
      await endLab(stateDir, letGo);
    }
  };
  try {
    await clear(stateDir, tell);
    const [lab, temporal] = await bringUpBoth(options, tell, stateDir);
    options.signal?.throwIfAborted();
    const { accessFile, access, kubeconfig } = lab.value;
    const { address: temporalAddress, uiUrl: temporalUi } = temporal.value;
    const cluster = access.cluster;
    const started = await timed(() =>
      startWorkerOn({ stateDir, cluster, accessFile, temporalAddress, signal: options.signal }),
    );
    worker = started.value;
    options.signal?.throwIfAborted();
    const timings = { labUp: lab.seconds, temporalUp: temporal.seconds + started.seconds };
    const where = { cluster, stateDir, access, accessFile, kubeconfig };
    return { ...where, temporalAddress, temporalUi, worker, timings, tearDown, letGo };
  } catch (error) {
    await tearDown();
    throw error;
  }
}
