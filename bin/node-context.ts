// The real surroundings of the CLI: this process, its terminal, its files, its network.

import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';

import { createLogUpdate } from 'log-update';

import { readKnowledgeFolder } from '../activities/adapters/knowledge-folder';
import { manifestSources } from '../activities/adapters/manifest-files';
import { AscentClient } from '../client';
import type { CliContext, Confirm, LiveFrame, OutputStream, RunningLab } from '../cli/context';
import { calledAs, calledAsVariable } from './called-as';
import type { Interruption } from './interruption';

const widthWithoutTerminal = 100;

export function nodeContext(
  packageRoot: string,
  version: string,
  interruption: Interruption,
): CliContext {
  const { env, stdin, stdout, stderr } = process;
  return {
    program: calledAs(packageRoot, process.cwd(), env[calledAsVariable]),
    version,
    env,
    user: `${userInfo().username}@${hostname()}`,
    stdout: outputOf(stdout),
    stderr: outputOf(stderr),
    get signal() {
      return interruption.signal;
    },
    isInterrupted: () => interruption.isInterrupted(),
    nowMs: () => Date.now(),
    readFile: readBounded,
    writeFile: writeWhole,
    connect: (options) => AscentClient.connect(options),
    manifestSources: (target) => manifestSources(target, stdin),
    readKnowledge: readKnowledgeFolder,
    // What only some commands need is loaded by those: `status` shall not wait for it.
    createSnapshotKey: async (file) => {
      const { createSnapshotKey } = await import('../activities/adapters/snapshot-key.js');
      return createSnapshotKey(file, Date.now());
    },
    readAccess: async (file) => {
      const { readAccessFile } = await import('../activities/adapters/access-file.js');
      return readAccessFile(file);
    },
    openCluster: async (access) => {
      const { openCluster } = await import('../activities/adapters/open-cluster.js');
      return openCluster(access);
    },
    openSnapshots: async (access) => {
      const { openSnapshots } = await import('../activities/adapters/open-cluster.js');
      return openSnapshots(access);
    },
    runningLabs,
    liveFrame: () => liveFrame(stdout),
    confirm: stdin.isTTY && stdout.isTTY ? confirmWith(interruption) : undefined,
  };
}

function outputOf(stream: NodeJS.WriteStream): OutputStream {
  return {
    write: (text) => stream.write(text),
    // One that does not know its size (`docker exec -t`) cannot be drawn on.
    isTerminal: stream.isTTY && stream.columns > 0 && stream.rows > 0,
    get width() {
      return stream.columns || widthWithoutTerminal;
    },
    hasColours: hasColours(stream.isTTY),
  };
}

/** Sources: no-color.org (any value that is not empty), force-color.org. */
function hasColours(isTerminal: boolean): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = process.env;
  if (no !== undefined && no !== '') return false;
  if (force !== undefined && force !== '') return force !== '0';
  return isTerminal && term !== 'dumb';
}

/** A file that is too large is not read at all. */
async function readBounded(file: string, maxBytes = Infinity): Promise<string> {
  const opened = await open(file);
  try {
    const { size } = await opened.stat();
    if (size > maxBytes) {
      const tooLarge = new Error(`${file} has ${size} bytes, more than ${maxBytes}`);
      throw Object.assign(tooLarge, { code: 'EFBIG' });
    }
    return await opened.readFile('utf8');
  } finally {
    await opened.close();
  }
}

/** Nobody ever reads half a file. */
async function writeWhole(file: string, text: string): Promise<void> {
  const part = `${file}.${randomUUID().slice(0, 8)}.part`;
  try {
    await writeFile(part, text);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function liveFrame(stream: NodeJS.WriteStream): LiveFrame {
  const draw = createLogUpdate(stream, { showCursor: true });
  return {
    update: (lines) => draw(lines.join('\n')),
    done: () => draw.done(),
  };
}

/**
 * Ctrl-C at a question is Ctrl-C: the terminal is in raw mode then, and sends no signal itself.
 * The end of the input is no consent.
 */
function confirmWith(interruption: Interruption): Confirm {
  return async (question, signal) => {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const over = new AbortController();
    terminal.once('SIGINT', () => {
      interruption.interrupt('SIGINT');
      over.abort();
    });
    terminal.once('close', () => over.abort());
    const signals = signal === undefined ? [over.signal] : [over.signal, signal];
    try {
      const options = { signal: AbortSignal.any(signals) };
      const answer = await terminal.question(`${question} [y/N] `, options);
      return /^y(es)?$/i.test(answer.trim());
    } catch (error) {
      if (signal?.aborted === true || interruption.isInterrupted() || !over.signal.aborted) {
        throw error;
      }
      return false;
    } finally {
      terminal.close();
    }
  };
}

/** Labs in the places where `lab up` puts them by default. */
async function runningLabs(): Promise<readonly RunningLab[]> {
  const [{ labStatus }, { defaultStateDir }] = await Promise.all([
    import('../lab/lab.js'),
    import('../lab/layout.js'),
  ]);
  const directory = path.dirname(defaultStateDir('any'));
  const names = await readdir(directory).catch(() => []);
  const states = await Promise.all(
    names.map((name) => labStatus({ stateDir: path.join(directory, name) }).catch(() => undefined)),
  );
  return states.flatMap((state) =>
    state?.kind === 'up' ? [{ name: state.name, accessFile: state.accessFile }] : [],
  );
}
