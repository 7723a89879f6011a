// How an etcd member is dialled: TLS material, names, and why a dial failed.

import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { isIP } from 'node:net';
import { checkServerIdentity, connect } from 'node:tls';

import { PortError } from '../ports';
import { networkError } from './bounded-call';
import { isError } from './node-errors';

/** PEM contents. */
export interface EtcdCredentials {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export interface EtcdChannel {
  readonly target: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

const baseOptions: ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
};

/**
 * A channel to `https://HOST:PORT` with credentials, or to `unix:PATH` without. Throws PortError
 * `unauthorized` when the credentials cannot be used, such as a key of another certificate.
 */
export function channelTo(endpoint: string, tls: EtcdCredentials | undefined): EtcdChannel {
  if (tls === undefined) {
    return { target: endpoint, credentials: credentials.createInsecure(), options: baseOptions };
  }
  const { host, hostname } = new URL(endpoint);
  const options = isAddress(hostname)
    ? // The library names the target to TLS, which must not be an address (RFC 6066); the address
      // is what the certificate is checked for all the same.
      { ...baseOptions, 'grpc.ssl_target_name_override': 'etcd' }
    : baseOptions;
  return { target: host, credentials: secure(hostname, tls), options };
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function isAddress(hostname: string): boolean {
  return isIP(bare(hostname)) !== 0;
}

function secure(hostname: string, { ca, key, certificate }: EtcdCredentials): ChannelCredentials {
  try {
    return credentials.createSsl(ca, key, certificate, {
      rejectUnauthorized: true,
      checkServerIdentity: (_name, presented) => checkServerIdentity(bare(hostname), presented),
    });
  } catch (cause) {
    const why = isError(cause) ? cause.message : String(cause);
    throw new PortError('unauthorized', `the etcd credentials cannot be used: ${why}`, { cause });
  }
}

const dialTimeoutMs = 2_000;
/** TLS 1.3: a server refuses our certificate only after the handshake looks done to us. */
const afterHandshakeMs = 500;

/**
 * Why a member cannot be reached: gRPC says it in text only, a dial of our own says it by code.
 * Undefined when the dial works, or tells nothing in time.
 */
export function diagnoseDial(
  endpoint: string,
  { ca, certificate, key }: EtcdCredentials,
  doing: string,
): Promise<PortError | undefined> {
  const { hostname, port } = new URL(endpoint);
  const host = bare(hostname);
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port),
      ...(isAddress(hostname) ? {} : { servername: host }),
      ca,
      cert: certificate,
      key,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: true,
    });
    const settle = (error: PortError | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(error);
    };
    let timer = setTimeout(() => settle(undefined), dialTimeoutMs);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => settle(undefined), afterHandshakeMs);
    });
    socket.on('error', (error) => settle(networkError(error, doing)));
    socket.resume();
  });
}
