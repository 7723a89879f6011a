// What the demo says of what it runs: how to look at it meanwhile, and what `--keep` leaves.

import type { Ground } from './ground';

/** Its own hints (`approve`, `rollback`) are for a terminal that knows where Temporal is. */
export function meanwhileLines({ temporalAddress, temporalUi }: Ground): readonly string[] {
  return [
    '',
    'To look, or to answer, from another terminal in this directory:',
    `  export TEMPORAL_ADDRESS=${temporalAddress}`,
    `Temporal UI: ${temporalUi}`,
  ];
}

/** How to look at it, and how to end it; `kubectl`: as it is called here, when there is one. */
export function keptLines(
  ground: Ground,
  program: string,
  kubectl: string | undefined,
): readonly string[] {
  const { cluster, kubeconfig, temporalAddress, temporalUi, worker } = ground;
  return [
    '',
    'Everything stays up. In another terminal, in this directory:',
    `  export TEMPORAL_ADDRESS=${temporalAddress} KUBECONFIG=${kubeconfig}`,
    ...(kubectl === undefined ? [] : [`  ${kubectl} get nodes,pods --all-namespaces`]),
    `  ${program} status ${cluster}`,
    `  ${program} watch ${cluster}`,
    `  ${program} pause ${cluster} --reason "let me look"`,
    `  ${program} resume ${cluster} --reason "go on"`,
    `  ${program} approve ${cluster} approve/hop-1.30 --digest …`,
    `  ${program} rollback ${cluster} hop-1.30 --reason "go back"`,
    'status prints the lines that answer a gate, digest included.',
    `Temporal UI: ${temporalUi}   worker's log: ${worker.logFile}`,
    `End it with: ${program} lab down --name ${cluster}`,
    '',
  ];
}
