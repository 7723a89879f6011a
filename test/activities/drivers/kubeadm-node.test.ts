// What a kubelet says that does not come up, as a real sh finds it in its log; and what it would
// not come up with, as kubeadm has written it.

import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { keepScript } from '../../../activities/drivers/kubeadm-kept';
import { kubeletWords, removedFlagsScript } from '../../../activities/drivers/kubeadm-node';
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

describe('the file of flags that kubeadm has written', () => {
  const directory = temporaryDirectory();
  const file = path.join(directory, 'kubeadm-flags.env');
  const socket = '--container-runtime-endpoint=unix:///run/containerd/containerd.sock';
  const pause = '--pod-infra-container-image=registry.k8s.io/pause:3.10';
  const takenOut = `phase: taking --pod-infra-container-image out of ${file}\n`;
  const after = (to: string, flags: readonly string[]) => {
    writeFileSync(file, `KUBELET_KUBEADM_ARGS="${flags.join(' ')}"\n`, { mode: 0o600 });
    const functions = `${scriptHead}${keepScript()}${removedFlagsScript(file)}`;
    const said = execFileSync('/bin/sh', ['-s'], {
      input: `${functions}\nto=v${to}\ndrop_removed_flags\necho over`,
      encoding: 'utf8',
    });
    return { said, text: readFileSync(file, 'utf8') };
  };

  it.each([
    [[socket, pause], `KUBELET_KUBEADM_ARGS="${socket}"\n`],
    [[pause, socket], `KUBELET_KUBEADM_ARGS="${socket}"\n`],
    [[socket, pause, '--v=2'], `KUBELET_KUBEADM_ARGS="${socket} --v=2"\n`],
    [[pause], 'KUBELET_KUBEADM_ARGS=""\n'],
  ])('loses what kubelets of 1.35 and later do not know: %j', (flags, text) => {
    for (const to of ['1.35.0', '1.36.1']) {
      expect(after(to, flags)).toEqual({ said: `${takenOut}over\n`, text });
    }
  });

  it('stays as it is where the kubelet knows all of it', () => {
    const text = `KUBELET_KUBEADM_ARGS="${socket} ${pause}"\n`;
    expect(after('1.34.8', [socket, pause])).toEqual({ said: 'over\n', text });
    const other = `KUBELET_KUBEADM_ARGS="${socket}"\n`;
    expect(after('1.35.0', [socket])).toEqual({ said: 'over\n', text: other });
  });
});
