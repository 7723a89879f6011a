// A snapshot beside the etcd that it was taken from, both real: what was written since is found.

import { readdirSync } from 'node:fs';
import path from 'node:path';

import { createEtcdApi } from '../../../activities/adapters/etcd-api';
import { createSnapshotComparer } from '../../../activities/adapters/snapshot-comparer';
import { defaultReportLimits } from '../../../domain/rollback/report-limits';
import { type RealEtcd, startEtcd } from './support/real-etcd';
import { temporaryDirectory } from './support/temporary-directory';
import { never, refusalOf } from './support/refusals';

/** Real processes; this only ends what hangs. */
jest.setTimeout(120_000);

const directory = temporaryDirectory();
const secret = (name: string): string => `/registry/secrets/shop/${name}`;
/** More than two pages. */
const unchanged = 4_500;

/** The other half of a scratch space lies where those of other processes do, and goes with it. */
function scratch(): readonly string[] {
  return readdirSync(directory).filter((name) => name.startsWith('.ascent-verify-'));
}

describe('a snapshot and what was written since', () => {
  let etcd: RealEtcd;
  const file = path.join(directory, 'snapshot.db');

  const compare = (limits = {}, onKeys: (keys: number) => void = () => undefined) =>
    createSnapshotComparer({
      access: etcd.access,
      etcd: etcd.etcd,
      etcdutl: etcd.etcdutl,
      dataParent: directory,
    }).compare(file, { ...defaultReportLimits, ...limits }, onKeys, never);

  beforeAll(async () => {
    etcd = await startEtcd(directory, 1);
    for (let at = 0; at < unchanged; at += 100) {
      const names = Array.from({ length: 100 }, (_, index) => `s-${at + index}`);
      await Promise.all(names.map((name) => etcd.put(secret(name), 'x')));
    }
    await etcd.put(secret('kept'), 'then');
    await etcd.put(secret('dropped'), 'then');
    const api = createEtcdApi({ access: etcd.access, etcdutl: etcd.etcdutl });
    await api.snapshot(file, () => undefined, never);
  }, 120_000);
  afterAll(async () => etcd.close());
  afterEach(() => expect(scratch()).toEqual([]));

  it('are the same at first', async () => {
    const counts: number[] = [];
    expect(await compare({}, (keys) => counts.push(keys))).toEqual({
      groups: [],
      comparedKeys: unchanged + 2,
      tally: { workloads: { totals: [], differing: [], more: 0 }, anchors: [] },
    });
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.length).toBeGreaterThan(2);
  });

  it('differ in what was created, changed and deleted', async () => {
    await etcd.put(secret('kept'), 'now');
    await etcd.put('/registry/configmaps/shop/new', 'now');
    await etcd.put('/registry/minions/worker-9', 'now');
    await etcd.put('/registry/pods/shop/web-1', 'now');
    await etcd.call(0, 'kv/deleterange', {
      key: Buffer.from(secret('dropped')).toString('base64'),
    });

    const none = { created: 0, changed: 0, deleted: 0, createdNames: [], deletedNames: [] };
    expect(await compare()).toEqual({
      groups: [
        { ...none, resource: 'configmaps', namespace: 'shop', created: 1, createdNames: ['new'] },
        { ...none, resource: 'nodes', created: 1, createdNames: ['worker-9'] },
        { ...none, resource: 'pods', namespace: 'shop', created: 1, createdNames: ['web-1'] },
        {
          ...none,
          resource: 'secrets',
          namespace: 'shop',
          changed: 1,
          deleted: 1,
          deletedNames: ['dropped'],
        },
      ],
      comparedKeys: unchanged + 4,
      tally: {
        workloads: {
          totals: [{ resource: 'pods', snapshot: 0, cluster: 1 }],
          differing: [{ resource: 'pods', namespace: 'shop', snapshot: 0, cluster: 1 }],
          more: 0,
        },
        anchors: [
          {
            resource: 'nodes',
            created: { count: 1, names: [{ name: 'worker-9' }] },
            deleted: { count: 0, names: [] },
          },
        ],
      },
    });
  });

  it('are compared up to a limit, which is told', async () => {
    expect(await compare({ keys: 100 })).toMatchObject({ comparedKeys: 101, cutShortBy: 'keys' });
    expect(await compare({ seconds: 0 })).toMatchObject({ cutShortBy: 'seconds' });
  });

  it('cannot be compared with a file that is no snapshot, or without the cluster', async () => {
    const { etcd: executable, etcdutl, access } = etcd;
    const options = { etcd: executable, etcdutl, dataParent: directory };
    const notSnapshot = createSnapshotComparer({ ...options, access });
    const limits = defaultReportLimits;
    expect(
      await refusalOf(notSnapshot.compare(__filename, limits, () => undefined, never)),
    ).toMatchObject({ code: 'unexpected' });
    const members = access.members.map((one) => ({ ...one, endpoint: 'https://127.0.0.1:1' }));
    const away = createSnapshotComparer({ ...options, access: { ...access, members } });
    expect(await refusalOf(away.compare(file, limits, () => undefined, never))).toMatchObject({
      code: 'unreachable',
    });
  });
});
