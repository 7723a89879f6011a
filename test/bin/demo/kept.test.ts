import type { Ground } from '../../../bin/demo/ground';
import { keptLines, meanwhileLines } from '../../../bin/demo/kept';

const ground = {
  cluster: 'demo',
  kubeconfig: '/labs/demo/kubeconfig',
  temporalAddress: '127.0.0.1:7233',
  temporalUi: 'http://127.0.0.1:8233',
  worker: { logFile: '/labs/demo/logs/worker.log' },
} as Ground;

describe('keptLines', () => {
  it('calls kubectl as it is to be called here', () => {
    expect(keptLines(ground, 'ascent', '/cache/kubectl')).toContain(
      '  /cache/kubectl get nodes,pods --all-namespaces',
    );
  });

  it('does not speak of a kubectl that is not there', () => {
    const lines = keptLines(ground, 'ascent', undefined);
    expect(lines.filter((line) => line.includes('kubectl'))).toEqual([]);
    expect(lines).toContain('End it with: ascent lab down --name demo');
  });
});

it('says where Temporal is while the demo runs', () => {
  expect(meanwhileLines(ground)).toEqual([
    '',
    'To look, or to answer, from another terminal in this directory:',
    '  export TEMPORAL_ADDRESS=127.0.0.1:7233',
    'Temporal UI: http://127.0.0.1:8233',
  ]);
});
