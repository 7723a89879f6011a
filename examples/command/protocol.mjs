// What the programs in this folder share: how they read what they are asked, and answer. Take the
// folder, and change what you need. The protocol: docs/command-driver.md.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const codes = { done: 0, failed: 1, retry: 75, refused: 77 };

/** What this program is asked to do. */
export function readRequest() {
  const request = JSON.parse(readFileSync(0, 'utf8'));
  if (request.apiVersion === 'ascent/command/v1') return request;
  throw new Refusal(`apiVersion ${request.apiVersion} is not known here`);
}

/** Ends the program: asking again does not help. */
export class Refusal extends Error {}

/** Ends the program: it is to be run again. */
export class Later extends Error {
  constructor(reason, seconds) {
    super(reason);
    this.seconds = seconds;
  }
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export const phase = (text) => say({ type: 'phase', phase: text });
export const log = (text) => say({ type: 'log', message: text });

/** Runs the work, and says how it ended as the exit code wants it. */
export async function answer(work) {
  try {
    say({ type: 'result', status: 'done', ...(await work()) });
    process.exitCode = codes.done;
  } catch (error) {
    process.exitCode = report(error);
  }
}

function report(error) {
  const { message: reason } = error;
  if (error instanceof Refusal) {
    say({ type: 'result', status: 'refused', reason });
    return codes.refused;
  }
  if (error instanceof Later) {
    say({ type: 'result', status: 'retry', reason, retryAfterSeconds: error.seconds });
    return codes.retry;
  }
  process.stderr.write(`${reason}\n`);
  return codes.failed;
}

/**
 * Runs a program to its end: its exit code, and its standard output unless `isLogged`, where each
 * line is told as it comes. Its error output is this program's. It is in this program's process
 * group, so that both are ended together.
 */
export async function run(program, args, { cwd, env = {}, isLogged = false, onLine } = {}) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined);
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    onLine?.(line);
    if (!isLogged) lines.push(line);
    else if (line.trim() !== '') log(line);
  }
  return { code: await ended, output: lines.join('\n') };
}

/** `run`, and what it says must be JSON. */
export async function ask(program, args, options) {
  const { code, output } = await run(program, args, options);
  if (code === 0) return JSON.parse(output);
  throw new Error(`${program} ${args[0]} ended with ${code}`);
}

/** Values of `--name value`, of each name a list. */
export function readFlags(names) {
  const flags = Object.fromEntries(names.map((name) => [name, []]));
  const words = process.argv.slice(2);
  for (let index = 0; index < words.length; index += 2) {
    const name = words[index].replace(/^--/, '');
    const value = words[index + 1];
    if (flags[name] === undefined || value === undefined) {
      throw new Refusal(`${words[index]} is not known here, or has no value`);
    }
    flags[name].push(value);
  }
  return flags;
}

/** The one value of a flag that must be given. */
export function required(flags, name) {
  const [value] = flags[name];
  if (value === undefined) throw new Refusal(`--${name} is missing`);
  return value;
}

/** Whether release `a` is older than `b`. */
export function isOlder(a, b) {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  const index = left.findIndex((part, at) => part !== right[at]);
  return index >= 0 && left[index] < right[index];
}
