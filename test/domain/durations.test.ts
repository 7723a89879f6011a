import { formatDuration, formatSeconds } from '../../domain/durations';

it.each([
  { ms: -5_000, text: '0 s' },
  { ms: 0, text: '0 s' },
  { ms: 450.9, text: '450 ms' },
  { ms: 5_999, text: '5 s' },
  { ms: 120_000, text: '2 min' },
  { ms: 125_000, text: '2 min 5 s' },
  { ms: 3_600_000, text: '1 h' },
  { ms: 12_000_000, text: '3 h 20 min' },
  { ms: 187_205_000, text: '2 d 4 h' },
])('$ms ms reads $text', ({ ms, text }) => {
  expect(formatDuration(ms)).toBe(text);
});

it('seconds read the same', () => {
  expect(formatSeconds(125.4)).toBe('2 min 5 s');
});
