// One process that should run: started, restarted with growing pauses when it ends by itself,
// stopped when asked. It owns the process and its log; what the process is for is not its concern.
// S1. Between start() and stop() there is a process or a planned restart; after stop() neither.
// S2. A process is recorded before anything waits for it, so that a later command can clean up.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';

import { isPortFree } from '../free-ports';
import { isolated, type Command, type UtsMode } from '../isolation';
import { messageOf } from '../lab-error';
import { forgetProcess, identify, recordProcess } from '../process-identity';
import { eventually } from '../waiting';
import { programName, type Program } from './program';

export interface ChildSpec {
  /** `cp-1-api-server`: names the log and the process record. */
  readonly name: string;
  readonly hostname?: string;
  /** Ports that must be free before it starts: a killed predecessor may still hold them. */
  readonly ports: readonly number[];
  /** Asked at every start, so that a restart takes the version of that moment. */
  readonly command: () => Promise<StartedAs>;
  /** Runs before every start; its failure delays the start like a crash would. */
  readonly beforeStart?: () => Promise<void>;
}

export interface StartedAs extends Command, Program {}

export interface ChildHost {
  readonly processesDir: string;
  readonly logsDir: string;
  readonly utsMode: UtsMode;
  readonly log: (line: string) => void;
}

export type StopResult = 'was-stopped' | 'ended' | 'killed';

const portWaitMs = 10_000;
const firstPauseMs = 500;
const longestPauseMs = 10_000;
/** A process that ran this long is healthy: the next crash starts with the first pause again. */
const healthyMs = 60_000;
const killWaitMs = 5_000;
const logBytesMax = 64 * 1024 * 1024;

interface Running {
  readonly process: ChildProcess;
  readonly program: Program;
  readonly sinceMs: number;
  readonly ended: Promise<void>;
}

export class Child {
  readonly name: string;
  private readonly spec: ChildSpec;
  private readonly host: ChildHost;
  private running: Running | undefined;
  private isWanted = false;
  private pauseMs = firstPauseMs;
  private restart: NodeJS.Timeout | undefined;
  private starting: Promise<void> | undefined;

  constructor(spec: ChildSpec, host: ChildHost) {
    this.name = spec.name;
    this.spec = spec;
    this.host = host;
  }

  /** The version of the process that runs now. */
  get runningVersion(): string | undefined {
    return this.running?.program.version;
  }

  /** The same with what it serves as. */
  get runningProgram(): Program | undefined {
    return this.running?.program;
  }

  get pid(): number | undefined {
    return this.running?.process.pid;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** No-op while it runs. Throws when it cannot be started now; it is tried again later (S1). */
  async start(): Promise<void> {
    this.isWanted = true;
    clearTimeout(this.restart);
    if (this.running !== undefined) return;
    this.starting ??= this.launch().finally(() => {
      this.starting = undefined;
    });
    try {
      await this.starting;
    } catch (error) {
      if (this.isWanted) this.planRestart();
      throw error;
    }
  }

  /** Sends the signal, waits at most `timeoutMs`, then kills. Throws when even that fails. */
  async stop(signal: 'SIGTERM' | 'SIGKILL', timeoutMs: number): Promise<StopResult> {
    this.isWanted = false;
    clearTimeout(this.restart);
    await this.starting?.catch(() => undefined);
    const current = this.running;
    if (current === undefined) return 'was-stopped';
    current.process.kill(signal);
    if (await endsWithin(current.ended, signal === 'SIGKILL' ? killWaitMs : timeoutMs)) {
      return signal === 'SIGKILL' ? 'killed' : 'ended';
    }
    this.host.log(`${this.name} ignored ${signal} for ${timeoutMs} ms and is killed`);
    current.process.kill('SIGKILL');
    if (!(await endsWithin(current.ended, killWaitMs))) {
      throw new Error(`${this.name} (pid ${current.process.pid}) does not end`);
    }
    return 'killed';
  }

  /** Lets the process crash; it is restarted as after any crash. False when none runs. */
  crash(signal: NodeJS.Signals): boolean {
    return this.running?.process.kill(signal) ?? false;
  }

  private async launch(): Promise<void> {
    const { spec, host } = this;
    for (const port of spec.ports) {
      const isFree = await eventually(() => isPortFree(port), {
        timeoutMs: portWaitMs,
        everyMs: 25,
      });
      if (!isFree) throw new Error(`${spec.name} cannot start: port ${port} is taken`);
    }
    await spec.beforeStart?.();
    const command = await spec.command();
    if (!this.isWanted) return;
    const { file, args } = isolated(command, {
      parentPid: process.pid,
      ...(spec.hostname === undefined
        ? {}
        : { hostname: { name: spec.hostname, mode: host.utsMode } }),
    });
    const log = this.openLog(command);
    let child: ChildProcess;
    try {
      child = spawn(file, args, { stdio: ['ignore', log, log], env: childEnvironment() });
    } finally {
      closeSync(log);
    }
    const ended = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        this.onExit(child, signal ?? `status ${code}`);
        resolve();
      });
      child.once('error', (error) => {
        this.onExit(child, messageOf(error));
        resolve();
      });
    });
    const { version, emulates } = command;
    const program = { version, emulates };
    this.running = { process: child, program, sinceMs: performance.now(), ended };
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity !== undefined) await recordProcess(host.processesDir, spec.name, identity);
  }

  private openLog(command: StartedAs): number {
    const log = openSync(path.join(this.host.logsDir, `${this.name}.log`), 'a', 0o600);
    if (fstatSync(log).size > logBytesMax) ftruncateSync(log);
    writeSync(log, `--- ${new Date().toISOString()} ${command.file} (${programName(command)})\n`);
    return log;
  }

  private onExit(child: ChildProcess, how: string): void {
    if (this.running?.process !== child) return;
    const ranMs = performance.now() - this.running.sinceMs;
    this.running = undefined;
    if (!this.isWanted) {
      void forgetProcess(this.host.processesDir, this.name);
      return;
    }
    if (ranMs >= healthyMs) this.pauseMs = firstPauseMs;
    this.host.log(`${this.name} ended (${how}) after ${Math.round(ranMs)} ms`);
    this.planRestart();
  }

  private planRestart(): void {
    const pauseMs = this.pauseMs;
    clearTimeout(this.restart);
    this.pauseMs = Math.min(this.pauseMs * 2, longestPauseMs);
    this.host.log(`${this.name} starts again in ${pauseMs} ms`);
    this.restart = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.host.log(`${this.name} did not start: ${messageOf(error)}`);
      });
    }, pauseMs);
  }
}

/**
 * Nothing of the caller's environment reaches a component, no proxy and no kubeconfig, but how much
 * memory Go may take to collect garbage less often.
 */
function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', HOME = '/', GOGC } = process.env;
  return { PATH, HOME, ...(GOGC === undefined ? {} : { GOGC }) };
}

async function endsWithin(ended: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, timeoutMs);
  });
  const result = await Promise.race([ended.then(() => true), timeout]);
  clearTimeout(timer);
  return result;
}
