// The way back on real machines: a control plane that kubeadm has taken to 1.29 returns to a
// snapshot of 1.28, over SSH. Nobody asks its API server.

import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';

import type { KubeVersion } from '../../../domain/versions';
import { version } from '../../support/builders';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { untilTrue } from '../../support/lab-until';
import { webImage } from '../../../lab/machines/images';
import type { MemberName, NodeName } from '../../../domain/names';
import type { EtcdSnapshotFacts } from '../../../activities/snapshot-ports';
import { aContext } from '../../activities/drivers/support/programs';
import { refusalOf } from '../../activities/adapters/support/refusals';

jest.setTimeout(900_000);

const from = version('1.28.15');
const to = version('1.29.15');

const labels = { app: 'web' };
const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { containers: [{ name: 'web', image: webImage, imagePullPolicy: 'Never' }] },
    },
  },
};

const journal = '/var/lib/ascent/operations';

/** Of sshd: each is a child of the one that listens, and that one of the first process. */
const endSessions = `
listening=$(ps -o pid=,ppid= -C sshd | awk '$2 == 1 { print $1 }')
kill -9 $(ps -o pid= --ppid "$listening")
`;

describe('a control plane of one machine', () => {
  let machines: KubeadmMachines;
  let facts: EtcdSnapshotFacts;
  let revision: string;
  const order = { restoreId: 'hop-1.29~of-one', version: from };

  const told = async () => {
    const { members, etcd } = await machines.observe();
    return {
      members: members.map(({ apiServer, controllerManager, scheduler }) =>
        [apiServer, controllerManager, scheduler].map((one) =>
          one.kind === 'observed' ? one.version : one.kind,
        ),
      ),
      etcd: etcd.kind === 'observed' ? etcd.members.map((one) => one.version) : etcd.problem,
    };
  };

  beforeAll(async () => {
    machines = await KubeadmMachines.up({ name: 'back-1', controlPlanes: 1, workers: 1 });
    await machines.apply(web);
    await machines.kubectl('create', 'configmap', 'older');
    facts = await machines.snapshot();
    await machines.upgradeControlPlane(['cp-1'], { from, to, etcd: true });
    await machines.kubectl('create', 'configmap', 'newer');
    const list = JSON.parse(await machines.kubectl('get', 'configmaps', '-o', 'json')) as {
      metadata: { resourceVersion: string };
      items: readonly { metadata: { resourceVersion: string } }[];
    };
    revision = String(
      Math.max(...list.items.map(({ metadata }) => Number(metadata.resourceVersion))),
    );
  });

  afterAll(() => machines?.down());

  it('is left as it is where no programs of the version were kept', async () => {
    const { done } = machines.restore(facts, { restoreId: 'none', version: version('1.27.16') });
    const pods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    const lacks = [...pods.map((pod) => `${pod}.yaml of 1.27.16`), 'etcd.yaml of etcd 3.5.15'].map(
      (what) =>
        `there is no ${what} in /etc/kubernetes/manifests` +
        ' or /var/lib/ascent/kept/v1.27.16/manifests',
    );
    expect(await refusalOf(done)).toEqual({
      code: 'rejected',
      message:
        'looking whether it can be restored to 1.27.16 on machine cp-1 is refused:' +
        ` ${lacks.join(' | ')}`,
    });
    expect(await told()).toEqual({ members: [[to, to, to]], etcd: ['3.5.16'] });
  });

  it('has its worker back first, with the programs and files that were kept', async () => {
    const files = 'cd /var/lib/kubelet; cat config.yaml kubeadm-flags.env';
    const before = await machines.sh('worker-1', files);
    const change = (operationId: string, version: KubeVersion) =>
      machines.with(({ nodes }) =>
        nodes.upgradeNode('worker-1' as NodeName, version, aContext({ operationId })),
      );
    const programs = 'kubelet --version; kubeadm version -o short; pidof kubelet > /dev/null';
    await change('up', to);
    expect(await machines.sh('worker-1', programs)).toBe(`Kubernetes v${to}\nv${to}\n`);
    await machines.sh('worker-1', 'echo "# newer" >> /var/lib/kubelet/config.yaml');
    await change('down', from);
    expect(await machines.sh('worker-1', programs)).toBe(`Kubernetes v${from}\nv${from}\n`);
    expect(await machines.sh('worker-1', files)).toBe(before);
    expect(await machines.sh('worker-1', `grep phase ${journal}/down/output`)).toBe(
      [
        'putting config.yaml of v1.28.15 back',
        'putting kubeadm-flags.env of v1.28.15 back',
        'replacing kubeadm',
        'replacing kubectl',
        'replacing kubelet',
        'restarting the kubelet',
        '',
      ]
        .map((phase) => (phase === '' ? '' : `phase: ${phase}`))
        .join('\n'),
    );
  });

  it('returns, through lost connections and calls that are given up', async () => {
    // At each of these the worker stops, and another one is asked for the same.
    const stops = [
      'stopping etcd',
      'restoring the data of etcd',
      `starting the API server ${from}`,
    ];
    for (const stop of stops) {
      const controller = new AbortController();
      const reason = new Error('the worker stops');
      const onPhase = (phase: string) => {
        if (phase === stop) setTimeout(() => controller.abort(reason), 1_500);
      };
      const { done } = machines.restore(facts, order, { signal: controller.signal, onPhase });
      await expect(done).rejects.toBe(reason);
    }
    const heard = new EventEmitter();
    const starts = once(heard, 'starts');
    const onPhase = (phase: string) => {
      if (phase.includes('starting kube-controller-manager')) heard.emit('starts');
    };
    const { done } = machines.restore(facts, order, { onPhase });
    await starts;
    await machines.sh('cp-1', endSessions);
    expect(await done).toEqual({ lost: [] });
    expect(await machines.sh('cp-1', `cat ${journal}/restore-hop-1.29~of-one-*/exit`)).toBe(
      '0\n'.repeat(9),
    );
    const runs = await machines.sh('cp-1', `cat ${journal}/restore-hop-1.29~of-one-*/runs`);
    expect(runs.trim().split('\n')).toHaveLength(9);
  });

  it('serves what the snapshot had, in the versions of then', async () => {
    await untilTrue('all of it answers', async () =>
      (await told()).members.flat().every(isVersion),
    );
    expect(await told()).toEqual({ members: [[from, from, from]], etcd: ['3.5.15'] });
    const names = await machines.kubectl('get', 'configmaps', '-o', 'name');
    expect(names.trim().split('\n')).toEqual(['configmap/kube-root-ca.crt', 'configmap/older']);
    const config = ['get', '-n', 'kube-system', 'configmap/kubeadm-config', '-o', 'yaml'];
    expect(await machines.kubectl(...config)).toContain(`kubernetesVersion: v${from}`);
  });

  it('tells a watch of before that it is too old', async () => {
    const at = `/api/v1/configmaps?watch=1&timeoutSeconds=5&resourceVersion=${revision}`;
    const answer = await machines.kubectl('get', '--raw', at).catch(String);
    expect(answer).toContain('too old resource version');
  });

  it('schedules', async () => {
    await machines.kubectl('scale', 'deployment/web', '--replicas', '3');
    const rollout = ['rollout', 'status', 'deployment/web', '--timeout', '120s'];
    expect(await machines.kubectl(...rollout)).toContain('successfully rolled out');
  });

  it('keeps the data that was replaced, and no copy of the snapshot', async () => {
    expect(await machines.sh('cp-1', 'ls /var/lib/etcd')).toBe(
      'member\nmember.before-hop-1.29~of-one\n',
    );
    const left = await machines.sh('cp-1', 'ls /var/lib/ascent/restores/hop-1.29~of-one');
    expect(left.trim().split('\n')).toEqual(
      [
        'decision',
        'member',
        'old-pki',
        'restored',
        'restored.log',
        'revision',
        'target',
      ].toSorted(),
    );
    expect((await readFile(machines.at('snapshot.db'))).length).toBe(facts.sizeBytes);
  });
});

describe('a control plane of three machines', () => {
  const members = ['cp-1', 'cp-2', 'cp-3'];
  let machines: KubeadmMachines;
  let facts: EtcdSnapshotFacts;
  const order = { restoreId: 'hop-1.29~of-three', version: from };

  const hashes = async () => {
    const { etcd } = await machines.observe();
    if (etcd.kind !== 'observed') return etcd.problem;
    const { members: told, hashesAgree } = etcd;
    return { hashesAgree, members: told.map(({ name }) => name).toSorted() };
  };
  /** Each by itself: nothing is observed of a cluster while one of its machines is away. */
  const apiServers = () =>
    machines.with(async (ports) => {
      const signal = AbortSignal.timeout(30_000);
      const all = await ports.members.members(signal);
      const told = all.map(({ name }) => ports.members.apiServer(name, signal));
      return (await Promise.all(told)).map((one) =>
        one.kind === 'observed' ? one.version : one.kind,
      );
    });

  beforeAll(async () => {
    machines = await KubeadmMachines.up({ name: 'back-3', controlPlanes: 3, workers: 0 });
    await machines.kubectl('create', 'configmap', 'older');
    facts = await machines.snapshot();
    // The third is not reached by the upgrade: what it runs is what it ran.
    await machines.upgradeControlPlane(['cp-1', 'cp-2'], { from, to, etcd: false });
    await machines.kubectl('create', 'configmap', 'newer');
  });

  afterAll(() => machines?.down());

  it('returns without the one that loses its power in the middle', async () => {
    const heard = new EventEmitter();
    const isStopped = once(heard, 'stopped');
    const onPhase = (phase: string) => {
      if (phase === 'reading what was stopped') heard.emit('stopped');
    };
    const { done } = machines.restore(facts, order, { onPhase });
    await isStopped;
    await machines.faults.powerOff('cp-2');
    expect(await done).toEqual({
      lost: [{ member: 'cp-2', problem: expect.stringContaining('cp-2') as string }],
    });
    await untilTrue('two serve', async () => {
      const [first, second, third] = await apiServers();
      return first === from && second === 'unobserved' && third === from;
    });
    const names = await machines.kubectl('get', 'configmaps', '-o', 'name');
    expect(names.trim().split('\n')).toEqual(['configmap/kube-root-ca.crt', 'configmap/older']);
  });

  it('has that one back by a repair, in the version of the others', async () => {
    await machines.faults.powerOn('cp-2');
    await machines.kubectl('create', 'configmap', 'while-it-was-away');
    const repair = (operationId: string) =>
      machines.with(({ controlPlane }) =>
        controlPlane.repairEtcdMember('cp-2' as MemberName, aContext({ operationId })),
      );
    await repair('repair-1');
    await untilTrue('three serve', async () => (await apiServers()).every((one) => one === from));
    expect(await hashes()).toEqual({ hashesAgree: true, members });
  });

  it('leaves a healthy member as it is', async () => {
    const started = () => machines.sh('cp-2', 'stat -c %Y /proc/$(pidof etcd)');
    const before = await started();
    await machines.with(({ controlPlane }) =>
      controlPlane.repairEtcdMember('cp-2' as MemberName, aContext({ operationId: 'repair-2' })),
    );
    expect(await started()).toBe(before);
  });
});

function isVersion(text: string): boolean {
  return /^\d/.test(text);
}
