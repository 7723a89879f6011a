// Plays what exec of pods is on the wire: a WebSocket whose messages begin with the number of their
// stream. Frames are written and read as far as that takes (RFC 6455).

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { WebSocket } from 'undici';

import type { HttpAnswer, KubeConnection } from '../../../../activities/adapters/kube-connection';

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** One session, from the side of the server. */
export class ExecSide {
  readonly #socket: Duplex;
  #unread = Buffer.alloc(0);
  input = '';

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (part: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, part]);
      this.#read();
    });
  }

  send(stream: number, text: string): void {
    const payload = Buffer.concat([Buffer.of(stream), Buffer.from(text)]);
    const head = Buffer.alloc(4);
    head.writeUInt8(0x82);
    head.writeUInt8(126, 1);
    head.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  /** Without a word. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Frames of a client are masked; no test sends one of 64 KiB. */
  #read(): void {
    while (this.#unread.length >= 2) {
      const short = this.#unread.readUInt8(1) & 0x7f;
      const at = short === 126 ? 4 : 2;
      if (this.#unread.length < at + 4) return;
      const length = short === 126 ? this.#unread.readUInt16BE(2) : short;
      const end = at + 4 + length;
      if (this.#unread.length < end) return;
      const mask = this.#unread.subarray(at, at + 4);
      const data = this.#unread.subarray(at + 4, end).map((byte, i) => byte ^ (mask[i % 4] ?? 0));
      const kind = this.#unread.readUInt8(0) & 0x0f;
      if (kind === 8) this.cut();
      if (kind === 2 && data[0] === 0) this.input += Buffer.from(data.subarray(1)).toString('utf8');
      this.#unread = this.#unread.subarray(end);
    }
  }
}

export class ExecServer {
  readonly #server: Server;
  /** What a session does; absent: nobody is let in. */
  play: ((side: ExecSide) => void) | undefined;
  /** To who asks without a WebSocket. */
  answer: HttpAnswer = { status: 400, body: '{}' };
  readonly asked: string[] = [];
  readonly #sessions: ExecSide[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('upgrade', ({ url = '', headers }, socket) => {
      this.asked.push(url);
      if (this.play === undefined) {
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const accept = createHash('sha1')
        .update(`${headers['sec-websocket-key']}${guid}`)
        .digest('base64');
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket'];
      lines.push('Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`);
      lines.push(`Sec-WebSocket-Protocol: ${headers['sec-websocket-protocol']}`);
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      const side = new ExecSide(socket);
      this.#sessions.push(side);
      this.play(side);
    });
  }

  static async start(): Promise<ExecServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ExecServer(server);
  }

  connection(): KubeConnection {
    const { port } = this.#server.address() as AddressInfo;
    const refuse = (): never => {
      throw new Error('not asked for');
    };
    return {
      server: `http://127.0.0.1:${port}`,
      socket: (path, protocol) =>
        Promise.resolve(new WebSocket(`ws://127.0.0.1:${port}${path}`, [protocol])),
      get: () => Promise.resolve(this.answer),
      client: refuse,
      certificate: refuse,
      lines: refuse,
      close: refuse,
    };
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const side of this.#sessions) side.cut();
    this.#server.closeAllConnections();
    await closed;
  }
}
