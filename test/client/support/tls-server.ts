// As much of a Temporal server as a connection asks for: TLS with an authority of its own, and
// GetSystemInfo. It keeps what clients presented, so that tests can see that it arrived.

import { createPrivateKey, webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createSecureServer } from 'node:http2';
import type { Http2SecureServer } from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Pair {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface SeenCall {
  readonly path: string;
  readonly authorization: string | undefined;
  /** Common name of the client's certificate. */
  readonly client: string | undefined;
  readonly metadata: string | undefined;
}

export interface TlsServer {
  readonly address: string;
  /** PEM files: `ca`, `client`, `client-key`. */
  file(name: 'ca' | 'client' | 'client-key' | 'profile'): string;
  readonly calls: readonly SeenCall[];
  /** gRPC status of the answers; 0 is OK. */
  status: number;
  close(): Promise<void>;
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

const validity = {
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + 3_600_000),
};

async function makeAuthority(): Promise<Pair> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: '01',
      name: 'CN=test authority',
      ...validity,
      signingAlgorithm: algorithm,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    },
    webcrypto,
  );
  return { certificate, keys };
}

async function makeLeaf(authority: Pair, commonName: string): Promise<Pair> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: '02',
      subject: `CN=${commonName}`,
      issuer: authority.certificate.subject,
      ...validity,
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
    },
    webcrypto,
  );
  return { certificate, keys };
}

/** Takes clients with a certificate of its authority only. */
export async function startTlsServer(): Promise<TlsServer> {
  const authority = await makeAuthority();
  const own = await makeLeaf(authority, '127.0.0.1');
  const client = await makeLeaf(authority, 'ada');
  const directory = mkdtempSync(path.join(tmpdir(), 'ascent-tls-'));
  const file = (name: string) => path.join(directory, name);
  writeFileSync(file('ca'), authority.certificate.toString('pem'));
  writeFileSync(file('client'), client.certificate.toString('pem'));
  writeFileSync(file('client-key'), await privatePem(client.keys));
  const calls: SeenCall[] = [];
  const state = { status: 0 };
  const server = createSecureServer({
    key: await privatePem(own.keys),
    cert: own.certificate.toString('pem'),
    ca: authority.certificate.toString('pem'),
    requestCert: true,
  });
  server.on('stream', (stream, headers) => {
    const socket = stream.session?.socket as TLSSocket | undefined;
    const subject = socket?.getPeerCertificate().subject as { CN?: string } | undefined;
    calls.push({
      path: String(headers[':path']),
      authorization: headers.authorization,
      client: subject?.CN,
      metadata: headers['team'] === undefined ? undefined : String(headers['team']),
    });
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc+proto' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': state.status }));
    // One empty message: flag and length.
    stream.end(Buffer.alloc(5));
  });
  const port = await listen(server);
  return {
    address: `127.0.0.1:${port}`,
    file,
    calls,
    get status() {
      return state.status;
    },
    set status(code: number) {
      state.status = code;
    },
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true });
    },
  };
}

function listen(server: Http2SecureServer): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
