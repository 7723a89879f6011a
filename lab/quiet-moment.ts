// Finds the moment in which an HTTP/1.1 connection can be ended with the least risk. An HTTP/1.1
// peer that ends an idle connection races with the client's next request, and under TLS nobody in
// between can say `Connection: close`. The race is lost when the client sends before it has seen
// the end, so the best moment is just after an answer, when the client is awake and its next
// request is as far away as it ever is. It is handed times in milliseconds; it never asks.
// Q1. Only a client that has shown pauses between its requests gets an end from us. One that
//     sends its next request at once is left to the server, which finds it in the middle of a
//     request and answers that with `Connection: close`.
// Q2. A moment that was missed (this process was not scheduled in time) is not used: another
//     answer will come.
// Q3. A long answer may pause in the middle: only short ones count.

/** Quiet for this long after the last byte of an answer. */
export const quietAfterAnswerMs = 2;
/** Q2: later than this, the next request may be on its way. */
const missedAfterMs = 6;
/** Q1: the shortest of the recent pauses must be this long. */
const shortestPauseMs = 15;
/** Q3. */
const answerBytesMax = 16 * 1024;
const rememberedPauses = 8;

export class QuietMoments {
  private pauses: readonly number[] = [];
  private lastFrom: 'client' | 'server' = 'client';
  private lastServerMs = 0;
  private answerBytes = 0;

  clientSent(nowMs: number): void {
    if (this.lastFrom === 'server') {
      const pauseMs = nowMs - this.lastServerMs;
      this.pauses = [...this.pauses, pauseMs].slice(-rememberedPauses);
      this.answerBytes = 0;
    }
    this.lastFrom = 'client';
  }

  serverSent(nowMs: number, bytes: number): void {
    this.lastFrom = 'server';
    this.lastServerMs = nowMs;
    this.answerBytes += bytes;
  }

  /** True when the connection may be ended now. */
  isQuiet(nowMs: number): boolean {
    const quietMs = nowMs - this.lastServerMs;
    return (
      this.lastFrom === 'server' &&
      quietMs >= quietAfterAnswerMs &&
      quietMs <= missedAfterMs &&
      this.answerBytes <= answerBytesMax &&
      // A connection without history may be in the middle of its TLS handshake.
      this.pauses.length > 1 &&
      Math.min(...this.pauses) >= shortestPauseMs
    );
  }
}
