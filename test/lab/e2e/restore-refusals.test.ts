// A rollback whose snapshot cannot be had, one reason after the other: another key, a damaged
// object, no room to open it, a store that is away. Each time it says so before anything is
// stopped, and the cluster serves; once all is right, it goes on from a real bucket.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createSnapshotKey } from '../../../activities/adapters/snapshot-key';
import type { FailureCode } from '../../../domain/failures';
import type { HopId } from '../../../domain/names';
import type { Plan } from '../../../domain/plan/plan';
import { labLayout } from '../../../lab/layout';
import { listJournals } from '../../../lab/supervisor/restore-journal';
import { type RealS3, startS3 } from '../../activities/adapters/support/real-s3';
import { snapshotsAccess } from '../../support/lab-access';
import { LabGround } from '../../support/lab-ground';
import { untilEnded, untilGate, untilProgress } from '../../support/lab-progress';
import { scaleTo, sightOf, wholeAt } from '../../support/lab-sight';
import { labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { until } from '../../support/lab-until';
import { mountSmall, type SmallDisk } from '../../support/small-disk';

jest.setTimeout(600_000);

const [before, target] = ['1.28.15', '1.29.15'];
const hop = 'hop-1.29' as HopId;
const gateId = `${hop}/rollback restore`;

describe('a rollback whose snapshot cannot be had', () => {
  const spec = labSpec({
    cluster: 'refusals',
    target,
    allowSingleMember: true,
    hopSoakMs: 600_000,
  });
  const asked = { actor: 'ada', reason: 'it does not look right', hop };
  let ground: LabGround;
  let root: string;
  let disk: SmallDisk | undefined;
  let s3: RealS3;
  let plan: Plan;
  /** Of the snapshot, in the bucket. */
  let key: string;
  let running: readonly string[];
  const tell = aStory(() => ground.diagnosis());

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-refusals-'));
    const directory = path.join(root, 'snapshots');
    disk = mountSmall(directory, '96m');
    const shape = { name: spec.cluster, members: 1, nodes: 2, pods: 0 };
    ground = await LabGround.open(shape);
    await ground.bringUpLab();
    s3 = await startS3(root);
    await ground.startWorker(await snapshotsAccess(ground, { directory, s3: s3.access }));
    await ground.kube.spread('web', 2);
    await ground.kube.writeConfigMap('kept');
  });

  afterAll(async () => {
    await ground?.close();
    await s3?.close();
    disk?.unmount();
    if (root !== undefined) await rm(root, { recursive: true, force: true });
  });

  const approve = () => {
    const { client, cluster } = ground;
    return client.approve(cluster, { ...asked, gate: gateId, planDigest: plan.digest });
  };

  /** The message of that failure, at the gate of the restore. */
  const refused = (code: FailureCode): Promise<string> =>
    until(`the restore waits for a person: ${code}`, async () => {
      const gate = await untilGate(ground);
      const isThere = gate.kind === 'step' && gate.id === gateId && gate.failure.code === code;
      return isThere ? gate.failure.message : undefined;
    });

  const expectUntouched = async (): Promise<void> => {
    expect((await ground.lab.control.progress()).running).toEqual(running);
    expect(await listJournals(labLayout(ground.stateDir).restores)).toEqual([]);
    expect(await ground.kube.hasConfigMap('made-since')).toBe(true);
  };

  tell('the way back lies in a bucket, sealed', async () => {
    const { client, kube, lab } = ground;
    const started = await client.start(spec, { actor: 'ada' });
    if (started.kind === 'refused') throw new Error(JSON.stringify(started.refusal));
    ({ plan } = started);
    const { id } = await untilProgress(ground, 'the hop soaks', ({ status }) =>
      status.phase === 'soaking' ? status.rollBackTo?.snapshot : undefined,
    );
    const { Contents = [] } = await s3.client.listObjectsV2({
      Bucket: s3.access.bucket,
      Prefix: `${id}/`,
    });
    const keys = Contents.map((one) => one.Key ?? '');
    key = keys.find((one) => one.endsWith('/snapshot.db.age')) ?? '';
    expect(keys).toContain(key);
    await kube.writeConfigMap('made-since');
    await kube.deleteConfigMap('kept');
    ({ running } = await lab.control.progress());
  });

  tell('with another key neither is previewed nor restored', async () => {
    const { client, cluster } = ground;
    const { snapshotKey } = labLayout(ground.stateDir);
    const right = await readFile(snapshotKey);
    const other = path.join(root, 'other-key.txt');
    await createSnapshotKey(other, 0);
    await writeFile(snapshotKey, await readFile(other));

    const says = /^.*it is sealed with key sha256:[0-9a-f]{16}; .* holds sha256:[0-9a-f]{16}$/;
    expect(await client.previewRollBack(cluster)).toMatchObject({
      kind: 'failed',
      failure: { code: 'credentials-refused', message: expect.stringMatching(says) as string },
    });
    await client.rollBack(cluster, asked);
    expect(await refused('credentials-refused')).toMatch(says);
    await expectUntouched();

    await writeFile(snapshotKey, right);
  });

  tell('of a snapshot that was damaged in the store is refused', async () => {
    const { Body } = await s3.client.getObject({ Bucket: s3.access.bucket, Key: key });
    const right = Buffer.from((await Body?.transformToByteArray()) ?? []);
    const damaged = Buffer.from(right);
    const middle = Math.floor(damaged.length / 2);
    damaged[middle] = (damaged[middle] ?? 0) ^ 1;
    await s3.client.putObject({ Bucket: s3.access.bucket, Key: key, Body: damaged });

    await approve();
    expect(await refused('snapshot-unverified')).toContain('its sealed content is damaged');
    await expectUntouched();

    await s3.client.putObject({ Bucket: s3.access.bucket, Key: key, Body: right });
  });

  tell('without room to open it is refused', async () => {
    if (disk === undefined) return;
    const makeRoom = disk.fill();

    await approve();
    expect(await refused('space-missing')).toContain('ENOSPC');
    await expectUntouched();

    makeRoom();
  });

  tell('while the store is away is tried again, and says so', async () => {
    await s3.kill();
    await approve();

    const failing = await untilProgress(ground, 'the restore is tried again', ({ unsettled }) =>
      unsettled?.find(({ activity, code }) => activity === 'restoreSnapshot' && code === 'failing'),
    );
    expect(failing).toMatchObject({
      message: expect.stringMatching(/snapshot .* s3:\/\/ascent-snapshots/) as string,
    });
    await expectUntouched();
  });

  tell('ends from the bucket, once all is right', async () => {
    await s3.restart();

    expect(await untilEnded(ground)).toMatchObject({
      outcome: 'rolled-back',
      at: before,
      hops: [{ outcome: 'rolled-back', account: { gaps: [{ code: 'not-noted' }] } }],
    });
    expect(await sightOf(ground)).toEqual(wholeAt(before, ground));
    expect(await ground.kube.hasConfigMap('made-since')).toBe(false);
    expect(await ground.kube.hasConfigMap('kept')).toBe(true);
    await scaleTo(ground, 'web', 3);
  });
});
