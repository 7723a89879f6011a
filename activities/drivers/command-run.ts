// Runs one program of the driver `command` to its end, and says what that end means.
// C1. A program ends within its limit, and with it everything that it started (process-group.ts).
// C2. What it prints is bounded: a line, the lines that are logged, what a message repeats.
// C3. Lines that are not of the protocol are passed over and counted; without a result they are
//     part of the failure. Their text is not repeated: nobody said what is in it.
// C4. A result and the exit code must agree. Neither is proof of anything: what counts is seen on
//     the cluster afterwards (R2).

import { formatDuration } from '../../domain/durations';
import type { CommandAccess } from '../access';
import { parseJson } from '../adapters/json';
import type { DriverContext } from '../driver-context';
import { PortError } from '../ports';
import {
  type CommandLine,
  type CommandRequest,
  type CommandResult,
  exitCodes,
  lineSchema,
} from './command-protocol';
import { LineReader, Tail } from './command-output';
import { type GroupEnd, type GroupLeader, ProcessGroup } from './process-group';
import type { Mask } from './secret-mask';

export interface CommandRun extends Omit<GroupLeader, 'argv'> {
  readonly command: CommandAccess;
  readonly request: CommandRequest;
  readonly context: Pick<DriverContext, 'signal' | 'limitMs' | 'onPhase' | 'log'>;
  readonly mask: Mask;
  readonly lineBytesMax: number;
}

const tailBytesMax = 8 * 1024;
const tailLines = 5;
const reasonCharsMax = 400;
const phaseCharsMax = 200;
const logCharsMax = 2_000;
const logLinesMax = 500;

/** Why it was ended from here. */
type Stop = 'cancelled' | 'late' | 'overlong';

/** What was heard of it. */
interface Heard {
  result?: CommandResult;
  strayLines: number;
  firstStray?: number;
}

/**
 * The result of a program that is done. Throws PortError: `rejected` when it refused or cannot be
 * executed, `unexpected` when it failed or wants to be asked again (then with the delay); or the
 * signal's reason.
 */
export async function runCommand(run: CommandRun): Promise<CommandResult> {
  const { command, context, graceMs } = run;
  context.signal.throwIfAborted();
  const limitMs = Math.min(command.timeoutMs, context.limitMs);
  const group = new ProcessGroup({ ...run, argv: command.argv });
  let stopped: Stop | undefined;
  const stop = (why: Stop): void => {
    stopped ??= why;
    group.stop();
  };
  const onAbort = (): void => stop('cancelled');
  context.signal.addEventListener('abort', onAbort, { once: true });
  // What is left of the limit is the grace, so that all of it has ended in time.
  const onLate = (): void => (group.isLed() ? stop('late') : undefined);
  const late = setTimeout(onLate, Math.max(0, limitMs - graceMs));
  try {
    const stderr = new Tail(tailBytesMax);
    const heard = listen(group, run, { stderr, onOverlong: () => stop('overlong') });
    tell(group, run.request);
    const end = await group.end();
    heard.finish();
    context.signal.throwIfAborted();
    return judge({ run, end, stopped, limitMs, heard: heard.heard, said: saidOf(stderr, run) });
  } finally {
    clearTimeout(late);
    context.signal.removeEventListener('abort', onAbort);
  }
}

/** A program may end, or close its input, without having read it. */
function tell(group: ProcessGroup, request: CommandRequest): void {
  group.child.stdin.on('error', () => undefined);
  group.child.stdin.end(`${JSON.stringify(request)}\n`);
}

function listen(
  { child }: ProcessGroup,
  run: CommandRun,
  { stderr, onOverlong }: { readonly stderr: Tail; readonly onOverlong: () => void },
): { readonly heard: Heard; readonly finish: () => void } {
  const heard: Heard = { strayLines: 0 };
  const narrate = narrator(run);
  let lines = 0;
  const onLine = (text: string): void => {
    lines += 1;
    const line = lineSchema.safeParse(parseJson(text)).data;
    if (line?.type === 'result') heard.result = line;
    if (line !== undefined) return narrate(line);
    if (text.trim() === '') return;
    heard.strayLines += 1;
    heard.firstStray ??= lines;
  };
  const reader = new LineReader({ bytesMax: run.lineBytesMax, onLine, onOverlong });
  child.stdout.on('data', (chunk: Buffer) => reader.write(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk));
  return { heard, finish: () => reader.end() };
}

/** The last that it says of itself is the phase; more than enough of it is logged. */
function narrator({ context, mask }: CommandRun): (line: CommandLine) => void {
  let logged = 0;
  return (line) => {
    if (line.type === 'result') return;
    const text = mask(line.type === 'phase' ? line.phase : line.message);
    if (text === '') return;
    context.onPhase(text.slice(0, phaseCharsMax));
    if (line.type === 'phase') return;
    logged += 1;
    if (logged <= logLinesMax) context.log(text.slice(0, logCharsMax));
    if (logged === logLinesMax) context.log(`${logLinesMax} lines: no more of them are logged`);
  };
}

function saidOf(stderr: Tail, { mask }: CommandRun): string {
  const lines = stderr.lines().slice(-tailLines);
  return lines.map(mask).join(' | ').slice(-reasonCharsMax);
}

interface Ending {
  readonly run: CommandRun;
  readonly end: GroupEnd;
  readonly stopped: Stop | undefined;
  readonly limitMs: number;
  readonly heard: Heard;
  /** The end of its error output. */
  readonly said: string;
}

function judge(ending: Ending): CommandResult {
  const { end, stopped, run, limitMs } = ending;
  if (end.kind === 'not-started') {
    const { code = 'unknown error' } = end.error;
    throw failure(ending, `cannot be executed (${code})`, 'rejected');
  }
  if (stopped === 'late') {
    throw failure(ending, `did not end within ${formatDuration(limitMs)} and was ended`);
  }
  if (stopped === 'overlong') {
    const kibibytes = run.lineBytesMax / 1_024;
    throw failure(ending, `printed a line of more than ${kibibytes} KiB and was ended`);
  }
  if (end.kind === 'killed') throw failure(ending, `was ended by ${end.signal}`);
  return judgeExit(ending, end.code);
}

/** C4. */
function judgeExit(ending: Ending, code: number): CommandResult {
  const { result } = ending.heard;
  const meant = statusOf(code);
  if (meant !== undefined && result !== undefined && result.status !== meant) {
    throw failure(ending, `ended with ${code}, and its result says ${result.status}`);
  }
  switch (meant) {
    case 'done':
      if (result !== undefined) return result;
      throw failure(ending, `ended with 0 and no result${strayText(ending.heard)}`);
    case 'retry':
      throw failure(ending, 'asks to be run again later', 'unexpected', result?.retryAfterSeconds);
    case 'refused':
      throw failure(ending, 'refused', 'rejected');
    case undefined:
      throw failure(
        ending,
        `ended with ${code}${result === undefined ? strayText(ending.heard) : ''}`,
      );
  }
}

function statusOf(code: number): CommandResult['status'] | undefined {
  if (code === exitCodes.done) return 'done';
  if (code === exitCodes.retry) return 'retry';
  return code === exitCodes.refused ? 'refused' : undefined;
}

/** C3. */
function strayText({ strayLines, firstStray }: Heard): string {
  if (firstStray === undefined) return '';
  const lines = strayLines === 1 ? 'a line' : `${strayLines} lines`;
  return ` (it printed ${lines} not of the protocol, the first is line ${firstStray})`;
}

/** Its own reason where it gave one, else the end of its error output. */
function failure(
  { run, heard, said }: Ending,
  what: string,
  code: 'rejected' | 'unexpected' = 'unexpected',
  retryAfterSeconds?: number,
): PortError {
  const { mask, request, command } = run;
  const given = mask(heard.result?.reason ?? '').slice(0, reasonCharsMax);
  const why = given === '' ? said : given;
  const named = `the command driver.${request.step} (${command.argv[0]})`;
  return new PortError(
    code,
    `${named} ${what}${why === '' ? '' : `: ${why}`}`,
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}
