// Runs one executable to its end, bounded and cancellable.

import { execFile } from 'node:child_process';

import { PortError } from '../ports';
import { boundedCall } from './bounded-call';

export interface ToolRun {
  /** A path, or a name that is looked up on PATH. */
  readonly tool: string;
  readonly args: readonly string[];
  readonly doing: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called with the process id as soon as there is one. */
  onStart?(pid: number): void;
}

const outputBytesMax = 4 * 1024 * 1024;
const messageCharsMax = 400;

/**
 * Standard output of the tool. Throws PortError: `rejected` when it cannot be executed, `timeout`,
 * `full` or `unexpected` with the end of its error output when it fails; or the signal's reason. A
 * tool that is cancelled is killed.
 */
export function runTool(run: ToolRun): Promise<string> {
  return boundedCall(run, (signal) => execute(run, signal));
}

function execute(run: ToolRun, signal: AbortSignal): Promise<string> {
  const { tool, args, doing } = run;
  return new Promise((resolve, reject) => {
    const options = { signal, killSignal: 'SIGKILL', maxBuffer: outputBytesMax } as const;
    const child = execFile(tool, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(explain(error, { tool, doing, stderr }));
    });
    if (child.pid !== undefined) run.onStart?.(child.pid);
  });
}

function explain(
  error: Error,
  {
    tool,
    doing,
    stderr,
  }: { readonly tool: string; readonly doing: string; readonly stderr: string },
): Error {
  // The limit and the cancellation are told apart by boundedCall.
  if (error.name === 'AbortError') return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'EACCES') {
    return new PortError('rejected', `${doing}: ${tool} cannot be executed (${code})`);
  }
  const said = stderr.trim().slice(-messageCharsMax) || `it ended with ${String(code)}`;
  const isFull = /no space left on device|disk quota exceeded/i.test(said);
  return new PortError(isFull ? 'full' : 'unexpected', `${doing}: ${said}`);
}
