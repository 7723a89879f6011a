// Ports that nobody listens on and that the system does not hand out to outgoing connections:
// a component that is down for a moment must find its own port again.

import { connect, createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { errnoOf, LabError } from './lab-error';

const loopback = '127.0.0.1';
const lowestPort = 20_000;
const lowestPortBesideLabs = 12_000;
/** Used where the system does not tell its own range (ip_local_port_range). */
const usualFirstEphemeralPort = 32_768;

async function firstEphemeralPort(): Promise<number> {
  try {
    const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const first = Number(text.trim().split(/\s+/)[0]);
    return Number.isInteger(first) ? first : usualFirstEphemeralPort;
  } catch {
    return usualFirstEphemeralPort;
  }
}

/** True when a socket could be bound to the port on 127.0.0.1 just now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error) => {
      if (errnoOf(error) === 'EADDRINUSE' || errnoOf(error) === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen({ port, host: loopback, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** True when somebody accepts connections to the port on 127.0.0.1. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: loopback, port });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

async function isBlockFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port += 1) {
    if (!(await isPortFree(port))) return false;
  }
  return true;
}

/**
 * The first port of `count` free ones in a row. `reserved` are ports of labs that are down just
 * now but will want theirs back. Starts at a random place, so that two labs that come up at the
 * same moment hardly ever look at the same block.
 */
export async function freePortBlock(
  count: number,
  reserved: ReadonlySet<number> = new Set(),
): Promise<number> {
  return await portBlockIn({ first: lowestPort, end: await firstEphemeralPort() }, count, reserved);
}

/** A port below those of labs, for servers beside them that never come back to theirs. */
export function freePortBesideLabs(): Promise<number> {
  return portBlockIn({ first: lowestPortBesideLabs, end: lowestPort }, 1, new Set());
}

async function portBlockIn(
  range: { readonly first: number; readonly end: number },
  count: number,
  reserved: ReadonlySet<number>,
): Promise<number> {
  const blocks = Math.floor((range.end - range.first) / count);
  const start = blocks > 0 ? randomInt(blocks) : 0;
  for (let tried = 0; tried < blocks; tried += 1) {
    const first = range.first + ((start + tried) % blocks) * count;
    const isReserved = Array.from({ length: count }, (_, index) => first + index).some((port) =>
      reserved.has(port),
    );
    if (!isReserved && (await isBlockFree(first, count))) return first;
  }
  throw new LabError(
    'port-taken',
    `no ${count} free ports in a row between ${range.first} and ${range.end} on ${loopback}`,
  );
}
