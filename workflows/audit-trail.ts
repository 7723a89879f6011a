// The audit trail: what was asked, answered and done, oldest first.

import type { AuditEntry } from '../domain/status/control';

/** Entries kept; continue-as-new carries them, so their number bounds its payload. */
const maxAuditEntries = 500;

/** What is told about an event besides when it was. */
export type AuditNote = Omit<AuditEntry, 'atMs'>;

/** The actor of everything that no person asked for. */
export const engineActor = 'ascent';

/** The trail with one more entry; the oldest go first when it is full. */
export function withNote(
  trail: readonly AuditEntry[],
  note: AuditNote,
  atMs: number,
): readonly AuditEntry[] {
  return [...trail, { atMs, ...note }].slice(-maxAuditEntries);
}
