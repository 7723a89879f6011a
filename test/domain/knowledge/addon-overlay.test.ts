import { type OwnAddon, withOwnAddons, withOwnFile } from '../../../domain/knowledge/addon-overlay';
import type { Addon, AddonReleases, ListedAddon } from '../../../domain/knowledge/addons';
import { releasesOf } from '../../../domain/knowledge/addons';
import type { KubeMinor } from '../../../domain/versions';

const minor = (text: string): KubeMinor => text as KubeMinor;
const row = (first: string, from: string, more: Partial<AddonReleases> = {}): AddonReleases => ({
  first,
  last: first,
  from: minor(from),
  source: 'a',
  ...more,
});
const a = { url: 'https://a.io', date: '2026-08-22' };
const ours = { url: 'https://wiki.io', date: '2026-11-20' };

const net: ListedAddon = {
  schema: 'ascent.addon/v1',
  addon: 'net',
  title: 'Net',
  images: ['net/agent'],
  definitions: ['nets.net.io'],
  sources: { a },
  statement: 'tests',
  releases: [row('1.9', '1.27'), row('1.10', '1.28'), row('1.11', '1.29')],
};
const proxy: Addon = {
  schema: 'ascent.addon/v1',
  addon: 'proxy',
  title: 'Proxy',
  images: ['proxy'],
  sources: { a },
  statement: 'requires',
  follows: { behind: 3, source: 'a' },
};

const laid = (shipped: Addon | undefined, content: Omit<OwnAddon, 'addon'>) =>
  withOwnFile(shipped, { file: 'own.yaml', content: { addon: 'net', ...content } });

const ownRow = (first: string, from: string, more: Partial<AddonReleases> = {}) =>
  row(first, from, { source: 'own.yaml: a', file: 'own.yaml', ...more });

it('adds an add-on whose name does not ship', () => {
  const { addon: _addon, schema: _schema, ...content } = net;
  expect(laid(undefined, content)).toEqual({
    ...net,
    sources: { 'own.yaml: a': a },
    file: 'own.yaml',
    releases: [ownRow('1.9', '1.27'), ownRow('1.10', '1.28'), ownRow('1.11', '1.29')],
  });
});

it('adds names of images and of definitions to those that ship', () => {
  expect(laid(net, { images: ['mirror/net'], definitions: ['more.net.io'] })).toEqual({
    ...net,
    images: ['net/agent', 'mirror/net'],
    definitions: ['nets.net.io', 'more.net.io'],
  });
});

it('has a title and a statement take the place of those that ship', () => {
  expect(laid(net, { title: 'Our net', statement: 'requires', versionFrom: 'label' })).toEqual({
    ...net,
    title: 'Our net',
    statement: 'requires',
    versionFrom: 'label',
    file: 'own.yaml',
  });
});

describe('releases of a file', () => {
  it('hold before those that ship, of which the others stay, oldest first', () => {
    const releases = [row('1.10.4', '1.26', { source: 'ours' }), row('1.8', '1.25')];
    expect(laid(net, { sources: { a, ours }, releases })).toEqual({
      ...net,
      sources: { a, 'own.yaml: a': a, 'own.yaml: ours': ours },
      releases: [
        ownRow('1.8', '1.25'),
        row('1.9', '1.27'),
        row('1.10', '1.28'),
        ownRow('1.10.4', '1.26', { source: 'own.yaml: ours' }),
        row('1.11', '1.29'),
      ],
    });
  });

  it.each([
    ['1.10.3', '1.28'],
    ['1.10.4', '1.26'],
  ])('are asked first: %s goes from %s on', (version, from) => {
    const { releases } = laid(net, { releases: [row('1.10.4', '1.26')] }) as ListedAddon;
    expect(releasesOf({ releases }, version)?.from).toBe(from);
  });

  const { last: _last, ...endless } = row('1.10', '1.30');

  it.each<[string, AddonReleases, readonly string[]]>([
    ['a series', row('1.10', '1.30'), ['1.9', '1.10', '1.11']],
    ['a range', row('1.9', '1.30', { last: '1.10' }), ['1.9', '1.11']],
    ['all that follow', endless, ['1.9', '1.10']],
  ])('that are about %s take the place of what ships of it', (_what, own, firsts) => {
    const { releases } = laid(net, { releases: [own] }) as ListedAddon;
    expect(releases.map(({ first }) => first)).toEqual(firsts);
    expect(releases.filter(({ file }) => file === 'own.yaml')).toHaveLength(1);
  });

  it('do not take the place of what ships without an end', () => {
    const { last: _none, ...open } = row('1.11', '1.29');
    const shipped = { ...net, releases: [open] };
    const { releases } = laid(shipped, { releases: [row('1.11', '1.30')] }) as ListedAddon;
    expect(releases).toEqual([ownRow('1.11', '1.30'), open]);
  });
});

it('has what a file says of all releases take the place of what ships', () => {
  const unknown = { why: 'we run a fork', source: 'a' };
  const { releases: _releases, ...head } = net;
  const sources = { a, 'own.yaml: a': a };
  expect(laid(net, { sources: { a }, unknown })).toEqual({
    ...head,
    sources,
    unknown: { why: 'we run a fork', source: 'own.yaml: a' },
    file: 'own.yaml',
  });
  expect(laid(net, { sources: { a }, follows: { behind: 1, source: 'a' } })).toEqual({
    ...head,
    sources,
    follows: { behind: 1, source: 'own.yaml: a' },
    file: 'own.yaml',
  });
  const listed = laid(proxy, { releases: [row('1.0', '1.28')] });
  expect('follows' in listed).toBe(false);
  expect(listed).toMatchObject({ statement: 'requires', releases: [ownRow('1.0', '1.28')] });
});

it('of each name has what users know of it', () => {
  const own = { ...net, title: 'Our net' };
  expect(withOwnAddons([net, proxy], [own])).toEqual([own, proxy]);
});
