// What befalls machines while a real kubeadm cluster of three control planes and three workers goes
// through two minors, by one upgrade of Ascent with a worker of its own and Temporal: connections
// and power that are lost, a disk that is full, kubelets that do not come up, and in the end the
// way back from the second hop.

import { mkdir, readFile } from 'node:fs/promises';

import { cordonReasonAnnotation } from '../../../activities/cordon-mark';
import type { WorkerProcess } from '../../../bin/demo/worker-process';
import type { Gate } from '../../../domain/status/control';
import { labLayout } from '../../../lab/layout';
import { offerRelease } from '../../../lab/machines/offer-release';
import { webWorkload } from '../../../lab/machines/web-workload';
import { version } from '../../support/builders';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { kubeadmSpec, workerPool } from '../../support/kubeadm-spec';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilProgress, untilSnapshot } from '../../support/lab-progress';
import { aStory } from '../../support/lab-story';
import { until, untilTrue } from '../../support/lab-until';

// Six machines share the processors of one.
jest.setTimeout(1_800_000);

const cluster = 'kubeadm-faults';
const first = version('1.28.15');
const hops = [version('1.29.15'), version('1.30.14')] as const;
const members = ['cp-1', 'cp-2', 'cp-3'];
const journal = '/var/lib/ascent/operations';
const mended = { actor: 'ada', reason: 'it is mended' };
const untilHeldMs = 1_200_000;

/** Oldest first, images left out: times that it was begun, boots in which it was, how it ended. */
const tellSteps = `
cd ${journal}
for step in $(ls -1dtr */); do
  if [ "$(cat "$step/changes" 2> /dev/null)" = images ]; then continue; fi
  boots=$(cut -d ' ' -f 2 "$step/runs" | sort -u | wc -l)
  echo "$(wc -l < "$step/runs") $boots $(cat "$step/exit" 2> /dev/null || echo -)"
done
`;

/** The programs of a release take more. */
const fillDisk = `
mkdir -p /var/lib/ascent
mount -t tmpfs -o size=64m ascent-test /var/lib/ascent
`;
const halfDone = 'ls -A /var/lib/ascent/kept; ls /usr/bin/*.ascent 2> /dev/null || true';

/** No kubelet knows it. The one that runs does not read it before it is started again. */
const breakFlags = `sed -i 's/"$/ --no-such-flag=1"/' /etc/default/kubelet`;
const mendFlags = `sed -i 's/ --no-such-flag=1//' /etc/default/kubelet`;
const itsError =
  '"command failed" err="failed to parse kubelet flag: unknown flag: --no-such-flag"';

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
  const untilHeld = (node: string): Promise<Gate> =>
    until(
      `${node} is held`,
      async () => {
        const { gates } = await ground.client.status(cluster);
        return gates.find((gate) => gate.kind === 'node' && gate.node === node);
      },
      { timeoutMs: untilHeldMs },
    );
  const failureOf = (node: string): string =>
    `changing the kubelet of node ${node} to ${hops[0]}:` +
    ` upgrading it to ${hops[0]} on machine ${node} `;
  /** As the node's gate has it, of a step to the first minor. */
  const heldBy = (node: string, failure: { readonly code: string; readonly message: unknown }) => ({
    kind: 'node',
    id: `node/${node}`,
    hop: 'hop-1.29',
    pool: 'workers',
    node,
    failure: { ...failure, remedy: expect.any(String) as string },
    blockers: [],
    sinceMs: expect.any(Number) as number,
  });
  const doesNotStayUp = `failed: kubelet v${hops[0]} does not stay up: ${itsError}`;
  const kubelet = (machine: string) =>
    machines.sh(machine, 'kubelet --version; systemctl is-active kubelet || true');

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

  tell('changes nothing on a machine whose disk is full, and says what it lacks', async () => {
    await machines.sh('worker-1', fillDisk);

    const lacks =
      `finds no room: keeping v${first} aside needs \\d+ KiB in` +
      ' /var/lib/ascent/kept, and \\d+ KiB are left$';
    expect(await untilHeld('worker-1')).toEqual(
      heldBy('worker-1', {
        code: 'space-missing',
        message: expect.stringMatching(`^${failureOf('worker-1')}${lacks}`),
      }),
    );
    expect(await kubelet('worker-1')).toBe(`Kubernetes v${first}\nactive\n`);
    expect(await machines.sh('worker-1', halfDone)).toBe('');
    expect(await steps('worker-1')).toEqual([{ runs: 1, boots: 1, exit: '73' }]);

    for (const each of ['worker-2', 'worker-3']) await machines.sh(each, breakFlags);
    await machines.sh('worker-1', 'umount /var/lib/ascent');
    await ground.client.retryNode(cluster, { ...mended, node: 'worker-1' });
    await untilTrue('worker-1 is through', isThrough('worker-1'));
    expect(await steps('worker-1')).toEqual([{ runs: 1, boots: 1, exit: '0' }]);
  });

  tell('holds a node whose kubelet does not come up, with the error of the kubelet', async () => {
    const failure = (node: string) => ({
      code: 'node-upgrade-failed',
      message: `${failureOf(node)}${doesNotStayUp}`,
    });
    expect(await untilHeld('worker-2')).toEqual(heldBy('worker-2', failure('worker-2')));
    expect(await steps('worker-2')).toEqual([{ runs: 1, boots: 1, exit: '70' }]);

    await machines.sh('worker-2', mendFlags);
    await ground.client.retryNode(cluster, { ...mended, node: 'worker-2' });
    expect(await untilHeld('worker-3')).toEqual(heldBy('worker-3', failure('worker-3')));
    expect(await kubelet('worker-2')).toBe(`Kubernetes v${hops[0]}\nactive\n`);
  });

  tell('says on a node that is quarantined what its kubelet said', async () => {
    const request = { actor: 'ada', reason: 'tomorrow', node: 'worker-3' };
    await ground.client.quarantineNode(cluster, request);
    await untilSnapshot(ground, 'hop-1.30');

    const annotations = ['-o', 'jsonpath={.metadata.annotations}'];
    const told = JSON.parse(
      await machines.kubectl('get', 'node', 'worker-3', ...annotations),
    ) as Record<string, string>;
    expect(told[cordonReasonAnnotation]).toBe(
      'ascent: quarantined by ada: tomorrow; node-upgrade-failed:' +
        ` ${failureOf('worker-3')}${doesNotStayUp}`,
    );
    const [hop] = (await ground.client.status(cluster)).hops;
    expect(hop?.nodes.map(({ node, outcome, after }) => [node, outcome, after])).toEqual([
      ...[...members, 'worker-1', 'worker-2'].map((node) => [node, 'upgraded', hops[0]]),
      ['worker-3', 'quarantined', first],
    ]);
  });

  tell('goes back from the second hop by a restore of all three members', async () => {
    await machines.kubectl('create', 'configmap', 'of-since');
    const hop = 'hop-1.30';
    await untilProgress(ground, 'a kubelet runs the second minor', ({ pool, status }) =>
      status.hop?.id === hop && pool?.done.some(({ node }) => node === 'cp-1') ? true : undefined,
    );
    const made = await ground.client.previewRollBack(cluster, { hop });
    if (made.kind === 'failed') throw new Error(made.failure.message);
    const { nodes, digest: report } = made.report;
    expect(nodes.map(({ node }) => node)).toContain('cp-1');
    const asked = { actor: 'ada', reason: 'it does not look right', hop };
    await ground.client.confirmRollBack(cluster, { ...asked, report });

    expect(await untilEnded(ground)).toMatchObject({
      outcome: 'rolled-back',
      at: hops[0],
      hop,
      hops: [
        { hop: 'hop-1.29', outcome: 'completed' },
        { hop, outcome: 'rolled-back' },
      ],
    });
  });

  tell('is as it was before that hop', async () => {
    const { members: seen, nodes, etcd } = await machines.observe();
    const component = { kind: 'observed', version: hops[0] };
    expect(seen).toMatchObject(
      members.map((name) => ({
        name,
        apiServer: { ...component, ready: true },
        controllerManager: { ...component, healthy: true },
        scheduler: { ...component, healthy: true },
      })),
    );
    expect(etcd).toMatchObject({ kind: 'observed', memberCount: 3, hashesAgree: true });
    expect(
      nodes.map(({ name, kubeletVersion, ready, cordon }) => [
        name,
        kubeletVersion,
        ready,
        cordon.kind,
      ]),
    ).toEqual([
      ...[...members, 'worker-1', 'worker-2'].map((name) => [name, hops[0], true, 'none']),
      ['worker-3', first, false, 'ours'],
    ]);
    for (const machine of [...members, 'worker-1', 'worker-2']) {
      expect(await kubelet(machine)).toBe(`Kubernetes v${hops[0]}\nactive\n`);
    }
    const pods = ['get', 'pods', '-n', 'kube-system', '-l', 'tier=control-plane'];
    const template = 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\\n"}{end}';
    const images = (await machines.kubectl(...pods, '-o', template)).trim().split('\n');
    const programs = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    expect(images.toSorted()).toEqual(
      [...programs.map((name) => `${name}:v${hops[0]}`), 'etcd:3.5.15-0']
        .flatMap((image) => members.map(() => `registry.k8s.io/${image}`))
        .toSorted(),
    );
    const names = await machines.kubectl('get', 'configmaps', '-o', 'name');
    expect(names.trim().split('\n')).toEqual(['configmap/kube-root-ca.crt', 'configmap/of-before']);
    const ready = ['get', 'deployment/web', '-o', 'jsonpath={.status.readyReplicas}'];
    await untilTrue('both pods serve', async () => (await machines.kubectl(...ready)) === '2');
  });

  tell('has the node that was set aside back when its kubelet is mended', async () => {
    await machines.sh('worker-3', `${mendFlags}; systemctl restart kubelet`);
    await untilTrue('worker-3 is Ready', async () =>
      (await machines.observe()).nodes.some(
        ({ name, ready, kubeletVersion }) =>
          name === 'worker-3' && ready && kubeletVersion === hops[0],
      ),
    );
  });
});
