// Blockers and preflight findings for people.

import { count } from '../../domain/counts';
import { blockerSentence } from '../../domain/blocker-sentences';
import type { Blocker } from '../../domain/blockers';
import type { Finding, Severity } from '../../domain/preflight/findings';
import { findingObjectText } from '../../domain/status/sentences';
import type { Style } from './style';
import { wrap } from './text';

/** One line for each blocker, its code first. */
export function renderBlockers(
  title: string,
  blockers: readonly Blocker[],
  style: Style,
  width: number,
): readonly string[] {
  return [
    style.bad(`${title} (${count(blockers.length, 'reason')}):`),
    ...blockers.flatMap((blocker) => [
      `  ${style.strong(blocker.code)}`,
      ...wrap(blockerSentence(blocker), width, '    '),
    ]),
  ];
}

const severityWords = {
  blocks: 'blocks',
  warns: 'warns ',
  notes: 'notes ',
} as const satisfies Record<Severity, string>;

function severityStyle(severity: Severity, style: Style): (text: string) => string {
  switch (severity) {
    case 'blocks':
      return style.bad;
    case 'warns':
      return style.wait;
    case 'notes':
      return style.faint;
  }
}

/** Findings in the order given: severity, code, object, what was seen, what to do. */
export function renderFindings(
  findings: readonly Finding[],
  style: Style,
  width: number,
): readonly string[] {
  return findings.flatMap((finding) => {
    const word = severityStyle(finding.severity, style)(severityWords[finding.severity]);
    return [
      `${word}  ${style.strong(finding.code)}  ${findingObjectText(finding.object)}`,
      ...wrap(finding.message, width, '        '),
      ...wrap(`→ ${finding.remedy}`, width, '        '),
    ];
  });
}

export type SeverityCounts = Readonly<Record<Severity, number>>;

export function severityCounts(
  findings: readonly { readonly severity: Severity }[],
): SeverityCounts {
  const of = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  return { blocks: of('blocks'), warns: of('warns'), notes: of('notes') };
}

/** `2 blocking, 1 warning, 0 to note`. */
export function countsText({ blocks, warns, notes }: SeverityCounts): string {
  return `${blocks} blocking, ${warns} warning, ${notes} to note`;
}

export function findingTotals(findings: readonly { readonly severity: Severity }[]): string {
  return countsText(severityCounts(findings));
}
