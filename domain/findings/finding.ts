// The frame of what checks find, whoever collects the evidence: files (scan) or clusters.

export const severities = ['blocks', 'warns', 'notes'] as const;

export type Severity = (typeof severities)[number];

/** Blocking ones first. */
export function compareSeverities(a: Severity, b: Severity): number {
  return severities.indexOf(a) - severities.indexOf(b);
}
