#!/usr/bin/env node
// Gives the EC2 instance of one node another root volume, made from the image of the version. See
// README.md beside this file.

import { setTimeout as sleep } from 'node:timers/promises';

import {
  answer,
  ask,
  Later,
  log,
  phase,
  readFlags,
  readRequest,
  Refusal,
  run,
} from '../protocol.mjs';

const pollMs = Number(process.env['ASCENT_EXAMPLE_POLL_MS'] ?? 10_000);
const retrySeconds = 60;

const ec2 = (...args) => ask('aws', ['ec2', ...args, '--output', 'json']);

await answer(async () => {
  const { step, node, to, operationId } = readRequest();
  const images = imagesOf(readFlags(['image']).image);
  if (step !== 'node') throw new Refusal(`this program changes nodes, not ${step}`);
  const image = images.get(to);
  if (image === undefined) throw new Refusal(`no --image is given for ${to}`);

  const instance = await findInstance(node);
  phase(`another root volume for ${instance}, from ${image}`);
  // The token is the same for every attempt: one that comes again gets the task that is under way.
  const what = ['--instance-id', instance, '--image-id', image, '--client-token', operationId];
  const { ReplaceRootVolumeTask: task } = await ec2(
    'create-replace-root-volume-task',
    ...what,
    '--delete-replaced-root-volume',
  );
  await untilReplaced(task.ReplaceRootVolumeTaskId);
  phase(`${instance} starts`);
  const { code } = await run('aws', [
    'ec2',
    'wait',
    'instance-status-ok',
    '--instance-ids',
    instance,
  ]);
  if (code !== 0) throw new Later(`${instance} does not pass its status checks yet`, retrySeconds);
});

/** `1.29.15=ami-0123` */
function imagesOf(words) {
  return new Map(words.map((word) => word.split('=', 2)));
}

async function findInstance(node) {
  const filters = [
    `Name=private-dns-name,Values=${node}`,
    'Name=instance-state-name,Values=running',
  ];
  const query = 'Reservations[].Instances[].InstanceId';
  const found = await ec2('describe-instances', '--filters', ...filters, '--query', query);
  if (found.length === 1) return found[0];
  throw new Refusal(`${found.length} running instances have the private DNS name ${node}, not one`);
}

async function untilReplaced(task) {
  for (;;) {
    const { ReplaceRootVolumeTasks: tasks } = await ec2(
      'describe-replace-root-volume-tasks',
      '--replace-root-volume-task-ids',
      task,
    );
    const state = tasks[0]?.TaskState ?? 'unknown';
    log(`${task}: ${state}`);
    if (state === 'succeeded') return;
    // `failed-detached` leaves the instance without its root volume: a person must look.
    if (state === 'failed-detached')
      throw new Refusal(`${task} left the instance without a root volume`);
    if (state === 'failed' || state === 'unknown') throw new Error(`${task}: ${state}`);
    await sleep(pollMs);
  }
}
