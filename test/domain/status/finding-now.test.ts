// Which finding a key stands for, of an upgrade that may wait at gates.

import type { Finding } from '../../../domain/preflight/findings';
import type { Gate } from '../../../domain/status/control';
import { findingNow } from '../../../domain/status/gates';

const key = 'lease-stale:lease/kube-scheduler';

function found(message: string): Finding {
  const object = { kind: 'lease', name: 'kube-scheduler' } as const;
  return { code: 'lease-stale', severity: 'blocks', object, message, remedy: 'see' };
}

const approval = { kind: 'approval' } as Gate;
const step = { kind: 'step', findings: [found('at the gate')] } as unknown as Gate;

describe('the finding of a key', () => {
  it('is that of a gate that is open, before that of the last preflight', () => {
    const seen = [found('seen')];
    expect(findingNow({ gates: [approval, step], seen }, key)).toEqual(found('at the gate'));
    expect(findingNow({ gates: [approval], seen }, key)).toEqual(found('seen'));
  });

  it('is none where nobody has found it', () => {
    expect(findingNow({ gates: [approval, step], seen: [] }, 'etcd-alarm:etcd/cp-1')).toBe(
      undefined,
    );
  });
});
