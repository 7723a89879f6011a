// A certificate authority for one test file: servers on loopback and clients that know it.

import 'reflect-metadata';

import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;

export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface TestAuthority {
  /** PEM of the authority itself. */
  readonly ca: string;
  server(): Promise<Identity>;
  client(commonName: string): Promise<Identity>;
}

/** `endsInMs`: from now on, of it and of all that it signs; an hour when absent. */
export async function createAuthority(name: string, endsInMs = hourMs): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const subject = `CN=${name}`;
  const notBefore = new Date(Date.now() - hourMs);
  const notAfter = new Date(Date.now() + endsInMs);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    keys,
    signingAlgorithm: algorithm,
    notBefore,
    notAfter,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });

  async function issue(
    commonName: string,
    extensions: readonly x509.Extension[],
  ): Promise<Identity> {
    const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${commonName}`,
      issuer: subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      notBefore,
      notAfter,
      extensions: [...extensions],
    });
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
    return {
      certificate: certificate.toString('pem'),
      key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    };
  }

  return {
    ca: ca.toString('pem'),
    server: () =>
      issue('server', [
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'ip', value: '127.0.0.1' },
          { type: 'dns', value: 'localhost' },
        ]),
      ]),
    client: (commonName) =>
      issue(commonName, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]),
  };
}
