// When the lease of a component is freed for the one that follows it, by a real sh, processes that
// files tell of, and a kubectl that keeps one lease.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

import { keepScript } from '../../../activities/drivers/kubeadm-kept';
import { mirrorPodsScript } from '../../../activities/drivers/kubeadm-mirror-pods';
import { programsScript } from '../../../activities/drivers/kubeadm-programs';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { version } from '../../support/builders';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const to = version('1.29.15');
const manager = 'kube-controller-manager';
const mine = (uuid: string) => `${hostname()}_${uuid}`;

const kubectl = `
case "$*" in
  *"get lease ${manager} "*) echo get >> asked; [ ! -e away ] && cat lease ;;
  *"patch lease ${manager} "*)
    echo patch >> asked
    [ ! -e taken ] || mv taken lease
    there='"path":"/spec/holderIdentity"'
    test='[{"op":"test",'$there',"value":"'$(cat lease)'"}'
    case "$*" in *"$test,"'{"op":"remove",'"$there}]") : > lease ;; *) exit 1 ;; esac
    ;;
  *) exit 1 ;;
esac`;

interface Process {
  readonly started: number;
  readonly called?: string;
  readonly name?: string;
}

describe('the lease of a component', () => {
  const directory = temporaryDirectory();
  const at = (name: string) => path.join(directory, name);
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  const read = (name: string) => readFileSync(at(name), 'utf8');
  /** As lines of sh: what runs from then on. */
  const processes = (those: Readonly<Record<number, Process>>) => {
    const made = Object.entries(those).map(([id, { started, called = manager, name }]) => {
      const between = Array.from({ length: 18 }, (_, index) => index).join(' ');
      const stat = `${id} (${name ?? called.slice(0, 15)}) S ${between} ${started} 4096 7`;
      return `mkdir -p ${at(`proc/${id}`)}
printf '%s\\n' '${stat}' > ${at(`proc/${id}/stat`)}
printf '%s\\0--leader-elect=true\\0' '${called}' > ${at(`proc/${id}/cmdline`)}`;
    });
    return [`rm -rf ${at('proc')}; mkdir ${at('proc')}`, ...made].join('\n');
  };
  const lease = (holder: string) => `printf '%s' '${holder}' > ${at('lease')}`;
  const looks = (...worlds: readonly string[]) => {
    const head = `${scriptHead}${programsScript({ kind: 'binaries', directory: '/none' }, to)}`;
    const each = worlds.map((world) => `${world}\nheed_lease ${manager} || true`);
    const input = `${head}${keepScript(directory)}${mirrorPodsScript('cp-1')}
PATH=${at('bin')}:$PATH holder=
${each.join('\n')}
echo "noted: $holder"`;
    const { status, stdout } = spawnSync('/bin/sh', ['-s'], { input, encoding: 'utf8' });
    return { status, said: stdout.trim().split('\n'), lease: read('lease') };
  };

  beforeEach(() => {
    for (const each of ['away', 'taken', 'asked', 'proc']) {
      rmSync(at(each), { recursive: true, force: true });
    }
    write('bin/kubectl', `#!/bin/sh\ncd ${directory}\n${kubectl}\n`);
    chmodSync(at('bin/kubectl'), 0o755);
    write('lease', '');
  });

  const running = `${processes({ 40: { started: 900 } })}\n${lease(mine('5c1b'))}`;

  it('is freed when who held it has ended, and another has begun', () => {
    expect(looks(running, processes({ 52: { started: 1_900 } }))).toEqual({
      status: 0,
      said: [`the lease of ${manager} is free: ${mine('5c1b')} has ended`, 'noted:'],
      lease: '',
    });
  });

  it.each([
    ['has the same id', { 40: { started: 1_900 } }],
    ['is not there yet', {}],
    [
      'stands beside an older one of another name',
      { 7: { started: 3, called: '/usr/bin/kube-controllers' }, 52: { started: 1_900 } },
    ],
  ])('is freed when the next one %s', (_, next) => {
    expect(looks(running, processes(next)).lease).toBe('');
  });

  it('is freed once more for the next but one', () => {
    const next = `${processes({ 52: { started: 1_900 } })}`;
    const holds = lease(mine('77aa'));
    const last = processes({ 61: { started: 2_900 } });
    expect(looks(running, next, holds, last).lease).toBe('');
    expect(read('asked')).toBe('get\nget\npatch\nget\nget\npatch\n');
  });

  it('is freed as soon as its API server answers again', () => {
    const ended = `touch ${at('away')}\n${processes({})}`;
    expect(looks(running, ended)).toEqual({
      status: 0,
      said: [`noted: ${mine('5c1b')}`],
      lease: mine('5c1b'),
    });
    rmSync(at('away'));
    expect(looks(running, ended, `rm ${at('away')}`).lease).toBe('');
  });

  it.each([
    ['its holder runs', running],
    [
      'one of those runs that did when it was noted',
      processes({ 40: { started: 900 }, 52: { started: 1_900 } }),
    ],
  ])('stays while %s', (_, then) => {
    expect(looks(running, then, then)).toEqual({
      status: 0,
      said: [`noted: ${mine('5c1b')}`],
      lease: mine('5c1b'),
    });
    expect(read('asked')).toBe('get\n');
  });

  it.each([
    ['another machine', 'cp-2_5c1b'],
    ['a machine whose name begins alike', `${hostname()}0_5c1b`],
    ['nobody', ''],
  ])('stays where it is held by %s', (_, holder) => {
    const held = `${processes({ 40: { started: 900 } })}\n${lease(holder)}`;
    expect(looks(held, processes({}))).toEqual({ status: 0, said: ['noted:'], lease: holder });
    expect(read('asked')).toBe('get\n');
  });

  it('stays where nothing of that name runs when it is looked at first', () => {
    const held = `${processes({ 7: { started: 3, called: 'kubectl', name: 'kube-controller' } })}
${lease(mine('5c1b'))}`;
    expect(looks(held, processes({ 52: { started: 1_900 } })).lease).toBe(mine('5c1b'));
  });

  it('stays with whoever took it before', () => {
    const taken = `${processes({ 52: { started: 1_900 } })}\n${lease(mine('77aa'))}`;
    expect(looks(running, taken)).toEqual({ status: 0, said: ['noted:'], lease: mine('77aa') });
    expect(read('asked')).toBe('get\nget\n');
  });

  it('stays with whoever takes it at that moment', () => {
    write('taken', 'cp-2_0d0d');
    expect(looks(running, processes({}))).toEqual({
      status: 0,
      said: [`noted: ${mine('5c1b')}`],
      lease: 'cp-2_0d0d',
    });
  });
});
