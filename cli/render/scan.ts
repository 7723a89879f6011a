// What `scan` found, for people.

import { count } from '../../domain/counts';
import type { Severity } from '../../domain/findings/finding';
import type { ScanFinding, ScannedThing, ScanRange } from '../../domain/scan/scan-findings';
import { findingTotals } from './findings';
import type { Style } from './style';
import { wrap } from './text';

export interface ScanReport {
  readonly target: string;
  readonly range: ScanRange;
  /** That were read. */
  readonly files: number;
  readonly documents: number;
  readonly objects: number;
  /** Of knowledge of the user's own with what ships. */
  readonly conflicts: readonly string[];
  readonly findings: readonly ScanFinding[];
}

/** `deploy/web.yaml:12`; empty for what stands in no file. */
export function placeText({ place }: ScannedThing): string {
  return place === undefined ? '' : `${place.file}:${place.line}`;
}

/** `Ingress web/shop`; empty for a file. */
export function thingText({ kind, namespace, name }: ScannedThing): string {
  if (kind === undefined) return '';
  if (name === undefined) return kind;
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

export function renderScan(report: ScanReport, style: Style, width: number): readonly string[] {
  const { range, findings, files, objects } = report;
  const way = range.from === undefined ? range.to : `${range.from} → ${range.to}`;
  const read = `${count(objects, 'object')} in ${count(files, 'file')}`;
  return [
    style.strong(`Scan of ${report.target} for ${way}`),
    '',
    ...findings.flatMap((finding) => findingLines(finding, style, width)),
    ...(findings.length === 0 ? [] : ['']),
    `${read}: ${findings.length === 0 ? 'nothing was found' : findingTotals(findings)}`,
  ];
}

function severityText(severity: Severity, style: Style): string {
  switch (severity) {
    case 'blocks':
      return style.bad('blocks');
    case 'warns':
      return style.wait('warns ');
    case 'notes':
      return style.faint('notes ');
  }
}

function findingLines(finding: ScanFinding, style: Style, width: number): readonly string[] {
  const { severity, check, object, evidence, why, remedy } = finding;
  const head = [style.strong(check), placeText(object), thingText(object)].filter(
    (part) => part !== '',
  );
  return [
    `${severityText(severity, style)}  ${head.join('  ')}`,
    ...wrap(`${evidence}: ${why}`, width, '        '),
    ...wrap(`→ ${remedy}`, width, '        '),
  ];
}
