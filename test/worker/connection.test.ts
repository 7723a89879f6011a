import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { NativeConnection } from '@temporalio/worker';

import { connectToTemporal, diagnose } from '../../worker/connection';
import { grpcError } from '../support/grpc-error';

type Options = Parameters<typeof connectToTemporal>[0];

/** A connection to a server whose namespaces are `default` and `upgrades`. */
function aConnection(closed: string[], answer?: Error): NativeConnection {
  const connection = {
    withDeadline: (_deadline: number, call: () => Promise<unknown>) => call(),
    workflowService: {
      describeNamespace: async ({ namespace }: { namespace: string }) => {
        if (answer !== undefined) throw answer;
        if (!['default', 'upgrades'].includes(namespace)) throw grpcError(5);
        return {};
      },
    },
    close: async () => void closed.push('closed'),
  };
  return connection as unknown as NativeConnection;
}

function connect(over: Partial<Options> = {}): ReturnType<typeof connectToTemporal> {
  return connectToTemporal({
    source: { address: '127.0.0.1:1' },
    env: {},
    timeoutMs: 0,
    signal: new AbortController().signal,
    onWaiting: () => undefined,
    dial: async () => aConnection([]),
    ...over,
  });
}

const refused: Options['dial'] = () => Promise.reject(new Error('transport error'));

/** Listens on loopback, accepts, and says nothing. */
async function aSilentServer(): Promise<{ address: string; server: Server }> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describe('connectToTemporal', () => {
  it('takes address and namespace from the environment, TLS and key included', async () => {
    const dialled: unknown[] = [];
    const env = {
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'upgrades',
      TEMPORAL_API_KEY: 'secret',
    };
    const dial: Options['dial'] = async (options) => {
      dialled.push(options);
      return aConnection([]);
    };
    const connected = await connect({ source: {}, env, dial });
    expect(connected).toMatchObject({ address: 'temporal.example:7233', namespace: 'upgrades' });
    expect(dialled).toEqual([
      expect.objectContaining({ address: 'temporal.example:7233', apiKey: 'secret', tls: true }),
    ]);
  });

  it('takes empty variables for absent ones', async () => {
    const names = ['ADDRESS', 'NAMESPACE', 'PROFILE', 'API_KEY', 'TLS', 'CONFIG_FILE'];
    const env = Object.fromEntries(names.map((name) => [`TEMPORAL_${name}`, '']));
    const connected = await connect({ source: {}, env });
    expect(connected).toMatchObject({ address: 'localhost:7233', namespace: 'default' });
  });

  it('lets the caller win, and has defaults', async () => {
    const env = { TEMPORAL_ADDRESS: 'other:7233', TEMPORAL_NAMESPACE: 'nope' };
    const source = { address: 'here:7233', namespace: 'default' };
    const given = await connect({ source, env });
    expect(given).toMatchObject({ address: 'here:7233', namespace: 'default' });
    expect(await connect({ source: {} })).toMatchObject({
      address: 'localhost:7233',
      namespace: 'default',
    });
  });

  it('waits for the server, and says so once', async () => {
    const told: string[] = [];
    const failures = [new Error('transport error'), new Error('transport error')];
    const connected = await connect({
      timeoutMs: 60_000,
      onWaiting: (address) => void told.push(address),
      dial: async () => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        return aConnection([]);
      },
    });
    expect(connected.namespace).toBe('default');
    expect(told).toEqual(['127.0.0.1:1']);
  });

  it('waits for a server that connects and cannot answer yet', async () => {
    const closed: string[] = [];
    const answers = [grpcError(14), undefined];
    await connect({
      timeoutMs: 60_000,
      dial: async () => aConnection(closed, answers.shift()),
    });
    expect(closed).toEqual(['closed']);
  });
});

describe('connectToTemporal fails', () => {
  it('in plain words when nothing listens', async () => {
    await expect(connect({ dial: refused })).rejects.toMatchObject({
      code: 'temporal-unreachable',
      message: 'Temporal did not answer at 127.0.0.1:1: nothing listens there',
    });
    await expect(connect({ dial: refused, timeoutMs: 600 })).rejects.toMatchObject({
      message: 'Temporal did not answer at 127.0.0.1:1 within 1 s: nothing listens there',
    });
  });

  it('at once when the namespace is missing, with the command that makes it', async () => {
    const closed: string[] = [];
    const source = { address: 'here:7233', namespace: 'nope' };
    const connecting = connect({
      source,
      timeoutMs: 60_000,
      dial: async () => aConnection(closed),
    });
    await expect(connecting).rejects.toMatchObject({
      code: 'namespace-missing',
      message: 'Temporal at here:7233 has no namespace nope',
      remedy: 'create it: temporal operator namespace create --namespace nope',
    });
    expect(closed).toEqual(['closed']);
  });

  it.each([
    [7, 'temporal-refused'],
    [16, 'temporal-refused'],
    [3, 'connection-invalid'],
  ])('at once when the server answers with gRPC status %d', async (status, code) => {
    const dial: Options['dial'] = async () => aConnection([], grpcError(status));
    await expect(connect({ timeoutMs: 60_000, dial })).rejects.toMatchObject({ code });
  });

  it('when it is told to stop waiting', async () => {
    const controller = new AbortController();
    const reason = new Error('SIGTERM');
    const connecting = connect({
      timeoutMs: 600_000,
      signal: controller.signal,
      onWaiting: () => controller.abort(reason),
      dial: refused,
    });
    await expect(connecting).rejects.toBe(reason);
  });

  it('when the profile cannot be used', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'ascent-profile-'));
    const configFile = path.join(folder, 'temporal.toml');
    await writeFile(configFile, '[profile.default\naddress = 1');
    await expect(connect({ source: { configFile } })).rejects.toMatchObject({
      code: 'connection-invalid',
    });
    await rm(folder, { recursive: true });
  });
});

describe('diagnose', () => {
  it('tells a server that speaks something else', async () => {
    const { address, server } = await aSilentServer();
    expect(await diagnose(address)).toBe(
      'something accepts connections there, but it does not answer as Temporal (TLS or not?)',
    );
    server.close();
  });

  it.each([
    ['temporal', 'this is not HOST:PORT'],
    ['temporal:x', 'this is not HOST:PORT'],
    ['temporal:70000', 'this is not HOST:PORT'],
    ['no-such-host.invalid:7233', 'the name no-such-host.invalid is not known'],
  ])('%s: %s', async (address, expected) => {
    expect(await diagnose(address)).toBe(expected);
  });
});
