// `snapshot`: what has to do with etcd snapshots outside of an upgrade.

import type { Command } from 'commander';

import { PortError } from '../../activities/ports';
import { CliError } from '../cli-error';
import { exitCodes } from '../exit-codes';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';
import { addSnapshotList } from './snapshot-list';
import { addSnapshotSchedule } from './snapshot-schedule';
import { addSnapshotPrune, addSnapshotTake } from './snapshot-take';
import { addSnapshotVerify } from './snapshot-verify';

export function addSnapshot(program: Command, run: CommandRun): void {
  const snapshot = program
    .command('snapshot')
    .summary('take, schedule, list, verify and prune etcd snapshots')
    .description('What has to do with etcd snapshots outside of an upgrade.')
    .addHelpText(
      'after',
      examples([
        ["snapshot take prod -r 'before the move'", 'one more, by the worker'],
        ['snapshot schedule prod --every 6h --keep 8', 'again and again'],
        ['snapshot list --access access.json', 'what there is to go back to'],
        ['snapshot verify --access access.json', 'is there a way back?'],
        ['snapshot key /etc/ascent/snapshot-key.txt', 'a key that seals snapshots'],
      ]),
    );
  addSnapshotTake(snapshot, run);
  addSnapshotSchedule(snapshot, run);
  addSnapshotList(snapshot, run);
  addSnapshotVerify(snapshot, run);
  addSnapshotPrune(snapshot, run);
  addKey(snapshot, run);
}

function addKey(snapshot: Command, run: CommandRun): void {
  const command = snapshot
    .command('key')
    .summary('make a key that seals snapshots')
    .description(
      'Makes an age identity in a new file that only you may read, to be named as snapshots.key' +
        ' in an access file. Whoever loses it loses the snapshots that it has sealed: keep a copy' +
        ' apart from them.',
    )
    .argument('<file>', 'where to; it must not exist yet')
    .addHelpText(
      'after',
      examples([['snapshot key /etc/ascent/snapshot-key.txt', 'then name it in the access file']]),
    );
  run.bind(command, makeKey);
}

async function makeKey(invocation: Invocation) {
  const { args, context } = invocation;
  const [file = ''] = args;
  const key = await context.createSnapshotKey(file).catch((error: unknown) => {
    if (error instanceof PortError) throw keyError(error);
    throw error;
  });
  invocation.print({
    json: withSchema('ascent.snapshot-key/v1', { file, ...key }),
    lines: (style) => [
      `wrote a new snapshot key to ${file}`,
      `  fingerprint ${key.fingerprint}`,
      `  public key  ${key.recipient}`,
      style.faint(`→ name it in the access file: "snapshots": { …, "key": "${file}" }`),
      style.faint('→ keep a copy where the snapshots are not; without it they cannot be opened'),
    ],
  });
  return exitCodes.ok;
}

function keyError(error: PortError): CliError {
  return new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'snapshot-key-unwritable',
    message: error.message,
    remedy: 'name a file that does not exist yet, in a directory that you may write to',
    cause: error,
  });
}
