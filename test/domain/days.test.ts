import { dayNumber } from '../../domain/days';

it.each([
  ['1970-01-01', 0],
  ['1970-03-01', 59],
  ['1900-03-01', -25_508],
  ['2000-02-29', 11_016],
  ['2024-03-01', 19_783],
  ['2026-11-21T23:59:59.999Z', 20_778],
])('%s is day %s', (text, day) => {
  expect(dayNumber(text)).toBe(day);
});

it('counts every day of four centuries once', () => {
  const first = Date.UTC(1890, 0, 1) / 86_400_000;
  const days = Array.from({ length: 146_097 }, (_, index) => first + index);
  const wrong = days.filter((day) => dayNumber(new Date(day * 86_400_000).toISOString()) !== day);
  expect(wrong).toEqual([]);
});
