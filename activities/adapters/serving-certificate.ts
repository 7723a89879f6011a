// When the certificate that a server shows expires, read from a TLS handshake of our own: clients
// of HTTP and gRPC keep their connections, which remember the certificate they began with.

import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type DetailedPeerCertificate } from 'node:tls';

import type { CertificateObservation } from '../../domain/observation';
import { PortError } from '../ports';
import { boundedCall } from './bounded-call';

const handshakeTimeoutMs = 5_000;

/** The server is verified as for any request; what is shown to it is in `tls`. */
export interface Handshake {
  /** `https://HOST:PORT`, with or without a path. */
  readonly url: string;
  readonly tls: ConnectionOptions;
  readonly signal: AbortSignal;
}

/**
 * Of the certificate and the authorities above it the one that expires first. Undefined when no
 * handshake came about, which whoever asks the server for something is told with its cause. Throws
 * the signal's reason only.
 */
export async function servingCertificate(
  handshake: Handshake,
): Promise<CertificateObservation | undefined> {
  const { url, signal } = handshake;
  const doing = `reading the certificate of ${url}`;
  try {
    const call = { doing, timeoutMs: handshakeTimeoutMs, signal };
    const expiresAtMs = await boundedCall(call, (inner) => expiryShown(handshake, inner));
    if (!Number.isFinite(expiresAtMs)) return undefined;
    return {
      expiresAt: new Date(expiresAtMs).toISOString(),
      expiresInSeconds: Math.round((expiresAtMs - Date.now()) / 1_000),
    };
  } catch (error) {
    if (error instanceof PortError) return undefined;
    throw error;
  }
}

function expiryShown({ url, tls }: Handshake, signal: AbortSignal): Promise<number> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: port === '' ? 443 : Number(port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...tls,
      rejectUnauthorized: true,
    });
    const onAbort = (): void => {
      socket.destroy(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => {
      resolve(earliestExpiry(socket.getPeerCertificate(true)));
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      reject(new Error('closed'));
    });
  });
}

/** NaN when there is no certificate. An authority that signed itself is its own issuer. */
function earliestExpiry(shown: DetailedPeerCertificate): number {
  let earliest = Date.parse(shown.valid_to);
  const seen = new Set<DetailedPeerCertificate>([shown]);
  // Node leaves the issuer out where the chain ends without one.
  let issuer = shown.issuerCertificate as DetailedPeerCertificate | undefined;
  while (issuer !== undefined && !seen.has(issuer)) {
    seen.add(issuer);
    earliest = Math.min(earliest, Date.parse(issuer.valid_to));
    issuer = issuer.issuerCertificate as DetailedPeerCertificate | undefined;
  }
  return earliest;
}
