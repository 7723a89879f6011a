// A snapshot of a real etcd from its member into a sealed store and back out of it.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { DirectoryShelf } from '../../activities/adapters/directory-shelf';
import { S3Shelf } from '../../activities/adapters/s3-shelf';
import { createEtcdApi } from '../../activities/adapters/etcd-api';
import { createSnapshotVerifier } from '../../activities/adapters/etcd-snapshot-verifier';
import { createSnapshotKey } from '../../activities/adapters/snapshot-key';
import { createSnapshotStore } from '../../activities/adapters/snapshot-store';
import type { ClusterPorts } from '../../activities/ports';
import type { PlanDigest, SnapshotId } from '../../domain/names';
import { snapshotDifference } from '../../domain/snapshots/comparison';
import { inspectSnapshot } from '../../lab/supervisor/snapshot-file';
import { hopId, version } from '../support/builders';
import { cluster, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';
import { type RealEtcd, startEtcd } from './adapters/support/real-etcd';
import { startS3 } from './adapters/support/real-s3';
import { never, refusalOf } from './adapters/support/refusals';
import { temporaryDirectory } from './adapters/support/temporary-directory';

jest.setTimeout(120_000);

const directory = temporaryDirectory();
const storeDirectory = path.join(directory, 'store');
const keyFile = path.join(directory, 'key.txt');

function inputOf(id: string) {
  return {
    cluster,
    snapshotId: id as SnapshotId,
    hop: hopId('hop-1.29'),
    kubeVersion: version('1.28.15'),
    planDigest: 'd1' as PlanDigest,
    actor: 'ada@workstation',
  };
}

/** What is neither a snapshot nor the place where they are made. */
function leftovers(): readonly string[] {
  const staging = path.join(storeDirectory, '.staging');
  return [
    ...readdirSync(storeDirectory).filter((name) => name.startsWith('.ascent-')),
    ...(existsSync(staging) ? readdirSync(staging) : []),
  ];
}

describe('a snapshot of a real etcd', () => {
  let etcd: RealEtcd;
  let ports: ClusterPorts;
  let key: string;

  beforeAll(async () => {
    etcd = await startEtcd(directory, 1);
    for (let i = 0; i < 50; i += 1) {
      await etcd.put(`/registry/secrets/s-${String(i)}`, `the secret ${'x'.repeat(2_000)}`);
    }
    key = (await createSnapshotKey(keyFile, 0)).fingerprint;
    const { etcd: executable, etcdutl } = etcd;
    ports = {
      ...new FakeCluster().ports,
      etcd: createEtcdApi({ access: etcd.access, etcdutl }),
      verifier: createSnapshotVerifier({ etcd: executable, etcdutl, dataParent: storeDirectory }),
      snapshots: createSnapshotStore({
        shelf: new DirectoryShelf(storeDirectory),
        sealing: { kind: 'age', keyFile },
        scratchParent: storeDirectory,
      }),
    };
  });
  afterAll(async () => etcd.close());

  it('is sealed, verified as it lies, and given back so that a host restores it', async () => {
    const record = await runOnce({ ports, driver: undefined }, 'takeSnapshot', inputOf('one'));
    expect(record).toMatchObject({
      id: 'one',
      cluster,
      etcdClusterId: expect.stringMatching(/^[0-9a-f]+$/) as string,
      etcdMember: etcd.access.members[0]?.name,
      sealed: { by: 'age', key },
      totalKeys: 50,
    });
    expect(readFileSync(record.location).includes('the secret')).toBe(false);
    expect(leftovers()).toEqual([]);

    const plain = await ports.snapshots.fetch(record, never);
    expect(readFileSync(plain.file).includes('the secret')).toBe(true);
    expect(await inspectSnapshot(plain.file, etcd.etcdutl)).toBe(record.revision);
    const restored = await ports.verifier.verify(plain.file, record.revision, never);
    const { hashKv, keys } = record.verified;
    expect(snapshotDifference({ revision: record.revision, hashKv, keys }, restored)).toBe(
      undefined,
    );
    await plain.release();
    expect(leftovers()).toEqual([]);
  });

  it('is kept in a bucket as it is in a directory', async () => {
    const s3 = await startS3(directory);
    try {
      const shelf = new S3Shelf({ access: s3.access, directory: storeDirectory });
      const sealing = { kind: 'age', keyFile } as const;
      const snapshots = createSnapshotStore({ shelf, sealing, scratchParent: storeDirectory });
      const ofBucket = { ports: { ...ports, snapshots }, driver: undefined };
      const record = await runOnce(ofBucket, 'takeSnapshot', inputOf('far'));
      expect(record).toMatchObject({ sealed: { by: 'age', key }, totalKeys: 50 });
      expect(record.location).toMatch(/^s3:\/\/ascent-snapshots\/far\/\w+\/snapshot\.db\.age$/);
      expect(await runOnce(ofBucket, 'takeSnapshot', inputOf('far'))).toEqual(record);
      expect(await snapshots.list()).toMatchObject([{ id: 'far', handle: record.handle }]);

      const plain = await snapshots.fetch(record, never);
      expect(await inspectSnapshot(plain.file, etcd.etcdutl)).toBe(record.revision);
      await plain.release();
      expect(leftovers()).toEqual([]);
    } finally {
      await s3.close();
    }
  });

  it('whose sealed content was changed is not given back', async () => {
    const record = await runOnce({ ports, driver: undefined }, 'takeSnapshot', inputOf('two'));
    const sealed = readFileSync(record.location);
    const middle = Math.floor(sealed.length / 2);
    sealed.writeUInt8(sealed.readUInt8(middle) ^ 0xff, middle);
    writeFileSync(record.location, sealed);
    expect(await refusalOf(ports.snapshots.fetch(record, never))).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('its sealed content is damaged') as string,
    });
    expect(leftovers()).toEqual([]);
  });

  it('is not taken without the key, and nothing of it stays', async () => {
    rmSync(keyFile);
    const run = runOnce({ ports, driver: undefined }, 'takeSnapshot', inputOf('three'));
    expect(await failureOf(run)).toMatchObject({
      type: 'credentials-refused',
      nonRetryable: true,
      message: expect.stringContaining(`the snapshot key ${keyFile} cannot be read`) as string,
    });
    expect(await ports.snapshots.find('three' as SnapshotId)).toBe(undefined);
    expect(leftovers()).toEqual([]);
  });
});
