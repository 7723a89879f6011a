// The `ascent` executable: the one place that puts CLI, lab and worker together.

import { readFileSync } from 'node:fs';
import path from 'node:path';

import { runCli } from '../cli/program';
import { addDemoCommand } from './demo/command';
import { addLabCommands } from './lab-commands';
import { nodeContext } from './node-context';
import { addWorkerCommand } from './worker-command';

/** Beside dist/. */
const packageRoot = path.join(__dirname, '..', '..');

function packageVersion(): string {
  const file = path.join(packageRoot, 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return version;
}

async function main(): Promise<void> {
  const commands = [addDemoCommand, addLabCommands, addWorkerCommand];
  const context = nodeContext(packageRoot, packageVersion());
  const code = await runCli(process.argv.slice(2), context, commands);
  if (code !== 0) process.exitCode = code;
}

// A reader that has gone (`ascent list | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

void main();
