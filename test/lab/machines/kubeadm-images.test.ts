// Images of a release come to real machines before anything of a hop is changed: pulled by their
// runtime out of a registry beside them. One that the registry lacks holds the hop, in the
// runtime's own words; when it is offered and a person approves, the upgrade goes on.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { labLayout } from '../../../lab/layout';
import { machineFaults, type MachineFaults } from '../../../lab/machines/machine-faults';
import { mirrorsDirectory } from '../../../lab/machines/machine-files';
import { machineOf } from '../../../lab/machines/machines-file';
import { machinesDown, machinesUp } from '../../../lab/machines/machines-lab';
import type { MachinesLab } from '../../../lab/machines/machines-lab';
import { machineNamespace, namespaceFile } from '../../../lab/machines/network';
import { offerPrograms } from '../../../lab/machines/offer-release';
import { version } from '../../support/builders';
import { ImageRegistry } from '../../support/image-registry';
import { kubeadmSpec, workerPool } from '../../support/kubeadm-spec';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilGate } from '../../support/lab-progress';
import { aStory } from '../../support/lab-story';

jest.setTimeout(900_000);

const cluster = 'on-images';
const target = version('1.29.15');
const kubeProxy = `registry.k8s.io/kube-proxy:v${target}`;
const [member, worker] = ['cp-1', 'worker-1'];
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const ofCluster = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'];
const port = 5_000;

const nameMirror = `
mkdir -p ${mirrorsDirectory}/registry.k8s.io
cat > ${mirrorsDirectory}/registry.k8s.io/hosts.toml <<END
server = "$1"
[host."$1"]
  capabilities = ["pull", "resolve"]
END
`;

describe('images of a release', () => {
  let ground: LabGround;
  let stateDir: string;
  let lab: MachinesLab;
  let faults: MachineFaults;
  let registry: ImageRegistry;
  let withheld: string;
  const tell = aStory(() => ground.diagnosis());

  const kubectl = (...args: readonly string[]) => faults.run('cp-1', [...ofCluster, ...args]);
  /** Of the release: names only. */
  const imagesOn = async (machine: string): Promise<readonly string[]> => {
    const all = await faults.run(machine, ['ctr', '-n', 'k8s.io', 'images', 'ls', '-q']);
    const names = all
      .split('\n')
      .flatMap((image) => /^.*\/(.*):v1\.29\.15$/.exec(image)?.[1] ?? []);
    return names.toSorted();
  };
  const versions = () =>
    kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}');

  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 1, nodes: 0, pods: 0 });
    // The lab of machines is elsewhere; here lies what the worker leaves.
    const { logs, processes } = labLayout(ground.stateDir);
    for (const each of [logs, processes]) await mkdir(each, { recursive: true });
    stateDir = await mkdtemp(path.join(tmpdir(), 'ascent-images-'));
    const shape = { name: cluster, controlPlanes: 1, workers: 1, version: '1.28' };
    lab = await machinesUp({ ...shape, stateDir: path.join(stateDir, 'lab') });
    faults = machineFaults(lab.context);
    const [[key, value] = []] = Object.entries(workerPool);
    await kubectl('label', 'node', worker, `${key}=${value}`);
    const { images } = await offerPrograms(lab.context, target);
    const { address } = machineOf(lab.context.lab, member);
    const network = namespaceFile(machineNamespace(lab.context.lab.name, member));
    registry = await ImageRegistry.start(stateDir, { network, address, port });
    for (const file of images) {
      if (path.basename(file).startsWith('kube-proxy-')) withheld = file;
      else await registry.offer(file);
    }
    for (const machine of [member, worker]) {
      await faults.run(machine, ['sh', '-ec', nameMirror, 'sh', registry.url]);
    }
  });

  afterAll(async () => {
    await ground?.close();
    await registry?.stop();
    if (stateDir === undefined) return;
    await machinesDown({ stateDir: path.join(stateDir, 'lab') });
    await rm(stateDir, { recursive: true, force: true });
  });

  tell('hold the hop where one cannot be had, and nothing was changed', async () => {
    await ground.startWorker({ accessFile: lab.accessFile });
    const spec = kubeadmSpec({ cluster, target, allowSingleMember: true });
    expect(await ground.client.start(spec, { actor: 'ada' })).toMatchObject({ kind: 'started' });
    const gate = await untilGate(ground);
    const why = `${kubeProxy} cannot be pulled: .*${kubeProxy}: not found`;
    expect(gate).toMatchObject({
      id: 'hop-1.29/images',
      failure: {
        code: 'image-unavailable',
        message: expect.stringMatching(
          `2 of 2 machines have not all \\(cp-1, worker-1\\): .*machine cp-1 failed: ${why}; ` +
            `.*machine worker-1 failed: ${why}`,
        ) as string,
      },
    });
    // What the registry has came from there.
    expect(await imagesOn(member)).toEqual(components);
    expect(await imagesOn(worker)).toEqual([]);
    expect(registry.served).toContain(`HEAD /v2/kube-apiserver/manifests/v${target}`);
    expect(await versions()).toBe('v1.28.15 v1.28.15');
    expect(await kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].spec.unschedulable}')).toBe('');
    const kubeadm = await faults.run(member, ['kubeadm', 'version', '-o', 'short']);
    expect(kubeadm).toBe('v1.28.15\n');
    expect(await faults.run(member, ['ls', '/var/lib/ascent'])).toBe('operations\n');
  });

  tell('are pulled when they are offered, and the hop goes on', async () => {
    const { client } = ground;
    await registry.offer(withheld);
    const { planDigest = '' } = await client.status(cluster);
    const asked = { gate: 'hop-1.29/images', planDigest, actor: 'ada', reason: 'it is there now' };
    await client.approve(cluster, asked);

    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: target });

    expect(await versions()).toBe(`v${target} v${target}`);
    expect(await imagesOn(member)).toEqual([...components, 'kube-proxy'].toSorted());
    expect(await imagesOn(worker)).toEqual(['kube-proxy']);
    const told = await client.audit(cluster);
    expect(told.filter(({ event }) => event === 'images.present')).toMatchObject([
      { text: `images of ${target} are on 2 machines, 2 images pulled` },
    ]);
    // kubeadm and the kubelets found all of it there.
    const proxies = registry.served.filter((line) => line.includes('GET /v2/kube-proxy/blobs'));
    expect(proxies).toHaveLength(4);
  });
});
