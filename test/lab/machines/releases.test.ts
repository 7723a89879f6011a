import { catalogue, machineVersion } from '../../../lab/toolchain/catalogue';
import { findRequests } from '../../../lab/toolchain/requests';
import { machineRelease, machineReleases, machineRequests } from '../../../lab/machines/releases';

it('finds a release by its version or its minor', () => {
  const release = { kubernetes: '1.29.15', etcd: '3.5.16', coreDns: '1.11.1' };
  expect(machineRelease('1.29')).toEqual(release);
  expect(machineRelease('1.29.15')).toEqual(release);
});

it.each(['1.31', '1.28.14', 'newest'])('refuses %s, and names those that there are', (asked) => {
  expect(() => machineRelease(asked)).toThrow(
    `machines cannot run Kubernetes ${asked}; there are 1.28.15, 1.29.15, 1.30.14`,
  );
});

it('asks the toolchain for nothing that it has not got, and each thing once', () => {
  const rows = findRequests(machineRequests(machineReleases), catalogue);
  const names = rows.map(({ tool, release }) => `${tool.name} ${release.version}`);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      'kubelet 1.30.14',
      'etcd 3.5.15',
      'coredns 1.11.3',
      `web ${machineVersion}`,
    ]),
  );
  expect(names).toHaveLength(4 + 3 * 2 + 3 + 7 * 3);
});
