// Durations for people. Two units at most: at 03:00 nobody needs the seconds of a day.

const units = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1_000 },
] as const;

/**
 * `450 ms`, `5 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`: the largest unit that fits and the one
 * below it, rounded down; a second unit that is zero is left out. Negative counts as zero, because
 * clocks of two machines may disagree.
 */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.floor(ms));
  const index = units.findIndex((unit) => whole >= unit.ms);
  const unit = units[index];
  if (unit === undefined) return whole === 0 ? '0 s' : `${whole} ms`;
  const large = `${Math.floor(whole / unit.ms)} ${unit.name}`;
  const next = units[index + 1];
  const small = next === undefined ? 0 : Math.floor((whole % unit.ms) / next.ms);
  return next === undefined || small === 0 ? large : `${large} ${small} ${next.name}`;
}

/** The same from seconds, as results and estimates carry them. */
export function formatSeconds(seconds: number): string {
  return formatDuration(seconds * 1_000);
}
