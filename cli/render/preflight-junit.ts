// A preflight as a JUnit report: a suite for each hop.

import { severities, type Severity } from '../../domain/findings/finding';
import type { Finding } from '../../domain/preflight/findings';
import { findingKey } from '../../domain/preflight/identity';
import type { HopFindings } from '../../domain/preflight/path-preflight';
import { whyItMatters } from '../../domain/preflight/reasons';
import { findingObjectText } from '../../domain/status/sentences';
import type { JunitCase, JunitSuite } from './junit';
import type { PreflightReport } from './preflight';
import { hopText } from './preflight';

/** Findings of `failOn` and worse have failed. A hop without findings has one that passed. */
export function preflightSuites(
  { cluster, hops }: PreflightReport,
  failOn: Severity,
): readonly JunitSuite[] {
  const failing = severities.slice(0, severities.indexOf(failOn) + 1);
  return hops.map((hop) => {
    const cases = hop.findings.map((one) => caseOf(one, hop, failing));
    const passed = { classname: 'ascent.preflight', name: `cluster ${cluster}` };
    const name = `ascent preflight ${cluster} ${hopText(hop)}`;
    return { name, cases: cases.length === 0 ? [passed] : cases };
  });
}

function caseOf(finding: Finding, hop: HopFindings, failing: readonly Severity[]): JunitCase {
  const { code, severity, object, message, remedy } = finding;
  const found = `${findingObjectText(object)}: ${message}`;
  const text = `${found}: ${whyItMatters(finding, hop)} - ${remedy}`;
  return {
    classname: `ascent.preflight.${code}`,
    name: findingKey(finding),
    end: failing.includes(severity)
      ? { kind: 'failure', type: code, text }
      : { kind: 'told', text: `${severity}: ${text}` },
  };
}
