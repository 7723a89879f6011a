// What is kept of a program's output while it runs: little, however much it prints.
// B1. A line is at most so long; a program that prints a longer one is not understood any more.
// B2. Of the error output only whole lines of its end are kept, so that a value in it is masked as
//     a whole or not shown at all.

const newline = 0x0a;

/** Whole lines of a stream. After `onOverlong` nothing more is told (B1). */
export class LineReader {
  readonly #bytesMax: number;
  readonly #onLine: (line: string) => void;
  readonly #onOverlong: () => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isOverlong = false;

  constructor(options: {
    readonly bytesMax: number;
    readonly onLine: (line: string) => void;
    readonly onOverlong: () => void;
  }) {
    this.#bytesMax = options.bytesMax;
    this.#onLine = options.onLine;
    this.#onOverlong = options.onOverlong;
  }

  write(chunk: Buffer): void {
    let start = 0;
    while (!this.#isOverlong && start < chunk.length) {
      const end = chunk.indexOf(newline, start);
      this.#keep(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (end < 0) return;
      this.#flush();
      start = end + 1;
    }
  }

  /** The last line may lack its end. */
  end(): void {
    if (this.#pendingBytes > 0) this.#flush();
  }

  #keep(part: Buffer): void {
    this.#pendingBytes += part.length;
    if (this.#pendingBytes <= this.#bytesMax) {
      this.#pending.push(part);
      return;
    }
    this.#isOverlong = true;
    this.#pending = [];
    this.#onOverlong();
  }

  #flush(): void {
    if (this.#isOverlong) return;
    const line = Buffer.concat(this.#pending).toString('utf8');
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#onLine(line);
  }
}

/** The last whole lines of a stream (B2). */
export class Tail {
  readonly #bytesMax: number;
  #text = Buffer.alloc(0);
  #isCut = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  write(chunk: Buffer): void {
    const end = chunk.subarray(Math.max(0, chunk.length - this.#bytesMax));
    const text = Buffer.concat([this.#text, end]);
    this.#isCut ||= text.length > this.#bytesMax || end.length < chunk.length;
    this.#text = text.subarray(Math.max(0, text.length - this.#bytesMax));
  }

  /** Without blank lines. */
  lines(): readonly string[] {
    const first = this.#isCut ? this.#text.indexOf(newline) + 1 : 0;
    const whole = this.#isCut && first === 0 ? this.#text.subarray(0, 0) : this.#text;
    const lines = whole.subarray(first).toString('utf8').split('\n');
    return lines.map((line) => line.trim()).filter((line) => line !== '');
  }
}
