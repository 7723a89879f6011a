import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

import { execInPod, type PodExec } from '../../../activities/adapters/kube-exec';
import { ExecServer, type ExecSide } from './support/exec-server';
import { never, refusalOf } from './support/refusals';

const success = JSON.stringify({ status: 'Success' });
const doing = 'looking on machine worker-1';
const exec: PodExec = {
  namespace: 'ascent-nodes',
  pod: 'one',
  container: 'machine',
  command: ['sh', '-c', 'a b'],
  input: 'true\n',
  doing,
  timeoutMs: 10_000,
  outputBytesMax: 10,
};

function failure(code: string): string {
  const causes = [{ reason: 'ExitCode', message: code }];
  return JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } });
}

describe('a command in a container', () => {
  let server: ExecServer;

  beforeEach(async () => {
    server = await ExecServer.start();
  });
  afterEach(() => server.stop());

  const run = (other: Partial<PodExec> = {}, signal = never) =>
    execInPod(server.connection(), { ...exec, ...other }, signal);
  const played = (play: (side: ExecSide) => void, other: Partial<PodExec> = {}) => {
    server.play = play;
    return run(other);
  };

  it('answers what it printed and its exit code', async () => {
    const ended = await played((side) => {
      side.send(1, 'one ');
      side.send(2, 'bad\nworse\n');
      side.send(1, 'two');
      side.send(3, failure('3'));
    });
    expect({ ...ended, output: ended.output.toString() }).toEqual({
      code: 3,
      output: 'one two',
      complaints: ['bad', 'worse'],
    });
    expect(server.asked).toEqual([
      '/api/v1/namespaces/ascent-nodes/pods/one/exec?container=machine&stdin=true&stdout=true' +
        '&stderr=true&command=sh&command=-c&command=a+b',
    ]);
  });

  it('reads all that it is sent', async () => {
    const input = 'x'.repeat(40_000);
    const ended = await played(
      (side) => {
        const timer = setInterval(() => {
          if (side.input.length < input.length) return;
          clearInterval(timer);
          side.send(1, String(side.input === input));
          side.send(3, success);
        }, 10);
      },
      { input },
    );
    expect([ended.code, ended.output.toString()]).toEqual([0, 'true']);
  });

  it('is sent a stream, which ends with it', async () => {
    const stream = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(30_000, 'y')));
    const ended = await played(
      (side) => {
        const timer = setInterval(() => {
          if (side.input.length < 3_000_000) return;
          clearInterval(timer);
          side.send(1, String(side.input === 'y'.repeat(3_000_000)));
          side.send(3, success);
        }, 10);
      },
      { input: stream, timeoutMs: 60_000 },
    );
    expect([ended.code, ended.output.toString(), stream.destroyed]).toEqual([0, 'true', true]);
  });

  it('sends no more when it has ended, or its connection is lost', async () => {
    const endless = (): Readable =>
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(16_000);
        })(),
      );
    const stream = endless();
    const ended = await played((side) => side.send(3, failure('1')), { input: stream });
    expect([ended.code, stream.destroyed]).toEqual([1, true]);
    const lost = endless();
    expect(await refusalOf(played((side) => side.cut(), { input: lost }))).toEqual({
      code: 'unreachable',
      message: `${doing}: the connection was lost`,
    });
    expect(lost.destroyed).toBe(true);
  });

  it('whose stream cannot be read says so', async () => {
    const input = createReadStream('/nowhere/snapshot.db');
    const refused = await refusalOf(played(() => undefined, { input }));
    expect(refused.code).toBe('unexpected');
    expect(refused.message).toContain(`${doing}: its input cannot be read: `);
  });

  it.each([
    {
      what: 'prints too much',
      play: (side: ExecSide) => side.send(1, 'x'.repeat(11)),
      refused: { code: 'unexpected', message: `${doing}: it printed more than 10 bytes` },
    },
    {
      what: 'loses its connection',
      play: (side: ExecSide) => side.cut(),
      refused: { code: 'unreachable', message: `${doing}: the connection was lost` },
    },
    {
      what: 'is not begun by the container runtime',
      play: (side: ExecSide) =>
        side.send(3, JSON.stringify({ status: 'Failure', message: 'container not found' })),
      refused: { code: 'unreachable', message: `${doing}: container not found` },
    },
    {
      what: 'ends in words that nobody knows',
      play: (side: ExecSide) => side.send(3, 'none'),
      refused: { code: 'unreachable', message: `${doing}: it ended, and nobody says how` },
    },
    {
      what: 'does not end',
      play: () => undefined,
      other: { timeoutMs: 100 },
      refused: { code: 'timeout', message: `${doing}: no answer within 0.1 s` },
    },
  ])('that $what is told', async ({ play, other = {}, refused }) => {
    expect(await refusalOf(played(play, other))).toEqual(refused);
  });

  it.each([
    {
      answer: { status: 403, body: JSON.stringify({ message: 'cannot get pods/exec' }) },
      refused: {
        code: 'forbidden',
        message:
          `${doing}: cannot get pods/exec` +
          ' - docs/kubeadm.md lists the rights that node jobs need',
      },
    },
    {
      answer: { status: 401, body: '' },
      refused: { code: 'unauthorized', message: `${doing}: HTTP 401` },
    },
    {
      answer: { status: 404, body: JSON.stringify({ message: 'pods "one" not found' }) },
      refused: { code: 'unreachable', message: `${doing}: pods "one" not found` },
    },
    {
      answer: { status: 400, body: JSON.stringify({ message: 'Upgrade request required' }) },
      refused: { code: 'unreachable', message: `${doing}: its kubelet does not answer` },
    },
  ])('that is not let in tells why: $answer.status', async ({ answer, refused }) => {
    server.answer = answer;
    expect(await refusalOf(run())).toEqual(refused);
  });

  it('ends with the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('the worker stops');
    server.play = () => controller.abort(reason);
    await expect(run({}, controller.signal)).rejects.toBe(reason);
    await expect(run({}, controller.signal)).rejects.toBe(reason);
  });
});
