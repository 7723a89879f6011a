// A supervised process, with real ones: shells that do as they are told.

import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { identify, isAlive, recordedProcess } from '../../../lab/process-identity';
import type { ProcessIdentity } from '../../../lab/process-identity';
import { Child } from '../../../lab/supervisor/child';
import type { ChildSpec } from '../../../lab/supervisor/child';
import { untilTrue } from '../../support/lab-until';

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

describe('a supervised process', () => {
  let directory: string;
  let told: string[];
  let children: Child[];

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-child-'));
    told = [];
    children = [];
  });

  afterEach(async () => {
    await Promise.all(children.map((child) => child.stop('SIGKILL', 0)));
    await rm(directory, { recursive: true, force: true });
  });

  function childOf(script: string, more: Partial<ChildSpec> = {}): Child {
    const command = { file: 'sh', args: ['-c', script], version: '1.0.0' };
    const child = new Child(
      { name: 'part', ports: [], command: () => Promise.resolve(command), ...more },
      {
        processesDir: directory,
        logsDir: directory,
        utsMode: 'root',
        log: (line) => told.push(line),
      },
    );
    children.push(child);
    return child;
  }

  function identityOf({ pid }: Child): ProcessIdentity {
    const identity = pid === undefined ? undefined : identify(pid);
    if (identity === undefined) throw new Error('it does not run');
    return identity;
  }

  const logHolds = (text: string): Promise<void> =>
    untilTrue(`the log holds ${text}`, async () => {
      const log = await readFile(path.join(directory, 'part.log'), 'utf8').catch(() => '');
      return log.includes(text);
    });

  /** `sh` becomes `sleep`: no grandchild outlives a signal. */
  const forever = 'echo begun; exec sleep 60';

  it('runs once however often it is started, recorded, and ends when it is asked', async () => {
    const child = childOf(forever);
    await child.start();
    const identity = identityOf(child);
    await child.start();

    expect(identityOf(child)).toEqual(identity);
    expect(await recordedProcess(directory, 'part')).toEqual(identity);
    expect([child.isRunning, child.runningVersion]).toEqual([true, '1.0.0']);
    await logHolds('begun');

    expect(await child.stop('SIGTERM', 5_000)).toBe('ended');
    expect(isAlive(identity)).toBe(false);
    expect([child.isRunning, child.runningVersion, child.pid]).toEqual([
      false,
      undefined,
      undefined,
    ]);
    expect(await child.stop('SIGTERM', 5_000)).toBe('was-stopped');
    await untilTrue(
      'its record is gone',
      async () => !(await readdir(directory)).includes('part.json'),
    );
    expect(told).toEqual([]);
  });

  it('is killed when it ignores what it is asked', async () => {
    const child = childOf('trap "" TERM; echo deaf; while :; do sleep 0.1; done');
    await child.start();
    await logHolds('deaf');
    const identity = identityOf(child);

    expect(await child.stop('SIGTERM', 100)).toBe('killed');
    expect(isAlive(identity)).toBe(false);
    expect(told).toEqual(['part ignored SIGTERM for 100 ms and is killed']);
  });

  it('starts again after a crash, with what is to run at that moment', async () => {
    let version = '1.0.0';
    const command = () => Promise.resolve({ file: 'sleep', args: ['60'], version });
    const child = childOf('', { command });
    await child.start();
    const crashed = identityOf(child);
    version = '2.0.0';

    expect(child.crash('SIGKILL')).toBe(true);
    await untilTrue('it runs again', () => Promise.resolve(child.runningVersion === '2.0.0'));

    expect(isAlive(crashed)).toBe(false);
    expect(told).toEqual([
      expect.stringMatching(/^part ended \(SIGKILL\) after \d+ ms$/),
      'part starts again in 500 ms',
    ]);
  });

  it('pauses longer after each crash', async () => {
    const child = childOf('exit 3');
    await child.start();
    await untilTrue('it has crashed twice', () =>
      Promise.resolve(told.filter((line) => line.includes('again')).length === 2),
    );
    await child.stop('SIGTERM', 1_000);

    expect(told.filter((line) => line.includes('again'))).toEqual([
      'part starts again in 500 ms',
      'part starts again in 1000 ms',
    ]);
    expect(told[0]).toMatch(/^part ended \(status 3\) after \d+ ms$/);
  });

  it('does not start again once it is stopped, not even when a restart is planned', async () => {
    const child = childOf('exit 3');
    await child.start();
    await untilTrue('a restart is planned', () => Promise.resolve(told.length === 2));

    expect(await child.stop('SIGTERM', 1_000)).toBe('was-stopped');
    // By the time another one has started again, this one would have, too.
    await childOf('exit 3', { name: 'other' }).start();
    const endsOf = (name: string) => told.filter((line) => line.startsWith(`${name} ended`));
    await untilTrue('the other one ran twice', () => Promise.resolve(endsOf('other').length === 2));
    expect([child.isRunning, endsOf('part').length]).toEqual([false, 1]);
  });

  it('tells why it cannot start, and tries again', async () => {
    let isBroken = true;
    const beforeStart = () => (isBroken ? Promise.reject(new Error('no disk')) : Promise.resolve());
    const child = childOf(forever, { beforeStart });

    await expect(child.start()).rejects.toThrow('no disk');
    isBroken = false;
    await untilTrue('it runs', () => Promise.resolve(child.isRunning));
    expect(told).toEqual(['part starts again in 500 ms']);
  });

  it('waits for its ports', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const child = childOf(forever, { ports: [port] });
    let isStarted = false;
    const starting = child.start().then(() => (isStarted = true));

    // The first look at the port has been taken when another child, asked later, runs.
    await childOf(forever, { name: 'other' }).start();
    expect(isStarted).toBe(false);
    server.close();
    await starting;
    expect(child.isRunning).toBe(true);
  });

  it.each([
    { told: '400', has: 'has  400\n' },
    { told: undefined, has: 'has  default\n' },
  ])(
    'hands nothing of the environment on but paths, and GOGC of $told',
    async ({ told: gogc, has }) => {
      const before = process.env['GOGC'];
      process.env['ASCENT_TEST_SECRET'] = 'x';
      setOrDelete('GOGC', gogc);
      await childOf(
        'echo "has $ASCENT_TEST_SECRET ${GOGC-default}"; env | cut -d= -f1; echo over',
      ).start();
      delete process.env['ASCENT_TEST_SECRET'];
      setOrDelete('GOGC', before);
      await logHolds('over');
      const log = await readFile(path.join(directory, 'part.log'), 'utf8');

      expect(log).toContain(has);
      // PWD, SHLVL and _ are the shell's own.
      expect(log).not.toMatch(/PROXY|KUBECONFIG|ASCENT/i);
    },
  );

  it('empties its log when that has grown too long', async () => {
    const log = path.join(directory, 'part.log');
    await writeFile(log, '');
    await truncate(log, 64 * 1024 * 1024 + 1);
    await childOf(forever).start();
    await logHolds('begun');

    expect((await readFile(log, 'utf8')).split('\n')).toEqual([
      expect.stringMatching(/^--- \S+Z sh \(1\.0\.0\)$/),
      'begun',
      '',
    ]);
  });
});
