// How a client finds and reaches Temporal: profiles, environment, TLS, API keys, refusals.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { AscentClient } from '../../client';
import { connectTemporal } from '../../client/connect';
import { TemporalUnreachableError } from '../../client/errors';
import type { TlsServer } from './support/tls-server';
import { startTlsServer } from './support/tls-server';

/** A port that nobody listens on: it was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a connection with TLS', () => {
  let server: TlsServer;

  beforeAll(async () => {
    server = await startTlsServer();
    writeFileSync(
      server.file('profile'),
      `[profile.prod]
address = "${server.address}"
namespace = "upgrades"
api_key = "a-key"
[profile.prod.tls]
server_ca_cert_path = "${server.file('ca')}"
client_cert_path = "${server.file('client')}"
client_key_path = "${server.file('client-key')}"
[profile.prod.grpc_meta]
team = "platform"

[profile.gone]
address = "${server.address}"
[profile.gone.tls]
server_ca_cert_path = "${server.file('ca')}.missing"
`,
    );
  });

  afterEach(() => {
    server.status = 0;
  });

  afterAll(async () => {
    await server.close();
  });

  const prod = () => ({ profile: 'prod', configFile: server.file('profile'), env: {} });

  it('presents certificate, API key and metadata of the profile', async () => {
    const connection = await connectTemporal(prod());

    expect(connection.address).toBe(server.address);
    expect(connection.client.options.namespace).toBe('upgrades');
    expect(server.calls.at(-1)).toEqual({
      path: '/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo',
      authorization: 'Bearer a-key',
      client: 'ada',
      metadata: 'platform',
    });
    await connection.close();
  });

  it('takes the same from the environment', async () => {
    const connection = await connectTemporal({
      env: {
        TEMPORAL_ADDRESS: server.address,
        TEMPORAL_NAMESPACE: 'other',
        TEMPORAL_API_KEY: 'another-key',
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: server.file('ca'),
        TEMPORAL_TLS_CLIENT_CERT_PATH: server.file('client'),
        TEMPORAL_TLS_CLIENT_KEY_PATH: server.file('client-key'),
      },
    });

    expect(connection.client.options.namespace).toBe('other');
    expect(server.calls.at(-1)).toMatchObject({
      authorization: 'Bearer another-key',
      client: 'ada',
    });
    await connection.close();
  });

  it('takes empty variables for absent ones', async () => {
    const names = ['ADDRESS', 'NAMESPACE', 'PROFILE', 'API_KEY', 'TLS', 'TLS_SERVER_NAME'];
    const files = ['TLS_SERVER_CA_CERT_PATH', 'TLS_CLIENT_CERT_PATH', 'TLS_CLIENT_KEY_DATA'];
    const empty = [...names, ...files].map((name) => [`TEMPORAL_${name}`, '']);
    const connection = await connectTemporal({ ...prod(), env: Object.fromEntries(empty) });

    expect(connection.address).toBe(server.address);
    expect(connection.client.options.namespace).toBe('upgrades');
    expect(server.calls.at(-1)).toMatchObject({ authorization: 'Bearer a-key', client: 'ada' });
    await connection.close();
  });

  it('takes a header of the profile away by an empty variable', async () => {
    const connection = await connectTemporal({ ...prod(), env: { TEMPORAL_GRPC_META_TEAM: '' } });

    expect(server.calls.at(-1)).not.toHaveProperty('metadata', 'platform');
    await connection.close();
  });

  it('lets address and namespace of the caller win', async () => {
    const connection = await connectTemporal({
      ...prod(),
      env: { TEMPORAL_ADDRESS: '127.0.0.1:1' },
      address: server.address,
      namespace: 'mine',
    });

    expect(connection.address).toBe(server.address);
    expect(connection.client.options.namespace).toBe('mine');
    await connection.close();
  });

  it.each([
    { status: 16, name: 'unauthenticated' },
    { status: 7, name: 'permission denied' },
  ])('says that it was not let in: $name', async ({ status }) => {
    server.status = status;

    const refused = AscentClient.connect(prod());

    await expect(refused).rejects.toMatchObject({ code: 'temporal-refused' });
    await expect(refused).rejects.not.toMatchObject({
      message: expect.stringContaining('a-key') as string,
    });
  });

  it('does not speak to a server whose authority it does not know', async () => {
    await expect(
      AscentClient.connect({
        env: { TEMPORAL_ADDRESS: server.address, TEMPORAL_TLS: 'true' },
        timeoutMs: 1_000,
      }),
    ).rejects.toMatchObject({ code: 'temporal-unreachable', address: server.address });
  });

  it('names a certificate file that is not there', async () => {
    await expect(AscentClient.connect({ ...prod(), profile: 'gone' })).rejects.toMatchObject({
      code: 'connection-invalid',
      message: expect.stringContaining('.missing') as string,
    });
  });

  it('names a profile that is not there', async () => {
    await expect(AscentClient.connect({ ...prod(), profile: 'nowhere' })).rejects.toMatchObject({
      code: 'connection-invalid',
      message: expect.stringContaining('nowhere') as string,
    });
  });

  it('names a file that is no TOML', async () => {
    await expect(
      AscentClient.connect({ configFile: server.file('ca'), env: {} }),
    ).rejects.toMatchObject({ code: 'connection-invalid' });
  });
});

it('says that nobody answers, and where', async () => {
  const address = `127.0.0.1:${await closedPort()}`;

  await expect(AscentClient.connect({ address, env: {}, timeoutMs: 500 })).rejects.toMatchObject({
    code: 'temporal-unreachable',
    address,
    message: `Temporal does not answer at ${address}`,
  });
});

it('looks at the default address when every variable is empty', async () => {
  const env = { TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '', TEMPORAL_CONFIG_FILE: '' };

  // Whether somebody answers there is up to the machine.
  const attempt = connectTemporal({ env, timeoutMs: 100 }).then(
    async ({ address, close }) => {
      await close();
      return address;
    },
    (error: unknown) => (error instanceof TemporalUnreachableError ? error.address : error),
  );

  await expect(attempt).resolves.toBe('localhost:7233');
});
