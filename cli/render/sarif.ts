// SARIF 2.1.0 (docs.oasis-open.org/sarif), which forges show beside code: its frame, and what is of
// `scan` in it.

import type { Severity } from '../../domain/findings/finding';
import type { ScanCheck, ScanFinding } from '../../domain/scan/scan-findings';
import { scanChecks } from '../../domain/scan/scan-findings';
import type { ScanReport } from './scan';
import { thingText } from './scan';

export const sarifLevels = {
  blocks: 'error',
  warns: 'warning',
  notes: 'note',
} as const satisfies Record<Severity, string>;

const rules = {
  'api-removed': 'An API that the target does not serve',
  'api-deprecated': 'An API that is deprecated in the target',
  'volume-removed': 'A volume whose driver was taken out of Kubernetes',
  'minor-unknown': 'A minor that is not known',
  'file-skipped': 'A file that could not be looked into',
  'document-skipped': 'A document that could not be looked into',
} as const satisfies Record<ScanCheck, string>;

export function ruleText(check: ScanCheck): string {
  return rules[check];
}

export interface SarifRun {
  /** `ascent scan`. */
  readonly name: string;
  /** Of Ascent. */
  readonly version: string;
  readonly rules: readonly { readonly id: string; readonly text: string }[];
  readonly results: readonly object[];
}

export function sarifLog({ name, version, rules, results }: SarifRun) {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name,
            version,
            rules: rules.map(({ id, text }) => ({ id, shortDescription: { text } })),
          },
        },
        results,
      },
    ],
  };
}

export function scanSarif({ findings }: ScanReport, version: string) {
  return sarifLog({
    name: 'ascent scan',
    version,
    rules: scanChecks.map((id) => ({ id, text: ruleText(id) })),
    results: findings.map(resultOf),
  });
}

function resultOf({ check, severity, object, evidence, why, remedy }: ScanFinding) {
  const thing = thingText(object);
  const text = `${thing === '' ? '' : `${thing}: `}${evidence}: ${why} - ${remedy}`;
  const { place } = object;
  return {
    ruleId: check,
    level: sarifLevels[severity],
    message: { text },
    ...(place === undefined
      ? {}
      : {
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(place.file) },
                region: { startLine: place.line },
              },
            },
          ],
        }),
  };
}

/** Relative as it was given; each part escaped, because names may hold anything. */
function uriOf(file: string): string {
  return file.split('/').map(encodeURIComponent).join('/');
}
