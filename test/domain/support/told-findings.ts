// Findings as people are told them: what makes them known again has tests of its own
// (preflight-identity.test.ts).

import type { Finding } from '../../../domain/preflight/findings';

export function told(
  findings: readonly Finding[],
): readonly Omit<Finding, 'about' | 'evidence' | 'figures'>[] {
  return findings.map(({ about: _about, evidence: _evidence, figures: _figures, ...rest }) => rest);
}
