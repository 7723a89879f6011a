// A machine that starts again as a part of a change, behind a real sshd: its systemctl is the
// test's, and so is its power.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';

import { createSshMachines } from '../../../activities/adapters/ssh-machines';
import { rebootScript } from '../../../activities/drivers/kubeadm-reboot';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { runStep, type StepContext } from '../../../activities/drivers/machine-steps';
import type { RebootPolicy } from '../../../domain/spec';
import { untilTrue } from '../../support/lab-until';
import { describeAsRoot, Relay, SshServer } from '../../support/ssh-server';
import { never, refusalOf } from '../adapters/support/refusals';
import { aContext } from './support/programs';

jest.setTimeout(60_000);

const self = hostname().toLowerCase();
const doing = 'changing it';
const hooks = '/etc/kernel/postinst.d';

describeAsRoot('a machine that starts again', () => {
  let server: SshServer;
  let relay: Relay;
  let count = 0;

  const machines = () => {
    const address = { host: '127.0.0.1', port: relay.port };
    const access = { ssh: server.access(), machines: { [self]: address } };
    return createSshMachines({ access, agentSocket: undefined });
  };
  /** On the machine; its /etc and /usr are its own. */
  const run = async (script: string): Promise<void> => {
    const shell = await machines().connect(self, never);
    try {
      const limits = { timeoutMs: 20_000, outputBytesMax: 4_096 };
      const end = await shell.run({ doing: 'making it', script, args: [], ...limits }, never);
      expect(end).toMatchObject({ code: 0 });
    } finally {
      shell.close();
    }
  };
  const program = (name: string, body: string): Promise<void> => {
    const file = `/usr/local/bin/${name}`;
    return run(`printf '#!/bin/sh\n%s\n' '${body}' > ${file} && chmod 755 ${file}`);
  };
  /** `NAME: BODY` of a program, or a command. */
  const tell = (how: string): Promise<void> => {
    const [, name, body] = /^([a-z-]+): (.*)$/.exec(how) ?? [];
    return name === undefined || body === undefined ? run(how) : program(name, body);
  };
  const reboots = (): number => {
    const file = server.at('reboots');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
  };
  const untilTold = (times: number) =>
    untilTrue('the machine is told', () => Promise.resolve(reboots() === times));

  beforeAll(async () => {
    server = await SshServer.start(['etc', 'usr']);
    relay = await Relay.to(server.port);
    server.write('known_hosts', `[127.0.0.1]:${relay.port} ${server.hostKey}\n`);
  });

  afterAll(async () => {
    await relay?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    relay.mend();
    for (const name of ['reboots', 'reboot']) rmSync(server.at(name), { force: true });
    server.write('kubelet', 'v1.28.15\n');
    const telling = ['needs-restarting', 'dnf', 'zypper'].map((name) => `/usr/bin/${name}`);
    await run(`rm -rf ${hooks} /run/reboot-required /usr/local/bin/* ${telling.join(' ')}`);
    await run(`mkdir -p ${hooks} /usr/local/bin`);
    await program('systemctl', `case $1 in reboot) echo now >> ${server.at('reboots')} ;; esac`);
  });

  /** All that a node's change does, as far as its machine's boots go. */
  const script = (reboot: RebootPolicy['when']): string => `
${scriptHead}
to=v1.29.15 kept=${server.at('kept')}
place_of() { echo ${server.at('kubelet')}; }
version_of() { cat "$1"; }
kubelet_runs() { true; }
${rebootScript(reboot)}
check_reboot
owe_reboot
if was_rebooted; then echo 'it has started again'
else
  echo "$to" > ${server.at('kubelet')}
  reboot_once
  echo 'it has not started again'
fi
rm -f "$note_of_reboot"
`;
  const change = (
    reboot: RebootPolicy['when'] = 'always',
    { restartMs = 30_000, ...other }: Partial<StepContext> & { readonly restartMs?: number } = {},
  ) => {
    count += 1;
    const context = { ...aContext(), operationId: `op-${count}`, limitMs: 60_000, ...other };
    const options = { machines: machines(), directory: server.at('journal'), pollMs: 20 };
    const step = { machine: self, doing, script: script(reboot), restartMs };
    return { done: runStep(options, step, context), context };
  };
  const says = (text: string) => `${self}: ${text}`;
  const hasRebooted = says('it has started again');
  /** A worker that begins the change and stops when the machine is told to start again. */
  const dyingWorker = async (
    operationId: string,
    meanwhile = (): void => undefined,
  ): Promise<void> => {
    const controller = new AbortController();
    const { done } = change('always', { signal: controller.signal, operationId });
    const reason = new Error('the worker stops');
    const ended = done.then(
      () => undefined,
      (error: unknown) => error,
    );
    await untilTold(1);
    meanwhile();
    controller.abort(reason);
    expect(await ended).toBe(reason);
  };

  it('does so once, and the change goes on in the next boot', async () => {
    const { done, context } = change();
    await untilTold(1);
    await untilTrue('that is followed', () => Promise.resolve(context.phases.length > 0));
    await server.cutPower();
    await done;
    expect(context.phases[0]).toBe('restarting the machine');
    expect(context.phases).toContain(`waiting for machine ${self} to answer again`);
    expect(context.logged).toContain(`${doing}: machine ${self} has started again`);
    expect(context.logged.at(-1)).toBe(hasRebooted);
    const again = change();
    await again.done;
    expect(again.context.logged).toEqual([says('it has not started again')]);
    expect(reboots()).toBe(1);
  });

  it('does so once for a worker that dies meanwhile, and the one after it', async () => {
    await dyingWorker('op-dying');
    await server.cutPower();
    const { done, context } = change('always', { operationId: 'op-dying' });
    await done;
    expect(context.logged).toEqual([hasRebooted]);
    expect(reboots()).toBe(1);
  });

  it('is waited for by a worker that comes while it is away', async () => {
    await dyingWorker('op-away', () => relay.cut());
    const { done, context } = change('always', { operationId: 'op-away' });
    await untilTrue('it is missed', () => Promise.resolve(context.phases.length > 0));
    expect(context.phases[0]).toBe(`waiting for machine ${self} to answer again`);
    await server.cutPower();
    relay.mend();
    await done;
    expect(context.logged.at(-1)).toBe(hasRebooted);
    expect(reboots()).toBe(1);
  });

  it('is not started again by a person who retries its node', async () => {
    const late = change('always', { restartMs: 100 });
    expect(await refusalOf(late.done)).toMatchObject({ code: 'rejected' });
    await server.cutPower();
    const { done, context } = change();
    await done;
    expect(context.logged).toEqual([hasRebooted]);
    expect(reboots()).toBe(1);
  });

  it('that goes on as before is told, with what to do', async () => {
    const { done } = change('always', { restartMs: 500 });
    expect(await refusalOf(done)).toEqual({
      code: 'rejected',
      message: expect.stringMatching(
        `^${doing}: machine ${self} was to start again, and \\d s later it still runs as before` +
          ' - look at its console, and retry the node when it answers$',
      ) as string,
    });
  });

  it('that does not come back is told, with what to do', async () => {
    const { done } = change('always', { restartMs: 1_500 });
    const refused = refusalOf(done);
    await untilTold(1);
    relay.cut();
    expect(await refused).toEqual({
      code: 'rejected',
      message: expect.stringMatching(
        `^${doing}: machine ${self} was to start again, and \\d s later it does not answer: .*` +
          ' - look at its console, and retry the node when it answers$',
      ) as string,
    });
  });

  it('is left as it is where its systemctl cannot do it', async () => {
    await program('systemctl', 'case $1 in reboot) echo no bus; exit 4 ;; esac');
    expect(await refusalOf(change().done)).toEqual({
      code: 'unexpected',
      message: `${doing} on machine ${self} failed with 1: systemctl reboot ended with 4`,
    });
  });

  it('is refused, and left as it is, where its kubelet would not start with it', async () => {
    await program('systemctl', 'exit 1');
    expect(await refusalOf(change().done)).toEqual({
      code: 'rejected',
      message:
        `${doing} on machine ${self} is refused: its kubelet would not start with the machine:` +
        ' systemctl enable kubelet',
    });
    expect(readFileSync(server.at('kubelet'), 'utf8')).toBe('v1.28.15\n');
  });

  describe('when that is required', () => {
    it.each([
      ['a file of Debian', 'touch /run/reboot-required'],
      ['needs-restarting', 'needs-restarting: exit 1'],
      ['dnf', 'dnf: case "$*" in *--help) exit 0 ;; "-q needs-restarting -r") exit 1 ;; esac'],
      ['zypper', 'zypper: [ "$*" != "-q needs-rebooting" ] || exit 102'],
    ])('by %s, does so', async (_name, how) => {
      await tell(how);
      const { done, context } = change('when-required');
      await untilTold(1);
      await server.cutPower();
      await done;
      expect(context.logged.at(-1)).toBe(hasRebooted);
      expect(reboots()).toBe(1);
    });

    it.each([
      ['hooks of Debian', `touch ${hooks}/unattended-upgrades`],
      ['needs-restarting', 'needs-restarting: exit 0'],
      ['zypper', 'zypper: exit 0'],
    ])('and not so by %s, goes on without', async (_name, how) => {
      await tell(how);
      const { done, context } = change('when-required');
      await done;
      expect(context.logged).toEqual(
        ['the machine need not start again', 'it has not started again'].map(says),
      );
      expect(reboots()).toBe(0);
    });

    it('and nothing tells, is refused before anything is changed', async () => {
      expect(await refusalOf(change('when-required').done)).toEqual({
        code: 'rejected',
        message:
          `${doing} on machine ${self} is refused: this machine does not tell whether it should` +
          ' start again: let reboot be always or never',
      });
      expect(readFileSync(server.at('kubelet'), 'utf8')).toBe('v1.28.15\n');
    });

    it('and what tells fails, is told so', async () => {
      await program('needs-restarting', 'echo no such option; exit 2');
      expect(await refusalOf(change('when-required').done)).toEqual({
        code: 'unexpected',
        message:
          `${doing} on machine ${self} failed with 1: needs-restarting -r ended with 2:` +
          ' no such option',
      });
    });
  });
});
