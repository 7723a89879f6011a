// One gate of each kind, and the failure of a held node.

import type { Gate } from '../../../domain/status/control';
import type { GateId } from '../../../domain/names';
import { hopId, nodeName, poolName } from '../../support/builders';

export const gateIdOf = (text: string): GateId => text as GateId;

export const failure = { code: 'node-not-ready', message: 'not Ready', remedy: 'look' } as const;
export const approval: Gate = {
  kind: 'approval',
  id: gateIdOf('approve/hop-1.30'),
  hop: hopId('hop-1.30'),
  sinceMs: 0,
};
export const step: Extract<Gate, { readonly kind: 'step' }> = {
  kind: 'step',
  id: gateIdOf('hop-1.29/preflight'),
  hop: hopId('hop-1.29'),
  step: 'preflight',
  failure: { code: 'preflight-blocked', message: '1 finding blocks', remedy: 'remove it' },
  findings: [
    {
      code: 'etcd-alarm',
      severity: 'blocks',
      object: { kind: 'etcd', name: 'etcd-1' },
      message: 'alarm NOSPACE is raised',
      remedy: 'defragment',
    },
    {
      code: 'member-single',
      severity: 'warns',
      object: { kind: 'cluster' },
      message: 'one member',
      remedy: 'add two',
    },
  ],
  sinceMs: 0,
};
export const held: Extract<Gate, { readonly kind: 'node' }> = {
  kind: 'node',
  id: gateIdOf('node/worker-2'),
  hop: hopId('hop-1.29'),
  pool: poolName('web'),
  node: nodeName('worker-2'),
  failure,
  blockers: [{ code: 'pod-unmanaged', pod: { namespace: 'web', name: 'web-0' }, sinceMs: 1_000 }],
  sinceMs: 0,
};
