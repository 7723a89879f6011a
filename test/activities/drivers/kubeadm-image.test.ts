// Programs of a release that a command of the machine brings, behind a real sshd; what it installs
// lies over the host's /usr and /var.

import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';

import type { CommandPackages } from '../../../activities/access';
import { createSshMachines } from '../../../activities/adapters/ssh-machines';
import { programsScript } from '../../../activities/drivers/kubeadm-programs';
import { releasesOnAll } from '../../../activities/drivers/kubeadm-releases';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { runStep } from '../../../activities/drivers/machine-steps';
import { version } from '../../support/builders';
import { programs, scriptOf } from '../../support/deb-repository';
import { untilTrue } from '../../support/lab-until';
import { describeAsRoot, SshServer } from '../../support/ssh-server';
import { never, refusalOf } from '../adapters/support/refusals';
import { aContext } from './support/programs';

jest.setTimeout(120_000);

const self = hostname().toLowerCase();
const to = version('1.29.15');
const doing = 'changing it';

describeAsRoot('programs that a command brings', () => {
  let server: SshServer;
  let count = 0;
  let packages: CommandPackages;

  const machines = () => {
    const address = { host: '127.0.0.1', port: server.port };
    const access = { ssh: server.access(), machines: { [self]: address } };
    return createSshMachines({ access, agentSocket: undefined });
  };
  const command = (name: string, script: string): string => {
    const file = server.write(name, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  /** Brings what it is asked for, or all, as an image that is laid over the system would. */
  const bring = (what = '"$@"'): string => `
    echo "$@" >> ${server.at('asked')}
    version=$1
    shift
    for program in ${what}; do
      cp ${server.at('image')}/$version/$program /usr/bin/$program.new
      chmod 755 /usr/bin/$program.new
      mv /usr/bin/$program.new /usr/bin/$program
    done`;
  const asked = (): string => readFileSync(server.at('asked'), 'utf8');
  const install = (own: Partial<CommandPackages> = {}, context = aContext(), limitMs = 60_000) => {
    count += 1;
    const all = programsScript({ ...packages, ...own }, to);
    const script = `${scriptHead}${all}check_programs\nput kubeadm\nput kubectl kubelet\n`;
    const step = { machine: self, doing, script };
    const options = { machines: machines(), pollMs: 20 };
    return runStep(options, step, { ...context, operationId: `op-${count}`, limitMs });
  };
  /** On the machine. */
  const run = async (script: string): Promise<string> => {
    const shell = await machines().connect(self, never);
    const limits = { args: [], timeoutMs: 20_000, outputBytesMax: 4_096 };
    const { output } = await shell.run({ doing: 'looking', script, ...limits }, never);
    shell.close();
    return output.toString('utf8');
  };

  beforeAll(async () => {
    server = await SshServer.start(['usr', 'var']);
  });

  afterAll(async () => server?.stop());

  /** Of 1.28.15. */
  beforeEach(async () => {
    const releases = command('releases', 'echo 1.28.15; echo v1.29.15; echo 1.30.0-rc.1');
    packages = { kind: 'command', install: command('install', bring()), releases };
    for (const release of ['1.28.15', '1.29.15']) {
      server.write(`script-${release}`, scriptOf(release));
    }
    server.write('asked', '');
    await run(`
      for release in 1.28.15 1.29.15; do
        mkdir -p ${server.at('image')}/$release
        for program in ${programs.join(' ')}; do
          cp ${server.at('script')}-$release ${server.at('image')}/$release/$program
        done
      done
      cp ${server.at('image')}/1.28.15/* /usr/bin
      cd /usr/bin && chmod 755 ${programs.join(' ')}`);
  });

  it('are of the release afterwards, each asked for when it is needed, once', async () => {
    const context = aContext();
    await install({}, context);
    expect(asked()).toBe('1.29.15 kubeadm\n1.29.15 kubectl kubelet\n');
    expect(context.phases).toEqual([
      'installing 1.29.15: kubeadm',
      'installing 1.29.15: kubectl kubelet',
    ]);
    expect(await run('kubelet --version')).toBe('Kubernetes v1.29.15\n');
    await install();
    expect(asked()).toBe('1.29.15 kubeadm\n1.29.15 kubectl kubelet\n');
  });

  it('may all come at once', async () => {
    await install({ install: command('install', bring(programs.join(' '))) });
    expect(asked()).toBe('1.29.15 kubeadm\n');
  });

  it('may come with a restart of the machine, after which the step goes on', async () => {
    const flag = server.at('restarting');
    const restart = `${bring()}\n[ -e ${flag} ] || { touch ${flag}; exec sleep 60; }`;
    const done = install({ install: command('install', restart) });
    await untilTrue('it restarts', () => Promise.resolve(existsSync(flag)));
    await server.cutPower();
    await done;
    expect(asked()).toBe('1.29.15 kubeadm\n1.29.15 kubectl kubelet\n');
  });

  it('are known by the releases that it lists', async () => {
    expect(await releasesOnAll(machines(), packages, never)).toEqual(['1.28.15', '1.29.15']);
    const releases = command('broken', 'echo no network >&2; exit 4');
    expect(await refusalOf(releasesOnAll(machines(), { ...packages, releases }, never))).toEqual({
      code: 'unexpected',
      message: `looking for releases on machine ${self}: no network`,
    });
  });

  it.each([
    {
      where: 'the release is not listed',
      own: () => ({ releases: command('few', 'echo 1.29.14; echo 1.29.150') }),
      code: 'rejected',
      why: /is refused: .*few does not tell 1\.29\.15$/,
    },
    {
      where: 'the list cannot be had',
      own: () => ({ releases: command('broken', 'echo no network; exit 4') }),
      code: 'unexpected',
      why: /failed with 1: .*broken ended with 4$/,
    },
    {
      where: 'a command is not there',
      own: () => ({ install: server.at('nothing') }),
      code: 'rejected',
      why: /nothing is no program on this machine: correct driver\.packages\.install$/,
    },
    {
      where: 'it refuses',
      own: () => ({ install: command('refusing', 'echo "this channel is pinned"; exit 77') }),
      code: 'rejected',
      why: /is refused: this channel is pinned$/,
    },
    {
      where: 'it fails, or asks for more time',
      own: () => ({ install: command('later', 'echo "another update runs"; exit 75') }),
      code: 'unexpected',
      why: /failed with 1: another update runs \| .*later ended with 75$/,
    },
    {
      where: 'it says that it is done, and has done nothing',
      own: () => ({ install: command('idle', 'exit 0') }),
      code: 'unexpected',
      why: /failed with 1: \/usr\/bin\/kubeadm is v1\.28\.15 after .*idle, not v1\.29\.15$/,
    },
  ])('are left as they are where $where', async ({ own, code, why }) => {
    expect(await refusalOf(install(own()))).toEqual({ code, message: expect.stringMatching(why) });
    expect(await run('kubeadm version -o short')).toBe('v1.28.15\n');
  });

  it('are not waited for without an end', async () => {
    const endless = { install: command('endless', 'echo waiting; exec sleep 600') };
    // Its own limit and that of the attempt are over within a second of each other.
    const late = [
      `${doing}: it still runs on machine ${self} when the time is over`,
      `${doing} on machine ${self} took too long and was ended: waiting`,
    ];
    const { code, message } = await refusalOf(install(endless, aContext(), 3_000));
    expect(code).toBe('unexpected');
    expect(late).toContain(message);
    const living = 'pgrep -x -a sleep | grep 600';
    await untilTrue('it is ended', async () => (await run(living)) === '');
  });
});
