// The `ascent` executable: the one place that puts CLI, lab and worker together.

import path from 'node:path';

import { runCli } from '../cli/program';
import { readAscentVersion } from '../worker/ascent-version';
import { demoCommand } from './demo/command';
import { Interruption } from './interruption';
import { labCommands } from './lab-commands';
import { nodeContext } from './node-context';
import { addWorkerCommand } from './worker-command';

/** Beside dist/. */
const packageRoot = path.join(__dirname, '..', '..');

const interruption = new Interruption({
  pid: process.pid,
  listen: (name, heard) => process.on(name, heard),
  say: (line) => process.stderr.write(`${line}\n`),
  exit: (code) => process.exit(code),
});

async function main(): Promise<void> {
  const commands = [demoCommand(interruption), labCommands(interruption), addWorkerCommand];
  const context = nodeContext(packageRoot, readAscentVersion(), interruption);
  const code = await runCli(process.argv.slice(2), context, commands);
  // At a natural end Node gives signals back to the kernel before it is gone: one more Ctrl-C in
  // that moment would end the process without a code, and without what is still to be written.
  if (interruption.isInterrupted()) process.exit(code);
  if (code !== 0) process.exitCode = code;
}

// A reader that has gone (`ascent list | head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    interruption.readerGone();
  });
}

void main();
