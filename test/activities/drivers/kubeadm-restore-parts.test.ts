// What scripts read of the manifests that kubeadm writes, with the sh of this machine.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { staticPods } from '../../../activities/drivers/kubeadm-restore-parts';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const directory = temporaryDirectory();
const manifest = path.join(directory, 'etcd.yaml');

function said(line: string): string {
  const script = `${scriptHead}${staticPods}${line}`;
  return execFileSync('sh', ['-c', script, 'sh', manifest], { encoding: 'utf8' });
}

describe('the manifest of a static pod', () => {
  beforeAll(() =>
    writeFileSync(
      manifest,
      `spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://10.0.0.11:2379,https://10.1.0.11:2379
    - --initial-cluster=cp-1=https://10.0.0.11:2380,cp-2=https://10.0.0.12:2380
    - --initial-cluster-state=existing
    - "--name=cp-1"
    - '--data-dir=/srv/etcd'
    image: registry.k8s.io/etcd:3.5.15-0
    imagePullPolicy: IfNotPresent
`,
    ),
  );

  it.each([
    ['name', 'cp-1'],
    ['data-dir', '/srv/etcd'],
    ['initial-cluster', 'cp-1=https://10.0.0.11:2380,cp-2=https://10.0.0.12:2380'],
    ['advertise-client-urls', 'https://10.0.0.11:2379,https://10.1.0.11:2379'],
    ['cert-file', ''],
  ])('tells its flag %s', (flag, value) => {
    expect(said(`printf %s "$(flag_of "$1" ${flag})"`)).toBe(value);
  });

  it('tells its image, and which release that is', () => {
    expect(said('image_of "$1"; release_of "$(image_of "$1")"')).toBe(
      'registry.k8s.io/etcd:3.5.15-0\n3.5.15\n',
    );
    expect(said('release_of host:5000/kube-apiserver:v1.28.15')).toBe('1.28.15\n');
  });
});

describe('waiting', () => {
  it('ends when it is so, and fails where it does not come to be', () => {
    expect(said('within 5 [ -e "$1" ] && echo so')).toBe('so\n');
    expect(said('within 1 [ ! -e "$1" ] || echo never')).toBe('never\n');
  });
});
