// Machines of a real kubeadm cluster that start again as a part of the change of their node: a
// worker of Ascent dies in the middle of it, and the machine starts once all the same. On one that
// does not start again the node is held, with the reason, and goes on when it is retried.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { openCluster } from '../../../activities/adapters/open-cluster';
import { observeCluster } from '../../../activities/observe';
import type { ClusterName } from '../../../domain/names';
import type { RebootPolicy, UpgradeSpec } from '../../../domain/spec';
import { labLayout } from '../../../lab/layout';
import { machineFaults, type MachineFaults } from '../../../lab/machines/machine-faults';
import { machinesDown, machinesUp } from '../../../lab/machines/machines-lab';
import type { MachinesLab } from '../../../lab/machines/machines-lab';
import { offerRelease } from '../../../lab/machines/offer-release';
import { version } from '../../support/builders';
import { LabGround } from '../../support/lab-ground';
import { untilEnded } from '../../support/lab-progress';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { until, untilTrue } from '../../support/lab-until';

jest.setTimeout(900_000);

const [first, second] = [version('1.29.15'), version('1.30.14')];
const node = 'worker-1';
const ofCluster = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];
const journal = '/var/lib/ascent/operations';

/** Its systemctl says that it starts the machine again, and does not. */
const deafen = `
mkdir /opt/own
ln -s /usr/local/bin/machine-init /opt/own/systemctl
rm /usr/local/bin/systemctl
cat > /usr/local/bin/systemctl <<'END'
#!/bin/sh
[ "$1" = reboot ] || exec /opt/own/systemctl "$@"
END
chmod 755 /usr/local/bin/systemctl
`;

function specOf(target: typeof first, reboot: RebootPolicy): UpgradeSpec {
  const spec = labSpec({ cluster: 'on-reboot', target, allowSingleMember: true });
  return { ...spec, pools: spec.pools.map((pool) => ({ ...pool, reboot })) };
}

describe('machines that start again', () => {
  let ground: LabGround;
  let stateDir: string;
  let lab: MachinesLab;
  let faults: MachineFaults;
  const tell = aStory(() => ground.diagnosis());

  const kubectl = (...args: readonly string[]) => faults.run('cp-1', [...ofCluster, ...args]);
  const onNode = (script: string) => faults.run(node, ['sh', '-ec', script]);
  const boots = async (): Promise<number> => {
    const text = await readFile(path.join(labLayout(lab.stateDir).logs, `${node}.log`), 'utf8');
    return text.split('\n').filter((line) => line === `${node} starts again`).length;
  };
  const observe = async () => {
    const ports = openCluster(lab.access);
    try {
      const signal = AbortSignal.timeout(60_000);
      return await observeCluster({ cluster: 'on-reboot' as ClusterName, ports, signal });
    } finally {
      await ports.close();
    }
  };
  const nodeSeen = async () => {
    const { nodes } = await observe();
    const found = nodes.find(({ name }) => name === node);
    return [found?.kubeletVersion, found?.ready, found?.cordon.kind];
  };
  const isServing = async (): Promise<boolean> => {
    const ready = 'jsonpath={.status.readyReplicas}';
    return (await kubectl('get', 'deployment/web', '-o', ready)) === '1';
  };

  beforeAll(async () => {
    ground = await LabGround.open({ name: 'on-reboot', members: 1, nodes: 0, pods: 0 });
    // The lab of machines is elsewhere; here lies what the worker leaves.
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    stateDir = await mkdtemp(path.join(tmpdir(), 'ascent-reboot-'));
    const shape = { name: 'on-reboot', controlPlanes: 1, workers: 1, version: '1.28' };
    lab = await machinesUp({ ...shape, stateDir: path.join(stateDir, 'lab') });
    faults = machineFaults(lab.context);
    await kubectl('create', 'deployment', 'web', '--image=registry.k8s.io/pause:3.9');
    for (const release of [first, second]) await offerRelease(lab.context, release);
  });

  afterAll(async () => {
    await ground?.close();
    if (stateDir === undefined) return;
    await machinesDown({ stateDir: path.join(stateDir, 'lab') });
    await rm(stateDir, { recursive: true, force: true });
  });

  tell('do so once, with the new kubelet, although the worker dies meanwhile', async () => {
    await untilTrue('the pod serves', isServing);
    const before = await onNode('cat /proc/sys/kernel/random/boot_id');
    const worker = await ground.startWorker({ accessFile: lab.accessFile });
    const reboot = { when: 'always', timeoutMs: 300_000 } as const;
    const started = await ground.client.start(specOf(first, reboot), { actor: 'ada' });
    expect(started).toMatchObject({ kind: 'started' });
    await untilTrue('it starts again', async () => (await boots()) === 1, { everyMs: 50 });
    await ground.killWorker(worker);
    await ground.startWorker({ accessFile: lab.accessFile });

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: first });

    expect(await boots()).toBe(1);
    expect(await onNode('cat /proc/sys/kernel/random/boot_id')).not.toBe(before);
    // Begun in the boot that ended, and gone on with in the one after it.
    const runs = (await onNode(`cat ${journal}/*/runs`)).trim().split('\n');
    expect(new Set(runs.map((line) => line.split(' ')[1])).size).toBe(2);
    expect((await onNode('ls /var/lib/ascent')).split('\n')).not.toContain('reboot');
    expect(await onNode('ls /var/lib/ascent/kept')).toBe('v1.28.15\n');
    expect(await nodeSeen()).toEqual([first, true, 'none']);
    await untilTrue('the pod serves again', isServing);
  });

  tell('hold their node where they do not, and go on when it is retried', async () => {
    const { client, cluster } = ground;
    await onNode(`${deafen}touch /run/reboot-required`);
    const reboot = { when: 'when-required', timeoutMs: 10_000 } as const;
    const started = await client.start(specOf(second, reboot), { actor: 'ada' });
    expect(started).toMatchObject({ kind: 'started' });
    const gates = await until('the node is held', async () => {
      const { status } = await client.progress(cluster);
      return status.gates.some(({ kind }) => kind === 'node') ? status.gates : undefined;
    });
    expect(gates).toMatchObject([
      {
        node,
        failure: {
          code: 'node-upgrade-failed',
          message: expect.stringMatching(
            `machine ${node} was to start again, and \\d+ s later it still runs as before`,
          ) as string,
        },
      },
    ]);
    expect(await nodeSeen()).toEqual([first, true, 'ours']);
    // It ends with the machine.
    await onNode('/opt/own/systemctl reboot; sleep 60').catch(() => undefined);
    await untilTrue('it has started again', async () => (await boots()) === 2);
    await client.retryNode(cluster, { node, actor: 'ada', reason: 'started by hand' });

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: second });

    expect(await boots()).toBe(2);
    expect(await nodeSeen()).toEqual([second, true, 'none']);
  });
});
