// What a kubelet says that does not come up, as a real sh finds it in its log.

import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { kubeletWords } from '../../../activities/drivers/kubeadm-node';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const flagHint = 'Flag --pod-infra-container-image has been deprecated, will be removed';
const unknownFlag = (pid: number) =>
  `E1122 16:53:05.415879     ${pid} run.go:74] "command failed"` +
  ' err="failed to parse kubelet flag: unknown flag: --no-such-flag"';

describe('what a kubelet said last', () => {
  const directory = temporaryDirectory();
  const log = path.join(directory, 'kubelet.log');
  const sh = (script: string) =>
    execFileSync('/bin/sh', ['-s'], {
      input: `${scriptHead}${kubeletWords}\nlog=${log}\n${script}`,
      encoding: 'utf8',
    });
  /** In its log since it was started. */
  const told = (...lines: readonly string[]) => {
    const written = path.join(directory, 'written');
    writeFileSync(written, lines.map((line) => `${line}\n`).join(''));
    return sh(`mark_log; cat ${written} >> ${log}; why_it_ended`);
  };

  beforeEach(() => writeFileSync(log, 'E1122 16:00:00.000001     1 pod.go:1] "of before"\n'));

  it('is the last of its errors, whatever it said afterwards', () => {
    expect(told(unknownFlag(385), flagHint, unknownFlag(392), flagHint, flagHint)).toBe(
      '"command failed" err="failed to parse kubelet flag: unknown flag: --no-such-flag"\n',
    );
  });

  it.each(['panic: runtime error: index out of range', 'fatal error: out of memory'])(
    'is what Go says of it: %s',
    (line) => expect(told(line, 'goroutine 1 [running]:')).toBe(`${line}\n`),
  );

  it('is its last lines where none of them is an error', () => {
    expect(told('one', 'two', 'three', 'four')).toBe('two three four\n');
  });

  it('is nothing where it said nothing since, or has no log', () => {
    expect(told()).toBe('it said nothing\n');
    appendFileSync(log, 'more\n');
    expect(sh(`rm ${log}; mark_log; why_it_ended`)).toBe('it said nothing\n');
  });
});
