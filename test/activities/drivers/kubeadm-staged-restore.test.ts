// What is asked of the one machine of a control plane, and in which order, with a machine that
// answers by the script that it gets.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { createKubeadmDriver } from '../../../activities/drivers/kubeadm-driver';
import {
  stagedAboutScript,
  stagedBegunScript,
  unstageScript,
} from '../../../activities/drivers/kubeadm-staged-scripts';
import type { Machines, RootScript } from '../../../activities/drivers/machine-shell';
import { patientMachines } from '../../../activities/drivers/patient-machines';
import { PortError } from '../../../activities/ports';
import type { MemberName } from '../../../domain/names';
import { version } from '../../support/builders';
import { never, refusalOf } from '../adapters/support/refusals';
import { temporaryDirectory } from '../adapters/support/temporary-directory';
import { aContext } from './support/programs';

const directory = temporaryDirectory();
const snapshotFile = path.join(directory, 'snapshot.db');
const content = 'what etcd held';
const sha256 = createHash('sha256').update(content).digest('hex');
const about = `Kubernetes 1.28.15, etcd 3.5.15, revision 7, SHA-256 ${sha256}`;
const order = {
  snapshotFile,
  snapshotRevision: 7,
  version: version('1.28.15'),
  etcdVersion: '3.5.15',
};

/** What a script is for, by what it says itself. */
function kindOf({ script, args, input }: RootScript): string {
  if (script === stagedAboutScript) return 'about';
  if (script === stagedBegunScript) return `begun ${args[0]}`;
  if (script === unstageScript) return 'unstage';
  if (input !== undefined) return `receive ${input.bytes}`;
  if (script.includes('sha256sum') && args.length === 2) return 'received';
  return args[2] === undefined ? 'place' : `${args[2]} ${args[1]} ${args[6]}`.trim();
}

class PlayedMachine {
  readonly asked: string[] = [];
  staged = '';
  begun = '';
  isReceived = false;
  /** Thrown by the next connections, one each. */
  readonly away: PortError[] = [];
  /** What is logged as the limit of a step, in seconds. */
  readonly limits: string[] = [];

  machines(): Machines {
    return {
      names: ['cp-1', 'worker-1'],
      needApiServer: true,
      connect: () => {
        const error = this.away.shift();
        if (error !== undefined) return Promise.reject(error);
        return Promise.resolve({ run: (asked) => this.#run(asked), close: () => undefined });
      },
    };
  }

  async #run(asked: RootScript) {
    const kind = kindOf(asked);
    this.asked.push(kind);
    for await (const _part of asked.input?.stream ?? []);
    if (/^(begin|look) /.test(kind)) this.limits.push(asked.args[5] ?? '');
    const code = kind === 'received' && !this.isReceived ? 1 : 0;
    return { code, output: Buffer.from(this.#answer(kind)), complaints: [] };
  }

  #answer(kind: string): string {
    if (kind === 'about') return this.staged;
    if (kind.startsWith('begun')) return this.begun;
    return /^(begin|look) /.test(kind) ? 'ended 0\n' : '';
  }
}

describe('the way back of a control plane of one machine, by jobs', () => {
  let machine: PlayedMachine;

  beforeAll(() => writeFileSync(snapshotFile, content));
  beforeEach(() => {
    machine = new PlayedMachine();
  });

  const driver = (members = ['cp-1']) =>
    createKubeadmDriver({
      machines: machine.machines(),
      access: { packages: { kind: 'apt' } },
      members: members as MemberName[],
      pollMs: 1,
    }).controlPlane;
  const away = () => new PortError('unreachable', 'connection refused');

  it('lets all of it be changed', () => {
    expect(driver()).toMatchObject({
      driver: 'kubeadm',
      changedAs: 'member',
      drives: ['node', 'member', 'putBack', 'etcd', 'restore', 'repairEtcd', 'images'],
    });
    expect(driver(['cp-2'])).toMatchObject({ driver: 'kubeadm', drives: ['node', 'images'] });
    expect(driver(['cp-2'])).not.toHaveProperty('stageRestore');
  });

  it('is looked for, checked, sent and put in place', async () => {
    const heard = aContext();
    await driver().stageRestore?.(order, heard);
    expect(machine.asked).toEqual([
      'about',
      'begin op-1-stage',
      'received',
      `receive ${content.length}`,
      'place',
    ]);
    expect(heard.logged).toEqual([
      `cp-1: the way back is staged in /var/lib/ascent/way-back: ${about}`,
    ]);
  });

  it('is not staged again, nor sent again', async () => {
    machine.isReceived = true;
    await driver().stageRestore?.(order, aContext());
    expect(machine.asked).toEqual(['about', 'begin op-1-stage', 'received', 'place']);
    machine.asked.length = 0;
    machine.staged = `${about}\n`;
    await driver().stageRestore?.(order, aContext());
    expect(machine.asked).toEqual(['about']);
  });

  it('is refused where the snapshot cannot be read', async () => {
    const gone = { ...order, snapshotFile: path.join(directory, 'gone.db') };
    const refused = await refusalOf(driver().stageRestore?.(gone, aContext()) ?? Promise.resolve());
    expect(refused.code).toBe('rejected');
    expect(refused.message).toContain(`reading ${gone.snapshotFile}: `);
    expect(machine.asked).toEqual([]);
  });

  it('is taken by two steps of the machine, longer than an attempt', async () => {
    machine.staged = about;
    const restored = await driver().restore({ ...order, restoreId: 'a/b' }, aContext());
    expect(restored).toEqual({ lost: [] });
    expect(machine.asked).toEqual([
      'begun a%2Fb',
      'about',
      'begin restore-a%2Fb-alone etcd',
      'begin restore-a%2Fb-staged control-plane',
    ]);
    expect(machine.limits).toEqual(['21600', '21600']);
  });

  it('is followed, and staged no more, once it was begun', async () => {
    machine.begun = 'begun\n';
    await driver().restore({ ...order, restoreId: 'one' }, aContext());
    expect(machine.asked).toEqual([
      'begun one',
      'begin restore-one-alone etcd',
      'begin restore-one-staged control-plane',
    ]);
  });

  it('waits for an API server, and says what to run meanwhile', async () => {
    machine.staged = about;
    machine.away.push(away(), new PortError('forbidden', 'it knows no rights yet'));
    const heard = aContext();
    await driver().restore({ ...order, restoreId: 'one' }, heard);
    expect(machine.asked.at(-1)).toBe('begin restore-one-staged control-plane');
    const command = 'to restore it without one, run there as root: sh /var/lib/ascent/way-back';
    const since = 'no API server has let us onto machine cp-1 since 2';
    expect(heard.phases).toEqual([
      expect.stringContaining(`Z (connection refused): ${command}/restore one`),
      expect.stringContaining(`Z (it knows no rights yet): ${command}/restore one`),
    ]);
    expect(heard.phases.filter((phase) => phase.startsWith(since))).toHaveLength(2);
  });

  it('says where to look while the machine goes on by itself', async () => {
    machine.begun = 'begun\n';
    const played = machine.machines();
    let connections = 0;
    const lost: Machines = {
      ...played,
      connect: (name, signal) => {
        connections += 1;
        // The question, the first step; then the API server goes away for two looks.
        if (connections === 3 || connections === 4) return Promise.reject(away());
        return played.connect(name, signal);
      },
    };
    const { controlPlane } = createKubeadmDriver({
      machines: lost,
      access: { packages: { kind: 'apt' } },
      members: ['cp-1'] as unknown as MemberName[],
      pollMs: 1,
    });
    const heard = aContext();
    await controlPlane.restore({ ...order, restoreId: 'one' }, heard);
    expect(heard.phases).toHaveLength(2);
    expect(heard.phases[0]).toMatch(
      /^cp-1: no API server has answered since 2\S+Z: machine cp-1 restores itself, and tells how/,
    );
    expect(heard.phases[0]).toContain(
      'far it is in /var/lib/ascent/operations/restore-one-staged/output; should it have stopped,' +
        ' run there as root: sh /var/lib/ascent/way-back/restore one',
    );
  });

  it('gives up with the attempt', async () => {
    machine.away.push(away());
    const context = aContext({ limitMs: 0 });
    const late = await refusalOf(driver().restore({ ...order, restoreId: 'one' }, context));
    expect(late.code).toBe('unreachable');
    expect(late.message).toMatch(/^no API server has let us onto machine cp-1 since 2/);
    expect(late.message).toContain(' (connection refused): to restore it without one, run there');
    const named = () => new PortError('rejected', 'it calls itself cp-2');
    machine.away.push(named());
    const other = refusalOf(driver().restore({ ...order, restoreId: 'one' }, aContext()));
    expect(await other).toEqual({ code: 'rejected', message: 'it calls itself cp-2' });
    const controller = new AbortController();
    const reason = new Error('the worker stops');
    machine.away.push(away());
    const stopping = aContext({
      signal: controller.signal,
      onPhase: () => controller.abort(reason),
    });
    const stopped = driver().restore({ ...order, restoreId: 'one' }, stopping);
    await expect(stopped).rejects.toBe(reason);
  });

  it('is removed', async () => {
    await driver().unstageRestore?.(never);
    expect(machine.asked).toEqual(['unstage']);
  });
});

describe('machines that are reached by way of an API server', () => {
  it.each(['forbidden', 'unauthorized', 'unexpected'] as const)(
    'are away while it says %s',
    async (code) => {
      const machine = new PlayedMachine();
      machine.away.push(new PortError(code, 'not yet'), new PortError('rejected', 'another name'));
      const machines = patientMachines(machine.machines());
      const refusals = [
        await refusalOf(machines.connect('cp-1', never)),
        await refusalOf(machines.connect('cp-1', never)),
      ];
      expect(refusals).toEqual([
        { code: 'unreachable', message: 'not yet' },
        { code: 'rejected', message: 'another name' },
      ]);
      await machines.connect('cp-1', never);
    },
  );
});
