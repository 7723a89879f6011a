// The restore of a control plane of three members on real processes: who watched before sees
// everything again, and whatever dies in the middle, it ends where it should.

import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createEtcdApi } from '../../activities/adapters/etcd-api';
import type { EtcdApi } from '../../activities/ports';
import type { EtcdSnapshotFacts } from '../../activities/snapshot-ports';
import { installedBinaries } from '../../lab/binaries';
import type { Lab } from '../../lab/lab';
import { labDown, labUp } from '../../lab/lab';
import { labLayout } from '../../lab/layout';
import { type RestorePhase, restorePhases } from '../../lab/supervisor/restore-journal';
import { LabKube } from '../support/lab-kube';
import { until, untilTrue } from '../support/lab-until';
import { mountSmall, type SmallDisk } from '../support/small-disk';
import { type MemberInformer, startMemberInformer } from '../support/member-informer';

jest.setTimeout(600_000);

const version = '1.28.15';

describe('the restore of three members', () => {
  let root: string;
  let stateDir: string;
  let lab: Lab;
  let kube: LabKube;
  let etcd: EtcdApi;
  let taken: EtcdSnapshotFacts;
  let snapshotFile: string;
  let disk: SmallDisk | undefined;
  const informers: MemberInformer[] = [];
  const signal = new AbortController().signal;

  const up = async (): Promise<void> => {
    lab = await labUp({ name: 'back', stateDir, members: 3, nodes: 2, workloads: 'none', version });
  };

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-restore-'));
    stateDir = path.join(root, 'lab');
    await up();
    kube = await LabKube.open(labLayout(stateDir), lab.apiUrl);
    const { etcdutl } = await installedBinaries();
    etcd = createEtcdApi({ access: lab.access.etcd, etcdutl });
    await kube.writeConfigMap('kept');
    snapshotFile = path.join(root, 'snapshot.db');
    taken = await etcd.snapshot(snapshotFile, () => undefined, signal);
  });

  afterAll(async () => {
    await Promise.all(informers.map((informer) => informer.stop()));
    kube?.close();
    disk?.unmount();
    await labDown({ stateDir });
    await rm(root, { recursive: true, force: true });
  });

  const order = (restoreId: string, file: string = snapshotFile) => ({
    restoreId,
    snapshotFile: file,
    snapshotRevision: taken.revision,
    version,
  });

  /** What a snapshot of now would say; of a healthy etcd only. */
  const observed = async () => {
    const seen = await etcd.observe(signal);
    if (seen.kind === 'unobserved') throw new Error(seen.problem.message);
    return {
      members: seen.members.length,
      unreachable: seen.unreachable.map(({ name }) => name),
      hashesAgree: seen.hashesAgree,
    };
  };
  const whole = { members: 3, unreachable: [], hashesAgree: true };
  const revisionNow = async (): Promise<number> => {
    const file = path.join(root, `now-${randomBytes(4).toString('hex')}.db`);
    const { revision } = await etcd.snapshot(file, () => undefined, signal);
    await rm(file);
    return revision;
  };

  /** Something is made, something is deleted; after the restore it is the other way round. */
  const dirty = async (): Promise<void> => {
    await kube.writeConfigMap('since');
    await kube.deleteConfigMap('kept');
  };
  const isClean = async (): Promise<boolean> =>
    (await kube.hasConfigMap('kept')) && !(await kube.hasConfigMap('since'));
  const copies = async (): Promise<readonly string[]> =>
    (await readdir(labLayout(stateDir).restores)).filter((name) => name.includes('.db'));

  it('shows every informer that ran before what there is, twice', async () => {
    for (const { apiServer } of lab.access.members) {
      informers.push(await startMemberInformer(lab.kubeconfig, apiServer));
    }
    for (const round of [1, 2]) {
      await dirty();
      await untilTrue('every informer sees what was made since', async () =>
        informers.every((informer) => informer.names().includes('since')),
      );
      const before = await revisionNow();
      const lists = informers.map((informer) => informer.lists());

      expect(await lab.control.restore(order(`watched-${round}`))).toEqual({ lost: [] });

      // A constant bump would be silent from the second restore on.
      expect(await revisionNow()).toBeGreaterThan(before);
      await kube.writeConfigMap(`after-${round}`);
      await untilTrue('every informer sees the snapshot, and what came after it', async () =>
        informers.every((informer) => {
          const names = informer.names();
          return (
            names.includes('kept') && names.includes(`after-${round}`) && !names.includes('since')
          );
        }),
      );
      expect(informers.every((one, index) => one.lists() > (lists[index] ?? 0))).toBe(true);
    }
    expect(await observed()).toEqual(whole);
    expect(await copies()).toEqual([]);
  });

  it('of a snapshot that is damaged is refused before anything stops', async () => {
    const damaged = path.join(root, 'damaged.db');
    await copyFile(snapshotFile, damaged);
    await writeFile(damaged, randomBytes(64), { flag: 'r+' });
    const { running } = await lab.control.progress();

    await expect(lab.control.restore(order('damaged', damaged))).rejects.toMatchObject({
      problems: ['restore-failed'],
      message: expect.stringContaining('nothing was stopped') as string,
    });

    expect((await lab.control.progress()).running).toEqual(running);
    expect(await copies()).toEqual([]);
    // The same id with the file that is meant.
    await dirty();
    await lab.control.restore(order('damaged'));
    expect(await isClean()).toBe(true);
  });

  it('is refused before anything stops where there is no room for the snapshot', async () => {
    const { restores } = labLayout(stateDir);
    disk = mountSmall(restores);
    if (disk === undefined) return;
    const { running } = await lab.control.progress();
    await dirty();

    await expect(lab.control.restore(order('no-room'))).rejects.toMatchObject({
      problems: ['restore-failed'],
      message: expect.stringMatching(/cannot be copied, nothing was stopped: .*ENOSPC/) as string,
    });

    expect((await lab.control.progress()).running).toEqual(running);
    expect(await readdir(restores)).toEqual([]);
    disk.unmount();
    await lab.control.restore(order('no-room'));
    expect(await isClean()).toBe(true);
  });

  it('that is asked for twice happens once; another one comes after it', async () => {
    await dirty();
    const [first, again, other] = await Promise.all([
      lab.control.restore(order('twice')),
      lab.control.restore(order('twice')),
      lab.control.restore(order('other')),
    ]);

    expect([first, again, other]).toEqual([{ lost: [] }, { lost: [] }, { lost: [] }]);
    expect(await isClean()).toBe(true);
    expect(await observed()).toEqual(whole);
  });

  const phases = restorePhases.filter((phase) => phase !== 'done');

  it.each(phases)('goes on after its supervisor was killed at %s', async (phase) => {
    await dirty();
    const own = path.join(root, 'gone-meanwhile.db');
    await copyFile(snapshotFile, own);
    await lab.control.fault({ kind: 'in-restore', phase, strike: { kind: 'end-supervisor' } });

    await expect(lab.control.restore(order(`killed-at-${phase}`, own))).rejects.toMatchObject({
      code: 'lab-down',
    });
    await rm(own);
    await up();

    expect(await lab.control.restoreStatus(`killed-at-${phase}`)).toMatchObject({ state: 'done' });
    expect(await isClean()).toBe(true);
    expect(await observed()).toEqual(whole);
    expect(await copies()).toEqual([]);
  });

  // Each member at each phase in which etcd runs, in as many restores as there are members.
  it.each([
    ['cp-1', 'cp-2', 'cp-3'],
    ['cp-2', 'cp-3', 'cp-1'],
    ['cp-3', 'cp-1', 'cp-2'],
  ])('ends although etcd of %s, of %s and of %s is killed on the way', async (...members) => {
    await dirty();
    const moments = ['stopping-control-plane', 'starting-api-servers', 'starting-controllers'];
    for (const [index, phase] of (moments as RestorePhase[]).entries()) {
      const strike = { kind: 'kill', process: `${members[index]}-etcd` } as const;
      await lab.control.fault({ kind: 'in-restore', phase, strike });
    }

    await lab.control.restore(order(`etcd-killed-${members.join('-')}`));

    expect(await isClean()).toBe(true);
    await until('all members agree', async () =>
      (await observed()).unreachable.length === 0 ? true : undefined,
    );
    expect(await observed()).toEqual(whole);
  });

  it.each(['restoring-data', 'starting-etcd'] as const)(
    'ends in a quorum when the disk of a member goes at %s, and the member comes back',
    async (phase) => {
      await dirty();
      const strike = { kind: 'lose-etcd', member: 'cp-3', seconds: 600 } as const;
      await lab.control.fault({ kind: 'in-restore', phase, strike });

      expect(await lab.control.restore(order(`lost-at-${phase}`))).toMatchObject({
        lost: [{ member: 'cp-3' }],
      });
      expect(await isClean()).toBe(true);
      // It has never started as a member of the restored cluster, so the list knows no name of it.
      const without = { members: 2, unreachable: [expect.any(String)], hashesAgree: true };
      expect(await observed()).toEqual(without);
      await expect(lab.control.repairEtcd('cp-3')).rejects.toMatchObject({
        message: expect.stringContaining('the disk of cp-3 does not answer') as string,
      });
      expect(await observed()).toMatchObject({ members: 2, hashesAgree: true });

      // Another disk.
      await lab.control.fault({ kind: 'lose-etcd', member: 'cp-3', seconds: 0.001 });
      await lab.control.repairEtcd('cp-3');
      await lab.control.repairEtcd('cp-3');

      expect(await observed()).toEqual(whole);
      await kube.writeConfigMap('after-repair');
      expect(await kube.hasConfigMap('after-repair')).toBe(true);
    },
  );

  it('without a quorum fails, and goes on when the disks are back', async () => {
    await dirty();
    for (const member of ['cp-2', 'cp-3']) {
      const strike = { kind: 'lose-etcd', member, seconds: 600 } as const;
      await lab.control.fault({ kind: 'in-restore', phase: 'restoring-data', strike });
    }

    await expect(lab.control.restore(order('no-quorum'))).rejects.toMatchObject({
      message: expect.stringContaining('no quorum could be restored') as string,
    });
    for (const member of ['cp-2', 'cp-3']) {
      await lab.control.fault({ kind: 'lose-etcd', member, seconds: 0.001 });
    }
    expect(await lab.control.restore(order('no-quorum'))).toEqual({ lost: [] });

    expect(await isClean()).toBe(true);
    expect(await observed()).toEqual(whole);
  });
});
