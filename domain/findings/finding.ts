// The frame of what checks find, whoever collects the evidence: files (scan) or clusters.

export const severities = ['blocks', 'warns', 'notes'] as const;

export type Severity = (typeof severities)[number];

type EvidenceValue = string | number | boolean | readonly string[];

/** What was seen, as data. */
export type Evidence = Readonly<Record<string, EvidenceValue>>;

/** `Subject` is what a check looks at: an object of a cluster, or a place in a file. */
export interface CheckFinding<Check extends string, Subject> {
  /** The check that found it. */
  readonly check: Check;
  readonly severity: Severity;
  readonly object: Subject;
  /** What was seen: one sentence. */
  readonly evidence: string;
  /** Why it matters for this target. */
  readonly why: string;
  /** What to do, as an instruction. */
  readonly remedy: string;
  /** The authority: an address, or where in which sources. */
  readonly source?: string;
  /** Milliseconds since 1970; absent where findings of earlier runs are not kept. */
  readonly firstSeenMs?: number;
}

/** Blocking ones first. */
export function compareSeverities(a: Severity, b: Severity): number {
  return severities.indexOf(a) - severities.indexOf(b);
}
