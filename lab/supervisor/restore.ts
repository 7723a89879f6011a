// Returns the whole control plane to a snapshot: every etcd member from the same file, the API
// servers and controllers in the version that the snapshot was taken in.
// E1. Nothing is stopped before the snapshot was looked at.
// E2. Every phase may be run again from its beginning; the journal says which one to begin with.
// E3. The revision only ever grows, whatever the snapshot says (restore-journal.ts).
// E4. The data that was replaced stays beside the new data, for the last two restores.
// E5. A member whose data cannot be restored, or whose etcd stays away, is left behind as long as
//     the others are a quorum: it is told as lost, and comes back by a repair (etcd-repair.ts).
// E6. The snapshot is copied before anything is stopped, and the copy removed at the end: a crash
//     must not need whoever gave the order.
// E7. etcd goes back to the version that took the snapshot, with its own programs: those of an
//     older minor refuse newer data.

import { execFile } from 'node:child_process';
import { chmod, constants, copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import type {
  LabRestoreRequest,
  LabRestoreResult,
  LabRestoreStatus,
} from '../../activities/drivers/lab-protocol';
import { syncDirectory } from '../../activities/adapters/durable-files';
import { exists } from '../atomic-file';
import type { LabBinaries } from '../binaries';
import { etcdDataDir, etcdRestoreFlags } from '../flags';
import type { LabFile, LabMember } from '../lab-file';
import type { LabLayout } from '../layout';
import { messageOf } from '../lab-error';
import type { ControlPlane } from './control-plane';
import type { Leases } from './leases';
import type { MachineStateStore } from './machine-state';
import type { PlannedFaults } from './planned-faults';
import { mustHold, type Probes } from './probes';
import { LabProblemError } from './problem';
import {
  listJournals,
  newJournal,
  readJournal,
  snapshotCopy,
  targetRevision,
  writeJournal,
  type LostEtcd,
  type RestoreJournal,
  type RestorePhase,
} from './restore-journal';
import { inspectSnapshot } from './snapshot-file';

const execute = promisify(execFile);
const etcdutlTimeoutMs = 300_000;
const hashTimeoutMs = 30_000;
const keptRestores = 2;

export interface RestoreParts {
  readonly lab: LabFile;
  readonly layout: LabLayout;
  readonly binaries: LabBinaries;
  readonly state: MachineStateStore;
  readonly probes: Probes;
  readonly controlPlane: ControlPlane;
  readonly leases: Leases;
  readonly faults: PlannedFaults;
  readonly log: (line: string) => void;
}

type Note = (change: Partial<RestoreJournal>) => Promise<RestoreJournal>;

export class Restores {
  private readonly parts: RestoreParts;
  private readonly underWay = new Map<string, Promise<LabRestoreResult>>();

  constructor(parts: RestoreParts) {
    this.parts = parts;
  }

  /** The restore that a dead supervisor left behind, if any: data may be half replaced. */
  async unfinished(): Promise<RestoreJournal | undefined> {
    const latest = (await listJournals(this.parts.layout.restores)).at(-1);
    return latest === undefined || latest.state === 'done' ? undefined : latest;
  }

  async status(restoreId: string): Promise<LabRestoreStatus | undefined> {
    const journal = await readJournal(this.parts.layout.restores, restoreId);
    if (journal === undefined) return undefined;
    return { restoreId, state: journal.state, phase: journal.phase };
  }

  /**
   * Resolves when the control plane serves the snapshot's state; tells the members that it went on
   * without (E5). The same id joins the restore that runs, goes on with one that failed, and is a
   * no-op for one that is done. Throws LabProblemError `restore-failed` or `unknown-version`.
   */
  async restore(order: LabRestoreRequest): Promise<LabRestoreResult> {
    const running = this.underWay.get(order.restoreId);
    if (running !== undefined) return running;
    const work = this.begin(order).finally(() => this.underWay.delete(order.restoreId));
    this.underWay.set(order.restoreId, work);
    return work;
  }

  /** Goes on with a journal that is not done (E2). */
  async resume(journal: RestoreJournal): Promise<void> {
    await this.restore(journal);
  }

  private async begin(order: LabRestoreRequest): Promise<LabRestoreResult> {
    const { binaries, lab, layout } = this.parts;
    const found = await readJournal(layout.restores, order.restoreId);
    if (found?.state === 'done') return resultOf(found);
    if ((await binaries.kube(order.version)) === undefined) {
      throw notInstalled(`Kubernetes ${order.version}`);
    }
    const tools = await this.etcdOf(order);
    if (found?.restored.length === lab.members.length) {
      // The file has done its work and may be gone.
      return this.run({ ...found, state: 'running' });
    }
    const snapshotFile = await this.keepSnapshot(order);
    const snapshotRevision = await this.inspect(snapshotFile, tools.etcdutl);
    const { restoreId, version, etcdVersion } = order;
    const by = { version, ...(etcdVersion === undefined ? {} : { etcdVersion }) };
    const journal =
      found ?? newJournal({ restoreId, snapshotFile, snapshotRevision, ...by }, Date.now());
    return this.run({ ...journal, snapshotFile, state: 'running' });
  }

  /** E7. What the snapshot was taken by; what runs where nobody says so. */
  private async etcdOf({ etcdVersion }: { readonly etcdVersion?: string | undefined }) {
    const { binaries, controlPlane, lab } = this.parts;
    const [first] = lab.members;
    const version = etcdVersion ?? controlPlane.etcd.versionOf(first?.name ?? '');
    const found = await binaries.etcdOf(version);
    if (found === undefined) throw notInstalled(`etcd ${version}`);
    return found;
  }

  private async stopEtcd({ etcdVersion }: RestoreJournal): Promise<void> {
    const { etcd } = this.parts.controlPlane;
    await etcd.kill();
    if (etcdVersion !== undefined) await etcd.setVersion(etcdVersion);
  }

  /** E1. A copy that is no good is not kept: the next order may name a better file. */
  private async inspect(copy: string, etcdutl: string): Promise<number> {
    try {
      return await inspectSnapshot(copy, etcdutl);
    } catch (error) {
      await rm(copy, { force: true });
      throw error;
    }
  }

  /** E6. Shares its blocks with the original where the file system can. */
  private async keepSnapshot({ restoreId, snapshotFile }: LabRestoreRequest): Promise<string> {
    const { restores } = this.parts.layout;
    const copy = snapshotCopy(restores, restoreId);
    if (copy === snapshotFile || (await exists(copy))) return copy;
    const part = `${copy}.part`;
    try {
      await mkdir(restores, { recursive: true, mode: 0o700 });
      await copyFile(snapshotFile, part, constants.COPYFILE_FICLONE);
      await chmod(part, 0o600);
      const handle = await open(part, 'r+');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(part, copy);
      await syncDirectory(restores);
      return copy;
    } catch (error) {
      // It would keep a full disk full.
      await rm(part, { force: true });
      throw new LabProblemError(
        'restore-failed',
        `snapshot ${snapshotFile} cannot be copied, nothing was stopped: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  private async run(start: RestoreJournal): Promise<LabRestoreResult> {
    const { faults, layout, log } = this.parts;
    let journal = start;
    const note: Note = async (change) => {
      journal = { ...journal, ...change };
      await writeJournal(layout.restores, journal);
      return journal;
    };
    try {
      await note({ seenRevision: await this.seen(journal) });
      const steps: readonly (readonly [RestorePhase, () => Promise<unknown>])[] = [
        [
          'stopping-control-plane',
          async () => {
            await this.parts.controlPlane.killApiServersAndControllers();
            await note(await this.chooseTarget(journal));
          },
        ],
        ['stopping-etcd', () => this.stopEtcd(journal)],
        ['restoring-data', () => this.restoreData(journal, note)],
        ['starting-etcd', () => this.startEtcd(journal, note)],
        ['starting-api-servers', () => this.startApiServers(journal)],
        ['starting-controllers', () => this.parts.controlPlane.controllersHealthy()],
      ];
      for (const [phase, work] of steps) {
        log(`restore ${journal.restoreId}: ${phase}`);
        await note({ phase });
        await faults.reached(phase);
        await work();
      }
      await note({ state: 'done', phase: 'done' });
      log(`restore ${journal.restoreId}: done`);
      await this.pruneReplaced();
      await rm(snapshotCopy(layout.restores, journal.restoreId), { force: true });
      return resultOf(journal);
    } catch (error) {
      const problem = `${journal.phase}: ${messageOf(error)}`;
      log(`restore ${journal.restoreId} failed: ${problem}`);
      await note({ state: 'failed', problem });
      throw new LabProblemError('restore-failed', `restore ${journal.restoreId}: ${problem}`, {
        cause: error,
      });
    }
  }

  /** Never undefined again once it was known: a later pass finds etcd stopped. */
  private async seen(journal: RestoreJournal): Promise<number> {
    const { lab, probes, state } = this.parts;
    const revisions = await Promise.all(lab.members.map((member) => probes.etcdRevision(member)));
    return Math.max(
      journal.seenRevision ?? 0,
      state.current.highestRevision,
      ...revisions.map((revision) => revision ?? 0),
    );
  }

  /** E3, once nobody can write any more. */
  private async chooseTarget(journal: RestoreJournal): Promise<Partial<RestoreJournal>> {
    if (journal.targetRevision !== undefined) return {};
    const { lab, probes, state } = this.parts;
    const answers = await Promise.all(lab.members.map((member) => probes.etcdRevision(member)));
    const revisions = answers.filter((revision) => revision !== undefined);
    const isKnown = revisions.length * 2 > lab.members.length;
    const target = targetRevision({
      snapshotRevision: journal.snapshotRevision,
      highestRevision: Math.max(state.current.highestRevision, journal.seenRevision ?? 0),
      seen: isKnown ? Math.max(journal.seenRevision ?? 0, ...revisions) : undefined,
    });
    await state.update((current) => ({
      ...current,
      etcdToken: journal.token,
      highestRevision: Math.max(current.highestRevision, target),
    }));
    return { targetRevision: target };
  }

  private async restoreData(journal: RestoreJournal, note: Note): Promise<void> {
    const { lab, log } = this.parts;
    const left = lab.members.filter((member) => !journal.restored.includes(member.name));
    const made = await Promise.allSettled(left.map((member) => this.makeData(journal, member)));
    const failed = left.flatMap((member, index): readonly LostEtcd[] => {
      const data = made[index];
      if (data?.status !== 'rejected') return [];
      return [{ member: member.name, problem: messageOf(data.reason) }];
    });
    const [first] = failed;
    if (first !== undefined && (lab.members.length - failed.length) * 2 <= lab.members.length) {
      throw new Error(`no quorum could be restored; ${first.member}: ${first.problem}`);
    }
    for (const { member, problem } of failed) log(`goes on without etcd of ${member}: ${problem}`);
    let restored = journal.restored;
    for (const [index, member] of left.entries()) {
      const data = made[index];
      await this.swapData(journal, member, data?.status === 'fulfilled' ? data.value : undefined);
      if (data?.status !== 'fulfilled') continue;
      restored = [...restored, member.name];
      await note({ restored });
    }
    await this.noteLost(note, failed);
  }

  /** It is in the state of the machines as well: no later start of the lab may start them. */
  private async noteLost(note: Note, lost: readonly LostEtcd[]): Promise<void> {
    await this.parts.state.update((current) => ({
      ...current,
      etcdLost: lost.map(({ member }) => member),
      etcdJoining: [],
    }));
    await note({ lost });
  }

  private async makeData(journal: RestoreJournal, member: LabMember): Promise<string> {
    const { faults, lab, layout } = this.parts;
    const { etcdutl } = await this.etcdOf(journal);
    const dataDir = `${etcdDataDir(layout, member)}.restoring`;
    faults.requireDisk(member.name);
    // etcdutl refuses a directory that a killed predecessor left half filled.
    await rm(dataDir, { recursive: true, force: true });
    const target = journal.targetRevision ?? 0;
    const flags = etcdRestoreFlags(
      { lab, layout, member },
      {
        token: journal.token,
        dataDir,
        bumpRevision: target - journal.snapshotRevision,
      },
    );
    await execute(etcdutl, ['snapshot', 'restore', journal.snapshotFile, ...flags], {
      timeout: etcdutlTimeoutMs,
    });
    return dataDir;
  }

  /**
   * E4. When the old data is aside already, what stands in its place is an earlier attempt. The
   * journal says "restored" only after this, so the renames have to last. Without `fresh`, data of
   * the old cluster is put aside all the same: it must not meet the new one.
   */
  private async swapData(
    journal: RestoreJournal,
    member: LabMember,
    fresh: string | undefined,
  ): Promise<void> {
    const { layout } = this.parts;
    const current = etcdDataDir(layout, member);
    const aside = `${current}.before-${encodeURIComponent(journal.restoreId)}`;
    if (await exists(aside)) await rm(current, { recursive: true, force: true });
    else if (await exists(current)) await rename(current, aside);
    if (fresh !== undefined) await rename(fresh, current);
    await syncDirectory(layout.etcd);
  }

  private async startEtcd(journal: RestoreJournal, note: Note): Promise<void> {
    const { controlPlane, lab, log, probes } = this.parts;
    const away = await controlPlane.etcd.startRestored(journal.restored);
    for (const { member, problem } of away) log(`goes on without etcd of ${member}: ${problem}`);
    const lost = [...(journal.lost ?? []), ...away];
    if (away.length > 0) await this.noteLost(note, lost);
    const there = lab.members.filter(({ name }) => !lost.some(({ member }) => member === name));
    await mustHold(
      'all etcd members had the same content',
      async () => {
        // Nobody writes yet, so the latest revision is the same one everywhere.
        const hashes = await Promise.all(there.map((member) => probes.etcdHash(member)));
        return hashes[0] !== undefined && hashes.every((hash) => hash === hashes[0]);
      },
      hashTimeoutMs,
    );
  }

  private async startApiServers(journal: RestoreJournal): Promise<void> {
    const { controlPlane, leases, state } = this.parts;
    const { version } = journal;
    await state.setMembers({
      apiServer: version,
      controllers: version,
      apiServerEmulates: undefined,
      controllersEmulate: undefined,
    });
    await controlPlane.startApiServers(async () => {
      // The snapshot names holders that ended long ago.
      await leases.forgetLeaders();
      await controlPlane.startControllers();
      await controlPlane.kwok.start();
    });
  }

  private async pruneReplaced(): Promise<void> {
    const { layout } = this.parts;
    const kept = (await listJournals(layout.restores))
      .slice(-keptRestores)
      .map((journal) => `.before-${encodeURIComponent(journal.restoreId)}`);
    const names = await readdir(layout.etcd);
    const old = names.filter(
      (name) => name.includes('.before-') && !kept.some((suffix) => name.endsWith(suffix)),
    );
    await Promise.all(
      old.map((name) => rm(path.join(layout.etcd, name), { recursive: true, force: true })),
    );
  }
}

function notInstalled(what: string): LabProblemError {
  const message = `${what} is not installed here; nothing was stopped`;
  return new LabProblemError('unknown-version', message);
}

function resultOf({ lost = [] }: RestoreJournal): LabRestoreResult {
  return { lost };
}
