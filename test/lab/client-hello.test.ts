import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { connect } from 'node:tls';

import { readClientHello } from '../../lab/client-hello';

/** The first bytes that a real client sends. */
async function helloOf(protocols: readonly string[] | undefined): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [NodeJS.ReadableStream];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  server.close();
  return bytes;
}

describe('a TLS hello', () => {
  it.each([
    { protocols: ['h2', 'http/1.1'] },
    { protocols: ['http/1.1'] },
    { protocols: undefined },
  ])('tells that a client offers $protocols', async ({ protocols }) => {
    expect(readClientHello(await helloOf(protocols))).toEqual({
      kind: 'hello',
      protocols: protocols ?? [],
    });
  });

  it('is incomplete at every length but the whole', async () => {
    const whole = await helloOf(['h2']);
    const kinds = new Set(
      Array.from(whole, (_, length) => readClientHello(whole.subarray(0, length)).kind),
    );

    expect([...kinds]).toEqual(['incomplete']);
  });

  it('is nothing that another protocol begins with', () => {
    expect(readClientHello(Buffer.from('GET / HTTP/1.1\r\n'))).toEqual({ kind: 'not-tls' });
    expect(readClientHello(Buffer.from([22, 3, 1, 0, 1, 2]))).toEqual({ kind: 'not-tls' });
  });

  it('that lies about its lengths names no protocol and breaks nothing', async () => {
    const whole = await helloOf(['h2']);
    for (let at = 9; at < whole.length; at += 1) {
      const bent = Buffer.from(whole);
      bent[at] = 0xff;
      expect(['hello', 'not-tls', 'incomplete']).toContain(readClientHello(bent).kind);
    }
  });
});
