import type { LogEntry } from '@temporalio/worker';

import { logLine } from '../../worker/telemetry';

const entry: LogEntry = {
  level: 'WARN',
  message: 'Activity failed',
  timestampNanos: 1_767_225_600_000_000_000n,
  meta: {
    taskQueue: 'cluster/lab',
    taskToken: 'c2VjcmV0',
    isLocal: false,
    count: 3n,
    error: new TypeError('x is undefined'),
  },
};

describe('logLine', () => {
  it('is one line for people', () => {
    expect(logLine(entry, 'text')).toBe(
      '2026-01-01T00:00:00.000Z WARN Activity failed' +
        ' {"taskQueue":"cluster/lab","count":"3","error":"TypeError: x is undefined"}',
    );
    const { meta: _none, ...bare } = entry;
    expect(logLine(bare, 'text')).toBe('2026-01-01T00:00:00.000Z WARN Activity failed');
  });

  it('is one object for machines', () => {
    expect(JSON.parse(logLine(entry, 'json'))).toEqual({
      at: '2026-01-01T00:00:00.000Z',
      level: 'WARN',
      message: 'Activity failed',
      taskQueue: 'cluster/lab',
      count: '3',
      error: 'TypeError: x is undefined',
    });
  });
});
