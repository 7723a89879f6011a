// Against the real sshd and sudo of Debian.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { Readable } from 'node:stream';

import type { SshAccess } from '../../../activities/access';
import { createSshMachines } from '../../../activities/adapters/ssh-machines';
import type { RootScript } from '../../../activities/drivers/machine-shell';
import { freePortBlock } from '../../../lab/free-ports';
import { untilTrue } from '../../support/lab-until';
import { describeAsRoot, makeSshKey, Relay, SshServer } from '../../support/ssh-server';
import { never, refusalOf } from './support/refusals';

jest.setTimeout(300_000);

const self = hostname().toLowerCase();

describeAsRoot('a machine by SSH', () => {
  let server: SshServer;

  beforeAll(async () => {
    server = await SshServer.start();
  });

  afterAll(async () => {
    await server?.stop();
  });

  interface Asked {
    readonly ssh?: Partial<SshAccess>;
    readonly port?: number;
    readonly name?: string;
    readonly hostname?: string;
    readonly agentSocket?: string;
  }

  const machines = (asked: Asked = {}) => {
    const { ssh, port = server.port, name = self, agentSocket, hostname: called } = asked;
    const address = {
      host: '127.0.0.1',
      port,
      ...(called === undefined ? {} : { hostname: called }),
    };
    const access = { ssh: server.access(ssh), machines: { [name]: address } };
    return createSshMachines({ access, agentSocket });
  };
  const connected = (asked: Asked = {}) => machines(asked).connect(asked.name ?? self, never);
  const refused = (asked: Asked) => refusalOf(connected(asked));
  const script = (text: string, other: Partial<RootScript> = {}): RootScript => ({
    doing: 'testing',
    script: text,
    args: [],
    timeoutMs: 20_000,
    outputBytesMax: 1_000,
    ...other,
  });
  const said = async (asked: Asked, text: string, ...args: readonly string[]) => {
    const shell = await connected(asked);
    try {
      const { output, ...end } = await shell.run(script(text, { args }), never);
      return { ...end, output: output.toString('utf8') };
    } finally {
      shell.close();
    }
  };
  const where = () => `connecting to machine ${self} (root@127.0.0.1:${server.port})`;
  const hostKeyHash = () => {
    const listed = execFileSync('ssh-keygen', ['-lf', server.at('host_key.pub')]);
    return listed.toString('utf8').split(' ')[1];
  };

  it('hands a stream to a script, as root and as another user, and destroys it', async () => {
    const text = 'printf "%s " "$1"; sha256sum; exit 3';
    const bytes = Buffer.alloc(3_000_000, 'snapshot');
    const hash = createHash('sha256').update(bytes).digest('hex');
    for (const user of ['root', 'helper']) {
      const shell = await connected({ ssh: { user } });
      const stream = Readable.from([bytes]);
      const input = { stream, bytes: bytes.length };
      const asked = script(text, { args: ["it's"], input });
      const { code, output } = await shell.run(asked, never).finally(() => shell.close());
      expect([code, output.toString('utf8')]).toEqual([3, `it's ${hash}  -\n`]);
      expect(stream.destroyed).toBe(true);
    }
  });

  it('tells how a script ended that does not read all of its stream', async () => {
    const shell = await connected();
    const parts = Array.from({ length: 500 }, () => Buffer.alloc(65_536));
    const input = { stream: Readable.from(parts), bytes: 500 * 65_536 };
    const end = await shell
      .run(script('head -c 3 > /dev/null; echo full >&2; exit 1', { input }), never)
      .finally(() => shell.close());
    expect(end).toMatchObject({ code: 1, complaints: ['full'] });
  });

  it('fails where its stream does', async () => {
    const shell = await connected();
    const input = { stream: createReadStream(server.at('no-such-file')), bytes: 1 };
    const end = shell.run(script('cat', { input }), never).finally(() => shell.close());
    expect(await refusalOf(end)).toEqual({
      code: 'unexpected',
      message: 'testing: what is to be sent cannot be read (ENOENT)',
    });
  });

  it('runs a script with its arguments as they are, and tells how it ended', async () => {
    const text = 'printf "%s|" "$@"; echo problem >&2; exit 7';
    const words = ["it's", '$HOME', 'a  b', '*', ''];
    expect(await said({}, text, ...words)).toEqual({
      code: 7,
      output: `${words.join('|')}|`,
      complaints: ['problem'],
    });
    expect(await said({}, 'kill -TERM $$')).toMatchObject({ code: 'SIGTERM' });
  });

  it('is root by sudo where the user is not', async () => {
    expect(await said({ ssh: { user: 'helper' } }, 'id -u; echo "$1"', 'a b')).toEqual({
      code: 0,
      output: '0\na b\n',
      complaints: [],
    });
  });

  it('refuses a user whom sudo does not let', async () => {
    const { code, message } = await refused({ ssh: { user: 'guest' } });
    expect(code).toBe('forbidden');
    expect(message).toMatch(
      new RegExp(
        `^guest does not become root on machine ${self}: sudo: .*password.*` +
          ' - a rule "guest ALL=\\(root\\) NOPASSWD: /bin/sh" of sudo lets it$',
      ),
    );
  });

  it('refuses a user where there is no sudo', async () => {
    const bare = await SshServer.start(['usr']);
    try {
      const asked = { port: bare.port, ssh: bare.access() };
      expect(await said(asked, 'rm /usr/bin/sudo')).toMatchObject({ code: 0 });
      expect(await refused({ ...asked, ssh: bare.access({ user: 'helper' }) })).toEqual({
        code: 'forbidden',
        message: expect.stringMatching(
          new RegExp(
            `^helper does not become root on machine ${self}: .*sudo: .*not found - a rule`,
          ),
        ) as string,
      });
    } finally {
      await bare.stop();
    }
  });

  it('knows a host whose name is hashed', async () => {
    const file = server.write('hashed', `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    expect(await said({ ssh: { knownHosts: file } }, 'echo in')).toMatchObject({ output: 'in\n' });
  });

  it('refuses a host that is not known, and one with another key', async () => {
    const nobody = server.write('nobody', '');
    expect(await refused({ ssh: { knownHosts: nobody } })).toEqual({
      code: 'unauthorized',
      message:
        `${where()}: its host key is ${hostKeyHash()}, and ${nobody} has no key of it;` +
        ' add it when it is the right one',
    });
    const key = makeSshKey(server.at('other_host'));
    const changed = server.write('changed', `[127.0.0.1]:${server.port} ${key}\n`);
    expect(await refused({ ssh: { knownHosts: changed } })).toEqual({
      code: 'unauthorized',
      message:
        `${where()}: its host key is ${hostKeyHash()}, and ${changed} has another key of it:` +
        ' it is another machine, or was installed anew',
    });
  });

  it('refuses when known_hosts cannot be read', async () => {
    const absent = server.at('absent');
    expect(await refused({ ssh: { knownHosts: absent } })).toEqual({
      code: 'rejected',
      message: `${where()}: ${absent} cannot be read (ENOENT)`,
    });
  });

  it('refuses with a key that is not let in, and with what is no key', async () => {
    makeSshKey(server.at('stranger'));
    expect(await refused({ ssh: { key: server.at('stranger') } })).toEqual({
      code: 'unauthorized',
      message: `${where()}: it does not let this key in`,
    });
    makeSshKey(server.at('locked'), '-N', 'a passphrase');
    for (const name of ['locked', 'known_hosts']) {
      const file = server.at(name);
      expect(await refused({ ssh: { key: file } })).toEqual({
        code: 'rejected',
        message:
          `${where()}: ${file} is no private key that can be used as it is` +
          ' - one with a passphrase is used by way of an agent',
      });
    }
  });

  it('uses the keys of an agent', async () => {
    const { key: _, ...withoutKey } = server.access();
    const access = {
      ssh: withoutKey,
      machines: { [self]: { host: '127.0.0.1', port: server.port } },
    };
    expect(
      await refusalOf(createSshMachines({ access, agentSocket: undefined }).connect(self, never)),
    ).toEqual({
      code: 'rejected',
      message: `${where()}: the worker has no agent: SSH_AUTH_SOCK is not set`,
    });
    const socket = server.at('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      await untilTrue('the agent listens', () => Promise.resolve(existsSync(socket)));
      const environment = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync('ssh-add', ['-q', server.at('key')], { env: environment, stdio: 'ignore' });
      const shell = await createSshMachines({ access, agentSocket: socket }).connect(self, never);
      const { output } = await shell.run(script('echo in'), never);
      shell.close();
      expect(output.toString('utf8')).toBe('in\n');
    } finally {
      const gone = once(agent, 'exit');
      agent.kill();
      await gone;
    }
  });

  it('goes by a jump host, whose key is looked up as well', async () => {
    const jump = await SshServer.start();
    try {
      const known = [jump, server].map(({ port, hostKey }) => `[127.0.0.1]:${port} ${hostKey}\n`);
      server.write('both', known.join(''));
      jump.write('authorized_keys', `${execFileSync('cat', [server.at('key.pub')]).toString()}\n`);
      const way = { host: '127.0.0.1', port: jump.port, user: 'guest' };
      const ssh = { jump: way, knownHosts: server.at('both') };
      expect(await said({ ssh }, 'id -u')).toMatchObject({ output: '0\n' });

      expect(await refused({ ssh: { jump: way } })).toMatchObject({
        code: 'unauthorized',
        message: expect.stringContaining(
          `connecting to jump host 127.0.0.1 (guest@127.0.0.1:${jump.port}): its host key is`,
        ) as string,
      });
      const port = await freePortBlock(1);
      const knownHosts = server.write('any', known.join('').replaceAll(/^\S+/gm, '*'));
      expect(await refused({ ssh: { ...ssh, knownHosts }, port })).toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining(`machine ${self} (127.0.0.1:${port})`) as string,
      });
    } finally {
      await jump.stop();
    }
  });

  it('refuses an address that leads to another machine', async () => {
    expect(await refused({ name: 'worker-9' })).toEqual({
      code: 'rejected',
      message:
        `127.0.0.1:${server.port} is not machine worker-9: it calls itself ${self}` +
        ' - correct driver.machines.worker-9, or name its hostname there',
    });
    expect(await said({ name: 'worker-9', hostname: self }, 'echo in')).toMatchObject({ code: 0 });
  });

  it('refuses a machine that the access file does not name', async () => {
    expect(await refusalOf(machines().connect('worker-9', never))).toEqual({
      code: 'rejected',
      message: 'no machine is known for worker-9: add driver.machines.worker-9 to the access file',
    });
  });

  it('tells when nobody listens', async () => {
    const port = await freePortBlock(1);
    expect(await refused({ port })).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('bounds the time of a script, and what it prints', async () => {
    const shell = await connected();
    expect(await refusalOf(shell.run(script('sleep 30', { timeoutMs: 200 }), never))).toEqual({
      code: 'timeout',
      message: `testing on machine ${self}: no end within 0.2 s`,
    });
    expect(await refusalOf(shell.run(script('yes'), never))).toEqual({
      code: 'unexpected',
      message: `testing on machine ${self}: it printed more than 1000 bytes`,
    });
    shell.close();
    expect(await refusalOf(shell.run(script('true'), never))).toEqual({
      code: 'unreachable',
      message: `testing on machine ${self}: the connection was lost`,
    });
  });

  it.each(['root', 'helper'])(
    'leaves nothing of a script that took too long, as %s',
    async (user) => {
      const shell = await connected({ ssh: { user } });
      const living = async (): Promise<string> =>
        (await said({}, 'pgrep -x -a sleep | grep 432 || true')).output;
      const began = server.at(`began-${user}`);
      const text = `touch ${began}; sleep 4321 & sleep 4322; sleep 4323`;
      const late = refusalOf(shell.run(script(text, { timeoutMs: 2_000 }), never));
      expect(await late).toMatchObject({ code: 'timeout' });
      shell.close();
      expect(existsSync(began)).toBe(true);
      await untilTrue('it is ended', async () => (await living()) === '');
    },
  );

  it('gives a script up when it is cancelled, and does not begin one afterwards', async () => {
    const shell = await connected();
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const running = shell.run(script('sleep 30'), controller.signal);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    await expect(shell.run(script('true'), controller.signal)).rejects.toBe(reason);
    await expect(machines().connect(self, controller.signal)).rejects.toBe(reason);
    shell.close();
  });

  it('tells when the connection is cut while a script runs', async () => {
    const relay = await Relay.to(server.port);
    const knownHosts = server.write('relayed', `[127.0.0.1]:${relay.port} ${server.hostKey}\n`);
    const shell = await connected({ port: relay.port, ssh: { knownHosts } });
    const running = refusalOf(shell.run(script('sleep 30'), never));
    relay.cut();
    expect(await running).toEqual({
      code: 'unreachable',
      message: `testing on machine ${self}: the connection was lost`,
    });
    await relay.close();
  });
});
