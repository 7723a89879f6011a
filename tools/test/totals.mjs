// The sums of a test run, as one line that people and machines read.

/** "12 passed, 0 failed", with the skipped ones named if there are any. */
export function sentenceOf({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
