import { readAccessFile } from '../../../activities/adapters/access-file';
import type { KubeadmDriverAccess } from '../../../activities/access';
import { accessContent as valid, accessFolder } from './support/access-files';

const { access, at, write } = accessFolder();

const packages = { kind: 'binaries', directory: '/opt/releases' } as const;
const shortest = {
  kind: 'kubeadm',
  ssh: { agent: true, knownHosts: 'known_hosts' },
  machines: { 'worker-1': { host: '10.0.0.21' } },
  packages,
};

beforeAll(() => {
  write('known_hosts', '');
  write('key', '');
});

async function problemsOf(driver: object): Promise<readonly string[]> {
  const file = write('access', { ...valid, driver });
  const result = await readAccessFile(file);
  return result.kind === 'read' ? [] : result.problems.map((text) => text.slice(file.length + 2));
}

async function driverOf(driver: object) {
  const result = await readAccessFile(write('access', { ...valid, driver }));
  expect(result).toMatchObject({ kind: 'read', access: { cluster: access.cluster } });
  return result.kind === 'read' ? result.access.driver : undefined;
}

describe('an access file with the driver kubeadm', () => {
  it('is read: ports are those of ssh, the user is root, keys are with an agent', async () => {
    const read: KubeadmDriverAccess = {
      kind: 'kubeadm',
      ssh: { user: 'root', knownHosts: at('known_hosts') },
      machines: { 'worker-1': { host: '10.0.0.21', port: 22 } },
      packages,
    };
    expect(await driverOf(shortest)).toEqual(read);
  });

  it('is read with all that can be said', async () => {
    const ssh = { user: 'ascent', key: 'key', knownHosts: 'known_hosts', port: 2222 };
    const driver = {
      ...shortest,
      ssh: { ...ssh, jump: { host: 'bastion.example', user: 'jumper' } },
      machines: {
        'worker-1': { host: '10.0.0.21' },
        'worker-2': { host: 'fd00::22', port: 22, hostname: 'w2.example' },
      },
    };
    const read: KubeadmDriverAccess = {
      kind: 'kubeadm',
      ssh: {
        user: 'ascent',
        key: at('key'),
        knownHosts: at('known_hosts'),
        jump: { host: 'bastion.example', port: 22, user: 'jumper' },
      },
      machines: {
        'worker-1': { host: '10.0.0.21', port: 2222 },
        'worker-2': { host: 'fd00::22', port: 22, hostname: 'w2.example' },
      },
      packages,
    };
    expect(await driverOf(driver)).toEqual(read);
    const jump = { host: 'bastion.example', port: 2022 };
    expect(await driverOf({ ...driver, ssh: { ...ssh, jump } })).toMatchObject({ ssh: { jump } });
  });

  it.each([
    { kind: 'apt' },
    { kind: 'apt', repository: '/etc/apt/sources.list.d/kubernetes.list' },
    { kind: 'dnf', repository: '/etc/yum.repos.d/kubernetes.repo' },
    { kind: 'zypper' },
    { kind: 'command', install: '/opt/bin/bring', releases: '/opt/bin/releases' },
  ] as const)('is read with packages $kind', async (own) => {
    expect(await driverOf({ ...shortest, packages: own })).toMatchObject({ packages: own });
  });

  it.each([true, false])('is read with images to pull or not: %j', async (pullImages) => {
    expect(await driverOf({ ...shortest, pullImages })).toMatchObject({ pullImages });
    expect(await driverOf(shortest)).not.toHaveProperty('pullImages');
  });

  it('is read with jobs instead of ssh', async () => {
    write('jobs.kubeconfig', '');
    const jobs = { namespace: 'ascent-nodes', image: 'example.com/tools:1' };
    const machines = { 'worker-1': {}, 'worker-2': { hostname: 'w2.example' } };
    const driver = { kind: 'kubeadm', jobs, machines, packages };
    expect(await driverOf(driver)).toEqual(driver);
    const own = { ...driver, jobs: { ...jobs, kubeconfig: 'jobs.kubeconfig' } };
    const read = { ...driver, jobs: { ...jobs, kubeconfig: at('jobs.kubeconfig') } };
    expect(await driverOf(own)).toEqual(read);
  });

  it('is read with an etcd that is units, on machines of nodes and of its own', async () => {
    const client = {
      ca: '/etc/etcd/ca.crt',
      certificate: '/etc/etcd/c.crt',
      key: '/etc/etcd/c.key',
    };
    const apart = { 'cp-1': { host: '10.0.0.31', hostname: 'etcd.example' } };
    const etcd = { unit: 'etcd.service', machines: apart, client };
    const machines = { 'cp-1': { host: '10.0.0.31', port: 22, hostname: 'etcd.example' } };
    expect(await driverOf({ ...shortest, etcd })).toMatchObject({
      etcd: { unit: 'etcd', machines, client },
    });
    const beside = { ...shortest, machines: { 'cp-1': { host: '10.0.0.11' } } };
    expect(await driverOf({ ...beside, etcd: { unit: 'etcd@main' } })).toMatchObject({
      etcd: { unit: 'etcd@main', machines: {} },
    });
  });

  it.each([
    {
      part: { etcd: { unit: 'etcd' } },
      problems: [
        'driver.etcd.machines.cp-1: is required: etcd.members names it, and no machine has it',
      ],
    },
    {
      part: {
        machines: { 'cp-1': { host: '10.0.0.11' } },
        etcd: { unit: 'etcd', machines: { 'etcd-9': { host: '10.0.0.39' } } },
      },
      problems: ['driver.etcd.machines.etcd-9: etcd.members names no such member'],
    },
    {
      part: {
        machines: { 'cp-1': { host: '10.0.0.11' } },
        etcd: { unit: 'etcd', machines: { 'cp-1': {} } },
      },
      problems: [
        'driver.etcd.machines.cp-1: driver.machines has it already: leave it out here',
        'driver.etcd.machines.cp-1.host: is required',
      ],
    },
    {
      part: { etcd: { unit: 'etcd; reboot', client: { ca: 'ca.crt' } } },
      problems: [
        'driver.etcd.unit: expected the name of a unit',
        'driver.etcd.client.ca: expected an absolute path, on the machines',
        'driver.etcd.client.certificate: is required',
        'driver.etcd.client.key: is required',
      ],
    },
    {
      part: {
        ssh: undefined,
        jobs: { namespace: 'ascent-nodes', image: 'tools' },
        machines: { 'cp-1': {} },
        etcd: { unit: 'etcd' },
      },
      problems: ['driver.etcd: expected with ssh only'],
    },
    {
      part: { jobs: { namespace: 'ascent-nodes', image: 'tools' } },
      problems: ['driver.ssh: expected either ssh or jobs'],
    },
    { part: { ssh: undefined }, problems: ['driver.ssh: expected either ssh or jobs'] },
    {
      part: { machines: { 'worker-1': {} } },
      problems: ['driver.machines.worker-1.host: is required'],
    },
    {
      part: {
        ssh: undefined,
        jobs: { namespace: 'ascent-nodes', image: 'tools' },
        machines: { 'worker-1': { host: '10.0.0.21', port: 22 } },
      },
      problems: [
        'driver.machines.worker-1.host: expected with ssh only',
        'driver.machines.worker-1.port: expected with ssh only',
      ],
    },
    {
      part: { ssh: undefined, jobs: { namespace: 'No', image: '-x', kubeconfig: '', key: 'k' } },
      problems: [
        'driver.jobs.namespace: expected a namespace',
        'driver.jobs.image: expected an image',
        'driver.jobs.kubeconfig: expected a path',
        'driver.jobs.key: unknown key; known are namespace, image, kubeconfig',
        'driver.machines.worker-1.host: expected with ssh only',
      ],
    },
    {
      part: {
        ssh: undefined,
        jobs: { namespace: 'ascent-nodes', image: 'tools', kubeconfig: 'nowhere' },
        machines: { 'worker-1': {} },
      },
      problems: [`driver.jobs.kubeconfig: ${at('nowhere')} does not exist`],
    },
    { part: { pullImages: 'no' }, problems: ['driver.pullImages: expected true or false'] },
    { part: { machines: {} }, problems: ['driver.machines: expected at least one machine'] },
    {
      part: { ssh: { knownHosts: 'known_hosts' } },
      problems: ['driver.ssh.key: expected either a key or an agent'],
    },
    {
      part: { ssh: { key: 'key', agent: true, knownHosts: 'known_hosts' } },
      problems: ['driver.ssh.key: expected either a key or an agent'],
    },
    {
      part: { packages: { kind: 'pacman' } },
      problems: ['driver.packages.kind: expected binaries, apt, dnf, zypper, command'],
    },
    {
      part: { packages: { kind: 'binaries', directory: 'releases' } },
      problems: ['driver.packages.directory: expected an absolute path, on the machines'],
    },
    {
      part: { packages: { kind: 'command', install: 'bring' } },
      problems: [
        'driver.packages.install: expected an absolute path, on the machines',
        'driver.packages.releases: is required',
      ],
    },
    {
      part: { packages: { kind: 'apt', repository: 'kubernetes.list', directory: '/opt' } },
      problems: [
        'driver.packages.repository: expected an absolute path, on the machines',
        'driver.packages.directory: unknown key; known are kind, repository',
      ],
    },
    {
      part: { machines: { 'worker-1': { host: '-oProxyCommand=x', port: 0 } } },
      problems: [
        'driver.machines.worker-1.host: expected a name or an address',
        'driver.machines.worker-1.port: expected a port',
      ],
    },
    {
      part: { ssh: { key: 'nothing', knownHosts: 'nowhere' } },
      problems: [
        `driver.ssh.knownHosts: ${at('nowhere')} does not exist`,
        `driver.ssh.key: ${at('nothing')} does not exist`,
      ],
    },
  ])('is refused with $part', async ({ part, problems }) => {
    expect(await problemsOf({ ...shortest, ...part })).toEqual(problems);
  });
});
