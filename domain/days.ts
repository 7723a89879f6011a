// Days of the calendar as numbers, so that they can be compared and counted. Always UTC.

/** Days since 1970-01-01 of the day that `text` begins with: `2026-06-28`, or RFC 3339 in UTC. */
export function dayNumber(text: string): number {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number];
  return daysBefore(year, month) + day - 1 - daysBefore(1970, 1);
}

/** Since the first day of year 1; of the Gregorian calendar throughout. */
function daysBefore(year: number, month: number): number {
  const years = year - 1;
  const ofYears = 365 * years + leapDays(years);
  // As if February had 30 days, and then what it has not.
  const ofMonths = Math.floor((367 * month - 362) / 12);
  const missing = month <= 2 ? 0 : 2 - (leapDays(year) - leapDays(years));
  return ofYears + ofMonths - missing;
}

/** Up to the end of the year. */
function leapDays(year: number): number {
  return Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);
}
