// What machines answer in the course of a restore, and what a file is told by.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { PortError } from '../ports';
import type { Decision } from './kubeadm-restore-scripts';

/** `knownScript`. */
export interface Known {
  /** `NAME=PEER-URL`. */
  readonly member: string | undefined;
  readonly revision: number | undefined;
  readonly highest: number | undefined;
  readonly decision: Decision | undefined;
  readonly isRestored: boolean;
}

export function knownOf(text: string): Known {
  const lines = new Map(
    text.split('\n').flatMap((line) => {
      const match = /^(\w+): (.*)$/.exec(line);
      return match === null ? [] : [[match[1], match[2] ?? ''] as const];
    }),
  );
  const numberIn = (name: string): number | undefined => {
    const found = lines.get(name);
    return found !== undefined && /^\d+$/.test(found) ? Number(found) : undefined;
  };
  const [target, token, cluster] = lines.get('decision')?.split(' ') ?? [];
  const isWhole = target !== undefined && token !== undefined && cluster !== undefined;
  return {
    member: lines.get('member'),
    revision: numberIn('revision'),
    highest: numberIn('highest'),
    decision: isWhole ? { target: Number(target), token, cluster } : undefined,
    isRestored: lines.has('restored'),
  };
}

/** `etcdctl endpoint hashkv -w json`. */
export function hashOf(answer: string): string {
  const field = (name: string): string => new RegExp(`"${name}":(-?\\d+)`).exec(answer)?.[1] ?? '';
  const [hash, revision, compacted] = [field('hash'), field('revision'), field('compact_revision')];
  if (hash === '') throw new PortError('unexpected', 'etcdctl tells no hash of the keys');
  return `${hash} of revision ${revision} above ${compacted}`;
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
