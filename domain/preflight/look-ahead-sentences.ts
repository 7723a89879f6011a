// What came of a look at the hop to come, in words: for the CLI and for Temporal's UI.

import { count } from '../counts';
import type { FailureInfo } from '../failures';
import { findingSentence } from '../status/sentences';
import type { LookCounts, NoHopToCome, ToldLook } from './look-ahead';
import type { SeenFinding } from './seen';

/** The first line is a sentence; the others say what differs. */
export function lookAheadLines(end: ToldLook): readonly [string, ...string[]] {
  switch (end.kind) {
    case 'nothing-to-look-at':
      return [`nothing to look at: ${noHopText(end.why)}`];
    case 'failed':
      return failureLines(end.failure);
    case 'looked':
      return [lookedText(end), ...differences(end)];
  }
}

function failureLines({ code, message, remedy }: FailureInfo): readonly [string, string] {
  return [`it failed - ${code}: ${message}`, `→ ${remedy}`];
}

function noHopText(why: NoHopToCome): string {
  switch (why.code) {
    case 'no-upgrade-open':
      return 'no upgrade is open';
    case 'plan-missing':
      return 'the upgrade has no plan yet';
    case 'rolling-back':
      return 'the upgrade is rolled back';
    case 'hop-under-way':
      return `${why.hop} changes machines (${why.step}); the next one is looked at when it soaks`;
    case 'no-hop-left':
      return 'no hop comes any more';
  }
}

type Looked = Extract<ToldLook, { readonly kind: 'looked' }>;

function lookedText({ hop, since, counts }: Looked): string {
  const what = `${hop.id} (${hop.from} → ${hop.to}): ${foundText(counts)}`;
  if (since === undefined) return `${what}; the first look`;
  const other = since.hop === hop.id ? '' : `, at ${since.hop}`;
  return `${what}; since the look before${other}: ${newsText(counts)}`;
}

function foundText({ blocks, answered, warns, notes }: LookCounts): string {
  const accepted = answered === 0 ? '' : `, ${answered} answered for`;
  return `${blocks} blocking${accepted}, ${warns} warning, ${notes} to note`;
}

function newsText({ new: fresh, changed, gone }: LookCounts): string {
  if (fresh + changed + gone === 0) return 'nothing has changed';
  return `${fresh} new, ${changed} changed, ${gone} gone`;
}

function differences({ findings, gone, leftOut }: Looked): readonly string[] {
  return [
    ...findings.map(findingLine),
    ...gone.map((key) => `gone: ${key}`),
    ...(leftOut === 0 ? [] : [`and ${count(leftOut, 'difference')} more`]),
  ];
}

function findingLine(finding: SeenFinding): string {
  const change = finding.change === undefined ? '' : `${finding.change}, `;
  return `${change}${finding.severity} (${finding.key}): ${findingSentence(finding)}`;
}
