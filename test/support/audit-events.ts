// Audit logs of a lab's API servers, as they wrote them (lab/audit-policy.ts).

import { readFile } from 'node:fs/promises';

import { auditLogFile } from '../../lab/flags';
import { labLayout } from '../../lab/layout';

export interface AuditedLab {
  readonly stateDir: string;
  readonly members: readonly string[];
}

/** All events until now, of all members. */
export async function auditEvents<Event>(lab: AuditedLab): Promise<readonly Event[]> {
  const layout = labLayout(lab.stateDir);
  const files = lab.members.map((member) => readFile(auditLogFile(layout, member), 'utf8'));
  const lines = (await Promise.all(files)).flatMap((text) => text.split('\n'));
  // The last one may be half written: who wrote it was killed, or still writes.
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Event);
}
