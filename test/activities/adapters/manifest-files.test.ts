import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';

import { manifestLimits, manifestSources } from '../../../activities/adapters/manifest-files';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ascent-manifests-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const inside = (...parts: readonly string[]): string => path.join(folder, ...parts);

async function put(name: string, text = name): Promise<void> {
  await mkdir(path.dirname(inside(name)), { recursive: true });
  await writeFile(inside(name), text);
}

async function sources(target = folder, input = Readable.from([])): Promise<readonly string[]> {
  const seen: string[] = [];
  for await (const source of manifestSources(target, input)) {
    const text =
      source.kind === 'text'
        ? `${source.file}: ${source.text}`
        : `${source.skipped.place.file}: ${source.skipped.reason}`;
    seen.push(text.replace(`${folder}/`, ''));
  }
  return seen;
}

describe('texts of a folder', () => {
  it('are those of manifests, in the order of names', async () => {
    for (const name of ['b.yaml', 'a/c.yml', 'a/b.json', 'a/x.tpl', 'README.md']) await put(name);
    for (const name of ['.git/config.yaml', 'node_modules/a/b.yaml']) await put(name);
    expect(await sources()).toEqual([
      'a/b.json: a/b.json',
      'a/c.yml: a/c.yml',
      'a/x.tpl: a/x.tpl',
      'b.yaml: b.yaml',
    ]);
  });

  it('are given once, however links run, and links to nowhere are told', async () => {
    await put('a/b.yaml', 'text');
    await symlink('..', inside('a/up'));
    await symlink('a', inside('z'));
    await symlink('self.yaml', inside('self.yaml'));
    await symlink('gone', inside('lost'));
    expect(await sources()).toEqual([
      'a/b.yaml: text',
      'lost: unreadable',
      'self.yaml: unreadable',
    ]);
  });

  it('are bounded in size and depth, and the rest is still given', async () => {
    await put('a.yaml');
    await truncate(inside('a.yaml'), manifestLimits.bytes + 1);
    const deep = Array.from({ length: manifestLimits.depth + 1 }, () => 'd').join('/');
    await put(`${deep}/e.yaml`);
    await put('z.yaml');
    expect(await sources()).toEqual([
      'a.yaml: too-large',
      `${deep}: folder-too-deep`,
      'z.yaml: z.yaml',
    ]);
  });
});

describe('texts of something else', () => {
  it('are the file that was named, whatever it is called', async () => {
    await put('rendered', 'text');
    expect(await sources(inside('rendered'))).toEqual(['rendered: text']);
  });

  it('are the standard input, up to its bound', async () => {
    expect(await sources('-', Readable.from([Buffer.from('te'), Buffer.from('xt')]))).toEqual([
      '(standard input): text',
    ]);
    const half = Buffer.alloc(manifestLimits.bytes / 2 + 1, 32);
    expect(await sources('-', Readable.from([half, half]))).toEqual([
      '(standard input): too-large',
    ]);
  });

  it('are refused when there is nothing of that name', async () => {
    await expect(sources(inside('no.yaml'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('are told when they are no files', async () => {
    expect(await sources('/dev/null')).toEqual(['/dev/null: unreadable']);
  });
});
