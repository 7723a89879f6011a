// What a shelf gives back to whoever continues a put: how the content is sealed, and what it is.

import * as z from 'zod';

import type { SnapshotSeal } from '../../domain/snapshots/order';
import type { TakenSnapshot } from '../snapshot-ports';
import { parseJson } from './json';
import { sealSchema } from './snapshot-record';

interface SnapshotNote {
  readonly sealed?: SnapshotSeal;
  readonly taken: TakenSnapshot;
}

const noteSchema = z.object({
  sealed: sealSchema.optional(),
  taken: z.object({
    clusterId: z.string(),
    member: z.string(),
    etcdVersion: z.string(),
    sha256: z.string(),
    sizeBytes: z.number(),
    revision: z.number(),
    hashKv: z.string(),
    takenAt: z.string(),
  }),
});

export function noteText(note: SnapshotNote): string {
  return JSON.stringify(note);
}

/** Undefined when another release has written it otherwise. */
export function parseNote(text: string): SnapshotNote | undefined {
  const parsed = noteSchema.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { sealed, taken } = parsed.data;
  return { taken, ...(sealed === undefined ? {} : { sealed }) };
}
