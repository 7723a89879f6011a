// A preflight as SARIF. What is found stands in a cluster, not in a file: results have logical
// locations, and fingerprints by which they are known again.

import type { Finding } from '../../domain/preflight/findings';
import { evidenceDigest, findingKey, objectText } from '../../domain/preflight/identity';
import type { HopFindings } from '../../domain/preflight/path-preflight';
import { whyItMatters } from '../../domain/preflight/reasons';
import { findingObjectText } from '../../domain/status/sentences';
import { compareTexts } from '../../domain/text-order';
import { minorOf } from '../../domain/versions';
import type { PreflightReport } from './preflight';
import { visible } from './record-html';
import { sarifLevels, sarifLog } from './sarif';

export function preflightSarif(report: PreflightReport, version: string) {
  const { cluster, hops } = report;
  return sarifLog({
    name: 'ascent preflight',
    version,
    rules: rulesOf(report),
    results: hops.flatMap((hop) => hop.findings.map((one) => resultOf(one, hop, cluster))),
  });
}

/** Those that have found something; why it matters is said as at the first hop that it does. */
function rulesOf({ hops }: PreflightReport): readonly { id: string; text: string }[] {
  const rules = new Map<string, string>();
  for (const hop of hops) {
    for (const { code } of hop.findings) {
      if (!rules.has(code)) rules.set(code, whyItMatters({ code }, hop));
    }
  }
  return [...rules]
    .map(([id, text]) => ({ id, text }))
    .toSorted((a, b) => compareTexts(a.id, b.id));
}

function resultOf(finding: Finding, hop: HopFindings, cluster: string) {
  const { code, severity, object, message, remedy } = finding;
  const name = findingObjectText(object);
  const { from, to } = hop;
  return {
    ruleId: code,
    level: sarifLevels[severity],
    message: {
      text: plain(`${name}: ${message}: ${whyItMatters(finding, hop)} - ${remedy}`),
    },
    locations: [
      {
        logicalLocations: [
          {
            name: visible(name),
            fullyQualifiedName: visible(`${cluster}/${objectText(object)}`),
            kind: 'resource',
          },
        ],
      },
    ],
    partialFingerprints: {
      'ascentFinding/v1': visible(`${minorOf(to)} ${findingKey(finding)}`),
      'ascentEvidence/v1': evidenceDigest(finding),
    },
    properties: { hop: { from, to } },
  };
}

/** In the text of a message `[words](address)` would be a link. */
function plain(text: string): string {
  return visible(text).replaceAll('](', '] (');
}
