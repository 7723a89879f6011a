// A preflight as one page that needs nothing else: no script runs in it, and nothing is loaded.

import type { Severity } from '../../domain/findings/finding';
import type { Finding } from '../../domain/preflight/findings';
import { findingKey } from '../../domain/preflight/identity';
import { isBlocking } from '../../domain/preflight/judgement';
import type { HopFindings } from '../../domain/preflight/path-preflight';
import { whyItMatters } from '../../domain/preflight/reasons';
import { findingObjectText } from '../../domain/status/sentences';
import { findingTotals } from './findings';
import type { PreflightReport } from './preflight';
import { allFindings, hopText, wayText } from './preflight';
import { escaped, sectionElement, tableElement } from './record-html';
import { recordStyle } from './record-style';

/** `release`: of Ascent, which makes the page. */
export function renderPreflightPage(report: PreflightReport, release: string): string {
  const { cluster, hops } = report;
  return `${[
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta http-equiv="Content-Security-Policy"' +
      ` content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<meta name="generator" content="ascent ${escaped(release)}">`,
    `<title>${escaped(`Preflight: ${cluster}`)}</title>`,
    `<style>\n${recordStyle}\n</style>`,
    '</head>',
    '<body>',
    ...headParts(report),
    '<main>',
    ...hops.map((hop, index) =>
      sectionElement(`hop-${index + 1}`, hopText(hop), findingParts(hop)),
    ),
    '</main>',
    '</body>',
    '</html>',
  ].join('\n')}\n`;
}

const severityClasses: Readonly<Record<Severity, string>> = {
  blocks: 'bad',
  warns: 'wait',
  notes: 'soft',
};

function headParts(report: PreflightReport): readonly string[] {
  const { cluster, observedAt, only } = report;
  const findings = allFindings(report);
  const [state, stateClass] = findings.some(isBlocking) ? ['blocked', 'bad'] : ['clear', 'good'];
  const facts: readonly (readonly [string, string])[] = [
    ['Looked at', observedAt],
    ['Found', findingTotals(findings)],
    ...(only === undefined ? [] : [['Only', only.join(', ')] as const]),
  ];
  const rows = facts.map(([name, text]) => `<dt>${name}</dt><dd>${escaped(text)}</dd>`);
  return [
    '<header>',
    `<h1>${escaped(cluster)} <span class="state ${stateClass}">${state}</span></h1>`,
    `<p>Preflight for ${escaped(wayText(report))}.</p>`,
    `<dl class="facts">\n${rows.join('\n')}\n</dl>`,
    '<p class="soft">All hops are held against the cluster as it was then. What is about its' +
      ' state stands at the first hop only; each hop is looked at again before it begins.</p>',
    '</header>',
  ];
}

function findingParts(hop: HopFindings): readonly string[] {
  if (hop.findings.length === 0) return [];
  return [
    tableElement({
      caption: findingTotals(hop.findings),
      head: ['Severity', 'Check', 'Object', 'Found', 'What to do'],
      rows: hop.findings.map((one) => rowOf(one, hop)),
    }),
  ];
}

function rowOf(finding: Finding, hop: HopFindings): readonly string[] {
  const { severity, code, object, message, remedy } = finding;
  return [
    `<strong class="${severityClasses[severity]}">${severity}</strong>`,
    `<code>${code}</code>`,
    escaped(findingObjectText(object)),
    `${escaped(message)}<br><span class="soft">${escaped(whyItMatters(finding, hop))}</span>`,
    `${escaped(remedy)}<br><code class="soft">${escaped(findingKey(finding))}</code>`,
  ];
}
