// Snapshots hold the Secrets of a cluster: what lies in a store is sealed with age, as a stream.
// L1. A snapshot is never in memory as a whole: pieces of 64 KiB, each authenticated
//     (age-encryption.org/v1).
// L2. A missing or wrong key is said with its fingerprint, before anything is written.
// L3. Silence is no consent: nothing is stored in the clear because nobody thought of a key.

import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';

import { Decrypter, Encrypter } from 'age-encryption';

import type { SnapshotSeal } from '../../domain/snapshots/order';
import type { ClusterAccess } from '../access';
import { PortError } from '../ports';
import { isError } from './node-errors';
import { readSnapshotKeys } from './snapshot-key';

/** How a store seals: with the key in a file, or not at all because its owner said so (L3). */
export type Sealing =
  | { readonly kind: 'age'; readonly keyFile: string }
  | { readonly kind: 'in-the-clear' }
  | { readonly kind: 'unsaid' };

export function sealingOf({ key, inTheClear }: ClusterAccess['snapshots']): Sealing {
  if (key !== undefined) return { kind: 'age', keyFile: key };
  return { kind: inTheClear === true ? 'in-the-clear' : 'unsaid' };
}

/** What keeps snapshots from being stored; undefined when nothing does. */
export async function sealingProblem(sealing: Sealing): Promise<string | undefined> {
  try {
    await keysAtHand(sealing);
    return undefined;
  } catch (error) {
    if (error instanceof PortError) return error.message;
    throw error;
  }
}

const unsaid =
  'snapshots: neither names the key that seals them nor says that they stay in the clear;' +
  ' make a key (ascent snapshot key FILE, or age-keygen) and name it as snapshots.key,' +
  ' or say snapshots.inTheClear: true';

function refuseSilence(sealing: Sealing): asserts sealing is Exclude<Sealing, { kind: 'unsaid' }> {
  if (sealing.kind === 'unsaid') throw new PortError('forbidden', unsaid);
}

export interface Sealed {
  readonly content: Readable;
  /** Absent: in the clear. */
  readonly seal?: SnapshotSeal;
}

/** Throws PortError when the key cannot be used; errors of the content leave with the stream. */
export async function sealContent(sealing: Sealing, content: Readable): Promise<Sealed> {
  refuseSilence(sealing);
  if (sealing.kind === 'in-the-clear') return { content };
  const [{ recipient, fingerprint }] = await readSnapshotKeys(sealing.keyFile);
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const sealed = await encrypter.encrypt(webStream(content));
  return { content: nodeStream(sealed), seal: { by: 'age', key: fingerprint } };
}

/**
 * Throws PortError: `forbidden` when the key is not at hand, `rejected` when the content was not
 * sealed with the key that its record names. What was changed inside fails in the stream; see
 * sealError.
 */
export async function openContent(
  sealing: Sealing,
  seal: SnapshotSeal | undefined,
  content: Readable,
): Promise<Readable> {
  if (seal === undefined) return content;
  const key = await keyFor(sealing, seal);
  const decrypter = new Decrypter();
  decrypter.addIdentity(key);
  try {
    return nodeStream(await decrypter.decrypt(webStream(content)));
  } catch (error) {
    content.destroy();
    throw sealError(error);
  }
}

/** Fingerprints that this worker can open. Throws PortError as readSnapshotKeys does. */
export async function keysAtHand(sealing: Sealing): Promise<readonly string[]> {
  refuseSilence(sealing);
  if (sealing.kind === 'in-the-clear') return [];
  return (await readSnapshotKeys(sealing.keyFile)).map(({ fingerprint }) => fingerprint);
}

async function keyFor(sealing: Sealing, { key }: SnapshotSeal): Promise<string> {
  if (sealing.kind !== 'age') {
    throw new PortError('forbidden', `it is sealed with key ${key}; the access file names none`);
  }
  const keys = await readSnapshotKeys(sealing.keyFile);
  const pair = keys.find(({ fingerprint }) => fingerprint === key);
  if (pair !== undefined) return pair.identity;
  const held = keys.map(({ fingerprint }) => fingerprint).join(', ');
  const message = `it is sealed with key ${key}; ${sealing.keyFile} holds ${held}`;
  throw new PortError('forbidden', message);
}

/** The library throws plain errors for content that it does not accept; others have a code. */
export function sealError(error: unknown): unknown {
  if (!isError(error) || error instanceof PortError || 'code' in error) return error;
  if (error.name === 'AbortError') return error;
  return new PortError('rejected', `its sealed content is damaged: ${error.message}`, {
    cause: error,
  });
}

/** Not Readable.toWeb: what still arrives after a refusal would end the process there. */
function webStream(content: Readable): globalThis.ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(content) as globalThis.ReadableStream<Uint8Array<ArrayBuffer>>;
}

function nodeStream(content: globalThis.ReadableStream<Uint8Array>): Readable {
  return Readable.fromWeb(content as ReadableStream);
}
