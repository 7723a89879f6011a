// Volumes whose driver some minor takes away, on a real API server.

import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import { createVolumeProbe } from '../../../activities/adapters/volume-probe';
import { volumeFindings } from '../../../domain/preflight/preflight-volumes';
import type { KubeVersion } from '../../../domain/versions';
import type { VolumesObservation } from '../../../domain/volumes-in-use';
import { never } from './support/refusals';
import { type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

const directory = temporaryDirectory();

let real: RealKube;

async function observe(kubeconfig: string): Promise<VolumesObservation> {
  const connection = openKubeConnection(kubeconfig);
  try {
    return await createVolumeProbe(connection).observe(never);
  } finally {
    await connection.close();
  }
}

async function make(path: string, object: object): Promise<void> {
  const answer = await real.call('POST', path, object);
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
}

const volumes = '/api/v1/persistentvolumes';
const storage = '/apis/storage.k8s.io/v1';
const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] };

beforeAll(async () => {
  real = await startKube(directory);
  const rbd = { monitors: ['10.0.0.1'], image: 's3cret' };
  await make(volumes, { metadata: { name: 'old' }, spec: { ...spec, rbd } });
  const csi = { driver: 'disk.example.com', volumeHandle: 'one' };
  await make(volumes, { metadata: { name: 'new' }, spec: { ...spec, csi } });
  const azure = 'kubernetes.io/azure-file';
  await make(`${storage}/storageclasses`, { metadata: { name: 'file' }, provisioner: azure });
  await make(`${storage}/storageclasses`, { metadata: { name: 'csi' }, provisioner: 'd.io' });
  await make(`${storage}/csidrivers`, { metadata: { name: 'file.csi.azure.com' }, spec: {} });
});
afterAll(() => real.close());

it('has those whose driver goes, and the drivers that are there', async () => {
  const seen = await observe(real.kubeconfig);
  expect(seen).toEqual({
    uses: [
      { field: 'rbd', kind: 'PersistentVolume', name: 'old' },
      { field: 'azureFile', kind: 'StorageClass', name: 'file' },
    ],
    drivers: ['file.csi.azure.com'],
    unlisted: [],
  });
  const found = (from: string, to: string) =>
    volumeFindings({
      observation: { volumes: seen },
      hop: { from: from as KubeVersion, to: to as KubeVersion },
    }).map(({ code, severity }) => [code, severity]);
  expect(found('1.29.15', '1.30.14')).toEqual([]);
  expect(found('1.30.14', '1.31.14')).toEqual([['volume-driver-missing', 'blocks']]);
});

it('says list by list what it may not read', async () => {
  const refused = (list: string) => ({
    list,
    problem: {
      code: 'forbidden',
      message: expect.stringMatching(
        new RegExp(`^listing ${list}: .*cannot list resource "${list}"`),
      ) as string,
    },
  });
  expect(await observe(real.strangerKubeconfig)).toEqual({
    uses: [],
    unlisted: [refused('csidrivers'), refused('persistentvolumes'), refused('storageclasses')],
  });
});
