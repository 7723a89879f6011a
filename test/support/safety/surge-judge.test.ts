import type { LogEntry } from './cluster-log';
import type { Workload } from './situation';
import { surgeProblems, surgesIn } from './surge-judge';

const cart: Workload = { kind: 'Deployment', namespace: 'shop', name: 'cart', replicas: 3 };

function deployment(revision: number, replicas: number, mark?: string): LogEntry {
  const annotations = mark === undefined ? {} : { 'ascent.dev/surge': mark };
  const metadata = { uid: 'cart', namespace: 'shop', name: 'cart', resourceVersion: '0' };
  return {
    revision,
    kind: 'deployments',
    type: 'there',
    seenAtMs: 0,
    object: { metadata: { ...metadata, annotations }, spec: { replicas } },
  };
}

describe('the judge of temporary replicas', () => {
  const scene = { namespaces: ['shop'], workloads: [cart], faults: [] };

  it('lets one pass that was put back', () => {
    const log = [deployment(1, 3), deployment(2, 4, '{}'), deployment(3, 3)];
    expect(surgeProblems(log, scene)).toEqual([]);
    expect(surgesIn(log)).toBe(1);
  });

  it('finds one that is left, and its mark', () => {
    expect(surgeProblems([deployment(1, 3), deployment(2, 4, '{}')], scene)).toEqual([
      'Deployment shop/cart is still marked as raised',
      'Deployment shop/cart has 4 replicas in the end',
    ]);
  });

  it('knows what a fault wanted, and of no other namespace', () => {
    const action = { kind: 'scaled', workload: cart, to: 5 } as const;
    const scaled = { ...scene, faults: [{ atMs: 0, action }] };
    expect(surgeProblems([deployment(1, 5)], scaled)).toEqual([]);
    expect(surgeProblems([deployment(1, 5)], { ...scene, namespaces: [] })).toEqual([]);
  });
});
