// One control plane and two workers, each a machine with a kubelet and a containerd of its own,
// made by kubeadm: what runs on them is what the tags say, a Service leads to pods on two machines,
// pods end with grace, machines fall and come back, and nothing is left of any of it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { livingIn } from '../../../lab/machines/cgroups';
import { machineFaults, type MachineFaults } from '../../../lab/machines/machine-faults';
import { machinesDown, machinesStatus, machinesUp } from '../../../lab/machines/machines-lab';
import type { MachinesLab } from '../../../lab/machines/machines-lab';
import { machinesLayout, readMachinesFile } from '../../../lab/machines/machines-file';
import type { MachinesFile } from '../../../lab/machines/machines-file';
import { networkNamespaces } from '../../../lab/machines/network';
import { offeredAt, offerRelease } from '../../../lab/machines/offer-release';
import { webPreStopSeconds, webWorkload } from '../../../lab/machines/web-workload';
import { livingProcesses } from '../../../lab/process-identity';
import { untilTrue } from '../../support/lab-until';

jest.setTimeout(600_000);

const ofCluster = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];
interface Listed<Item> {
  readonly items: readonly Item[];
}

interface NodeItem {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly nodeInfo: { readonly kubeletVersion: string; readonly bootID: string };
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

interface PodItem {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName: string; readonly containers: { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly { readonly ready: boolean }[];
  };
}

function isReady({ status }: NodeItem): boolean {
  return status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}

/** Whatever there is of a lab outside of its directory. */
async function remainsOf(stateDir: string, lab: MachinesFile): Promise<readonly string[]> {
  const [living, namespaces, recorded] = await Promise.all([
    livingIn(lab.cgroups),
    networkNamespaces(lab.name),
    livingProcesses(machinesLayout(stateDir).processes),
  ]);
  const groups = Object.values(lab.cgroups).flatMap((group) => {
    const { dir, base } = path.parse(group);
    return readdirSync(dir).includes(base) ? [group] : [];
  });
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  return [
    ...living.map((pid) => `process ${pid}`),
    ...recorded.map(({ name }) => `process of ${name}`),
    ...namespaces,
    ...groups,
    ...mounts.split('\n').filter((line) => line.includes(stateDir)),
  ];
}

async function fileOf(stateDir: string): Promise<MachinesFile> {
  const file = await readMachinesFile(machinesLayout(stateDir).machinesLabFile);
  if (file === undefined) throw new Error(`there is no lab in ${stateDir}`);
  return file;
}

let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'ascent-machines-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe('a cluster of one control plane and two workers', () => {
  let stateDir: string;
  let lab: MachinesLab;
  let faults: MachineFaults;

  const up = () =>
    machinesUp({ name: 'on-machines', stateDir, controlPlanes: 1, workers: 2, version: '1.28' });
  const kubectl = (...args: readonly string[]) => faults.run('cp-1', [...ofCluster, ...args]);
  const list = async <Item>(...args: readonly string[]): Promise<readonly Item[]> =>
    (JSON.parse(await kubectl('get', ...args, '-o', 'json')) as Listed<Item>).items;
  const webPods = async (): Promise<readonly PodItem[]> => {
    const pods = await list<PodItem>('pods', '-l', 'app=web');
    const areReady = pods.every(({ status }) => status.containerStatuses?.every((c) => c.ready));
    return areReady ? pods : [];
  };
  const nodeNamed = async (name: string): Promise<NodeItem> => {
    const node = (await list<NodeItem>('nodes')).find(({ metadata }) => metadata.name === name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  };
  /** The answer's body; the machine needs nothing but its shell. */
  const ask = async (machine: string, address: string, question = '/'): Promise<string> => {
    const script =
      'exec 3<>"/dev/tcp/$1/$2"; printf "GET %s HTTP/1.0\\r\\n\\r\\n" "$3" >&3; cat <&3';
    const [host = '', port = '80'] = address.split(':');
    const answer = await faults.run(machine, [
      'timeout',
      '20',
      'bash',
      '-c',
      script,
      'bash',
      host,
      port,
      question,
    ]);
    return answer.split('\r\n\r\n')[1]?.trim() ?? '';
  };
  const serviceAddress = () => kubectl('get', 'service/web', '-o', 'jsonpath={.spec.clusterIP}');

  beforeAll(async () => {
    stateDir = path.join(root, 'lab');
    lab = await up();
    faults = machineFaults(lab.context);
    const apply = 'printf %s "$1" | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -';
    await faults.run('cp-1', ['sh', '-c', apply, 'sh', webWorkload]);
  });

  afterAll(async () => {
    await machinesDown({ stateDir });
  });

  it('has three nodes, Ready, with the kubelets of their release', async () => {
    const nodes = await list<NodeItem>('nodes');
    expect(
      nodes.map((node) => [node.metadata.name, isReady(node), node.status.nodeInfo.kubeletVersion]),
    ).toEqual(['cp-1', 'worker-1', 'worker-2'].map((name) => [name, true, 'v1.28.15']));
    expect(await faults.run('worker-1', ['kubelet', '--version'])).toBe('Kubernetes v1.28.15\n');
  });

  it('runs programs of the versions that their tags say', async () => {
    const pods = await list<PodItem>('pods', '-n', 'kube-system');
    const podOf = (start: string): string =>
      pods.find(({ metadata }) => metadata.name.startsWith(start))?.metadata.name ?? start;
    const inside = (start: string, ...args: readonly string[]) =>
      kubectl('exec', '-n', 'kube-system', podOf(start), '--', ...args);
    const images = new Set(pods.flatMap(({ spec }) => spec.containers.map(({ image }) => image)));
    expect([...images].toSorted()).toEqual([
      'registry.k8s.io/coredns/coredns:v1.10.1',
      'registry.k8s.io/etcd:3.5.15-0',
      'registry.k8s.io/kube-apiserver:v1.28.15',
      'registry.k8s.io/kube-controller-manager:v1.28.15',
      'registry.k8s.io/kube-proxy:v1.28.15',
      'registry.k8s.io/kube-scheduler:v1.28.15',
    ]);
    expect(await inside('etcd-', 'etcd', '--version')).toContain('etcd Version: 3.5.15\n');
    expect(await inside('coredns-', '/coredns', '-version')).toContain('CoreDNS-1.10.1\n');
    for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
      expect(await inside(`${name}-`, name, '--version')).toBe('Kubernetes v1.28.15\n');
    }
    expect(await inside('kube-proxy-', 'kube-proxy', '--version')).toBe('Kubernetes v1.28.15\n');
  });

  it('leads from a third machine, by a Service, to pods on two machines', async () => {
    await untilTrue('two pods serve', async () => (await webPods()).length === 2);
    const pods = await webPods();
    expect(pods.map(({ spec }) => spec.nodeName).toSorted()).toEqual(['worker-1', 'worker-2']);
    const address = await serviceAddress();
    const answered = new Set<string>();
    await untilTrue('both pods answer', async () => {
      answered.add(await ask('cp-1', address));
      return answered.size === 2;
    });
    expect([...answered].toSorted()).toEqual(pods.map(({ metadata }) => metadata.name).toSorted());
  });

  it('ends a pod with grace: its log tells how, and the last request is answered', async () => {
    const [pod] = await webPods();
    const name = pod?.metadata.name ?? '';
    const address = await kubectl('get', `pod/${name}`, '-o', 'jsonpath={.status.podIP}');
    const logs = faults.run('cp-1', [...ofCluster, 'logs', '--follow', name], 120_000);
    // It outlasts the hook, so that it is under way when the signal comes.
    const last = ask('cp-1', `${address}:8080`, `/?delay=${webPreStopSeconds + 2}s`);
    await kubectl('delete', `pod/${name}`);
    expect(await last).toBe(name);
    const told = (await logs)
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\S+ /, ''));
    expect(told).toEqual([
      `started as ${name}, ready in 2s`,
      'ready',
      'preStop begins',
      'preStop ends',
      'terminated received',
      expect.stringMatching(/^ended with grace after \d+ requests$/),
    ]);
    await untilTrue('two pods serve', async () => (await webPods()).length === 2);
  });

  it('is offered another release, of which nothing is in use yet', async () => {
    const version = await offerRelease(lab.context, '1.29');
    const image = `registry.k8s.io/kube-proxy:v${version}`;
    for (const { name } of lab.machines) {
      const kubeadm = offeredAt(version, 'kubeadm');
      expect(await faults.run(name, [kubeadm, 'version', '-o', 'short'])).toBe('v1.29.15\n');
      expect(await faults.run(name, ['crictl', 'inspecti', image])).toBe('');
      expect(await faults.run(name, ['kubelet', '--version'])).toBe('Kubernetes v1.28.15\n');
    }
    const absent = ['crictl', 'inspecti', 'registry.k8s.io/kube-proxy:v1.30.14'];
    await expect(faults.run('worker-1', absent)).rejects.toMatchObject({ code: 'lab-failed' });
    // kubeadm looks first whether the cluster works, with a Job.
    const plan = await faults.run(
      'cp-1',
      [offeredAt(version, 'kubeadm'), 'upgrade', 'plan'],
      120_000,
    );
    expect(plan).toContain('kubeadm upgrade apply v1.29.15');
  });

  it('gets a machine back whose power was cut, with another boot id', async () => {
    const before = await nodeNamed('worker-1');
    const off = { name: 'worker-1', processes: 0 };
    await faults.powerOff('worker-1');
    const state = await machinesStatus({ stateDir });
    expect(state).toMatchObject({ machines: [{ name: 'cp-1' }, off, { name: 'worker-2' }] });
    await expect(faults.run('worker-1', ['true'])).rejects.toMatchObject({ code: 'lab-down' });
    await faults.powerOn('worker-1');
    await untilTrue('the kubelet tells of the new boot', async () => {
      const { status } = await nodeNamed('worker-1');
      return status.nodeInfo.bootID !== before.status.nodeInfo.bootID;
    });
    await untilTrue('worker-1 is Ready', async () => isReady(await nodeNamed('worker-1')));
    await untilTrue('two pods serve', async () => (await webPods()).length === 2);
    const answered = new Set<string>();
    await untilTrue('both pods answer', async () => {
      answered.add(await ask('cp-1', await serviceAddress()));
      return answered.size === 2;
    });
  });

  it('cannot be reached without its cable, and can again', async () => {
    const address = lab.machines.find(({ name }) => name === 'worker-2')?.address ?? '';
    const knock = () =>
      faults.run('cp-1', ['timeout', '3', 'bash', '-c', `: < /dev/tcp/${address}/22`]);
    await expect(knock()).resolves.toBe('');
    await faults.unplug('worker-2');
    await expect(knock()).rejects.toMatchObject({ code: 'lab-failed' });
    await faults.plugIn('worker-2');
    await untilTrue('worker-2 answers', () =>
      knock().then(
        () => true,
        () => false,
      ),
    );
  });

  it('refuses a machine that it has not got', async () => {
    await expect(faults.powerOff('worker-9')).rejects.toMatchObject({
      code: 'options-invalid',
      message: 'lab on-machines has no machine worker-9; it has cp-1, worker-1, worker-2',
    });
  });

  it('is left as it is by a second `up`, and comes up again with its disks', async () => {
    expect((await up()).wasUp).toBe(true);
    await machinesDown({ stateDir, keepData: true });
    expect(await remainsOf(stateDir, await fileOf(stateDir))).toEqual([]);
    expect((await up()).wasUp).toBe(false);
    await untilTrue('two pods serve', async () => (await webPods()).length === 2);
  });

  it('leaves nothing behind', async () => {
    const file = await fileOf(stateDir);
    expect(await machinesDown({ stateDir })).toEqual({ wasThere: true, wasUp: true });
    expect(await remainsOf(stateDir, file)).toEqual([]);
    expect(await readdir(root)).toEqual([]);
    expect(await machinesDown({ stateDir })).toEqual({ wasThere: false, wasUp: false });
  });
});

describe('a lab whose maker was killed half-way', () => {
  it('is ended like any other', async () => {
    const stateDir = path.join(root, 'half');
    // Past the launcher, which would be killed in its place.
    const script = path.resolve(__dirname, '../../../dist/bin/ascent.js');
    const args = ['lab', 'up', '--name', 'half', '--machines', '1+0', '--state-dir', stateDir];
    const maker = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let told = '';
    maker.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    await untilTrue('the machine runs', () => Promise.resolve(told.includes('1 machines run')));
    const gone = once(maker, 'exit');
    maker.kill('SIGKILL');
    await gone;
    const file = await fileOf(stateDir);
    try {
      expect(await livingIn(file.cgroups)).not.toEqual([]);
    } finally {
      expect(await machinesDown({ stateDir })).toEqual({ wasThere: true, wasUp: true });
    }
    expect(await remainsOf(stateDir, file)).toEqual([]);
  });
});
