// What a machine was, kept aside by a real sh on a disk that is a directory.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { keepScript } from '../../../activities/drivers/kubeadm-kept';
import { programsScript } from '../../../activities/drivers/kubeadm-programs';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { version } from '../../support/builders';
import { mountSmall } from '../../support/small-disk';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const packages = { kind: 'binaries', directory: '/none' } as const;
const head = `${scriptHead}${programsScript(packages, version('1.29.15'))}`;
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

describe('what is kept of a machine', () => {
  const parent = temporaryDirectory();
  let disk: string;
  let count = 0;

  const at = (file: string) => path.join(disk, file);
  const read = (file: string) => readFileSync(at(file), 'utf8');
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  };
  const program = (name: string, script: string) => {
    write(`usr/bin/${name}`, `#!/bin/sh\n${script}\n`);
    chmodSync(at(`usr/bin/${name}`), 0o755);
  };
  const kubeadm = (version: string) => program('kubeadm', `echo ${version}`);
  const manifest = (name: string, tag: string) =>
    write(
      `etc/kubernetes/manifests/${name}.yaml`,
      `spec:\n  containers:\n  - name: ${name}\n    image: registry.test/kube/${name}:${tag}\n`,
    );
  const encoding = 'utf8';
  const whole = (script: string) =>
    `${head}\nPATH=${at('usr/bin')}:$PATH\n${keepScript(disk)}\n${script}`;
  const run = (script: string) =>
    execFileSync('/bin/sh', ['-s'], { input: whole(script), encoding });
  /** What a script that fails prints, and its code. */
  const refused = (script: string) => {
    const { status, stdout } = spawnSync('/bin/sh', ['-s'], { input: whole(script), encoding });
    return { status, stdout };
  };
  const kept = (file = '') => `var/lib/ascent/kept/${file}`;
  const tree = (file: string): readonly string[] =>
    readdirSync(at(file), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => path.relative(at(file), path.join(parentPath, name)))
      .toSorted();

  beforeEach(() => {
    count += 1;
    disk = path.join(parent, String(count));
    kubeadm('v1.28.15');
    program('kubelet', 'echo Kubernetes v1.28.15');
    program('kubectl', 'echo "kubernetesVersion: v1.28.15"');
    for (const name of components) manifest(name, 'v1.28.15');
    manifest('etcd', '3.5.15-0');
    write('etc/kubernetes/pki/etcd/ca.key', 'a key');
    write('etc/kubernetes/admin.conf', 'an admin');
    write('var/lib/kubelet/config.yaml', 'a config');
    write('var/lib/kubelet/kubeadm-flags.env', 'flags');
  });

  it('is all of a control plane, for root alone', () => {
    expect(run('keep_member v1.28.15')).toBe('phase: keeping v1.28.15 aside\n');
    expect(readdirSync(at(kept()))).toEqual(['v1.28.15']);
    expect(tree(kept('v1.28.15'))).toEqual([
      'bin/kubeadm',
      'bin/kubectl',
      'bin/kubelet',
      'conf/admin.conf',
      'kubeadm-config.yaml',
      'kubelet/config.yaml',
      'kubelet/kubeadm-flags.env',
      'manifests/etcd.yaml',
      ...components.map((name) => `manifests/${name}.yaml`),
      'pki/etcd/ca.key',
    ]);
    expect(read(kept('v1.28.15/kubeadm-config.yaml'))).toBe('kubernetesVersion: v1.28.15\n');
    expect(read(kept('v1.28.15/pki/etcd/ca.key'))).toBe('a key');
    for (const directory of [kept(), kept('v1.28.15')]) {
      expect(statSync(at(directory)).mode & 0o777).toBe(0o700);
    }
  });

  it('is the kubelet and the programs of a worker', () => {
    run('keep_node v1.28.15');
    expect(tree(kept('v1.28.15'))).toEqual([
      'bin/kubeadm',
      'bin/kubectl',
      'bin/kubelet',
      'kubelet/config.yaml',
      'kubelet/kubeadm-flags.env',
    ]);
  });

  it('is kept anew while the machine is still the old one', () => {
    run('keep_member v1.28.15');
    write('var/lib/kubelet/config.yaml', 'changed by hand');
    run('keep_member v1.28.15');
    expect(read(kept('v1.28.15/kubelet/config.yaml'))).toBe('changed by hand');
    expect(readdirSync(at(kept()))).toEqual(['v1.28.15']);
  });

  it('is not begun where it does not fit', () => {
    const small = mountSmall(at('var/lib/ascent'), '64k');
    if (small === undefined) return;
    try {
      expect(refused('keep_member v1.28.15')).toEqual({
        status: 73,
        stdout:
          'phase: keeping v1.28.15 aside\n' +
          `reason: keeping v1.28.15 aside needs 1036 KiB in ${at('var/lib/ascent/kept')},` +
          ' and 64 KiB are left\n',
      });
      expect(tree('var/lib/ascent')).toEqual([]);
    } finally {
      small.unmount();
    }
  });

  it('leaves nothing behind where the disk gets full in the middle', () => {
    const small = mountSmall(at('var/lib/ascent'), '2m');
    if (small === undefined) return;
    try {
      writeFileSync(at('etc/kubernetes/pki/large'), Buffer.alloc(3 * 1024 * 1024));
      expect(refused('keep_member v1.28.15')).toMatchObject({ status: 1 });
      expect(tree('var/lib/ascent')).toEqual([]);
    } finally {
      small.unmount();
    }
  });

  it('stays once the programs of the next version are there', () => {
    run('keep_member v1.28.15');
    kubeadm('v1.29.15');
    write('var/lib/kubelet/config.yaml', 'of 1.29');
    expect(run('keep_member v1.28.15')).toBe('');
    expect(read(kept('v1.28.15/kubelet/config.yaml'))).toBe('a config');
  });

  it('is kept for the first time whatever kubeadm is: it may have been installed before', () => {
    kubeadm('v1.29.15');
    run('keep_member v1.28.15');
    expect(read(kept('v1.28.15/kubelet/config.yaml'))).toBe('a config');
  });

  it('of a control plane is not replaced by the less that a node keeps', () => {
    run('keep_member v1.28.15; keep_node v1.28.15');
    expect(existsSync(at(kept('v1.28.15/manifests/etcd.yaml')))).toBe(true);
  });

  it('has the configuration of before where the API server does not answer', () => {
    run('keep_member v1.28.15');
    program('kubectl', 'exit 1');
    run('keep_member v1.28.15');
    expect(read(kept('v1.28.15/kubeadm-config.yaml'))).toBe('kubernetesVersion: v1.28.15\n');
  });

  it('has none where it never answered', () => {
    program('kubectl', 'echo half; exit 1');
    run('keep_member v1.28.15');
    expect(tree(kept('v1.28.15'))).not.toContain('kubeadm-config.yaml');
  });

  it('survives a machine that died between two renames', () => {
    run('keep_member v1.28.15');
    kubeadm('v1.29.15');
    cpSync(at(kept('v1.28.15')), at(kept('.v1.28.15.new')), { recursive: true });
    run(`mv "$kept/v1.28.15" "$kept/.v1.28.15.old"; keep_member v1.28.15`);
    expect(read(kept('v1.28.15/kubelet/config.yaml'))).toBe('a config');
  });

  it('is that of the last three times', () => {
    for (const [age, name] of ['v1.31.1', 'v1.27.1', 'v1.30.1'].entries()) {
      mkdirSync(at(kept(name)), { recursive: true });
      utimesSync(at(kept(name)), 1_000 - age, 1_000 - age);
    }
    run('keep_member v1.28.15');
    expect(readdirSync(at(kept())).toSorted()).toEqual(['v1.27.1', 'v1.28.15', 'v1.31.1']);
  });

  it.each([
    { image: 'registry.test:5000/a/kube-apiserver:v1.28.15', tag: 'v1.28.15' },
    { image: '"registry.test/kube-apiserver:v1.28.15"', tag: 'v1.28.15' },
    { image: "'registry.test/kube-apiserver:v1.28.15@sha256:0f'", tag: 'v1.28.15' },
    { image: 'registry.test/kube-apiserver@sha256:0f', tag: '' },
    { image: 'registry.test/other:v1.28.15', tag: '' },
  ])('knows the tag of $image', ({ image, tag }) => {
    write('etc/kubernetes/manifests/kube-apiserver.yaml', `  - image: ${image}\n`);
    expect(run('tag_of kube-apiserver').trim()).toBe(tag);
  });

  it('has a version where all three components have the same', () => {
    expect(run('control_plane_version')).toBe('v1.28.15\n');
    manifest('kube-scheduler', 'v1.29.15');
    expect(run('control_plane_version || echo none')).toBe('none\n');
    expect(run('rm "$manifests/kube-apiserver.yaml"; control_plane_version || echo none')).toBe(
      'none\n',
    );
  });
});
