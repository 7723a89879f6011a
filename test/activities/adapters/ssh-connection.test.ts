// What is said before anybody could listen: a server that ends each command in the same moment that
// it begins it.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import { Server, utils } from 'ssh2';

import { connectSsh } from '../../../activities/adapters/ssh-connection';
import { never } from './support/refusals';
import { temporaryDirectory } from './support/temporary-directory';

const directory = temporaryDirectory();
const key = utils.generateKeyPairSync('ed25519');
const at = (name: string): string => path.join(directory, name);

let server: Server;
let port: number;

beforeAll(async () => {
  server = new Server({ hostKeys: [key.private] }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (asked) => asked.accept());
    client.on('ready', () => {
      client.on('session', (accept) => {
        accept().on('exec', (accepted) => {
          const channel = accepted();
          channel.stderr.write('sudo: not found\n');
          channel.exit(127);
          channel.close();
        });
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  writeFileSync(at('known_hosts'), `[127.0.0.1]:${port} ${key.public}\n`);
  writeFileSync(at('key'), key.private, { mode: 0o600 });
});

afterAll(() => {
  server.close();
});

it('hears how a command ended that ends at once', async () => {
  const access = { user: 'root', key: at('key'), knownHosts: at('known_hosts') };
  const target = { what: 'machine worker-1', host: '127.0.0.1', port };
  const connection = await connectSsh({ access, target, agentSocket: undefined }, never);
  const limits = { timeoutMs: 30_000, outputBytesMax: 100 };
  const command = { doing: 'looking', command: 'sudo true', input: 'script', ...limits };
  const end = await connection.run(command, never);
  connection.close();
  expect(end).toEqual({
    code: 127,
    output: Buffer.alloc(0),
    complaints: ['sudo: not found'],
  });
});
