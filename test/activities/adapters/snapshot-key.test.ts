import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { createSnapshotKey, readSnapshotKeys } from '../../../activities/adapters/snapshot-key';
import { refusalOf } from './support/refusals';
import { temporaryDirectory } from './support/temporary-directory';

const directory = temporaryDirectory();
const at = (name: string): string => path.join(directory, name);

describe('a new snapshot key', () => {
  it('is an identity file of age that only its owner may read', async () => {
    const made = await createSnapshotKey(at('new'), Date.UTC(2026, 0, 1));
    expect(made).toEqual({
      fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{16}$/) as string,
      recipient: expect.stringMatching(/^age1[a-z0-9]{58}$/) as string,
    });
    expect(statSync(at('new')).mode & 0o777).toBe(0o600);
    expect(readFileSync(at('new'), 'utf8').split('\n')).toEqual([
      '# created: 2026-01-01T00:00:00.000Z',
      `# public key: ${made.recipient}`,
      expect.stringMatching(/^AGE-SECRET-KEY-1[A-Z0-9]{58}$/),
      '',
    ]);
    expect(await readSnapshotKeys(at('new'))).toMatchObject([made]);
  });

  it('never takes the place of a file', async () => {
    writeFileSync(at('taken'), 'old');
    expect(await refusalOf(createSnapshotKey(at('taken'), 0))).toEqual({
      code: 'conflict',
      message: `${at('taken')} exists; a key is never written over`,
    });
    expect(readFileSync(at('taken'), 'utf8')).toBe('old');
  });

  it('needs a directory', async () => {
    expect(await refusalOf(createSnapshotKey(at('absent/key'), 0))).toEqual({
      code: 'not-found',
      message: `writing the snapshot key ${at('absent/key')}: ENOENT`,
    });
  });
});

describe('a snapshot key', () => {
  it('that is not there is no key at hand', async () => {
    expect(await refusalOf(readSnapshotKeys(at('lost')))).toEqual({
      code: 'forbidden',
      message: `the snapshot key ${at('lost')} cannot be read (ENOENT)`,
    });
  });

  it.each([
    ['nothing', '# public key: age1\n\n', 'the snapshot key FILE holds no age identity'],
    [
      'something else',
      '# a comment\nhunter2\n',
      'the snapshot key FILE, line 2: expected an age identity in the clear (AGE-SECRET-KEY-…)',
    ],
    [
      'an identity with a typing error',
      'AGE-SECRET-KEY-1QQQQQQ\r\n',
      'the snapshot key FILE, line 1: expected an age identity in the clear (AGE-SECRET-KEY-…)',
    ],
  ])('that holds %s is refused, and never repeated', async (_what, text, message) => {
    writeFileSync(at('wrong'), text);
    expect(await refusalOf(readSnapshotKeys(at('wrong')))).toEqual({
      code: 'forbidden',
      message: message.replace('FILE', at('wrong')),
    });
  });
});
