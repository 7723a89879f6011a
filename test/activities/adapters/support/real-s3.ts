// A real S3 server with TLS on loopback, and a line to it that can be cut.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';

import { S3 } from '@aws-sdk/client-s3';

import type { S3Access } from '../../../../activities/access';
import { freePortBlock } from '../../../../lab/free-ports';
import { resolveBinary } from '../../../../lab/toolchain/resolve';
import { createAuthority } from './pki';
import { type RealProcess, startProcess } from './real-process';

export interface RealS3 {
  /** Of a bucket that exists; endpoint, CA and credentials are those of the server. */
  readonly access: S3Access & Required<Pick<S3Access, 'endpoint' | 'ca' | 'credentials'>>;
  readonly client: S3;
  /** Writes a credentials file of the AWS tools. */
  credentials(name: string, key: string, secret: string): { readonly file: string };
  /** Of the server's log: one for each request that was granted, such as `UploadPart`. */
  operations(): readonly string[];
  line(options: LineOptions): Promise<Line>;
  /** SIGKILL, and a new one on the same data. */
  restart(): Promise<void>;
  kill(): Promise<void>;
  close(): Promise<void>;
}

interface LineOptions {
  /** Bytes that the client may send before `onUsedUp`. */
  readonly bytes: number;
  /** Called once; nothing more comes through until `mend`. */
  readonly onUsedUp: () => void;
}

export interface Line {
  readonly endpoint: string;
  mend(): void;
  close(): Promise<void>;
}

const rootKey = 'root-access';
const rootSecret = 'root-secret-of-the-test';
const region = 'eu-test-1';
const bucket = 'ascent-snapshots';

export async function startS3(parent: string): Promise<RealS3> {
  const directory = path.join(parent, 's3');
  const [data, sidecar] = ['data', 'sidecar'].map((name) => path.join(directory, name));
  for (const folder of [data, sidecar]) mkdirSync(folder ?? '', { recursive: true });
  const authority = await createAuthority('s3-ca');
  const identity = await authority.server();
  const write = (name: string, content: string): string => {
    const file = path.join(directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const files = {
    ca: write('ca.crt', authority.ca),
    certificate: write('server.crt', identity.certificate),
    key: write('server.key', identity.key),
  };
  const credentials = (name: string, key: string, secret: string): { readonly file: string } => ({
    file: write(name, `[default]\naws_access_key_id = ${key}\naws_secret_access_key = ${secret}\n`),
  });
  const sources = { ...process.env, ASCENT_TOOLCHAIN_SOURCES: 'environment,path,cache' };
  const { path: executable } = await resolveBinary('versitygw', { env: sources });
  const port = await freePortBlock(1);
  const endpoint = `https://127.0.0.1:${String(port)}`;
  const log = path.join(directory, 'access.log');
  const client = new S3({
    region,
    endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: rootKey, secretAccessKey: rootSecret },
    requestHandler: { httpsAgent: { ca: authority.ca } },
  });
  const isReady = (): Promise<boolean> =>
    client.listBuckets({}).then(
      () => true,
      () => false,
    );
  const start = (): Promise<RealProcess> =>
    startProcess({
      name: 'versitygw',
      executable,
      args: [
        `--port=127.0.0.1:${String(port)}`,
        `--access=${rootKey}`,
        `--secret=${rootSecret}`,
        `--region=${region}`,
        `--cert=${files.certificate}`,
        `--key=${files.key}`,
        `--access-log=${log}`,
        '--quiet',
        'posix',
        `--sidecar=${sidecar ?? ''}`,
        data ?? '',
      ],
      directory,
      isReady,
    });
  let server = await start();
  await client.createBucket({ Bucket: bucket });
  return {
    access: {
      bucket,
      region,
      endpoint,
      ca: files.ca,
      credentials: credentials('credentials', rootKey, rootSecret),
    },
    client,
    credentials,
    operations: () =>
      [...readFileSync(log, 'utf8').matchAll(/ s3_(\w+) .* 200 /g)].map(([, name = '']) => name),
    line: (options) => openLine(port, options),
    async restart() {
      await server.kill();
      server = await start();
    },
    kill: () => server.kill(),
    async close() {
      client.destroy();
      await server.kill();
    },
  };
}

/** Hands bytes on without looking into them. */
async function openLine(port: number, { bytes, onUsedUp }: LineOptions): Promise<Line> {
  const sockets = new Set<Socket>();
  let left = bytes;
  let isCut = false;
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
    onUsedUp();
  };
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    far.pipe(near);
    near.on('data', (chunk) => {
      left -= chunk.length;
      if (left < 0 && !isCut) cut();
    });
    near.pipe(far);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    endpoint: `https://127.0.0.1:${String(address.port)}`,
    mend() {
      isCut = false;
      left = Number.POSITIVE_INFINITY;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
