import { scheduleSpecOf } from '../../client/schedules';

describe('scheduleSpecOf', () => {
  it('takes a time with an offset to UTC', () => {
    expect(scheduleSpecOf({ kind: 'at', time: '2026-12-01T02:00:00+01:00' })).toEqual({
      calendars: [{ year: 2026, month: 'DECEMBER', dayOfMonth: 1, hour: 1, minute: 0, second: 0 }],
      timezone: 'UTC',
    });
  });

  it('leaves a local time to its zone', () => {
    const when = { kind: 'at', time: '2026-12-01T02:00', timezone: 'Europe/Berlin' } as const;
    expect(scheduleSpecOf(when)).toEqual({
      calendars: [{ year: 2026, month: 'DECEMBER', dayOfMonth: 1, hour: 2, minute: 0, second: 0 }],
      timezone: 'Europe/Berlin',
    });
  });

  it('takes a cron line with its zone, UTC by default', () => {
    expect(scheduleSpecOf({ kind: 'cron', expression: ' 0 2  * * 6 ' })).toEqual({
      cronExpressions: ['0 2 * * 6'],
      timezone: 'UTC',
    });
  });

  it.each([
    { when: { kind: 'at', time: 'tomorrow' }, why: '"tomorrow" is no time' },
    { when: { kind: 'at', time: '2026-13-01T02:00' }, why: '"2026-13-01T02:00" is no time' },
    { when: { kind: 'at', time: '2026-12-01' }, why: '"2026-12-01" is no time' },
    {
      when: { kind: 'at', time: '2026-12-01T02:00', timezone: 'Mars/Olympus' },
      why: 'Mars/Olympus is no time zone of the IANA list',
    },
    {
      when: { kind: 'cron', expression: '@daily' },
      why: '"@daily" has 1 fields instead of five',
    },
  ] as const)('refuses $when', ({ when, why }) => {
    expect(() => scheduleSpecOf(when)).toThrow(
      expect.objectContaining({
        code: 'schedule-invalid',
        message: `the schedule cannot be used: ${why}`,
      }) as Error,
    );
  });
});
