// What a known_hosts file says of one host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
// H1. A key that is marked as revoked is refused, whatever else the file says.
// H2. Certificate authorities (`@cert-authority`) are passed over: a host needs a key of its own.

import { createHmac, timingSafeEqual } from 'node:crypto';

export type HostKeyVerdict = 'known' | 'unknown-host' | 'other-key' | 'revoked';

export interface HostKeys {
  /** Of the keys that are known: `ssh-ed25519`. */
  readonly types: readonly string[];
  /** `key`: as the host sends it. */
  judge(key: Buffer): HostKeyVerdict;
}

const sshPort = 22;

/** Lines that cannot be read are passed over, as ssh does. */
export function hostKeysOf(text: string, host: string, port: number): HostKeys {
  const name = port === sshPort ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  const lines = text.split('\n').flatMap((line) => {
    const [marker, words] = markedWords(line);
    const [hosts, type, base64] = words;
    if (hosts === undefined || type === undefined || base64 === undefined) return [];
    return isNamed(hosts, name) ? [{ marker, type, key: Buffer.from(base64, 'base64') }] : [];
  });
  const known = lines.filter(({ marker }) => marker === undefined);
  const revoked = lines.filter(({ marker }) => marker === '@revoked');
  return {
    types: [...new Set(known.map(({ type }) => type))],
    judge: (key) => {
      if (revoked.some((line) => line.key.equals(key))) return 'revoked';
      if (known.length === 0) return 'unknown-host';
      return known.some((line) => line.key.equals(key)) ? 'known' : 'other-key';
    },
  };
}

function markedWords(line: string): readonly [string | undefined, readonly string[]] {
  const words = line.trim().split(/\s+/);
  const [first = ''] = words;
  if (first.startsWith('#')) return [undefined, []];
  return first.startsWith('@') ? [first, words.slice(1)] : [undefined, words];
}

/** A pattern that begins with `!` excludes, wherever it stands. */
function isNamed(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) return isHashOf(hosts, name);
  const patterns = hosts.toLowerCase().split(',');
  if (patterns.some((one) => one.startsWith('!') && matches(one.slice(1), name))) return false;
  return patterns.some((one) => matches(one, name));
}

function matches(pattern: string, name: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  const expression = escaped.replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${expression}$`).test(name);
}

/** `|1|SALT|HASH`: HMAC-SHA1 of the name, keyed with the salt. */
function isHashOf(hashed: string, name: string): boolean {
  const [, , salt = '', hash = ''] = hashed.split('|');
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
