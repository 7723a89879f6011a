import { readAccessFile } from '../../../activities/adapters/access-file';
import { openServedCluster } from '../../../activities/adapters/open-cluster';
import type { ClusterApiDriverAccess } from '../../../activities/access';
import { accessContent as valid, accessFolder } from './support/access-files';

const { at, write } = accessFolder();

const shortest = {
  kind: 'cluster-api',
  kubeconfig: 'management.kubeconfig',
  namespace: 'fleet',
  cluster: 'prod',
  releases: ['1.29.15', { version: 'v1.30.14', machineTemplates: { web: 'web-1-30' } }],
};

beforeAll(() => {
  write('management.kubeconfig', '');
});

async function problemsOf(driver: object): Promise<readonly string[]> {
  const file = write('access', { ...valid, driver });
  const result = await readAccessFile(file);
  return result.kind === 'read' ? [] : result.problems.map((text) => text.slice(file.length + 2));
}

describe('an access file with the driver cluster-api', () => {
  it('is read: pools are served by MachineDeployments of their name, or as it says', async () => {
    const read: ClusterApiDriverAccess = {
      kind: 'cluster-api',
      kubeconfig: at('management.kubeconfig'),
      namespace: 'fleet',
      cluster: 'prod',
      pools: { web: 'prod-md-0' },
      releases: [
        { version: '1.29.15' as never, machineTemplates: {} },
        { version: '1.30.14' as never, machineTemplates: { web: 'web-1-30' } },
      ],
    };
    const driver = { ...shortest, pools: { web: 'prod-md-0' } };
    const result = await readAccessFile(write('access', { ...valid, driver }));
    expect(result.kind === 'read' ? result.access.driver : result.problems).toEqual(read);
  });

  it('finds its members, at the ports of kubeadm or others, when it names none', async () => {
    const releases = [{ version: '1.29.15', controlPlaneTemplate: 'cp-1-29' }];
    const driver = { ...shortest, members: { etcd: 12_379 }, releases };
    const { members: _members, etcd, ...rest } = valid;
    const { members: _etcdMembers, ...credentials } = etcd;
    const file = write('access', { ...rest, etcd: credentials, driver });
    const result = await readAccessFile(file);
    if (result.kind === 'refused') throw new Error(result.problems.join('; '));
    expect(result.access).toMatchObject({
      members: [],
      etcd: { members: [] },
      driver: {
        members: { apiServer: 6443, controllerManager: 10_257, scheduler: 10_259, etcd: 12_379 },
        releases: [{ version: '1.29.15', machineTemplates: {}, controlPlaneTemplate: 'cp-1-29' }],
      },
    });
  });

  it('names its members or has them found, never both and never neither', async () => {
    expect(await problemsOf({ ...shortest, members: {} })).toEqual([
      'members: driver.members has them found: leave it out',
      'etcd.members: driver.members has them found: leave it out',
    ]);
    const { members: _members, etcd, ...rest } = valid;
    const { members: _etcdMembers, ...credentials } = etcd;
    const file = write('access', { ...rest, etcd: credentials, driver: shortest });
    const result = await readAccessFile(file);
    expect(result.kind === 'refused' && result.problems).toEqual([
      `${file}: members: is required`,
      `${file}: etcd.members: is required`,
    ]);
    const wrong = { ...shortest, members: { apiServer: 0 } };
    expect(await problemsOf(wrong)).toContain('driver.members.apiServer: expected 1 or more');
  });

  it('is refused with every problem', async () => {
    expect(await problemsOf({ ...shortest, releases: [] })).toEqual([
      'driver.releases: expected at least one release that there is an image of',
    ]);
    expect(await problemsOf({ ...shortest, releases: ['1.29'] })).toEqual([
      'driver.releases.0: expected a release such as "1.29.15", or its version with' +
        ' machineTemplates',
    ]);
    expect(await problemsOf({ ...shortest, pools: { a: 'md-0', b: 'md-0' } })).toEqual([
      'driver.pools.b: md-0 is used twice',
    ]);
    expect(await problemsOf({ ...shortest, namespace: 'Fleet', kubeconfig: '' })).toHaveLength(2);
    expect(await problemsOf({ ...shortest, kubeconfig: 'nowhere' })).toEqual([
      `driver.kubeconfig: ${at('nowhere')} does not exist`,
    ]);
  });

  it('needs a kubeconfig that can be used', async () => {
    const result = await readAccessFile(write('access', { ...valid, driver: shortest }));
    if (result.kind === 'refused') throw new Error(result.problems.join('; '));
    expect(() => openServedCluster(result.access)).toThrow(
      /^kubeconfig .* (cannot be read|has no)/,
    );
  });
});
