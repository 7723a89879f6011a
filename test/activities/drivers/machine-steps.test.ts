// Steps on a machine behind a real sshd, whose connections can be cut.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import { createSshMachines } from '../../../activities/adapters/ssh-machines';
import { createKubeadmDriver } from '../../../activities/drivers/kubeadm-driver';
import { askMachine, isSo } from '../../../activities/drivers/machine-ask';
import { runStep, type StepContext } from '../../../activities/drivers/machine-steps';
import { nodeName, version } from '../../support/builders';
import { untilTrue } from '../../support/lab-until';
import { describeAsRoot, Relay, SshServer } from '../../support/ssh-server';
import { never, refusalOf } from '../adapters/support/refusals';
import { aContext } from './support/programs';

jest.setTimeout(300_000);

const self = hostname().toLowerCase();
const doing = 'changing it';

describeAsRoot('a step on a machine', () => {
  let server: SshServer;
  let relay: Relay;
  let count = 0;

  beforeAll(async () => {
    server = await SshServer.start(['usr/local/bin']);
    relay = await Relay.to(server.port);
    server.write('known_hosts', `[127.0.0.1]:${relay.port} ${server.hostKey}\n`);
  });

  afterAll(async () => {
    await relay?.close();
    await server?.stop();
  });

  beforeEach(() => {
    count += 1;
    relay.mend();
  });

  const machines = () => {
    const address = { host: '127.0.0.1', port: relay.port };
    const access = { ssh: server.access(), machines: { [self]: address } };
    return createSshMachines({ access, agentSocket: undefined });
  };
  const inJournal = (name: string) => path.join(server.at('journal'), `op-${count}`, name);
  const read = (file: string) => readFileSync(file, 'utf8');
  const runs = () => read(inJournal('runs')).trim().split('\n').length;
  const heard = (other: Partial<StepContext> = {}) => {
    const context = { ...aContext(), operationId: `op-${count}`, limitMs: 60_000, ...other };
    const step = (script: string) =>
      runStep(
        { machines: machines(), directory: server.at('journal'), pollMs: 20 },
        { machine: self, doing, script },
        context,
      );
    return { step, context };
  };
  /** A script that waits for a file, so that a test can do something meanwhile. */
  const waiting = (name: string) =>
    `echo 'phase: waiting'; until [ -e ${server.at(name)} ]; do sleep 0.05; done; echo over`;
  const followed = ({ phases }: { readonly phases: readonly string[] }) =>
    untilTrue('it is followed', () => Promise.resolve(phases.includes('waiting')));

  it('runs by itself; what it prints is told', async () => {
    const { step, context } = heard();
    await step('echo "phase: one"; echo text; echo "phase: two" >&2');
    expect(context.phases).toEqual(['one', 'two']);
    expect(context.logged).toEqual(
      ['phase: one', 'text', 'phase: two'].map((l) => `${self}: ${l}`),
    );
    expect(readdirSync(inJournal('.')).toSorted()).toEqual(
      ['begin', 'exit', 'lock', 'output', 'runner', 'runs', 'script', 'session'].toSorted(),
    );
  });

  it('that has ended well is not begun again', async () => {
    const script = `echo ran >> ${server.at(`once-${count}`)}`;
    await heard().step(script);
    await heard().step(script);
    expect(read(server.at(`once-${count}`))).toBe('ran\n');
    expect(runs()).toBe(1);
  });

  it('goes on while the connection is cut, and is found again', async () => {
    const { step, context } = heard();
    const done = step(waiting('let-go-1'));
    await followed(context);
    relay.cut();
    await untilTrue('it is missed', () =>
      Promise.resolve(context.phases.includes(`waiting for machine ${self} to answer again`)),
    );
    server.write('let-go-1', '');
    relay.mend();
    await done;
    expect(context.logged.at(-1)).toBe(`${self}: over`);
    expect(runs()).toBe(1);
  });

  it('goes on when an attempt is given up; the next one follows it', async () => {
    const controller = new AbortController();
    const reason = new Error('the worker stops');
    const given = heard({ signal: controller.signal });
    const first = given.step(waiting('let-go-2'));
    await followed(given.context);
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    const { step, context } = heard();
    const second = step(waiting('let-go-2'));
    await followed(context);
    server.write('let-go-2', '');
    await second;
    expect(context.logged).toEqual([`${self}: phase: waiting`, `${self}: over`]);
    expect(runs()).toBe(1);
  });

  it('that died with its machine runs again', async () => {
    const { step, context } = heard();
    const done = step(waiting('let-go-3'));
    await followed(context);
    await server.cutPower();
    await untilTrue('it runs again', () => Promise.resolve(runs() === 2));
    server.write('let-go-3', '');
    await done;
    expect(context.logged).toContain(`${doing}: it died on machine ${self}, and is begun again`);
    expect(runs()).toBe(2);
  });

  it('that failed tells its last lines, and runs again when it is asked for again', async () => {
    const file = server.at('fixed');
    const lines = 'for n in 1 2 3 4 5 6 7; do echo "line $n"; done';
    const script = `[ -e ${file} ] && exit 0; ${lines}; exit 3`;
    expect(await refusalOf(heard().step(script))).toEqual({
      code: 'unexpected',
      message:
        `${doing} on machine ${self} failed with 3:` +
        ' line 3 | line 4 | line 5 | line 6 | line 7',
    });
    server.write('fixed', '');
    await heard().step(script);
    expect(runs()).toBe(2);
  });

  it('tells its reasons instead of its last lines where it has some', async () => {
    const script = 'echo text; echo "reason: one"; echo more; echo "reason: two"; exit 4';
    expect(await refusalOf(heard().step(script))).toEqual({
      code: 'unexpected',
      message: `${doing} on machine ${self} failed with 4: one | two`,
    });
  });

  it('that refuses is not to be asked again', async () => {
    expect(await refusalOf(heard().step('echo "not here"; exit 77'))).toEqual({
      code: 'rejected',
      message: `${doing} on machine ${self} is refused: not here`,
    });
    expect(await refusalOf(heard().step('exit 77'))).toMatchObject({
      message: `${doing} on machine ${self} is refused: it said nothing`,
    });
  });

  it('that would fail again is not to be asked again, nor one that finds no room', async () => {
    expect(await refusalOf(heard().step('echo "reason: no flag"; exit 70'))).toEqual({
      code: 'rejected',
      message: `${doing} on machine ${self} failed: no flag`,
    });
    expect(await refusalOf(heard().step('echo "reason: 3 KiB are left"; exit 73'))).toEqual({
      code: 'full',
      message: `${doing} on machine ${self} finds no room: 3 KiB are left`,
    });
  });

  it('is not begun where its journal has no room', async () => {
    const small = server.at('small');
    // In the namespace of the server, with which it goes.
    await heard().step(`mkdir ${small}; mount -t tmpfs -o size=64k ascent-test ${small}`);
    const full = runStep(
      { machines: machines(), directory: path.join(small, 'journal'), pollMs: 20 },
      { machine: self, doing, script: 'true' },
      { ...aContext(), operationId: `op-${count}`, limitMs: 60_000 },
    );
    expect(await refusalOf(full)).toEqual({
      code: 'full',
      message:
        `${doing} on machine ${self}: its journal needs 1024 KiB in` +
        ` ${small}/journal, and 64 KiB are left`,
    });
    await heard().step(`umount ${small}`);
  });

  it('is ended when it takes longer than the attempt may', async () => {
    // Its own limit and that of the attempt are over within a second of each other.
    const late = [
      `${doing}: it still runs on machine ${self} when the time is over`,
      `${doing} on machine ${self} took too long and was ended: it said nothing`,
    ];
    const { code, message } = await refusalOf(heard({ limitMs: 5_000 }).step('sleep 60'));
    expect(code).toBe('unexpected');
    expect(late).toContain(message);
    await untilTrue('it was ended', () => Promise.resolve(existsSync(inJournal('exit'))));
    expect(read(inJournal('exit'))).toBe('124\n');
  });

  describe('where systemd is the first process', () => {
    /** What of systemd-run's work matters here; it notes what it was asked for. */
    const systemdRun = (asked: string) => `#!/bin/sh
echo "$*" > ${asked}
while [ "\${1#--}" != "$1" ]; do shift; done
exec setsid -f "$@" < /dev/null > /dev/null 2>&1
`;
    const onServer = async (script: string) => askMachine(machines(), ask(script), never);
    const ask = (script: string) => ({ machine: self, doing: 'preparing', script });

    beforeEach(async () => {
      const there = '/usr/local/bin/systemd-run';
      const write = `cat > ${there} <<'END'\n${systemdRun(server.at('asked'))}END\n`;
      await onServer(`mkdir -p /run/systemd/system; ${write}chmod +x ${there}`);
    });

    afterEach(async () => {
      await onServer('rm -r /run/systemd /usr/local/bin/systemd-run');
    });

    it('is a unit of it, with a name of its own for every run', async () => {
      const script = `[ -e ${server.at('unit-fixed')} ] && exit 0; echo "not yet"; exit 3`;
      expect(await refusalOf(heard().step(script))).toMatchObject({
        message: `${doing} on machine ${self} failed with 3: not yet`,
      });
      const journal = path.join(server.at('journal'), `op-${count}`);
      const asked = (run: number) =>
        `--quiet --collect --unit=ascent-op-${count}-${run} --setenv=HOME=/root` +
        ` /bin/sh ${journal}/runner ${journal} 60\n`;
      expect(read(server.at('asked'))).toBe(asked(1));
      server.write('unit-fixed', '');
      await heard().step(script);
      expect(read(server.at('asked'))).toBe(asked(2));
    });

    it('tells what systemd says when it begins none', async () => {
      await onServer('printf "#!/bin/sh\necho no bus >&2; exit 1\n" > /usr/local/bin/systemd-run');
      expect(await refusalOf(heard().step('true'))).toEqual({
        code: 'unexpected',
        message: `${doing}: the journal on machine ${self}: no bus`,
      });
    });
  });

  describe('of what another step changes as well', () => {
    const begun = (operationId: string, script: string, changes?: string) => {
      const context = { ...aContext(), operationId, limitMs: 60_000 };
      const done = runStep(
        { machines: machines(), directory: server.at('journal'), pollMs: 20 },
        { machine: self, doing, script, ...(changes === undefined ? {} : { changes }) },
        context,
      );
      return { done, context };
    };

    it('ends that one first, which is not followed any further', async () => {
      const file = server.at(`given-up-${count}`);
      const loop = `echo 'phase: waiting'; while :; do date >> ${file}; sleep 0.1; done`;
      const first = begun(`op-${count}-a`, `trap '' TERM; ${loop}`, 'control-plane');
      const refused = refusalOf(first.done);
      await followed(first.context);
      await begun(`op-${count}-b`, `wc -l < ${file}`, 'control-plane').done;
      expect(await refused).toEqual({
        code: 'unexpected',
        message: `${doing} on machine ${self} was ended for another step: it was at phase: waiting`,
      });
      expect(read(path.join(server.at('journal'), `op-${count}-a`, 'exit'))).toBe('143\n');
      const written = read(file);
      await begun(`op-${count}-c`, 'sleep 0.3').done;
      expect(read(file)).toBe(written);
    });

    it('leaves alone what changes something else, or nothing that it tells', async () => {
      const first = begun(`op-${count}-a`, waiting('let-go-4'), 'etcd');
      const second = begun(`op-${count}-b`, waiting('let-go-4'));
      await followed(first.context);
      await followed(second.context);
      await begun(`op-${count}-c`, 'true', 'control-plane').done;
      server.write('let-go-4', '');
      await Promise.all([first.done, second.done]);
      for (const { context } of [first, second]) {
        expect(context.logged.at(-1)).toBe(`${self}: over`);
      }
    });

    it('is ended by whoever wrote that it is, also when that one dies on the way', async () => {
      const first = begun(`op-${count}-a`, waiting('let-go-6'), 'control-plane');
      const refused = refusalOf(first.done);
      await followed(first.context);
      const journal = path.join(server.at('journal'), `op-${count}-a`);
      writeFileSync(path.join(journal, 'given-up'), '143\n');
      await server.cutPower();
      expect(await refused).toEqual({
        code: 'unexpected',
        message: `${doing} on machine ${self} was ended for another step: it was at phase: waiting`,
      });
      expect(read(path.join(journal, 'runs')).trim().split('\n')).toHaveLength(1);
    });

    it('can be begun again after it was given up', async () => {
      const first = begun(`op-${count}-a`, waiting('let-go-5'), 'control-plane');
      const refused = refusalOf(first.done);
      await followed(first.context);
      await begun(`op-${count}-b`, 'true', 'control-plane').done;
      expect(await refused).toMatchObject({ code: 'unexpected' });
      server.write('let-go-5', '');
      const again = begun(`op-${count}-a`, waiting('let-go-5'), 'control-plane');
      await again.done;
      expect(again.context.logged.at(-1)).toBe(`${self}: over`);
    });
  });

  it('is not begun when the attempt has no time left', async () => {
    expect(await refusalOf(heard({ limitMs: 0 }).step('true'))).toEqual({
      code: 'unexpected',
      message: `${doing}: it was not begun on machine ${self} when the time is over`,
    });
  });

  it('tells much output, and no more lines than a log should hold', async () => {
    const { step, context } = heard();
    await step('seq 1 20000; echo "phase: at the end"');
    expect(context.logged).toHaveLength(1_000);
    expect(context.logged.at(-1)).toBe(`${self}: 1000 (and more, on the machine)`);
    expect(context.phases).toEqual(['at the end']);
  });

  it('is not begun on a machine that is away', async () => {
    relay.cut();
    expect(await refusalOf(heard().step('true'))).toMatchObject({ code: 'unreachable' });
  });

  it('waits as long as its machine may be away, also before anything was begun', async () => {
    const step = { machine: self, doing, script: 'echo done' };
    const options = { machines: machines(), directory: server.at('journal'), pollMs: 20 };
    const context = { ...aContext(), operationId: `op-${count}`, limitMs: 60_000 };
    relay.cut();
    const late = runStep({ ...options, awayMs: 200 }, step, context);
    expect(await refusalOf(late)).toMatchObject({ code: 'unreachable' });
    const done = runStep({ ...options, awayMs: 60_000 }, step, context);
    const isMissed = () => context.phases.filter((phase) => phase.startsWith('waiting')).length > 5;
    await untilTrue('it is missed', () => Promise.resolve(isMissed()));
    relay.mend();
    await done;
    expect(context.logged.at(-1)).toBe(`${self}: done`);
  });

  describe('asked something', () => {
    const asked = (script: string) => {
      const question = { machine: self, doing, script, args: ['a b'], outputBytesMax: 1_000 };
      return { ...question, awayMs: 60_000 };
    };

    it('answers what it prints, again where it was away', async () => {
      relay.cut();
      const answer = askMachine(machines(), asked('printf %s "$1"'), never);
      relay.mend();
      expect(await answer).toBe('a b');
      expect(await isSo(machines(), asked('[ "$1" = "a b" ]'), never)).toBe(true);
      expect(await isSo(machines(), asked('false'), never)).toBe(false);
      const input = () => ({ stream: Readable.from(['what it reads']), bytes: 13 });
      expect(await askMachine(machines(), { ...asked('cat'), input }, never)).toBe('what it reads');
    });

    it('says why it has no answer', async () => {
      const failed = askMachine(machines(), asked('echo "no disk" >&2; exit 3'), never);
      expect(await refusalOf(failed)).toEqual({
        code: 'unexpected',
        message: `${doing} on machine ${self}: no disk`,
      });
      relay.cut();
      const away = askMachine(machines(), { ...asked('true'), awayMs: 0 }, never);
      expect(await refusalOf(away)).toMatchObject({ code: 'unreachable' });
      const reason = new Error('the worker stops');
      const given = askMachine(machines(), asked('true'), AbortSignal.abort(reason));
      await expect(given).rejects.toBe(reason);
    });
  });

  describe('of the driver kubeadm', () => {
    const driver = (directory: string) => {
      const packages = { kind: 'binaries', directory } as const;
      const journal = server.at('journal');
      return createKubeadmDriver({
        members: [],
        access: { packages },
        machines: machines(),
        directory: journal,
        pollMs: 20,
      });
    };
    const release = (name: string, programs: readonly string[]) => {
      for (const program of programs) {
        const directory = server.at(path.join('releases', name));
        mkdirSync(directory, { recursive: true });
        writeFileSync(path.join(directory, program), '', { mode: 0o755 });
      }
    };

    it('knows the releases of which all programs are there, oldest first', async () => {
      release('1.30.14', ['kubeadm', 'kubelet', 'kubectl']);
      release('1.29.15', ['kubeadm', 'kubelet', 'kubectl']);
      release('1.31.14', ['kubeadm', 'kubelet']);
      release('latest', ['kubeadm', 'kubelet', 'kubectl']);
      const { signal } = new AbortController();
      const { controlPlane } = driver(server.at('releases'));
      expect(await controlPlane.availableVersions(signal)).toEqual(['1.29.15', '1.30.14']);
      expect(await driver('/nowhere').controlPlane.availableVersions(signal)).toEqual([]);
      expect(controlPlane).toMatchObject({
        driver: 'kubeadm',
        changedAs: 'member',
        drives: ['node', 'member', 'putBack', 'etcd', 'restore', 'repairEtcd', 'reboot', 'images'],
      });
    });

    it('refuses a machine that kubeadm has not joined', async () => {
      const { nodes } = driver(server.at('releases'));
      const context = { ...aContext(), operationId: `op-${count}` };
      const work = nodes.upgradeNode(nodeName(self), version('1.29.15'), context);
      expect(await refusalOf(work)).toEqual({
        code: 'rejected',
        message:
          `upgrading it to 1.29.15 on machine ${self} is refused: there is no` +
          ' /etc/kubernetes/kubelet.conf: kubeadm has not joined this machine',
      });
    });

    it('refuses to restore a control plane that it knows no member of', async () => {
      const { controlPlane } = driver('/nowhere');
      const order = { restoreId: 'one', snapshotFile: '/nowhere', snapshotRevision: 1 };
      const by = { version: version('1.28.15'), etcdVersion: '3.5.15' };
      expect(await refusalOf(controlPlane.restore({ ...order, ...by }, aContext()))).toEqual({
        code: 'rejected',
        message: 'the access file names no members that could be restored',
      });
      const repair = controlPlane.repairEtcdMember('cp-1' as never, aContext());
      expect(await refusalOf(repair)).toEqual({
        code: 'unexpected',
        message: 'no other etcd member is healthy: it is the only one',
      });
    });
  });
});
