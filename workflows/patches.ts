// Every id of `patched()`, in one place. An entry stays until no upgrade that began before it can
// still run (docs/adr says when), then it becomes `deprecatePatch`, then it goes.
// Form: '<date>-<why>': 'docs/adr/NNNN-….md', recorded history from before it in test/replay.

/** Patch id → the ADR that says what changed and when the patch may go. */
export const patches: Readonly<Record<string, string>> = {
  '2026-11-21-member-gates': 'docs/adr/0019-members-change-between-gates.md',
  '2026-11-21-newer-kubelets': 'docs/adr/0024-a-rollback-tells-what-stays-newer.md',
  '2026-11-21-restore-account': 'docs/adr/0028-a-restore-is-accounted-for.md',
  '2026-11-21-taint-waiting-nodes': 'docs/adr/0010-pods-move-once.md',
  '2026-11-22-rollbacks-go-on': 'docs/adr/0020-a-restore-needs-a-quorum.md',
  '2026-11-22-tell-findings': 'docs/adr/0049-findings-are-answered-for.md',
  '2026-11-22-verify-restored': 'docs/adr/0006-nodes-return-before-the-restore.md',
};
