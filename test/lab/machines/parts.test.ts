import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { list } from 'tar';
import { parseAllDocuments } from 'yaml';

import { gateRules } from '../../../lab/machines/gate';
import { writeImageArchive } from '../../../lab/machines/image-archive';
import { initConfig, joinConfig } from '../../../lab/machines/kubeadm';
import { cniConfig } from '../../../lab/machines/machine-files';
import {
  checkMachinesShape,
  machineCounts,
  machineOf,
  readMachinesFile,
  writeMachinesFile,
} from '../../../lab/machines/machines-file';
import type { MachinesFile } from '../../../lab/machines/machines-file';

const lab: MachinesFile = {
  apiVersion: 'ascent/machines/v1',
  name: 'own',
  version: '1.28.15',
  machines: [
    {
      name: 'cp-1',
      role: 'control-plane',
      address: '172.31.77.11',
      ports: { ssh: 2001, apiServer: 2002, controllerManager: 2003, scheduler: 2004, etcd: 2005 },
    },
    { name: 'worker-1', role: 'worker', address: '172.31.77.12', ports: { ssh: 2006 } },
  ],
  balancerPort: 2000,
  token: 'aaaaaa.bbbbbbbbbbbbbbbb',
  certificateKey: 'c'.repeat(64),
  cgroups: { memory: '/sys/fs/cgroup/memory/ascent-machines-own' },
};
const [first, second] = lab.machines as [MachinesFile['machines'][0], MachinesFile['machines'][0]];

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'ascent-parts-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('how many machines', () => {
  it('is said as control planes and workers', () => {
    expect(machineCounts('1+2')).toEqual({ controlPlanes: 1, workers: 2 });
    expect(machineCounts('3+0')).toEqual({ controlPlanes: 3, workers: 0 });
  });

  it.each(['', '3', '0+2', '1+20', '1+2+3', 'one+two'])('is refused as "%s"', (text) => {
    expect(() => machineCounts(text)).toThrow(
      `machines "${text}": give control planes and workers, such as 1+2; at least one control ` +
        'plane, at most 20 machines',
    );
  });

  it.each(['Lab', '1st', 'a'.repeat(41), 'a/b'])('needs another name than %s', (name) => {
    const shape = { name, version: '1.28.15', controlPlanes: 1, workers: 0 };
    expect(() => {
      checkMachinesShape(shape);
    }).toThrow(expect.objectContaining({ code: 'options-invalid' }));
  });
});

describe('the file of a lab', () => {
  it('comes back as it was written, and is none where there is none', async () => {
    const file = path.join(directory, 'machine-lab.json');
    expect(await readMachinesFile(file)).toBeUndefined();
    await writeMachinesFile(file, lab);
    expect(await readMachinesFile(file)).toEqual(lab);
  });

  it('is refused when it is of something else', async () => {
    const file = path.join(directory, 'machine-lab.json');
    await writeFile(file, '{"name": "own"}');
    await expect(readMachinesFile(file)).rejects.toMatchObject({
      code: 'state-directory-unusable',
      message: `${file} is not of this version of Ascent`,
    });
  });

  it('names the machines that there are to whoever asks for another', () => {
    expect(machineOf(lab, 'worker-1')).toBe(second);
    expect(() => machineOf(lab, 'cp-2')).toThrow(
      'lab own has no machine cp-2; it has cp-1, worker-1',
    );
  });
});

it('leads from the loopback to every machine, and from the switch to the API servers', () => {
  expect(gateRules(lab)).toEqual({
    network: '/run/netns/ascent-own--switch',
    host: [
      { listen: '127.0.0.1:2000', targets: ['172.31.77.11:6443'] },
      { listen: '127.0.0.1:2001', targets: ['172.31.77.11:22'] },
      { listen: '127.0.0.1:2002', targets: ['172.31.77.11:6443'] },
      { listen: '127.0.0.1:2003', targets: ['172.31.77.11:10257'] },
      { listen: '127.0.0.1:2004', targets: ['172.31.77.11:10259'] },
      { listen: '127.0.0.1:2005', targets: ['172.31.77.11:2379'] },
      { listen: '127.0.0.1:2006', targets: ['172.31.77.12:22'] },
    ],
    inside: [{ listen: '172.31.77.1:6443', targets: ['172.31.77.11:6443'] }],
  });
});

describe('what kubeadm is given', () => {
  const documentsOf = (text: string): readonly unknown[] =>
    parseAllDocuments(text).map((document) => document.toJS() as unknown);

  it('makes the first member behind the balancer, with its own version', () => {
    expect(documentsOf(initConfig(lab, first))).toMatchObject([
      {
        kind: 'InitConfiguration',
        localAPIEndpoint: { advertiseAddress: '172.31.77.11', bindPort: 6443 },
        nodeRegistration: { name: 'cp-1', imagePullPolicy: 'Never' },
      },
      {
        kind: 'ClusterConfiguration',
        kubernetesVersion: 'v1.28.15',
        controlPlaneEndpoint: '172.31.77.1:6443',
      },
      { kind: 'KubeletConfiguration', cgroupDriver: 'cgroupfs' },
      { kind: 'KubeProxyConfiguration', conntrack: { maxPerCore: 0, min: 0 } },
    ]);
  });

  it('lets only a control plane join as one', () => {
    const [worker] = documentsOf(joinConfig(lab, second, 'sha256:dd'));
    expect(worker).toMatchObject({
      discovery: {
        bootstrapToken: {
          apiServerEndpoint: '172.31.77.1:6443',
          token: lab.token,
          caCertHashes: ['sha256:dd'],
        },
      },
    });
    expect(worker).not.toHaveProperty('controlPlane');
    const [member] = documentsOf(joinConfig(lab, first, 'sha256:dd'));
    expect(member).toMatchObject({
      controlPlane: {
        localAPIEndpoint: { advertiseAddress: '172.31.77.11' },
        certificateKey: lab.certificateKey,
      },
    });
  });
});

it('gives pods the addresses of their machine', () => {
  expect(JSON.parse(cniConfig('10.244.3.0/24'))).toMatchObject({
    plugins: [
      { type: 'bridge', ipam: { ranges: [[{ subnet: '10.244.3.0/24' }]] } },
      { type: 'portmap' },
    ],
  });
});

describe('the archive of an image', () => {
  const entriesOf = async (file: string): Promise<readonly string[]> => {
    const entries: string[] = [];
    await list({ file, onReadEntry: (entry) => entries.push(entry.path) });
    return entries;
  };

  it('holds one layer of the given files, and is the same for the same ones', async () => {
    const program = path.join(directory, 'program');
    await writeFile(program, 'a program', { mode: 0o755 });
    const image = {
      tag: 'registry.example/some/web:1.0.0',
      files: [
        { at: '/usr/bin/web', from: program },
        { at: '/usr/bin/alias', linkTo: 'web' },
      ],
      directories: ['/tmp'],
      entrypoint: ['/usr/bin/web'],
    };
    const [one, two] = ['one.tar', 'two.tar'].map((name) => path.join(directory, name)) as [
      string,
      string,
    ];
    await writeImageArchive(image, one);
    await writeImageArchive(image, two);
    expect(await readFile(one)).toEqual(await readFile(two));
    const config = expect.stringMatching(/^[0-9a-f]{64}\.json$/);
    expect(await entriesOf(one)).toEqual(['manifest.json', config, 'layer.tar']);
  });

  it('is not there when a file is missing, nor is anything half-made', async () => {
    const image = { tag: 'a:1', files: [{ at: '/a', from: '/nowhere/a' }], entrypoint: ['/a'] };
    const place = path.join(directory, 'images');
    await expect(writeImageArchive(image, path.join(place, 'a.tar'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(await readdir(place)).toEqual([]);
  });
});
