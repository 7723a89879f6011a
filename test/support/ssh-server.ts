// A real sshd on the loopback, with users of its own: in namespaces, so that the host's accounts,
// /run and processes stay what they are. Takes root.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { SshAccess } from '../../activities/access';
import { freePortBlock, isListening } from '../../lab/free-ports';
import { untilTrue } from './lab-until';

export const isRoot = process.geteuid?.() === 0;

/** `describe` where a server can be run; elsewhere it is told, and skipped. */
export const describeAsRoot = isRoot ? describe : describe.skip;
if (!isRoot) process.stderr.write('skipped: only root can run an sshd with users of its own\n');

/** At home where no profile is: what the host's root runs at every login may take a lock. */
const root = 'root:*:0:0::/:/bin/bash\n';
/** Beside root: one whom sudo lets become root by /bin/sh, and one whom it does not. */
const users = ['helper', 'guest'] as const;
const sudoers = `root ALL=(ALL) ALL\nhelper ALL=(root) NOPASSWD: /bin/sh\n`;

function accounts(): string {
  const own = users.map((name, at) => `${name}:*:${64_000 + at}:${64_000 + at}::/:/bin/sh\n`);
  // The first line of a name counts.
  return [root, readFileSync('/etc/passwd', 'utf8'), ...own].join('');
}

/** /run is its own: sshd needs a directory there, which only a service makes. */
const inside = [
  'set -eu',
  'for tree in $2; do',
  '  mkdir -p "$1/own/$tree" "$1/overlay/$tree"',
  '  sides="upperdir=$1/own/$tree,workdir=$1/overlay/$tree"',
  '  mount -t overlay -o "lowerdir=/$tree,$sides" overlay "/$tree"',
  'done',
  'mount -t tmpfs tmpfs /run',
  'mkdir /run/sshd',
  // A boot of its own, which ends with its power.
  'cat /proc/sys/kernel/random/uuid > /run/boot-id',
  'mount --bind /run/boot-id /proc/sys/kernel/random/boot_id',
  'mount --bind "$1/passwd" /etc/passwd',
  'mount --bind "$1/sudoers" /etc/sudoers',
  'exec /usr/sbin/sshd -D -e -f "$1/sshd_config"',
].join('\n');

function configOf(port: number, at: (name: string) => string): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${at('host_key')}`,
    `AuthorizedKeysFile ${at('authorized_keys')}`,
    'PidFile none',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'StrictModes no',
    'UsePAM no',
    '',
  ].join('\n');
}

export function makeSshKey(file: string, ...args: readonly string[]): string {
  const usual = ['-q', '-t', 'ed25519', '-N', '', '-C', 'test'];
  execFileSync('ssh-keygen', [...usual, ...args, '-f', file]);
  return readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}

export class SshServer {
  readonly port: number;
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  readonly #directory: string;
  readonly #ownTrees: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(
    port: number,
    hostKey: string,
    { directory, ownTrees }: { readonly directory: string; readonly ownTrees: readonly string[] },
  ) {
    this.port = port;
    this.hostKey = hostKey;
    this.#directory = directory;
    this.#ownTrees = ownTrees;
  }

  /** What is written below `ownTrees` (`etc`), the host never sees. */
  static async start(ownTrees: readonly string[] = []): Promise<SshServer> {
    const directory = mkdtempSync(path.join(tmpdir(), 'ascent-ssh-'));
    const at = (name: string): string => path.join(directory, name);
    const hostKey = makeSshKey(at('host_key'));
    writeFileSync(at('authorized_keys'), `${makeSshKey(at('key'))}\n`);
    writeFileSync(at('passwd'), accounts());
    writeFileSync(at('sudoers'), sudoers, { mode: 0o440 });
    const port = await freePortBlock(1);
    writeFileSync(at('sshd_config'), configOf(port, at));
    writeFileSync(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
    mkdirSync(at('journal'));
    // The users of its own find their keys there.
    chmodSync(directory, 0o755);
    const server = new SshServer(port, hostKey, { directory, ownTrees });
    await server.#boot();
    return server;
  }

  async #boot(): Promise<void> {
    const flags = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    // A process namespace of its own: nothing of it outlives its first process.
    const args = [this.#directory, this.#ownTrees.join(' ')];
    const child = spawn('unshare', [...flags, 'sh', '-c', inside, 'sh', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await untilTrue('sshd listens', async () => {
      if (child.exitCode !== null) throw new Error(`sshd ended: ${said}`);
      return await isListening(this.port);
    });
    this.#process = child;
  }

  /** Everything that runs there is killed at once; then it starts again, with what was written. */
  async cutPower(): Promise<void> {
    await this.#end();
    await this.#boot();
  }

  async #end(): Promise<void> {
    if (this.#process === undefined) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
    // What it had started ends a little later, and holds the port until then.
    await untilTrue('sshd is gone', async () => !(await isListening(this.port)));
    this.#process = undefined;
  }

  at(name: string): string {
    return path.join(this.#directory, name);
  }

  write(name: string, text: string): string {
    writeFileSync(this.at(name), text);
    return this.at(name);
  }

  access(other: Partial<SshAccess> = {}): SshAccess {
    return { user: 'root', key: this.at('key'), knownHosts: this.at('known_hosts'), ...other };
  }

  /** With everything that runs in it. */
  async stop(): Promise<void> {
    await this.#end();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A way to a port that can be cut. */
export class Relay {
  readonly port: number;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  connections = 0;
  isCut = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async to(target: number): Promise<Relay> {
    const server = createServer();
    const port = await freePortBlock(1);
    const relay = new Relay(server, port);
    server.on('connection', (from) => relay.#join(from, target));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  #join(from: Socket, target: number): void {
    if (this.isCut) {
      from.destroy();
      return;
    }
    this.connections += 1;
    const to = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#open.add(one);
      one.on('error', () => one.destroy());
      // Nobody waits for a server that is down.
      one.on('close', () => this.#open.delete(one) && other.destroySoon());
    }
    from.pipe(to).pipe(from);
  }

  /** Ends what is connected, and lets nobody in until `mend`. */
  cut(): void {
    this.isCut = true;
    for (const one of this.#open) one.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}
