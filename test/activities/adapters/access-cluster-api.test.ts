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
