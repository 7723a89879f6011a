// Clusters of kubeadm whose etcd runs outside of its static pods, as a unit of machines: on the
// control plane itself, through a hop and back by one upgrade of Ascent; and on three machines of
// its own, restored and repaired by the driver.

import { EventEmitter, once } from 'node:events';
import { mkdir } from 'node:fs/promises';

import type { ClusterAccess, KubeadmSshAccess } from '../../../activities/access';
import { openCluster } from '../../../activities/adapters/open-cluster';
import { observeForPreflight } from '../../../activities/observe';
import type { EtcdSnapshotFacts } from '../../../activities/snapshot-ports';
import type { ClusterName, MemberName } from '../../../domain/names';
import type { Observation } from '../../../domain/observation';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { labLayout } from '../../../lab/layout';
import { offerRelease } from '../../../lab/machines/offer-release';
import { webWorkload } from '../../../lab/machines/web-workload';
import { refusalOf } from '../../activities/adapters/support/refusals';
import { aContext } from '../../activities/drivers/support/programs';
import { version } from '../../support/builders';
import { KubeadmMachines } from '../../support/kubeadm-machines';
import { kubeadmSpec, workerPool } from '../../support/kubeadm-spec';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilProgress } from '../../support/lab-progress';
import { aStory } from '../../support/lab-story';
import { untilTrue } from '../../support/lab-until';

jest.setTimeout(1_800_000);

const from = version('1.28.15');
const to = version('1.29.15');
const etcdVersion = '3.5.15';
const hop = 'hop-1.29';

const drives = ['node', 'member', 'putBack', 'restore', 'repairEtcd', 'reboot', 'images'];
const drop = '/etc/systemd/system/etcd.service.d';

async function look(access: ClusterAccess): Promise<Observation> {
  const ports = openCluster(access);
  try {
    const cluster = access.cluster as ClusterName;
    const signal = AbortSignal.timeout(120_000);
    return await observeForPreflight({ cluster, ports, signal });
  } finally {
    await ports.close();
  }
}

/** What blocks a hop for the places of etcd. */
function blocksIn(observation: Observation): readonly string[] {
  const { findings } = evaluatePreflight({ observation, hop: { from, to } });
  return findings
    .filter(({ code, severity }) => severity === 'blocks' && code.startsWith('etcd-'))
    .map(({ code, object, message }) =>
      [code, 'name' in object ? object.name : object.kind, message].join(' | '),
    );
}

type Access = ClusterAccess<KubeadmSshAccess>;
type Units = NonNullable<KubeadmSshAccess['etcd']>;

function withUnits(access: Access, change: Partial<Units>): Access {
  const { driver } = access;
  const units = { unit: 'etcd', machines: {}, ...driver.etcd, ...change };
  return { ...access, driver: { ...driver, etcd: units } };
}

function withoutUnits(access: Access): Access {
  const { etcd: _, ...driver } = access.driver;
  return { ...access, driver };
}

const configMaps = async (machines: KubeadmMachines): Promise<readonly string[]> =>
  (await machines.kubectl('get', 'configmaps', '-o', 'name')).trim().split('\n');

describe('a cluster whose etcd is a unit of its control plane', () => {
  const cluster = 'etcd-unit';
  let ground: LabGround;
  let machines: KubeadmMachines;
  let started: string;
  const tell = aStory(() => ground.diagnosis());

  const etcdStart = () => machines.sh('cp-1', 'stat -c %Y /proc/$(pidof etcd)');
  const spec = (etcd?: { readonly hop: string; readonly version: string }) =>
    kubeadmSpec({
      cluster,
      target: to,
      allowSingleMember: true,
      ...(etcd === undefined ? {} : { etcd: [etcd] }),
    });

  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 1, nodes: 0, pods: 0 });
    // The lab of machines is elsewhere; here lies what the worker leaves.
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    machines = await KubeadmMachines.up({
      name: cluster,
      controlPlanes: 1,
      workers: 1,
      etcd: 'control-planes',
    });
    const { items } = JSON.parse(webWorkload) as { readonly items: readonly object[] };
    await machines.apply(...items);
    await machines.kubectl('create', 'configmap', 'older');
    const label = Object.entries(workerPool).map((pair) => pair.join('='));
    await machines.kubectl('label', 'node', 'worker-1', ...label);
    await offerRelease(machines.lab.context, to);
    started = await etcdStart();
  });

  afterAll(async () => {
    await ground?.close();
    await machines?.down();
  });

  tell('is seen as such', async () => {
    const observation = await look(machines.lab.access);
    const { driver, drives: driven, etcdPlaces, availableEtcdVersions } = observation;
    expect({ driver, drives: driven, etcdPlaces, availableEtcdVersions }).toEqual({
      driver: 'kubeadm-etcd-units',
      drives,
      availableEtcdVersions: undefined,
      etcdPlaces: {
        controlPlanes: [
          {
            kind: 'observed',
            name: 'cp-1',
            isPod: false,
            endpoints: [{ url: 'https://172.31.77.11:2379', sockets: ['172.31.77.11:2379'] }],
          },
        ],
        units: [
          {
            kind: 'observed',
            name: 'cp-1',
            version: etcdVersion,
            sockets: ['172.31.77.11:2379', '127.0.0.1:2379'],
            faults: [],
          },
        ],
      },
    });
    expect(blocksIn(observation)).toEqual([]);
  });

  tell('is not planned for another etcd, which is for a person to change', async () => {
    const observation = await look(machines.lab.access);
    const planned = planUpgrade({
      spec: spec({ hop: '1.29', version: '3.5.16' }),
      observation,
      releases: knownReleases,
    });
    expect(planned).toEqual({
      kind: 'blocked',
      blockers: [{ code: 'change-undriven', hop, change: 'etcd', driver: 'kubeadm-etcd-units' }],
    });
  });

  tell('blocks a hop where the access file says something else', async () => {
    const { access } = machines.lab;
    expect(blocksIn(await look(withoutUnits(access)))).toEqual([
      'etcd-place-unknown | cp-1 | its API server asks https://172.31.77.11:2379,' +
        ' and etcd is no static pod there',
    ]);
    expect(blocksIn(await look(withUnits(access, { unit: 'etcd-main' })))).toEqual([
      'etcd-endpoint-unnamed | cp-1 | its API server asks https://172.31.77.11:2379,' +
        ' where no member of etcd in the access file serves',
      'etcd-unit-unfit | cp-1 | there is no unit etcd-main on its machine',
    ]);
    const client = { ca: '/etc/etcd/ca.crt', certificate: '/etc/etcd/no.crt', key: '/no key' };
    expect(blocksIn(await look(withUnits(access, { client })))).toEqual([
      'etcd-unit-unfit | cp-1 | the file of --cert-file, /etc/etcd/no.crt, is not there',
      'etcd-unit-unfit | cp-1 | the file of --key-file, /no key, is not there',
      'etcd-unit-unfit | cp-1 | the file of --trusted-ca-file, /etc/etcd/ca.crt, is not there',
    ]);
  });

  tell('goes to 1.29 with a verified snapshot, and its etcd is left alone', async () => {
    await ground.startWorker({ accessFile: machines.lab.accessFile });
    expect(await ground.client.start(spec(), { actor: 'ada' })).toMatchObject({ kind: 'started' });
    // Its budget keeps the only worker from being drained: the hop stays there.
    await untilProgress(ground, 'workers are next', ({ status }) =>
      status.hop?.id === hop && status.hop.step === 'pool workers' ? true : undefined,
    );
    const { members } = await machines.observe();
    expect(members).toMatchObject([{ apiServer: { kind: 'observed', version: to } }]);
    expect(await etcdStart()).toBe(started);
    expect(await machines.sh('cp-1', 'ls /var/lib/ascent/etcd-units/etcd')).toBe(
      'arguments\nconfig.yaml\ndirectory\nenvironment\nunit.yaml\n',
    );
  });

  tell('returns by a restore of that unit', async () => {
    await machines.kubectl('create', 'configmap', 'newer');
    const made = await ground.client.previewRollBack(cluster, { hop });
    if (made.kind === 'failed') throw new Error(made.failure.message);
    const asked = { actor: 'ada', reason: 'it does not look right', hop };
    await ground.client.confirmRollBack(cluster, { ...asked, report: made.report.digest });
    expect(await untilEnded(ground)).toMatchObject({
      outcome: 'rolled-back',
      at: from,
      hop,
      hops: [{ hop, outcome: 'rolled-back', snapshot: { etcdVersion, kubeVersion: from } }],
    });
  });

  tell('is as it was before that hop, and its unit as it was', async () => {
    const observation = await look(machines.lab.access);
    const { members, nodes, etcd } = observation;
    const component = { kind: 'observed', version: from };
    expect(members).toMatchObject([
      { apiServer: component, controllerManager: component, scheduler: component },
    ]);
    expect(
      nodes.map(({ name, kubeletVersion, ready, cordon }) => [
        name,
        kubeletVersion,
        ready,
        cordon.kind,
      ]),
    ).toEqual([
      ['cp-1', from, true, 'none'],
      ['worker-1', from, true, 'none'],
    ]);
    expect(etcd).toMatchObject({ kind: 'observed', memberCount: 1, hashesAgree: true });
    expect(blocksIn(observation)).toEqual([]);
    expect(await configMaps(machines)).toEqual(['configmap/kube-root-ca.crt', 'configmap/older']);
    expect(await machines.sh('cp-1', 'systemctl is-active etcd')).toBe('active\n');
    expect(await machines.sh('cp-1', `ls ${drop} 2> /dev/null | wc -l`)).toBe('0\n');
    expect(await etcdStart()).not.toBe(started);
    const kept = await machines.sh('cp-1', 'ls /var/lib/etcd');
    expect(kept.trim().split('\n')).toEqual([
      'member',
      expect.stringMatching(/^member\.before-/) as string,
    ]);
    // The other one wants a worker of its own.
    const ready = ['get', 'deployment/web', '-o', 'jsonpath={.status.readyReplicas}'];
    await untilTrue('its pod serves', async () => (await machines.kubectl(...ready)) === '1');
  });
});

describe('a cluster whose etcd has three machines of its own', () => {
  const etcdMembers = ['etcd-1', 'etcd-2', 'etcd-3'];
  let machines: KubeadmMachines;
  let facts: EtcdSnapshotFacts;
  const order = { restoreId: 'hop-1.29~apart', version: from };

  const told = async () => {
    const { members, etcd } = await machines.observe();
    return {
      apiServers: members.map(({ apiServer }) =>
        apiServer.kind === 'observed' ? apiServer.version : apiServer.kind,
      ),
      etcd:
        etcd.kind === 'observed'
          ? { agree: etcd.hashesAgree, names: etcd.members.map(({ name }) => name).toSorted() }
          : etcd.problem,
    };
  };
  const started = (machine: string) => machines.sh(machine, 'stat -c %Y /proc/$(pidof etcd)');
  const repair = (operationId: string) =>
    machines.with(({ controlPlane }) =>
      controlPlane.repairEtcdMember('etcd-2' as MemberName, aContext({ operationId })),
    );

  beforeAll(async () => {
    machines = await KubeadmMachines.up({
      name: 'etcd-apart',
      controlPlanes: 1,
      workers: 0,
      etcd: 3,
    });
    await machines.kubectl('create', 'configmap', 'older');
    facts = await machines.snapshot();
    // A snapshot notes how the units run: they are read while nothing is wrong.
    await machines.with(({ controlPlane }) =>
      controlPlane.restoreNeeds(AbortSignal.timeout(60_000)),
    );
    await machines.upgradeControlPlane(['cp-1'], { from, to, etcd: true });
    await machines.kubectl('create', 'configmap', 'newer');
  });

  afterAll(() => machines?.down());

  it('blocks a hop where a member, or what an API server asks, has no machine', async () => {
    const { access } = machines.lab;
    expect(blocksIn(await look(access))).toEqual([]);
    const { 'etcd-3': third, ...others } = access.driver.etcd?.machines ?? {};
    expect(third).toBeDefined();
    const members = access.etcd.members.filter(({ name }) => name !== 'etcd-3');
    const lacking = withUnits(
      { ...access, etcd: { ...access.etcd, members } },
      { machines: others },
    );
    const blocks = blocksIn(await look(lacking));
    expect(blocks).toContain(
      'etcd-endpoint-unnamed | cp-1 | its API server asks https://172.31.77.14:2379,' +
        ' where no member of etcd in the access file serves',
    );
    expect(blocks).toContain(
      'etcd-member-unnamed | etcd-3 | it is a member of etcd at https://172.31.77.14:2379,' +
        ' and the access file does not name it',
    );
    const { host, port } = { host: '127.0.0.1', port: 9, ...others['etcd-1'] };
    const swapped = { ...access.driver.etcd?.machines, 'etcd-2': { host, port } };
    expect(blocksIn(await look(withUnits(access, { machines: swapped })))).toEqual([
      `etcd-machine-unobserved | etcd-2 | its machine could not be asked: ${host}:${port} is not` +
        ' machine etcd-2: it calls itself etcd-1 - correct driver.etcd.machines.etcd-2,' +
        ' or name its hostname there',
    ]);
  });

  it('is left as it is where not all is there, and says all that is missing', async () => {
    await machines.sh('etcd-1', 'cd /etc/etcd/pki; mv client.crt client.away');
    await machines.sh('etcd-3', 'cd /usr/local/bin; mv etcdctl away.etcdctl');
    const none = version('1.27.16');
    const { done } = machines.restore(facts, { restoreId: 'none', version: none });
    const doing = `looking whether it can be restored to ${none}`;
    const lacks = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(
      (pod) =>
        `there is no ${pod}.yaml of ${none} in /etc/kubernetes/manifests` +
        ` or /var/lib/ascent/kept/v${none}/manifests`,
    );
    expect(await refusalOf(done)).toEqual({
      code: 'rejected',
      message: [
        `${doing} on machine cp-1 is refused: ${lacks.join(' | ')}`,
        `${doing}: etcd of etcd-1: the file of --cert-file, /etc/etcd/pki/client.crt, is not there`,
        `${doing}: etcd of etcd-3: there is no etcdctl beside its etcd ${etcdVersion}` +
          ' that restores',
      ].join('; '),
    });
    await machines.sh('etcd-1', 'cd /etc/etcd/pki; mv client.away client.crt');
    await machines.sh('etcd-3', 'cd /usr/local/bin; mv away.etcdctl etcdctl');
    expect(await told()).toEqual({
      apiServers: [to],
      etcd: { agree: true, names: etcdMembers },
    });
  });

  it('returns, through calls that are given up, without the one that loses its power', async () => {
    // At each of these the worker stops, and another one is asked for the same.
    for (const stop of ['stopping the control plane', 'stopping etcd']) {
      const controller = new AbortController();
      const reason = new Error('the worker stops');
      const onPhase = (phase: string) => {
        if (phase === stop) setTimeout(() => controller.abort(reason), 1_500);
      };
      const { done } = machines.restore(facts, order, { signal: controller.signal, onPhase });
      await expect(done).rejects.toBe(reason);
    }
    const heard = new EventEmitter();
    const isStopped = once(heard, 'stopped');
    const onPhase = (phase: string) => {
      if (phase === 'reading what was stopped') heard.emit('stopped');
    };
    const { done } = machines.restore(facts, order, { onPhase });
    await isStopped;
    await machines.faults.powerOff('etcd-2');
    expect(await done).toEqual({
      lost: [{ member: 'etcd-2', problem: expect.stringContaining('etcd-2') as string }],
    });
    await untilTrue('it serves', async () => (await told()).apiServers[0] === from);
    expect(await configMaps(machines)).toEqual(['configmap/kube-root-ca.crt', 'configmap/older']);
    const config = ['get', '-n', 'kube-system', 'configmap/kubeadm-config', '-o', 'yaml'];
    expect(await machines.kubectl(...config)).toContain(`kubernetesVersion: v${from}`);
  });

  it('does not start the one that was lost when its machine does', async () => {
    await machines.faults.powerOn('etcd-2');
    expect(await machines.sh('etcd-2', 'pidof etcd || echo none')).toBe('none\n');
  });

  it('has that one back by a repair', async () => {
    await machines.kubectl('create', 'configmap', 'while-it-was-away');
    await repair('repair-1');
    expect(await told()).toEqual({
      apiServers: [from],
      etcd: { agree: true, names: etcdMembers },
    });
    expect(
      await machines.sh(
        'etcd-2',
        `systemctl is-active etcd; ls ${drop} /var/lib/etcd 2> /dev/null || true`,
      ),
    ).toMatch(/^active\n\/var\/lib\/etcd:\nmember\nmember\.lost-/);
  });

  it('leaves a healthy member as it is', async () => {
    const before = await started('etcd-2');
    await repair('repair-2');
    expect(await started('etcd-2')).toBe(before);
  });
});
