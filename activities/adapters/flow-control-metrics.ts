// What an API server has turned away by priority levels, out of its metrics, line by line.

import type { RejectingLevel } from '../../domain/deprecated-apis';
import { labelsOf, valueOf } from './metric-lines';

const prefix = 'apiserver_flowcontrol_';
const counts = ['rejected', 'waiting', 'used', 'limit'] as const;

type Count = (typeof counts)[number];

const names: Readonly<Record<string, Count>> = {
  rejected_requests_total: 'rejected',
  current_inqueue_requests: 'waiting',
  current_executing_seats: 'used',
  nominal_limit_seats: 'limit',
};

export class FlowControlMetrics {
  readonly #levels = new Map<string, Record<Count, number>>();

  /** Takes a line of it, and passes over all others. Counts of flow schemas are added up. */
  take(line: string): void {
    if (!line.startsWith(prefix)) return;
    const count = names[line.slice(prefix.length, line.indexOf('{'))];
    if (count === undefined) return;
    const { priority_level: level = '', reason } = labelsOf(line);
    // Whoever went away was not turned away.
    if (reason === 'cancelled') return;
    const all = this.#levels.get(level) ?? { rejected: 0, waiting: 0, used: 0, limit: 0 };
    all[count] += valueOf(line);
    this.#levels.set(level, all);
  }

  /** Those that have turned requests away. */
  rejecting(): readonly RejectingLevel[] {
    return [...this.#levels].flatMap(([level, all]) =>
      all.rejected === 0 ? [] : [{ level, ...all }],
    );
  }
}
