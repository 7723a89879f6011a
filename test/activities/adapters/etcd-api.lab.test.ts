// Real etcd members with TLS: what is observed, snapshots under load, and what is refused.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

import { createEtcdApi } from '../../../activities/adapters/etcd-api';
import { createSnapshotVerifier } from '../../../activities/adapters/etcd-snapshot-verifier';
import type { EtcdApi } from '../../../activities/ports';
import type { SnapshotVerifier } from '../../../activities/snapshot-ports';
import type { EtcdObservation } from '../../../domain/observation';
import { eventually } from '../../../lab/waiting';
import { createAuthority } from './support/pki';
import { type RealEtcd, startEtcd } from './support/real-etcd';
import { temporaryDirectory } from './support/temporary-directory';
import { never, refusalOf } from './support/refusals';

/** Real processes; this only ends what hangs. */
jest.setTimeout(120_000);

const directory = temporaryDirectory();

function apiOf(etcd: RealEtcd, access: Partial<RealEtcd['access']> = {}): EtcdApi {
  return createEtcdApi({ access: { ...etcd.access, ...access }, etcdutl: etcd.etcdutl });
}

function verifierOf(etcd: RealEtcd): SnapshotVerifier {
  const { etcd: executable, etcdutl } = etcd;
  const places = { dataParent: directory, runParent: directory };
  return createSnapshotVerifier({ etcd: executable, etcdutl, ...places });
}

/** Scratch directories that are there now. */
function scratch(): readonly string[] {
  return readdirSync(directory).filter((name) => /^\.?ascent-verify-/.test(name));
}

function processesIn(folder: string): readonly string[] {
  const listed = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  return listed.split('\n').filter((line) => line.includes(folder) && !line.includes('ps -eo'));
}

describe('three members', () => {
  let etcd: RealEtcd;

  beforeAll(async () => {
    etcd = await startEtcd(directory, 3);
    for (let i = 0; i < 200; i += 1)
      await etcd.put(`/registry/pods/p-${String(i)}`, 'x'.repeat(500));
  }, 300_000);
  afterAll(async () => etcd.close());

  it('are verified with an etcd that tells its release, or is not there', async () => {
    expect(await verifierOf(etcd).etcdVersion(never)).toBe('3.5.21');
    const gone = { etcd: '/nowhere/etcd', etcdutl: etcd.etcdutl, dataParent: directory };
    expect(await createSnapshotVerifier(gone).etcdVersion(never)).toBeUndefined();
  });

  it('are observed with one leader and equal hashes', async () => {
    const seen = await apiOf(etcd).observe(never);
    if (seen.kind === 'unobserved') throw new Error(seen.problem.message);
    expect({ ...seen, members: seen.members.length }).toEqual({
      kind: 'observed',
      memberCount: 3,
      members: 3,
      unreachable: [],
      hashesAgree: true,
    });
    expect(seen.members.filter(({ isLeader }) => isLeader)).toHaveLength(1);
    for (const { name, endpoint } of etcd.access.members) {
      expect(seen.members.find((member) => member.name === name)).toEqual({
        name,
        endpoint,
        version: '3.5.21',
        // Agreed on a moment after the start: 3.0.0 until then.
        clusterVersion: expect.any(String) as string,
        isLeader: expect.any(Boolean) as boolean,
        isLearner: false,
        alarms: [],
        dbSizeBytes: expect.any(Number) as number,
        dbSizeInUseBytes: expect.any(Number) as number,
        quotaBytes: 0,
        raftIndex: expect.any(Number) as number,
        raftAppliedIndex: expect.any(Number) as number,
        certificate: {
          expiresAt: expect.any(String) as string,
          expiresInSeconds: expect.any(Number) as number,
        },
      });
    }
  });

  it('are compared while they are written to and compacted', async () => {
    let isDone = false;
    const writing = (async () => {
      for (let i = 0; !isDone; i += 1) {
        await etcd.put('/registry/leases/l', String(i));
        const answer = (await etcd.call(0, 'kv/range', { key: 'AA==' })) as {
          header: { revision: string };
        };
        const revision = Number(answer.header.revision) - 5;
        if (i % 10 === 0) await etcd.call(0, 'kv/compaction', { revision });
      }
    })();
    try {
      for (let i = 0; i < 5; i += 1) {
        expect(await apiOf(etcd).observe(never)).toMatchObject({ hashesAgree: true });
      }
    } finally {
      isDone = true;
      await writing;
    }
  });

  it('give a snapshot that restores to what the member had, while writes go on', async () => {
    let isDone = false;
    let written = 0;
    const writing = (async () => {
      for (; !isDone; written += 1) await etcd.put(`/registry/events/${String(written)}`, 'y');
    })();
    const file = path.join(directory, 'under-load.db');
    const reports: number[] = [];
    try {
      const facts = await apiOf(etcd).snapshot(file, (bytes) => reports.push(bytes), never);
      const { hashKv, keys } = await verifierOf(etcd).verify(file, facts.revision, never);

      expect(hashKv).toBe(facts.hashKv);
      expect(keys).toBeGreaterThanOrEqual(200);
      expect(facts).toMatchObject({ etcdVersion: '3.5.21', sizeBytes: readFileSync(file).length });
      expect(reports.at(-1)).toBe(facts.sizeBytes);
      expect(written).toBeGreaterThan(0);
    } finally {
      isDone = true;
      await writing;
    }
    expect([existsSync(`${file}.part`), scratch()]).toEqual([false, []]);
  }, 300_000);

  it('give a snapshot that differs from one of later', async () => {
    const [one, two] = [path.join(directory, 'one.db'), path.join(directory, 'two.db')];
    const before = await apiOf(etcd).snapshot(one, () => undefined, never);
    await etcd.put('/registry/pods/later', 'z');
    const after = await apiOf(etcd).snapshot(two, () => undefined, never);
    expect(after.revision).toBeGreaterThan(before.revision);
    expect(after.hashKv).not.toBe(before.hashKv);
    expect(after.sha256).not.toBe(before.sha256);
  });

  it('refuse a damaged file, and nothing of it stays', async () => {
    const file = path.join(directory, 'damaged.db');
    const facts = await apiOf(etcd).snapshot(file, () => undefined, never);
    const bytes = readFileSync(file);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
    writeFileSync(file, bytes);
    const { message } = await refusalOf(verifierOf(etcd).verify(file, facts.revision, never));
    expect(message).toMatch(
      /^restoring .*damaged\.db into a scratch directory: .*(sha|hash|check)/is,
    );
    expect(scratch()).toEqual([]);
  }, 300_000);

  it.each([50, 200, 500])(
    'leave nothing when a verification is cancelled after %i ms',
    async (ms) => {
      const file = path.join(directory, `cancelled-${String(ms)}.db`);
      const facts = await apiOf(etcd).snapshot(file, () => undefined, never);
      const controller = new AbortController();
      const reason = new Error('cancelled');
      const timer = setTimeout(() => controller.abort(reason), ms);
      const verifying = verifierOf(etcd).verify(file, facts.revision, controller.signal);
      const error: unknown = await verifying.then(
        () => reason,
        (thrown: unknown) => thrown,
      );
      clearTimeout(timer);
      expect(error).toBe(reason);
      expect([
        scratch(),
        processesIn(directory).filter((line) => line.includes('ascent-verify-')),
      ]).toEqual([[], []]);
    },
    60_000,
  );

  it('are unobserved with credentials that another authority signed', async () => {
    const other = await createAuthority('other');
    const { certificate, key } = await other.client('stranger');
    const write = (name: string, content: string): string => {
      const file = path.join(directory, name);
      writeFileSync(file, content);
      return file;
    };
    const stranger = {
      certificate: write('stranger.crt', certificate),
      key: write('stranger.key', key),
    };
    expect(await apiOf(etcd, stranger).observe(never)).toMatchObject({
      kind: 'unobserved',
      problem: { code: 'unauthorized', message: expect.stringMatching(/unknown ca/) as string },
    });
    const wrongCa = { ca: write('other-ca.crt', other.ca) };
    expect(await apiOf(etcd, wrongCa).observe(never)).toMatchObject({
      kind: 'unobserved',
      problem: { code: 'unauthorized', message: expect.stringMatching(/certificate/) as string },
    });
  });

  it('are unobserved with a key that is not that of the certificate', async () => {
    const { key } = await (await createAuthority('other')).client('stranger');
    const file = path.join(directory, 'other.key');
    writeFileSync(file, key);
    expect(await apiOf(etcd, { key: file }).observe(never)).toMatchObject({
      kind: 'unobserved',
      problem: {
        code: 'unauthorized',
        message: expect.stringMatching(/^the etcd credentials cannot be used: /) as string,
      },
    });
  });

  it('are unobserved without the files of the credentials', async () => {
    expect(await apiOf(etcd, { ca: path.join(directory, 'none') }).observe(never)).toEqual({
      kind: 'unobserved',
      problem: {
        code: 'unexpected',
        message: `reading the etcd credentials ${directory}/none: ENOENT`,
      },
    });
  });

  it('are not asked after a cancellation', async () => {
    const reason = new Error('cancelled');
    await expect(apiOf(etcd).observe(AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  // From here on the cluster is damaged, member by member.
  it('raise their alarms, also those of a member that is not there', async () => {
    const status = (await etcd.call(1, 'maintenance/status', {})) as {
      header: { member_id: string };
    };
    const alarmsBy = async (): Promise<object> => {
      const seen = await apiOf(etcd).observe(never);
      if (seen.kind === 'unobserved') throw new Error(seen.problem.message);
      return seen.members.flatMap(({ name, alarms }) =>
        alarms.length > 0 ? [{ name, alarms }] : [],
      );
    };
    const memberID = status.header.member_id;
    await etcd.call(0, 'maintenance/alarm', { action: 'ACTIVATE', memberID, alarm: 'NOSPACE' });
    expect(await alarmsBy()).toEqual([{ name: 'etcd-2', alarms: ['NOSPACE'] }]);
    await etcd.call(0, 'maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' });

    await etcd.call(0, 'maintenance/alarm', {
      action: 'ACTIVATE',
      memberID: '7',
      alarm: 'CORRUPT',
    });
    expect(await alarmsBy()).toEqual([{ name: expect.any(String) as string, alarms: ['CORRUPT'] }]);
    const deactivate = { action: 'DEACTIVATE', memberID: '7', alarm: 'CORRUPT' };
    await etcd.call(0, 'maintenance/alarm', deactivate);
    expect(await alarmsBy()).toEqual([]);
  });

  it('are told as unreachable when they are gone; the others still give a snapshot', async () => {
    const [, , third] = etcd.access.members;
    await etcd.member(2).kill();
    // The others may have lost their leader with it.
    const hasLeader = async (): Promise<boolean> => {
      const seen = await apiOf(etcd).observe(never);
      return seen.kind === 'observed' && seen.members.some(({ isLeader }) => isLeader);
    };
    expect(await eventually(hasLeader, { timeoutMs: 10_000 })).toBe(true);

    expect(await apiOf(etcd).observe(never)).toMatchObject({
      kind: 'observed',
      memberCount: 3,
      members: [{}, {}],
      unreachable: [{ ...third, problem: { code: 'unreachable' } }],
      hashesAgree: true,
    });
    const file = path.join(directory, 'two-members.db');
    expect(await apiOf(etcd).snapshot(file, () => undefined, never)).toMatchObject({
      etcdVersion: '3.5.21',
    });
  }, 300_000);

  it('without a quorum are still observed, but give no snapshot', async () => {
    const [, second] = etcd.access.members;
    etcd.member(1).freeze();
    let seen: EtcdObservation | undefined;
    const hasLostLeader = async (): Promise<boolean> => {
      seen = await apiOf(etcd).observe(never);
      return seen.kind === 'observed' && seen.members.every(({ isLeader }) => !isLeader);
    };
    expect(await eventually(hasLostLeader, { timeoutMs: 30_000 })).toBe(true);
    expect(seen).toMatchObject({ kind: 'observed', memberCount: 3, members: [{}] });
    expect(seen?.kind === 'observed' ? seen.unreachable : []).toContainEqual({
      ...second,
      problem: { code: 'timeout', message: expect.any(String) as string },
    });
    const file = path.join(directory, 'no-quorum.db');
    expect(await refusalOf(apiOf(etcd).snapshot(file, () => undefined, never))).toEqual({
      code: 'unreachable',
      message: 'taking a snapshot: no etcd member is healthy (1 answer, 2 do not)',
    });
  }, 300_000);

  it('that are all gone are unobserved', async () => {
    await etcd.close();
    expect(await apiOf(etcd).observe(never)).toMatchObject({
      kind: 'unobserved',
      problem: { code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') as string },
    });
  });
});

describe('scratch space', () => {
  it('is removed, its processes killed, when its owner is killed', async () => {
    const folder = path.join(directory, 'orphan');
    // A child plays the worker; it needs JavaScript.
    const script = `
      const { openScratchSpace } = require(process.argv[1]);
      const { spawn } = require('node:child_process');
      void openScratchSpace(process.argv[2], process.argv[2]).then(async (space) => {
        const child = spawn('sleep', ['3600'], { cwd: space.dataDirectory, stdio: 'ignore' });
        await space.adopt(child.pid);
        process.stdout.write(String(child.pid));
        setInterval(() => undefined, 1000);
      });
    `;
    const compiled = path.resolve('dist/activities/adapters/scratch-space.js');
    const child = spawn(process.execPath, ['-e', script, compiled, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [pid] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGKILL');

    const isAlive = (): boolean => existsSync(`/proc/${pid.toString()}`);
    const isGone = async (): Promise<boolean> => !isAlive() && readdirSync(folder).length === 0;
    expect(await eventually(isGone, { timeoutMs: 10_000 })).toBe(true);
  });
});
