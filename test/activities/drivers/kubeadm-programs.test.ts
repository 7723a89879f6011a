// Programs of a release put into place by a real sh, on a disk that is nearly full.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { programsScript } from '../../../activities/drivers/kubeadm-programs';
import { scriptHead } from '../../../activities/drivers/machine-script';
import { version } from '../../support/builders';
import { mountSmall, type SmallDisk } from '../../support/small-disk';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const to = version('1.29.15');
const kibibyte = 1024;

describe('programs that are put into place', () => {
  const parent = temporaryDirectory();
  const places = path.join(parent, 'bin');
  const release = path.join(parent, 'releases', to);
  let disk: SmallDisk | undefined;

  const write = (directory: string, program: string, text: string) => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, program), text, { mode: 0o755 });
  };
  const run = (script: string) => {
    const packages = { kind: 'binaries', directory: path.dirname(release) } as const;
    const head = `${scriptHead}${programsScript(packages, to)}\nPATH=${places}:$PATH\n`;
    const input = `${head}${script}`;
    const { status, stdout } = spawnSync('/bin/sh', ['-s'], { input, encoding: 'utf8' });
    return { status, stdout };
  };
  const read = (program: string) => readFileSync(path.join(places, program), 'utf8');

  beforeEach(() => {
    disk = mountSmall(places, '256k');
    for (const program of ['kubectl', 'kubelet']) {
      write(places, program, `old ${program}`);
      write(release, program, 'n'.repeat(100 * kibibyte));
    }
  });

  afterEach(() => disk?.unmount());

  it('are all replaced where they fit beside the old ones', () => {
    if (disk === undefined) return;
    expect(run('put kubectl kubelet')).toEqual({
      status: 0,
      stdout: 'phase: replacing kubectl\nphase: replacing kubelet\n',
    });
    expect(readdirSync(places).toSorted()).toEqual(['kubectl', 'kubelet']);
    expect(read('kubelet')).toHaveLength(100 * kibibyte);
  });

  it('are all left as they are where one of them does not fit', () => {
    if (disk === undefined) return;
    write(places, 'ballast', 'b'.repeat(100 * kibibyte));
    expect(run('put kubectl kubelet')).toEqual({
      status: 73,
      stdout:
        'reason: replacing kubectl kubelet needs 200 KiB in' + ` ${places}, and 148 KiB are left\n`,
    });
    expect([read('kubectl'), read('kubelet')]).toEqual(['old kubectl', 'old kubelet']);
  });

  it('need no room where they are there already', () => {
    if (disk === undefined) return;
    run('put kubectl kubelet');
    write(places, 'ballast', 'b'.repeat(40 * kibibyte));
    expect(run('put kubectl kubelet')).toEqual({ status: 0, stdout: '' });
  });

  it('leave no half of a copy behind', () => {
    if (disk === undefined) return;
    const fails = 'cp() { printf half > "$2"; return 1; }';
    expect(run(`${fails}; put kubelet`)).toEqual({
      status: 1,
      stdout: 'phase: replacing kubelet\n',
    });
    expect(readdirSync(places).toSorted()).toEqual(['kubectl', 'kubelet']);
    expect(read('kubelet')).toBe('old kubelet');
  });
});
