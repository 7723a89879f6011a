// What Ctrl-C does, however often it is pressed.
// I1. The first signal asks: whoever holds the AbortSignal stops in order.
// I2. While something is running that this process has started, nothing ends it before that has
//     been taken down: a further signal only says so.
// I3. A command that has nothing to take down ends at once at the second signal.
// I4. Taking down has a limit. After it the process ends, and says what is left and how to end it.

const defaultLimitMs = 60_000;
/**
 * A signal to the whole process group (Ctrl-C, timeout(1)) comes a second time through the launcher
 * that passes it on. Nobody presses Ctrl-C twice that fast.
 */
const sameSignalMs = 250;
/** Of asking what is left, when even that gets no answer (I4). */
const askMs = 2_000;

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
export type SignalName = keyof typeof exitCodes;

/** What a command has started, and takes down when it is interrupted. */
export interface Started {
  /** For people: `lab demo`. */
  readonly what: string;
  /** The command line that ends it from outside. */
  readonly endWith: string;
  /** What of it still runs: `supervisor (pid 12)`. */
  readonly left: () => Promise<readonly string[]>;
}

/** What an interruption needs of the process that it is for. */
export interface Surroundings {
  readonly pid: number;
  readonly listen: (name: SignalName, heard: () => void) => void;
  /** One line, on stderr. */
  readonly say: (line: string) => void;
  readonly exit: (code: number) => void;
  readonly limitMs?: number;
}

export class Interruption {
  readonly #surroundings: Surroundings;
  readonly #held = new Set<Started>();
  #controller: AbortController | undefined;
  #lastMs = 0;
  #limit: NodeJS.Timeout | undefined;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Handlers are set when it is first asked for, never before: until then Ctrl-C ends all. */
  get signal(): AbortSignal {
    return this.#listening().signal;
  }

  isInterrupted(): boolean {
    return this.#controller?.signal.aborted ?? false;
  }

  /** As if the signal had come. */
  interrupt(name: SignalName): void {
    const controller = this.#listening();
    const sinceMs = performance.now() - this.#lastMs;
    this.#lastMs = performance.now();
    if (!controller.signal.aborted) {
      this.#sayStopping();
      controller.abort(new Error(`stopped by ${name}`));
      this.#watchLimit(name);
      return;
    }
    if (sinceMs < sameSignalMs) return;
    if (this.#held.size === 0) this.#surroundings.exit(exitCodes[name]);
    else this.#sayPatience();
  }

  /** Nobody reads the output any more, as with `| head`: I2 holds for that as well. */
  readerGone(): void {
    if (this.#held.size === 0) this.#surroundings.exit(this.isInterrupted() ? exitCodes.SIGINT : 0);
    else if (!this.isInterrupted()) this.interrupt('SIGINT');
  }

  /**
   * Does `work`, which starts something and, when it is interrupted, takes it down before it ends:
   * until then I2 and I4 hold. `work` may say that it keeps what runs: then I3 holds.
   */
  async whileTearingDown<Value>(
    started: Started,
    work: (keep: () => void) => Promise<Value>,
  ): Promise<Value> {
    this.#listening();
    this.#held.add(started);
    if (this.isInterrupted()) this.#watchLimit('SIGINT');
    const letGo = (): void => {
      this.#held.delete(started);
      if (this.#held.size === 0) clearTimeout(this.#limit);
    };
    try {
      return await work(letGo);
    } finally {
      letGo();
    }
  }

  #listening(): AbortController {
    if (this.#controller !== undefined) return this.#controller;
    this.#controller = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      this.#surroundings.listen(name, () => this.interrupt(name));
    }
    return this.#controller;
  }

  #sayStopping(): void {
    for (const { what } of this.#held) {
      this.#surroundings.say(`stopping: ${what} is taken down first, which takes a few seconds`);
    }
  }

  #sayPatience(): void {
    const { pid, say } = this.#surroundings;
    for (const { what, endWith } of this.#held) {
      say(
        `stopping, a few seconds …; kill -9 ${pid} would leave ${what} running: ` +
          `end it with \`${endWith}\``,
      );
    }
  }

  #watchLimit(name: SignalName): void {
    if (this.#held.size === 0) return;
    const { limitMs = defaultLimitMs } = this.#surroundings;
    clearTimeout(this.#limit);
    this.#limit = setTimeout(() => void this.#giveUp(name, limitMs), limitMs);
    // It is no reason to stay.
    this.#limit.unref();
  }

  /** I4. */
  async #giveUp(name: SignalName, limitMs: number): Promise<void> {
    const { say, exit } = this.#surroundings;
    for (const started of this.#held) {
      const left = await leftOf(started);
      say(
        `gave up after ${limitMs / 1_000} s: ${started.what} could not be taken down; ` +
          `${left}; end it with \`${started.endWith}\``,
      );
    }
    exit(exitCodes[name]);
  }
}

async function leftOf({ left }: Started): Promise<string> {
  const unknown = 'what is left of it is not known';
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(unknown), askMs);
  });
  const asked = left().then(
    (names) => (names.length === 0 ? 'nothing of it runs' : `still running: ${names.join(', ')}`),
    () => unknown,
  );
  const answer = await Promise.race([asked, late]);
  clearTimeout(timer);
  return answer;
}
