// What the benchmark of machines stands on: one control plane and two workers, both releases within
// reach of them, and a Service of two replicas on two machines under a load.

import type { Interruption } from '../bin/interruption';
import { firstProcess } from '../lab/machines/machine';
import { machineFaults } from '../lab/machines/machine-faults';
import {
  type MachinesLab,
  machinesDown,
  machinesStatus,
  machinesUp,
} from '../lab/machines/machines-lab';
import { offerRelease } from '../lab/machines/offer-release';
import { webReplicas, webWorkload } from '../lab/machines/web-workload';
import { defaultStateDir } from '../lab/layout';
import { eventually } from '../lab/waiting';
import type { LoadReport } from './hop-load/load';
import { startServiceLoad } from './service-load/start';

export const machinesCluster = 'bench-machines';
export const hops = ['1.29.15', '1.30.14'] as const;
const controlPlane = 'cp-1';
/** Ascent finds its pool by it. */
export const workerPool = { 'ascent.bench/pool': 'workers' } as const;
const workerLabel = Object.entries(workerPool).flat().join('=');
const settleMs = 120_000;

const kubectl = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];

/** A lab of its own, gone afterwards however the work ends. */
export function withMachines<Result>(
  interruption: Interruption,
  use: (lab: MachinesLab) => Promise<Result>,
): Promise<Result> {
  const stateDir = defaultStateDir(machinesCluster);
  const started = {
    what: `lab ${machinesCluster}`,
    endWith: `npm run ascent -- lab down --name ${machinesCluster}`,
    left: async () => {
      const state = await machinesStatus({ stateDir });
      return state.kind === 'absent' ? [] : state.machines.map(({ name }) => `machine ${name}`);
    },
  };
  return interruption.whileTearingDown(started, async () => {
    try {
      const { signal } = interruption;
      const shape = { name: machinesCluster, controlPlanes: 1, workers: 2, version: '1.28' };
      const lab = await machinesUp({ ...shape, stateDir, signal });
      for (const hop of hops) await offerRelease(lab.context, hop);
      return await use(lab);
    } finally {
      await machinesDown({ stateDir });
    }
  });
}

/** What the work came to, and what the clients of a Service saw meanwhile. */
export async function underLoad<Result>(
  lab: MachinesLab,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly load: readonly LoadReport[] }> {
  const faults = machineFaults(lab.context);
  const apply = `printf %s "$1" | ${kubectl.join(' ')} apply -f -`;
  await faults.run(controlPlane, ['sh', '-c', apply, 'sh', webWorkload]);
  for (const { name, role } of lab.machines) {
    if (role !== 'worker') continue;
    await faults.run(controlPlane, [...kubectl, 'label', 'node', name, workerLabel]);
  }
  const field = async (object: string, jsonpath: string): Promise<string> =>
    faults.run(controlPlane, [...kubectl, 'get', object, '-o', `jsonpath={${jsonpath}}`]);
  const areReady = await eventually(
    async () => (await field('deployment/web', '.status.readyReplicas')) === String(webReplicas),
    { timeoutMs: settleMs, everyMs: 500 },
  );
  if (!areReady) throw new Error(`${webReplicas} pods were to be Ready`);
  const address = `http://${await field('service/web', '.spec.clusterIP')}/`;
  const first = await firstProcess(lab.context, controlPlane);
  if (first === undefined) throw new Error(`machine ${controlPlane} does not run`);
  const load = await startServiceLoad(address, first.pid);
  try {
    const result = await work();
    return { result, load: await load.report() };
  } finally {
    load.kill();
  }
}
