// drillRollBack: the whole way back in a scratch space of the worker, with the snapshot as it lies
// in the store, the key at hand and the API server of that minor. What would keep a rollback from
// working is told now, and how long it takes is measured. The cluster is neither asked nor touched.

import type { AscentActivities, SnapshotRecord } from '../domain/activity-contract';
import type { SnapshotId } from '../domain/names';
import {
  type DrillInput,
  type DrillPhase,
  drillPhaseText,
  type DrillRefusal,
  type DrillResult,
  type PhaseSeconds,
  rollbackSecondsOf,
} from '../domain/rollback/drill';
import { minorOf } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { secondsBetween } from './passes';
import { type ClusterPorts, PortError } from './ports';
import type { Drilled, ServeOrder } from './snapshot-ports';

export function drillActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'drillRollBack'> {
  return {
    /**
     * Begins anew when it is repeated: nothing of an attempt stays. Bound: the attempt's
     * startToClose. Heartbeats the phase. Fails only when the store does not answer.
     */
    drillRollBack: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `trying a rollback of ${input.cluster} beside it`,
          code: 'unexpected',
        },
        (run) => drill(deps.ports, run, input),
      ),
  };
}

interface Chosen {
  readonly record: SnapshotRecord;
  readonly order: ServeOrder;
}

async function drill(
  ports: ClusterPorts,
  run: ActivityRun,
  input: DrillInput,
): Promise<DrillResult> {
  run.beat({ phase: 'looking for the snapshot' });
  const chosen = await choose(ports, run, input);
  if ('code' in chosen) return { kind: 'refused', refusal: chosen };
  const { record } = chosen;
  const watch = new PhaseWatch(ports, run);
  let drilled: Drilled;
  try {
    drilled = await restoreBeside(ports, run, chosen, watch);
  } catch (error) {
    run.signal.throwIfAborted();
    if (!(error instanceof PortError)) throw error;
    return { kind: 'broken', snapshot: record.id, phase: watch.phase, problem: error.message };
  }
  const { keys, hashKv, apiServer } = drilled;
  if (keys !== record.totalKeys) {
    const problem = `restored, it has ${keys} keys, its record says ${record.totalKeys}`;
    return { kind: 'broken', snapshot: record.id, phase: 'compare', problem };
  }
  const { id, takenAt, kubeVersion, revision } = record;
  const phases = watch.end();
  return {
    kind: 'drilled',
    report: {
      schema: 'ascent.drill/v1',
      cluster: input.cluster,
      snapshot: { id, takenAt, kubeVersion, revision },
      members: await ports.driller.members(run.signal),
      keys,
      hashKv,
      apiServer,
      phases,
      rollbackSeconds: rollbackSecondsOf(phases),
    },
  };
}

/** What is needed is looked for before anything is fetched. */
async function choose(
  ports: ClusterPorts,
  run: ActivityRun,
  { cluster, snapshotId }: DrillInput,
): Promise<Chosen | DrillRefusal> {
  const { snapshots, driller, verifier } = ports;
  const record = await findRecord(ports, cluster, snapshotId);
  if (record === undefined) {
    const { location } = snapshots;
    return {
      code: 'no-snapshot',
      location,
      ...(snapshotId === undefined ? {} : { asked: snapshotId }),
    };
  }
  const { id: snapshot, kubeVersion, sealed } = record;
  if (sealed !== undefined && !(await keysAtHand(ports)).includes(sealed.key)) {
    return { code: 'no-key', snapshot, key: sealed.key };
  }
  const minor = minorOf(kubeVersion);
  if (!verifier.minors.includes(minor)) {
    return { code: 'not-served', snapshot, minor, reason: 'no-api-server' };
  }
  const order = await orderFor(ports, run, record);
  const reason = driller.unserved(order);
  if (reason !== undefined) return { code: 'not-served', snapshot, minor, reason };
  const freeBytes = await driller.freeBytes();
  // One in the clear, and what each member makes of it.
  const neededBytes = record.sizeBytes * ((await driller.members(run.signal)) + 1);
  if (freeBytes < neededBytes) {
    return { code: 'no-space', location: driller.location, freeBytes, neededBytes };
  }
  return { record, order };
}

async function findRecord(
  { snapshots }: ClusterPorts,
  cluster: DrillInput['cluster'],
  asked: SnapshotId | undefined,
): Promise<SnapshotRecord | undefined> {
  if (asked !== undefined) return snapshots.find(asked);
  return (await snapshots.list()).findLast((one) => (one.cluster ?? cluster) === cluster);
}

/** A key file that cannot be read holds none. */
async function keysAtHand({ snapshots }: ClusterPorts): Promise<readonly string[]> {
  try {
    return await snapshots.keys();
  } catch (error) {
    if (error instanceof PortError) return [];
    throw error;
  }
}

async function orderFor(
  { snapshots }: ClusterPorts,
  run: ActivityRun,
  record: SnapshotRecord,
): Promise<ServeOrder> {
  const { kubeVersion: version, needs } = record;
  const kept = await snapshots.needs(record, run.signal);
  if (kept !== undefined) return { version, needs: kept };
  const isEncrypted = needs?.some(({ kind }) => kind === 'encryption-config') ?? false;
  return { version, needsAreLost: isEncrypted };
}

async function restoreBeside(
  { snapshots, driller }: ClusterPorts,
  run: ActivityRun,
  { record, order }: Chosen,
  watch: PhaseWatch,
): Promise<Drilled> {
  watch.begin('fetch');
  const plain = await snapshots.fetch(record, run.signal);
  try {
    return await driller.drill(plain.file, order, (phase) => watch.begin(phase), run.signal);
  } finally {
    await plain.release();
  }
}

/** Which phase runs, and how long those before it took. */
class PhaseWatch {
  phase: DrillPhase = 'fetch';
  readonly #clock: ClusterPorts['clock'];
  readonly #run: ActivityRun;
  readonly #done: PhaseSeconds[] = [];
  #sinceMs: number | undefined;

  constructor({ clock }: ClusterPorts, run: ActivityRun) {
    this.#clock = clock;
    this.#run = run;
  }

  begin(phase: DrillPhase): void {
    this.#close();
    this.phase = phase;
    this.#sinceMs = this.#clock.nowMs();
    this.#run.beat({ phase: drillPhaseText(phase) });
  }

  end(): readonly PhaseSeconds[] {
    this.#close();
    return this.#done;
  }

  #close(): void {
    if (this.#sinceMs === undefined) return;
    const seconds = secondsBetween(this.#sinceMs, this.#clock.nowMs());
    this.#done.push({ phase: this.phase, seconds });
    this.#sinceMs = undefined;
  }
}
