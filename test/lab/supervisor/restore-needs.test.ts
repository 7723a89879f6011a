import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { designLab } from '../../../lab/lab-file';
import { labLayout } from '../../../lab/layout';
import { restoreNeeds } from '../../../lab/supervisor/restore-needs';
import { temporaryDirectory } from '../../activities/adapters/support/temporary-directory';
import { smallShape } from '../../support/lab-shape';

const layout = labLayout(temporaryDirectory());

it('a restore needs every key and certificate, and the arguments of each member', async () => {
  mkdirSync(layout.pki);
  writeFileSync(path.join(layout.pki, 'ca.key'), 'private');
  writeFileSync(path.join(layout.pki, 'ca.crt'), 'public');
  const lab = await designLab({ ...smallShape, members: 1 }, 0, new Set());

  const { items } = await restoreNeeds({ lab, layout, etcdToken: 'the-token' });
  expect(items.map(({ base64: _content, ...item }) => item)).toEqual([
    { kind: 'pki', name: 'ca.crt' },
    { kind: 'pki', name: 'ca.key' },
    { kind: 'flags', name: 'etcd', member: 'cp-1' },
    { kind: 'flags', name: 'kube-apiserver', member: 'cp-1' },
    { kind: 'flags', name: 'kube-controller-manager', member: 'cp-1' },
    { kind: 'flags', name: 'kube-scheduler', member: 'cp-1' },
  ]);
  const texts = items.map(({ base64 }) => Buffer.from(base64, 'base64').toString());
  expect(texts.slice(0, 2)).toEqual(['public', 'private']);
  expect(texts[2]).toMatch(/^--name=cp-1$[^]*^--initial-cluster-token=the-token$/m);
});
