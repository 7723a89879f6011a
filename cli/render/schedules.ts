// Schedules that have a worker do something again and again, for people.

import type { Style } from './style';

/** The lines of a schedule, to stand below something else: the first one, and what says more. */
export function scheduleBlock([head, ...more]: readonly string[], style: Style): readonly string[] {
  if (head === undefined) return [];
  return [
    head,
    ...more.map((line) => (line.startsWith('→') ? style.faint(`  ${line}`) : `  ${line}`)),
  ];
}

/** What of a schedule was asked for, and what came of that. */
export interface Scheduled {
  readonly kind: 'scheduled';
  readonly change?: 'created' | 'changed' | 'unchanged';
  readonly hasWorker?: boolean;
}

/** `undone`: what does not happen without a worker, `none is taken`. */
export function scheduledLines(
  cluster: string,
  { change, hasWorker = true }: Scheduled,
  {
    lines,
    undone,
    style,
  }: {
    readonly lines: readonly string[];
    readonly undone: string;
    readonly style: Style;
  },
): readonly string[] {
  return [
    ...(change === undefined ? [] : [changeTexts[change]]),
    ...scheduleBlock(lines, style),
    ...(hasWorker ? [] : unservedLines(cluster, undone, style)),
  ];
}

function unservedLines(cluster: string, undone: string, style: Style): readonly string[] {
  return [
    style.wait(`no worker has served ${cluster} lately: without one, ${undone}`),
    style.faint('→ see the name of the cluster, or start a worker that serves it'),
  ];
}

const changeTexts = {
  created: 'It is scheduled:',
  changed: 'The schedule is changed:',
  unchanged: 'It was scheduled so already:',
} as const;
