// The lab's own authorities and everything they sign. Three of them, as kubeadm has: a client of
// the API must not be able to speak to etcd, nor in somebody else's name.
// T1. Every key is made here and stays in the lab's pki directory, mode 0600.
// T2. Every serving certificate names what clients dial, so that nobody has to skip a check.

import 'reflect-metadata';

import { createPrivateKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as x509 from '@peculiar/x509';

import { writeFileAtomic } from './atomic-file';
import type { LabFile } from './lab-file';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
const lifetimeDays = 3_650;
/** Certificates begin a little in the past: clocks in namespaces and containers differ. */
const backdateMs = 5 * 60_000;

/** First address of the service network: the `kubernetes` Service. */
export const kubernetesServiceIp = '10.96.0.1';

/** Who may say on whose behalf it asks: API servers, to aggregated ones. */
export const frontProxyUser = 'front-proxy-client';

/** PEM files by name, without extension: `<name>.crt` and `<name>.key`. */
export interface Pki {
  readonly directory: string;
  certificate(name: string): string;
  key(name: string): string;
}

export function pkiOf(directory: string): Pki {
  return {
    directory,
    certificate: (name) => path.join(directory, `${name}.crt`),
    key: (name) => path.join(directory, `${name}.key`),
  };
}

export interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

const authorityNames = ['ca', 'etcd-ca', 'front-proxy-ca'] as const;
type AuthorityName = (typeof authorityNames)[number];

export interface LeafRequest {
  readonly name: string;
  readonly authority: AuthorityName;
  readonly commonName: string;
  readonly organization?: string;
  readonly usages: readonly ('server' | 'client')[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
}

const usageOids = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
} as const;

/** Addresses of this machine that members may be reached at as well, as machines of their own. */
export const machineAddresses = Array.from({ length: 10 }, (_, index) => `127.0.0.${11 + index}`);

const loopback = ['127.0.0.1', ...machineAddresses];
export const loopbackNames = { dnsNames: ['localhost'], addresses: loopback } as const;

function memberLeaves(lab: LabFile): readonly LeafRequest[] {
  return lab.members.flatMap((member): readonly LeafRequest[] => [
    {
      name: `${member.name}-api-server`,
      authority: 'ca',
      commonName: 'kube-apiserver',
      usages: ['server'],
      dnsNames: [
        'localhost',
        member.name,
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
      ],
      addresses: [...loopback, kubernetesServiceIp, member.advertiseAddress],
    },
    {
      name: `${member.name}-controller-manager`,
      authority: 'ca',
      commonName: 'kube-controller-manager',
      usages: ['server'],
      ...loopbackNames,
    },
    {
      name: `${member.name}-scheduler`,
      authority: 'ca',
      commonName: 'kube-scheduler',
      usages: ['server'],
      ...loopbackNames,
    },
    {
      name: `${member.name}-etcd`,
      authority: 'etcd-ca',
      commonName: member.name,
      // Peers are clients of each other.
      usages: ['server', 'client'],
      dnsNames: ['localhost', member.name],
      addresses: loopback,
    },
  ]);
}

const balancerLeaf: LeafRequest = {
  name: 'balancer',
  authority: 'ca',
  commonName: 'ascent-lab-balancer',
  usages: ['server'],
  dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
  addresses: ['127.0.0.1', kubernetesServiceIp],
};

/** Subjects are those that Kubernetes' built-in roles are bound to. */
const clientLeaves: readonly LeafRequest[] = [
  {
    name: 'admin',
    authority: 'ca',
    commonName: 'ascent-admin',
    organization: 'system:masters',
    usages: ['client'],
  },
  {
    name: 'controller-manager',
    authority: 'ca',
    commonName: 'system:kube-controller-manager',
    usages: ['client'],
  },
  { name: 'scheduler', authority: 'ca', commonName: 'system:kube-scheduler', usages: ['client'] },
  { name: 'kwok', authority: 'ca', commonName: 'ascent:kwok', usages: ['client'] },
  {
    name: 'api-server-etcd-client',
    authority: 'etcd-ca',
    commonName: 'kube-apiserver',
    usages: ['client'],
  },
  { name: 'etcd-client', authority: 'etcd-ca', commonName: 'ascent', usages: ['client'] },
  {
    name: 'front-proxy-client',
    authority: 'front-proxy-ca',
    commonName: frontProxyUser,
    usages: ['client'],
  },
];

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** PKCS #8. */
export async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

function validity(nowMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return {
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + lifetimeDays * dayMs),
  };
}

/** 16 random bytes, positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** A self-signed one, with keys of its own. */
export async function makeAuthority(commonName: string, nowMs: number): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: `CN=${commonName}`,
      ...validity(nowMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate, keys };
}

export async function makeLeaf(
  request: LeafRequest,
  authority: Authority,
  nowMs: number,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const keys = await makeKeys();
  const names: x509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns', value }) as const),
    ...(request.addresses ?? []).map((value) => ({ type: 'ip', value }) as const),
  ];
  const organization = request.organization === undefined ? '' : `O=${request.organization}, `;
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: `${organization}CN=${request.commonName}`,
      issuer: authority.certificate.subject,
      ...validity(nowMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => usageOids[usage])),
        await x509.AuthorityKeyIdentifierExtension.create(
          authority.keys.publicKey,
          false,
          webcrypto,
        ),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    },
    webcrypto,
  );
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: await privatePem(keys.privateKey),
  };
}

/** Certificate and key as PEM. */
export async function writePair(
  pki: Pki,
  name: string,
  certificate: string,
  key: string,
): Promise<void> {
  await writeFileAtomic(pki.key(name), key);
  await writeFileAtomic(pki.certificate(name), certificate);
}

/** Written last: its presence says that the whole pki is there. */
const completeMark = 'complete';

/**
 * Makes every key and certificate of the lab (T1, T2) and the key that signs service account
 * tokens. A complete pki is left as it is; a half-made one is made anew.
 */
export async function ensurePki(directory: string, lab: LabFile, nowMs: number): Promise<Pki> {
  const pki = pkiOf(directory);
  const mark = path.join(directory, completeMark);
  try {
    await access(mark);
    return pki;
  } catch {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  const authorityOf = async (name: AuthorityName): Promise<Authority> =>
    await makeAuthority(`ascent-lab-${lab.name}-${name}`, nowMs);
  const authorities = {
    ca: await authorityOf('ca'),
    'etcd-ca': await authorityOf('etcd-ca'),
    'front-proxy-ca': await authorityOf('front-proxy-ca'),
  };
  for (const name of authorityNames) {
    const { certificate, keys } = authorities[name];
    const pem = `${certificate.toString('pem')}\n`;
    await writePair(pki, name, pem, await privatePem(keys.privateKey));
  }
  await Promise.all(
    [...memberLeaves(lab), balancerLeaf, ...clientLeaves].map(async (leaf) => {
      const made = await makeLeaf(leaf, authorities[leaf.authority], nowMs);
      await writePair(pki, leaf.name, made.certificate, made.key);
    }),
  );
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFileAtomic(
    path.join(directory, 'service-accounts.key'),
    accounts.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  );
  await writeFileAtomic(
    path.join(directory, 'service-accounts.pub'),
    accounts.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  );
  await writeFileAtomic(mark, '');
  return pki;
}
