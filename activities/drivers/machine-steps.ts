// Steps that outlive whoever began them: a script runs on its machine by itself, and all that is
// done from here is to begin it and to look how far it is.
// T1. A step is known by its operation. Who asks for it again finds it: one that runs is followed,
//     one that ended well is done. One that failed, or died with its machine, runs again.
// T2. While anything of a step is alive it is not begun again: it holds a lock that the kernel
//     takes away with its last process.
// T3. What the journal says is on the disk before it is acted on.
// T4. A connection that is lost is made again, until the attempt has no time left.
// T5. A step that has its machine started again is begun again in the next boot, and not before. It
//     has a limit of its own for that, whoever follows it.

import { setTimeout as delay } from 'node:timers/promises';

import type { DriverContext } from '../driver-context';
import { PortError } from '../ports';
import { LineReader, Tail } from './command-output';
import { isAway, type MachineShell, type Machines } from './machine-shell';
import { givenUpCode, journalDirectory, journalScript } from './machine-journal';
import { brokenCode, fullCode, refusedCode } from './machine-script';
import { createMask } from './secret-mask';

export interface MachineStep {
  readonly machine: string;
  /** `upgrading the kubelet`: begins every message. */
  readonly doing: string;
  /**
   * For sh, as root. Safe to run again after any of its lines. `phase: …` on a line tells how far
   * it is, `reason: …` why it fails; without one its last lines do.
   */
  readonly script: string;
  /** What of the machine. Whatever else is under way there to change the same is ended for it. */
  readonly changes?: string;
  /** For how long its machine may be away to start again (T5); absent: it does not. */
  readonly restartMs?: number;
  /** For how long it may run there; absent: as long as the attempt that begins it. */
  readonly runsMs?: number;
  /** The phase while its machine does not answer; absent: that it is waited for. */
  readonly awayPhase?: () => string;
}

export type StepContext = Pick<
  DriverContext,
  'signal' | 'operationId' | 'limitMs' | 'onPhase' | 'log'
>;

export interface StepOptions {
  readonly machines: Machines;
  /** Where journals lie on machines. */
  readonly directory?: string;
  readonly pollMs?: number;
  /**
   * How long a machine may be away, also before anything was begun there. Absent: it must answer at
   * first, and may be away later until the attempt has no time left.
   */
  readonly awayMs?: number;
}

const defaultPollMs = 1_000;
/** The machine itself waits for the end of a step that runs (machine-journal.ts). */
const followMs = 100;
const lookMs = 60_000;
const chunkBytesMax = 64 * 1024;
const answerBytesMax = chunkBytesMax + 1_024;
const lineBytesMax = 8 * 1024;
const loggedLinesMax = 1_000;
const tailBytesMax = 2_048;
const tailLines = 5;
/** A step that dies more often than that does not die by chance. */
const deathsMax = 3;
/** timeout(1), after SIGTERM and after SIGKILL. */
const lateCodes = new Set([124, 137]);

const phasePattern = /^phase: (.*)$/;
const noSecrets = createMask({});

/**
 * Returns when the step has ended well. Throws PortError: `rejected` when its script refuses or
 * would fail again, or its machine does not start again (T5), `full` where it finds no room,
 * `unexpected` when it fails otherwise, what the machine's connection throws; or the signal's
 * reason, and then the step goes on.
 */
export async function runStep(
  options: StepOptions,
  step: MachineStep,
  context: StepContext,
): Promise<void> {
  const follower = new StepFollower(options, step, context);
  try {
    await follower.follow();
  } finally {
    follower.close();
  }
}

const stateWords = ['running', 'died', 'absent', 'restarting', 'restarted'] as const;

type StepState =
  | { readonly kind: (typeof stateWords)[number] }
  | { readonly kind: 'ended'; readonly code: number };

interface Look {
  readonly state: StepState;
  readonly text: Buffer;
}

class StepFollower {
  readonly #options: StepOptions;
  readonly #step: MachineStep;
  readonly #context: StepContext;
  readonly #deadlineMs: number;
  #shell: MachineShell | undefined;
  #wasReached = false;
  /** When it began not to answer. */
  #awaySinceMs: number | undefined;
  /** When it was first seen to start again. */
  #restartSinceMs: number | undefined;
  #wasBegun = false;
  #deaths = 0;
  #output: StepOutput;

  constructor(options: StepOptions, step: MachineStep, context: StepContext) {
    this.#options = options;
    this.#step = step;
    this.#context = context;
    this.#deadlineMs = performance.now() + context.limitMs;
    this.#output = new StepOutput(step, context);
  }

  close(): void {
    this.#shell?.close();
    this.#shell = undefined;
  }

  async follow(): Promise<void> {
    for (;;) {
      const look = await this.#lookOnce();
      const isRunning = look?.state.kind === 'running';
      if (look !== undefined) {
        this.#output.write(look.text);
        const isWhole = look.text.length < chunkBytesMax;
        if (!isWhole) continue;
        if (look.state.kind === 'ended') return this.#output.judge(look.state.code);
        this.#goOn(look.state.kind);
      }
      const { pollMs = isRunning ? followMs : defaultPollMs } = this.#options;
      await delay(pollMs, undefined, {
        signal: this.#context.signal,
      }).catch(() => this.#context.signal.throwIfAborted());
    }
  }

  /** T4. Undefined while the machine is away. */
  async #lookOnce(): Promise<Look | undefined> {
    const { machines } = this.#options;
    const { machine, doing } = this.#step;
    const { signal, onPhase } = this.#context;
    try {
      this.#shell ??= await machines.connect(machine, signal);
      this.#wasReached = true;
      const look = await this.#ask(this.#shell);
      this.#awaySinceMs = undefined;
      return look;
    } catch (error) {
      this.close();
      if (!isAway(error) || !this.#mayBeAway(error.message)) throw error;
      this.#context.log(`${doing}: ${error.message}`);
      const { awayPhase = () => `waiting for machine ${machine} to answer again` } = this.#step;
      onPhase(awayPhase());
      return undefined;
    }
  }

  #mayBeAway(why: string): boolean {
    const { awayMs } = this.#options;
    const nowMs = performance.now();
    this.#awaySinceMs ??= nowMs;
    if (nowMs >= this.#deadlineMs) return false;
    if (this.#step.restartMs !== undefined) {
      // It may be gone before it was seen to start again.
      this.#refuseLate(this.#restartSinceMs ?? this.#awaySinceMs, `it does not answer: ${why}`);
      return true;
    }
    if (awayMs !== undefined) return nowMs - this.#awaySinceMs < awayMs;
    // Where it was never reached, nothing can have begun.
    return this.#wasReached;
  }

  async #ask(shell: MachineShell): Promise<Look> {
    const { doing, script, machine, changes = '', runsMs } = this.#step;
    const { signal, operationId, limitMs } = this.#context;
    const { directory = journalDirectory } = this.#options;
    if (performance.now() >= this.#deadlineMs) {
      const how = this.#wasBegun ? 'it still runs' : 'it was not begun';
      const message = `${doing}: ${how} on machine ${machine} when the time is over`;
      throw new PortError('unexpected', message);
    }
    const verb = this.#wasBegun ? 'look' : 'begin';
    const limitSeconds = Math.ceil(Math.min(runsMs ?? limitMs, 24 * 3_600_000) / 1_000);
    const numbers = [this.#output.bytes, chunkBytesMax, limitSeconds].map(String);
    const { code, output, complaints } = await shell.run(
      {
        doing,
        script: journalScript(script),
        args: [directory, operationId, verb, ...numbers, changes],
        timeoutMs: lookMs,
        outputBytesMax: answerBytesMax,
      },
      signal,
    );
    const look = code === 0 ? lookOf(output) : undefined;
    if (code === fullCode) {
      throw new PortError('full', `${doing} on machine ${machine}: ${complaints.join(' ')}`);
    }
    if (look === undefined) {
      const why = noSecrets(complaints.join(' ')) || `it ended with ${code}`;
      throw new PortError('unexpected', `${doing}: the journal on machine ${machine}: ${why}`);
    }
    this.#wasBegun = true;
    return look;
  }

  #goOn(state: (typeof stateWords)[number]): void {
    switch (state) {
      case 'running':
        this.#restartSinceMs = undefined;
        return;
      case 'restarting':
        this.#restartSinceMs ??= performance.now();
        return this.#refuseLate(this.#restartSinceMs, 'it still runs as before');
      case 'restarted':
        this.#restartSinceMs = undefined;
        this.#context.log(`${this.#step.doing}: machine ${this.#step.machine} has started again`);
        return this.#forgetRun();
      case 'absent':
      case 'died':
        return this.#beginAgain();
    }
  }

  /** T5. */
  #refuseLate(sinceMs: number, how: string): void {
    const { doing, machine, restartMs = 0 } = this.#step;
    const lateMs = performance.now() - sinceMs;
    if (lateMs < restartMs) return;
    const message =
      `${doing}: machine ${machine} was to start again, and ${Math.round(lateMs / 1_000)} s later` +
      ` ${how} - look at its console, and retry the node when it answers`;
    throw new PortError('rejected', message);
  }

  #forgetRun(): void {
    this.#wasBegun = false;
    this.#output = new StepOutput(this.#step, this.#context);
  }

  /** T1. */
  #beginAgain(): void {
    const { doing, machine } = this.#step;
    this.#deaths += 1;
    if (this.#deaths > deathsMax) {
      const message = `${doing}: it died ${this.#deaths} times on machine ${machine}`;
      throw new PortError('unexpected', message);
    }
    this.#context.log(`${doing}: it died on machine ${machine}, and is begun again`);
    this.#forgetRun();
  }
}

/** The first line is the state, the rest is what the step printed. */
function lookOf(output: Buffer): Look | undefined {
  const end = output.indexOf('\n');
  if (end < 0) return undefined;
  const said = output.toString('utf8', 0, end);
  const text = output.subarray(end + 1);
  const code = /^ended (\d+)$/.exec(said)?.[1];
  if (code !== undefined) return { state: { kind: 'ended', code: Number(code) }, text };
  const kind = stateWords.find((word) => word === said);
  return kind === undefined ? undefined : { state: { kind }, text };
}

/** What a step printed, told line by line. */
class StepOutput {
  readonly #step: MachineStep;
  readonly #reader: LineReader;
  readonly #tail = new Tail(tailBytesMax);
  bytes = 0;
  #lines = 0;

  constructor(step: MachineStep, { onPhase, log }: StepContext) {
    this.#step = step;
    this.#reader = new LineReader({
      bytesMax: lineBytesMax,
      onLine: (line) => {
        const phase = phasePattern.exec(line)?.[1];
        if (phase !== undefined) onPhase(noSecrets(phase));
        this.#lines += 1;
        if (this.#lines > loggedLinesMax) return;
        const isLast = this.#lines === loggedLinesMax;
        log(`${step.machine}: ${noSecrets(line)}${isLast ? ' (and more, on the machine)' : ''}`);
      },
      onOverlong: () => log(`${step.machine}: a line is too long; no more is told`),
    });
  }

  write(text: Buffer): void {
    this.bytes += text.length;
    this.#reader.write(text);
    this.#tail.write(text);
  }

  judge(code: number): void {
    if (code === 0) return;
    const { doing, machine } = this.#step;
    const said = lastWords(this.#tail.lines()).map(noSecrets).join(' | ');
    const where = `${doing} on machine ${machine}`;
    if (code === refusedCode) throw new PortError('rejected', `${where} is refused: ${said}`);
    if (code === givenUpCode) {
      throw new PortError('unexpected', `${where} was ended for another step: ${said}`);
    }
    if (code === fullCode) throw new PortError('full', `${where} finds no room: ${said}`);
    if (code === brokenCode) throw new PortError('rejected', `${where} failed: ${said}`);
    const how = lateCodes.has(code) ? 'took too long and was ended' : `failed with ${code}`;
    throw new PortError('unexpected', `${where} ${how}: ${said}`);
  }
}

/** Its reasons where it gives some, else what it said last, else how far it was. */
function lastWords(lines: readonly string[]): readonly string[] {
  const reasons = lines.flatMap((line) => /^reason: (.*)$/.exec(line)?.[1] ?? []);
  if (reasons.length > 0) return reasons;
  const said = lines.filter((line) => !phasePattern.test(line));
  if (said.length > 0) return said.slice(-tailLines);
  const phase = lines.findLast((line) => phasePattern.test(line));
  return [phase === undefined ? 'it said nothing' : `it was at ${phase}`];
}
