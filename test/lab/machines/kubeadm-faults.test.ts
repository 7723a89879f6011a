// What befalls machines while a real kubeadm cluster of three control planes and three workers goes
// through two minors, by one upgrade of Ascent with a worker of its own and Temporal: connections
// and power that are lost.

import { mkdir, readFile } from 'node:fs/promises';

import type { WorkerProcess } from '../../../bin/demo/worker-process';
import { labLayout } from '../../../lab/layout';
import { offerRelease } from '../../../lab/machines/offer-release';
import { webWorkload } from '../../../lab/machines/web-workload';
import { version } from '../../support/builders';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { kubeadmSpec, workerPool } from '../../support/kubeadm-spec';
import { LabGround } from '../../support/lab-ground';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';

// Six machines share the processors of one.
jest.setTimeout(1_800_000);

const cluster = 'kubeadm-faults';
const hops = [version('1.29.15'), version('1.30.14')] as const;
const journal = '/var/lib/ascent/operations';

/** Oldest first: times that it was begun, boots in which it was, how it ended. */
const tellSteps = `
cd ${journal}
for step in $(ls -1dtr */); do
  boots=$(cut -d ' ' -f 2 "$step/runs" | sort -u | wc -l)
  echo "$(wc -l < "$step/runs") $boots $(cat "$step/exit" 2> /dev/null || echo -)"
done
`;

describe('a kubeadm cluster of six machines', () => {
  let ground: LabGround;
  let machines: KubeadmMachines;
  let worker: WorkerProcess;
  const tell = aStory(() => ground.diagnosis());

  const log = () => readFile(worker.logFile, 'utf8');
  const steps = async (machine: string) =>
    (await machines.sh(machine, tellSteps))
      .trim()
      .split('\n')
      .map((line) => {
        const [runs, boots, exit] = line.split(' ');
        return { runs: Number(runs), boots: Number(boots), exit };
      });
  const says = async (machine: string, text: string): Promise<boolean> =>
    (await machines.sh(machine, `cat ${journal}/*/output 2> /dev/null || true`)).includes(text);
  const isThrough = (machine: string) => async (): Promise<boolean> =>
    (await steps(machine)).at(-1)?.exit === '0';
  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 3, nodes: 0, pods: 0 });
    // The lab of machines is elsewhere; here lies what the worker leaves.
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    machines = await KubeadmMachines.up({ name: cluster, controlPlanes: 3, workers: 3 });
    const { items } = JSON.parse(webWorkload) as { readonly items: readonly object[] };
    await machines.apply(...items);
    await machines.kubectl('create', 'configmap', 'of-before');
    const label = Object.entries(workerPool).map((pair) => pair.join('='));
    for (const node of ['worker-1', 'worker-2', 'worker-3']) {
      await machines.kubectl('label', 'node', node, ...label);
    }
    for (const each of hops) await offerRelease(machines.lab.context, each);
    worker = await ground.startWorker({ accessFile: machines.lab.accessFile });
    const spec = kubeadmSpec({ cluster, target: hops[1] });
    expect(await ground.client.start(spec, { actor: 'ada' })).toMatchObject({ kind: 'started' });
  });

  afterAll(async () => {
    await ground?.close();
    await machines?.down();
  });

  tell('follows the step of a member again whose connections were cut', async () => {
    await untilTrue('kubeadm changes cp-1', () => says('cp-1', 'changing kube-apiserver'));
    await machines.faults.closeSsh('cp-1');
    await untilTrue('it goes on meanwhile', () => says('cp-1', 'changing kube-scheduler'));
    await machines.faults.openSsh('cp-1');

    await untilTrue('cp-1 is through', isThrough('cp-1'));
    expect(await steps('cp-1')).toEqual([{ runs: 1, boots: 1, exit: '0' }]);
    expect(await log()).toContain('on machine cp-1: the connection was lost');
  });

  tell('begins the step of a member again that lost its power', async () => {
    await untilTrue('kubeadm changes cp-2', () => says('cp-2', 'changing kube-controller-manager'));
    await machines.faults.powerOff('cp-2');
    await untilTrue('it is missed', async () => (await log()).includes('machine cp-2: '));
    await machines.faults.powerOn('cp-2');

    await untilTrue('cp-2 is through', isThrough('cp-2'));
    expect(await steps('cp-2')).toEqual([{ runs: 2, boots: 2, exit: '0' }]);
    expect(await log()).toContain('it died on machine cp-2, and is begun again');
    expect((await ground.client.status(cluster)).gates).toEqual([]);
  });
});
