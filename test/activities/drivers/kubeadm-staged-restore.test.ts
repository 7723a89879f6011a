// What is asked of the machines of a control plane, and in which order, with machines that answer
// by the scripts that they get.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { createKubeadmDriver } from '../../../activities/drivers/kubeadm-driver';
import { restoreStaged } from '../../../activities/drivers/kubeadm-staged-restore';
import {
  stagedKnownScript,
  stageFactsScript,
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
const target = 100_000_000_050;
const aboutOf = (cluster: string, goesOn = target) =>
  `Kubernetes 1.28.15, etcd 3.5.15, revision 7, to go on at ${goesOn} as` +
  ` ascent-${sha256.slice(0, 12)}-${goesOn} with ${cluster}, SHA-256 ${sha256}`;
const urlOf = (name: string) => `${name}=https://${name}:2380`;
const about = aboutOf(urlOf('cp-1'));
const order = {
  snapshotFile,
  snapshotRevision: 7,
  version: version('1.28.15'),
  etcdVersion: '3.5.15',
};
const away = () => new PortError('unreachable', 'connection refused');

/** What a script is for, by what it says itself. */
function kindOf({ script, args, input }: RootScript): string {
  if (script === stagedKnownScript) return `known ${args[0]}`;
  if (script === stageFactsScript) return 'facts';
  if (script === unstageScript) return 'unstage';
  if (input !== undefined) return `receive ${input.bytes}`;
  if (script.includes('sha256sum') && args.length === 2) return 'received';
  return args[2] === undefined ? 'place' : `${args[2]} ${args[1]} ${args[6]}`.trim();
}

class PlayedMachine {
  readonly asked: string[] = [];
  readonly scripts = new Map<string, string>();
  staged = '';
  begun = '';
  present = '50';
  isReceived = false;
  /** Thrown by the next connections, one each. */
  readonly away: PortError[] = [];
  /** Thrown by every one, if it is there. */
  gone: PortError | undefined;
  /** What is logged as the limit of a step, in seconds. */
  readonly limits: string[] = [];
  /** What a step answers that its operation ends so; others end well. */
  readonly answers = new Map<string, string>();

  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  connect(): ReturnType<Machines['connect']> {
    const error = this.away.shift() ?? this.gone;
    if (error !== undefined) return Promise.reject(error);
    return Promise.resolve({ run: (asked) => this.#run(asked), close: () => undefined });
  }

  machines(): Machines {
    return playedMachines([this]);
  }

  async #run(asked: RootScript) {
    const kind = kindOf(asked);
    this.asked.push(kind);
    this.scripts.set(kind, asked.script);
    for await (const _part of asked.input?.stream ?? []);
    if (/^(begin|look) /.test(kind)) this.limits.push(asked.args[5] ?? '');
    const code = kind === 'received' && !this.isReceived ? 1 : 0;
    return { code, output: Buffer.from(this.#answer(kind)), complaints: [] };
  }

  #answer(kind: string): string {
    if (kind.startsWith('known')) return `${this.begun}${this.staged}\n`;
    if (kind === 'facts') return `member: ${urlOf(this.name)}\npresent: ${this.present}\n`;
    const [verb = '', operation = ''] = kind.split(' ');
    if (verb !== 'begin' && verb !== 'look') return '';
    for (const [ending, answer] of this.answers) if (operation.endsWith(ending)) return answer;
    return 'ended 0\n';
  }
}

function playedMachines(all: readonly PlayedMachine[]): Machines {
  return {
    names: [...all.map(({ name }) => name), 'worker-1'],
    needApiServer: true,
    connect: (name) => {
      const machine = all.find((one) => one.name === name);
      return machine?.connect() ?? Promise.reject(away());
    },
  };
}

describe('the way back of a control plane of one machine, by jobs', () => {
  let machine: PlayedMachine;

  beforeAll(() => writeFileSync(snapshotFile, content));
  beforeEach(() => {
    machine = new PlayedMachine('cp-1');
  });

  const driver = (members = ['cp-1']) =>
    createKubeadmDriver({
      machines: machine.machines(),
      access: { packages: { kind: 'apt' } },
      members: members as MemberName[],
      pollMs: 1,
    }).controlPlane;

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
      'known none',
      'begin op-1-stage',
      'facts',
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
    expect(machine.asked.slice(1)).toEqual(['begin op-1-stage', 'facts', 'received', 'place']);
    machine.asked.length = 0;
    machine.staged = about;
    await driver().stageRestore?.(order, aContext());
    expect(machine.asked).toEqual(['known none']);
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
      'known a%2Fb',
      'begin restore-a%2Fb-alone etcd',
      'begin restore-a%2Fb-staged control-plane',
    ]);
    expect(machine.limits).toEqual(['21600', '21600']);
  });

  it('is followed, and staged no more, once it was begun', async () => {
    machine.begun = 'begun\n';
    machine.staged = about;
    await driver().restore({ ...order, restoreId: 'one' }, aContext());
    expect(machine.asked).toEqual([
      'known one',
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
    machine.staged = about;
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

describe('the way back of a control plane of three machines, by jobs', () => {
  const names = ['cp-1', 'cp-2', 'cp-3'] as unknown as readonly [MemberName, ...MemberName[]];
  const cluster = names.map(urlOf).join(',');
  const shared = aboutOf(cluster);
  let all: readonly [PlayedMachine, PlayedMachine, PlayedMachine];

  beforeAll(() => writeFileSync(snapshotFile, content));
  beforeEach(() => {
    all = [new PlayedMachine('cp-1'), new PlayedMachine('cp-2'), new PlayedMachine('cp-3')];
    for (const machine of all) machine.staged = shared;
  });

  const options = (behindMs: number) =>
    ({ machines: playedMachines(all), members: names, pollMs: 1, behindMs }) as const;
  const restore = (context = aContext(), behindMs = 60_000) =>
    restoreStaged(options(behindMs), { ...order, restoreId: 'one' }, context);
  const driver = () =>
    createKubeadmDriver({ ...options(60_000), access: { packages: { kind: 'apt' } } });
  const begunAll = [
    'known one',
    'begin restore-one-look',
    'begin restore-one-alone etcd',
    'begin restore-one-staged control-plane',
  ];

  it('lets all of it be changed', () => {
    expect(driver().controlPlane).toMatchObject({
      driver: 'kubeadm',
      drives: ['node', 'member', 'putBack', 'etcd', 'restore', 'repairEtcd', 'images'],
    });
  });

  it('is staged alike on all of them, above the newest of what they tell', async () => {
    const [first, second, third] = all;
    for (const machine of all) machine.staged = '';
    second.present = '70';
    third.present = '';
    const heard = aContext();
    await driver().controlPlane.stageRestore?.(order, heard);
    const staged = aboutOf(cluster, 100_000_000_070);
    expect(heard.logged.toSorted()).toEqual(
      names.map((name) => `${name}: the way back is staged in /var/lib/ascent/way-back: ${staged}`),
    );
    expect(first.scripts.get('place')).toContain(staged);
    expect(new Set(all.map(({ scripts }) => scripts.get('place'))).size).toBe(1);
  });

  it('comes to what one of them has already', async () => {
    all[1].staged = '';
    await driver().controlPlane.stageRestore?.(order, aContext());
    expect(all.map(({ asked }) => asked.length)).toEqual([1, 6, 1]);
    expect(all[1].scripts.get('place')).toContain(shared);
  });

  it('is staged nowhere where a machine cannot have it', async () => {
    for (const machine of all) machine.staged = '';
    const refused = (name: string) =>
      `staging the way back on machine ${name} is refused: it has no room`;
    all[0].answers.set('-stage', 'ended 77\nit has no room\n');
    all[2].answers.set('-stage', 'ended 77\nit has no room\n');
    const staging = driver().controlPlane.stageRestore?.(order, aContext());
    expect(await refusalOf(staging ?? Promise.resolve())).toEqual({
      code: 'rejected',
      message: `${refused('cp-1')}; ${refused('cp-3')}`,
    });
    expect(all.flatMap(({ asked }) => asked).filter((kind) => kind === 'place')).toEqual([]);
  });

  it('is looked at everywhere before it is begun anywhere', async () => {
    expect(await restore()).toEqual({ lost: [] });
    expect(all.map(({ asked }) => asked)).toEqual([begunAll, begunAll, begunAll]);
    all[1].answers.set('-look', 'ended 77\nthere is no kube-scheduler.yaml\n');
    for (const machine of all) machine.asked.length = 0;
    expect(await refusalOf(restore())).toEqual({
      code: 'rejected',
      message:
        'looking whether it can be restored to 1.28.15 on machine cp-2 is refused:' +
        ' there is no kube-scheduler.yaml',
    });
    const looked = begunAll.slice(0, 2);
    expect(all.map(({ asked }) => asked)).toEqual([looked, looked, looked]);
  });

  it('is begun where it was not, with what it was begun with elsewhere', async () => {
    const [first, second, third] = all;
    const begun = aboutOf(cluster, 100_000_000_900);
    first.begun = 'begun\n';
    first.staged = begun;
    third.staged = '';
    expect(await restore()).toEqual({ lost: [] });
    expect(first.asked).toEqual(begunAll.filter((kind) => !kind.includes('look')));
    expect(third.asked.slice(-4)).toEqual(['place', ...begunAll.slice(1)]);
    for (const machine of [second, third]) {
      expect(machine.scripts.get('place')).toContain(begun);
      expect(machine.scripts.get('begin restore-one-staged control-plane')).toContain(begun);
    }
  });

  it('is refused where it was begun with different ones', async () => {
    all[0].begun = 'begun\n';
    all[1].begun = 'begun\n';
    all[1].staged = about;
    expect(await refusalOf(restore())).toEqual({
      code: 'unexpected',
      message: `members were begun with different ways back: ${shared} | ${about}`,
    });
  });

  it('says on which machines it can be begun by hand, and finds it', async () => {
    for (const machine of all) machine.away.push(away());
    const heard = aContext();
    expect(await restore(heard)).toEqual({ lost: [] });
    expect(heard.phases[0]).toMatch(
      /^no API server has let us onto machines cp-1, cp-2, cp-3 since 2\S+Z \(connection refused/,
    );
    expect(heard.phases[0]).toContain(
      ' to restore them without one, run on each of them as root:' +
        ' sh /var/lib/ascent/way-back/restore one',
    );
  });

  it('goes on without a member that lets nobody in while the others do', async () => {
    all[2].gone = away();
    expect(await restore(aContext(), 0)).toEqual({
      lost: [{ member: 'cp-3', problem: 'connection refused' }],
    });
    expect(all.map(({ asked }) => asked)).toEqual([begunAll, begunAll, []]);
  });

  it('does not go on without a quorum', async () => {
    all[1].gone = away();
    all[2].gone = away();
    const late = await refusalOf(restore(aContext({ limitMs: 0 }), 0));
    expect(late.code).toBe('unreachable');
    expect(late.message).toContain('no API server has let us onto machines cp-2, cp-3 since 2');
  });

  it('leaves one behind that is not done when the others are', async () => {
    all[1].answers.set('-staged', 'running\n');
    const heard = aContext();
    expect(await restore(heard, 0)).toEqual({
      lost: [
        {
          member: 'cp-2',
          problem:
            'machine cp-2 was not done 0 s after the others; it goes on by itself where it was' +
            ' begun, and else by: sh /var/lib/ascent/way-back/restore one',
        },
      ],
    });
    expect(heard.logged.at(-1)).toMatch(/^goes on without cp-2: machine cp-2 was not done/);
  });

  it('leaves one behind that fails, or is refused when the others were begun', async () => {
    all[0].answers.set('-staged', 'ended 1\nno luck\n');
    const problem = 'restoring Kubernetes 1.28.15 on machine cp-1 failed with 1: no luck';
    expect(await restore()).toEqual({ lost: [{ member: 'cp-1', problem }] });
    all[0].answers.set('-look', 'ended 77\nit is not among them\n');
    all[1].begun = 'begun\n';
    all[2].begun = 'begun\n';
    const lost = {
      member: 'cp-1',
      problem:
        'looking whether it can be restored to 1.28.15 on machine cp-1 is refused:' +
        ' it is not among them',
    };
    expect(await restore()).toEqual({ lost: [lost] });
  });

  it('is over where no quorum can come any more', async () => {
    all[0].answers.set('-staged', 'running\n');
    all[1].answers.set('-staged', 'ended 1\nno luck\n');
    all[2].answers.set('-staged', 'ended 1\nno luck\n');
    expect(await refusalOf(restore())).toEqual({
      code: 'unexpected',
      message: 'restoring Kubernetes 1.28.15 on machine cp-2 failed with 1: no luck',
    });
    all[1].answers.set('-staged', 'ended 77\nthere is no room\n');
    expect(await refusalOf(restore())).toEqual({
      code: 'rejected',
      message: 'restoring Kubernetes 1.28.15 on machine cp-2 is refused: there is no room',
    });
  });

  it('ends with the worker', async () => {
    const controller = new AbortController();
    const reason = new Error('the worker stops');
    all[0].answers.set('-staged', 'running\nphase: stopping etcd\n');
    const stopping = aContext({
      signal: controller.signal,
      onPhase: (phase) => {
        if (phase === 'cp-1: stopping etcd') controller.abort(reason);
      },
    });
    await expect(restore(stopping)).rejects.toBe(reason);
  });

  it('is removed everywhere', async () => {
    await driver().controlPlane.unstageRestore?.(never);
    expect(all.map(({ asked }) => asked)).toEqual([['unstage'], ['unstage'], ['unstage']]);
    all[1].gone = away();
    const removing = driver().controlPlane.unstageRestore?.(never) ?? Promise.resolve();
    expect((await refusalOf(removing)).code).toBe('unreachable');
    expect(all[2].asked).toEqual(['unstage', 'unstage']);
  });
});

describe('machines that are reached by way of an API server', () => {
  it.each(['forbidden', 'unauthorized', 'unexpected'] as const)(
    'are away while it says %s',
    async (code) => {
      const machine = new PlayedMachine('cp-1');
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
