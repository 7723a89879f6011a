// What the exit code of a command says. Scripts branch on these; docs/cli.md lists them.

export const exitCodes = {
  ok: 0,
  /** A defect, or something that no other code names. */
  unexpected: 1,
  /** Wrong usage, or an invalid spec, observation or access file. */
  invalidInput: 2,
  /** No plan can be made, the start was refused, or a node may not be drained or uncordoned. */
  refused: 3,
  /** Preflight or scan found something that blocks. */
  findings: 4,
  /** The upgrade refused the command, or has ended. */
  commandRefused: 5,
  /** No such upgrade, schedule, lab or node. */
  notFound: 6,
  /** Temporal, a worker, the API server, etcd or the driver did not answer, or let nobody in. */
  unreachable: 7,
  /**
   * The upgrade ended in another way than completed, or a drain before its node was empty; or a
   * snapshot or a change record cannot be relied on.
   */
  notCompleted: 8,
  /** Scan, or a preflight that is to fail on less, found something that does not block. */
  warnings: 9,
  /** Ctrl-C: 128 + SIGINT, as shells do. The upgrade or the drain goes on. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
