// The key that snapshots are sealed with: an identity file of age (age-encryption.org), as
// `age-keygen` and `ascent snapshot key` write it.
// K1. The first identity of the file seals; each of them opens. A new key is put on top of the old
//     one, and snapshots from before can still be read.
// K2. Nothing of the file is ever repeated: neither in messages nor in records, which name a key by
//     its fingerprint, the beginning of the SHA-256 of its recipient.

import { readFile, writeFile } from 'node:fs/promises';

import { generateX25519Identity, identityToRecipient } from 'age-encryption';

import { PortError } from '../ports';
import { fsError } from './durable-files';
import { fingerprintOf } from './fingerprint';
import { errorCode } from './node-errors';

interface KeyPair {
  readonly identity: string;
  readonly recipient: string;
  /** `sha256:` and 16 hexadecimal digits. */
  readonly fingerprint: string;
}

export type SnapshotKeys = readonly [KeyPair, ...KeyPair[]];

/**
 * Reads the file anew at each call, so that a rotated key takes effect. Throws PortError
 * `forbidden` when it cannot be read or holds what is no identity: that is no key at hand.
 */
export async function readSnapshotKeys(file: string): Promise<SnapshotKeys> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const why = errorCode(error) ?? 'unknown error';
    throw new PortError('forbidden', `the snapshot key ${file} cannot be read (${why})`);
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const pairs = await Promise.all(
    lines.flatMap((line, index) =>
      line === '' || line.startsWith('#') ? [] : [keyPair(line, `${file}, line ${index + 1}`)],
    ),
  );
  const [first, ...others] = pairs;
  if (first !== undefined) return [first, ...others];
  throw new PortError('forbidden', `the snapshot key ${file} holds no age identity`);
}

async function keyPair(identity: string, place: string): Promise<KeyPair> {
  try {
    const recipient = await identityToRecipient(identity);
    return { identity, recipient, fingerprint: fingerprintOf(recipient) };
  } catch {
    // What the library says may quote the line (K2), so it is no cause either.
    const wanted = 'an age identity in the clear (AGE-SECRET-KEY-…)';
    throw new PortError('forbidden', `the snapshot key ${place}: expected ${wanted}`);
  }
}

/**
 * Makes a new key in a file of mode 0600 that must not exist yet. Throws PortError: `conflict` when
 * it does: whatever was sealed with the old one would be lost.
 */
export async function createSnapshotKey(
  file: string,
  nowMs: number,
): Promise<{ readonly fingerprint: string; readonly recipient: string }> {
  const identity = await generateX25519Identity();
  const { fingerprint, recipient } = await keyPair(identity, file);
  const text = [
    `# created: ${new Date(nowMs).toISOString()}`,
    `# public key: ${recipient}`,
    identity,
    '',
  ].join('\n');
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      throw new PortError('conflict', `${file} exists; a key is never written over`);
    }
    throw fsError(error, `writing the snapshot key ${file}`);
  }
  return { fingerprint, recipient };
}
