// What kubeadm says when it fails, by a real sh and a kubeadm that says what the real one prints
// (cmd/kubeadm/app/preflight/checks.go and phases/upgrade/staticpods.go, 1.28 to 1.30).

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { etcdVersionsIn, listEtcdImages } from '../../../activities/drivers/kubeadm-etcd';
import { keepScript } from '../../../activities/drivers/kubeadm-kept';
import { kubeadmSays, memberScript } from '../../../activities/drivers/kubeadm-member';
import { needsIn } from '../../../activities/drivers/kubeadm-needs';
import { programsScript } from '../../../activities/drivers/kubeadm-programs';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { version } from '../../support/builders';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const packages = { kind: 'binaries', directory: '/none' } as const;
const to = version('1.29.15');

describe('what kubeadm says', () => {
  const directory = temporaryDirectory();

  const program = (file: string, script: string): string => {
    const place = path.join(directory, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, `#!/bin/sh\n${script}\n`);
    chmodSync(place, 0o755);
    return place;
  };
  const run = (script: string, ...args: readonly string[]) => {
    const { status, stdout } = spawnSync('/bin/sh', ['-s', '--', ...args], {
      input: script,
      encoding: 'utf8',
    });
    return { code: status, lines: stdout.split('\n').filter((line) => line !== '') };
  };
  const upgrade = (kubeadm: string) => {
    program('kubeadm', kubeadm);
    const functions = `${scriptHead}${programsScript(packages, to)}${keepScript(directory)}`;
    const path_ = `PATH=${directory}:$PATH`;
    return run(`${functions}${kubeadmSays}\n${path_}\nrun_kubeadm upgrade apply v1\necho after`);
  };

  it('is told as it comes, and its components as phases', () => {
    const preparing = `echo '[upgrade/staticpods] Preparing for "kube-scheduler" upgrade'`;
    expect(upgrade(`echo "$@"; ${preparing}`)).toEqual({
      code: 0,
      lines: [
        'phase: kubeadm upgrade apply v1',
        'upgrade apply v1',
        'phase: changing kube-scheduler',
        'after',
      ],
    });
  });

  const failing = (complaint: string, code = 1) => {
    const hint = 'To see the stack trace of this error execute with --v=5 or higher';
    return `cat >&2 <<'EOF'\n${complaint}\n${hint}\nEOF\nexit ${code}`;
  };
  const preflight = (...errors: readonly string[]) =>
    failing(
      [
        '[upgrade/health] FATAL: [preflight] Some fatal errors occurred:',
        '\t[WARNING Swap]: swap is on',
        ...errors.map((error) => `\t[ERROR ${error}`),
        '[preflight] If you know what you are doing, you can make a check non-fatal with',
      ].join('\n'),
    );
  const reasons = ({ code, lines }: ReturnType<typeof run>) => ({
    code,
    reasons: lines.flatMap((line) => /^reason: (.*)$/.exec(line)?.[1] ?? []),
  });

  it('of a check that may pass by itself is worth another attempt', () => {
    const error = 'ControlPlaneNodesReady]: there are NotReady control-planes: [cp-2]';
    expect(reasons(upgrade(preflight(error)))).toEqual({
      code: 1,
      reasons: ['kubeadm found ControlPlaneNodesReady: there are NotReady control-planes: [cp-2]'],
    });
  });

  it('of any other check is refused, with all that it found', () => {
    const errors = ['CreateJob]: no condition', 'CoreDNSUnsupportedPlugins]: there are some'];
    expect(reasons(upgrade(preflight(...errors)))).toEqual({
      code: 77,
      reasons: [
        'kubeadm found CreateJob: no condition',
        'kubeadm found CoreDNSUnsupportedPlugins: there are some',
      ],
    });
  });

  it('of its own way back is told as that', () => {
    const complaint =
      "[upgrade/apply] FATAL: couldn't upgrade control plane. kubeadm has tried to recover" +
      ' everything into the earlier state. Errors faced: timed out waiting for the condition';
    expect(reasons(upgrade(failing(complaint)))).toEqual({
      code: 1,
      reasons: ['kubeadm put the old manifests back: timed out waiting for the condition'],
    });
  });

  it('of anything else is told by its last words', () => {
    expect(reasons(upgrade(failing('one\ntwo\nthree', 3)))).toEqual({
      code: 3,
      reasons: ['two', 'three'],
    });
  });

  it('of images names the etcds of every release', () => {
    const images = (etcd: string) =>
      `[ "$1" = version ] && echo v1 || echo "registry.test/a\nregistry.test/etcd:${etcd}"`;
    program('releases/1.29.15/kubeadm', images('3.5.16-0'));
    program('releases/1.30.14/kubeadm', images('3.5.15-0'));
    const { code, lines } = run(listEtcdImages, path.join(directory, 'releases'));
    expect({ code, lines }).toEqual({
      code: 0,
      lines: ['registry.test/etcd:3.5.16-0', 'registry.test/etcd:3.5.15-0'],
    });
    expect(etcdVersionsIn(lines.join('\n'))).toEqual(['3.5.16', '3.5.15']);
    expect(run(listEtcdImages, '/nowhere')).toEqual({ code: 0, lines: [] });
  });
});

describe('a member', () => {
  it('that kubeadm has not made is refused', () => {
    const script = memberScript({ node: 'cp-1', to, packages });
    const { status, stdout } = spawnSync('/bin/sh', ['-s'], { input: script, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({
      status: 77,
      stdout: '/etc/kubernetes/admin.conf is not there: kubeadm has made no control plane here\n',
    });
  });

  it('tells what a restore needs of it', () => {
    const output = 'manifest etcd.yaml YQ==\nsomething else\npki etcd/ca.key Yg==\n';
    expect(needsIn(output, 'cp-1')).toEqual([
      { kind: 'manifest', name: 'etcd.yaml', member: 'cp-1', content: Buffer.from('a') },
      { kind: 'pki', name: 'etcd/ca.key', member: 'cp-1', content: Buffer.from('b') },
    ]);
  });
});
