// How far the comparison of a cluster with a snapshot goes. Apart from reports, whose digest
// workflows must not carry.

export interface ReportLimits {
  /** How long the comparison may take. */
  readonly seconds: number;
  /** Keys of the cluster that are looked at, at most. */
  readonly keys: number;
}

export const defaultReportLimits: ReportLimits = { seconds: 120, keys: 5_000_000 };
