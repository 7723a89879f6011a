// Runs one child process: its exit code is passed back, signals are passed on. Plain JavaScript
// without dependencies, because it runs before any is installed (and so on Node 20).
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Whether this process is in its terminal's foreground group. Then the terminal sends Ctrl-C to
 * the child as well; passing SIGINT on would make it two, which many take as "stop at once".
 * proc(5): pgrp is the third field after the command's closing bracket, tpgid the sixth.
 */
function terminalSignalsChild() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] === fields[5];
  } catch {
    return process.stdin.isTTY === true;
  }
}

/** The shell's convention for the exit code of a process that a signal ended: 128 + its number. */
export const codeOfSignal = (signal) => 128 + (constants.signals[signal] ?? 0);

/**
 * Runs `command` with the terminal handed to it and resolves to its exit code; a child ended by a
 * signal gives 128 + the signal's number. A signal to this process reaches the child, and this
 * process then ends only when the child has. Rejects if the command cannot be started. `spawned`
 * is given the child, for what is piped.
 */
export function run(command, args, { spawned, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    spawned?.(child);
    const pass = (signal) => {
      if (signal === 'SIGINT' && terminalSignalsChild()) return;
      child.kill(signal);
    };
    for (const signal of forwarded) process.on(signal, pass);
    const settle = (act) => {
      for (const signal of forwarded) process.off(signal, pass);
      act();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', (code, signal) =>
      settle(() => resolve(signal === null ? code : codeOfSignal(signal))),
    );
  });
}
