// The machines of a cluster by SSH, as root.
// M1. A machine is asked who it is before anything else: an address that leads to another one is
//     refused, so that no node is drained for the upgrade of its neighbour.
// M2. A user who is not root needs one rule of sudo: `NOPASSWD: /bin/sh`.
// M3. What runs for longer than anybody waits for it is ended there by itself: neither sshd nor a
//     connection that is lost does that.

import type { KubeadmSshAccess, MachineAddress } from '../access';
import { shellWord } from '../drivers/machine-script';
import type { MachineShell, Machines, RootScript, ScriptEnd } from '../drivers/machine-shell';
import { PortError } from '../ports';
import { connectSsh, type SshConnection } from './ssh-connection';

const askMs = 20_000;
const answerBytesMax = 4_096;

const asRoot = { root: '/bin/sh', other: 'sudo -n /bin/sh' } as const;

/** By then nobody waits any more. */
const endAfterMs = 1_000;
/** From SIGTERM to SIGKILL. */
const killSeconds = 5;

/** Its user's number and the machine's name, a line each. */
const whoAreYou = 'id -u && { hostname || uname -n; }\n';

export interface SshMachinesOptions {
  readonly access: Pick<KubeadmSshAccess, 'ssh' | 'machines' | 'etcd'>;
  readonly agentSocket: string | undefined;
}

/** Connects nothing yet. */
export function createSshMachines({ access, agentSocket }: SshMachinesOptions): Machines {
  const { ssh, machines, etcd } = access;
  return {
    names: Object.keys(machines),
    connect: async (name, signal) => {
      const key = machines[name] === undefined ? 'driver.etcd.machines' : 'driver.machines';
      const address = machines[name] ?? etcd?.machines[name];
      if (address === undefined) throw unknownMachine(name);
      const target = { what: `machine ${name}`, host: address.host, port: address.port };
      const connection = await connectSsh({ access: ssh, target, agentSocket }, signal);
      try {
        const wanted = { name, key: `${key}.${name}`, address, user: ssh.user };
        return await rootShell(connection, wanted, signal);
      } catch (error) {
        connection.close();
        throw error;
      }
    },
  };
}

function unknownMachine(name: string): PortError {
  const message = `no machine is known for ${name}: add driver.machines.${name} to the access file`;
  return new PortError('rejected', message);
}

interface Wanted {
  readonly name: string;
  /** Of the access file. */
  readonly key: string;
  readonly address: MachineAddress;
  readonly user: string;
}

async function rootShell(
  connection: SshConnection,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<MachineShell> {
  const isRoot = await checkName(connection, wanted, signal);
  if (!isRoot) await checkSudo(connection, wanted, signal);
  const shell = isRoot ? asRoot.root : asRoot.other;
  return {
    run: ({ script, args, input, ...limits }: RootScript, aborted): Promise<ScriptEnd> => {
      const words = args.map(shellWord);
      const inner = input === undefined ? ['-s', '--'] : ['-c', shellWord(script), 'sh'];
      const command = [shell, '-c', shellWord(bounded(limits)), 'sh', ...inner, ...words].join(' ');
      return connection.run({ ...limits, command, input: input?.stream ?? script }, aborted);
    },
    close: () => connection.close(),
  };
}

/** M3. Sh with the arguments of this, in a process group of its own. */
function bounded({ timeoutMs }: Pick<RootScript, 'timeoutMs'>): string {
  const limitSeconds = Math.ceil((timeoutMs + endAfterMs) / 1_000);
  return `exec timeout -k ${killSeconds} ${limitSeconds} ${asRoot.root} "$@"`;
}

/** M1. Whether the user is root. */
async function checkName(
  connection: SshConnection,
  { name, key, address }: Wanted,
  signal: AbortSignal,
): Promise<boolean> {
  const doing = 'asking who it is';
  const limits = { timeoutMs: askMs, outputBytesMax: answerBytesMax };
  const ask = { doing, command: `${asRoot.root} -s`, input: whoAreYou, ...limits };
  const { code, output, complaints } = await connection.run(ask, signal);
  const [user, calledText] = output.toString('utf8').trim().split('\n');
  if (code !== 0 || user === undefined || calledText === undefined) {
    const why = complaints.at(-1) ?? `it ended with ${code}`;
    throw new PortError('unexpected', `${doing} on machine ${name}: ${why}`);
  }
  const called = calledText.toLowerCase();
  const expected = address.hostname ?? name;
  if (called === expected.toLowerCase()) return user === '0';
  const message =
    `${address.host}:${address.port} is not machine ${name}: it calls itself ${called}` +
    ` - correct ${key}, or name its hostname there`;
  throw new PortError('rejected', message);
}

/** M2. */
async function checkSudo(
  connection: SshConnection,
  { name, user }: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const limits = { timeoutMs: askMs, outputBytesMax: answerBytesMax };
  const ask = { doing: 'asking for root', command: `${asRoot.other} -s`, input: 'id -u\n' };
  const { output, complaints } = await connection.run({ ...ask, ...limits }, signal);
  if (output.toString('utf8').trim() === '0') return;
  const why = complaints.at(-1) ?? 'sudo says nothing';
  const message =
    `${user} does not become root on machine ${name}: ${why}` +
    ` - a rule "${user} ALL=(root) NOPASSWD: /bin/sh" of sudo lets it`;
  throw new PortError('forbidden', message);
}
