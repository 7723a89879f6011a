// A program that leads a process group of its own, so that it ends with everything that it started.
// G1. SIGTERM first; what is left after the grace is killed. Nothing of the group outlives `end`.
// G2. What has left the group on purpose (setsid) is out of reach, and what another user runs.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

export interface GroupLeader {
  readonly argv: readonly [string, ...string[]];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly graceMs: number;
}

export type GroupEnd =
  | { readonly kind: 'not-started'; readonly error: NodeJS.ErrnoException }
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals };

const pollMs = 50;
/** What is in the pipes when nobody writes to them any more; they stay open only by G2. */
const drainMs = 1_000;

export class ProcessGroup {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #graceMs: number;
  readonly #exit: Promise<GroupEnd>;
  readonly #closed: Promise<void>;
  #endsAtMs: number | undefined;

  constructor({ argv: [file, ...args], directory, environment, graceMs }: GroupLeader) {
    this.#graceMs = graceMs;
    // `detached`: a group of its own; the worker still waits for it.
    this.child = spawn(file, args, {
      cwd: directory,
      env: environment,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#exit = new Promise((resolve) => {
      this.child.once('error', (error) => resolve({ kind: 'not-started', error }));
      this.child.once('exit', (code, signal) =>
        resolve(
          signal === null ? { kind: 'exited', code: code ?? -1 } : { kind: 'killed', signal },
        ),
      );
    });
    this.#closed = new Promise((resolve) => this.child.once('close', () => resolve()));
  }

  /** Whether its leader still runs. */
  isLed(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Asks all of it to end (G1). Safe to repeat: the grace is that of the first call. */
  stop(): void {
    if (this.#endsAtMs !== undefined) return;
    this.#endsAtMs = performance.now() + this.#graceMs;
    this.#signal('SIGTERM');
    const kill = setTimeout(() => this.#signal('SIGKILL'), this.#graceMs);
    void this.#exit.then(() => clearTimeout(kill));
  }

  /** How the leader ended; then nothing of the group is left, and its output has been read. */
  async end(): Promise<GroupEnd> {
    const end = await this.#exit;
    if (end.kind === 'not-started') return end;
    // A child that it left behind would go on unseen.
    this.stop();
    while (this.#isAlive() && performance.now() < (this.#endsAtMs ?? 0)) await delay(pollMs);
    this.#signal('SIGKILL');
    await Promise.race([this.#closed, delay(drainMs, undefined, { ref: false })]);
    this.child.stdin.destroy();
    this.child.stdout.destroy();
    this.child.stderr.destroy();
    return end;
  }

  #isAlive(): boolean {
    return this.#signal(0);
  }

  /** False when there is nothing of the group any more. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.child;
    if (pid === undefined) return false;
    try {
      // A group's number is not given away while anything is in it; afterwards numbers go round.
      process.kill(-pid, signal);
      return true;
    } catch {
      return false;
    }
  }
}
