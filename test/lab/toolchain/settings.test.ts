import { parallelBuilds } from '../../../lab/toolchain/context';
import { readSettings } from '../../../lab/toolchain/settings';

const everySource = ['environment', 'path', 'cache', 'download', 'build'];

describe('the settings', () => {
  it('without any variable are the XDG cache and all sources', () => {
    expect(readSettings({ HOME: '/home/ascent' })).toEqual({
      cacheDirectory: '/home/ascent/.cache/ascent',
      mirror: undefined,
      sources: new Set(everySource),
    });
  });

  it.each([
    [{ XDG_CACHE_HOME: '/var/cache' }, '/var/cache/ascent'],
    [{ XDG_CACHE_HOME: 'relative' }, '/home/ascent/.cache/ascent'],
    [{ XDG_CACHE_HOME: '/var/cache', ASCENT_CACHE_DIR: '/srv/bin/' }, '/srv/bin/'],
    [{ ASCENT_CACHE_DIR: '' }, '/home/ascent/.cache/ascent'],
  ])('with %j keep the cache in %s', (env, expected) => {
    expect(readSettings({ HOME: '/home/ascent', ...env }).cacheDirectory).toBe(expected);
  });

  it('take a mirror without the slash at its end, and a list of sources', () => {
    const env = {
      ASCENT_DOWNLOAD_MIRROR: 'https://mirror.example/k8s/',
      ASCENT_TOOLCHAIN_SOURCES: ' build, download',
    };
    expect(readSettings(env)).toMatchObject({
      mirror: 'https://mirror.example/k8s',
      sources: new Set(['build', 'download']),
    });
  });

  it('name everything that is wrong at once', () => {
    const env = {
      ASCENT_CACHE_DIR: 'cache',
      ASCENT_DOWNLOAD_MIRROR: 'mirror.example',
      ASCENT_TOOLCHAIN_SOURCES: 'download,compile',
    };
    expect(() => readSettings(env)).toThrow(
      [
        'ASCENT_CACHE_DIR is "cache", but must be an absolute path',
        'ASCENT_DOWNLOAD_MIRROR is "mirror.example", but must be an http or https address',
        'ASCENT_TOOLCHAIN_SOURCES is "download,compile", but must be a list of ' +
          everySource.join(', '),
      ].join('\n'),
    );
  });
});

it.each([
  [2, 24, 1],
  [8, 24, 4],
  [8, 9, 2],
  [1, 2, 1],
  [64, 1, 1],
])('with %d cores and %d GiB free, %d builds run at a time', (cpus, gibibytes, expected) => {
  expect(parallelBuilds(cpus, gibibytes * 2 ** 30)).toBe(expected);
});
