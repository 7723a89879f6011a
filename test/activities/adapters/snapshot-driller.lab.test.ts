// A restore that is tried beside a real etcd, for three members, with a real API server.

import { readdirSync } from 'node:fs';
import path from 'node:path';

import { createEtcdApi } from '../../../activities/adapters/etcd-api';
import { createSnapshotDriller } from '../../../activities/adapters/snapshot-driller';
import type { SnapshotDriller } from '../../../activities/snapshot-ports';
import type { DrillPhase } from '../../../domain/rollback/drill';
import { installedBinaries } from '../../../lab/binaries';
import { version } from '../../support/builders';
import { type RealEtcd, startEtcd } from './support/real-etcd';
import { never, refusalOf } from './support/refusals';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(180_000);

const directory = temporaryDirectory();
const order = { version: version('1.28.15') };

function leftovers(): readonly string[] {
  return readdirSync(directory).filter((name) => name.startsWith('.ascent-verify-'));
}

describe('a restore beside the cluster', () => {
  let etcd: RealEtcd;
  let driller: SnapshotDriller;
  let taken = 0;

  const taking = async (): Promise<string> => {
    taken += 1;
    const file = path.join(directory, `snapshot-${taken}.db`);
    const api = createEtcdApi({ access: etcd.access, etcdutl: etcd.etcdutl });
    await api.snapshot(file, () => undefined, never);
    return file;
  };

  beforeAll(async () => {
    etcd = await startEtcd(directory, 1);
    driller = createSnapshotDriller({
      etcd: etcd.etcd,
      etcdutl: etcd.etcdutl,
      dataParent: directory,
      apiServers: await (await installedBinaries()).apiServers(),
      members: () => Promise.resolve(['cp-1', 'cp-2', 'cp-3']),
    });
    for (const name of ['default', 'shop']) {
      const metadata = { name, uid: `uid-${name}` };
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata };
      await etcd.put(`/registry/namespaces/${name}`, JSON.stringify(namespace));
    }
  });
  afterAll(async () => etcd.close());

  it('holds the same in every member, and is served by the old API server', async () => {
    const phases: DrillPhase[] = [];
    const file = await taking();
    const drilled = await driller.drill(file, order, (phase) => phases.push(phase), never);
    expect(drilled).toEqual({
      keys: 2,
      hashKv: expect.stringMatching(/^\d+$/) as string,
      apiServer: { version: '1.28.15', objects: { namespaces: 2, nodes: 0, secrets: 0 } },
    });
    expect(phases).toEqual(['restore', 'start-etcd', 'compare', 'start-api-server']);
    expect(leftovers()).toEqual([]);
    expect(await driller.freeBytes()).toBeGreaterThan(0);
  });

  it('tells what an API server cannot read, and leaves nothing', async () => {
    await etcd.put('/registry/secrets/shop/torn', 'k8s:enc:aesgcm:v1:key1:lost');
    const file = await taking();
    const refusal = await refusalOf(driller.drill(file, order, () => undefined, never));
    expect(refusal).toEqual({
      code: 'rejected',
      message: expect.stringMatching(/^listing secrets: HTTP 500: .*secrets\/shop\/torn/) as string,
    });
    expect(leftovers()).toEqual([]);
  });

  it('ends when it is cancelled in the middle', async () => {
    const file = await taking();
    const stop = new AbortController();
    const reason = new Error('cancelled');
    const onPhase = (phase: DrillPhase): void => {
      if (phase === 'start-etcd') stop.abort(reason);
    };
    await expect(driller.drill(file, order, onPhase, stop.signal)).rejects.toBe(reason);
    expect(leftovers()).toEqual([]);
  });
});
