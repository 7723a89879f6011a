// A lab for people.

import type { Style } from '../cli/render/style';
import { columns, tally } from '../cli/render/text';
import { count } from '../domain/counts';
import type { LabState } from '../lab/lab';

export function labLines(name: string, state: LabState, style: Style): readonly string[] {
  switch (state.kind) {
    case 'absent':
      return [`there is no lab ${name} in ${state.stateDir}`];
    case 'down':
      return [`lab ${name} is down; its data is in ${state.stateDir}`];
    case 'up':
      return upText(state, style);
  }
}

function upText(
  { name, status, kubeconfig }: Extract<LabState, { kind: 'up' }>,
  style: Style,
): readonly string[] {
  const part = ({ version, running }: { readonly version: string; readonly running: boolean }) =>
    running ? version : `${version} stopped`;
  const [head = '', ...rows] = columns([
    ['MEMBER', 'API SERVER', 'CONTROLLERS', 'ETCD'],
    ...status.members.map((member) => [
      member.name,
      part(member.apiServer),
      part(member.controllers),
      part(member.etcd),
    ]),
  ]);
  const kubelets = tally(
    status.nodes.map(({ kubelet }) => kubelet),
    'unknown',
  );
  return [
    style.strong(`lab ${name} is up`),
    '',
    style.faint(head),
    ...rows,
    '',
    `${count(status.nodes.length, 'node')}, kubelets: ${kubelets}`,
    `KUBECONFIG=${kubeconfig}`,
  ];
}
