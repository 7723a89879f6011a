import { QuietMoments } from '../../lab/quiet-moment';

/** A client that asks every 50 ms and is answered after 5 ms; returns the time of the last answer. */
function talk(moments: QuietMoments, rounds: number, pauseMs = 45, answerBytes = 200): number {
  let nowMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    moments.clientSent(nowMs);
    moments.serverSent(nowMs + 5, answerBytes);
    nowMs += 5 + pauseMs;
  }
  return nowMs - pauseMs;
}

describe('the moment in which a connection may be ended', () => {
  it('is just after an answer to a client that pauses between its requests', () => {
    const moments = new QuietMoments();
    const answeredMs = talk(moments, 4);
    expect([1, 2, 4, 6, 7].map((ms) => [ms, moments.isQuiet(answeredMs + ms)])).toEqual([
      [1, false],
      [2, true],
      [4, true],
      [6, true],
      [7, false],
    ]);
  });

  it('is never while an answer is awaited', () => {
    const moments = new QuietMoments();
    const answeredMs = talk(moments, 4);
    moments.clientSent(answeredMs + 1);
    expect(moments.isQuiet(answeredMs + 3)).toBe(false);
  });

  it('never comes for a client that asks again at once (Q1)', () => {
    const moments = new QuietMoments();
    const answeredMs = talk(moments, 6, 3);
    expect(moments.isQuiet(answeredMs + 3)).toBe(false);
  });

  it('never comes in a long answer, which may only pause (Q3)', () => {
    const moments = new QuietMoments();
    const answeredMs = talk(moments, 4, 45, 64 * 1024);
    expect(moments.isQuiet(answeredMs + 3)).toBe(false);
  });

  it('never comes before a client has shown pauses: it may be in its handshake', () => {
    const moments = new QuietMoments();
    const answeredMs = talk(moments, 1);
    expect(moments.isQuiet(answeredMs + 3)).toBe(false);
  });
});
