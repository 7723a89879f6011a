// What a preflight of one hop or of a path found, for people.

import type { Finding, FindingCode } from '../../domain/preflight/findings';
import type { HopFindings } from '../../domain/preflight/path-preflight';
import { findingObjectText } from '../../domain/status/sentences';
import { minorOf } from '../../domain/versions';
import { findingTotals, renderFindings } from './findings';
import type { Style } from './style';
import { columns } from './text';

export interface PreflightReport {
  readonly cluster: string;
  /** RFC 3339. */
  readonly observedAt: string;
  /** In order, at least one. */
  readonly hops: readonly HopFindings[];
  /** Of which checks is told; absent: of all. */
  readonly only?: readonly FindingCode[];
}

export function allFindings({ hops }: PreflightReport): readonly Finding[] {
  return hops.flatMap(({ findings }) => findings);
}

/** `1.28.15 → 1.29.15 → 1.30.14`. */
export function wayText({ hops }: PreflightReport): string {
  return [...hops.slice(0, 1).map(({ from }) => from), ...hops.map(({ to }) => to)].join(' → ');
}

export function hopText({ from, to }: HopFindings): string {
  return `${from} → ${to}`;
}

/** Findings of each hop; of later ones, what they add. */
export function renderPreflight(
  report: PreflightReport,
  style: Style,
  width: number,
): readonly string[] {
  const { cluster, hops } = report;
  const findings = allFindings(report);
  const totals = findings.length === 0 ? ['nothing was found'] : ['', findingTotals(findings)];
  const parts =
    hops.length === 1
      ? renderFindings(findings, style, width)
      : hops
          .filter((hop) => hop.findings.length > 0)
          .flatMap((hop, index) => [
            ...(index === 0 ? [] : ['']),
            style.strong(hopText(hop)),
            ...renderFindings(hop.findings, style, width),
          ]);
  return [
    style.strong(`Preflight of cluster ${cluster} for ${wayText(report)}`),
    ...onlyLines(report),
    '',
    ...parts,
    ...totals,
  ];
}

function onlyLines({ only }: PreflightReport): readonly string[] {
  return only === undefined ? [] : [`only ${only.join(', ')}`];
}

/** One line for each finding, for pipes. */
export function renderPreflightTable({ hops }: PreflightReport): readonly string[] {
  const rows = hops.flatMap(({ to, findings }) =>
    findings.map(({ severity, code, object, message }) => [
      minorOf(to),
      severity,
      code,
      findingObjectText(object),
      message,
    ]),
  );
  return columns([['HOP', 'SEVERITY', 'CHECK', 'OBJECT', 'FOUND'], ...rows]);
}
